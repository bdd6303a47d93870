"""`semspace info`: what a saved value or a file is."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import show
from semspace.cli.text_options import DocumentOptions
from semspace.errors import STEERING, InputError

Facts = dict[str, Any]
_MODEL_FILES = ("config.json", "modules.json", "config_sentence_transformers.json")


def info(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A saved value, a file of vectors, or texts like INPUT elsewhere.")
    ],
    *,
    texts: DocumentOptions,
    as_json: o.Json = False,
) -> None:
    """Describe a saved value or a file: its kind, its sizes, its encoder, and what it was made of."""
    facts = _facts(source, texts)
    width = max(map(len, facts))
    lines = [f"{name:<{width}}  {_in_words(value)}" for name, value in facts.items() if value not in (None, {}, [])]
    show("\n".join(lines).translate(STEERING), facts, as_json)


def _facts(source: str, texts: DocumentOptions) -> Facts:
    from semspace.files import resolved_path
    from semspace.replacement import is_bundle

    if is_bundle(source):
        inputs.refuse_for(source, **texts.given)
        return _of_value(source)
    path = resolved_path(source)
    if path.is_dir() and any((path / name).is_file() for name in _MODEL_FILES):
        return {"kind": "model", "path": source, "use": f"semspace embed INPUT --model {source}"}
    vectors = _of_vectors(source) if path.is_file() and not streams.is_stream(source) else None
    if vectors is not None:
        inputs.refuse_with(f"{source}, which holds vectors", **texts.given)
        return vectors
    return {"kind": "texts", "path": source, **_of_corpus(inputs.read_corpus(source, texts))}


def _of_value(path: str) -> Facts:
    """Return facts on a saved value, all checksums of which are compared."""
    from semspace.bundle import open_bundle
    from semspace.registry import CHECKPOINTS

    bundle = open_bundle(path)
    facts: Facts = {"kind": bundle.kind, "path": path, "bytes": bundle.size}
    if bundle.kind in CHECKPOINTS or bundle.kind not in _DESCRIBED:
        return {**facts, **{name: value for name, value in dict(bundle.meta.items()).items() if _is_plain(value)}}
    return {**facts, **_DESCRIBED[bundle.kind](inputs.read_value(path))}


def _of_vectors(path: str) -> Facts | None:
    """Return facts on a file of vectors; None for another file."""
    from semspace.formats import vectors
    from semspace.formats.vector_file import open_vectors

    try:
        with open_vectors(path) as source:
            format = vectors.detect(source)
    except InputError:
        return None
    return {"kind": "vectors", "path": path, "format": format, **_of_space(vectors.read_vectors(path, format=format))}


def _of_corpus(corpus: Any) -> Facts:
    texts = corpus.texts
    return {
        "documents": len(corpus),
        "columns": corpus.frame.columns,
        "characters": int(texts.str.len_chars().sum()),
        "longest_text": int(texts.str.len_chars().max()),
        "provenance": dict(corpus.provenance),
    }


def _of_tokens(tokens: Any) -> Facts:
    words = tokens.vocabulary
    return {
        "documents": len(tokens.offsets) - 1,
        "tokens": len(tokens.ids),
        "words": len(words),
        "provenance": dict(tokens.provenance),
    }


def _of_phrases(phrases: Any) -> Facts:
    return {"phrases": len(phrases)}


def _of_space(space: Any) -> Facts:
    return {
        "points": len(space),
        "dim": space.dim,
        "columns": [] if space.metadata is None else space.metadata.columns,
        "encoder": _of_encoder(space.encoder),
        "fingerprint": space.fingerprint,
        "provenance": dict(space.provenance),
    }


def _of_encoder(encoder: Any) -> Facts | None:
    return None if encoder is None else {name: getattr(encoder, name) for name in ("name", "dim", "fingerprint")}


def _of_index(index: Any) -> Facts:
    facts = {"columns": list(index.columns), "encoder": _of_encoder(index.encoder)}
    return {**index.report().to_dict(), **facts}


def _of_clustering(groups: Any) -> Facts:
    return {
        "groups": len(groups),
        "names": list(groups.names),
        "sizes": groups.sizes.tolist(),
        "without_group": len(groups.outliers),
        **{name: value for name, value in _of_space(groups.space).items() if name != "provenance"},
        "provenance": dict(groups.provenance),
    }


def _of_outliers(outliers: Any) -> Facts:
    return {
        "outliers": len(outliers),
        "most_unusual": list(outliers.ids[:10]),
        "threshold": float(outliers.threshold),
        **{name: value for name, value in _of_space(outliers.space).items() if name != "provenance"},
        "provenance": dict(outliers.provenance),
    }


def _of_comparison(comparison: Any) -> Facts:
    results = comparison.to_dict()
    return {name: results[name] for name in ("names", "sizes", "verdict", "p_value", "provenance")}


_DESCRIBED: Mapping[str, Callable[[Any], Facts]] = {
    "clustering": _of_clustering,
    "comparison": _of_comparison,
    "corpus": _of_corpus,
    "index": _of_index,
    "outliers": _of_outliers,
    "phrasebook": _of_phrases,
    "space": _of_space,
    "tokens": _of_tokens,
}


def _is_plain(value: object) -> bool:
    return isinstance(value, (str, int, float, bool))


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_in_words(one)}" for name, one in value.items())
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
        return f"{value[:8]}…"  # --json prints all of a checksum
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_in_words, value))
    return str(value)
