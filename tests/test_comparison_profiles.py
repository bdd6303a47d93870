"""Profile of corpora: values by hand, planted truths that come back, and lengths that don't matter."""

import random
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from semspace.comparison.document_tokens import tokens_of
from semspace.comparison.profiles import estimates, outliers
from semspace.comparison.profiles.languages import detect_languages, languages_differ
from semspace.comparison.profiles.lexical import choose_window, moving_ratios
from semspace.comparison.profiles.mean_distance import mean_pairwise_distance
from semspace.comparison.profiles.profile import profile_corpora
from semspace.comparison.profiles.readability import lix
from semspace.comparison.profiles.text_counts import text_counts
from semspace.errors import InputError, SemspaceWarning
from semspace.text.languages import detect_language
from semspace.text.sentences import sentence_counts

SENTENCES = {
    "en": ["The train was late, so we walked home along the river.", "Nobody knows when the old bridge was built."],
    "de": [
        "Der Zug kam zu spät, also gingen wir am Fluss entlang.",
        "Niemand weiß, wann die alte Brücke gebaut wurde.",
    ],
    "fr": [
        "Le train était en retard, nous sommes rentrés à pied.",
        "Personne ne sait quand ce vieux pont fut construit.",
    ],
    "es": ["El tren llegó tarde, así que volvimos andando a casa.", "Nadie sabe cuándo se construyó el puente viejo."],
}


def zeros(n):
    return np.zeros(n, np.int64)


def cloud(n, dim=8, seed=0, shift=0.0):
    return (np.random.default_rng(seed).normal(size=(n, dim)) + shift).astype(np.float32)


def written(documents, words, seed=0, different=3_000):
    """Documents of words drawn by Zipf's law."""
    draw = np.random.default_rng(seed)
    weights = 1 / np.arange(1, different + 1)
    drawn = draw.choice(different, (documents, words), p=weights / weights.sum())
    names = np.array(["w" + "".join(chr(97 + int(d)) for d in str(i)) for i in range(different)])
    return pl.Series([" ".join(row) for row in names[drawn].tolist()])


def described(texts, of=None, names=("A",), vectors=None):
    of = zeros(len(texts)) if of is None else np.array(of)
    vectors = cloud(len(texts)) if vectors is None else vectors
    return profile_corpora(names, pl.Series(texts, dtype=pl.String), vectors, of, progress=False)


# -- words and sentences ----------------------------------------------------------------------------------------


def test_counts_by_hand():
    texts = pl.Series(
        ["A reading, another reading. Don't!", "", "Lesbarkeitsindex größere 1234567 u.s.s.r.x.y.z", None]
    )
    found = text_counts(texts, tokens_of(texts))
    assert found.words.tolist() == [5, 0, 4, 0]
    # reading, another, reading; Lesbarkeitsindex, größere, and seven letters with stops between.
    assert found.long_words.tolist() == [3, 0, 3, 0]
    assert found.sentences.tolist() == [2, 0, 1, 0]
    assert found.vocabulary_size == 8
    assert found.ids[1] == found.ids[3]
    assert found.vocabulary_sizes(np.array([0, 0, 1, 1]), 3).tolist() == [4, 4, 0]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", 3),
        ("It cost 3.5 million, e.g. in No. 7 of them.", 1),
        ('He said: "Stop." Then he left…  "Why?" «Tja.» Und?', 5),
        ("A heading\n\na paragraph. And more.\n\n", 3),
        ("¿Qué? ¡Nada! Ya.", 3),
        ("これは一つ。「二つ。」三つ", 3),
        ("यह एक है। यह दो है।", 2),
        ("هذا واحد. هل هذا اثنان؟ نعم", 3),
        ("i went home. then i slept! ok?", 3),
        ("...", 1),
    ],
)
def test_sentences_by_hand(text, sentences):
    assert sentence_counts(pl.Series([text])).tolist() == [sentences]


def test_lix_by_hand():
    texts = pl.Series(["Reading is an exercise. It improves the mind."])
    # 8 words, 2 sentences, of which "reading", "exercise" and "improves" are long: 8 / 2 + 100 * 3 / 8.
    found = text_counts(texts, tokens_of(texts))
    assert lix(found.words, found.long_words, found.sentences).tolist() == [41.5]
    assert np.isnan(lix(zeros(1), zeros(1), zeros(1))[0])


