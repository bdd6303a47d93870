"""`StaticEncoder`: a table with a vector for each token; a text is the mean of its tokens. Fast, and needs no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from semspace import checks
from semspace.bundle import Bundle, Draft, PathLike, digest, is_bundle, opening, place_of, writing
from semspace.checks import FloatMatrix, FloatVector
from semspace.errors import DamagedError, InputError, MissingFileError
from semspace.progress import Bar
from semspace.sentences.base import Encoded, Encoder
from semspace.sentences.passages import Passage, passages, places_of
from semspace.sentences.pooling import UNLIMITED, direction_or_ones, offsets_of, settle

if TYPE_CHECKING:
    from semspace.space import Space

KIND = "static"
FOLDER_KIND = "static-encoder"
MODEL_TYPE = "model2vec"
_DEFAULT_LIMIT = 512  # model2vec's, where a folder names none
_FILES = ("config.json", "model.safetensors", "tokenizer.json")
Whole = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False, repr=False)
class StaticEncoder(Encoder):
    """Encodes a text as the mean of the vectors of its tokens: some twenty-five times as fast as a transformer in int8.

    Get one from a folder (`StaticEncoder.from_folder`, `Encoder.load`), or make one of any encoder (`distill`). The
    folder is model2vec's (Tulkens & van Dongen 2024): each opens what the other saves.

    Parameters
    ----------
    tokenizer : str
        The text of a ``tokenizer.json``. Special tokens aren't added, and the unknown token is passed over.
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
    vectors: FloatMatrix
    weights: FloatVector | None = None
    mapping: Whole | None = None
    normalize: bool = True
    max_tokens: int = UNLIMITED
    name: str = KIND
    facts: Mapping[str, Any] = field(default_factory=dict)
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
        self._set(vectors=vectors, dim=int(vectors.shape[1]))
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
        facts = json.dumps([self.dim, self.normalize, self.max_tokens]).encode()
        arrays = [array for array in (self.vectors, self.weights, self.mapping) if array is not None]
        return digest(facts, self.tokenizer.encode(), *(np.ascontiguousarray(array).data.cast("B") for array in arrays))

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
        if unknown is not None:
            rows[unknown] = -1
        return rows

    @cached_property
    def _weights(self) -> FloatVector:
        return np.ones(len(self._rows), np.float32) if self.weights is None else self.weights

    @cached_property
    def _most_letters(self) -> int:
        return self.max_tokens * int(np.median([len(token) for token in self._tokenizer.get_vocab()]))

    @cached_property
    def _elsewhere(self) -> FloatVector:
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

    def encode_block(self, texts: list[str], shown: Bar) -> Encoded:
        """Encode up to a block of texts."""
        from semspace.sentences.pool_kernel import means

        letters = self._most_letters
        read = [text[:letters] for text in texts]
        found = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(read, add_special_tokens=False)]
        long = [len(text) > letters or len(own) > self.max_tokens for text, own in zip(texts, found, strict=True)]
        ids, offsets = _flat([own[: self.max_tokens] for own in found])
        vectors = np.empty((len(texts), self.dim), np.float32)
        means(ids, offsets, self._rows, self._weights, self.vectors, vectors)
        unknown = settle(vectors, self._elsewhere, scale=self.normalize)
        shown.update(len(texts))
        return Encoded(vectors, np.array(long, np.bool_), unknown)

    def __repr__(self) -> str:
        return f"StaticEncoder({self.name!r}, dim={self.dim}, tokens={len(self._rows):,})"

    # -- on disk ------------------------------------------------------------------------------------------

    @classmethod
    def from_folder(cls, path: PathLike, name: str | None = None) -> StaticEncoder:
        """Open a folder in model2vec's format.

        Parameters
        ----------
        path : path
            Holds ``config.json``, ``model.safetensors`` and ``tokenizer.json``.
        name : str, optional
            How the encoder is called; its absolute path when None.

        Raises
        ------
        MissingFileError
            If nothing is there.
        DamagedError
            If a file is missing, damaged, or doesn't fit the others.
        """
        folder = place_of(path)
        if not folder.exists():
            raise MissingFileError(f"nothing at {folder}; check the path, or save an encoder there first")
        missing = [file for file in _FILES if not (folder / file).is_file()]
        if missing:
            raise DamagedError(f"{folder} isn't a static encoder: it has no {missing[0]}")
        if is_bundle(folder):  # saved here, so there are checksums to hold it to
            opening(folder, FOLDER_KIND)
        config, tensors = _config(folder), _tensors(folder / "model.safetensors")
        limit = config.get("max_length", _DEFAULT_LIMIT)
        try:
            return cls(
                tokenizer=(folder / "tokenizer.json").read_text(encoding="utf-8"),
                vectors=tensors["embeddings"].astype(np.float32),
                weights=_cast(tensors.get("weights"), np.float32),
                mapping=_cast(tensors.get("mapping"), np.int32),
                normalize=config.get("normalize", False),
                max_tokens=UNLIMITED if limit is None else limit,
                name=str(folder.resolve()) if name is None else name,
                facts=config.get("semspace", {}),
            )
        except (ValueError, KeyError) as problem:
            raise DamagedError(
                f"{folder} isn't a sound static encoder ({problem}); fetch or save it again"
            ) from problem

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that model2vec opens too: `model2vec.StaticModel.from_pretrained(path)`.

        It appears whole or not at all. Beside model2vec's files lies a manifest with their checksums.

        Raises
        ------
        ExistsError
            If `path` is taken, unless it is a saved semspace value and `overwrite` is true.
        """
        from safetensors.numpy import save_file

        named = {"embeddings": self.vectors, "weights": self.weights, "mapping": self.mapping}
        tensors = {key: np.ascontiguousarray(array) for key, array in named.items() if array is not None}
        with writing(path, FOLDER_KIND, overwrite=overwrite) as draft:
            draft.file("model.safetensors", lambda place: save_file(tensors, place))
            draft.file("tokenizer.json", lambda place: place.write_text(self.tokenizer, encoding="utf-8"))
            for file, content in (("config.json", self._config()), ("modules.json", self._modules())):
                text = json.dumps(content, indent=1, ensure_ascii=False, default=str)
                draft.file(file, lambda place, text=text: place.write_text(text, encoding="utf-8"))  # type: ignore[misc]
            draft.meta.update(dim=self.dim, fingerprint=self.fingerprint)

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

    def write_into(self, draft: Draft, space: Space) -> dict[str, Any]:  # noqa: ARG002
        """Write the table into the bundle of a space, and give what its manifest says of it."""
        for name in _ARRAYS:
            if (array := getattr(self, name)) is not None:
                draft.array(f"encoder-{name}", array)
        draft.file("encoder-tokenizer.json", lambda place: place.write_text(self.tokenizer, encoding="utf-8"))
        settings = {"normalize": self.normalize, "max_tokens": self.max_tokens, "facts": dict(self.facts)}
        return {"kind": KIND, "settings": settings}

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> StaticEncoder:
        """Take the encoder out of the opened bundle of a space, or out of its own."""
        if bundle.kind == FOLDER_KIND:
            encoder = cls.from_folder(bundle.folder)
            bundle.unchanged()
            return encoder
        made = bundle.meta.facts("space").facts("encoder")
        settings = made.facts("settings")
        arrays: dict[str, Any] = {n: bundle.array(f"encoder-{n}") for n in _ARRAYS if bundle.has(f"encoder-{n}.npy")}
        text = bundle.text("encoder-tokenizer.json")
        return cls(
            tokenizer=text,
            name=made.text("name"),
            **arrays,
            normalize=settings.flag("normalize"),
            max_tokens=settings.whole("max_tokens", low=1),
            facts=settings.mapping("facts"),
        )


_ARRAYS = ("vectors", "weights", "mapping")


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
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as problem:
        raise DamagedError(f"{folder / 'config.json'} is not valid JSON; fetch or save the encoder again") from problem
    if not isinstance(config, dict) or config.get("model_type", MODEL_TYPE) != MODEL_TYPE:
        raise InputError(f"{folder} isn't a static encoder: its config.json doesn't say model_type {MODEL_TYPE!r}")
    return config


def _tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    safetensors = checks.need("safetensors", "encoders")
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(path)
    except (safetensors.SafetensorError, OSError, KeyError, TypeError) as problem:
        raise DamagedError(f"{path} can't be read ({problem}); fetch or save the encoder again") from problem
    if "embeddings" not in tensors or tensors["embeddings"].ndim != 2:
        raise DamagedError(f"{path} holds no table called 'embeddings'; fetch or save the encoder again")
    return tensors
