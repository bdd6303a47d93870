"""How many documents of groups contain each term: what names are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from semspace.clusters.document_terms import DocumentTerms
from semspace.types import Doubles1d, Int32s1d


@dataclass(frozen=True, eq=False)
class TermCounts:
    """How many documents of each of k groups, and of all, contain each of V terms.

    Parameters
    ----------
    in_groups : csr_array of float32, shape (k, V)
    sizes : ndarray of float64, shape (k,)
        Documents of each group.
    in_all : ndarray of float64, shape (V,)
        Documents that contain each term, of all that are compared with.
    n : int
        How many are compared with.
    """

    in_groups: csr_array
    sizes: Doubles1d
    in_all: Doubles1d
    n: int

    @classmethod
    def of_labels(cls, terms: DocumentTerms, labels: Int32s1d, n_clusters: int) -> TermCounts:
        """Count in groups that don't overlap, compared with all documents that are in a group; -1 is no group."""
        counts = terms.group_counts(labels, n_clusters)
        sizes = np.bincount(labels[labels >= 0], minlength=n_clusters).astype(np.float64)
        totals = np.asarray(counts.sum(axis=0), np.float64).ravel()
        return cls(counts, sizes, totals, int((labels >= 0).sum()))

    @classmethod
    def of_members(cls, terms: DocumentTerms, members: csr_array) -> TermCounts:
        """Count in groups that may overlap, compared with all documents.

        Parameters
        ----------
        terms : DocumentTerms
        members : csr_array of float32, shape (k, n)
            1 where a document is in a group.
        """
        sizes = np.asarray(members.sum(axis=1), np.float64).ravel()
        return cls(csr_array(members @ terms.matrix), sizes, terms.document_counts, terms.matrix.shape[0])
