"""The report of a clustering: groups, a map, the hierarchy, documents, and quality."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace.clusters.methods import method_description
from semspace.clusters.projection import MAX_DRAWN, project
from semspace.clusters.stability import HOLDS, STABLE
from semspace.display import clip
from semspace.report import Figure, Page, Prose, Section, Table, bars, dendrogram, lines, scatter
from semspace.report.origin import chosen_title, origin
from semspace.types import Ints1d

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_MAX_GROUPS = 60  # in tables; the others are counted
_MAX_BARS = 24  # groups in the figure of sizes
_MAX_LEAVES = 80  # groups in the figure of the hierarchy
_MAX_LINES = 6  # groups in the section over time
_MAX_WEAK = 10  # unreliable groups that are named


def clustering_page(
    clustering: Clustering,
    times: str | Sequence[Any] | None = None,
    *,
    title: str | None = None,
    date: datetime.date | str | None = None,
) -> Page:
    """Return the report; `times` adds a section over time. See `Clustering.to_html`."""
    sections = [_groups(clustering), _map(clustering)]
    if len(clustering) > 1:
        sections.append(_hierarchy(clustering))
    sections += [_documents(clustering), _quality(clustering)]
    if times is not None:
        sections.append(_over_time(clustering, times))
    sections.append(clustering.methods().section())
    count = len(clustering)
    default = f"{len(clustering.space):,} documents in {count} group{'' if count == 1 else 's'}"
    return Page(
        chosen_title(title, default),
        _verdict(clustering),
        tuple(sections),
        "" if title is None else f"{default}.",
        origin=origin([clustering.space.provenance], date),
    )


def _verdict(clustering: Clustering) -> str:
    sizes = clustering.sizes
    largest = int(sizes.argmax())
    stabilities = clustering.stability[~np.isnan(clustering.stability)]
    stable, weak = int((stabilities >= STABLE).sum()), int((stabilities < HOLDS).sum())
    sentences = [
        f"The largest group is {clustering.names[largest]!r} with {sizes[largest]:,} documents, "
        f"{_percent(clustering, largest)} of all."
    ]
    if len(stabilities):
        sentences.append(f"{stable} of {len(stabilities)} groups are stable when a fifth of the documents is left out.")
    if weak:
        sentences.append(f"{weak} {'is' if weak == 1 else 'are'} unreliable (stability below {HOLDS:g}).")
    outliers = int((clustering.labels < 0).sum())
    if outliers:
        sentences.append(f"{outliers:,} documents were left without a group, as requested.")
    return " ".join(sentences)


def _groups(clustering: Clustering) -> Section:
    rows = [
        (
            group,
            clustering.names[group],
            int(size),
            _percent(clustering, group),
            float(clustering.stability[group]),
            ", ".join(clustering.keywords[group]),
        )
        for group, size in enumerate(clustering.sizes)
    ]
    method = (
        f"Groups were found by {method_description(clustering.provenance)}. Keywords are words that a larger share of "
        f"the group's documents contain than of all documents, ordered by their contribution to the Kullback-Leibler "
        f"divergence between both; a name consists of a phrase from the texts and the first keywords. Boundaries "
        f"between groups lie where documents are sparse, which isn't always where a reader would draw them."
    )
    headers = ("group", "name", "documents", "share", "stability", "keywords")
    return Section("The groups", (Table(headers, rows, limit=_MAX_GROUPS), _sizes(clustering)), method)


def _sizes(clustering: Clustering) -> Figure:
    order = np.argsort(-clustering.sizes, kind="stable")[:_MAX_BARS]
    return bars(
        [clustering.names[group] for group in order],
        [int(clustering.sizes[group]) for group in order],
        caption="Documents in each group."
        if len(order) == len(clustering)
        else f"Documents in the {len(order)} largest groups.",
    )


def _map(clustering: Clustering) -> Section:
    rows, coordinates = project(clustering, MAX_DRAWN)
    labels, names, sizes = clustering.labels[rows], list(clustering.names), clustering.sizes.tolist()
    if len(clustering.outliers):
        names.append("no group")
        sizes.append(len(clustering.outliers))
        labels = np.where(labels < 0, len(clustering), labels)
    figure = scatter(
        coordinates,
        labels.tolist(),
        names,
        _texts(clustering, rows),
        caption="Every mark is a document; documents near each other are similar.",
        most=MAX_DRAWN,
        sizes=sizes,
        unit="documents",
    )
    method = (
        f"t-SNE (van der Maaten and Hinton 2008) of {len(rows):,} of the {len(clustering.space):,} "
        f"documents; of documents with the same vector, one is drawn. It keeps neighbours together; the distance "
        f"between two groups, and the area of a group, mean little. The groups were not found on this map."
    )
    return Section("A map", (figure,), method)


def _hierarchy(clustering: Clustering) -> Section:
    shown = clustering if len(clustering) <= _MAX_LEAVES else clustering.coarsen(_MAX_LEAVES)
    method = (
        "Average linkage on the cosine distances of the groups' centres. Groups that merge far left are similar in "
        "meaning; coarsen(n) returns the clustering with n groups."
    )
    figure = dendrogram(shown.tree, shown.names, caption="Groups merge at the distance of their centres.")
    return Section("Which groups are similar?", (figure,), method)


def _documents(clustering: Clustering) -> Section:
    central = []
    for group in range(min(len(clustering), _MAX_GROUPS)):
        rows = clustering._representative_rows(group, 3)
        ids, texts = clustering.space.ids[rows].tolist(), _texts(clustering, rows, 300)
        central += [(clustering.names[group], id, text) for id, text in zip(ids, texts, strict=True)]
    table = clustering.borderline(n=10)
    texts = table["text"].to_list() if table.schema.get("text") == pl.String else [""] * len(table)
    columns = (table[name] for name in ("id", "name", "second_name", "membership"))
    border = [
        (id, name, second or "", share, clip(text or "", 200))
        for id, name, second, share, text in zip(*columns, texts, strict=True)
    ]
    blocks = (
        Table(
            ("group", "id", "text"),
            central,
            "Close to the centre of their group, and different from each other",
            limit=3 * _MAX_GROUPS,
        ),
        Table(
            ("id", "group", "or rather", "membership", "text"), border, "Borderline: these could be in another group"
        ),
    )
    method = (
        "Membership is the share of the votes of a document's 15 nearest neighbours for its group, weighted by "
        "distance."
    )
    return Section("Documents", blocks, method)


def _quality(clustering: Clustering) -> Section:
    table = clustering.quality()
    weak = [name for name, value in zip(clustering.names, clustering.stability, strict=True) if value < HOLDS]
    summary = (
        f"Unreliable: {'; '.join(clip(name, 60) for name in weak[:_MAX_WEAK])}."
        if weak
        else f"No group is unreliable (stability below {HOLDS:g})."
    )
    method = (
        "Stability: the documents were clustered again ten times, each time four fifths of them; stability is the mean "
        "overlap (Jaccard) with the most similar of the new groups (Hennig 2007). A group is stable from 0.75, "
        "uncertain between 0.5 and 0.75, and unreliable below 0.5: it is an accident of the sample. Silhouette: how "
        "much nearer documents are to the centre of their own group than to the next one, from -1 to 1. Coherence: how "
        "often the keywords occur in the same documents (NPMI), from -1 to 1. A group can be stable and still "
        "not be what a reader would call a subject."
    )
    blocks = (Prose(summary, strong=True), Table(tuple(table.columns), table.rows(), limit=_MAX_GROUPS))
    return Section("How reliable are the groups?", blocks, method)


def _over_time(clustering: Clustering, times: str | Sequence[Any]) -> Section:
    shares = clustering.over_time(times)
    periods = shares["period"].unique().sort().to_list()
    method = (
        "Share of each period's documents; over_time() returns 95 % confidence intervals, which are wide where a "
        "period has few documents."
    )
    largest = np.argsort(-clustering.sizes, kind="stable")[:_MAX_LINES].tolist()
    names = clustering.names
    series = {group: shares.filter(pl.col("group") == group)["share"] for group in largest}
    if all(isinstance(period, int) for period in periods) and len(periods) > 1:
        panels = [(names[group], values.to_list()) for group, values in series.items()]
        figure = lines(periods, panels, unit="period", caption="Share of the period's documents in the largest groups.")
        return Section("Over time", (figure,), method)
    rows = [(names[group], *(f"{share:.1%}" for share in values)) for group, values in series.items()]
    return Section("Over time", (Table(("group", *(str(period) for period in periods)), rows),), method)


def _percent(clustering: Clustering, group: int) -> str:
    return f"{clustering.sizes[group] / len(clustering.space):.1%}"


def _texts(clustering: Clustering, rows: Ints1d, width: int = 100) -> list[str]:
    """Return the texts of some rows, cut to `width` characters, or their ids where there are no texts."""
    table = clustering.space.metadata
    if table is None or table.schema.get("text") != pl.String:
        return [str(id) for id in clustering.space.ids[rows]]
    return [clip(text or "", width) for text in table["text"].gather(rows)]
