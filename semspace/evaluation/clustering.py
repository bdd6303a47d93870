"""Agreement of a clustering with labelled groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.evaluation.adapters import encoder_of, word_table
from semspace.evaluation.lookup import WordRows, find_words
from semspace.evaluation.score import NotEvaluatedError, Score
from semspace.evaluation.task_checks import check_corpus, check_mapping, check_name
from semspace.evaluation.task_measure import TaskMeasure
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import Ints1d

# Name of a measure → its statistic. The mutual information divided by the mean entropy is the V-measure.
MEASURES = {
    "nmi": "v measure", "v_measure": "v measure", "adjusted_rand_index": "adjusted rand index", "purity": "purity",
}  # fmt: skip


@dataclass(frozen=True)
class Groups:
    """Normalised mutual information with labelled groups, and the adjusted Rand index and purity beside it.

    It is divided by the mean of both entropies, and so the same as the V-measure (Rosenberg & Hirschberg 2007), which
    stands beside it under that name.

    A `Clustering` is scored as it is. Of anything else, the labelled points are clustered first, into as many groups as
    there are labels. A labelled word is looked up as it is written, and only if it is missing, with other capital
    letters.

    Parameters
    ----------
    name : str
    labels : mapping of id (a document's, or a word) to label
    corpus : Corpus, optional
        The texts of the ids, for an encoder; without it, ids are words.
    """

    name: str
    labels: Mapping[str, str]
    corpus: Corpus | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_mapping(self.name, "labels", self.labels, "ids to labels")
        if self.corpus is not None:
            check_corpus(self.name, "corpus", self.corpus)

    def score(self, thing: Any) -> Score:
        """Score a Clustering, a Space, an Encoder, gensim's KeyedVectors, or another model of sentences."""
        if isinstance(thing, Clustering):
            return self._score(thing, find_words(thing.space.ids.tolist(), self.labels))
        if isinstance(thing, Space):
            matches = find_words(thing.ids.tolist(), self.labels)
            return self._cluster(matches, thing.vectors)
        if self.corpus is not None:
            labelled = [id for id in self.corpus.ids if id in self.labels]
            texts = self.corpus.select(labelled).texts.to_list() if labelled else []
            rows = {id: row for row, id in enumerate(labelled)}
            return self._cluster(WordRows(rows, 0), encoder_of(thing, "document")(texts) if labelled else None)
        table = word_table(thing, list(self.labels))
        return self._cluster(table.find(self.labels), table.vectors)

    def _cluster(self, matches: WordRows, vectors: Any) -> Score:
        """Cluster the labelled points and score the groups."""
        self._check(matches)
        names = list(matches.rows)
        space = Space.from_vectors(names, np.asarray(vectors)[list(matches.rows.values())])
        groups = cluster(space, n_clusters=len({self.labels[name] for name in names}), progress=False)
        return self._score(groups, WordRows({name: row for row, name in enumerate(names)}, matches.other_case))

    def _score(self, groups: Clustering, matches: WordRows) -> Score:
        self._check(matches)
        measures = agreement(self.labels, matches, groups.labels[list(matches.rows.values())])
        ari = next(one.value for one in measures if one.name == "adjusted_rand_index")
        parts = (("adjusted rand index", ari, len(matches.rows)),)
        return Score.of(self.name, measures, len(matches.rows), len(self.labels), parts, matches.note)

    def _check(self, matches: WordRows) -> None:
        if not matches.rows:
            raise NotEvaluatedError(f"{self.name}: no id has a label; check the ids", used=0, total=len(self.labels))


def agreement(labels: Mapping[str, str], matches: WordRows, groups: Any) -> list[TaskMeasure]:
    """Return the measures of `MEASURES` of the points found, whose groups are given in their order."""
    number = {label: i for i, label in enumerate(dict.fromkeys(labels.values()))}
    place = {name: i for i, name in enumerate(labels)}
    items: Ints1d = np.array([place[name] for name in matches.rows], np.int64)
    truth: Ints1d = np.array([number[labels[name]] for name in matches.rows], np.int64)
    order = np.argsort(items)
    of = np.asarray(groups, np.int64)[order]
    return [TaskMeasure(name, statistic, of, truth[order], items[order]) for name, statistic in MEASURES.items()]
