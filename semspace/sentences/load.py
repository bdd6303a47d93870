"""`load_encoder`: a model's folder or name → the encoder that reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from semspace import checks
from semspace.errors import InputError
from semspace.files import PathLike, resolved_path
from semspace.sentences.model_files import find_model, is_static
from semspace.sentences.modules import STATIC, Module, read_modules
from semspace.sentences.routes import Routes, read_routes
from semspace.sentences.runtime import check_backend

if TYPE_CHECKING:
    from semspace.sentences.encoder import Encoder


class _Options(NamedTuple):
    """How an encoder is loaded; see `load_encoder`."""

    backend: str
    max_tokens: int | None
    threads: int | None
    one_text: bool


def load_encoder(
    name: PathLike,
    *,
    backend: str = "auto",
    max_tokens: int | None = None,
    threads: int | None = None,
    one_text: bool = False,
) -> Encoder:
    """Load an encoder; see `Encoder.load`, which is this function, and `TransformerEncoder` for `one_text`."""
    check_backend(backend)
    if threads is not None:
        checks.whole("threads", threads)
    options = _Options(backend, max_tokens, threads, one_text)
    folder = find_model(name)
    path = resolved_path(name)
    title = str(path.resolve() if path.is_dir() else name)
    modules = read_modules(folder)
    routes = read_routes(folder, modules)
    if routes is not None:
        return _routed(folder, title, routes, options)
    if not is_static(folder):
        return _transformer(folder, title, options)
    if backend != "auto":
        raise InputError(f"{title} is a static encoder, which has no backend {backend!r}; leave backend= out")
    return _static(folder, title, modules, options)


def load_again(name: PathLike, options: Mapping[str, Any]) -> Encoder:
    """Load an encoder with the options of a former call, in another process."""
    return load_encoder(name, **options)


def _static(folder: Path, title: str, modules: Sequence[Module], options: _Options) -> Encoder:
    from semspace.sentences.static_encoder import StaticEncoder
    from semspace.sentences.static_folder import has_head

    limits = options.max_tokens, options.threads
    if has_head(modules):
        from semspace.sentences.headed_encoder import HeadedEncoder

        return HeadedEncoder(folder, title, modules, *limits)
    return StaticEncoder.from_folder(folder, title, max_tokens=limits[0], threads=limits[1], modules=modules)


def _transformer(
    folder: Path, title: str, options: _Options, modules: Sequence[Module] | None = None, like: Any = None
) -> Encoder:
    from semspace.sentences.transformer import TransformerEncoder

    backend, max_tokens, threads, one_text = options
    return TransformerEncoder(folder, title, backend, max_tokens, threads, modules, one_text=one_text, like=like)


def _routed(folder: Path, title: str, routes: Routes, options: _Options) -> Encoder:
    """Load all sides of a model; those with one transformer share it."""
    from semspace.sentences.routed_encoder import RoutedEncoder

    sides: dict[str, Encoder] = {}
    like: Any = None
    own = options._replace(max_tokens=None)
    for side, modules in routes.sides.items():
        if modules and modules[0].kind == STATIC:
            sides[side] = _static(folder, title, modules, own)
        else:
            sides[side] = like = _transformer(folder, title, own, modules, like)
    limit = options.max_tokens
    if limit is not None:
        checks.whole("max_tokens", limit, high=max(encoder.max_tokens for encoder in sides.values()))
        for side, encoder in sides.items():
            if limit < encoder.max_tokens and routes.sides[side][0].kind == STATIC:
                sides[side] = _static(folder, title, routes.sides[side], options)
            elif limit < encoder.max_tokens:
                encoder.max_seq_length = limit
    if options.backend != "auto" and all(
        modules[:1] and modules[0].kind == STATIC for modules in routes.sides.values()
    ):
        raise InputError(f"all sides of {title} are static, without a backend {options.backend!r}; leave backend= out")
    given = {"backend": options.backend, "max_tokens": limit, "threads": options.threads}
    return RoutedEncoder(folder, title, routes, sides, given)
