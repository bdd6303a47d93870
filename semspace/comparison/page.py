"""The report of a comparison: a verdict in plain words, then each answer with a figure and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from semspace.clusters.page import method_of
from semspace.comparison import several
from semspace.comparison.distances import Distance
from semspace.comparison.verdict import SURE
from semspace.display import clip, p_value
from semspace.latent.pca import PCA
from semspace.report import (
    Figure,
    Number,
    Page,
    Prose,
    Section,
    Table,
    bars,
    heatmap,
    ridges,
    ruler,
    scatter,
    stacked,
    tree,
    words,
)  # fmt: skip
from semspace.space import Space

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison

_ROWS = 200  # of a table that can be searched
_ENDS = 20  # documents at either end of the witness
_TOP = 12
_PAIRED = 50


def comparison_page(found: Comparison, data: str = "") -> Page:
    """Compose the report; `data` is the name of the file beside it that holds everything."""
    parts = zip(found.names, found.samples.sizes, strict=True)
    sizes = ", ".join(f"{size:,} documents of {clip(name, 60)}" for name, size in parts)
    two = found.answers is not None
    sections = [
        *(_far(found) if two else _far_of_several(found)),
        _groups(found),
        _words(found),
        *_meanings(found),
        _documents(found),
        _shared(found),
        _counterparts(found),
        _profile(found),
    ]
    called = [clip(name, 60) for name in found.names]
    title = f"{called[0]} and {called[1]}, compared" if two else f"{len(called)} corpora, compared"
    where = f"The full tables are in {data}, beside this file" if data else ""
    return Page(title, found.verdict(), tuple(sections), f"Compared: {sizes}.", where)


# -- how far apart --------------------------------------------------------------------------------------------


def _far(found: Comparison) -> list[Section]:
    assert found.answers is not None
    a, b = (clip(name, 30) for name in found.names)
    rows = [_distance_row(d) for d in found.answers.distances]
    headers = (
        "distance", "value", "95% interval", "5% of random splits exceed", f"halves of {a}", f"halves of {b}",
        "p-value", "what it measures",
    )  # fmt: skip
    said = (
        f"All together: p = {p_value(found.p_value)} (MMD, energy distance and the subjects, as one test)."
        if not found.samples.same
        else "The corpora hold the very same documents; nothing was tested."
    )
    blocks = (_ruler(found), Prose(said, strong=True), Table(headers, rows))
    return [Section("How far apart?", blocks, _how_far(found)), _map(found)]


def _distance_row(d: Distance) -> tuple[object, ...]:
    low, high = d.interval
    between = f"{low:.3f} to {high:.3f}" if np.isfinite([low, high]).all() else "unknown"
    return (d.name, d.value, between, d.by_chance, *d.halves, Number(d.p_value, p_value(d.p_value)), d.meaning)


def _ruler(found: Comparison) -> Figure:
    """Draw the MMD among those that people know."""
    mmd = found.distance("mmd")
    a, b = (clip(name, 30) for name in found.names)
    marks = [(f"random halves of {a}", mmd.halves[0]), (f"random halves of {b}", mmd.halves[1])]
    known = found.scale.filter(pl.col("distance") == "mmd")
    marks += list(known.select("between", "value").iter_rows())
    marks = [(name, value) for name, value in marks if np.isfinite(value)]
    return ruler(
        mmd.value,
        mmd.interval,
        marks,
        name=f"{a} and {b}",
        chance=None if found.samples.same else mmd.by_chance,
        caption="Squared MMD, beside that of texts known to be near and far.",
    )


def _how_far(found: Comparison) -> str:
    made = found.settings
    units = (
        "Documents of one unit were permuted and drawn anew together. "
        if found.samples.units is not None
        else "Documents are taken to be independent of each other: paragraphs of one book aren't, and need unit=. "
    )
    known = (
        "The known texts are English news, newsgroup posts and encyclopedia articles that ship with semspace, seen by "
        "the same encoder and the same kernel. "
        if len(found.scale)
        else ""
    )
    return (
        "MMD (Gretton et al. 2012) uses a Gaussian kernel as wide as the median distance, or five kernels from a half "
        "to twice that; MMD and energy distance are unbiased, so they can fall a little below 0. The Fréchet distance "
        f"is too large from few documents: hold it against the random splits. P-values come from {made.permutations:,} "
        f"random splits of both corpora together, intervals from {made.resamples:,} samples drawn anew. The classifier "
        f"is a logistic regression, trained on half of the documents and judged on the rest. {units}{known}A small "
        "p-value says that a difference is there, not that it is large; a large one doesn't say that the corpora are "
        "alike. And a difference may lie in style, length or source as well as in subject."
    )


def _map(found: Comparison) -> Section:
    texts = found.samples.texts
    labels = found.samples.ids.to_list() if texts is None else [clip(text, 100) for text in texts]
    figure, kept = space_map(
        found.grouping.space,
        found.samples.of.tolist(),
        list(found.names),
        labels,
        "Every mark is a document; near means alike.",
    )
    method = (
        f"The two directions in which the documents differ most (principal components), which hold {kept:.0%} of all "
        f"variance. Documents that lie apart here are apart; documents that lie together here may still differ in the "
        f"directions that are not drawn."
    )
    return Section("A map of both" if len(found.names) == 2 else "A map of all documents", (figure,), method)


def space_map(
    space: Space, groups: list[int], names: list[str], labels: list[str], caption: str
) -> tuple[Figure, float]:
    """Draw a space on its two principal components; give the figure and the share of variance it shows."""
    model = PCA(2).train(space)
    return scatter(model.encode(space.vectors), groups, names, labels, caption=caption), model.kept


def _far_of_several(found: Comparison) -> list[Section]:
    assert found.pairs is not None
    values = several.matrix_of(found.pairs, found.names, "mmd", "value")
    unsure = several.matrix_of(found.pairs, found.names, "mmd", "q_value") >= SURE
    merges = several.tree_of(values)
    order = _order(merges, len(found.names))
    called = [clip(found.names[place], 40) for place in order]
    square = heatmap(
        values[np.ix_(order, order)],
        called,
        marks=unsure[np.ix_(order, order)],
        decimals=2,
        caption="Squared MMD of every two corpora; like corpora stand together.",
    )
    table = found.pairs.filter(pl.col("distance") == "mmd")
    rows = [
        (a, b, value, f"{low:.3f} to {high:.3f}", chance, Number(p, p_value(p)), Number(q, p_value(q)))
        for a, b, value, low, high, chance, p, q in table.select(
            "a", "b", "value", "low", "high", "by_chance", "p_of_all", "q_value"
        ).iter_rows()
    ]
    headers = ("one", "another", "squared MMD", "95% interval", "5% of random splits exceed", "p-value", "q-value")
    method = (
        "Squared MMD (Gretton et al. 2012), unbiased, with a Gaussian kernel as wide as the median distance. The "
        f"p-value is that of MMD, energy distance and the subjects together, from {found.settings.permutations:,} "
        "random splits of the two corpora; the q-value is the false discovery rate over all pairs. A ring marks pairs "
        "whose difference isn't beyond chance: that doesn't prove them alike."
    )
    far = Section("How far apart?", (square, Table(headers, rows, "All pairs, nearest first", limit=_ROWS)), method)
    branches = tree(merges, found.names, caption="Corpora merge at the distance of their documents (MMD).")
    places, kept = several.places_of(values)
    plane = scatter(
        places,
        list(range(len(found.names))),
        list(found.names),
        [f"{size:,} documents" for size in found.samples.sizes],
        caption="Every mark is a corpus; near means alike.",
    )
    note = (
        "The tree merges the nearest corpora first (average linkage on MMD). The map lays them out so that distances "
        f"in the plane are as near as can be to the MMD (classical scaling, Torgerson 1952); it shows {kept:.0%} of "
        "the squared distances."
    )
    return [far, Section("Which corpora are near each other?", (branches, plane), note), _map(found)]


def _order(merges: np.ndarray, count: int) -> list[int]:
    from scipy.cluster.hierarchy import leaves_list

    return [int(leaf) for leaf in leaves_list(merges)] if count > 1 else [0]


# -- what drives it -------------------------------------------------------------------------------------------


def _groups(found: Comparison) -> Section:
    two = found.answers is not None
    shares = found.shares
    sure = shares.filter(pl.col("q_value") < SURE)
    count = len(found.grouping)
    method = (
        f"All corpora were clustered together by {method_of(found.grouping)} into {count} groups, named by their most "
        f"telling words. Intervals: Newcombe 1998; p-values: Fisher's exact test, or how units vary where units were "
        f"given; q-values: false discovery rate. Groups are cut where the text is thinnest, which needn't be where a "
        f"reader would cut."
    )
    if two:
        a, b = (clip(name, 30) for name in found.names)
        said = (
            f"{len(sure)} of {count} groups are clearly larger in one corpus than in the other."
            if len(sure)
            else "No group is larger in one corpus than in the other beyond chance."
        )
        top = shares.head(_TOP).sort("difference", descending=True)
        figure = bars(
            top["name"].to_list(),
            top["difference"].to_list(),
            low=top["low"].to_list(),
            high=top["high"].to_list(),
            points=True,
            sides=(f"more of {b}", f"more of {a}"),
            caption="Difference of shares, in percentage points, with 95% intervals.",
        )
        headers = ("group", f"in {a}", f"in {b}", f"share of {a}", f"share of {b}", "p-value", "q-value")
        return Section(
            "Which groups?",
            (Prose(said, strong=True), figure, Table(headers, _share_rows(shares), limit=_ROWS)),
            method,
        )
    grouped = found.grouping
    counts = np.zeros((len(found.names), count), np.int64)
    np.add.at(counts, (found.samples.of, grouped.labels), 1)
    figure = heatmap_of_shares(counts, found.names, grouped.names)
    headers = ("corpus", "group", "in it", "in the rest", "share of it", "share of the rest", "p-value", "q-value")
    table = Table(
        headers, _share_rows(sure, "corpus"), "Groups clearly larger or smaller than in the rest", limit=_ROWS
    )
    return Section("Which groups?", (figure, table), method)


def heatmap_of_shares(counts: np.ndarray, names: tuple[str, ...], groups: tuple[str, ...]) -> Figure:
    """Draw what each corpus is made of: its largest groups, and the rest."""
    order = np.argsort(-counts.sum(axis=0), kind="stable")
    kept, rest = order[: _TOP - 5], order[_TOP - 5 :]
    parts = [clip(groups[group], 40) for group in kept] + (["other groups"] if len(rest) else [])
    table = np.column_stack([counts[:, kept], counts[:, rest].sum(axis=1)]) if len(rest) else counts[:, kept]
    return stacked([clip(name, 40) for name in names], parts, table, caption="The groups that each corpus is made of.")


def _share_rows(shares: pl.DataFrame, *first: str) -> list[tuple[object, ...]]:
    columns = shares.select(*first, "name", "count_a", "count_b", "share_a", "share_b", "p_value", "q_value")
    return [
        (*row[:-4], Number(row[-4], f"{row[-4]:.1%}"), Number(row[-3], f"{row[-3]:.1%}"),
         Number(row[-2], p_value(row[-2])), Number(row[-1], p_value(row[-1])))
        for row in columns.iter_rows()
    ]  # fmt: skip


def _words(found: Comparison) -> Section:
    sure = found.contrast.filter(pl.col("q_value") < SURE)
    if not len(sure):
        return Section("Which words?", (Prose("No word is more frequent in one corpus than chance allows."),), _WORDS)
    if found.answers is None:
        return Section("Which words?", (_words_of_each(found, sure),), _WORDS)
    a, b = (clip(name, 30) for name in found.names)
    contrast = found.contrast
    total = contrast["count_a"].sum() + contrast["count_b"].sum()
    figure = words(
        contrast["word"].to_list(),
        ((contrast["count_a"] + contrast["count_b"]) / total * 1e6).to_numpy(),
        contrast["z"].to_numpy(),
        sure=(contrast["q_value"] < SURE).to_numpy(),
        sides=(a, b),
        caption="Every dot is a word: the further right, the more frequent; the further up or down, the more telling.",
    )
    said = f"{len(sure):,} words set the corpora apart beyond chance (false discovery rate under 5%)."
    headers = (
        "word", f"in {a}", f"in {b}", f"documents of {a}", f"documents of {b}", "log-odds", "z", "G²",
        f"dispersion in {a}", f"dispersion in {b}", "q-value",
    )  # fmt: skip
    rows = [
        (*row[:-1], Number(row[-1], p_value(row[-1])))
        for row in sure.head(_ROWS).select(
            "word", "count_a", "count_b", "documents_a", "documents_b", "log_odds", "z", "g2", "dispersion_a",
            "dispersion_b", "q_value",
        ).iter_rows()
    ]  # fmt: skip
    listed = Table(headers, rows, "The most telling words", limit=_ROWS)
    return Section("Which words?", (Prose(said, strong=True), figure, listed), _WORDS)


def _words_of_each(found: Comparison, sure: pl.DataFrame) -> Table:
    more = sure.filter(pl.col("z") > 0)
    rows = []
    for name in found.names:
        own = more.filter(pl.col("corpus") == name)
        rows.append((name, len(own), ", ".join(own["word"].head(_TOP))))
    headers = ("corpus", "words it has more of", "the most telling")
    return Table(headers, rows, "Each corpus against the rest", limit=_ROWS)


_WORDS = (
    "Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008), in standard errors (z); G² "
    "is the log-likelihood ratio (Rayson and Garside 2000); dispersion says whether a word is spread over the "
    "documents (0) or comes in one alone (1; Gries 2008). z and G² take words for independent draws, and they come in "
    "bursts: so the q-value, a false discovery rate (Benjamini and Hochberg 1995), rests on what dealing whole "
    "documents at random would give. A telling word says what one corpus talks of more, not what it says about it."
)


def _meanings(found: Comparison) -> list[Section]:
    moved = found.moved
    if moved is None:
        return []
    title = "Which words mean something else?"
    if not len(moved.table):
        return [Section(title, (Prose(moved.note),), _MOVED)]
    a, b = (clip(name, 30) for name in found.names)
    judged = moved.table["q_value"].null_count() < len(moved.table)
    table = moved.table.filter(pl.col("q_value") < SURE) if judged else moved.table
    said = (
        f"{len(table):,} of {len(moved.table):,} words that both corpora use keep other company beyond chance."
        if judged
        else moved.note
    )
    rows = [
        (word, in_a, in_b, shift, "" if q is None else Number(q, p_value(q)), ", ".join(near_a), ", ".join(near_b))
        for word, in_a, in_b, shift, q, near_a, near_b in table.select(
            "word", "count_a", "count_b", "shift", "q_value", "nearest_a", "nearest_b"
        ).head(_PAIRED).iter_rows()
    ]  # fmt: skip
    headers = ("word", f"in {a}", f"in {b}", "shift", "q-value", f"nearest in {a}", f"nearest in {b}")
    return [Section(title, (Prose(said, strong=True), Table(headers, rows, limit=_PAIRED)), f"{moved.note} {_MOVED}")]


_MOVED = (
    "A Word2Vec space was learnt of each corpus and the two were aligned (Hamilton, Leskovec and Jurafsky 2016); a "
    "word's shift is one less the cosine of its two vectors. Vectors learnt twice are never the same (Dubossarsky, "
    "Weinshall and Grossman 2017), so each shift is held against those of random splits of both corpora. Other "
    "company isn't always another meaning: where two corpora are about different things, most words keep somewhat "
    "different company."
)


def _documents(found: Comparison) -> Section:
    two = found.answers is not None
    table = found.documents().filter(pl.col("witness").is_not_null())
    columns = table.select("corpus", "id", "witness", pl.col("text").fill_null(""))
    headers = ("corpus", "id", "witness", "text")
    method = (
        "The witness function of the MMD: a document's mean similarity to the first corpus less that to the second, "
        "or to its own corpus less that to the rest. Its extremes are the documents that hold the corpora apart; they "
        "are not typical of either."
    )
    values = [found.witness[found.samples.rows(corpus)] for corpus in range(len(found.names))]
    values = [value[np.isfinite(value)] for value in values]
    called = [clip(name, 40) for name in found.names]
    if not two:
        spread = ridges(
            called,
            values,
            caption="How much more like its own corpus than like the rest each document is.",
            sides=("more like the rest", "more like its own"),
        )
        tables = (
            Table(headers, columns.head(_PAIRED).rows(), "Most like their own corpus, least like the rest"),
            Table(headers, columns.tail(_PAIRED).reverse().rows(), "More like the rest than like their own corpus"),
        )
        return Section("Which documents?", (spread, *tables), method)
    a, b = called
    spread = ridges(
        called,
        values,
        caption="How much more like one corpus than like the other each document is.",
        sides=(f"more like {b}", f"more like {a}"),
    )
    most_a = Table(headers, columns.head(_ENDS).rows(), f"Most like {a}, least like {b}")
    most_b = Table(headers, columns.tail(_ENDS).reverse().rows(), f"Most like {b}, least like {a}")
    return Section("Which documents?", (spread, most_a, most_b), method)


# -- what they share ------------------------------------------------------------------------------------------


def _shared(found: Comparison) -> Section:
    least = found.settings.min_duplicate
    covered = found.coverage["covered"].to_numpy()
    twins = found.overlap.select("exact", "near", "semantic").to_numpy()
    free = found.shared.twins == 0  # documents without a twin
    alike = np.bincount(found.samples.of[free & found.near.covered], minlength=len(found.names))
    counts = np.column_stack([twins, alike, found.overlap["none"].to_numpy() - alike])
    parts = ("same text", "nearly the same text", f"cosine of at least {least:g}", "a counterpart in meaning", "none")
    figure = stacked(
        [clip(name, 40) for name in found.names], parts, counts, caption="What documents have in another corpus."
    )
    blocks: list[Prose | Table | Figure] = [figure]
    coverages = found.coverage
    for name, share, expected, count in zip(
        found.names, coverages["share"], coverages["expected"], covered, strict=True
    ):
        if share is not None and len(found.names) == 2:
            blocks.append(
                Prose(
                    f"{share:.0%} of {clip(name, 40)} ({count:,} documents) would be at home in the other corpus; were "
                    f"both of one source, {expected or 0.95:.0%} would."
                )
            )
    pairs = found.duplicates()
    if not len(pairs):
        blocks.append(Prose(f"No document of one corpus nearly repeats one of another (cosine of at least {least:g})."))
        return Section("What do they share?", tuple(blocks), _SHARED)
    texts = found.samples.texts
    shown = found.shared.pairs.head(_PAIRED)
    read = [("", "")] * len(shown) if texts is None else list(
        zip(texts.gather(shown["first"]), texts.gather(shown["second"]), strict=True)
    )  # fmt: skip
    rows = [
        (kind, x, y, score, overlap, containment, one, other)
        for (x, y, kind, overlap, containment, score), (one, other) in zip(
            pairs.head(_PAIRED).select("a", "b", "kind", "overlap", "containment", "score").iter_rows(),
            read,
            strict=True,
        )
    ]
    headers = ("kind", "id", "id of the other", "cosine", "shared runs", "contained", "text", "text of the other")
    note = f"{len(pairs):,} pairs, the surest first"
    blocks.append(Table(headers, rows, note, limit=_PAIRED, width=160))
    return Section("What do they share?", tuple(blocks), _SHARED)


_SHARED = (
    "Same text: but for capitals and spacing. Nearly the same: at least half of all runs of five words are in both "
    "(Jaccard index, found by MinHash; Broder 1997), or four fifths of the shorter one's are in the longer one. "
    "Cosine: between document vectors. A document has a counterpart where it lies as near to the other corpus as 95% "
    "of that corpus's own documents do to each other. Alike in meaning needn't be copied: read the pair."
)


def _counterparts(found: Comparison) -> Section:
    table = found.counterparts()
    texts = found.samples.texts
    lone = np.flatnonzero(~found.near.covered)
    lone = lone[np.argsort(found.near.other_score[lone], kind="stable")][:_PAIRED]
    owners, ids = found.samples.owners, found.samples.ids
    rows = [
        (owners[row], ids[row], float(found.near.other_score[row]), "" if texts is None else texts[row],
         "" if texts is None else texts[int(found.near.other[row])])
        for row in lone.tolist()
    ]  # fmt: skip
    count = int((~table["covered"]).sum())
    said = (
        f"{count:,} of {len(table):,} documents have no counterpart; the loneliest first."
        if count
        else "Every document has a counterpart in another corpus."
    )
    headers = ("corpus", "id", "cosine", "text", "nearest elsewhere")
    blocks: tuple[Prose | Table, ...] = (Prose(said, strong=True),)
    if rows:
        blocks = (*blocks, Table(headers, rows, limit=_PAIRED, width=160))
    method = (
        "The nearest document of another corpus, by cosine. A document is without a counterpart if it lies further "
        "from it than 95% of that corpus's documents lie from their own nearest: that isn't symmetric, and a larger "
        "corpus covers more."
    )
    return Section("Which documents have no counterpart?", blocks, method)


# -- what they are like ---------------------------------------------------------------------------------------


def _profile(found: Comparison) -> Section:
    rows = [
        (
            row["corpus"], row["documents"], row["words"], row["vocabulary"], row["words_per_document"],
            row["sentence_length"], _ranged(row, "diversity", 2), _ranged(row, "readability", 0),
            f"{row['language']} ({row['language_share']:.0%})" if row["language"] else "",
            _ranged(row, "spread", 2), row["outliers"],
        )
        for row in found.profiles().iter_rows(named=True)
    ]  # fmt: skip
    headers = (
        "corpus", "documents", "words", "vocabulary", "words a document", "words a sentence", "diversity", "LIX",
        "language", "spread", "outliers",
    )  # fmt: skip
    blocks: list[Prose | Table] = [Table(headers, rows, "Each corpus by itself, with 95% intervals", limit=_ROWS)]
    if found.profile.languages_differ():
        blocks.insert(0, Prose("The corpora are in different languages: that alone may hold them apart.", strong=True))
    odd = found.outliers().head(_PAIRED)
    if len(odd):
        texts = dict(zip(zip(found.samples.owners, found.samples.ids, strict=True), _texts(found), strict=True))
        listed = [(corpus, id, far, texts[corpus, id]) for corpus, id, far in odd.iter_rows()]
        blocks.append(
            Table(("corpus", "id", "distance", "text"), listed, "Documents odd in their own corpus", width=160)
        )
    method = (
        "Diversity is the mean share of different words in a window of so many words, which doesn't depend on length "
        "(moving-average type-token ratio, Covington and McFall 2010). LIX (Björnsson 1968) adds words a sentence and "
        "the percentage of long words: 20 is very easy, 40 a newspaper, 60 very hard. Spread is the mean cosine "
        "distance of two documents. An outlier is further from its nearest neighbours than some 99 in 100 documents "
        "of plain corpora are. Languages are told from a sample. A vocabulary grows with its corpus, so it says "
        "nothing of two of different size."
    )
    return Section("What are they like?", tuple(blocks), method)


def _texts(found: Comparison) -> list[str]:
    return [""] * len(found.samples) if found.samples.texts is None else found.samples.texts.to_list()


def _ranged(row: dict[str, float | None], name: str, digits: int) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return ""
    ends = f" ({low:.{digits}f} to {high:.{digits}f})" if low is not None and high is not None else ""
    return f"{value:.{digits}f}{ends}"
