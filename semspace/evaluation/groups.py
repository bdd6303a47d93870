"""Known groups, held against groups that were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from semspace.clusters.cluster import cluster
from semspace.clusters.clustering import Clustering
from semspace.errors import InputError
from semspace.evaluation.score import Score
from semspace.evaluation.things import encoder_of, word_table
from semspace.space import Space
from semspace.text.corpus import Corpus


@dataclass(frozen=True)
class Groups:
    """Normalised mutual information with the true groups; the adjusted Rand index is among the parts.

    A `Clustering` is judged as it is. Anything else is clustered first, its labelled points only, into as many groups
    as they have labels.

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
        found = thing if isinstance(thing, Clustering) else self._cluster(self._labelled(thing))
        pairs = [
            (self.labels[id], int(label))
            for id, label in zip(found.space.ids, found.labels, strict=True)
            if id in self.labels
        ]
        if not pairs:
            raise self._no_label()
        truth, labels = zip(*pairs, strict=True)
        nmi, ari = normalized_mutual_info_score(truth, labels), adjusted_rand_score(truth, labels)
        parts = (("adjusted rand index", float(ari), len(pairs)),)
        return Score(self.name, "nmi", float(nmi), len(pairs), len(self.labels), parts)

    def _labelled(self, thing: Any) -> Space:
        if isinstance(thing, Space):
            known = [id for id in thing.ids if id in self.labels]
            if not known:
                raise self._no_label()
            return thing.select(known)
        if self.corpus is not None:
            known = [id for id in self.corpus.ids if id in self.labels]
            texts = self.corpus.select(known).texts.to_list()
            return Space.from_vectors(known, encoder_of(thing, "document")(texts))
        table = word_table(thing, list(self.labels))
        rows = [row for row, word in enumerate(table.words) if word in self.labels]
        if not rows:
            raise self._no_label()
        return Space.from_vectors([table.words[row] for row in rows], table.vectors[rows])

    def _cluster(self, space: Space) -> Clustering:
        return cluster(space, k=len({self.labels[id] for id in space.ids}), progress=False)

    def _no_label(self) -> InputError:
        return InputError(f"{self.name}: no id of what is judged has a label; check the ids")
