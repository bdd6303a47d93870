"""`encode`: the texts of many files → shards of vectors."""

from __future__ import annotations

import os
import warnings
from typing import Any

from semspace import checks
from semspace.errors import InputError, SemspaceWarning
from semspace.scale.cutting import SHARD_BYTES
from semspace.scale.documents import Reading
from semspace.scale.encoding import opened_encoder
from semspace.scale.inputs import check_outside, find_inputs
from semspace.scale.job import ShardJob
from semspace.scale.manifest import JobManifest
from semspace.scale.run_options import RunOptions
from semspace.scale.running import run_job
from semspace.scale.storage import open_storage
from semspace.sentences.embedding import overlap_of
from semspace.sentences.encoding_plan import LONG_TEXTS, EncodingPlan


def encode(
    texts: Any,
    out: Any,
    model: str | os.PathLike[str],
    *,
    text: str | None = None,
    id: str | None = None,
    empty: str = "raise",
    encoding: str = "utf-8",
    backend: str = "auto",
    max_tokens: int | None = None,
    long_texts: str = "cut",
    overlap: int | None = None,
    shard_bytes: int = SHARD_BYTES,
    client: Any = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> ShardJob:
    r"""Encode the texts of many files, a file at a time, in this process or on a cluster.

    Each file, or part of a large one, is a shard: its vectors become one file in `out`, by the same code on every
    machine. The same call again
    does only what isn't finished, so that a worker that dies costs its shard, and a job that is stopped costs the
    shards that were being worked on. Files that are added to the folder or the pattern are added to the job.

    Parameters
    ----------
    texts : path, folder, pattern, URL, or list of them
        What `Corpus.read` reads, local or at any URL that fsspec opens, such as ``s3://bucket/texts/*.parquet``; each
        line of a ``.txt`` is a document. Some 10 to 30 MB a file are best.
    out : path or URL
        Folder of the results, that all workers can write to.
    model : str or path
        As for `Encoder.load`; every worker opens it by this name, and its fingerprint must be the same everywhere.
    text, id, empty, encoding
        As for `Corpus.read`.
    backend, max_tokens
        As for `Encoder.load`. ``"auto"`` is chosen here, for all workers.
    long_texts, overlap
        As for `Encoder.embed`.
    shard_bytes : int
        Larger files are cut into parts, each a shard: ``.jsonl`` and ``.txt`` at the first line end at or after each
        multiple of it, Parquet between row groups, as many as fit. Others, and those packed as ``.gz``, are one shard
        each, with a warning.
    client : None, distributed.Client or str, optional
        Where the work is done. None: in this process. A client of Dask, the address of its scheduler
        (``"tcp://host:8786"``), ``"ray"`` or ``"ray://host:10001"``: on the workers of that cluster.
    threads : int, optional
        Of the work on one shard: by default all that this process or the worker of Dask has, and 1 on Ray.
    overwrite : bool
        Replace another job in `out`. Anything else there is never overwritten.
    progress : bool

    Returns
    -------
    ShardJob
        Open the vectors with `read_space`, or send them to a server with `push`.

    Raises
    ------
    ExistsError
        If `out` holds another job, or anything else.
    ShardsFailedError
        If some shards failed, such as a file without documents, or with a document without text; all others are
        finished. Mend the file, or remove it from the texts, and the same call does the rest.
    InputError
        If a parameter can't be used.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> import semspace.scale as scale
    >>> from pathlib import Path
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "cat": 1, "dog": 2}, unk_token="[UNK]"))
    >>> tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> ss.save(ss.StaticEncoder(tokenizer.to_str(), np.eye(3, dtype=np.float32)), "pets-model")
    >>> Path("pets").mkdir()
    >>> _ = Path("pets/a.csv").write_text("id,text\n1,cat\n")
    >>> _ = Path("pets/b.csv").write_text("id,text\n2,dog\n3,cat dog\n")
    >>> scale.encode("pets", "pets-vectors", "pets-model", progress=False).rows
    3
    >>> scale.read_space("pets-vectors").ids.tolist()
    ['1', '2', '3']
    """
    options = RunOptions(client, threads, overwrite, progress)
    reading = Reading(text, id, empty, encoding)
    checks.choice("long_texts", long_texts, LONG_TEXTS)
    if not isinstance(model, (str, os.PathLike)):
        raise InputError(
            f"model must be the name or the folder of an encoder, which every worker opens; got "
            f"{type(model).__name__}: save it with ss.save(encoder, path), and give the path"
        )
    storage, files = open_storage("out", out), find_inputs("texts", texts, shard_bytes, encoding)
    check_outside(storage, "texts", texts)
    encoder = opened_encoder(os.fspath(model), backend, max_tokens, threads)
    plan = EncodingPlan(encoder, long_texts, overlap_of(long_texts, overlap))
    settings = {
        "model": os.fspath(model),
        "backend": encoder.backend if backend == "auto" and encoder.backend else backend,
        "max_tokens": max_tokens,
        "long_texts": long_texts,
        "overlap": plan.overlap,
        "dim": encoder.dim,
        "made_by": encoder.name,
        "encoding": plan.settings(),
        "reading": reading.settings(),
        "shard_bytes": shard_bytes,
    }
    manifest = JobManifest("encode", settings, {file.key: (file,) for file in files})
    job = run_job(storage, manifest, "encoding", options)
    _warn(job)
    return job


def _warn(job: ShardJob) -> None:
    """Warn of texts that were cut or left out, once for all shards."""
    cut, left_out = (job.total(name) for name in ("truncated", "dropped_empty"))
    said = [
        f"{cut:,} of {job.rows:,} texts are longer than the model reads and were cut; pass long_texts='pool' or "
        f"'passages' to encode them whole"
    ] * bool(cut) + [f"documents without text were left out: {left_out:,}"] * bool(left_out)
    if said:
        warnings.warn("; ".join(said), SemspaceWarning, stacklevel=3)
