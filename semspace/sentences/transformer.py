"""`TransformerEncoder`: tokenising, running the transformer, pooling and scaling, as the model's folder says."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.bundle import Bundle, create_bundle
from semspace.deprecation import renamed_parameters
from semspace.errors import DamagedError, InputError, SemspaceWarning
from semspace.files import PathLike
from semspace.peer_names import answers_peer_parameters
from semspace.progress import Bar
from semspace.sentences import head, numpy_runtime, parity, runtime_selection, similarities
from semspace.sentences.blocks import EncodedBlock
from semspace.sentences.encoder import Encoder, never_changes
from semspace.sentences.export import KIND, copy_model, history_of
from semspace.sentences.model_config import ModelConfig, read_model_config
from semspace.sentences.modules import Module
from semspace.sentences.passages import Passage
from semspace.sentences.prompts import chosen_prompt, document_prompt
from semspace.sentences.runtime import BACKENDS, Runtime, TokenBatch
from semspace.sentences.text_tokens import TextTokens
from semspace.sentences.token_parts import LAST_LAYER, NOWHERE, TokenParts, pooled_parts, spans_in_text
from semspace.sentences.token_states import TokenStates
from semspace.sentences.tokenizing import ModelTokenizer
from semspace.sentences.torch_runtime import TorchRuntime
from semspace.sentences.training_history import TrainingHistory
from semspace.threads import limited
from semspace.types import Floats2d

_TEXTS_AT_ONCE = 64  # texts whose states of tokens are in memory until they are asked for


class TransformerEncoder(Encoder):
    """A transformer from a folder in the format of sentence-transformers.

    Parameters
    ----------
    folder : Path
    name : str
        The name of the model in messages and provenance.
    backend : {"auto", "fast", "exact", "torch", "numpy"}
    max_tokens, threads : int, optional
        See `Encoder.load`.
    modules : sequence of Module, optional
        Those of one side of a model with several; all that the folder lists when None.
    one_text : bool
        Whether it is loaded for a single text, so that ``"auto"`` chooses what starts fastest: numpy.
    like : TransformerEncoder, optional
        Another side of the same model, whose transformer is shared if it is the same.

    Attributes
    ----------
    backend : {"fast", "exact", "torch", "numpy"}
        The backend that was chosen.
    backend_reason : str
        Its arithmetic, its agreement with the reference, and why no faster backend was chosen.
    history : TrainingHistory
        The history of its training; empty if `EncoderTrainer` didn't train it.
    """

    config: ModelConfig
    tokenizer: ModelTokenizer
    _runtime: Runtime
    _opened = False

    @renamed_parameters(runtime="backend")
    def __init__(
        self,
        folder: Path,
        name: str,
        backend: str = "auto",
        max_tokens: int | None = None,
        threads: int | None = None,
        modules: Sequence[Module] | None = None,
        *,
        one_text: bool = False,
        like: TransformerEncoder | None = None,
    ) -> None:
        checks.choice("backend", backend, ("auto", *BACKENDS))
        self._root, self.name, self.threads, self._modules = folder, name, threads, modules
        self._folder_config = read_model_config(folder, modules)
        self._use(self._folder_config if max_tokens is None else self._shortened_config(max_tokens))
        self.prompts = self.config.prompts
        self.normalizes = self.config.normalize and self.config.truncate_dim is None
        if one_text and backend == "auto" and not numpy_runtime.unsupported_reason(self.config):
            backend = "numpy"
        if like is not None and like._runs_also(self.config):
            self._runtime, self.backend_reason = like._runtime, like.backend_reason
        else:
            self._runtime, self.backend_reason = runtime_selection.select_runtime(
                self.config,
                backend,
                lambda: self.tokenizer.read(list(parity.SENTENCES), blank="skip"),
                self.tokenizer.check,
            )
        self.backend = self._runtime.backend
        self.implementation = self._runtime.implementation
        self.similarity_fn_name = self.config.similarity
        self.device = getattr(self._runtime, "device", "cpu")
        self.dim = self.config.width(self._runtime.dim // len(self.config.poolings))
        if self.config.similarity != "cosine" and not self.config.normalize:
            measure = similarities.TITLES[self.config.similarity]
            warnings.warn(
                f"{name} is meant to be compared by {measure}, which depends on the lengths of vectors; spaces "
                f"compare by cosine unless metric= says otherwise",
                SemspaceWarning,
                stacklevel=6,  # the caller of Encoder.load
            )
        self._opened = True

    def _runs_also(self, config: ModelConfig) -> bool:
        """Check whether the transformer of this encoder computes what that of another configuration does."""
        own = self.config
        same = (own.folder, own.poolings, own.max_tokens) == (config.folder, config.poolings, config.max_tokens)
        return same and own.tokenizer == config.tokenizer

    def __setattr__(self, name: str, value: object) -> None:
        if self._opened and name != "max_seq_length" and not name.startswith("_"):
            raise never_changes(self, name)
        super().__setattr__(name, value)

    def _use(self, config: ModelConfig) -> None:
        tokenizer = ModelTokenizer(self._folder_config, config.max_tokens, self.threads)  # first, since this may fail
        self.__dict__.update(
            config=config, max_tokens=config.max_tokens, fingerprint=config.fingerprint, tokenizer=tokenizer
        )

    def _shortened_config(self, max_tokens: object) -> ModelConfig:
        """Return the configuration of the folder, with fewer tokens."""
        limit = self._folder_config.max_tokens
        return replace(self._folder_config, max_tokens=checks.whole("max_tokens", max_tokens, high=limit))

    def _set_max_tokens(self, max_tokens: object) -> None:
        self._use(self._shortened_config(max_tokens))

    @cached_property
    def history(self) -> TrainingHistory:
        """The history of its training; empty if `EncoderTrainer` didn't train it.

        Raises
        ------
        DamagedError
            If the file of the history was changed.
        """
        return history_of(self._root)

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that `Encoder.load`, `load` and sentence-transformers open; it is written atomically.

        Vectors, fingerprint and history stay the same.

        Parameters
        ----------
        path : path
        overwrite : bool
            Replace a semspace value that exists there.

        Raises
        ------
        ExistsError
            If `path` exists.
        """
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            copy_model(self.config, self._runtime.dim // len(self.config.poolings), self._root, draft.folder)
            draft.meta.update(dim=self.dim)

    def _prepare(self, texts: list[str], prompt: str = "") -> TokenBatch:
        """Tokenise a block of texts, all of which begin with `prompt`."""
        return self._without_prompt(self.tokenizer.read(texts), prompt)

    def _without_prompt(self, batch: TokenBatch, prompt: str) -> TokenBatch:
        """Return the tokens of texts that begin with `prompt`, whose tokens aren't pooled if the model says so."""
        if self.config.include_prompt or not prompt:
            return batch
        n_prompt = self.tokenizer.prompt_tokens(prompt)
        if n_prompt + 1 >= self.max_tokens or np.diff(batch.starts).min(initial=n_prompt + 1) <= n_prompt:
            raise InputError(
                f"the prompt {prompt[:40]!r} has {n_prompt} tokens, which {self.name} leaves out of its vectors, so "
                f"that none of the {self.max_tokens} tokens it reads are left for the text; give a shorter prompt"
            )
        return batch._replace(n_unpooled=n_prompt)

    def _token_parts(self, text: str, prompt: str, method: str) -> TokenParts:
        """Return what each token adds to the vector of a text that begins with `prompt`; see `explain`."""
        batch, tokens, spans = self.tokenizer.read_spans([prompt + text])
        batch = self._without_prompt(batch, prompt)
        spans = spans_in_text(spans, len(prompt))
        if method == LAST_LAYER:
            with limited(self.threads):
                states = self._runtime.states(batch)
            parts = pooled_parts(states, self.config.poolings, batch.n_unpooled)
        else:
            from semspace.sentences.integrated_jacobians import REFERENCE, integrated_parts

            with limited(self.threads):
                parts = integrated_parts(self._torch_runtime, batch, spans[:, 0] == NOWHERE)
            tokens, spans = [*tokens, REFERENCE], np.vstack([spans, [[NOWHERE, NOWHERE]]])
        for module in self.config.head:
            parts = module.apply_to_parts(parts)
        return TokenParts(tuple(tokens), spans, parts[:, : self.dim], bool(batch.truncated[0]))

    @cached_property
    def _torch_runtime(self) -> TorchRuntime:
        """The model in torch, which can be differentiated, whatever computes the vectors."""
        return self._runtime if isinstance(self._runtime, TorchRuntime) else TorchRuntime(self.config)

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages that the model can read."""
        return self.tokenizer.passages(texts, overlap, document_prompt(self.prompts))

    def _encode_block(self, prepared: TokenBatch, bar: Bar) -> EncodedBlock:
        """Encode a block of tokenised texts."""
        vectors = self._runtime.pooled(prepared, bar.update)
        if not np.isfinite(vectors).all():
            raise DamagedError(f"the model {self.name} returns vectors that aren't finite; download it again")
        if self.config.head:
            vectors = head.apply_head(self.config.head, vectors)
        if self.config.normalize:
            queries.unit(vectors, floor=queries.TINY, out=vectors)
        return EncodedBlock(vectors[:, : self.dim], prepared.truncated)

    def token_states(self, texts: Sequence[str], *, prompt: str = "") -> TokenStates:
        """Return the last hidden states of the tokens of texts, which all begin with `prompt`.

        Texts longer than the model reads are truncated, without a warning.

        Parameters
        ----------
        texts : sequence of n str
        prompt : str

        Raises
        ------
        DamagedError
            If the model returns numbers that aren't finite.
        """
        strings = [prompt + text for text in checks.strings("texts", texts)]
        batch = self._prepare(strings, prompt)
        return TokenStates(batch.tokens, batch.starts, self._states(batch), batch.n_unpooled)

    @answers_peer_parameters
    def encode_tokens(
        self,
        texts: Iterable[str] | str,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        normalize_embeddings: bool = False,
    ) -> Any:
        """Encode each token of texts: its last hidden state, and the characters that it stands for.

        For late interaction (`max_sim`), for explanations, and for whatever needs a vector for each word in context.

        Parameters
        ----------
        texts : list of str, str, or any iterable of str
        prompt, prompt_name : str, optional
            The text to put before every text, or the name of one of the model's `prompts`.
        normalize_embeddings : bool
            Scale states to length 1.

        Returns
        -------
        list of TextTokens
            One for each text; of a single text, one alone. Of an iterable that is no list or array (a generator), an
            iterator: some texts are encoded at a time, so memory stays small however many there are.

        Raises
        ------
        InputError
            If `texts` holds something other than strings, or there is no such prompt.
        DamagedError
            If the model returns numbers that aren't finite.

        Notes
        -----
        Texts longer than the model reads are truncated; `TextTokens.truncated` says which.
        """
        before = chosen_prompt(self.prompts, prompt, prompt_name, self.name)
        checks.flag("normalize_embeddings", normalize_embeddings)
        if not hasattr(texts, "__iter__"):
            checks.strings("texts", texts)  # which raises
        checks.ordered("texts", texts)
        if isinstance(texts, str):
            return next(self._text_tokens([texts], before, unit=normalize_embeddings))
        found = self._text_tokens(texts, before, unit=normalize_embeddings)
        return list(found) if isinstance(texts, (Sequence, np.ndarray)) else found

    def _text_tokens(self, texts: Iterable[str], prompt: str, *, unit: bool) -> Iterator[TextTokens]:
        """Iterate over the tokens of texts, some of which are encoded at a time."""
        remaining = iter(texts)
        while block := checks.strings("texts", list(islice(remaining, _TEXTS_AT_ONCE))):
            batch, tokens, spans = self.tokenizer.read_spans([prompt + text for text in block])
            batch = self._without_prompt(batch, prompt)
            states = self._states(batch)
            if unit:
                states = queries.unit(states, floor=queries.TINY)
            spans = spans_in_text(spans, len(prompt))
            for i, (start, stop) in enumerate(pairwise(batch.starts.tolist())):
                part = slice(start, stop)
                pooled = np.arange(stop - start) >= batch.n_unpooled
                yield TextTokens(
                    tuple(tokens[part]), batch.tokens[part], spans[part], states[part], pooled, bool(batch.truncated[i])
                )

    def _states(self, batch: TokenBatch) -> Floats2d:
        """Return the last hidden states of tokens, or raise `DamagedError` where they aren't finite."""
        with limited(self.threads):
            states = self._runtime.states(batch)
        if not np.isfinite(states).all():
            raise DamagedError(f"the model {self.name} returns states that aren't finite; download it again")
        return states

    @property
    def shortened(self) -> int | None:
        """The number of tokens to which texts are truncated, if lower than in the folder; a saved space keeps it."""
        return self.max_tokens if self.max_tokens < self._folder_config.max_tokens else None

    def __reduce__(self) -> tuple[Any, ...]:  # loaded again in the other process, of joblib for example
        return type(self), (self._root, self.name, self.backend, self.shortened, self.threads, self._modules)

    def __repr__(self) -> str:
        facts = f"dim={self.dim}, max_tokens={self.max_tokens}, backend={self.backend!r}"
        return f"{type(self).__name__}({self.name!r}, {facts})"


def read_bundle(bundle: Bundle) -> TransformerEncoder:
    """Open a bundle that `TransformerEncoder.save` or `EncoderTrainer` wrote."""
    encoder = TransformerEncoder(bundle.folder, str(bundle.folder.resolve()))
    bundle.unchanged()  # its files are found by their paths
    return encoder
