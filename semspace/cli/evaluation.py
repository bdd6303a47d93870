"""Commands that judge vectors and encoders: evaluate, choose-encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import show
from semspace.cli.text_options import TextOptions
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.evaluation.score import Score
    from semspace.sentences.encoder import Encoder


def evaluate(
    vectors: Annotated[
        list[str],
        typer.Argument(
            metavar="VECTORS [MORE …]", help="A saved space, a file of vectors, or a model for texts; or several."
        ),
    ],
    tasks: Annotated[
        list[str] | None, typer.Option(help="A task, or a suite; may be repeated (default: words).")
    ] = None,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    as_json: o.Json = False,
) -> None:
    """Measure how well vectors agree with human judgements, with 95 % intervals.

    Tasks: wordsim353, simlex999, google-analogies (together: words), lee-documents, newsgroups-labels,
    newsgroups-groups (together: texts); or a file of word pairs, analogies, categories or pairs of sentences, or a
    folder of such files or with a retrieval task. Of several VECTORS, the first is compared with each other one.
    """
    from dataclasses import replace

    from semspace.display import clip, to_json
    from semspace.evaluation.evaluate import evaluate as score
    from semspace.threads import limited

    with limited(threads):
        found = [replace(score(_opened(name, threads), tasks or "words", seed=seed), name=name) for name in vectors]
    if len(found) == 1:
        show(found[0], [_plain(one) for one in found[0]], as_json)
        return
    differences = [found[0].compare(other) for other in found[1:]]
    if as_json:
        scores = [{"vectors": one.name, "scores": [_plain(score) for score in one]} for one in found]
        compared = [{"a": one.names[0], "b": one.names[1], "tasks": one.to_frame().to_dicts()} for one in differences]
        typer.echo(to_json({"vectors": scores, "differences": compared}, indent=None).rstrip())
        return
    typer.echo("\n\n".join([*(f"{clip(one.name, 200)}\n{one!r}" for one in found), *map(repr, differences)]))


def _plain(score: Score) -> dict[str, Any]:
    """Return a score as JSON: a row of the table, and the other measures of the task."""
    table = dict(zip(("task", "metric", "value", "low", "high", "used", "total", "note"), score.row, strict=True))
    return {**table, "measures": score.to_frame().to_dicts()}


def _opened(name: str, threads: int | None) -> Any:
    from semspace import files, replacement

    saved = replacement.is_bundle(name) or files.resolved_path(name).is_file()
    return inputs.read_space(name) if saved else _model(name, threads)


def _model(name: str, threads: int | None) -> Encoder:
    """Return the model of a name that is no file, and may be a slip of the pen for one."""
    try:
        return inputs.read_encoder(name, threads=threads)
    except InputError as problem:
        raise InputError(f"there is no saved space or file {name!r}, and {problem}") from problem


def choose_encoder(
    source: o.Input,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="An encoder, as in embed; repeat it for each that you would use."),
    ] = None,
    labels: Annotated[str | None, typer.Option(help="Column with the labels of the documents.")] = None,
    method: Annotated[
        str | None, typer.Option(help="Without labels: halves, titles or bm25 (default: halves).")
    ] = None,
    title: Annotated[str | None, typer.Option(help="Column with the titles of the documents.")] = None,
    sample: Annotated[int, typer.Option(help="Number of documents that are encoded, drawn at random.")] = 1_000,
    seed: o.Seed = 0,
    threads: o.Threads = None,
    *,
    texts: TextOptions,
    as_json: o.Json = False,
) -> None:
    """Rank encoders by how well they do on your own texts, with or without labels."""
    from semspace.selection.choosing import choose_encoder as choose
    from semspace.threads import limited

    if not model:
        raise InputError("--model names an encoder; give it once for each that you would use")
    corpus = inputs.read_corpus(source, texts)
    with limited(threads):
        found = choose(list(model), corpus, labels=labels, method=method, title=title, sample=sample, seed=seed)
    show(found, found.to_frame().to_dicts(), as_json)
