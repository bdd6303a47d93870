"""`StaticEncoder`: a table with a vector for each token; a text is the mean of its tokens. Fast, and needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.bundle import Bundle, Draft, PathLike, create_bundle, digest, is_bundle, open_bundle, resolved_path
from semspace.errors import DamagedError, InputError, MissingFileError
from semspace.progress import Bar
from semspace.schema import Facts
from semspace.sentences.blocks import EncodedBlock
from semspace.sentences.encoder import Encoder, frozen
from semspace.sentences.model_files import WEIGHTS, holds
from semspace.sentences.modules import SENTENCE_CONFIG, Module, modules_of, read_json, sentence_of
from semspace.sentences.passages import Passage, passages, places_of
from semspace.sentences.pooling import UNLIMITED, direction_or_ones, offsets_of, settle
from semspace.types import Floats1d, Floats2d

KIND = "static"
FOLDER_KIND = "static-encoder"
MODEL_TYPE = "model2vec"
_DEFAULT_LIMIT = 512  # model2vec's, where a folder names none
_FILES = (WEIGHTS, "tokenizer.json")
_EMBEDDING, _SCALING = "StaticEmbedding", "Normalize"
Whole = npt.NDArray[np.int32]


@frozen
@dataclass(frozen=True, eq=False, repr=False)
class StaticEncoder(Encoder):
    """Encodes a text as the mean of the vectors of its tokens: some twenty-five times as fast as a transformer in int8.

    Get one from a folder (`StaticEncoder.from_folder`, `Encoder.load`), or make one of any encoder (`distill`). The
    folder is model2vec's (Tulkens & van Dongen 2024): each opens what the other saves; or one with a
    `StaticEmbedding` of sentence-transformers.

    Parameters
    ----------
    tokenizer : str
        The text of a ``tokenizer.json``. Special tokens aren't added.
    vectors : ndarray of float32, shape (rows, dim)
        The table.
    weights : ndarray of float32, shape (tokens,), optional
        What the vector of each token is multiplied by; 1 where None.
    mapping : ndarray of int32, shape (tokens,), optional
        The row of each token, where tokens share rows; one each, in order, where None.
    normalize : bool
        Scale the mean to length 1.
    max_tokens : int
        Tokens read of a text; the rest is left out. As in model2vec, a text is first cut after `max_tokens` times
        the median length of a token, in characters.
    name : str
        How the encoder is called in messages and provenance.
    facts : mapping
        What made it; kept in ``config.json``.
    keep_unknown : bool
        Count the unknown token like any other, as sentence-transformers does; model2vec passes it over.
    prompts : mapping
        What the model wants before a text, by the name of the use; under "" by default.
    truncate_dim : int, optional
        Keep only this number of leading dimensions.
    threads : int, optional
        Largest number of threads that encode; all that the process may use when None.

    Notes
    -----
    A text without any known token (an empty one, a lone emoji) has no mean. All such texts get one and the same
    vector, the mean of the table, and a `SemspaceWarning` counts them: a zero vector has no direction and couldn't be
    in a space.

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

    Human judgement is asked as of any encoder, of a task or of a file such as the STS Benchmark's:

    >>> pairs = ss.evaluation.STS("colours", [("red", "red", 5), ("red", "green", 0), ("red green", "red", 3)])
    >>> ss.evaluate(encoder, pairs)
    task     metric    value  used  total  note
    colours  spearman  1.000     3      3
    """

    tokenizer: str
    vectors: Floats2d
    weights: Floats1d | None = None
    mapping: Whole | None = None
    normalize: bool = True
    max_tokens: int = UNLIMITED
    name: str = KIND
    facts: Mapping[str, Any] = field(default_factory=dict)
    keep_unknown: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    truncate_dim: int | None = None
    threads: int | None = None
    dim: int = field(init=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        checks.flag("normalize", self.normalize)
        checks.whole("max_tokens", self.max_tokens)
        vectors = checks.frozen(checks.matrix("vectors", self.vectors))
        finite = np.isfinite(vectors).all(axis=1)
        if not len(vectors) or not finite.all():
            row = f"row {int(np.argmin(finite))} holds NaN or infinity" if len(vectors) else "there are none"
            raise InputError(f"vectors must be finite, one for each token; {row}")
        tokens = _token_count(self._tokenizer)
        width = int(vectors.shape[1])
        dim = width if self.truncate_dim is None else min(width, checks.whole("truncate_dim", self.truncate_dim))
        self._set(vectors=vectors, dim=dim, normalizes=self.normalize and dim == width)
        self._set(weights=_column("weights", self.weights, np.float32, tokens))
        self._set(mapping=_column("mapping", self.mapping, np.int32, tokens))
        if self.mapping is None and len(vectors) < tokens:
            raise InputError(f"vectors must have a row for each of the {tokens:,} tokens; got {len(vectors):,}")
        if self.mapping is not None and (self.mapping.min() < 0 or self.mapping.max() >= len(vectors)):
            raise InputError(f"mapping must name rows from 0 to {len(vectors) - 1}")
        self._set(fingerprint=self._digest())

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _digest(self) -> str:
        # What most tables don't have only counts where it is there: so the fingerprints of others stay what they were.
        facts = json.dumps([self.dim, self.normalize, self.max_tokens, *self._more().items()]).encode()
        arrays = [array for array in (self.vectors, self.weights, self.mapping) if array is not None]
        return digest(facts, self.tokenizer.encode(), *(np.ascontiguousarray(array).data.cast("B") for array in arrays))

    def _more(self) -> dict[str, Any]:
        """Return what is said of an encoder beside the usual."""
        prompts = {name: text for name, text in sorted(self.prompts.items()) if text}
        more = {"keep_unknown": self.keep_unknown, "prompts": prompts, "truncate_dim": self.truncate_dim}
        return {name: value for name, value in more.items() if value}

    @cached_property
    def _tokenizer(self) -> Any:
        tokenizers = checks.need("tokenizers", "encoders")
        try:
            tokenizer = tokenizers.Tokenizer.from_str(self.tokenizer)
        except Exception as problem:  # the Rust library raises Exception itself
            raise InputError(
                f"tokenizer must be the text of a tokenizer.json; it can't be read ({problem})"
            ) from problem
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.max_tokens + 1)  # one more, to see which texts are longer
        return tokenizer

    @cached_property
    def _whole(self) -> Any:
        """A tokenizer that cuts nothing."""
        whole = checks.need("tokenizers", "encoders").Tokenizer.from_str(self.tokenizer)
        whole.no_padding()
        whole.no_truncation()
        return whole

    @cached_property
    def _rows(self) -> Whole:
        """The row of each token; -1 for the unknown one."""
        count = _token_count(self._tokenizer)
        rows = np.arange(count, dtype=np.int32) if self.mapping is None else self.mapping.copy()
        unknown = _unknown_token(self._tokenizer, self.tokenizer)
        if unknown is not None and not self.keep_unknown:
            rows[unknown] = -1
        return rows

    @cached_property
    def _weights(self) -> Floats1d:
        return np.ones(len(self._rows), np.float32) if self.weights is None else self.weights

    @cached_property
    def _most_letters(self) -> int:
        return self.max_tokens * int(np.median([len(token) for token in self._tokenizer.get_vocab()]))

    @cached_property
    def _elsewhere(self) -> Floats1d:
        """The vector of texts without a known token: the mean of the table."""
        return direction_or_ones(self.vectors.mean(axis=0, dtype=np.float64), scale=self.normalize)

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages of at most `max_tokens` tokens."""
        if overlap >= self.max_tokens:
            raise InputError(f"overlap must be less than the {self.max_tokens} tokens read of a text; got {overlap}")
        found = self._whole.encode_batch(texts, add_special_tokens=False)
        return [
            passages(text, places_of(one), self.max_tokens, overlap) for text, one in zip(texts, found, strict=True)
        ]

    def _encode_block(self, texts: list[str], bar: Bar) -> EncodedBlock:
        """Encode up to a block of texts."""
        from semspace.sentences.pool_kernel import means

        letters = self._most_letters
        read = [text[:letters] for text in texts]
        found = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(read, add_special_tokens=False)]
        long = [len(text) > letters or len(own) > self.max_tokens for text, own in zip(texts, found, strict=True)]
        ids, offsets = _flat([own[: self.max_tokens] for own in found])
        vectors = np.empty((len(texts), self.vectors.shape[1]), np.float32)
        means(ids, offsets, self._rows, self._weights, self.vectors, vectors)
        unknown = settle(vectors, self._elsewhere, scale=self.normalize)
        bar.update(len(texts))
        return EncodedBlock(vectors[:, : self.dim], np.array(long, np.bool_), unknown)

    def __repr__(self) -> str:
        return f"StaticEncoder({self.name!r}, dim={self.dim}, tokens={len(self._rows):,})"

    # -- on disk ------------------------------------------------------------------------------------------

    @classmethod
    def from_folder(
        cls, path: PathLike, name: str | None = None, *, max_tokens: int | None = None, threads: int | None = None
    ) -> StaticEncoder:
        """Open a folder in model2vec's format, or one with a `StaticEmbedding` of sentence-transformers.

        Parameters
        ----------
        path : path
            Holds ``model.safetensors`` and ``tokenizer.json``; and model2vec's ``config.json``, or ``modules.json``.
        name : str, optional
            How the encoder is called; its absolute path when None.
        max_tokens : int, optional
            Read fewer tokens of a text than the folder says.
        threads : int, optional
            Largest number of threads that encode; all that the process may use when None.

        Raises
        ------
        MissingFileError
            If nothing is there.
        InputError
            If it is something else, or its modules aren't known.
        DamagedError
            If a file is missing, damaged, or doesn't fit the others.
        """
        root = resolved_path(path)
        if not root.exists():
            raise MissingFileError(f"nothing at {root}; check the path, or save an encoder there first")
        modules = modules_of(root)
        folder = modules[0].folder if modules else root
        needed = _FILES if holds(folder / WEIGHTS, "embedding.weight") else ("config.json", *_FILES)
        missing = [file for file in needed if not (folder / file).is_file()]
        if missing:
            raise DamagedError(f"{folder} isn't a static encoder: it has no {missing[0]}")
        if is_bundle(root):  # saved here, so there are checksums to hold it to
            open_bundle(root, FOLDER_KIND)
        said, tensors, config = sentence_of(root), _tensors(folder / WEIGHTS), _config(root)
        text = (folder / "tokenizer.json").read_text(encoding="utf-8")
        ours = "embeddings" in tensors
        limit = config.get("max_length", _DEFAULT_LIMIT) if ours else _truncation(text)
        limit = UNLIMITED if limit is None else limit
        most = limit if max_tokens is None else checks.whole("max_tokens", max_tokens, high=limit)
        try:
            return cls(
                tokenizer=text,
                vectors=tensors["embeddings" if ours else "embedding.weight"].astype(np.float32),
                weights=_cast(tensors.get("weights"), np.float32),
                mapping=_cast(tensors.get("mapping"), np.int32),
                normalize=config.get("normalize", False) if ours else _scaled(root, modules),
                max_tokens=most,
                name=str(root.resolve()) if name is None else name,
                facts=config.get("semspace", {}),
                keep_unknown=not ours,
                prompts=said.prompts if any(said.prompts.values()) else {},
                truncate_dim=said.truncate_dim,
                threads=threads,
            )
        except (ValueError, KeyError) as problem:
            raise DamagedError(f"{root} isn't a sound static encoder ({problem}); fetch or save it again") from problem

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that model2vec opens too: `model2vec.StaticModel.from_pretrained(path)`.

        It appears whole or not at all. Beside model2vec's files lies a manifest with their checksums.

        Raises
        ------
        ExistsError
            If `path` is taken, unless it is a saved semspace value and `overwrite` is true.
        """
        from safetensors.numpy import save_file

        table = "embedding.weight" if self.keep_unknown else "embeddings"
        named: dict[str, Any] = {table: self._folded() if self.keep_unknown else self.vectors}
        if not self.keep_unknown:
            named |= {"weights": self.weights, "mapping": self.mapping}
        tensors = {key: np.ascontiguousarray(array) for key, array in named.items() if array is not None}
        with create_bundle(path, FOLDER_KIND, overwrite=overwrite) as draft:
            draft.file("model.safetensors", lambda place: save_file(tensors, place))
            draft.file("tokenizer.json", lambda place: place.write_text(self.tokenizer, encoding="utf-8"))
            for file, content in self._described().items():
                text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
                draft.file(file, lambda place, text=text: place.write_text(text, encoding="utf-8"))  # type: ignore[misc]
            draft.meta.update(dim=self.dim, fingerprint=self.fingerprint)

    def _folded(self) -> Floats2d:
        """Return the table with a row for each token, weights and shared rows worked in."""
        rows = self.vectors if self.mapping is None else self.vectors[self.mapping]
        made: Floats2d = rows if self.weights is None else rows[: len(self.weights)] * self.weights[:, None]
        return made

    def _described(self) -> dict[str, Any]:
        """Return the JSON files that say what the table is; model2vec's too, where model2vec gives the same vectors."""
        said = {
            "prompts": {name: text for name, text in self.prompts.items() if name},
            "default_prompt_name": next((n for n, t in self.prompts.items() if n and t == self.prompts.get("")), None),
            "truncate_dim": self.truncate_dim,
            "similarity_fn_name": "cosine",
        }
        return {
            "modules.json": self._modules(),
            **({} if self.keep_unknown else {"config.json": self._config()}),
            **({SENTENCE_CONFIG: said} if self._more().keys() - {"keep_unknown"} else {}),
        }

    def _config(self) -> dict[str, Any]:
        shared = {"vocabulary_quantization": len(self.vectors)} if self.mapping is not None else {}
        return {
            "model_type": MODEL_TYPE,
            "architectures": ["StaticModel"],
            "hidden_dim": self.dim,
            "embedding_dtype": "float32",
            "seq_length": UNLIMITED,
            "max_length": self.max_tokens,
            "normalize": self.normalize,
            **shared,
            "semspace": dict(self.facts),
        }

    def _modules(self) -> list[dict[str, Any]]:
        """Say what sentence-transformers needs to open the folder."""
        kinds = ["StaticEmbedding", *(["Normalize"] if self.normalize else [])]
        return [
            {
                "idx": i,
                "name": str(i),
                "path": f"{i}_{kind}" if i else ".",
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, kind in enumerate(kinds)
        ]

    # -- inside the bundle of a space ---------------------------------------------------------------------

    def _write_into(self, draft: Draft, fingerprint: str) -> dict[str, Any]:  # noqa: ARG002
        """Write the table into the bundle of a space, and return its manifest entries."""
        for name in _ARRAYS:
            if (array := getattr(self, name)) is not None:
                draft.array(f"encoder-{name}", array)
        draft.file("encoder-tokenizer.json", lambda place: place.write_text(self.tokenizer, encoding="utf-8"))
        settings = {
            "normalize": self.normalize,
            "max_tokens": self.max_tokens,
            "facts": dict(self.facts),
            **self._more(),
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
        **_more_of(settings),
    )


_ARRAYS = ("vectors", "weights", "mapping")


def _more_of(settings: Facts) -> dict[str, Any]:
    """Return what a manifest says of an encoder beside the usual."""
    readers: dict[str, Callable[[str], Any]] = {
        "keep_unknown": settings.flag,
        "prompts": lambda name: {use: settings.facts(name).text(use) for use in settings.facts(name)},
        "truncate_dim": lambda name: settings.whole(name, low=1),
    }
    return {name: read(name) for name, read in readers.items() if name in settings}


def _flat(found: list[list[int]]) -> tuple[Whole, npt.NDArray[np.int64]]:
    offsets = offsets_of([len(own) for own in found])
    return np.fromiter(chain.from_iterable(found), np.int32, int(offsets[-1])), offsets


def _token_count(tokenizer: Any) -> int:
    """Count the tokens as rows of a table: the largest number of one, and one."""
    return max(tokenizer.get_vocab().values(), default=-1) + 1


def _unknown_token(tokenizer: Any, text: str) -> int | None:
    """Give the number of the token that stands for anything unknown, wherever this kind of tokenizer keeps it."""
    if hasattr(tokenizer.model, "unk_token"):
        token = tokenizer.model.unk_token
        found: int | None = None if token is None else tokenizer.token_to_id(token)
        return found
    named: int | None = json.loads(text)["model"].get("unk_id")  # Unigram
    return named


def _column(name: str, given: Any, dtype: Any, tokens: int) -> Any:
    if given is None:
        return None
    array = np.asarray(given)
    if array.dtype.kind not in "fiu" or array.shape != (tokens,) or not np.isfinite(array).all():
        raise InputError(f"{name} must be finite numbers, one for each of the {tokens:,} tokens; got {array.shape}")
    return checks.frozen(array.astype(dtype, copy=False))


def _cast(array: Any, dtype: Any) -> Any:
    return None if array is None else array.astype(dtype)


def _config(folder: Path) -> dict[str, Any]:
    """Return what model2vec says of a table; nothing where it isn't its."""
    config: dict[str, Any] = read_json(folder / "config.json", {})
    kind = config.get("model_type", MODEL_TYPE)
    if kind != MODEL_TYPE:
        raise InputError(f"{folder} isn't a static encoder: its config.json doesn't say model_type {MODEL_TYPE!r}")
    return config


def _scaled(root: Path, modules: list[Module]) -> bool:
    """Return whether sentence-transformers scales vectors to length 1, or raise `InputError` for another module."""
    kinds = [module.kind for module in modules] or [_EMBEDDING]
    if kinds[0] != _EMBEDDING or any(kind != _SCALING for kind in kinds[1:]):
        raise InputError(
            f"{root} has the modules {', '.join(kinds)}; of a static model semspace runs {_EMBEDDING} and {_SCALING}"
        )
    return len(kinds) > 1


def _truncation(tokenizer: str) -> int | None:
    """Return how many tokens a tokenizer.json lets through."""
    cut = json.loads(tokenizer).get("truncation") or {}
    limit = cut.get("max_length")
    return int(limit) if limit else None


def _tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    safetensors = checks.need("safetensors", "encoders")
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(path)
    except (safetensors.SafetensorError, OSError, KeyError, TypeError) as problem:
        raise DamagedError(f"{path} can't be read ({problem}); fetch or save the encoder again") from problem
    table = tensors.get("embeddings", tensors.get("embedding.weight"))
    if table is None or table.ndim != 2:
        raise DamagedError(
            f"{path} holds no table called 'embeddings' or 'embedding.weight'; fetch or save the encoder again"
        )
    return tensors
