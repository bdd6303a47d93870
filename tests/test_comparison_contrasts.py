"""Words that set corpora apart, and words that mean different things: by hand, honest under the null, able to see."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import semspace as ss
from semspace.comparison.contrasts import semantic_shift
from semspace.comparison.contrasts.alignment import AlignedSpaces, nearest_words
from semspace.comparison.contrasts.dispersion import dispersion_residuals
from semspace.comparison.contrasts.null_distribution import Shifts, compare_with_null, tail_probability
from semspace.comparison.contrasts.semantic_shift import find_shifted_words
from semspace.comparison.contrasts.word_contrasts import _lowest_p_values, _skewed_t, word_contrast
from semspace.comparison.contrasts.word_counts import word_counts as counts_of_tokens
from semspace.comparison.document_tokens import tokens_of
from semspace.errors import InputError


def word_counts(texts):
    return counts_of_tokens(tokens_of(texts), len(texts))


def shifted_words(texts_a, texts_b, **options):
    texts = pl.concat([texts_a, texts_b])
    return find_shifted_words(tokens_of(texts), np.arange(len(texts)) < len(texts_a), **options)


def contrast(a, b, **options):
    counts = word_counts(pl.Series([*a, *b]))
    first = np.arange(len(a) + len(b)) < len(a)
    return word_contrast(counts, first, ~first, **options)


def row_of(table, word):
    return table.row(by_predicate=pl.col("word") == word, named=True)


def bursty(documents, seed=0, vocabulary=300):
    """Documents that say few words, but those again and again: each of 100 words, of some 10 different ones."""
    draw = np.random.default_rng(seed)
    names = np.array([f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(vocabulary)])
    return [" ".join(names[draw.choice(draw.integers(vocabulary, size=10), size=100)]) for _ in range(documents)]


# -- counting -------------------------------------------------------------------------------------------------


def test_counts_are_those_of_a_simple_count():
    texts = [*bursty(20), "", None, "Don't! don't"]
    found = word_counts(pl.Series(texts))
    for row, text in enumerate(texts):
        words = (text or "").lower().replace("!", "").split()
        assert found.lengths[row] == len(words)
        said = {found.words[j]: n for j, n in enumerate(found.counts[[row]].toarray()[0]) if n}
        assert said == {word: words.count(word) for word in words}


@pytest.mark.parametrize("texts", [["", None], ["🙂", "…"]])
def test_no_words_at_all(texts):
    found = word_counts(pl.Series(texts, dtype=pl.String))
    assert (found.words, found.counts.shape, found.lengths.tolist()) == ((), (2, 0), [0, 0])
    assert len(contrast(texts, texts)) == 0


# -- words that set corpora apart: values ---------------------------------------------------------------------


def test_log_odds_by_hand():
    row = row_of(contrast(["x x y", "x y"], ["y y y", "x y"]), "x")
    assert (row["count_a"], row["count_b"], row["documents_a"], row["documents_b"]) == (3, 1, 2, 1)
    assert (row["per_million_a"], row["per_million_b"]) == (600_000, 200_000)
    prior = 4 / 10 * 0.5  # four of ten words, times a tenth of five words
    odds_a = np.log((3 + prior) / (5.5 - 3 - prior))
    odds_b = np.log((1 + prior) / (5.5 - 1 - prior))
    assert row["log_odds"] == pytest.approx(odds_a - odds_b)
    assert row["z"] == pytest.approx((odds_a - odds_b) / np.sqrt(1 / (3 + prior) + 1 / (1 + prior)))


def test_g2_by_hand():
    table = contrast(["x x y", "x y"], ["y y y", "x y"])
    expected = 2 * (3 * np.log(3 / 2) + 1 * np.log(1 / 2))  # four of ten words: two of five are expected
    assert row_of(table, "x")["g2"] == pytest.approx(expected)
    assert row_of(table, "y")["g2"] == pytest.approx(-2 * (2 * np.log(2 / 3) + 4 * np.log(4 / 3)))


def test_dispersion_by_hand():
    table = contrast(["x y y", "x z z", "z z z z"], ["x", "x z"])
    # Of ten words, documents have 0.3, 0.3, 0.4; of x they have 1/2, 1/2, 0.
    assert row_of(table, "x")["dispersion_a"] == pytest.approx((0.2 + 0.2 + 0.4) / 2 / (1 - 0.3))
    assert row_of(table, "x")["dispersion_b"] == pytest.approx((abs(1 / 2 - 1 / 3) * 2) / 2 / (1 - 1 / 3))
    z = row_of(contrast(["y x y", "y x"], ["z x", "z"]), "z")
    assert z["dispersion_a"] is None


def test_the_shortest_document_alone_is_as_uneven_as_can_be():
    assert row_of(contrast(["x", "y y y"], ["x", "x"]), "x")["dispersion_a"] == pytest.approx(1.0)


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=5), min_size=4, max_size=7), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_the_moments_are_those_over_all_deals(documents, m):
    counts = word_counts(pl.Series([" ".join(words) for words in documents]))
    x, lengths = counts.counts.toarray().astype(float), counts.lengths.astype(float)
    residuals = x - np.outer(lengths, x.sum(axis=0) / lengths.sum())
    values = np.array([residuals[list(deal)].sum(axis=0) for deal in combinations(range(len(x)), m)])
    deviation = values.std(axis=0)
    first = np.arange(len(x)) < m
    found = _skewed_t(counts.counts[first], lengths[first], counts.counts[~first], lengths[~first])
    varies = deviation > 1e-3
    expected = values[0][varies] / deviation[varies]
    np.testing.assert_allclose(found.value[varies], expected, atol=1e-4)
    skew = (values[:, varies] ** 3).mean(axis=0) / deviation[varies] ** 3
    normal = stats.norm.sf(expected)
    lopsided = np.abs(skew) > 1e-2
    heavier = np.maximum(normal, stats.pearson3.sf(expected, np.where(lopsided, skew, 0.0)))
    expected_tail = np.where(skew > 0, heavier, normal)
    np.testing.assert_allclose(found.upper[varies][lopsided], expected_tail[lopsided], atol=1e-3)


def lengths_of_bursts(seed):
    """Documents of 100 words, and as many of which no more than the first ten are left."""
    texts = bursty(300, seed=seed)
    return [" ".join(text.split()[:10]) for text in texts[:150]], texts[150:]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=5, max_size=7), st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_the_moments_of_presence_are_those_over_all_deals(documents, m):
    counts = word_counts(pl.Series([" ".join(words) for words in documents]))
    n, words = len(documents), np.arange(len(counts.words))
    found = []
    for deal in combinations(range(n), m):
        order = [*deal, *(i for i in range(n) if i not in deal)]
        found.append(dispersion_residuals(counts.counts[order], counts.lengths[order].astype(float), m, words))
    first = np.array([deal.first for deal in found])
    np.testing.assert_allclose(first.mean(axis=0), 0, atol=1e-9)
    second = m * (n - m) / (n * (n - 1)) * found[0].squares
    third = m * (n - m) * (n - 2 * m) / (n * (n - 1) * (n - 2)) * found[0].cubes
    np.testing.assert_allclose((first**2).mean(axis=0), second, atol=1e-9)
    np.testing.assert_allclose((first**3).mean(axis=0), third, atol=1e-9)


def test_presence_by_hand():
    """Where lengths are all the same, every unit is expected to hold the word as often as they do altogether."""
    counts = word_counts(pl.Series(["x y", "x x", "y y", "y y", "y y", ""]))
    found = dispersion_residuals(counts.counts, counts.lengths.astype(float), 2, np.array([counts.words.index("x")]))
    # Two of five: the empty one can't hold it, and isn't expected to.
    assert found.first == pytest.approx(2 * 0.6, abs=1e-6)
    assert found.squares == pytest.approx(2 * 0.6**2 + 3 * 0.4**2, abs=1e-6)
    assert found.cubes == pytest.approx(2 * 0.6**3 - 3 * 0.4**3, abs=1e-6)


def test_long_units_are_expected_to_hold_more():
    """Of short units a quarter hold the word and of long ones three quarters, in both corpora: nothing is left over."""
    texts = (["x y"] + ["y y"] * 3) * 2 + (["x" + " y" * 15] * 3 + ["y" + " y" * 15]) * 2
    counts = word_counts(pl.Series(texts * 20))
    x = np.array([counts.words.index("x")])
    found = dispersion_residuals(counts.counts, counts.lengths.astype(float), 8, x)  # eight short ones
    assert abs(found.first[0]) < 0.1  # they hold 2, and would 4 if length were left aside
    assert found.squares == pytest.approx(20 * 16 * 3 / 16, rel=1e-3)


def test_rare_words_by_the_exact_tail():
    """Five of twelve documents hold x, all of one half: C(6, 5) of C(12, 5) deals do that, as many the other way."""
    table = contrast(["x y"] * 5 + ["y y"], ["y y"] * 6)
    assert row_of(table, "x")["p_value"] == pytest.approx(2 * 6 / 792)
    assert _lowest_p_values(np.array([5, 7]), 6, 6).tolist() == pytest.approx([2 * 6 / 792, 0.0])


# -- words that set corpora apart: what is claimed --------------------------------------------------------------


def test_planted_words_come_back():
    """A fifth of the documents of one side say a word that the other never says."""
    a, b = bursty(150, seed=1), bursty(150, seed=2)
    a = [f"{text} goal" if i % 5 == 0 else text for i, text in enumerate(a)]
    b = [f"{text} vote vote" if i % 5 == 0 else text for i, text in enumerate(b)]
    table = contrast(a, b)
    assert set(table["word"][:2]) == {"goal", "vote"}
    assert row_of(table, "goal")["log_odds"] > 0 > row_of(table, "vote")["log_odds"]
    assert table["q_value"][:2].max() < 0.001
    assert (table["q_value"] < 0.05).sum() == 2


def test_bursts_are_no_evidence():
    """With z, as if words were independent, halves of one and the same source look apart; by documents they don't."""
    ours, naive = [], []
    for seed in range(8):
        texts = bursty(160, seed=seed)
        table = contrast(texts[:80], texts[80:])
        ours.append(int((table["q_value"] < 0.05).sum()))
        p = 2 * stats.norm.sf(table["z"].abs().to_numpy())
        naive.append(int((stats.false_discovery_control(p) < 0.05).sum()))
    assert min(naive) > 20
    assert sum(count > 0 for count in ours) <= 1
    assert max(ours) <= 3


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_p_values_are_honest_under_the_null(share):
    counts = word_counts(pl.Series(bursty(400, vocabulary=200)))
    below, far = [], []
    for seed in range(10):
        first = np.zeros(400, bool)
        first[np.random.default_rng(seed).permutation(400)[: int(400 * share)]] = True
        p = word_contrast(counts, first, ~first)["p_value"].to_numpy()
        below.append((p < 0.05).mean())
        far.append((p < 0.001).mean())
    assert 0.005 < np.mean(below) < 0.065
    assert np.mean(far) < 0.003


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_p_values_are_honest_where_lengths_differ(share):
    short, long = lengths_of_bursts(0)
    counts = word_counts(pl.Series([*short, *long]))
    p = []
    for seed in range(6):
        first = np.zeros(300, bool)
        first[np.random.default_rng(seed).permutation(300)[: int(300 * share)]] = True
        p.append(word_contrast(counts, first, ~first)["p_value"].to_numpy())
    assert 0.01 < (np.concatenate(p) < 0.05).mean() < 0.065
    assert (np.concatenate(p) < 0.001).mean() < 0.003


