"""`embed`: a corpus → a `Space`, in memory, or on disk with work that can be resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semspace import checks, pools
from semspace.errors import InputError
from semspace.files import PathLike
from semspace.sentences.blocks import blocks_of, warn_truncated
from semspace.sentences.encoding_plan import LONG_TEXTS, EncodingPlan
from semspace.sentences.english_only import warn_of_languages
from semspace.sentences.resumable import embed_into
from semspace.space import Space
from semspace.text.corpus import Corpus

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder

# In tokens; a sentence that two passages share would count twice in their mean.
_OVERLAP = {"cut": 0, "pool": 0, "passages": 32}


def embed(
    encoder: Encoder,
    corpus: Corpus,
    *,
    out: PathLike | None,
    long_texts: str,
    overlap: int | None,
    overwrite: bool,
    progress: bool,
) -> Space:
    """Encode the documents of a corpus into a space; see `Encoder.embed`."""
    if not isinstance(corpus, Corpus):
        raise InputError(
            f"embed takes a Corpus; got {type(corpus).__name__}: use Corpus.from_texts for a list of strings, "
            f"Corpus.read for a table or a file, or encode"
        )
    checks.flag("overwrite", overwrite)
    checks.flag("progress", progress)
    pools.need_polars("embedding a corpus")
    checks.choice("long_texts", long_texts, LONG_TEXTS)
    plan = EncodingPlan(encoder, long_texts, overlap_of(long_texts, overlap))
    warn_of_languages(encoder.name, corpus.texts)
    if out is not None:
        space = embed_into(plan, corpus, out, overwrite=overwrite, progress=progress)
    else:
        space = _embed_in_memory(plan, corpus, progress=progress)
    remedy = "pass long_texts='pool' (--long-texts pool) to encode them whole, or 'passages' for a point per passage"
    warn_truncated(encoder, space.provenance["truncated"], len(space), remedy=remedy, stacklevel=6)
    return space


def overlap_of(long_texts: str, overlap: int | None) -> int:
    """Return the tokens that passages repeat: as given, or the default for what is done with long texts."""
    if overlap is None:
        return _OVERLAP[long_texts]
    if checks.whole("overlap", overlap, low=0) and long_texts == "cut":
        raise InputError(
            f"overlap={overlap} is for passages, and long_texts='cut' makes none; leave it out, or pass "
            f"long_texts='passages' or 'pool'"
        )
    return int(overlap)


def _embed_in_memory(plan: EncodingPlan, corpus: Corpus, *, progress: bool) -> Space:
    points = plan.points(corpus)
    vectors = np.empty((len(points), plan.encoder.dim), np.float32)
    n_done = n_truncated = 0
    for block in plan.encode(blocks_of(points.texts), len(points), progress=progress):
        vectors[n_done : n_done + len(block.vectors)] = block.vectors
        n_done, n_truncated = n_done + len(block.vectors), n_truncated + int(block.truncated.sum())
    vectors.setflags(write=False)
    return plan.space(points, corpus, vectors, n_truncated)
