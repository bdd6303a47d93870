"""The pages of a comparison say one thing: names quoted, numbers that agree, one line where there is nothing."""

import datetime
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.comparison.comparison import Comparison
from semspace.comparison.contrasts import semantic_shift
from semspace.comparison.contrasts.example_sentences import _sentence_with
from semspace.comparison.contrasts.semantic_shift import ShiftedWords
from semspace.comparison.distances.references import references
from semspace.comparison.pages import figures
from semspace.comparison.pages import shifted_words as shifted_words_page
from semspace.errors import InputError, UnknownIdError
from semspace.report import Prose, Table, to_html
from semspace.report.bibliography import REFERENCES
from semspace.report.methods import documents_sentence
from semspace.two_sample.pair_sums import Kernels
from tests.test_report import browse, with_browser

PLAIN = str.maketrans("öéá", "oea")
BEFORE, AFTER = "before 1945", "1945 and after"


def spaces_of(shift):
    """Two corpora of 30 documents: one speaks of rivers, one of money, both use "bank"; `shift` sets them apart."""
    draw = np.random.default_rng(1)
    made = []
    for corpus, (noun, verb) in enumerate((("river", "flows"), ("money", "lends"))):
        vectors = draw.normal(size=(30, 5)) + corpus * shift
        texts = [f"It was day {i}. The bank of the {noun} {verb} at noon! And we left." for i in range(30)]
        made.append(ss.Space.from_vectors([f"{noun}-{i}" for i in range(30)], vectors, {"text": texts}))
    return made


@pytest.fixture(scope="module")
def found():
    return ss.compare(
        *spaces_of(4.0), names=(BEFORE, AFTER), permutations=199, resamples=99, words=False, progress=False
    )


@pytest.fixture(scope="module")
def alike():
    first, second = spaces_of(0.0)
    plain = [
        replace(space, metadata=space.metadata.with_columns(text=pl.lit("the same words"))) for space in (first, second)
    ]
    return ss.compare(*plain, permutations=99, resamples=99, words=False, progress=False)


def with_shifts(found, q_values, note="A note."):
    """The comparison as if these words had been tested, with these q-values."""
    words = ["bank", "day", "noon"][: len(q_values)]
    table = pl.DataFrame(
        {
            "word": words, "count_a": 30, "count_b": 30, "shift": 0.5, "expected": 0.2,
            "p_value": q_values, "q_value": q_values, "nearest_a": [["river"]] * len(words),
            "nearest_b": [["money"]] * len(words),
        },
        schema=semantic_shift.SCHEMA,
    )  # fmt: skip
    return Comparison(replace(found._results, shifted_words=ShiftedWords(table, note)))