def test_one_giant_document_hides_no_word():
    """18 documents of one corpus say "launch", none of the other; a giant of them says it more than all the rest."""
    common = "we say what is there and that is all there is to say of it"
    giant = " ".join([common] * 200 + ["launch"] * 60)
    a = [common] * 100
    b = [giant] + [f"{common} launch"] * 17 + [common] * 81
    table = contrast(a, b)
    row = row_of(table, "launch")
    assert (row["documents_a"], row["documents_b"]) == (0, 18)
    assert row["p_value"] < 1e-4
    assert (table.filter(pl.col("q_value") < 0.05)["word"] == "launch").all()
    assert row["q_value"] < 0.001


def test_longer_documents_have_no_words_of_their_own():
    """A tenth of a document says far more than a tenth of its words: those of its bursts."""
    for seed in range(3):
        table = contrast(*lengths_of_bursts(seed))
        assert (table["q_value"] < 0.05).sum() == 0
        assert (table["p_value"] < 0.05).mean() < 0.05


def test_words_of_longer_documents_still_come_back():
    a, b = lengths_of_bursts(3)
    a = [f"{text} goal" if i % 5 == 0 else text for i, text in enumerate(a)]
    table = contrast(a, b)
    assert table["word"][0] == "goal"
    assert table["q_value"][0] < 0.001
    assert (table["q_value"] < 0.05).sum() == 1


