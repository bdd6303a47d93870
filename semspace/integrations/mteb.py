"""`MTEBEncoder`: an encoder as MTEB's benchmarks (Muennighoff et al. 2023) call it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from semspace.sentences.prompts import document_prompt, query_prompt
from semspace.types import Floats1d, Floats2d

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder

TASK_OPTIONS = ("task_metadata", "hf_split", "hf_subset", "prompt_type")


class MTEBEncoder:
    """An encoder for ``mteb.evaluate(MTEBEncoder(encoder), tasks)``.

    Parameters
    ----------
    encoder : Encoder
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def encode(
        self,
        inputs: Iterable[Any],
        *,
        task_metadata: Any,  # noqa: ARG002  (MTEB tells it)
        hf_split: str,  # noqa: ARG002
        hf_subset: str,  # noqa: ARG002
        prompt_type: Any = None,
        **options: Any,
    ) -> Floats2d:
        """Encode batches of texts after the prompt for their type, float32 of shape (n, dim).

        Parameters
        ----------
        inputs : iterable of batches
            A batch is a mapping with a list of strings under ``"text"``.
        task_metadata, hf_split, hf_subset
            Ignored.
        prompt_type : {"query", "document"}, optional
            Which of the model's prompts stands before the texts.
        **options
            As in `Encoder.encode`.
        """
        prompt = prompt_for(self._encoder, prompt_type)
        vectors: Floats2d = self._encoder.encode(texts_of(inputs), **{"prompt": prompt, **options})
        return vectors

    def similarity(self, a: Any, b: Any) -> Floats2d:
        """Return the cosine of every vector of `a` with every vector of `b`."""
        return self._encoder.similarity(a, b)

    def similarity_pairwise(self, a: Any, b: Any) -> Floats1d:
        """Return the cosine of each vector of `a` with the vector of `b` in the same row."""
        return self._encoder.similarity_pairwise(a, b)

    @property
    def mteb_model_meta(self) -> Any:
        """MTEB's ``ModelMeta`` of the encoder, which MTEB writes beside its results."""
        from mteb.models import ModelMeta

        name, revision = self._encoder.name.rpartition("/")[2], self._encoder.fingerprint[:12]
        return ModelMeta.create_empty({"name": f"semspace/{name}", "revision": revision})


def texts_of(batches: Iterable[Any]) -> list[str]:
    """Return the texts of all batches; a batch may also be a text."""
    return [text for batch in batches for text in ([batch] if isinstance(batch, str) else batch["text"])]


def prompt_for(encoder: Encoder, prompt_type: Any) -> str | None:
    """Return the encoder's prompt for a type of texts; None where no type is given."""
    if prompt_type is None:
        return None
    is_query = str(getattr(prompt_type, "value", prompt_type)) == "query"
    return query_prompt(encoder.prompts) if is_query else document_prompt(encoder.prompts)
