"""`RoutedEncoder`: a model with several sides, such as one for queries and one for documents."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.bundle import Bundle
from semspace.errors import InputError
from semspace.files import PathLike, digest
from semspace.progress import Bar
from semspace.sentences.blocks import EncodedBlock
from semspace.sentences.encoder import Encoder, frozen_encoder
from semspace.sentences.folder_copy import save_folder
from semspace.sentences.passages import Passage
from semspace.sentences.routes import Routes

QUERY, DOCUMENT = "query", "document"

KIND = "routed-encoder"


@frozen_encoder
class RoutedEncoder(Encoder):
    """A model with a Router of sentence-transformers (or an Asym, before version 5): each side is an encoder.

    `encode_queries` takes the side for queries, `encode_documents` and `embed` that for documents, and `encode` the
    one that `task` names, or the default of the model.

    Parameters
    ----------
    folder : Path
    name : str
        The name of the encoder in messages and provenance.
    routes : Routes
        Which side a text takes.
    sides : mapping of str to Encoder
        Their vectors have the same number of dimensions.
    given : mapping
        The options with which it was loaded.

    Attributes
    ----------
    sides : mapping of str to Encoder
        The encoder of each side.
    """

    sides: Mapping[str, Encoder]

    def __init__(
        self, folder: Path, name: str, routes: Routes, sides: Mapping[str, Encoder], given: Mapping[str, Any]
    ) -> None:
        widths = {side: encoder.dim for side, encoder in sides.items()}
        if len(set(widths.values())) > 1:
            listed = ", ".join(f"{side} {dim}" for side, dim in widths.items())
            raise InputError(
                f"the sides in {routes.path} make vectors of different widths ({listed}), which can't be compared; "
                f"download the model again"
            )
        fingerprints = {side: encoder.fingerprint for side, encoder in sorted(sides.items())}
        rest = [fingerprints, routes.default, sorted([*map(str, item)] for item in routes.mappings.items())]
        self.__dict__.update(
            name=name, sides=dict(sides), _root=folder, _routes=routes, _given=dict(given),
            fingerprint=digest(json.dumps(rest).encode()),
        )  # fmt: skip
        documents = self._of(DOCUMENT, or_default=True)
        for attribute in ("dim", "max_tokens", "prompts", "threads", "similarity_fn_name", "backend", "implementation"):
            self.__dict__[attribute] = getattr(documents, attribute)
        self.__dict__["normalizes"] = all(encoder.normalizes for encoder in sides.values())
        self.__dict__["device"] = documents.device
        self.__dict__["backend_reason"] = "; ".join(
            f"{side}: {encoder.backend_reason or type(encoder).__name__}" for side, encoder in sides.items()
        )

    _root: Path
    _routes: Routes
    _given: dict[str, Any]

    def encode(self, texts: Iterable[str] | str, *, task: str | None = None, **options: Any) -> Any:
        """Encode texts by the side that `task` names, or the model's default; see `Encoder.encode`.

        Parameters
        ----------
        texts : list of str, or str
        task : str, optional
            A side of the model: ``"query"`` or ``"document"``, if it has these.
        **options
            As in `Encoder.encode`.

        Raises
        ------
        InputError
            If there is no such side; or no task is given, and the folder has no default that all versions of
            sentence-transformers share.
        """
        return self._of(task).encode(texts, **options)

    def encode_queries(self, texts: Any, **options: Any) -> Any:
        """Encode queries by their side, after the model's prompt ``query`` if it has one; options as in `encode`."""
        return self._of(QUERY).encode_queries(texts, **options)

    def encode_documents(self, texts: Any, **options: Any) -> Any:
        """Encode documents by their side, after the model's prompt for documents; options as in `encode`."""
        return self._of(DOCUMENT).encode_documents(texts, **options)

    encode_query, encode_document = encode_queries, encode_documents

    def _no_states(self) -> InputError:
        side = next(iter(self.sides))
        return InputError(
            f"{self.name} has the sides {', '.join(self.sides)}, each with states of its own; give one of them: "
            f"encoder.sides[{side!r}].encode_tokens(texts)"
        )

    def _of(self, task: str | None, *, or_default: bool = False) -> Encoder:
        """Return the encoder of a side; with `or_default`, the last one where there is none for this task."""
        if task is not None:
            checks.string("task", task)
        try:
            return self.sides[self._routes.side(task)]
        except InputError:
            if or_default:
                return list(self.sides.values())[-1]
            raise

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages that the side for documents can read."""
        return self._of(DOCUMENT).passages(texts, overlap)

    def _prepare(self, texts: list[str], prompt: str = "") -> Any:
        return self._of(DOCUMENT)._prepare(texts, prompt)

    def _encode_block(self, prepared: Any, bar: Bar) -> EncodedBlock:
        """Encode a block of documents."""
        return self._of(DOCUMENT)._encode_block(prepared, bar)

    @property
    def shortened(self) -> int | None:
        """The number of tokens to which texts are truncated, if given; a saved space keeps it."""
        return self._given.get("max_tokens")

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Save as a folder that `Encoder.load`, `load` and sentence-transformers open; it is written atomically.

        Raises
        ------
        ExistsError
            If `path` exists, unless it is a saved semspace value and `overwrite` is true.
        """
        save_folder(self._root, path, KIND, dim=self.dim, overwrite=checks.flag("overwrite", overwrite))

    def __reduce__(self) -> tuple[Any, ...]:  # loaded again in the other process, of joblib for example
        from semspace.sentences.load import load_again

        return load_again, (self.name, self._given)

    def __repr__(self) -> str:
        facts = f"dim={self.dim}, sides={', '.join(self.sides)}"
        return f"{type(self).__name__}({self.name!r}, {facts})"


def read_bundle(bundle: Bundle) -> Encoder:
    """Open a bundle that `save` wrote."""
    from semspace.sentences.load import load_encoder

    encoder = load_encoder(bundle.folder)
    bundle.unchanged()  # its files are found by their paths
    return encoder