def test_harder_prose_has_a_higher_lix():
    plain = ["The cat sat on the mat. It was warm. The sun shone all day."] * 8
    dense = ["Notwithstanding considerable administrative difficulties, implementation proceeded satisfactorily."] * 8
    table = described(plain + dense, of=[0] * 8 + [1] * 8, names=("plain", "dense")).summary
    assert table["readability_high"][0] < 20 < 60 < table["readability_low"][1]


# -- lexical diversity ------------------------------------------------------------------------------------------


def slow_ratios(ids, window):
    if len(ids) < window:
        return np.nan
    return np.mean([len(set(ids[i : i + window])) / window for i in range(len(ids) - window + 1)])


@given(st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=1, max_size=6), st.integers(1, 6))
def test_moving_ratios_are_what_the_definition_says(documents, window):
    ids = np.array([word for document in documents for word in document], np.int32)
    offsets = np.cumsum([0, *map(len, documents)])
    expected = [slow_ratios(document, window) for document in documents]
    np.testing.assert_allclose(moving_ratios(ids, offsets, 5, window), expected)


def test_diversity_does_not_depend_on_length_as_the_plain_ratio_does():
    texts = written(300, 400)
    halves = texts.str.split(" ").list.head(200).list.join(" ")
    few = texts.head(150)
    tables = [described(some).summary for some in (texts, halves, few)]
    for table in tables[1:]:
        assert tables[0]["diversity_low"][0] < table["diversity"][0] < tables[0]["diversity_high"][0] or (
            table["diversity_low"][0] < tables[0]["diversity"][0] < table["diversity_high"][0]
        )
    ratio = [table["vocabulary"][0] / table["words"][0] for table in tables]
    assert min(ratio[1:]) > 1.3 * ratio[0]


def test_a_richer_vocabulary_is_more_diverse():
    both = pl.concat([written(40, 100, different=100), written(40, 100, different=3_000)])
    table = described(both, of=[0] * 40 + [1] * 40, names=("poor", "rich")).summary
    assert table["diversity_high"][0] < table["diversity_low"][1]


def test_the_window_fits_the_corpus_of_the_shortest_documents():
    of = np.array([0, 0, 1, 1])
    assert choose_window(np.array([90, 60, 50, 200]), of, 2) == 50
    assert choose_window(np.array([90, 60, 30, 26]), of, 2) == 25
    assert choose_window(np.array([90, 60, 3, 4]), of, 2) == 10
    assert choose_window(np.array([90, 60, 0, 0]), of, 2) == 50


# -- intervals --------------------------------------------------------------------------------------------------


def test_estimates_by_hand():
    # Ranks 2 and 9 of ten: P(fewer than 2 of 10 lie below the median) = 11 / 1024 = 0.011; of 3 it would be 0.055.
    assert estimates.median(np.arange(10.0)) == (4.5, 1, 8)
    assert estimates.median(np.array([1.0, np.nan, 3.0])) == (2, None, None)
    assert estimates.mean(np.array([1.0, 3.0])) == pytest.approx((2, 2 - 12.706, 2 + 12.706), abs=1e-3)
    assert estimates.mean(np.array([5.0])) == (5, None, None)
    assert estimates.mean(np.array([np.nan])) == estimates.median(np.array([])) == (None, None, None)


@pytest.mark.parametrize("estimate", [estimates.mean, estimates.median])
def test_intervals_hold_what_they_say(estimate):
    draw, inside = np.random.default_rng(0), 0
    for _ in range(300):
        _, low, high = estimate(draw.normal(size=25))
        inside += low <= 0 <= high
    assert inside >= 275  # 95 % of 300 is 285


# -- spread -----------------------------------------------------------------------------------------------------


def test_spread_is_the_mean_over_all_pairs():
    points = cloud(30, shift=0.5)
    pairs = cdist(points, points, "cosine")[np.triu_indices(30, 1)]
    assert mean_pairwise_distance(points).value == pytest.approx(pairs.mean(), abs=1e-6)


