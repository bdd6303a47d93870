"""Agreement of a clustering with labelled groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.evaluation.adapters import encoder_of, word_table
from semspace.evaluation.lookup import WordRows, find_words
from semspace.evaluation.score import NotEvaluatedError, Score
from semspace.space import Space
from semspace.text.corpus import Corpus


@dataclass(frozen=True)
class Groups:
    """Normalised mutual information with labelled groups; the adjusted Rand index is in the parts.

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

    def score(self, thing: Any) -> Score:
        """Score a Clustering, a Space, an Encoder, gensim's KeyedVectors or a sentence-transformers model."""
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
        truth = [self.labels[name] for name in matches.rows]
        labels = groups.labels[list(matches.rows.values())]
        nmi, ari = normalized_mutual_info_score(truth, labels), adjusted_rand_score(truth, labels)
        parts = (("adjusted rand index", float(ari), len(truth)),)
        return Score(self.name, "nmi", float(nmi), len(truth), len(self.labels), parts, matches.note)

    def _check(self, matches: WordRows) -> None:
        if not matches.rows:
            raise NotEvaluatedError(f"{self.name}: no id has a label; check the ids", used=0, total=len(self.labels))