def test_units_are_dealt_whole():
    """Ten books whose paragraphs repeat a word of the book: many paragraphs, but one book that says it."""
    books = [f"alpha beta {name} {name}" for name in ("ka", "kb", "kc", "kd", "ke", "kf", "kg", "kh", "ki", "kj")]
    texts = [book for book in books for _ in range(20)]
    units = np.repeat(np.arange(10), 20)
    alone = contrast(texts[:100], texts[100:])
    whole = contrast(texts[:100], texts[100:], units=units)
    assert row_of(alone, "ka")["q_value"] < 0.001
    assert row_of(whole, "ka")["p_value"] == pytest.approx(1.0)
    assert row_of(whole, "ka")["documents_a"] == 20


def test_units_of_one_document_change_nothing():
    texts = bursty(60)
    units = np.random.default_rng(0).permutation(60) * 7
    assert contrast(texts[:30], texts[30:], units=units).equals(contrast(texts[:30], texts[30:]))


def test_other_documents_do_not_count():
    texts = bursty(60)
    counts = word_counts(pl.Series(texts))
    place = np.arange(60)
    table = word_contrast(counts, place < 20, (place >= 20) & (place < 40))
    alone = contrast(texts[:20], texts[20:40])
    assert table.sort("word").equals(alone.sort("word"))


