"""One word stays one word: forms of Unicode, marks within words, scripts without spaces, words given as lists."""

import importlib.machinery
import sys
import types
import unicodedata
import warnings

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import semspace as ss
from semspace.cli import main
from semspace.errors import InputError, MissingExtraError, SemspaceWarning
from semspace.text import normalization
from semspace.text.tokenize import FastTokenizer, best_tokenizer, get_tokenizer
from tests.test_streaming import EVERY_KIND, scanned

ZWNJ, ZWJ = "\u200c", "\u200d"


def split(text, how="fast"):
    """Split by the expression, and hold the compiled scanner to it."""
    [words] = get_tokenizer(how)(pl.Series([text])).to_list()
    if how == "fast":
        assert scanned(pl.Series([text])) == [words]
    return words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # canonical equivalents: Latin, Vietnamese, Korean, Devanagari
        ("cafe\u0301", ["café"]),
        ("Vie\u0323\u0302t Vie\u0302\u0323t Việt", ["việt"] * 3),
        ("\u1100\u1161\u11a8 각", ["각"] * 2),
        ("\u0958 \u0915\u093c", ["\u0915\u093c"] * 2),
        # compatibility forms of letters, and what isn't one
        ("ﬁne ｆｉｎｅ 𝐟𝐢𝐧𝐞 fıne", ["fine", "fine", "fine", "fıne"]),
        ("Ⅳ １２ 10² ½ ①", ["iv", "12", "10²", "½", "①"]),
        ("\u2f00 \ufeb3\ufefc\ufee1", ["一", "سلام"]),
        ("ㅋㅋㅋ", ["ㅋㅋㅋ"]),
        # what nobody sees
        (
            "Bundes\u00adregierung zero\u2060width \ufeffstart vari\ufe0fation",
            ["bundesregierung", "zerowidth", "start", "variation"],
        ),
        ("❤\ufe0f 1\ufe0f\u20e3 👩\u200d🔬", ["1"]),
        ("محـــمد", ["محمد"]),
        ("one\u200btwo", ["one", "two"]),  # a zero width space parts words
        # joiners: kept where they are seen
        (f"\u0dc1\u0dca{ZWJ}\u0dbb\u0dd3", [f"\u0dc1\u0dca{ZWJ}\u0dbb\u0dd3"]),
        (f"می{ZWNJ}خواهم کار{ZWNJ}گر", [f"می{ZWNJ}خواهم", "کارگر"]),
        (f"Auf{ZWNJ}lage{ZWJ} क्{ZWJ}ष", ["auflage", f"क्{ZWJ}ष"]),
        (f"ന്{ZWJ} ൻ ত্{ZWJ} ৎ", ["ൻ", "ൻ", "ৎ", "ৎ"]),
        # marks stay with their letters
        ("שָׁלוֹם مُحَمَّد", ["שָׁלוֹם", "مُحَمَّد"]),
        # marks within words
        ("don't don’t don´t don`t donʼt don‘t don＇t", ["don't"] * 7),
        ("п'ять п’ять пʼять Hawaiʻi", ["п'ять", "п'ять", "п'ять", "hawai'i"]),
        ("'quoted' `code` l´", ["quoted", "code", "l"]),
        ("col·lecció coŀlecció COL·LECCIÓ · a", ["col·lecció"] * 3 + ["a"]),
        ('צה"ל צה״ל צה”ל ד"ר מנכ"לית', ["צה״ל"] * 3 + ["ד״ר", "מנכ״לית"]),
        ("ג'ירפה ג׳ירפה", ["ג'ירפה"] * 2),
        ('"שלום" ב"הארץ" ב"ידיעות אחרונות" ב״הארץ״', ["שלום", "ב", "הארץ", "ב", "ידיעות", "אחרונות", "ב", "הארץ"]),
        # lower case
        ("İstanbul I\u0307stanbul istanbul i\u0307stanbul", ["istanbul"] * 4),
        ("I\u0307\u0301 i\u0307\u0301 \u0130\u0301 \u00ed", ["í"] * 4),
        ("J\u030c j\u030c ǰ T\u0308 ẗ", ["ǰ"] * 3 + ["ẗ"] * 2),
        ("ΟΔΟΣ οδος ΟΔΟΣ, ΟΔΟΣ.", ["οδος"] * 4),
        ("STRAẞE straße", ["straße"] * 2),
        # scripts without spaces
        ("今天天气，好 abc", ["今", "天", "天", "气", "好", "abc"]),
        ("カメラを買うｶﾒﾗ", ["カメラ", "を", "買", "う", "カメラ"]),
        ("ไทยน้ำ น\u0e49\u0e4d\u0e32 น\u0e4d\u0e49\u0e32", ["ไท", "ย", "น้ำ", "น\u0e49ำ", "น้ำ"]),
        ("ខ្ញុំ", ["ខ្ញុំ"]),
        ("a今b", ["a", "今", "b"]),
    ],
)
def test_spellings(text, words):
    assert split(text) == words


