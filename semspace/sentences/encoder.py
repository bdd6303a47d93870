"""`Encoder`: what every encoder can do, of whatever kind."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.bundle import PathLike, place_of
from semspace.errors import FrozenError, InputError, SemspaceWarning
from semspace.progress import Bar, bar
from semspace.sentences import mteb, output_formats
from semspace.sentences.passages import Passage
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import Floats1d, Floats2d

# Texts are encoded this many at a time: enough to keep the cores busy, little enough to bound memory.
BLOCK = 4_096
RUNTIMES = ("auto", "fast", "exact", "torch")
# By what names a model may know a prompt for queries, and one for documents (as sentence-transformers looks for them).
_QUERY, _DOCUMENT = ("query",), ("document", "passage", "corpus")


class Encoded(NamedTuple):
    """Vectors of some texts, which of the texts were cut, being too long, and which hold nothing that is known."""

    vectors: Floats2d
    cut: npt.NDArray[np.bool_]
    unknown: npt.NDArray[np.bool_] | None = None


_Class = TypeVar("_Class", bound=type)


def frozen(encoder: _Class) -> _Class:
    """Have a frozen dataclass that is an encoder say what to do instead of changing it."""

    def refuse(self: Any, name: str, value: Any) -> None:  # noqa: ARG001
        raise never_changes(self, name)

    setattr(encoder, "__setattr__", refuse)  # noqa: B010
    return encoder


def never_changes(encoder: Encoder, name: str) -> FrozenError:
    """Return the error for an attribute of an encoder that can't be set."""
    return FrozenError(
        f"a {type(encoder).__name__} never changes, so {name} can't be set; load another, for example with "
        f"Encoder.load({encoder.name!r}, max_tokens=...)"
    )