def test_turned_round_the_signs_turn():
    texts = bursty(60)
    there, back = contrast(texts[:20], texts[20:]), contrast(texts[20:], texts[:20])
    there, back = there.sort("word"), back.sort("word")
    np.testing.assert_allclose(there["z"], -back["z"], atol=1e-12)
    np.testing.assert_allclose(there["g2"], -back["g2"], atol=1e-9)
    np.testing.assert_allclose(there["p_value"], back["p_value"], rtol=1e-9)


def test_a_corpus_without_words_has_no_odds():
    table = contrast(["", "…"], ["x y", "x"])
    assert len(table) == 0
    assert table.schema["word"] == pl.String
    assert table.schema["q_value"] == pl.Float64


def test_words_of_few_documents_are_left_out():
    table = contrast(["x y", "x z"], ["x y y", "x"], min_documents=3)
    assert table["word"].to_list() == ["x"]


def test_contrast_checks_what_is_given():
    counts = word_counts(pl.Series(["x y", "x", "y"]))
    first, second = np.array([True, False, False]), np.array([False, True, False])
    with pytest.raises(InputError, match="first must be an array of 3 bools"):
        word_contrast(counts, first[:2], second)
    with pytest.raises(InputError, match="second must be an array of 3 bools"):
        word_contrast(counts, first, second.astype(int))
    with pytest.raises(InputError, match="no document may be of both corpora; 1 are"):
        word_contrast(counts, first, first)
    with pytest.raises(InputError, match="units must be 3 numbers"):
        word_contrast(counts, first, second, units=np.zeros(2, int))
    with pytest.raises(InputError, match="min_documents"):
        word_contrast(counts, first, second, min_documents=0)


# -- words that mean different things: the parts ----------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
@settings(max_examples=20, deadline=None)
def test_a_turned_space_is_turned_back(seed, dim):
    draw = np.random.default_rng(seed)
    a = draw.normal(size=(40, dim)).astype(np.float32)
    turn = np.linalg.qr(draw.normal(size=(dim, dim)))[0].astype(np.float32)
    assert AlignedSpaces.of(a, a @ turn).shift().max() < 1e-4


