"""`count` and `tokenize`: the texts of many files → counts of words, or shards of tokens."""

from __future__ import annotations

from typing import Any

from semspace import checks
from semspace.scale.cutting import SHARD_BYTES
from semspace.scale.documents import Reading
from semspace.scale.inputs import check_outside, find_inputs
from semspace.scale.job import ShardJob
from semspace.scale.manifest import JobManifest
from semspace.scale.run_options import RunOptions
from semspace.scale.running import run_job
from semspace.scale.storage import open_storage
from semspace.text.tokenize import get_tokenizer


def count(
    texts: Any,
    out: Any,
    *,
    text: str | None = None,
    tokenizer: str = "fast",
    empty: str = "raise",
    encoding: str = "utf-8",
    shard_bytes: int = SHARD_BYTES,
    client: Any = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> ShardJob:
    """Count the words of many files, a file at a time, in this process or on a cluster.

    Parameters
    ----------
    texts, out, shard_bytes, client, threads, overwrite, progress
        As for `encode`.
    text, empty, encoding
        As for `Tokens.read`.
    tokenizer : {"fast", "icu", "whitespace", "spacy:LANG"}
        As for `Tokens.read`.

    Returns
    -------
    ShardJob
        Read the counts of all files with `read_word_counts`.

    Raises
    ------
    ExistsError
        If `out` holds another job, or anything else.
    ShardsFailedError
        If some shards failed, such as a file without any word; all others are finished.
    InputError
        If a parameter can't be used.

    Examples
    --------
    >>> import semspace.scale as scale
    >>> from pathlib import Path
    >>> Path("pets").mkdir()
    >>> _ = Path("pets/a.txt").write_text("a cat and a dog")
    >>> _ = Path("pets/b.txt").write_text("the cat")
    >>> scale.count("pets", "counts", progress=False).is_complete
    True
    >>> scale.read_word_counts("counts", min_count=2).rows()
    [('a', 2), ('cat', 2)]
    """
    options = RunOptions(client, threads, overwrite, progress)
    return _run("count", texts, out, Reading(text, None, empty, encoding), tokenizer, shard_bytes, options)


def tokenize(
    texts: Any,
    out: Any,
    *,
    text: str | None = None,
    tokenizer: str = "fast",
    empty: str = "raise",
    encoding: str = "utf-8",
    shard_bytes: int = SHARD_BYTES,
    client: Any = None,
    threads: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> ShardJob:
    r"""Split the texts of many files into words, a file at a time, in this process or on a cluster.

    Parameters
    ----------
    texts, out, shard_bytes, client, threads, overwrite, progress
        As for `encode`.
    text, tokenizer, empty, encoding
        As for `count`.

    Returns
    -------
    ShardJob
        Open the words of all files with `read_tokens`, to train a `Word2Vec` on them, or only their counts with
        `read_word_counts`.

    Raises
    ------
    ExistsError
        If `out` holds another job, or anything else.
    ShardsFailedError
        If some shards failed, such as a file without any word; all others are finished.
    InputError
        If a parameter can't be used.

    Examples
    --------
    >>> import semspace as ss
    >>> import semspace.scale as scale
    >>> from pathlib import Path
    >>> _ = Path("pets.txt").write_text("the cat drinks milk\n" * 50)
    >>> _ = scale.tokenize("pets.txt", "pets-words", progress=False)
    >>> words = ss.Word2Vec(dim=8, sample=0, threads=1).train(scale.read_tokens("pets-words"), progress=False)
    >>> len(words)
    4
    """
    options = RunOptions(client, threads, overwrite, progress)
    return _run("tokenize", texts, out, Reading(text, None, empty, encoding), tokenizer, shard_bytes, options)


def _run(
    task: str,
    texts: Any,
    out: Any,
    reading: Reading,
    tokenizer: str,
    shard_bytes: int,
    options: RunOptions,
) -> ShardJob:
    get_tokenizer(checks.string("tokenizer", tokenizer))
    storage, files = open_storage("out", out), find_inputs("texts", texts, shard_bytes, reading.encoding)
    check_outside(storage, "texts", texts)
    settings = {
        "tokenizer": tokenizer,
        "keep_words": task == "tokenize",
        "reading": reading.settings(),
        "shard_bytes": shard_bytes,
    }
    manifest = JobManifest(task, settings, {file.key: (file,) for file in files})
    return run_job(storage, manifest, "reading words", options)