class Encoder(ABC):
    """Text → vectors. Get one with `Encoder.load`.

    A subclass gives `name`, `dim`, `fingerprint`, `max_tokens` and `encode_block`; it may give `prompts`, and `prepare`
    for what is done to the next texts while these are encoded.

    Attributes
    ----------
    name : str
        By which `Encoder.load` finds it again.
    dim : int
        Number of dimensions.
    fingerprint : str
        SHA-256 over everything that decides a vector.
    max_tokens : int
        Longest text in tokens; more is cut, counted and said.
    engine, why : str
        What does the work, and why it was chosen. The vectors of a model differ a little from engine to engine.
    prompts : mapping
        What the model wants before a text, by the name of the use; under "" by default.
    normalizes : bool
        Whether vectors have length 1.
    device : {"cpu", "cuda"}
        Where the work is done.
    """

    name: str
    dim: int
    fingerprint: str
    max_tokens: int
    engine: str = ""
    why: str = ""
    prompts: Mapping[str, str] = MappingProxyType({})
    normalizes: bool = False
    device: str = "cpu"
    _settled: bool = False  # whether a space has been made with it, which relies on its staying as it is

    @staticmethod
    def load(name: PathLike, *, runtime: str = "auto", max_tokens: int | None = None) -> Encoder:
        """Load an encoder.

        Parameters
        ----------
        name : str or path
            A folder in sentence-transformers' or model2vec's layout; the name of a model that an installed package
            carries (its code isn't run); or a model's name on the Hugging Face hub, taken from the local cache if it
            is there. Weights must be safetensors; no code that comes with a model is ever run.
        runtime : {"auto", "fast", "exact", "torch"}
            How a transformer is run. ``"torch"`` is the reference, in float32. ``"exact"`` is about three times as fast
            on a processor with bfloat16, its vectors within a cosine of 0.9999 of the reference's. ``"fast"`` rounds
            to int8: four to five times as fast, within 0.995 on the mean. ``"auto"`` takes torch if it sees a GPU, and
            else the fastest that this processor and model allow and that keeps its promise, which is measured on the
            first load and remembered; ``encoder.runtime`` is what it took, and ``encoder.why`` says why. A static
            encoder has no runtimes.
        max_tokens : int, optional
            Cut texts at so many tokens, fewer than the model reads.

        Raises
        ------
        InputError
            If no such model is found, it can't be opened safely, or it can't be run as asked.
        MissingExtraError
            If a library that the model needs isn't installed.
        """
        from semspace.sentences.model_files import find_model, is_static

        checks.choice("runtime", runtime, RUNTIMES)
        folder = find_model(name)
        given = place_of(name)
        called = str(given.resolve() if given.is_dir() else name)
        if is_static(folder):
            from semspace.sentences.static_encoder import StaticEncoder

            if runtime != "auto":
                raise InputError(f"{called} is a static encoder, which has no runtime {runtime!r}; leave it out")
            return StaticEncoder.from_folder(folder, called, max_tokens=max_tokens)
        from semspace.sentences.transformer import TransformerEncoder

        return TransformerEncoder(folder, called, runtime, max_tokens)

    @abstractmethod
    def encode_block(self, prepared: Any, shown: Bar) -> Encoded:
        """Encode up to `BLOCK` texts as `prepare` gave them, and move the bar on as they are done."""

    def prepare(self, texts: list[str], prompt: str = "") -> Any:  # noqa: ARG002
        """Do what comes before encoding; it runs beside the encoding of the texts before.

        The texts have their `prompt` before them already.
        """
        return texts

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:  # noqa: ARG002
        """Split texts into passages that can be encoded whole; here they can be of any length."""
        return [[Passage(0, len(text))] for text in texts]

    def encode(
        self,
        texts: Iterable[str] | str,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        precision: str = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        output_value: str = "sentence_embedding",
        device: Any = None,
        batch_size: int | None = None,
        chunk_size: int | None = None,
        show_progress_bar: bool | None = None,
        progress: bool = False,
        **of_mteb: Any,
    ) -> Any:
        """Encode texts, float32 of shape (n, dim); or one text, of shape (dim,). As in sentence-transformers.

        The vector of a text doesn't depend on the texts beside it. An empty text has one too: that of the marks which
        stand at a text's ends.

        Parameters
        ----------
        texts : list of str, or str
        prompt, prompt_name : str, optional
            What to put before every text, or the name of one of the model's own `prompts`.
        normalize_embeddings : bool
            Scale vectors to length 1, if the model doesn't by itself.
        truncate_dim : int, optional
            Keep so many dimensions, the first.
        precision : {"float32", "int8", "uint8", "binary", "ubinary"}
            With 8 bits, each dimension's range is cut into 255 steps. sentence-transformers takes the range from the
            texts of the same call; here it is that of `parity.SENTENCES`, so that a text has one vector whatever the
            company. Bits say which numbers are above 0, eight in a byte.
        convert_to_numpy, convert_to_tensor : bool
            Return an array (by default), a torch tensor, or, with neither, a list of tensors.
        output_value : {"sentence_embedding"}
        device : optional
            Where the encoder runs already; anything else is an error.
        batch_size, chunk_size : int, optional
            Change nothing: as many texts are taken at a time as suits the processor.
        show_progress_bar, progress : bool
            Show a bar.
        **of_mteb
            What MTEB says of a task when it calls an encoder, with batches of texts: the kind of prompt that it
            names is used, the rest changes nothing. Anything else is an error.

        Raises
        ------
        InputError
            If `texts` holds something else than strings, or an option can't be had.
        """
        if of_mteb:
            texts, prompt = mteb.taken(self, texts, prompt, of_mteb, _options())
        single = isinstance(texts, str)
        read = checks.strings("texts", [texts] if single else texts)
        for name, size in (("batch_size", batch_size), ("chunk_size", chunk_size)):
            if size is not None:
                checks.whole(name, size)
        checks.choice("output_value", output_value, ("sentence_embedding",))
        checks.choice("precision", precision, output_formats.PRECISIONS)
        as_numpy = checks.flag("convert_to_numpy", convert_to_numpy)
        as_tensor = checks.flag("convert_to_tensor", convert_to_tensor)
        scaled = checks.flag("normalize_embeddings", normalize_embeddings)
        width = self.dim if truncate_dim is None else checks.whole("truncate_dim", truncate_dim, high=self.dim)
        output_formats.check_device(device, self.device)
        asked = ("progress", progress) if show_progress_bar is None else ("show_progress_bar", show_progress_bar)
        shown = checks.flag(*asked)
        vectors = self._vectors(read, self._prompt(prompt, prompt_name), width, scaled=scaled, progress=shown)
        if precision != "float32":
            from semspace.sentences import parity

            sample = list(parity.SENTENCES) if precision.endswith("int8") else []
            ranges = self._vectors(sample, "", width, scaled=scaled, progress=False, told=False)
            made = output_formats.quantized(vectors, precision, ranges)
        else:
            made = vectors
        return output_formats.handed_over(made, single=single, numpy=as_numpy, tensor=as_tensor)

    def _vectors(
        self, texts: list[str], prompt: str, width: int, *, scaled: bool, progress: bool, told: bool = True
    ) -> Floats2d:
        """Encode texts, the first dimensions of each, and warn of those that were cut where that is to be `told`."""
        vectors = np.empty((len(texts), width), np.float32)
        cut, done = 0, 0
        with warnings.catch_warnings():
            if not told:
                warnings.simplefilter("ignore", SemspaceWarning)
            for part in self.encoded(_slices(texts), len(texts), prompt=prompt, progress=progress):
                vectors[done : done + len(part.vectors)] = part.vectors[:, :width]
                cut, done = cut + int(part.cut.sum()), done + len(part.vectors)
            self.warn(cut if told else 0, len(vectors), above=4)
        if scaled:
            queries.unit(vectors, floor=queries.TINY, out=vectors)
        return vectors

    def encode_queries(self, texts: Sequence[str], **options: Any) -> Any:
        """Encode questions to search with, after the model's prompt ``query`` where it has one; else as `encode`."""
        return self._encode_as(self.prompt_of(*_QUERY), texts, options)

    def encode_documents(self, texts: Sequence[str], **options: Any) -> Any:
        """Encode documents to be found, after the model's prompt ``document``, ``passage`` or ``corpus``."""
        return self._encode_as(self.document_prompt, texts, options)

    # As sentence-transformers calls them.
    encode_query, encode_document = encode_queries, encode_documents

    @property
    def document_prompt(self) -> str:
        """What is put before a document."""
        return self.prompt_of(*_DOCUMENT)

    def prompt_of(self, *names: str) -> str:
        """Return the first prompt so called that has any text, else none.

        The model's default isn't taken in its place: as in sentence-transformers, it is for `encode` alone.
        sentence-transformers, though, never comes to "passage", since it gives every model an empty prompt "document".
        """
        return next((self.prompts[name] for name in names if self.prompts.get(name)), "")

    @property
    def max_seq_length(self) -> int:
        """What sentence-transformers calls `max_tokens`.

        It may be set to less, until a space is made with this encoder: a space's questions must be encoded as its
        documents were. `Encoder.load` takes it as ``max_tokens=``.
        """
        return self.max_tokens

    @max_seq_length.setter
    def max_seq_length(self, most: int) -> None:
        if self._settled:
            raise FrozenError(
                f"max_seq_length can't be changed any more: a space was made with this encoder; load another, with "
                f"Encoder.load({self.name!r}, max_tokens={most!r})"
            )
        self._cut_at(most)

    def _cut_at(self, max_tokens: object) -> None:
        """Cut texts at so many tokens from now on."""
        raise never_changes(self, f"max_seq_length={max_tokens!r}")

    def embed(
        self,
        corpus: Corpus,
        *,
        into: PathLike | None = None,
        long: str = "cut",
        overlap: int = 32,
        overwrite: bool = False,
        progress: bool = True,
    ) -> Space:
        """Encode the documents of a corpus into a `Space` with the same ids and metadata.

        The texts become metadata too, so that results show them, unless they are the ids themselves.

        Parameters
        ----------
        corpus : Corpus
        into : path, optional
            Where to save the space. It is written there as it is made, and opened mapped, so that it may be larger
            than memory. If the work is broken off, the same call goes on where it stopped. If a space made by this
            encoder is there already, it is replaced, and only texts that it doesn't have are encoded.
        long : {"cut", "pool", "passages"}
            What becomes of texts longer than the model can read. ``"cut"``: their beginnings are encoded, and how many
            were cut is said and stands in ``space.provenance["truncated"]``. ``"pool"``: they are split into passages
            at the ends of sentences, and get the mean of the passages' vectors. ``"passages"``: every passage becomes
            a point of its own, its id the document's and ``#`` and its number; metadata ``document``, ``start`` and
            ``end`` say which characters of which document it is.
        overlap : int
            By how many tokens, at most, a passage repeats the one before, in whole sentences.
        overwrite : bool
            Replace, once the new space is whole, also a value at `into` that was made in another way.

        Raises
        ------
        ExistsError
            If something else is at `into` than a space that was encoded in the same way.
        InputError
            If there is no room on the disk; what was encoded is kept.

        Examples
        --------
        >>> import semspace as ss
        >>> words = ss.Space.from_vectors(["good", "bad", "day"], [[1, 0], [-1, 0], [0, 1]])
        >>> encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
        >>> encoder.embed(ss.Corpus.from_texts(["a good day", "a bad day"])).ids.tolist()
        ['0', '1']
        """
        from semspace.sentences.embedding import embed

        made = embed(self, corpus, into=into, long=long, overlap=overlap, overwrite=overwrite, progress=progress)
        object.__setattr__(self, "_settled", True)  # some encoders are frozen
        return made

    def encoded(
        self, blocks: Iterator[list[str]], total: int, *, prompt: str = "", progress: bool = False
    ) -> Iterator[Encoded]:
        """Encode block after block; the next is prepared meanwhile."""

        def prepared(block: list[str]) -> Any:
            return self.prepare([prompt + text for text in block] if prompt else block, prompt)

        unknown = 0
        with bar("encoding", total, unit="text", progress=progress) as shown, ThreadPoolExecutor(1) as beside:
            following = beside.submit(lambda: [prepared(block) for block in islice(blocks, 1)])
            while ready := following.result():
                following = beside.submit(lambda: [prepared(block) for block in islice(blocks, 1)])
                part = self.encode_block(ready[0], shown)
                unknown += 0 if part.unknown is None else int(part.unknown.sum())
                yield part
        if unknown:
            warnings.warn(
                f"{unknown:,} of {total:,} texts hold nothing that {self.name} knows; all of them got one and the same "
                f"vector",
                SemspaceWarning,
                stacklevel=4,
            )

    # -- what others ask of an encoder --------------------------------------------------------------------

    def similarity(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats2d:
        """Give the cosine of every vector of `a` with every one of `b`, float32 of shape (n, m)."""
        left, right = (queries.unit(checks.matrix("vectors", one)) for one in (a, b))
        scores: Floats2d = left @ right.T
        return scores

    def similarity_pairwise(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats1d:
        """Give the cosine of each vector of `a` with the one of `b` in the same row, float32 of shape (n,)."""
        left, right = (queries.unit(checks.matrix("vectors", one)) for one in (a, b))
        scores: Floats1d = (left * right).sum(axis=1)
        return scores

    @property
    def mteb_model_meta(self) -> Any:
        """What MTEB writes beside its results."""
        return mteb.meta_of(self)

    def pipeline(self) -> Any:
        """Give a scikit-learn pipeline of this encoder alone; it is what BERTopic takes: ``embedding_model=``.

        BERTopic knows encoders by their classes, and silently takes another model in the place of any other object.
        """
        from sklearn.pipeline import make_pipeline

        from semspace.sentences.vectorizer import SentenceVectorizer

        return make_pipeline(SentenceVectorizer(self))

    def __deepcopy__(self, memo: object) -> Encoder:
        return self  # it never changes; scikit-learn's clone would copy all its weights

    def warn(self, cut: int, total: int, *, above: int = 3) -> None:
        """Say how many texts were cut, if any were, and point so many calls above at the line that had them encoded."""
        if cut:
            warnings.warn(
                f"{cut:,} of {total:,} texts are longer than the {self.max_tokens} tokens {self.name} reads; "
                f"only their beginnings were encoded",
                SemspaceWarning,
                stacklevel=above,
            )

    def _encode_as(self, prompt: str, texts: Sequence[str], options: dict[str, Any]) -> Any:
        named = any(options.get(name) is not None for name in ("prompt", "prompt_name"))
        return self.encode(texts, **(options if named else {**options, "prompt": prompt, "prompt_name": None}))

    def _prompt(self, prompt: str | None, name: str | None) -> str:
        if prompt is not None and name is not None:
            raise InputError(f"give prompt or prompt_name, not both; got {prompt!r} and {name!r}")
        if name is not None and name not in self.prompts:
            known = ", ".join(sorted(filter(None, self.prompts))) or "none"
            raise InputError(f"{self.name} has no prompt {name!r}; it has {known}")
        return self.prompts.get(name or "", "") if prompt is None else checks.strings("prompt", [prompt])[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dim={self.dim}, max_tokens={self.max_tokens})"


def _options() -> list[str]:
    """Return the names of what `Encoder.encode` takes."""
    return [name for name, one in inspect.signature(Encoder.encode).parameters.items() if one.kind == one.KEYWORD_ONLY]


def _slices(texts: list[str]) -> Iterator[list[str]]:
    return (texts[start : start + BLOCK] for start in range(0, len(texts), BLOCK))