def test_one_word_that_moves_is_the_one():
    draw = np.random.default_rng(0)
    a = draw.normal(size=(200, 8)).astype(np.float32)
    b = a @ np.linalg.qr(draw.normal(size=(8, 8)))[0].astype(np.float32)
    b[7] = -b[7]
    shift = AlignedSpaces.of(a, b).shift()
    assert shift[7] > 1.5
    assert np.delete(shift, 7).max() < 0.1


def test_the_nearest_by_hand():
    angles = np.array([0.0, 0.1, 0.3, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    assert nearest_words(vectors, 2).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]


def test_the_tail_goes_on_where_the_sample_ends():
    null = np.random.default_rng(0).normal(size=20_000)
    values = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 5.0])
    found = tail_probability(values, null)
    np.testing.assert_allclose(found[:5], stats.norm.sf(values[:5]), rtol=0.5)
    assert stats.norm.sf(5.0) < found[5] < 1e-3  # more careful than the truth, yet far below what was sampled
    assert (np.diff(found) < 0).all()


def test_shifts_are_judged_by_the_words_own():
    """Words with a noise of their own: large shifts of noisy words are nothing; a quiet word that moves is."""
    draw = np.random.default_rng(0)
    noisy = draw.normal(scale=0.5, size=400)
    counts = np.full((2, 400), 50.0) * draw.uniform(1, 9, 400)

    def deal():
        return Shifts(1 + np.tanh(-1 + noisy + draw.normal(scale=0.2, size=400)), counts, counts / 2)

    dealt, observed = [deal() for _ in range(5)], deal()
    quiet = int(noisy.argmin())
    observed.shift[quiet] = 1 + np.tanh(-1 + noisy[quiet] + 1.5)
    dealt[2].shift[5] = np.nan  # a part that lacks a word
    judged = compare_with_null(observed, dealt)
    q = stats.false_discovery_control(judged.p_value)
    assert np.flatnonzero(q < 0.05).tolist() == [quiet]
    assert observed.shift[quiet] < np.sort(observed.shift)[-40]
    assert 0.01 < (judged.p_value < 0.05).mean() < 0.09
    assert np.corrcoef(np.arctanh(judged.expected - 1), noisy)[0, 1] > 0.9


# -- words that mean different things: the whole ------------------------------------------------------------------

TRAINER = ss.Word2Vec(dim=16, epochs=4, min_count=5)


def language(documents, seed):
    """Documents of ten subjects, of 20 words each, and 20 words of every subject."""
    draw = np.random.default_rng(seed)
    letters = "abcdefghij"
    own = np.array([[f"{s}{x}{y}" for x in letters for y in "kl"] for s in letters])
    shared = np.array([f"zz{x}{y}" for x in letters for y in "kl"])
    subjects, word = draw.integers(10, size=documents), draw.integers(20, size=(documents, 100))
    words = np.where(draw.random((documents, 100)) < 0.6, own[subjects[:, None], word], shared[word])
    return pl.Series([" ".join(row) for row in words.tolist()])


def swapped(texts, u, v):
    return texts.str.replace_all(u, "?").str.replace_all(v, u).str.replace_all("?", v, literal=True)


@pytest.fixture(scope="module")
def planted():
    a, b = language(520, 0), swapped(language(520, 1), "aak", "fbl")
    return shifted_words(a, b, words=TRAINER, permutations=3, progress=False)


def test_swapped_words_come_back(planted):
    table = planted.table
    assert set(table["word"][:2]) == {"aak", "fbl"}
    assert table["q_value"][:2].max() < 0.01
    assert (table["q_value"] < 0.05).sum() <= 4
    assert planted.note.endswith("of 220 words in both shifted further than chance explains (q < 0.05).")
    row = row_of(table, "aak")
    assert row["shift"] > 2 * row["expected"]
    assert {word[0] for word in row["nearest_a"]} == {"a"}
    assert {word[0] for word in row["nearest_b"]} == {"f"}
    assert "aak" not in row["nearest_a"]


