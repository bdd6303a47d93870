"""`load_encoder`: a model's folder or name → the encoder that reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semspace import checks
from semspace.bundle import PathLike, resolved_path
from semspace.errors import InputError
from semspace.sentences.model_files import find_model, is_static
from semspace.sentences.runtime import BACKENDS

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder


def load_encoder(
    name: PathLike,
    *,
    backend: str = "auto",
    max_tokens: int | None = None,
    threads: int | None = None,
    one_text: bool = False,
) -> Encoder:
    """Load an encoder; see `Encoder.load`, which is this function, and `TransformerEncoder` for `one_text`."""
    checks.choice("backend", backend, ("auto", *BACKENDS))
    if threads is not None:
        checks.whole("threads", threads)
    folder = find_model(name)
    path = resolved_path(name)
    title = str(path.resolve() if path.is_dir() else name)
    if is_static(folder):
        from semspace.sentences.static_encoder import StaticEncoder

        if backend != "auto":
            raise InputError(f"{title} is a static encoder, which has no backend {backend!r}; leave backend= out")
        return StaticEncoder.from_folder(folder, title, max_tokens=max_tokens, threads=threads)
    from semspace.sentences.transformer import TransformerEncoder

    return TransformerEncoder(folder, title, backend, max_tokens, threads, one_text=one_text)