@settings(max_examples=150, deadline=None)
@example("\u0130\u0301")
@given(text=st.one_of(st.text(EVERY_KIND, max_size=20), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
def test_every_form_of_a_text_has_the_same_words(text):
    settled = normalization.normalize(text)
    assert normalization.normalize(settled) == settled
    nfd, nfc = (unicodedata.normalize(form, text) for form in ("NFD", "NFC"))
    words = FastTokenizer()(pl.Series([text, nfd, nfc, settled])).to_list()
    assert words[0] == words[1] == words[2] == words[3]
    assert all(word == unicodedata.normalize("NFC", word) for word in words[0])


@pytest.mark.parametrize("letters", ["aé’", "한글", "今天らカー", "क्षि", "กำไร"])
def test_forms_go_block_by_block(letters):
    """Texts of all forms in one column: each is changed by itself, and nulls stay."""
    texts = [letters, unicodedata.normalize("NFD", letters), None, "plain"]
    found = normalization.normalize_all(pl.Series(texts)).to_list()
    assert found == [normalization.normalize(letters)] * 2 + [None, "plain"]


# -- every door knows the same words --------------------------------------------------------------------------


def both_forms(texts):
    return texts, [unicodedata.normalize("NFD", text) for text in texts]


def test_files_and_corpora_are_split_alike(tmp_path):
    nfc, nfd = both_forms(["l’été à la plage", "Tiếng Việt", "각 나라", "İstanbul"])
    (tmp_path / "a.txt").write_text("\n".join(nfc + nfd), encoding="utf-8")
    read, made = ss.Tokens.read(tmp_path / "a.txt"), ss.Tokens.from_corpus(ss.Corpus.from_texts(nfc + nfd))
    assert read.words == made.words
    assert set(made.vocabulary["count"].to_list()) == {2}


def test_two_forms_are_no_difference_and_the_same_document():
    nfc, nfd = both_forms([f"l’été sera très chaud à Kraków, numéro {i}" for i in range(30)])
    vectors = np.random.default_rng(0).normal(size=(60, 8))
    frame = pl.DataFrame({"text": nfc + nfd, "g": ["a"] * 30 + ["b"] * 30})
    space = ss.Space.from_vectors([str(i) for i in range(60)], vectors, metadata=frame)
    found = ss.compare(space, by="g", permutations=99, resamples=99, references=False)
    assert not len(found.words().filter(pl.col("q_value") < 0.05))
    assert (found.duplicates()["kind"] == "exact").sum() == 30


def test_invisible_characters_make_no_other_document():
    from semspace.comparison.overlap.duplicates import _normalized

    assert _normalized("Der Bundes\u00adtag\u2060 tagt") == _normalized("der Bundestag  tagt")


def test_averages_meet_words_of_another_form():
    words = ss.Space.from_vectors(["cafe\u0301", "don’t", "a"], np.eye(3), {"count": [1, 1, 1]})
    encoder = ss.WordAverage(words)
    assert encoder.encode(["café", "don't", "a"]).argmax(axis=1).tolist() == [0, 1, 2]


# -- scripts without spaces -----------------------------------------------------------------------------------

CHINESE = ["今天天气很好，我们去公园散步。", "小说的主角在雨夜出走。"]
SAID = {
    "Chinese": CHINESE,
    "Japanese": ["東京都に住んでいます。", "カメラを買いました。"],
    "Thai": ["ผมรักประเทศไทยมากครับ"] * 2,
    "Lao": ["ຂ້ອຍຮັກປະເທດລາວ"] * 2,
    "Khmer": ["ខ្ញុំស្រឡាញ់ប្រទេសកម្ពុជា"] * 2,
    "Burmese": ["မြန်မာနိုင်ငံကိုချစ်သည်"] * 2,
}


@pytest.mark.parametrize(
    ("text", "script"), [("東京都中央区は" * 3, "Japanese"), ("我们的东京都中央区" * 3 + "の", "Chinese")]
)
def test_japanese_holds_chinese_characters(text, script):
    """A tenth of kana makes a text Japanese; a single one in a Chinese text doesn't."""
    with pytest.warns(SemspaceWarning, match=f"many texts are in {script}"):
        ss.Tokens.from_corpus(ss.Corpus.from_texts([text]))


@pytest.mark.parametrize("script", SAID)
def test_clauses_are_no_words_and_it_is_said(script):
    with pytest.warns(SemspaceWarning, match=rf"in {script}, .*semspace\[icu\].*tokenizer='icu'") as told:
        tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts(SAID[script]))
    assert len(told) == 1
    assert told[0].filename == __file__
    assert max(map(len, tokens.words)) <= 5


def test_a_few_foreign_words_are_no_reason_to_speak():
    english = ["The word 天气 means weather, and ไทย means Thai."] * 30
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts([*english, CHINESE[0]]))  # one text of 31
    assert "天" in tokens.words
    with pytest.warns(SemspaceWarning, match="Chinese"):
        ss.Tokens.from_corpus(ss.Corpus.from_texts([*english, *CHINESE]))