def test_counts_are_those_of_the_corpora(planted):
    texts = language(520, 0)
    row = row_of(planted.table, "bck")
    assert row["count_a"] == sum(text.split().count("bck") for text in texts)


def test_the_same_language_means_the_same():
    """Words of a subject move together, so chance now and then gives several; but seldom any."""
    called = []
    for seed in (2, 6, 9):
        a, b = language(520, 20 + seed), language(510, 50 + seed)
        table = shifted_words(a, b, words=TRAINER, permutations=3, seed=seed, progress=False).table
        called.append(int((table["q_value"] < 0.05).sum()))
        assert dict(table.schema) == semantic_shift.SCHEMA
    assert sum(count > 0 for count in called) <= 1


def test_the_same_seed_gives_the_same_table_on_any_machine(monkeypatch):
    a, b = language(510, 0), language(510, 1)
    made = []
    for cores in (1, 3):
        monkeypatch.setattr(semantic_shift, "thread_count", lambda cores=cores: cores)
        made.append(shifted_words(a, b, words=TRAINER, permutations=3, seed=4, progress=False).table)
    assert made[0].equals(made[1])


def test_units_are_dealt_together():
    first = np.arange(12) < 4
    of = semantic_shift._unit_ids(np.array([9, 9, 2, 2, 2, 5, 5, 5, 7, 7, 8, 8]), first)
    for deal in semantic_shift._permuted_splits(of, first, 20, seed=0):
        assert len({(unit, bool(side)) for unit, side in zip(of, deal, strict=True)}) == 6
        assert len(np.unique(of[deal])) == 2  # unit 2 is on both sides, and counts as two


def test_with_spaces_of_ones_own():
    a, b = language(510, 0), swapped(language(510, 1), "aak", "fbl")
    spaces = tuple(TRAINER.train(ss.Corpus.from_texts(side.to_list()), progress=False) for side in (a, b))
    found = shifted_words(a, b, spaces=spaces, progress=False)
    assert set(found.table["word"][:2]) == {"aak", "fbl"}
    assert found.table["shift"].is_sorted(descending=True)
    assert found.table["p_value"].null_count() == len(found.table) == 220
    assert "no null distribution" in found.note


@pytest.mark.parametrize(
    ("a", "b", "note"),
    [
        (language(40, 0), language(600, 1), "Too little text .* one side has 4,000 words"),
        (pl.Series(["x y"] * 30_000), pl.Series(["x z"] * 30_000), "Too few words in common .* 1 words occur at least"),
        (pl.Series([" ".join(language(520, 0))] * 2), language(520, 1), "Too few documents .* one side has 2"),
        (pl.Series([], dtype=pl.String), language(520, 1), "Too little text"),
        (pl.Series([None, ""]), pl.Series(["…"]), "Too little text"),
    ],
)
def test_too_little_is_said(a, b, note):
    found = shifted_words(a, b, progress=False)
    assert len(found.table) == 0
    assert dict(found.table.schema) == semantic_shift.SCHEMA
    assert pl.Series([found.note]).str.contains(note).all()


def test_shifted_words_checks_what_is_given(toy_spaces):
    texts = pl.Series(["x y"])
    for options, message in (
        ({"min_count": 0}, "min_count"),
        ({"permutations": 2}, "permutations must be a whole number of at least 3"),
        ({"words": "skipgram"}, "words must be a Word2Vec; got str"),
        ({"spaces": toy_spaces[0]}, "spaces must be two Spaces"),
        ({"spaces": toy_spaces}, "the same number of dimensions; got 2 and 3"),
        ({"spaces": toy_spaces, "words": TRAINER}, "not both"),
        ({"units": np.zeros(3, int)}, "units must be 2 numbers"),
    ):
        with pytest.raises(InputError, match=message):
            shifted_words(texts, texts, **options)
    with pytest.raises(InputError, match="seed"):
        shifted_words(language(510, 0), language(510, 1), seed=-1)


@pytest.fixture
def toy_spaces():
    return ss.Space.from_vectors(["x", "y"], np.eye(2)), ss.Space.from_vectors(["x", "y", "z"], np.eye(3))
