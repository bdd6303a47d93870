"""`SparseEncoder`: text → a sparse vector, of which each dimension is a token of the vocabulary."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.bundle import Bundle
from semspace.errors import InputError, SemspaceWarning, UnknownParameterError
from semspace.files import PathLike, digest, resolved_path
from semspace.peer_names import answers_peer_parameters
from semspace.progress import bar
from semspace.sentences.folder_copy import save_folder
from semspace.sentences.model_files import find_model
from semspace.sentences.modules import MODULES, SENTENCE_CONFIG, SPARSE, read_json, read_modules, read_sentence_config
from semspace.sentences.prompts import chosen_prompt, document_prompt, query_prompt
from semspace.sentences.routes import Routes, read_routes
from semspace.sentences.runtime import check_backend
from semspace.sparse.sparse_sides import SparseSide, read_side
from semspace.types import Floats1d, Floats2d

KIND = "sparse-encoder"
_ONLY = ""  # the name of the side of a model that has one
_BLOCK_TEXTS = 256  # texts whose states are in memory at a time


class SparseEncoder:
    """Encodes a text as weights of the tokens of a vocabulary, most of them zero; get one with `SparseEncoder.load`.

    A SPLADE model (Formal et al. 2021) takes them from the logits of a masked language model, so that a text also gets
    tokens that it doesn't contain. The dot product of two vectors says how well texts fit, and an inverted list for
    each token finds those that share one with a query: see `SparseIndex`.

    Parameters
    ----------
    folder : Path
        A folder of a ``SparseEncoder`` of sentence-transformers.
    name : str
        The name of the encoder in messages and provenance.
    backend : {"auto", "fast", "exact", "torch", "numpy"}
        What computes the states of tokens; see `Encoder.load`. The head is always computed in float32.
    max_tokens, threads : int, optional
        See `Encoder.load`.

    Attributes
    ----------
    name : str
    dim : int
        Number of tokens in the vocabulary.
    max_tokens : int
        Longest document in tokens; longer texts are truncated, and a warning counts them.
    prompts : mapping
        Prompts by name; "" is the default prompt.
    similarity_fn_name : {"dot", "cosine", "euclidean", "manhattan"}
        The measure of `similarity`.
    max_active_dims : int, optional
        Largest number of tokens with a weight, if the model has a limit.
    fingerprint : str
        SHA-256 over everything that decides a vector.

    Raises
    ------
    InputError
        If the folder holds another kind of model, or has a setting that semspace doesn't know.
    DamagedError
        If a file is missing, damaged, or doesn't fit the others.
    """

    def __init__(
        self,
        folder: Path,
        name: str = "",
        backend: str = "auto",
        max_tokens: int | None = None,
        threads: int | None = None,
    ) -> None:
        if not name:
            raise UnknownParameterError(
                f"SparseEncoder is opened by the name or path of a model: SparseEncoder.load({str(folder)!r:.100})"
            )
        check_backend(backend)
        if threads is not None:
            checks.whole("threads", threads)
        self._root, self.name, self._given = folder, name, (backend, max_tokens, threads)
        sentence = read_sentence_config(folder, SPARSE)
        modules = read_modules(folder)
        if not modules:
            raise InputError(
                f"{folder} has no {MODULES}, which says how a sparse encoder is pooled; save it with "
                f"sentence-transformers"
            )
        self._routes: Routes | None = read_routes(folder, modules)
        listed = {_ONLY: modules} if self._routes is None else self._routes.sides
        self._sides = {side: read_side(folder, parts, sentence, backend, threads) for side, parts in listed.items()}
        self.prompts: Mapping[str, str] = sentence.prompts
        self.similarity_fn_name = sentence.similarity
        self.max_active_dims = _limit(folder)
        self._check_sides()
        documents = self._side("document", or_last=True)
        self.dim = documents.dim
        if max_tokens is not None:
            checks.whole("max_tokens", max_tokens, high=max(side.max_tokens for side in self._sides.values()))
            for side in self._sides.values():
                if max_tokens < side.max_tokens:
                    side.shorten(max_tokens)
        self.max_tokens = documents.max_tokens
        self.backend, self.implementation = documents.backend, documents.implementation
        self.backend_reason = documents.backend_reason
        facts = [sorted((name, side.fingerprint) for name, side in self._sides.items()), dict(self.prompts)]
        self.fingerprint = digest(json.dumps([*facts, self.max_active_dims], sort_keys=True).encode())

    @staticmethod
    @answers_peer_parameters
    def load(
        name: PathLike, *, backend: str = "auto", max_tokens: int | None = None, threads: int | None = None
    ) -> SparseEncoder:
        """Load a sparse encoder by the path of its folder or the name of a model; see `Encoder.load`.

        Parameters
        ----------
        name : str or path
        backend : {"auto", "fast", "exact", "torch", "numpy"}
        max_tokens, threads : int, optional

        Raises
        ------
        InputError
            If no such model is found, or it can't be run.
        """
        path = resolved_path(name)
        title = str(path.resolve() if path.is_dir() else name)
        return SparseEncoder(find_model(name), title, backend, max_tokens, threads)

    def encode(
        self,
        texts: Iterable[str] | str,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        task: str | None = None,
        max_active_dims: int | None = None,
        progress: bool = True,
    ) -> Any:
        """Encode texts, a scipy CSR array of float32 of shape (n, dim); one text gets one row.

        The vector of a text doesn't depend on the other texts.

        Parameters
        ----------
        texts : list of str, or str
        prompt, prompt_name : str, optional
            The text to put before every text, or the name of one of the model's `prompts`.
        task : {"query", "document"}, optional
            The side of a model that has two; see `encode_queries` and `encode_documents`.
        max_active_dims : int, optional
            Keep only this number of the largest weights of each text.
        progress : bool
            Show a bar if it takes more than two seconds.

        Raises
        ------
        InputError
            If `texts` holds something other than strings, or there is no such side.
        """
        before = chosen_prompt(self.prompts, prompt, prompt_name, self.name)
        return self._encoded(texts, before, self._side(task), max_active_dims, progress=progress)

    def encode_queries(self, texts: Iterable[str] | str, **options: Any) -> Any:
        """Encode queries after the model's prompt ``query``, by the side for queries; options as in `encode`."""
        return self._encode_as("query", query_prompt(self.prompts), texts, options)

    def encode_documents(self, texts: Iterable[str] | str, **options: Any) -> Any:
        """Encode documents after the model's prompt for them, by their side; options as in `encode`."""
        return self._encode_as("document", document_prompt(self.prompts), texts, options)

    # The names in sentence-transformers.
    encode_query, encode_document = encode_queries, encode_documents

    def _encode_as(self, task: str, prompt: str, texts: Iterable[str] | str, options: dict[str, Any]) -> Any:
        chosen = any(options.get(name) is not None for name in ("prompt", "prompt_name"))
        return self.encode(texts, **{**({} if chosen else {"prompt": prompt}), "task": task, **options})

    def _encoded(
        self, texts: Iterable[str] | str, prompt: str, side: SparseSide, max_active_dims: int | None, *, progress: bool
    ) -> Any:
        from scipy import sparse

        strings = checks.strings("texts", [texts] if isinstance(texts, str) else texts)
        limit = self.max_active_dims if max_active_dims is None else checks.whole("max_active_dims", max_active_dims)
        columns, values, n_truncated = [np.empty(0, np.int32)], [np.empty(0, np.float32)], 0
        counts = np.zeros(len(strings) + 1, np.int64)
        with bar("encoding", len(strings), unit="text", progress=progress) as shown:
            for start in range(0, len(strings), _BLOCK_TEXTS):
                block = [prompt + text for text in strings[start : start + _BLOCK_TEXTS]]
                rows, truncated = side.weights(block)
                n_truncated += int(truncated.sum())
                for number, row in enumerate(rows, start + 1):
                    kept = _active(row, limit)
                    columns.append(kept.astype(np.int32))
                    values.append(row[kept])
                    counts[number] = len(kept)
                    shown.update(1)
        if n_truncated:
            warnings.warn(
                f"{n_truncated:,} of {len(strings):,} texts are longer than the {side.max_tokens} tokens that "
                f"{self.name} reads; only their beginnings were encoded: split them into passages",
                SemspaceWarning,
                stacklevel=3,
            )
        parts = (np.concatenate(values), np.concatenate(columns), np.cumsum(counts))
        return sparse.csr_array(parts, shape=(len(strings), self.dim))

    def tokens_of(self, vectors: Any, k: int = 10) -> list[list[tuple[str, float]]]:
        """Return the tokens of each vector and their weights, the largest first.

        Parameters
        ----------
        vectors : scipy sparse array of shape (n, dim)
            What `encode` returns.
        k : int
            Largest number of tokens for each.
        """
        rows = self._checked(vectors)
        limit = checks.whole("k", k)
        vocabulary = self._side("document", or_last=True).tokens
        found = []
        for start, stop in zip(rows.indptr[:-1].tolist(), rows.indptr[1:].tolist(), strict=True):
            ids, weights = rows.indices[start:stop], rows.data[start:stop]
            order = np.lexsort((ids, -weights))[:limit]
            found.append([(vocabulary[ids[i]], float(weights[i])) for i in order.tolist()])
        return found

    def decode(self, vectors: Any, top_k: int | None = None) -> list[list[tuple[str, float]]]:
        """Return `tokens_of`, by its name in sentence-transformers: by default, of all tokens that have a weight."""
        return self.tokens_of(vectors, self.dim if top_k is None else checks.whole("top_k", top_k))

    def similarity(self, a: Any, b: Any) -> Floats2d:
        """Return the similarity of every vector of `a` with every vector of `b`, float32 of shape (n, m).

        It is the measure for which the model was trained, `similarity_fn_name`: mostly the dot product.
        """
        from semspace.sentences import similarities

        left, right = self._checked(a), self._checked(b)
        if self.similarity_fn_name == "dot":
            products: Floats2d = (left @ right.T).toarray().astype(np.float32, copy=False)
            return products
        return similarities.similarity(left.toarray(), right.toarray(), self.similarity_fn_name)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that `SparseEncoder.load`, `load` and sentence-transformers open; it is written atomically.

        Raises
        ------
        ExistsError
            If `path` exists, unless it is a saved semspace value and `overwrite` is true.
        """
        save_folder(self._root, path, KIND, dim=self.dim, overwrite=checks.flag("overwrite", overwrite))

    def _checked(self, vectors: Any) -> Any:
        from scipy import sparse

        if not sparse.issparse(vectors) or vectors.ndim != 2 or vectors.shape[1] != self.dim:
            shape = getattr(vectors, "shape", type(vectors).__name__)
            raise InputError(
                f"vectors must be a scipy sparse array of shape (n, {self.dim}), as encode returns; got {shape}"
            )
        return vectors.tocsr()

    def _side(self, task: str | None, *, or_last: bool = False) -> SparseSide:
        if task is not None:
            checks.string("task", task)
        if self._routes is None:
            return self._sides[_ONLY]
        try:
            return self._sides[self._routes.side(task)]
        except InputError:
            if or_last:
                return list(self._sides.values())[-1]
            raise

    def _check_sides(self) -> None:
        widths = {side: one.dim for side, one in self._sides.items()}
        if len(set(widths.values())) > 1:
            listed = ", ".join(f"{side} {dim}" for side, dim in widths.items())
            raise InputError(
                f"the sides of {self._root / MODULES} have vocabularies of different sizes ({listed}), so their "
                f"vectors can't be compared; download the model again"
            )

    @property
    def shortened(self) -> int | None:
        """The number of tokens to which texts are truncated, if given; a saved index keeps it."""
        return self._given[1]

    def __reduce__(self) -> tuple[Any, ...]:  # loaded again in the other process, of joblib for example
        return type(self), (self._root, self.name, *self._given)

    def __deepcopy__(self, memo: object) -> SparseEncoder:
        return self  # it never changes

    def __repr__(self) -> str:
        sides = "" if self._routes is None else f", sides={', '.join(self._sides)}"
        return f"SparseEncoder({self.name!r}, dim={self.dim:,}{sides}, max_tokens={self.max_tokens})"


def read_bundle(bundle: Bundle) -> SparseEncoder:
    """Open a bundle that `SparseEncoder.save` wrote."""
    encoder = SparseEncoder.load(bundle.folder)
    bundle.unchanged()  # its files are found by their paths
    return encoder


def _limit(folder: Path) -> int | None:
    """Return the largest number of tokens with a weight that a folder allows."""
    path = folder / SENTENCE_CONFIG
    limit = read_json(path, {}).get("max_active_dims")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"{path} has max_active_dims {limit!r}; it must be a whole number of at least 1")
    return limit


def _active(row: Floats1d, limit: int | None) -> npt.NDArray[np.int64]:
    """Return the tokens with a weight, increasing; at most the `limit` largest, and of equal ones the first."""
    active = np.flatnonzero(row)
    if limit is None or len(active) <= limit:
        return active
    return np.sort(active[np.lexsort((active, -row[active]))[:limit]])
