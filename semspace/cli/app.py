"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from semspace.cli import (
    anomalies,
    clusters,
    evaluation,
    explanations,
    indexes,
    latent,
    maps,
    recommendations,
    reports,
    spaces,
)
from semspace.cli.command import Group, command, expanded
from semspace.cli.encoders import train_encoder
from semspace.cli.info import info
from semspace.cli.latent_tradeoff import tradeoff
from semspace.cli.warmup import warmup
from semspace.cli.words import train_word2vec

app = typer.Typer(
    name="semspace",
    cls=Group,
    help="Semantic analysis of text: train vectors, search, cluster and compare corpora.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
train = typer.Typer(cls=Group, help="Train word vectors or a sentence encoder on your own text.", no_args_is_help=True)
app.add_typer(train, name="train")
latent_app = typer.Typer(
    cls=Group, help="Smaller spaces and the way back, what they keep, and ways between texts.", no_args_is_help=True
)
app.add_typer(latent_app, name="latent")

# Old names of options are accepted until the version that `deprecation` names.
OLD_IN_ALL = {"--drop-empty": "--empty=drop"}
OLD_OPTIONS = {
    "train word2vec": {
        "--split": "--tokenizer",
        "--engine": "--backend",
        "--start": "--init",
        "--evaluate": "--evaluator",
    },
    "train encoder": {"--start": "--init", "--evaluate": "--evaluator", "--evaluations": "--evals-per-epoch"},
    "embed": {"--runtime": "--backend", "--long": "--long-texts"},
    "index": {"--kind": "--method"},
    "cluster": {"-k": "--n-clusters"},
    "compare": {"--cuts": "--bins", "--unit": "--groups", "--long": "--long-texts"},
    "evaluate": {"--on": "--tasks"},
}


def _print_version(asked: bool) -> None:
    if asked:
        from semspace.version import __version__

        typer.echo(f"semspace {__version__}")
        raise typer.Exit


@app.callback()
def _semspace(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


train.command("word2vec", cls=command(OLD_IN_ALL | OLD_OPTIONS["train word2vec"]))(expanded(train_word2vec))
train.command("encoder", cls=command(OLD_IN_ALL | OLD_OPTIONS["train encoder"]))(expanded(train_encoder))
for _of_latent in (latent.train, tradeoff, anomalies.outliers, latent.path):
    latent_app.command(cls=command(OLD_IN_ALL))(expanded(_of_latent))
for _function in (
    spaces.embed,
    spaces.convert,
    spaces.similar,
    spaces.query,
    spaces.analogy,
    explanations.explain,
    indexes.index,
    indexes.search,
    recommendations.recommend,
    indexes.duplicates,
    indexes.add,
    indexes.update,
    indexes.upsert,
    indexes.delete,
    clusters.cluster,
    clusters.assign,
    anomalies.outliers,
    maps.map,
    maps.explore,
    reports.compare,
    evaluation.evaluate,
    evaluation.choose_encoder,
    info,
    reports.corpora,
    reports.demo,
    warmup,
):
    app.command(cls=command(OLD_IN_ALL | OLD_OPTIONS.get(_function.__name__, {})))(expanded(_function))
