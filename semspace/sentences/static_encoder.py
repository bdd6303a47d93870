"""`StaticEncoder`: a table of token vectors; the vector of a text is the mean of its tokens' vectors."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from semspace import checks
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.errors import DamagedError, InputError
from semspace.files import PathLike, digest
from semspace.progress import Bar
from semspace.schema import Facts
from semspace.sentences.blocks import EncodedBlock
from semspace.sentences.compiled_wordpiece import CompiledWordPiece, FlatTokens, tokens_of_library
from semspace.sentences.encoder import Encoder, frozen_encoder
from semspace.sentences.modules import SIMILARITIES, Module
from semspace.sentences.passages import Passage, passages, token_spans
from semspace.sentences.pooling import UNLIMITED, direction_or_ones, fill_zero_rows
from semspace.sentences.static_folder import FOLDER_KIND, read_folder, write_folder
from semspace.sentences.token_parts import TokenParts, spans_in_text
from semspace.sentences.tokenizer_errors import tokenizer_errors
from semspace.threads import thread_count
from semspace.types import Bools1d, Floats1d, Floats2d, Int32s1d

KIND = "static"
_ARRAYS = ("vectors", "weights", "mapping")
_MOST_TOKENS = 1_000_000_000  # a larger limit is a mistake
_PART_TEXTS = 256  # a thread takes at least half as many texts


@frozen_encoder
@dataclass(frozen=True, eq=False, repr=False)
class StaticEncoder(Encoder):
    """Encodes a text as the mean of the vectors of its tokens, over a hundred thousand sentences a second and core.

    Get one from a folder (`StaticEncoder.from_folder`, `Encoder.load`), or distil one from any encoder (`distill`). A
    folder is in the format of model2vec (Tulkens & van Dongen 2024), so that each opens what the other saves, or has a
    `StaticEmbedding` of sentence-transformers.

    Parameters
    ----------
    tokenizer : str
        The content of a ``tokenizer.json``. Special tokens aren't added.
    vectors : ndarray of float32, shape (rows, dim)
        The table of vectors.
    weights : ndarray of float32, shape (tokens,), optional
        Factors by which the vectors of tokens are multiplied; 1 when None.
    mapping : ndarray of int32, shape (tokens,), optional
        The row of each token, if tokens share rows; token i has row i when None.
    normalize : bool
        Scale the mean to length 1.
    max_tokens : int
        Texts are truncated to this number of tokens. As in model2vec, a text is first cut after `max_tokens` times
        the median length of a token, in characters.
    name : str
        The name of the encoder in messages and provenance.
    facts : mapping
        How it was made; saved in ``config.json``.
    keep_unknown : bool
        Include the unknown token in the mean, as sentence-transformers does; model2vec skips it.
    prompts : mapping
        Prompts by name; "" is the default prompt.
    truncate_dim : int, optional
        Keep only this number of leading dimensions.
    similarity_fn_name : {"cosine", "dot", "euclidean", "manhattan"}
        The measure of `similarity`.
    threads : int, optional
        Largest number of threads that encode; all that the process may use when None.

    Notes
    -----
    A text without a known token, such as an empty text or a lone emoji, has no mean. All such texts get the mean of the
    table as their vector, since a zero vector has no direction and can't be in a space; a `SemspaceWarning` counts
    them.

    Examples
    --------
    >>> import numpy as np
    >>> import semspace as ss
    >>> from tokenizers import Tokenizer, models, pre_tokenizers
    >>> words = Tokenizer(models.WordLevel({"[UNK]": 0, "red": 1, "green": 2}, unk_token="[UNK]"))
    >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> encoder = StaticEncoder(words.to_str(), np.array([[9, 9], [1, 0], [0, 1]], np.float32), normalize=False)
    >>> encoder.encode(["red", "red green", "green red blue"]).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]

    It is evaluated against human judgement like any encoder, on a task or on a file such as the STS Benchmark's:

    >>> pairs = ss.evaluation.STS("colours", [("red", "red", 5), ("red", "green", 0), ("red green", "red", 3)])
    >>> ss.evaluate(encoder, pairs)
    task     metric    value  low  high  used  total  note
    colours  spearman  1.000                3      3
             pearson   0.993
    """

    tokenizer: str
    vectors: Floats2d
    weights: Floats1d | None = None
    mapping: Int32s1d | None = None
    normalize: bool = True
    max_tokens: int = UNLIMITED
    name: str = KIND
    facts: Mapping[str, Any] = field(default_factory=dict)
    keep_unknown: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    truncate_dim: int | None = None
    similarity_fn_name: str = "cosine"
    threads: int | None = None
    dim: int = field(init=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        checks.flag("normalize", self.normalize)
        checks.whole("max_tokens", self.max_tokens, high=_MOST_TOKENS)
        checks.choice("similarity_fn_name", self.similarity_fn_name, SIMILARITIES)
        vectors = checks.frozen(checks.matrix("vectors", self.vectors))
        finite = np.isfinite(vectors).all(axis=1)
        if not len(vectors) or not finite.all():
            problem = f"row {int(np.argmin(finite))} holds NaN or infinity" if len(vectors) else "there are none"
            raise InputError(f"vectors must be finite, one for each token; {problem}")
        n_tokens = _token_count(self._tokenizer)
        if not n_tokens:
            raise InputError("the tokenizer has no tokens; give one with a vocabulary, or download the model again")
        width = int(vectors.shape[1])
        dim = width if self.truncate_dim is None else min(width, checks.whole("truncate_dim", self.truncate_dim))
        self._set(vectors=vectors, dim=dim, normalizes=self.normalize and dim == width)
        self._set(weights=_checked_column("weights", self.weights, np.float32, n_tokens))
        self._set(mapping=_checked_column("mapping", self.mapping, np.int32, n_tokens))
        if self.mapping is None and len(vectors) < n_tokens:
            raise InputError(f"vectors must have a row for each of the {n_tokens:,} tokens; got {len(vectors):,}")
        if self.mapping is not None and (self.mapping.min() < 0 or self.mapping.max() >= len(vectors)):
            raise InputError(f"mapping must hold rows from 0 to {len(vectors) - 1}")
        self._set(fingerprint=self._digest())

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _digest(self) -> str:
        # Rare settings count only where they are set, so that the fingerprints of other encoders stay the same.
        facts = json.dumps([self.dim, self.normalize, self.max_tokens, *self._rare_settings().items()]).encode()
        arrays = [array for array in (self.vectors, self.weights, self.mapping) if array is not None]
        return digest(facts, self.tokenizer.encode(), *(np.ascontiguousarray(array).data.cast("B") for array in arrays))

    def _rare_settings(self) -> dict[str, Any]:
        """Return the settings that few encoders have, where they are set."""
        prompts = {name: text for name, text in sorted(self.prompts.items()) if text}
        settings = {"keep_unknown": self.keep_unknown, "prompts": prompts, "truncate_dim": self.truncate_dim}
        return {name: value for name, value in settings.items() if value}

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizer = self._untruncated_tokenizer()
        tokenizer.enable_truncation(self.max_tokens + 1)  # one more, to see which texts are longer
        return tokenizer

    @cached_property
    def _passage_tokenizer(self) -> Any:
        tokenizer = self._untruncated_tokenizer()
        tokenizer.no_truncation()
        return tokenizer

    def _untruncated_tokenizer(self) -> Any:
        tokenizers = checks.need("tokenizers", "encoders")
        try:
            tokenizer = tokenizers.Tokenizer.from_str(self.tokenizer)
        except Exception as problem:  # the Rust library raises Exception itself
            raise InputError(
                f"tokenizer must be the content of a tokenizer.json; it can't be read ({problem})"
            ) from problem
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _rows(self) -> Int32s1d:
        """The row of each token; -1 for the unknown token, unless it counts."""
        rows = np.arange(_token_count(self._tokenizer), dtype=np.int32) if self.mapping is None else self.mapping.copy()
        unknown = _unknown_token(self._tokenizer, self.tokenizer)
        if unknown is not None and not self.keep_unknown:
            rows[unknown] = -1
        return rows

    @cached_property
    def _weights(self) -> Floats1d:
        return np.ones(len(self._rows), np.float32) if self.weights is None else self.weights

    @cached_property
    def _max_characters(self) -> int:
        return self.max_tokens * int(np.median([len(token) for token in self._tokenizer.get_vocab()]))

    @cached_property
    def _fallback(self) -> Floats1d:
        """The vector of texts without a known token: the mean of the table."""
        return direction_or_ones(self.vectors.mean(axis=0, dtype=np.float64), scale=self.normalize)

    @tokenizer_errors()
    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages of at most `max_tokens` tokens."""
        limit = self.max_tokens
        if overlap >= limit:
            raise InputError(f"overlap must be less than the {limit} tokens read from a text; got {overlap}")
        encodings = self._passage_tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            passages(text, token_spans(encoding), limit, overlap)
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    @tokenizer_errors()
    def _token_parts(self, text: str, prompt: str, method: str) -> TokenParts:  # noqa: ARG002 - there are no layers
        """Return what each token adds to the vector of a text that begins with `prompt`; see `explain`."""
        encoding = self._tokenizer.encode((prompt + text)[: self._max_characters], add_special_tokens=False)
        ids = np.array(encoding.ids[: self.max_tokens], np.int64)
        known = np.flatnonzero(self._rows[ids] >= 0) if len(ids) else ids
        if not len(known):
            raise InputError(f"{self.name} knows no token of the text {text[:40]!r}, so there is nothing to explain")
        spans = np.array(encoding.offsets, np.int64).reshape(-1, 2)[known]
        ids = ids[known]
        vectors = self.vectors[self._rows[ids]] * self._weights[ids, None].astype(np.float64) / len(ids)
        tokens = tuple(encoding.tokens[i] for i in known)
        is_long = len(prompt + text) > self._max_characters or len(encoding.ids) > self.max_tokens
        return TokenParts(tokens, spans_in_text(spans, len(prompt)), vectors[:, : self.dim], is_long)

    def _encode_block(self, texts: list[str], bar: Bar) -> EncodedBlock:
        """Encode a block of texts, in a part for each thread."""
        n_parts = min(thread_count(), -(-len(texts) // _PART_TEXTS))
        starts = [len(texts) * part // n_parts for part in range(n_parts + 1)]
        parts = [texts[start:stop] for start, stop in pairwise(starts)]
        if n_parts == 1:
            encoded = [self._encode_part(texts)]
        else:
            with ThreadPoolExecutor(n_parts) as pool:
                encoded = list(pool.map(self._encode_part, parts))
        bar.update(len(texts))
        return EncodedBlock(*(np.concatenate(arrays) for arrays in zip(*encoded, strict=True)))

    def _encode_part(self, texts: list[str]) -> tuple[Floats2d, Bools1d, Bools1d]:
        """Return the vectors of texts, which of them were truncated, and which have no known token."""
        from semspace.sentences.pool_kernel import pooled_means

        tokens = self._tokenize([text[: self._max_characters] for text in texts])
        lengths = np.diff(tokens.offsets)
        truncated = lengths > self.max_tokens
        truncated |= np.fromiter(map(len, texts), np.int64, len(texts)) > self._max_characters
        vectors = np.empty((len(texts), self.vectors.shape[1]), np.float32)
        pooled_means(tokens.ids, tokens.offsets, self.max_tokens, self._rows, self._weights, self.vectors, vectors)
        unknown = fill_zero_rows(vectors, self._fallback, scale=self.normalize)
        return vectors[:, : self.dim], truncated, unknown

    @cached_property
    def _compiled(self) -> CompiledWordPiece | None:
        return CompiledWordPiece.of(self._tokenizer, self.max_tokens + 1, self.threads)

    def _tokenize(self, texts: list[str]) -> FlatTokens:
        """Return the tokens of texts: at most `max_tokens` and one more, which shows that a text is longer."""
        if self._compiled is not None:
            return self._compiled(texts)
        return tokens_of_library(self._tokenizer, texts, self.threads)

    def __repr__(self) -> str:
        return f"StaticEncoder({self.name!r}, dim={self.dim}, tokens={len(self._rows):,})"

    # -- on disk ------------------------------------------------------------------------------------------

    @classmethod
    def from_folder(
        cls,
        path: PathLike,
        name: str | None = None,
        *,
        max_tokens: int | None = None,
        threads: int | None = None,
        modules: Sequence[Module] | None = None,
    ) -> StaticEncoder:
        """Open a folder in model2vec's format, or one with a `StaticEmbedding` of sentence-transformers.

        Parameters
        ----------
        path : path
            The folder of ``model.safetensors``, ``tokenizer.json``, and ``config.json`` or ``modules.json``.
        name : str, optional
            The name of the encoder; its absolute path when None.
        max_tokens : int, optional
            Truncate texts to this number of tokens, at most that in the folder.
        threads : int, optional
            Largest number of threads that encode; all that the process may use when None.
        modules : sequence of Module, optional
            Those of one side of a model with several; all that the folder lists when None.

        Raises
        ------
        MissingFileError
            If the folder doesn't exist.
        InputError
            If it holds another kind of model, or an unknown module.
        DamagedError
            If a file is missing, damaged, or doesn't fit the others.
        """
        arguments = read_folder(path, max_tokens, modules)
        if name is not None:
            arguments["name"] = name
        try:
            return cls(**arguments, threads=threads)
        except (ValueError, KeyError) as problem:
            raise DamagedError(
                f"{path} isn't a valid static encoder ({problem}); download or save it again"
            ) from problem

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that model2vec opens too: ``model2vec.StaticModel.from_pretrained(path)``.

        It is written atomically, with a manifest of checksums beside model2vec's files.

        Raises
        ------
        ExistsError
            If `path` exists, unless it is a saved semspace value and `overwrite` is true.
        """
        with create_bundle(path, FOLDER_KIND, overwrite=overwrite) as draft:
            write_folder(self, draft)
            draft.meta.update(dim=self.dim, fingerprint=self.fingerprint)

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:  # noqa: ARG002
        """Write the table into the bundle of a space, and return its manifest entries."""
        for name in _ARRAYS:
            if (array := getattr(self, name)) is not None:
                draft.array(f"encoder-{name}", array)
        draft.file("encoder-tokenizer.json", lambda path: path.write_text(self.tokenizer, encoding="utf-8"))
        settings = {
            "normalize": self.normalize,
            "max_tokens": self.max_tokens,
            "facts": dict(self.facts),
            **self._rare_settings(),
            **({} if self.similarity_fn_name == "cosine" else {"similarity_fn_name": self.similarity_fn_name}),
        }
        return {"kind": KIND, "settings": settings}


def read_bundle(bundle: Bundle) -> StaticEncoder:
    """Open the bundle of an encoder, or the bundle of a space that holds its encoder."""
    if bundle.kind == FOLDER_KIND:
        encoder = StaticEncoder.from_folder(bundle.folder)
        bundle.unchanged()
        return encoder
    facts = bundle.meta.facts("space").facts("encoder")
    settings = facts.facts("settings")
    arrays: dict[str, Any] = {
        name: bundle.array(f"encoder-{name}") for name in _ARRAYS if bundle.has(f"encoder-{name}.npy")
    }
    return StaticEncoder(
        tokenizer=bundle.text("encoder-tokenizer.json"),
        name=facts.text("name"),
        **arrays,
        normalize=settings.flag("normalize"),
        max_tokens=settings.whole("max_tokens", low=1),
        facts=settings.mapping("facts"),
        **_read_rare_settings(settings),
    )


def _read_rare_settings(settings: Facts) -> dict[str, Any]:
    """Return the settings that few encoders have, from a manifest."""
    readers: dict[str, Callable[[str], Any]] = {
        "keep_unknown": settings.flag,
        "prompts": lambda name: {prompt: settings.facts(name).text(prompt) for prompt in settings.facts(name)},
        "truncate_dim": lambda name: settings.whole(name, low=1),
        "similarity_fn_name": settings.text,
    }
    return {name: read(name) for name, read in readers.items() if name in settings}


def _token_count(tokenizer: Any) -> int:
    """Return the number of rows that a table needs: the largest number of a token, plus one."""
    return max(tokenizer.get_vocab().values(), default=-1) + 1


def _unknown_token(tokenizer: Any, text: str) -> int | None:
    """Return the number of the token for unknown text; None where there is none."""
    if hasattr(tokenizer.model, "unk_token"):
        token = tokenizer.model.unk_token
        number: int | None = None if token is None else tokenizer.token_to_id(token)
        return number
    unigram: int | None = json.loads(text)["model"].get("unk_id")
    return unigram


def _checked_column(name: str, values: Any, dtype: Any, n_tokens: int) -> Any:
    if values is None:
        return None
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" or array.shape != (n_tokens,) or not np.isfinite(array).all():
        raise InputError(f"{name} must be finite numbers, one for each of the {n_tokens:,} tokens; got {array.shape}")
    return checks.frozen(array.astype(dtype, copy=False))
