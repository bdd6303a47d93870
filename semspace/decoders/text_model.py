"""`TextDecoderModel`: a trained decoder of sentences from vectors."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from semspace import checks, queries, schema
from semspace.bundle import Bundle, Draft, create_bundle
from semspace.decoders.byte_pairs import open_tokenizer
from semspace.decoders.decoded import DecodedTexts
from semspace.decoders.examples import directions_of
from semspace.errors import DamagedError, InputError, SemspaceWarning
from semspace.files import PathLike, digest
from semspace.latent.fit_history import FitHistory
from semspace.progress import bar
from semspace.sentences.lazy_encoder import remembered
from semspace.space import Space
from semspace.text_encoder import TextEncoder, encoder_entry
from semspace.types import ArrayXd, Floats2d

if TYPE_CHECKING:
    from semspace.decoders.correcting import Candidate
    from semspace.decoders.network import DecoderNetwork

KIND = "text-decoder"
_TOKENIZER = "tokenizer.json"
_PREFIX = "weight-"  # of the files of arrays
_SENTENCES_AT_ONCE = 128  # that go through the network together, so that what it remembers of them stays in the cache


@dataclass(frozen=True, eq=False, repr=False)
class TextDecoderModel:
    """A trained decoder of sentences; `TextDecoder` trains one.

    Parameters
    ----------
    weights : mapping of str to ndarray of float32
    tokenizer : str
        As JSON.
    encoder : TextEncoder
        Whose vectors it reads.
    layers, max_tokens : int
        See `TextDecoder`.
    provenance : mapping
    """

    weights: Mapping[str, ArrayXd]
    tokenizer: str
    encoder: TextEncoder
    layers: int
    max_tokens: int
    provenance: Mapping[str, Any]

    @property
    def width(self) -> int:
        """Number of dimensions of the vectors that it reads."""
        return int(self.weights["reads.weight"].shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that a written sentence depends on."""
        facts = json.dumps([self.tokenizer, self.encoder.fingerprint, self.layers, self.max_tokens])
        arrays = (np.ascontiguousarray(self.weights[name]).tobytes() for name in sorted(self.weights))
        return digest(facts.encode(), *arrays)

    @property
    def history(self) -> FitHistory:
        """The losses of the training, epoch by epoch, in nats for each token."""
        with schema.reading("the history of this decoder"):
            return FitHistory.of(self.provenance.get("history", ()))

    def __repr__(self) -> str:
        return f"TextDecoderModel(width={self.width}, encoder={self.encoder.name!r})"

    def decode(
        self,
        points: Space | npt.ArrayLike,
        *,
        near: Space | None = None,
        n_candidates: int = 32,
        n_rounds: int = 8,
        seed: int = 0,
        progress: bool = True,
    ) -> DecodedTexts:
        """Write a sentence for each point: guess, encode, correct.

        The network writes `n_candidates` guesses, the encoder judges them, and in each of `n_rounds` the best ones are
        changed from some place on. The sentence with the highest cosine is returned.

        Parameters
        ----------
        points : Space or array-like, shape (n, width) or (width,)
            Real points, or decoded, sampled or interpolated ones: only their directions count.
        near : Space, optional
            Texts of the same encoder, of which the nearest to each point are changed as well as the guesses. Where
            nothing better is found, the nearest text is returned as it is.
        n_candidates : int
            Sentences that are tried for each point in each round; with 1 and no rounds, the network's likeliest.
        n_rounds : int
            0 for guesses alone.
        seed : int
        progress : bool
            Show a bar.

        Returns
        -------
        DecodedTexts
            Texts and cosines, in the order of the points.

        Raises
        ------
        InputError
            If the points have another width or another encoder, or one is zero or not finite.
        MissingExtraError
            If torch isn't installed.
        """
        checks.whole("n_candidates", n_candidates)
        checks.whole("n_rounds", n_rounds, low=0)
        checks.seed(seed)
        checks.flag("progress", progress)
        vectors = self._directions(points)
        if near is not None:
            self._check_texts(near)
        checks.need("torch", "transformers")
        from semspace.decoders.correcting import Search

        search = Search(self._network, self._texts, self._judged, n_candidates, n_rounds, seed)
        step = max(1, _SENTENCES_AT_ONCE // n_candidates)
        best = []
        with bar("writing", len(vectors) * (n_rounds + 1), unit="sentence", progress=progress) as shown:
            for first in range(0, len(vectors), step):
                some = vectors[first : first + step]
                start = () if near is None else self._nearest(some, near)
                best += [found[0] for found in search.run(some, shown.update, start)]
        scores = np.array([candidate.score for candidate in best], dtype=np.float32)
        return DecodedTexts(tuple(candidate.text for candidate in best), scores)

    def _check_texts(self, space: Space) -> None:
        if not isinstance(space, Space):
            raise InputError(
                f"near must be a space with texts, such as encoder.embed(corpus) makes; got {type(space).__name__}"
            )
        self._directions(space)
        if space.metadata is None or space.metadata.schema.get("text") != pl.String:
            raise InputError(
                "near must be a space with texts, such as encoder.embed(corpus) makes; it has no text column"
            )

    def _nearest(self, points: Floats2d, space: Space) -> list[tuple[Candidate, ...]]:
        """Return the texts of a space that are nearest to each point, as sentences to begin with."""
        from semspace.decoders.correcting import KEPT, Candidate

        found = []
        for neighbors in space.most_similar_batch(list(points), min(KEPT, len(space))):
            assert neighbors.metadata is not None
            texts = neighbors.metadata["text"].fill_null("").to_list()
            tokens = [encoding.ids[: self.max_tokens - 1] for encoding in self._opened_tokenizer.encode_batch(texts)]
            vectors = queries.unit(space[list(neighbors.ids)])
            rows = zip(tokens, texts, vectors, neighbors.scores, strict=True)
            found.append(tuple(Candidate(tuple(ids), text, vector, float(score)) for ids, text, vector, score in rows))
        return found

    def _directions(self, points: Space | npt.ArrayLike) -> Floats2d:
        if isinstance(points, Space) and points.encoder is not None:
            given, own = points.encoder, self.encoder
            if given.fingerprint != own.fingerprint:
                raise InputError(
                    f"this decoder reads vectors of {own.name!r} ({own.fingerprint[:8]}), and the space has those of "
                    f"{given.name!r} ({given.fingerprint[:8]}); encode the texts with that encoder, or decode the "
                    "codes of a latent model first, with model.decode(...)"
                )
        # A narrow space is decoded whole.
        vectors = np.asarray(points.vectors) if isinstance(points, Space) else checks.rows("points", points)
        if vectors.shape[1] != self.width:
            raise InputError(f"points must have the {self.width} dimensions of the encoder; got {vectors.shape[1]}")
        titles = points.ids.tolist() if isinstance(points, Space) else [f"point {row}" for row in range(len(vectors))]
        checks.finite_rows("the vector", vectors, titles)
        queries.check_directions(vectors, titles)
        directions: Floats2d = queries.unit(np.asarray(vectors, np.float32))
        return directions

    @cached_property
    def _opened_tokenizer(self) -> Any:
        return open_tokenizer(self.tokenizer, "the tokenizer of this decoder")

    def _texts(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        """Return the texts of tokens; a full stop for one without letters, which no encoder could judge."""
        texts = self._opened_tokenizer.decode_batch([list(row) for row in tokens])
        return [" ".join(text.replace("\ufffd", "").split()) or "." for text in texts]

    def _judged(self, texts: list[str]) -> Floats2d:
        with warnings.catch_warnings():  # of texts without a known word, which win nothing
            warnings.simplefilter("ignore", SemspaceWarning)
            return directions_of(texts, self.encoder)

    @cached_property
    def _network(self) -> DecoderNetwork:
        import torch

        from semspace.decoders.network import HEAD_DIM, DecoderNetwork

        vocabulary, dim = self.weights["tokens.weight"].shape
        n_tokens = self._opened_tokenizer.get_vocab_size()
        if vocabulary != n_tokens or dim % HEAD_DIM:
            raise DamagedError(
                f"this decoder has vectors of {vocabulary} tokens with {dim} dimensions; it should have those of the "
                f"{n_tokens} tokens of its tokenizer, with a multiple of {HEAD_DIM} dimensions: train it again"
            )
        network = DecoderNetwork(vocabulary, self.width, layers=self.layers, dim=dim, max_tokens=self.max_tokens)
        wanted = {name: tuple(value.shape) for name, value in network.named_parameters()}
        given = {name: value.shape for name, value in self.weights.items()}
        other = next((name for name in [*wanted, *given] if wanted.get(name) != given.get(name)), None)
        if other is not None:
            raise DamagedError(f"the weights of this decoder don't fit each other: {other}; train it again")
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.weights.items()})
        return network.eval()

    # -- on disk ----------------------------------------------------------------------------------------------

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a bundle directory; see `semspace.save`."""
        with create_bundle(path, KIND, overwrite=overwrite) as draft:
            self._write_into(draft)

    def _write_into(self, draft: Draft) -> None:
        for name, array in self.weights.items():
            draft.array(_PREFIX + name, array)
        draft.file(_TOKENIZER, lambda path: path.write_text(self.tokenizer, encoding="utf-8"))
        draft.meta["decoder"] = {
            "layers": self.layers,
            "max_tokens": self.max_tokens,
            "weights": sorted(self.weights),
            "provenance": dict(self.provenance),
        }
        # Where `remembered` reads the encoder of any value.
        draft.meta["space"] = {"encoder": encoder_entry(self.encoder, draft, self.fingerprint)}


def read_bundle(bundle: Bundle) -> TextDecoderModel:
    """Read a decoder from an opened bundle; its encoder is found at the first sentence."""
    with bundle.reading():
        facts = bundle.meta.facts("decoder")
        weights = {name: bundle.array(_PREFIX + name, dtype=np.float32) for name in facts.texts("weights")}
        damaged = next((name for name, array in weights.items() if not np.isfinite(array).all()), None)
        shapes_known = all(
            name in weights and weights[name].ndim == 2 and weights[name].size
            for name in ("tokens.weight", "reads.weight")
        )
        if damaged is not None or not shapes_known:
            raise DamagedError(f"{bundle.folder} holds no usable weights of a decoder; train it again")
        encoder = remembered(bundle)
        if encoder is None:
            raise DamagedError(f"{bundle.folder} names no encoder; train the decoder again")
        width = weights["reads.weight"].shape[1]
        if encoder.dim != width:
            raise DamagedError(
                f"{bundle.folder} reads vectors of {width} dimensions, and its encoder makes {encoder.dim}; train the "
                f"decoder again"
            )
        return TextDecoderModel(
            weights,
            bundle.text(_TOKENIZER),
            encoder,
            facts.whole("layers", low=1, high=1_000),
            facts.whole("max_tokens", low=1, high=100_000),
            facts.mapping("provenance"),
        )
