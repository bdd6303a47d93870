"""What MTEB (Muennighoff et al. 2023) asks of an encoder, so that ``mteb.evaluate(encoder, tasks)`` works."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from semspace import checks
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder

_TELLS = ("task_metadata", "hf_split", "hf_subset", "prompt_type")


def taken(
    encoder: Encoder, batches: Any, prompt: str | None, told: Mapping[str, Any], options: Iterable[str]
) -> tuple[Any, str | None]:
    """Return the texts of MTEB's batches, and the prompt for their kind.

    `options` are those that `Encoder.encode` knows by itself.

    Raises
    ------
    InputError
        If something is told that MTEB doesn't tell.
    """
    strange = next((name for name in told if name not in _TELLS), None)
    if strange is not None:
        near = checks.nearest_spellings(strange, [*options, *_TELLS])
        hint = f"did you mean {', '.join(near)}?" if near else "see its docstring for those it takes"
        raise InputError(f"encode takes no option {strange!r}; {hint}")
    texts = (
        batches
        if isinstance(batches, str)
        else [text for batch in batches for text in ([batch] if isinstance(batch, str) else batch["text"])]
    )
    kind = told.get("prompt_type")
    if kind is None or prompt is not None:
        return texts, prompt
    query = str(getattr(kind, "value", kind)) == "query"
    return texts, encoder.prompt_of("query") if query else encoder.document_prompt


def meta_of(encoder: Encoder) -> Any:
    """Describe an encoder as MTEB's ``ModelMeta``."""
    from mteb.models import ModelMeta

    return ModelMeta.create_empty(
        {"name": f"semspace/{encoder.name.rpartition('/')[2]}", "revision": encoder.fingerprint[:12]}
    )