@pytest.fixture
def icu(monkeypatch):
    """Stand in for icu4py: words of two characters."""
    package, breakers = types.ModuleType("icu4py"), types.ModuleType("icu4py.breakers")
    package.__spec__ = importlib.machinery.ModuleSpec("icu4py", None)
    breakers.WordBreaker = lambda text, locale: (text[i : i + 2] for i in range(0, len(text), 2))
    monkeypatch.setitem(sys.modules, "icu4py", package)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", breakers)


def test_words_of_icu(icu):
    text = "Heute 今天天气，很好ok L’été 3"
    assert split(text, "icu") == ["heute", "今天", "天气", "很好", "ok", "l'été", "3"]
    tokens = ss.Tokens.from_corpus(ss.Corpus.from_texts([text, "plain"]), tokenizer="icu")
    assert set(tokens.words) == {*split(text, "icu"), "plain"}
    assert tokens.provenance["tokenizer"] == "icu"
    assert best_tokenizer().name == "icu"


def test_words_of_real_icu():
    pytest.importorskip("icu4py")
    assert split("今天天气很好", "icu") == ["今天", "天气", "很好"]
    assert split("ผมรักประเทศไทย", "icu") == ["ผม", "รัก", "ประเทศไทย"]


def test_icu_is_asked_for_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "icu4py", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'semspace\[icu\]'"):
        get_tokenizer("icu")


def test_groups_of_chinese_texts_have_names(monkeypatch):
    from semspace.clusters.document_terms import DocumentTerms

    monkeypatch.setitem(sys.modules, "icu4py", None)
    other = " ".join(f"{a}{b}{c}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyz")
    with pytest.warns(SemspaceWarning, match="Chinese"):
        found = DocumentTerms.from_texts(pl.Series(["今天天气很好"] * 10 + ["天气不好"] * 10 + [other]))
    assert "天气" in found.terms  # two characters that come together more often than by chance


# -- what spaCy needs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "package"), [("ja", "sudachipy"), ("th", "pythainlp"), ("vi", "pyvi"), ("ko", "natto-py")]
)
def test_a_language_that_needs_a_package_names_it(monkeypatch, language, package):
    for module in ("sudachipy", "pythainlp", "pythainlp.tokenize", "pyvi", "natto"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=f"'{language}' needs another package: pip install {package}"):
        get_tokenizer(f"spacy:{language}")


