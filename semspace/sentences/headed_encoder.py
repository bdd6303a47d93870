"""`HeadedEncoder`: a table of token vectors, and modules that are applied to the mean of a text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks
from semspace.bundle import Bundle
from semspace.files import PathLike, digest
from semspace.progress import Bar
from semspace.sentences import head
from semspace.sentences.blocks import EncodedBlock
from semspace.sentences.encoder import Encoder, frozen_encoder
from semspace.sentences.folder_copy import save_folder
from semspace.sentences.modules import Module
from semspace.sentences.passages import Passage
from semspace.sentences.pooling import direction_or_ones, fill_zero_rows
from semspace.sentences.static_encoder import StaticEncoder

KIND = "headed-encoder"


@frozen_encoder
class HeadedEncoder(Encoder):
    """A `StaticEmbedding` of sentence-transformers that is followed by Dense, LayerNorm or other modules.

    Parameters
    ----------
    folder : Path
        The folder of ``modules.json``.
    name : str
        The name of the encoder in messages and provenance.
    modules : sequence of Module
        The first is a ``StaticEmbedding``.
    max_tokens, threads : int, optional
        See `Encoder.load`.

    Notes
    -----
    A text without a token, such as an empty one, has the mean zero, to which the modules are applied, as in
    sentence-transformers.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        modules: Sequence[Module],
        max_tokens: int | None = None,
        threads: int | None = None,
    ) -> None:
        table = StaticEncoder.from_folder(folder, name, max_tokens=max_tokens, threads=threads, modules=modules[:1])
        steps = head.read_head(modules[1:])
        width = head.output_width(steps, table.vectors.shape[1])
        cut = table.truncate_dim
        facts = {
            "_root": folder,
            "_table": replace(table, truncate_dim=None),
            "_head": steps,
            "_given": {"max_tokens": max_tokens, "threads": threads},
            "name": name,
            "dim": width if cut is None else min(width, cut),
            "max_tokens": table.max_tokens,
            "threads": threads,
            "prompts": table.prompts,
            "similarity_fn_name": table.similarity_fn_name,
            "normalizes": steps[-1].kind == head.NORMALIZE and (cut is None or cut >= width),
        }
        self.__dict__.update(facts)
        settings = [[*module.digests(), dict(module.config)] for module in steps]
        said = json.dumps([table.fingerprint, settings])
        self.__dict__["fingerprint"] = digest(said.encode())

    _root: Path
    _table: StaticEncoder
    _head: tuple[head.HeadModule, ...]
    _given: dict[str, Any]

    def passages(self, texts: list[str], overlap: int) -> list[list[Passage]]:
        """Split texts at the ends of sentences into passages of at most `max_tokens` tokens."""
        return self._table.passages(texts, overlap)

    def _encode_block(self, prepared: list[str], bar: Bar) -> EncodedBlock:
        """Encode a block of texts."""
        block = self._table._encode_block(prepared, bar)
        if block.unknown is not None:
            block.vectors[block.unknown] = 0
        vectors = head.apply_head(self._head, block.vectors)[:, : self.dim].astype(np.float32, copy=False)
        fill_zero_rows(vectors, direction_or_ones(np.ones(self.dim), scale=False), scale=False)
        return EncodedBlock(np.ascontiguousarray(vectors), block.truncated, block.unknown)

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


def read_bundle(bundle: Bundle) -> Encoder:
    """Open a bundle that `save` wrote."""
    from semspace.sentences.load import load_encoder

    encoder = load_encoder(bundle.folder)
    bundle.unchanged()  # its files are found by their paths
    return encoder