def test_spread_by_hand():
    points = np.array([[2, 0], [0, 1], [1, 1]], np.float32)  # cosines 0, 0.7071, 0.7071
    assert mean_pairwise_distance(points).value == pytest.approx(1 - 2 * np.sqrt(0.5) / 3, abs=1e-6)
    assert mean_pairwise_distance(points[:2]) == pytest.approx((1, None, None))
    assert mean_pairwise_distance(points[:1]) == (None, None, None)


def test_the_interval_of_spread_is_the_jackknife():
    points = cloud(25, shift=0.5, seed=3)
    without = np.array([mean_pairwise_distance(np.delete(points, i, axis=0)).value for i in range(25)])
    half = 2.0639 * np.sqrt(24 / 25 * ((without - without.mean()) ** 2).sum())
    value, low, high = mean_pairwise_distance(points)
    assert (low, high) == pytest.approx((value - half, value + half), abs=1e-5)


def test_the_interval_of_spread_holds_the_truth():
    truth = mean_pairwise_distance(cloud(20_000, dim=5, shift=0.7, seed=99)).value
    inside = 0
    for seed in range(200):
        _, low, high = mean_pairwise_distance(cloud(30, dim=5, shift=0.7, seed=seed))
        inside += low <= truth <= high
    assert inside >= 180  # 95 % of 200 is 190


def test_a_scattered_corpus_has_a_larger_spread():
    vectors = np.concatenate([cloud(40, shift=3), cloud(40, shift=0.5, seed=1)])
    table = profile_corpora(["tight", "loose"], None, vectors, np.repeat([0, 1], 40), progress=False).summary
    assert table["spread_high"][0] < table["spread_low"][1]


# -- outliers ---------------------------------------------------------------------------------------------------


