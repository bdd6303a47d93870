"""Known groups, held against groups that were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.evaluation.adapters import encoder_of, word_table
from semspace.evaluation.lookup import Found, find
from semspace.evaluation.score import Score, UnjudgedError
from semspace.space import Space
from semspace.text.corpus import Corpus


@dataclass(frozen=True)
class Groups:
    """Normalised mutual information with the true groups; the adjusted Rand index is among the parts.

    A `Clustering` is judged as it is. Anything else is clustered first, its labelled points only, into as many groups
    as they have labels. A labelled word is looked up as it is written, and in another case only where it isn't there.

    Parameters
    ----------
    name : str
    labels : mapping of id (a document's, or a word) to label
    corpus : Corpus, optional
        The texts behind the ids, for an encoder. Without it ids are taken for words.
    """

    name: str
    labels: Mapping[str, str]
    corpus: Corpus | None = None

    def score(self, thing: Any) -> Score:
        """Judge a Clustering, a Space, an Encoder, gensim's KeyedVectors or a sentence-transformers model."""
        if isinstance(thing, Clustering):
            return self._judge(thing, find(thing.space.ids.tolist(), self.labels))
        if isinstance(thing, Space):
            found = find(thing.ids.tolist(), self.labels)
            return self._cluster(found, thing.vectors)
        if self.corpus is not None:
            known = [id for id in self.corpus.ids if id in self.labels]
            texts = self.corpus.select(known).texts.to_list() if known else []
            rows = {id: row for row, id in enumerate(known)}
            return self._cluster(Found(rows, 0), encoder_of(thing, "document")(texts) if known else None)
        table = word_table(thing, list(self.labels))
        return self._cluster(table.find(self.labels), table.vectors)

    def _cluster(self, found: Found, vectors: Any) -> Score:
        """Cluster the labelled points, each by its own label's name, and judge the groups."""
        self._check(found)
        names = list(found.rows)
        space = Space.from_vectors(names, np.asarray(vectors)[list(found.rows.values())])
        groups = cluster(space, n_clusters=len({self.labels[name] for name in names}), progress=False)
        return self._judge(groups, Found({name: row for row, name in enumerate(names)}, found.other_case))

    def _judge(self, groups: Clustering, found: Found) -> Score:
        self._check(found)
        truth = [self.labels[name] for name in found.rows]
        labels = groups.labels[list(found.rows.values())]
        nmi, ari = normalized_mutual_info_score(truth, labels), adjusted_rand_score(truth, labels)
        parts = (("adjusted rand index", float(ari), len(truth)),)
        return Score(self.name, "nmi", float(nmi), len(truth), len(self.labels), parts, found.note)

    def _check(self, found: Found) -> None:
        if not found.rows:
            raise UnjudgedError(
                f"{self.name}: no id of what is judged has a label; check the ids", used=0, total=len(self.labels)
            )
