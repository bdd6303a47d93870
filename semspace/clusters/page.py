"""The report of a clustering: the groups, a map, what is near what, documents, and how sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from semspace.clusters.projection import MOST, layout
from semspace.clusters.stability import HOLDS
from semspace.display import clip
from semspace.report import Figure, Page, Prose, Section, Table, bars, dendrogram, lines, scatter

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_GROUPS = 60  # listed; the rest is counted
_IN_FIGURES = 24
_METHODS = {
    "leiden": "Leiden (Traag et al. 2019) on the network of each document's nearest neighbours",
    "kmeans": "spherical k-means",
    "k-means": "spherical k-means",
    "ward": "Ward's tree over small groups",
    "hdbscan": "HDBSCAN (Campello et al. 2013) on the principal axes",
}


def clustering_page(found: Clustering, times: str | Sequence[Any] | None = None) -> Page:
    """Compose the report."""
    sections = [_groups(found), _map(found)]
    if len(found) > 1:
        sections.append(_near(found))
    sections += [_documents(found), _sure(found)]
    if times is not None:
        sections.append(_time(found, times))
    k = len(found)
    title = f"{len(found.space):,} documents in {k} group{'' if k == 1 else 's'}"
    return Page(title, _verdict(found), tuple(sections))


def method_of(found: Clustering) -> str:
    """Say in words how the groups were found."""
    made = str(found.provenance.get("made_by", ""))
    return _METHODS.get(made, made or "hand")


def _verdict(found: Clustering) -> str:
    sizes = found.sizes
    largest = int(sizes.argmax())
    known = found.stability[~np.isnan(found.stability)]
    held = int((known >= 0.75).sum())
    weak = int((known < HOLDS).sum())
    said = (
        f"The largest group is {found.names[largest]!r} with {sizes[largest]:,} documents, {_percent(found, largest)} "
        f"of all."
    )
    if len(known):
        said += f" {held} of {len(known)} groups hold well when a fifth of the documents is left out."
    if weak:
        said += f" {weak} are accidents of the sample, and shouldn't be relied on."
    left = int((found.labels < 0).sum())
    return said + (f" {left:,} documents belong to no group, as asked." if left else "")


def _groups(found: Clustering) -> Section:
    rows = [
        (g, found.names[g], int(size), _percent(found, g), float(found.stability[g]), ", ".join(found.keywords[g]))
        for g, size in enumerate(found.sizes)
    ]
    method = (
        f"Groups were found by {method_of(found)}. Keywords are the words that a larger share of the group's "
        f"documents hold than of all (class-based TF-IDF); a title is made of a phrase of the texts and the first "
        f"keywords. Groups are cut where the text is thinnest, which needn't be where a reader would cut."
    )
    headers = ("group", "name", "documents", "share", "stability", "keywords")
    return Section("The groups", (Table(headers, rows, limit=_GROUPS), _sizes(found)), method)


def _sizes(found: Clustering) -> Figure:
    order = np.argsort(-found.sizes, kind="stable")[:_IN_FIGURES]
    return bars(
        [found.names[g] for g in order],
        [int(found.sizes[g]) for g in order],
        caption="Documents in each group."
        if len(order) == len(found)
        else f"Documents in the {len(order)} largest groups.",
    )


def _map(found: Clustering) -> Section:
    rows, places = layout(found, MOST)
    labels = found.labels[rows]
    names = list(found.names)
    if (labels < 0).any():
        names.append("no group")
        labels = np.where(labels < 0, len(found), labels)
    texts = _texts(found, rows)
    figure = scatter(
        places, labels.tolist(), names, texts, caption="Every mark is a document; near means alike.", most=MOST
    )
    method = (
        f"t-SNE (van der Maaten and Hinton 2008) of {len(rows):,} documents taken evenly from {len(found.space):,}. "
        f"It keeps neighbours together; the distance between two groups, and how large one looks, mean little. The "
        f"groups were not found on this map."
    )
    return Section("A map", (figure,), method)


def _near(found: Clustering) -> Section:
    shown = found if len(found) <= 80 else found.coarsen(80)
    method = (
        "Average linkage on the cosine distances of the groups' centres. Groups that merge far left are near in "
        "meaning; coarsen(n) returns the groups that remain when n are left."
    )
    figure = dendrogram(shown.tree, shown.names, caption="Groups merge at the distance of their centres.")
    return Section("Which groups are near each other?", (figure,), method)


def _documents(found: Clustering) -> Section:
    tables = []
    for group in range(min(len(found), _GROUPS)):
        rows = found._representative(group, 3)
        ids = found.space.ids[rows].tolist()
        tables += [(found.names[group], id, text) for id, text in zip(ids, _texts(found, rows, 300), strict=True)]
    edge = found.borderline(n=10)
    border = [
        (id, name, second or "", share, clip(text or "", 200))
        for id, name, share, second, text in zip(
            edge["id"], edge["name"], edge["membership"], edge["second_name"], _column(edge), strict=True
        )
    ]
    blocks = (
        Table(
            ("group", "id", "text"), tables, "Near the middle of their group, and unlike each other", limit=3 * _GROUPS
        ),
        Table(
            ("id", "group", "or rather", "membership", "text"), border, "On the border: these could be in another group"
        ),
    )
    method = (
        "Membership is the share of the votes of a document's 15 nearest neighbours that go to its group, the nearer "
        "the heavier."
    )
    return Section("Documents", blocks, method)


def _sure(found: Clustering) -> Section:
    table = found.quality()
    weak = found.to_frame().filter(pl.col("holds") == False)["name"].to_list()  # noqa: E712 - null is neither
    said = (
        f"Not to be relied on: {'; '.join(clip(name, 60) for name in weak[:10])}."
        if weak
        else "Every group that was tested is found again in samples of the documents."
    )
    method = (
        "Stability: the documents were grouped again ten times, each time four fifths of them; it is the mean overlap "
        "(Jaccard) with the most similar group found then (Hennig 2007). Above 0.75 a group holds; under 0.5 it is an "
        "accident of the sample. Silhouette: how much nearer documents are to their own group's centre than to the "
        "next, from -1 to 1. Coherence: how much the keywords come in the same documents (NPMI), from -1 to 1. A "
        "group can be stable and still not be what a reader would call a subject."
    )
    return Section(
        "How sure?", (Prose(said, strong=True), Table(tuple(table.columns), table.rows(), limit=_GROUPS)), method
    )


def _time(found: Clustering, times: str | Sequence[Any]) -> Section:
    shares = found.over_time(times)
    periods = shares["period"].unique().sort().to_list()
    method = "Share of each period's documents; intervals of 95% are in over_time(). Few documents make wide intervals."
    largest = np.argsort(-found.sizes, kind="stable")[:6].tolist()
    if all(isinstance(period, int) for period in periods) and len(periods) > 1:
        panels = [(found.names[g], shares.filter(pl.col("group") == g)["share"].to_list()) for g in largest]
        figure = lines(periods, panels, unit="period", caption="Share of the period's documents in the largest groups.")
        return Section("Over time", (figure,), method)
    wide = [
        (found.names[g], *(f"{share:.1%}" for share in shares.filter(pl.col("group") == g)["share"])) for g in largest
    ]
    return Section("Over time", (Table(("group", *(str(period) for period in periods)), wide),), method)


def _percent(found: Clustering, group: int) -> str:
    return f"{found.sizes[group] / len(found.space):.1%}"


def _texts(found: Clustering, rows: Any, width: int = 100) -> list[str]:
    table = found.space.metadata
    if table is None or table.schema.get("text") != pl.String:
        return [str(id) for id in found.space.ids[rows]]
    return [clip(text or "", width) for text in table["text"].gather(rows)]


def _column(table: pl.DataFrame) -> list[str | None]:
    return table["text"].to_list() if table.schema.get("text") == pl.String else [None] * len(table)
