"""The command join."""

from __future__ import annotations

from typing import Annotated

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import show
from semspace.cli.text_options import DocumentOptions
from semspace.errors import InputError


def join(
    a: Annotated[
        str, typer.Argument(metavar="A", help="A corpus, like INPUT of other commands, or a saved space or index.")
    ],
    b: Annotated[str, typer.Argument(metavar="B", help="What its texts are compared with; as A.")],
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Show pairs with at least this similarity (default: 0.95, or with -k any).", show_default=False
        ),
    ] = None,
    k: Annotated[int | None, typer.Option("-k", help="Only so many best partners of each text of A.")] = None,
    metric: o.Metric = "cosine",
    max_pairs: Annotated[
        int | None, typer.Option(help="At most so many pairs, the best ones (default: 1,000,000).", show_default=False)
    ] = None,
    model: o.MaybeModel = None,
    threads: o.Threads = None,
    *,
    texts: DocumentOptions,
    as_json: o.Json = False,
) -> None:
    """Find the pairs of similar texts between two corpora: a similarity join."""
    from semspace.display import text_table
    from semspace.index.joining import join as join_points
    from semspace.text.corpus import Corpus
    from semspace.text_encoder import reads_texts

    left, right = (inputs.space_or_corpus(source, texts) for source in (a, b))
    needs_model = isinstance(left, Corpus) or isinstance(right, Corpus)
    if model is not None and not needs_model:
        raise InputError("--model has no effect on saved spaces, which were encoded before; leave it out")
    has_own = any(not isinstance(side, Corpus) and reads_texts(side.encoder) for side in (left, right))
    encoder = None
    if needs_model and (model is not None or not has_own):
        encoder = inputs.read_encoder(model or o.DEFAULT_MODEL, threads=threads)
    pairs = join_points(
        left, right, min_score, k=k, metric=metric, max_pairs=max_pairs, encoder=encoder, threads=threads
    )
    show(f"{len(pairs):,} pairs\n{text_table(pairs.columns, pairs.iter_rows())}", pairs.to_dicts(), as_json)