def test_planted_outliers_come_first_and_each_corpus_has_its_own():
    """What is usual in one corpus is odd in the other."""
    a, b = np.eye(6)[0] + 0.1 * cloud(100, 6), np.eye(6)[3] + 0.1 * cloud(100, 6, seed=1)
    a[[7, 9]] = np.eye(6)[[3, 4]]
    b[5] = np.eye(6)[0]
    vectors = np.concatenate([a, b]).astype(np.float32)
    table, counts = outliers.find_outliers(vectors, np.repeat([0, 1], 100), 2, progress=False)
    assert sorted(table["row"][:3].to_list()) == [7, 9, 105]
    assert table["corpus"].to_list()[:3] == [row // 100 for row in table["row"][:3]]
    assert counts == [(table["corpus"] == 0).sum(), (table["corpus"] == 1).sum()]
    assert sum(counts) <= 16
    assert table["excess"].is_sorted(descending=True)
    assert (table["distance"] > table["limit"]).all()


@pytest.mark.parametrize(("sample", "block"), [(2_000, 4_096), (60, 64), (100, 30)])
def test_outliers_are_those_of_all_distances(monkeypatch, sample, block):
    """Documents are dropped early without changing an answer."""
    monkeypatch.setattr(outliers, "_SAMPLE", sample)
    monkeypatch.setattr(outliers, "_BLOCK_SIDE", block)
    points = np.concatenate([cloud(280, shift=1), 3 * cloud(20, seed=1)])
    table, _ = outliers.find_outliers(points, zeros(300), 1, progress=False)
    apart = cdist(points, points, "cosine")
    np.fill_diagonal(apart, np.inf)
    expected = np.sort(apart, axis=1)[:, :10].mean(axis=1)
    rows = table["row"].to_numpy()
    assert set(rows) == set(np.flatnonzero(expected > table["limit"][0]))
    assert len(rows) >= 5
    np.testing.assert_allclose(table["distance"].to_numpy(), expected[rows], atol=1e-5)


def test_about_one_in_a_hundred_of_plain_data_is_an_outlier():
    """The limit is that of one in a hundred where distances are spread as a normal distribution."""
    points = cloud(3_000, dim=100)
    _, counts = outliers.find_outliers(points, zeros(3_000), 1, progress=False)
    assert 10 <= counts[0] <= 50


def test_the_usual_by_hand_and_whatever_the_outliers_are():
    # The median is 3, and a tenth of 7 isn't one: the ninth decile is the last but one.
    for last in (6.0, 1e6):
        found = outliers.typical_distance(np.array([1, 2, 3, 4, 5, last, 0]))
        assert (found.median, found.deviation) == pytest.approx((3, 2 / 1.282))
        assert found.limit == pytest.approx(3 + 2.326 * 2 / 1.282)


def test_equal_documents_are_no_outliers():
    points = np.tile(cloud(1, dim=50), (40, 1))
    assert outliers.find_outliers(points, zeros(40), 1, progress=False)[1] == [0]


def test_few_documents_have_no_outliers_to_be_told():
    table, counts = outliers.find_outliers(cloud(39), np.array([0] * 19 + [1] * 20), 2, progress=False)
    assert counts[0] is None
    assert counts[1] == len(table)


def test_outliers_do_not_depend_on_the_seed_where_all_documents_are_asked():
    points = np.concatenate([cloud(280, shift=1), 3 * cloud(20, seed=1)])
    found = [outliers.find_outliers(points, zeros(300), 1, seed=seed, progress=False)[0] for seed in (0, 1)]
    assert found[0]["row"].to_list() == found[1]["row"].to_list()
    assert len(found[0])


# -- languages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", SENTENCES)
def test_sentences_are_told(code):
    assert [detect_language(text) for text in SENTENCES[code]] == [code, code]


@pytest.mark.parametrize("text", [None, "", "  ", "😀😀", "42", "ok", "alpha beta 3"])
def test_what_is_no_language_is_unknown(text):
    assert detect_language(text) is None


def test_a_mixed_corpus_by_hand():
    texts = pl.Series([*SENTENCES["de"] * 3, *SENTENCES["fr"], "?!", None, *SENTENCES["en"]])
    table = detect_languages(texts, np.array([0] * 10 + [1] * 2), 2, progress=False)
    expected = {
        "corpus": [0, 0, 0, 1],
        "language": ["de", None, "fr", "en"],
        "documents": [6, 2, 2, 2],
        "share": [0.6, 0.2, 0.2, 1.0],
    }
    assert table.select(list(expected)).to_dict(as_series=False) == expected
    # Wilson's interval of 6 out of 10.
    assert table.row(0)[4:] == pytest.approx((0.3127, 0.8318), abs=1e-4)
    assert described(texts, of=[0] * 10 + [1] * 2, names=("x", "y")).summary["language"].to_list() == ["de", "en"]


@pytest.mark.parametrize(
    ("left", "right", "differ"),
    [
        (SENTENCES["de"] * 3, SENTENCES["en"] * 3, True),
        (SENTENCES["de"] * 3, SENTENCES["de"] * 2, False),
        (SENTENCES["de"] + SENTENCES["en"], SENTENCES["es"] * 5, False),  # the left one has no main language
        (SENTENCES["de"], SENTENCES["en"], False),  # two documents make nobody sure
        (["?"] * 9, SENTENCES["en"] * 5, False),
    ],
)
def test_languages_differ_where_both_are_sure(left, right, differ):
    found = described([*left, *right], of=[0] * len(left) + [1] * len(right), names=("L", "R"))
    assert found.languages_differ() is differ
    assert languages_differ(found.languages) is differ


def test_large_corpora_are_sampled_by_seed():
    texts = pl.Series(SENTENCES["en"] * 300 + ["?"] * 900)
    runs = [detect_languages(texts, zeros(1_500), 1, seed=seed, progress=False) for seed in (0, 0, 1)]
    assert runs[0].equals(runs[1])
    assert not runs[0].equals(runs[2])
    assert runs[0]["documents"].sum() == 1_000
    english = runs[0].filter(pl.col("language") == "en")
    assert english["low"][0] < 0.4 < english["high"][0]


def test_telling_languages_is_quiet_and_leaves_random_numbers_alone(capfd):
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    assert detect_language(SENTENCES["de"][0]) == "de"
    assert states == (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    assert capfd.readouterr() == ("", "")


# -- the profile ------------------------------------------------------------------------------------------------

COLUMNS = [
    *("corpus", "documents", "words", "vocabulary", "words_per_document", "sentence_length"),
    *("diversity", "diversity_low", "diversity_high", "readability", "readability_low", "readability_high"),
    *("language", "language_share", "spread", "spread_low", "spread_high", "outliers"),
]


def test_a_profile_of_three_corpora_in_any_order():
    texts = ["One two three. Four five six seven.", "eins zwei", "One one.", "drei", "un deux trois quatre"]
    of = [0, 1, 0, 1, 2]
    table = described(texts, of=of, names=("a", "b", "c")).summary
    assert table.columns == COLUMNS
    assert table["corpus"].to_list() == ["a", "b", "c"]
    assert table["documents"].to_list() == [2, 2, 1]
    assert table["words"].to_list() == [9, 3, 4]
    assert table["vocabulary"].to_list() == [7, 3, 4]
    assert table["words_per_document"].to_list() == [4.5, 1.5, 4]
    assert table["sentence_length"].to_list() == [(3.5 + 2) / 2, 1.5, 4]
    assert table["spread"].is_null().to_list() == [False, False, True]
    assert table["outliers"].to_list() == [None] * 3


def test_vectors_alone_are_described_too():
    found = profile_corpora(["A", "B"], None, cloud(60), np.repeat([0, 1], 30), progress=False)
    table = found.summary
    assert table.columns == COLUMNS
    assert all(table[name].null_count() == 2 for name in COLUMNS[2:14])
    assert table["spread"].null_count() == 0
    assert table["outliers"].null_count() == 0
    assert found.window is None
    assert found.languages.is_empty()
    assert not found.languages_differ()


@pytest.mark.parametrize("texts", [["😀", "🎉🎉", "..."], ["", None, " "]])
def test_texts_without_words_are_described_too(texts):
    table = described(texts).summary
    assert table["words"].to_list() == table["vocabulary"].to_list() == [0]
    for name in ("sentence_length", "diversity", "readability", "language", "language_share"):
        assert table[name].to_list() == [None]


def test_a_corpus_of_one_document_is_described_too():
    table = described(["a b c d e f g h i j k l"]).summary
    assert table["diversity"].to_list() == [1.0]
    for name in ("diversity_low", "readability_low", "spread", "outliers"):
        assert table[name].to_list() == [None]


def test_what_needs_spaces_is_not_told_of_chinese(monkeypatch):
    monkeypatch.setitem(sys.modules, "icu4py", None)
    with pytest.warns(SemspaceWarning, match="many texts are in Chinese"):
        table = described(
            ["今天天气很好，我们去公园散步，看到很多花。", "他昨天买了一本很有意思的书，晚上一直在看。"]
        ).summary
    assert table["language"].to_list() == ["zh"]
    for name in ("sentence_length", "diversity", "readability"):
        assert table[name].to_list() == [None]


def test_the_same_seed_gives_the_same_profile():
    texts, of = written(60, 30), np.repeat([0, 1], 30)
    runs = [profile_corpora(["a", "b"], texts, cloud(60), of, seed=3, progress=False) for _ in range(2)]
    assert runs[0].summary.equals(runs[1].summary)
    assert runs[0].outliers.equals(runs[1].outliers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus_ids": np.array([0, 0, 0])}, "B has none"),
        ({"corpus_ids": np.array([0, 1, 2])}, "from 0 to 1"),
        ({"corpus_ids": np.array([0, -1, 1])}, "from 0 to 1"),
        ({"corpus_ids": np.array([0, 1])}, "3 whole numbers"),
        ({"corpus_ids": np.array([0.0, 1.0, 1.0])}, "3 whole numbers"),
        ({"names": []}, "corpus_ids must be from 0 to -1"),
        ({"texts": pl.Series(["a", "b"])}, "texts must be 3, one for each vector; got 2"),
        ({"vectors": np.array([[1, 0], [0, 0], [1, 1]], np.float32)}, "all zeros"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_input_is_told(change, message):
    given = {
        "names": ["A", "B"],
        "texts": pl.Series(["a", "b", "c"]),
        "vectors": cloud(3),
        "corpus_ids": np.array([0, 1, 1]),
    }
    with pytest.raises(InputError, match=message):
        profile_corpora(**{**given, **change}, progress=False)
