"""`Encoder`: the interface of all encoders, whatever computes the vectors."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.deprecation import renamed_parameters, renamed_property, warn_renamed
from semspace.errors import FrozenError, InputError, SemspaceWarning, UnknownParameterError
from semspace.files import PathLike
from semspace.peer_names import answers_peer_attributes, answers_peer_parameters
from semspace.progress import Bar
from semspace.sentences import output_formats, similarities
from semspace.sentences.blocks import EncodedBlock, blocks_of, encode_blocks, warn_truncated
from semspace.sentences.passages import Passage
from semspace.sentences.prompts import chosen_prompt, document_prompt, query_prompt
from semspace.sentences.token_parts import TokenParts
from semspace.sentences.token_states import TokenStates
from semspace.space import Space
from semspace.text.corpus import Corpus
from semspace.types import Floats1d, Floats2d

_Class = TypeVar("_Class", bound=type)
_Own = TypeVar("_Own", bound="Encoder")


def frozen_encoder(encoder: _Class) -> _Class:
    """Return a frozen dataclass of an encoder whose error on assignment says what to do instead."""

    def refuse(self: Any, name: str, value: Any) -> None:  # noqa: ARG001
        raise never_changes(self, name)

    setattr(encoder, "__setattr__", refuse)  # noqa: B010
    return encoder


def never_changes(encoder: Encoder, name: str) -> FrozenError:
    """Return the error for setting an attribute of an encoder."""
    return FrozenError(
        f"a {type(encoder).__name__} can't be changed, so {name} can't be set; load another encoder, for example with "
        f"Encoder.load({encoder.name!r}, max_tokens=...)"
    )


@answers_peer_attributes
class Encoder(ABC):
    """Text → vectors. Get one with `Encoder.load`.

    A subclass defines `name`, `dim`, `fingerprint`, `max_tokens` and `_encode_block`. It may define `prompts`, and
    `_prepare`, which runs on the next block of texts while the current block is encoded.

    Attributes
    ----------
    name : str
        The name by which `Encoder.load` finds it again.
    dim : int
        Number of dimensions.
    fingerprint : str
        SHA-256 over everything that decides a vector.
    max_tokens : int
        Longest text in tokens; longer texts are truncated, and a warning counts them.
    backend : {"fast", "exact", "torch", "numpy", ""}
        What computes the vectors of a transformer; they differ slightly between backends. Empty for other encoders.
    implementation : str
        The arithmetic of the backend, such as "int8 kernels" or "torch float32 on cpu".
    backend_reason : str
        Why this backend was chosen.
    prompts : mapping
        Prompts by name; "" is the default prompt.
    similarity_fn_name : {"cosine", "dot", "euclidean", "manhattan"}
        The measure of `similarity`, for which the model was trained.
    normalizes : bool
        Whether vectors have length 1.
    device : {"cpu", "cuda"}
        Where the vectors are computed.
    threads : int, optional
        Largest number of threads that encode; all that the process may use when None.
    sides : mapping of str to Encoder
        The encoder of each side of a model that has several (Router); empty for others.
    """

    name: str
    dim: int
    fingerprint: str
    max_tokens: int
    backend: str = ""
    implementation: str = ""
    backend_reason: str = ""
    prompts: Mapping[str, str] = MappingProxyType({})
    similarity_fn_name: str = "cosine"
    normalizes: bool = False
    device: str = "cpu"
    threads: int | None = None
    sides: Mapping[str, Encoder] = MappingProxyType({})
    _has_space: bool = False  # whether a space was made with it, which relies on this encoder staying as it is

    runtime = renamed_property("runtime", "backend")
    engine = renamed_property("engine", "implementation")
    why = renamed_property("why", "backend_reason")

    def __new__(cls: type[_Own], *args: Any, **_kwargs: Any) -> _Own:
        """Create an encoder of a subclass, or raise `UnknownParameterError` that names `Encoder.load`."""
        if cls is Encoder:
            name = repr(args[0]) if args else "name"
            raise UnknownParameterError(f"Encoder is opened by the name or path of a model: Encoder.load({name:.100})")
        return super().__new__(cls)

    @staticmethod
    @renamed_parameters(runtime="backend")
    @answers_peer_parameters
    def load(
        name: PathLike, *, backend: str = "auto", max_tokens: int | None = None, threads: int | None = None
    ) -> Encoder:
        """Load an encoder.

        Parameters
        ----------
        name : str or path
            A folder in the format of sentence-transformers or model2vec; the name of a model in an installed package
            (the package's code isn't run); or the name of a model on the Hugging Face hub, taken from the local cache
            if it is there. Weights must be safetensors; no code that comes with a model is ever run.
        backend : {"auto", "fast", "exact", "torch", "numpy"}
            What computes the vectors of a transformer. ``"torch"`` is the reference, in float32. ``"exact"`` is about
            three times as fast on a processor with bfloat16; its vectors have a cosine of at least 0.9999 to those of
            the reference. ``"fast"`` rounds to int8: four to five times as fast, with a mean cosine of at least 0.995.
            ``"numpy"`` is in float32, too, for a process that encodes only a few short texts: nothing is compiled.
            ``"auto"`` chooses torch if it finds a GPU, there in bfloat16, and otherwise the fastest backend that runs
            this model on this processor and reaches its bound; that is measured on the first load and cached.
            ``encoder.backend`` is the choice, and ``encoder.backend_reason`` explains it. A static encoder has no
            backends.
        max_tokens : int, optional
            Truncate texts to this number of tokens; at most the number that the model reads.
        threads : int, optional
            Largest number of threads that encode; all that the process may use when None. Unless it is 1, one more
            thread tokenises the next texts meanwhile.

        Raises
        ------
        InputError
            If no such model is found, it can't be opened safely, or the backend can't run it.
        MissingExtraError
            If a library that the model needs isn't installed.
        """
        from semspace.sentences.load import load_encoder

        return load_encoder(name, backend=backend, max_tokens=max_tokens, threads=threads)

    @abstractmethod
    def _encode_block(self, prepared: Any, bar: Bar) -> EncodedBlock:
        """Encode a block of texts, as `_prepare` returned them, and advance the bar."""

    def _prepare(self, texts: list[str], prompt: str = "") -> Any:  # noqa: ARG002
        """Return what `_encode_block` takes; it runs in a second thread. The texts begin with `prompt` already."""
        return texts

    def _token_parts(self, text: str, prompt: str, method: str) -> TokenParts:  # noqa: ARG002
        """Return what each token adds to the vector of a text that begins with `prompt`; see `explain`.

        Raises
        ------
        InputError
            If this encoder has no token states, or the method can't explain it.
        """
        raise InputError(
            f"{self.name} has no states of tokens that could explain its vectors; give method='leave_one_out', which "
            f"explains any encoder"
        )

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:  # noqa: ARG002
        """Split texts into passages that can be encoded whole; this encoder reads texts of any length."""
        return [[Passage(0, len(text))] for text in texts]

    def encode(
        self,
        texts: Iterable[str] | str,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        task: str | None = None,
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
        progress: bool = True,
        **unknown: Any,
    ) -> Any:
        """Encode texts, float32 of shape (n, dim); or one text, of shape (dim,). As in sentence-transformers.

        The vector of a text doesn't depend on the other texts. An empty text gets the vector of the special tokens
        alone.

        Parameters
        ----------
        texts : list of str, or str
        prompt, prompt_name : str, optional
            The text to put before every text, or the name of one of the model's `prompts`.
        task : str, optional
            The side of a model with several (Router): ``"query"`` or ``"document"``. Other models encode all texts
            alike; a prompt is chosen by `prompt_name`, `encode_queries` or `encode_documents`, not by this.
        normalize_embeddings : bool
            Scale vectors to length 1, if the model doesn't.
        truncate_dim : int, optional
            Keep only this number of leading dimensions.
        precision : {"float32", "int8", "uint8", "binary", "ubinary"}
            With 8 bits, the range of each dimension is cut into 255 steps. sentence-transformers takes the range from
            the texts of the same call; here it is the range over `parity.SENTENCES`, so that the vector of a text
            doesn't depend on the other texts. A bit says whether a number is above 0; a byte holds eight of them.
        convert_to_numpy, convert_to_tensor : bool
            Return an array (by default), a torch tensor, or, with neither, a list of tensors.
        output_value : {"sentence_embedding"}
        device : optional
            The device on which the encoder runs; any other is an error.
        batch_size, chunk_size : int, optional
            Ignored; accepted for compatibility with sentence-transformers.
        show_progress_bar, progress : bool
            Show a bar if it takes more than two seconds.

        Raises
        ------
        InputError
            If `texts` holds something other than strings, or an option isn't supported.
        """
        if unknown:
            texts, prompt = self._from_mteb(texts, prompt, unknown)
        if task is not None:
            checks.string("task", task)
        single = isinstance(texts, str)
        strings = checks.strings("texts", [texts] if single else texts)
        for name, size in (("batch_size", batch_size), ("chunk_size", chunk_size)):
            if size is not None:
                checks.whole(name, size)
        if output_value == "token_embeddings":
            raise InputError(
                "encode returns a vector for each text, not output_value='token_embeddings'; use encode_tokens"
            )
        checks.choice("output_value", output_value, ("sentence_embedding",))
        checks.choice("precision", precision, output_formats.PRECISIONS)
        as_numpy = checks.flag("convert_to_numpy", convert_to_numpy)
        as_tensor = checks.flag("convert_to_tensor", convert_to_tensor)
        normalize = checks.flag("normalize_embeddings", normalize_embeddings)
        width = self.dim if truncate_dim is None else checks.whole("truncate_dim", truncate_dim, high=self.dim)
        output_formats.check_device(device, self.device)
        checks.flag("progress", progress)
        if show_progress_bar is not None:
            progress = checks.flag("show_progress_bar", show_progress_bar)
        text_before = chosen_prompt(self.prompts, prompt, prompt_name, self.name)
        vectors = self._vectors(strings, text_before, width, normalize=normalize, progress=progress)
        if precision == "float32":
            return output_formats.converted(vectors, single=single, numpy=as_numpy, tensor=as_tensor)
        from semspace.sentences import parity

        sample = list(parity.SENTENCES) if precision.endswith("int8") else []
        ranges = self._vectors(sample, "", width, normalize=normalize, progress=False, warn=False)
        quantized = output_formats.quantized(vectors, precision, ranges)
        return output_formats.converted(quantized, single=single, numpy=as_numpy, tensor=as_tensor)

    def _vectors(
        self, texts: list[str], prompt: str, width: int, *, normalize: bool, progress: bool, warn: bool = True
    ) -> Floats2d:
        """Encode texts to the leading `width` dimensions, and warn of truncated texts if `warn`."""
        vectors = np.empty((len(texts), width), np.float32)
        n_truncated, n_done = 0, 0
        with warnings.catch_warnings():
            if not warn:
                warnings.simplefilter("ignore", SemspaceWarning)
            for block in encode_blocks(self, blocks_of(texts), len(texts), prompt=prompt, progress=progress):
                vectors[n_done : n_done + len(block.vectors)] = block.vectors[:, :width]
                n_truncated, n_done = n_truncated + int(block.truncated.sum()), n_done + len(block.vectors)
            remedy = "embed(corpus, long_texts='pool') encodes them whole"
            warn_truncated(self, n_truncated if warn else 0, len(vectors), remedy=remedy, stacklevel=4)
        if normalize:
            queries.unit(vectors, floor=queries.TINY, out=vectors)
        return vectors

    def encode_queries(self, texts: Sequence[str], **options: Any) -> Any:
        """Encode queries after the model's prompt ``query`` if it has one; options as in `encode`."""
        return self._encode_after(query_prompt(self.prompts), texts, options)

    def encode_documents(self, texts: Sequence[str], **options: Any) -> Any:
        """Encode documents after the model's prompt ``document``, ``passage`` or ``corpus``; options as in `encode`."""
        return self._encode_after(document_prompt(self.prompts), texts, options)

    def token_states(self, texts: Sequence[str], *, prompt: str = "") -> TokenStates:  # noqa: ARG002
        """Return the last hidden states of the tokens of texts, which only a transformer has.

        Raises
        ------
        InputError
            If this encoder isn't a transformer.
        """
        raise self._no_states()

    def encode_tokens(
        self,
        texts: Iterable[str] | str,  # noqa: ARG002
        *,
        prompt: str | None = None,  # noqa: ARG002
        prompt_name: str | None = None,  # noqa: ARG002
        normalize_embeddings: bool = False,  # noqa: ARG002
    ) -> Any:
        """Encode each token of texts, which only a transformer does; see `TransformerEncoder.encode_tokens`.

        Raises
        ------
        InputError
            If this encoder isn't a transformer.
        """
        raise self._no_states()

    def _no_states(self) -> InputError:
        return InputError(
            f"{self.name} is a {type(self).__name__}, which has no states of tokens in context; load a transformer "
            f"with Encoder.load, such as Encoder.load('all-MiniLM-L6-v2')"
        )

    # The names in sentence-transformers.
    encode_query, encode_document = encode_queries, encode_documents

    @property
    def max_seq_length(self) -> int:
        """The name of `max_tokens` in sentence-transformers.

        It may be lowered until a space is made with this encoder: the queries of a space must be encoded as its
        documents were. `Encoder.load` takes it as ``max_tokens=``.
        """
        return self.max_tokens

    @max_seq_length.setter
    def max_seq_length(self, max_tokens: int) -> None:
        if self._has_space:
            raise FrozenError(
                f"max_seq_length can't be changed any more: a space was made with this encoder; load another encoder "
                f"with Encoder.load({self.name!r}, max_tokens={max_tokens!r})"
            )
        self._set_max_tokens(max_tokens)

    def _set_max_tokens(self, max_tokens: object) -> None:
        """Truncate texts to this number of tokens from now on."""
        raise never_changes(self, f"max_seq_length={max_tokens!r}")

    @renamed_parameters(into="out", long="long_texts")
    @answers_peer_parameters
    def embed(
        self,
        corpus: Corpus,
        *,
        out: PathLike | None = None,
        long_texts: str = "cut",
        overlap: int | None = None,
        overwrite: bool = False,
        progress: bool = True,
    ) -> Space:
        """Encode the documents of a corpus into a `Space` with the same ids and metadata.

        The texts become metadata too, so that results show them, unless they are the ids themselves.

        Parameters
        ----------
        corpus : Corpus
        out : path, optional
            Where to save the space. It is written there block by block and opened memory-mapped, so it may be larger
            than memory. If the work is interrupted, the same call resumes it. A space at `out` that this encoder made
            in the same way from an earlier state of the corpus is replaced, and only texts that it doesn't hold are
            encoded.
        long_texts : {"cut", "pool", "passages"}
            What to do with texts longer than the model can read. ``"cut"``: encode their beginnings; a warning and
            ``space.provenance["truncated"]`` count them. ``"pool"``: split them into passages at the ends of
            sentences, and take the mean of the passages' vectors. ``"passages"``: make every passage a point of its
            own, whose id is the document's, ``#`` and a number; the metadata ``document``, ``start`` and ``end`` say
            which characters of which document it holds.
        overlap : int, optional
            Largest number of tokens, in whole sentences, that a passage repeats from the one before; by default 32 for
            ``"passages"``, and 0 for ``"pool"``, where a repeated sentence would count twice in the mean. Not with
            ``"cut"``, which makes no passages.
        overwrite : bool
            Also replace a value at `out` that was made in another way, once the new space is complete.

        Raises
        ------
        ExistsError
            If `out` holds something other than a space encoded in the same way, or a space that has no text in common
            with the corpus.
        InputError
            If the disk is full; what was encoded so far is kept.

        Examples
        --------
        >>> import semspace as ss
        >>> words = ss.Space.from_vectors(["good", "bad", "day"], [[1, 0], [-1, 0], [0, 1]])
        >>> encoder = ss.WordAverage(words, frequencies="zipf", remove_common=False)
        >>> encoder.embed(ss.Corpus.from_texts(["a good day", "a bad day"])).ids.tolist()
        ['0', '1']
        """
        from semspace.sentences.embedding import embed

        space = embed(
            self, corpus, out=out, long_texts=long_texts, overlap=overlap, overwrite=overwrite, progress=progress
        )
        object.__setattr__(self, "_has_space", True)  # some encoders are frozen
        return space

    def similarity(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats2d:
        """Return the similarity of every vector of `a` with every vector of `b`, float32 of shape (n, m).

        It is the measure for which the model was trained, `similarity_fn_name`: mostly the cosine. A distance is
        negated, so that more is nearer, as in sentence-transformers.
        """
        return similarities.similarity(a, b, self.similarity_fn_name)

    def similarity_pairwise(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats1d:
        """Return the similarity of each vector of `a` with that of `b` in the same row, float32 of shape (n,)."""
        return similarities.similarity_pairwise(a, b, self.similarity_fn_name)

    def _encode_after(self, prompt: str, texts: Sequence[str], options: dict[str, Any]) -> Any:
        """Encode texts after a prompt, unless the options choose another."""
        chosen = any(options.get(name) is not None for name in ("prompt", "prompt_name"))
        return self.encode(texts, **(options if chosen else {**options, "prompt": prompt, "prompt_name": None}))

    def __deepcopy__(self, memo: object) -> Encoder:
        return self  # it never changes; scikit-learn's clone would copy all its weights

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, dim={self.dim}, max_tokens={self.max_tokens})"

    # -- until version 0.3: what `semspace.integrations` does now; that package lies above this one -------------

    def _from_mteb(
        self, batches: Any, prompt: str | None, options: dict[str, Any]
    ) -> tuple[list[str] | str, str | None]:
        """Return texts and prompt of a call by MTEB, or raise `InputError` for an option that nobody knows."""
        mteb = import_module("semspace.integrations.mteb")
        strange = next((name for name in options if name not in mteb.TASK_OPTIONS), None)
        if strange is not None:
            near = checks.nearest_spellings(strange, _encode_options())
            hint = f"did you mean {', '.join(near)}?" if near else "see its docstring for those it takes"
            raise InputError(f"encode takes no option {strange!r}; {hint}")
        warn_renamed(
            "mteb.evaluate(encoder, ...)",
            "mteb.evaluate(integrations.MTEBEncoder(encoder), ...)",
            stacklevel=4,
        )
        texts = batches if isinstance(batches, str) else mteb.texts_of(batches)
        return texts, mteb.prompt_for(self, options.get("prompt_type")) if prompt is None else prompt

    @property
    def mteb_model_meta(self) -> Any:
        """Return what MTEB writes beside its results; see `semspace.integrations.mteb`."""
        return import_module("semspace.integrations.mteb").MTEBEncoder(self).mteb_model_meta

    def pipeline(self) -> Any:
        """Call `semspace.integrations.bertopic_pipeline` (deprecated name)."""
        warn_renamed("Encoder.pipeline()", "semspace.integrations.bertopic_pipeline(encoder)")
        return import_module("semspace.integrations.bertopic").bertopic_pipeline(self)


def _encode_options() -> list[str]:
    """Return the names of the keyword parameters of `Encoder.encode`."""
    parameters = inspect.signature(Encoder.encode).parameters.items()
    return [name for name, parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY]
