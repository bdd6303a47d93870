"""The report of a clustering: groups, a map, the hierarchy, documents, and quality."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from semspace.clusters.figures import hierarchy_figure, map_figure, sizes_figure, texts_of
from semspace.clusters.methods import method_description
from semspace.clusters.over_time_section import over_time_section
from semspace.clusters.projection import project
from semspace.clusters.stability import HOLDS, MIN_MEMBERS, MIN_POINTS, STABLE, in_words, stability_level
from semspace.display import clip, quoted
from semspace.errors import InputError
from semspace.report import Number, Page, Prose, Section, Table
from semspace.report.origin import chosen_title, origin

if TYPE_CHECKING:
    from semspace.clusters.clustering import Clustering

_MAX_GROUPS = 60  # in tables; the others are counted
_MAX_WEAK = 10  # unreliable groups that are named


def clustering_page(
    clustering: Clustering,
    times: str | Sequence[Any] | None = None,
    *,
    period: str = "auto",
    title: str | None = None,
    date: datetime.date | str | None = None,
) -> Page:
    """Return the report; `times` adds a section over time. See `Clustering.to_html`."""
    count = len(clustering)
    default = f"{len(clustering.space):,} documents in {count} group{'' if count == 1 else 's'}"
    heading, made_of = chosen_title(title, default), origin([clustering.space.provenance], date)
    if times is None and period != "auto":
        raise InputError(f"period={period!r} is the length of the periods of times=; give times, or leave it out")
    over_time = [] if times is None else [over_time_section(clustering.over_time(times, period=period))]
    hierarchy = [_hierarchy(clustering)] if count > 1 else []
    sections = (
        _groups(clustering),
        _map(clustering),
        *hierarchy,
        _documents(clustering),
        _quality(clustering),
        *over_time,
        clustering.methods().section(),
    )
    return Page(heading, _verdict(clustering), sections, "" if title is None else f"{default}.", origin=made_of)


def _verdict(clustering: Clustering) -> str:
    sizes = clustering.sizes
    largest = int(sizes.argmax())
    sentences = [
        f"The largest group is {quoted(clustering.names[largest])} with {sizes[largest]:,} documents, "
        f"{_percent(clustering, largest)} of all.",
        in_words(clustering.stability),
    ]
    outliers = int((clustering.labels < 0).sum())
    if outliers:
        requested = ", as requested" if clustering.provenance.get("outliers") else ""
        sentences.append(f"{outliers:,} documents were left without a group{requested}.")
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
    return Section("The groups", (Table(headers, rows, limit=_MAX_GROUPS), sizes_figure(clustering)), method)


def _map(clustering: Clustering) -> Section:
    drawn = len(project(clustering)[0])
    method = (
        f"t-SNE (van der Maaten and Hinton 2008) of {drawn:,} of the {len(clustering.space):,} "
        f"documents; of documents with the same vector, one is drawn. It keeps neighbours together; the distance "
        f"between two groups, and the area of a group, mean little. The groups were not found on this map."
    )
    return Section("A map", (map_figure(clustering),), method)


def _hierarchy(clustering: Clustering) -> Section:
    method = (
        "Average linkage on the cosine distances of the groups' centres. Groups that merge far left are similar in "
        "meaning; coarsen(n) returns the clustering with n groups."
    )
    return Section("Which groups are similar?", (hierarchy_figure(clustering),), method)


def _documents(clustering: Clustering) -> Section:
    central = []
    for group in range(min(len(clustering), _MAX_GROUPS)):
        rows = clustering._representative_rows(group, 3)
        ids, texts = clustering.space.ids[rows].tolist(), texts_of(clustering, rows, 300)
        central += [(clustering.names[group], id, text) for id, text in zip(ids, texts, strict=True)]
    blocks = (
        Table(
            ("group", "id", "text"),
            central,
            "Close to the centre of their group, and different from each other",
            limit=3 * _MAX_GROUPS,
        ),
        *([_borderline(clustering)] if len(clustering) > 1 else []),
    )
    method = (
        "Membership is the share of the votes of a document's 15 nearest neighbours for its group, weighted by "
        "distance."
    )
    return Section("Documents", blocks, method)


def _borderline(clustering: Clustering) -> Table:
    table = clustering.borderline(n=10)
    columns = [table[name] for name in ("id", "name", "second_name", "membership")]
    rows: list[tuple[object, ...]] = [
        (id, name, second or "", share) for id, name, second, share in zip(*columns, strict=True)
    ]
    headers: tuple[str, ...] = ("id", "group", "or rather", "membership")
    if table.schema.get("text") == pl.String:
        rows = [(*row, clip(text or "", 200)) for row, text in zip(rows, table["text"], strict=True)]
        headers = (*headers, "text")
    return Table(headers, rows, "Borderline: these could be in another group")


def _quality(clustering: Clustering) -> Section:
    table = clustering.quality()
    weak = [name for name, value in zip(clustering.names, clustering.stability, strict=True) if value < HOLDS]
    summary = in_words(clustering.stability)
    if weak:
        more = f" and {len(weak) - _MAX_WEAK:,} more" if len(weak) > _MAX_WEAK else ""
        summary += f" Unreliable: {'; '.join(clip(name, 60) for name in weak[:_MAX_WEAK])}{more}."
    headers = ("name", "documents", "stability", "silhouette", "mean membership", "coherence")
    rows = [(name, size, _stability(value), *rest) for _, name, size, value, *rest in table.iter_rows()]
    method = (
        f"Stability: the documents were clustered again ten times, each time four fifths of them; stability is the "
        f"mean overlap (Jaccard) with the most similar of the new groups (Hennig 2007). A group is stable from "
        f"{STABLE:g}, uncertain from {HOLDS:g}, and unreliable below: it is an accident of the sample. It isn't "
        f"measured below {MIN_POINTS} documents in all or {MIN_MEMBERS} in the group, for a single group, and for "
        "groups that were edited. Silhouette: how much nearer documents are to the centre of their own group than to "
        "the next one, from -1 to 1. Coherence: how often the keywords occur in the same documents (NPMI), from -1 to "
        "1. A group can be stable and still not be what a reader would call a subject."
    )
    blocks = (Prose(summary, strong=True), Table(headers, rows, limit=_MAX_GROUPS))
    return Section("How reliable are the groups?", blocks, method)


def _stability(value: float | None) -> Number:
    known = math.nan if value is None else value
    return Number(known, stability_level(known) if value is None else f"{value:.3f}, {stability_level(value)}")


def _percent(clustering: Clustering, group: int) -> str:
    return f"{clustering.sizes[group] / len(clustering.space):.1%}"