def with_books(space, name):
    """The space with a column `book`, of two documents each."""
    books = pl.format("{} {}", pl.lit(name), pl.int_range(len(space)) // 2)
    return replace(space, metadata=space.metadata.with_columns(book=books))


def section(comparison, title):
    return next(one for one in comparison.page(date="").sections if one.title == title)


def tables(one):
    return [block for block in one.blocks if isinstance(block, Table)]


def prose(one):
    return [block.text for block in one.blocks if isinstance(block, Prose)]


# -- names and numbers ----------------------------------------------------------------------------------------


def test_names_of_corpora_are_quoted_wherever_a_sentence_holds_them(found):
    written = ss.report.to_markdown(found.page(date=""))
    assert written.startswith("# “before 1945” and “1945 and after”, compared")
    assert "30 documents of “before 1945”, 30 documents of “1945 and after”" in written
    assert found.verdict().startswith("“before 1945” and “1945 and after” differ in meaning")
    page = found.page(date="")
    said = [page.title, page.subtitle, page.verdict]
    for one in page.sections:
        said += [
            one.title,
            one.method,
            *prose(one),
            *(block.caption for block in one.blocks if hasattr(block, "caption")),
        ]
        said += [header for table in tables(one)[:1] for header in table.headers if one.title != "What are they like?"]
    for name in (BEFORE, AFTER):
        assert sum(name in text for text in said) > 5
        assert all(text.count(name) == text.count(f"“{name}”") for text in said)


def test_the_numbers_of_a_page_agree(found):
    page = found.page(date="")
    first = page.sections[0]
    classifier = found.distance("classifier")
    assert f"{classifier.value:.0%}" in page.verdict or "over 99%" in page.verdict
    rows = {row[0]: row for row in tables(first)[0].rows}
    assert rows["classifier (area under the ROC curve)"][1] == classifier.value
    assert rows["MMD (squared)"][1] == found.distance("mmd").value
    scatter = section(found, "A map of both").blocks[0]
    assert ">before 1945 (30)<" in scatter.svg
    clusters = tables(section(found, "Which clusters?"))[0]
    for column in (2, 3):
        assert sum(int(str(row[column]).split()[0]) for row in clusters.rows) == 30
    words = section(found, "Which words?")
    counted = int(prose(words)[0].split()[0].replace(",", ""))
    assert counted == sum(len(table.rows) for table in tables(words)) == int((found.words()["q_value"] < 0.05).sum())
    shared = section(found, "What do they share?")
    for row in found.coverage.iter_rows(named=True):
        interval = f"95% interval {row['low']:.0%} to {row['high']:.0%}"
        assert any(f"{row['share']:.0%} of “{row['corpus']}”" in text and interval in text for text in prose(shared))


def test_the_legend_of_a_large_map_has_the_sizes_of_the_corpora():
    draw = np.random.default_rng(5)
    parts = [ss.Space.from_vectors([str(i) for i in range(n)], draw.normal(size=(n, 3))) for n in (1_500, 700)]
    large = ss.compare(*parts, permutations=99, resamples=99, progress=False)
    figure = section(large, "A map of both").blocks[0]
    assert figure.caption.endswith("2,000 of 2,200 documents are drawn; the legend counts all.")
    assert ">A (1,500)<" in figure.svg
    assert ">B (700)<" in figure.svg
    assert figure.svg.count("<title>") == 2_000
    assert large.page().subtitle == "Compared: 1,500 documents of “A”, 700 documents of “B”."


def test_content_words_come_first_and_function_words_apart(found):
    one = section(found, "Which words?")
    first, *rest = tables(one)
    assert first.headers[:2] == ("word", "q-value")
    assert {row[0] for row in first.rows} >= {"river", "money"}
    assert not {row[0] for row in first.rows} & {"the", "of", "and"}
    figure = one.blocks[1]
    assert "they have a table of their own" in figure.caption
    assert ">river</text>" in figure.svg
    assert len(rest) <= 1


def test_function_words_are_those_of_the_languages_of_the_corpora(found):
    def split(language):
        summary = found.profiles().with_columns(language=pl.lit(language))
        profile = replace(found._results.profile, summary=summary)
        words = pl.Series(["the", "und", "house", "7", "x", "don't"])
        return figures.is_function_word(replace(found._results, profile=profile), words).to_list()

    assert split("en") == [True, False, False, True, True, True]
    assert split("de") == [False, True, False, True, True, False]
    assert split(None) == split("fi") == split("en")  # no list is known


def test_only_function_words_have_one_table_and_names_in_the_chart(found):
    words = found.words()
    words = words.with_columns(word=pl.Series(["the", "of", *[f"w{i}" for i in range(len(words) - 2)]]))
    words = words.with_columns(q_value=pl.Series([0.01, 0.02, *[0.9] * (len(words) - 2)]))
    changed = Comparison(replace(found._results, words=words))
    one = section(changed, "Which words?")
    (table,) = tables(one)
    assert [row[0] for row in table.rows] == ["the", "of"]
    assert table.caption == "The most distinctive function words, single letters and numbers"
    assert "table of their own" not in one.blocks[1].caption


# -- a scale, and what is assumed -----------------------------------------------------------------------------


def test_the_scale_of_known_texts_says_that_it_is_of_this_report(found):
    assert not any("known texts" in text for text in prose(found.page().sections[0]))  # there is no encoder
    known = pl.DataFrame({"between": ["news and encyclopedia"], "distance": ["mmd"], "value": [0.08]})
    changed = Comparison(replace(found._results, references=known))
    told = [text for text in prose(changed.page().sections[0]) if "known texts" in text]
    assert len(told) == 1
    assert "width is the median distance of its documents" in told[0]


def test_known_texts_are_as_far_apart_as_the_kernel_is_wide():
    """Why two reports show two numbers: the same texts, two widths."""

    class Encoder:
        fingerprint = "toy"

        def encode(self, texts, **_):
            return np.array([[len(text), text.count("e"), text.count("t")] for text in texts], np.float32)

    narrow, wide = (
        references(Encoder(), Kernels(width, 5, 1), seed=0).filter(distance="mmd")["value"].to_list()
        for width in (0.05, 0.5)
    )
    assert narrow != wide


def test_independence_is_said_unless_groups_are_given(found):
    assert any("groups=" in text for text in prose(found.page().sections[0]))
    parts = [with_books(space, name) for name, space in zip("ab", spaces_of(4.0), strict=True)]
    grouped = ss.compare(*parts, groups="book", permutations=99, resamples=99, words=False, progress=False)
    assert not any("groups=" in text for text in prose(grouped.page().sections[0]))


# -- nothing found --------------------------------------------------------------------------------------------


def test_what_is_empty_is_one_line(alike):
    assert prose(section(alike, "Which words?")) == [
        "No word is significantly more frequent in one corpus than in the other."
    ]
    for one in alike.page().sections:
        assert all(len(table.rows) for table in tables(one)), one.title


def test_the_very_same_documents_have_no_empty_table():
    space = spaces_of(0.0)[0]
    same = ss.compare(space, space, permutations=99, resamples=99, words=False, progress=False)
    for one in same.page().sections:
        assert all(len(table.rows) for table in tables(one)), one.title


def test_several_corpora_without_a_significant_cluster():
    draw = np.random.default_rng(5)
    parts = [ss.Space.from_vectors([str(i) for i in range(20)], draw.normal(size=(20, 4))) for _ in range(3)]
    several = ss.compare(*parts, permutations=99, resamples=99, progress=False)
    changed = several._results.clusters.with_columns(q_value=pl.lit(0.9))
    one = section(Comparison(replace(several._results, clusters=changed)), "Which clusters?")
    assert prose(one) == ["No cluster is significantly larger or smaller in one corpus than in the rest."]
    assert not tables(one)


def test_groups_are_named_without_boilerplate():
    river, money = spaces_of(4.0)
    address = "Write to gordon@athos.rutgers.edu for more of it, please. The bank"  # in the middle of each text
    written = river.metadata.with_columns(pl.col("text").str.replace("The bank", address))
    found = ss.compare(
        replace(river, metadata=written), money, n_clusters=2, permutations=99, words=False, progress=False
    )
    keywords = {word for words in found.clustering.keywords for word in words}
    assert keywords >= {"money", "river"}
    assert not any("gordon" in word or "athos" in word or "rutgers" in word for word in keywords)


# -- words that change their meaning --------------------------------------------------------------------------

TITLE = "Which words change their meaning?"


def test_candidates_are_shown_where_no_word_is_significant(found):
    one = section(with_shifts(found, [0.27, 0.31, 0.5]), TITLE)
    assert prose(one) == ["None of 3 words that both corpora use often is used in significantly different contexts."]
    candidates, examples = tables(one)
    assert candidates.caption == "Candidates; none is statistically significant"
    assert candidates.headers[:2] == ("word", "q-value")
    assert [(row[0], str(row[1])) for row in candidates.rows] == [
        ("bank", "0.270"),
        ("day", "0.310"),
        ("noon", "0.500"),
    ]
    assert ("bank", BEFORE, "river-0", "The bank of the river flows at noon!") in examples.rows
    assert ("bank", AFTER, "money-0", "The bank of the money lends at noon!") in examples.rows


def test_significant_words_are_shown_alone(found):
    one = section(with_shifts(found, [0.01, 0.04, 0.5]), TITLE)
    assert prose(one) == ["2 of 3 words that both corpora use often are used in significantly different contexts."]
    shown, examples = tables(one)
    assert [row[0] for row in shown.rows] == ["bank", "day"]
    assert {row[0] for row in examples.rows} == {"bank", "day"}


def test_shifts_without_a_test_and_too_little_text(found):
    one = section(with_shifts(found, [None, None], "The word spaces were given."), TITLE)
    assert prose(one) == ["The word spaces were given."]
    assert tables(one)[0].caption == "The words that shifted furthest"
    one = section(with_shifts(found, [], "Too little text to train word vectors."), TITLE)
    assert prose(one) == ["Too little text to train word vectors."]
    assert not tables(one)


def test_shifted_words_answers_for_the_words_that_are_asked(found):
    shifted = with_shifts(found, [0.27, 0.31, 0.5])
    assert shifted.shifted_words(["noon", "bank"])["word"].to_list() == ["noon", "bank"]
    assert shifted.shifted_words(["Noon"])["q_value"].to_list() == [0.5]
    assert shifted.shifted_words([]).height == 0
    assert len(shifted.shifted_words()) == 3
    with pytest.raises(InputError, match=r"'river' isn't among the 3 words .* 20 times: it occurs 30 times in “before"):
        shifted.shifted_words(["river"])
    with pytest.raises(UnknownIdError, match=r"no word 'nooon' in the compared documents; .*noon"):
        shifted.shifted_words(["nooon"])
    with pytest.raises(InputError, match=r"words must be a list of words, such as \['noon'\]"):
        shifted.shifted_words("noon")
    with pytest.raises(InputError, match="weren't looked for"):
        found.shifted_words(["noon"])
    with pytest.raises(InputError, match=r"no word can be looked up\. Too little text"):
        with_shifts(found, [], "Too little text.").shifted_words(["noon"])


def test_a_report_shows_the_words_that_are_asked_for(found, tmp_path):
    shifted = with_shifts(found, [0.01, 0.31, 0.5])
    page = shifted.page(words=["noon"])
    shown, asked, examples = tables(next(one for one in page.sections if one.title == TITLE))
    assert [row[0] for row in shown.rows] == ["bank"]
    assert asked.caption == "The words that were asked for"
    assert [(row[0], str(row[1])) for row in asked.rows] == [("noon", "0.500")]
    assert {row[0] for row in examples.rows} == {"noon"}
    shifted.to_html(tmp_path / "a.html", words=["noon"])
    assert "The words that were asked for" in (tmp_path / "a.html").read_text()
    shifted.to_markdown(tmp_path / "a.md", words=["noon"])
    assert "The words that were asked for" in (tmp_path / "a.md").read_text()
    for empty in (None, []):
        one = next(one for one in shifted.page(words=empty).sections if one.title == TITLE)
        assert [row[0] for row in tables(one)[1].rows] == [row[0] for row in tables(section(shifted, TITLE))[1].rows]
    with pytest.raises(InputError, match="'river' isn't among the 3 words"):
        shifted.to_html(tmp_path / "b.html", words=["river"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-tables.json", "a.html", "a.md"]
    with pytest.raises(InputError, match="weren't looked for"):
        found.page(words=["noon"])


def test_example_sentences_hold_the_word_and_come_from_all_over_the_corpus(found):
    table = found.example_sentences("bank", n=3)
    assert table.columns == ["corpus", "id", "sentence"]
    assert table["id"].to_list() == ["river-0", "river-14", "river-29", "money-0", "money-14", "money-29"]
    assert table["sentence"].unique().sort().to_list() == [
        "The bank of the money lends at noon!",
        "The bank of the river flows at noon!",
    ]
    assert found.example_sentences("River", n=1).rows() == [(BEFORE, "river-0", "The bank of the river flows at noon!")]
    assert len(found.example_sentences("day", n=99)) == 60
    with pytest.raises(UnknownIdError, match="no word 'banks' in the compared documents"):
        found.example_sentences("banks")
    with pytest.raises(InputError, match="n must be"):
        found.example_sentences("bank", n=0)
    with pytest.raises(InputError, match="a word must be a text; got int"):
        found.example_sentences(7)


def test_example_sentences_find_a_word_in_any_spelling():
    assert _sentence_with("We went. They don’t\nknow. Well.", "don't") == "They don’t know."
    assert _sentence_with("One. İstanbul is large. Two.", "istanbul") == "İstanbul is large."
    assert _sentence_with("Sandbank. The bank.", "bank") == "The bank."
    assert _sentence_with("Sandbank.", "bank") == ""


def test_example_sentences_need_texts():
    draw = np.random.default_rng(5)
    parts = [ss.Space.from_vectors([str(i) for i in range(9)], draw.normal(size=(9, 4))) for _ in range(2)]
    bare = ss.compare(*parts, permutations=99, resamples=99, progress=False)
    with pytest.raises(InputError, match="no document has the word 'x': the comparison has no texts"):
        bare.example_sentences("x")


def test_a_long_sentence_is_cut_around_its_word():
    around = shifted_words_page._around
    assert around("The bank is near.", "bank", 40) == "The bank is near."
    cut = around("x " * 100 + "the bank here" + " y" * 100, "bank", 40)
    assert "bank" in cut
    assert cut.startswith("…")
    assert cut.endswith("…")
    assert len(cut) <= 42
    long = "tranquillity " * 20 + "of the security here " + "happiness " * 20
    assert set(around(long, "security", 120).strip("…").split()) == {
        "tranquillity",
        *["of", "the", "security", "here"],
        "happiness",
    }
    assert len(around("好" * 100 + "安全" + "的" * 100, "安全", 40)) == 42  # no spaces to cut at
    assert "the test ran" in around("The greatest " + "y " * 100 + "the test ran", "test", 40)
    assert around("Bank " + "y " * 100, "bank", 20).startswith("Bank y")


# -- methods, to cite -----------------------------------------------------------------------------------------


def test_methods_name_what_was_done(found):
    methods = found.methods()
    text = methods.text
    assert text.startswith("“before 1945” (30 documents) and “1945 and after” (30 documents) were compared. Documents")
    assert "vectors of 5 dimensions." in text
    assert "(Gretton et al. 2012), the energy distance (Székely and Rizzo 2013)" in text
    assert "199 random permutations" in text
    assert "bootstrap resamples (99; at most 199 for the Fréchet distance)" in text
    assert "Documents were taken to be independent of each other." in text
    assert f"clustered together into {len(found.clustering)} clusters" in text
    assert "cosines of at least 0.9;" in text
    assert f"Computed with semspace {ss.__version__} (numpy {np.__version__}, " in text
    assert text.endswith("from the seed 0.")
    for absent in ("Word2Vec", "Domingo", "Zaremba", "groups of documents", "[@"):
        assert absent not in str(methods), absent
    one = section(found, "Methods, to cite")
    assert [getattr(block, "text", "") for block in one.blocks] == [
        text, "\n".join(methods.references), methods.bibtex,
    ]  # fmt: skip


def test_every_citation_of_a_text_has_a_line_and_an_entry(found):
    methods = with_shifts(found, [0.01, 0.2]).methods()
    cited = set(re.findall(r"\((\w[^()\d]* \d{4})\)", methods.text))
    assert len(cited) == len(methods.references) == methods.bibtex.count("\n}")
    assert {"Hamilton et al. 2016", "Dubossarsky et al. 2017", "Mikolov et al. 2013"} <= cited
    assert "over 2 words" in methods.text
    assert "trained on" not in with_shifts(found, [None, None]).methods().text.split("Words that change")[1]


def test_references_are_whole():
    for key, reference in REFERENCES.items():
        assert all(re.fullmatch(r"[^,]+, [^,]+", author) for author in reference.authors), key
        assert key == re.sub(r"\W", "", reference.authors[0].split(",")[0].lower().translate(PLAIN)) + str(
            reference.year
        )
        entry = reference.bibtex(key)
        assert entry.count("{") == entry.count("}")
        assert "&" not in entry.replace("\\&", "")
        assert reference.line.endswith(".")


def test_methods_of_several_corpora_of_groups_and_of_the_same_documents():
    parts = [with_books(space, name) for name, space in zip("abc", [*spaces_of(4.0), spaces_of(1.0)[1]], strict=True)]
    several = ss.compare(*parts, groups="book", permutations=99, resamples=99, seed=3, progress=False)
    text = several.methods().text
    assert "“A” (30 documents), “B” (30 documents) and “C” (30 documents) were compared." in text
    assert (
        "99 random permutations; q-values are false discovery rates over the 3 pairs (Benjamini and Hochberg 1995)"
        in text
    )
    assert "as 45 groups" in text
    assert "Fisher" not in text
    assert "Fréchet" not in text
    assert "from the seed 3." in text
    same = ss.compare(parts[0], parts[0], permutations=99, resamples=99, words=False, progress=False).methods().text
    assert "The corpora hold the very same documents, so no distance was tested." in same
    assert "permutation test" not in same


def test_the_permutations_of_many_pairs_are_those_that_were_made():
    draw = np.random.default_rng(5)
    parts = [ss.Space.from_vectors([str(i) for i in range(6)], draw.normal(size=(6, 3))) for _ in range(4)]
    many = ss.compare(*parts, permutations=99, resamples=99, progress=False)  # 6 pairs need 120
    assert "120 random permutations" in many.methods().text
    assert "120 random permutations" in section(many, "How far apart?").method


def test_methods_say_of_large_corpora_that_blocks_were_permuted():
    draw = np.random.default_rng(5)
    parts = [ss.Space.from_vectors([str(i) for i in range(700)], draw.normal(size=(700, 3))) for _ in range(2)]
    large = ss.compare(*parts, permutations=99, resamples=99, progress=False).methods().text
    assert "Documents of one corpus were assigned to blocks at random, and whole blocks were permuted (Domingo" in large
    assert "Distinctive words" not in large  # there are no texts
    assert "MinHash" not in large


def test_methods_name_the_model_and_how_long_texts_were_encoded():
    one = {"made_by": "model-a", "encoding": {"implementation": "int8 kernels", "long_texts": "pool"}}
    assert documents_sentence([one, one], 384) == (
        "Documents were represented by vectors of 384 dimensions of the model model-a, computed by int8 kernels. Texts "
        "longer than the model reads were encoded in passages, and the vectors of the passages averaged."
    )
    cut = {"made_by": "model-a", "encoding": {"long_texts": "cut"}, "truncated": 0}
    assert documents_sentence([cut], 8) == "Documents were represented by vectors of 8 dimensions of the model model-a."
    assert documents_sentence([{**cut, "truncated": 3}], 8).endswith("model reads, the beginnings were encoded.")
    for unknown in ([], [{}], [one, {}], [one, {"made_by": "other"}], [{"made_by": "m", "encoding": 3}][:0]):
        assert documents_sentence(unknown, 8) == "Documents were represented by vectors of 8 dimensions."
    assert "model m." in documents_sentence([{"made_by": "m", "encoding": 3}], 8)


def test_names_of_corpora_are_no_citations(found):
    hostile = replace(found._results.samples, names=("[@gretton]", "<b>"))
    text = Comparison(replace(found._results, samples=hostile)).methods().text
    assert text.startswith("“[@gretton]” (30 documents) and “<b>” (30 documents)")


# -- nothing is cut at 1280 pixels ----------------------------------------------------------------------------

MEASURE = """<body><iframe src="page.html" style="width:1280px;height:3000px;border:0"></iframe><script>
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentDocument;
  const cut = [...page.querySelectorAll(".wide")].filter(one => one.scrollWidth > one.clientWidth + 1);
  document.body.textContent = "cut: " + cut.map(one => one.innerText.slice(0, 60)).join("; ") + " of " +
    page.querySelectorAll(".wide").length;
});
</script></body>"""


@with_browser
def test_no_column_is_cut_at_1280_pixels(found, tmp_path):
    draw = np.random.default_rng(2)
    space = ss.Space.from_vectors(
        [f"document-{i}" for i in range(60)],
        np.eye(3)[np.arange(60) % 3] + draw.normal(scale=0.1, size=(60, 3)),
        {"text": [f"number {i} of the {['sea', 'mine', 'cat'][i % 3]}" for i in range(60)]},
    )
    days = [datetime.date(2024, 1 + i % 12, 3) for i in range(60)]
    grouped = ss.cluster(space, progress=False).page(days)
    for page in (with_shifts(found, [0.2, 0.3]).page(), grouped):
        (tmp_path / "page.html").write_text(to_html(page), encoding="utf-8")
        (tmp_path / "measure.html").write_text(MEASURE, encoding="utf-8")
        flags = ("--allow-file-access-from-files", "--window-size=1300,3000")
        shown, _ = browse(f"file://{tmp_path / 'measure.html'}", tmp_path, *flags)
        cut, count = re.search(r"cut: (.*?) of (\d+)</body>", shown, re.DOTALL).groups()
        assert not cut
        assert int(count) > 3