def test_chinese_by_spacy_needs_a_segmenter(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"single characters .* pip install jieba"):
        get_tokenizer("spacy:zh")


@pytest.mark.parametrize(
    ("language", "message"),
    [("english", "did you mean en"), ("EN", "did you mean en"), ("qq", "such as en, de"), ("km", "use 'icu'")],
)
def test_a_language_that_spacy_has_not(language, message):
    with pytest.raises(InputError, match=f"spaCy has no language '{language}'; .*{message}"):
        get_tokenizer(f"spacy:{language}")


# -- words given ----------------------------------------------------------------------------------------------

GIVEN = [["attack_nn", "be_vb", "New York"], [], ["attack_nn", "cafe\u0301"]]


@pytest.mark.parametrize(
    "documents",
    [GIVEN, tuple(GIVEN), (words for words in GIVEN), pl.Series(GIVEN), [tuple(words) for words in GIVEN]],
    ids=["lists", "tuple", "generator", "series", "tuples"],
)
def test_lists_of_words_are_kept_whole(documents):
    tokens = ss.Tokens.from_lists(documents)
    found = [[tokens.words[i] for i in document] for document in tokens.documents()]
    assert found == [["attack_nn", "be_vb", "New York"], [], ["attack_nn", "café"]]
    assert tokens.provenance["tokenizer"] == "lists"


def test_word2vec_takes_lists():
    lists = [["attack_nn", "new york"], ["attack_vb", "city_nn"]] * 20
    trainer = ss.Word2Vec(dim=8, min_count=1, threads=1, sample=0)
    words = trainer.train(lists, progress=False)
    assert set(words.ids) == {"attack_nn", "new york", "attack_vb", "city_nn"}
    same = trainer.train(ss.Tokens.from_lists(lists), progress=False)
    assert np.array_equal(words.vectors, same.vectors)
    tagged = trainer.train([["attack_nn", "be_vb"], ["attack_vb", "city_nn"]] * 20, progress=False)
    assert ss.WordAverage(tagged).tokenizer == "whitespace"  # the one that keeps such words whole
    plain = trainer.train([["attack", "be"], ["attack", "city"]] * 20, progress=False)
    assert ss.WordAverage(plain).tokenizer == "fast"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a text", "another"], r"item 0 is a string, 'a text': for texts, use Corpus.from_texts"),
        ("a text", "got str"),
        ("x.txt", "got str"),
        ([["a"], [1]], "word 0 of list 1 is of type int: 1"),
        ([["a"], ["b", " "]], "word 1 of list 1 is"),
        ([["a", None]], "word 1 of list 0 is of type NoneType"),
        ([["a"], 7], "item 1 is of type int"),
        ([["a\ud800"]], "valid Unicode"),
        ([], "there are no documents"),
        ([[], []], "the text has no words"),
        ({"a": 1}, "got dict"),
        (None, "got NoneType"),
    ],
)
def test_what_are_no_lists_of_words(given, message):
    with pytest.raises(InputError, match=message):
        ss.Word2Vec(min_count=1).train(given)


def test_white_space_parts_words(tmp_path):
    (tmp_path / "x.txt").write_text("attack_nn be_vb  New-York\tdon't\u3000cafe\u0301\n", encoding="utf-8")
    tokens = ss.Tokens.read(tmp_path / "x.txt", tokenizer="whitespace")
    assert sorted(tokens.words) == sorted(["attack_nn", "be_vb", "New-York", "don't", "café"])
    assert split("A_b c", "whitespace") == ["A_b", "c"]


def test_white_space_in_the_shell(tmp_path):
    (tmp_path / "x.txt").write_text("attack_nn be_vb\n" * 20)
    command = ("train", "word2vec", tmp_path / "x.txt", "--out", tmp_path / "w", "--split", "whitespace", "--dim", 4)
    assert main([str(part) for part in command]) == 0
    assert set(ss.load(tmp_path / "w").ids) == {"attack_nn", "be_vb"}


def test_no_warning_for_texts_with_spaces():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ss.Tokens.from_corpus(ss.Corpus.from_texts(["Текст по-русски", "한국어 글", "हिन्दी पाठ", "نص عربي"]))
