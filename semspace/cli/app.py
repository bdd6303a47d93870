"""The tree of commands, of which a call builds the one that it names: all of them take 0.1 seconds more."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from semspace.cli.command import Group, command, expanded

# The name of each command → the module of this package and its function, in the order of the help.
COMMANDS = {
    "embed": "spaces:embed",
    "convert": "spaces:convert",
    "similar": "spaces:similar",
    "query": "spaces:query",
    "analogy": "spaces:analogy",
    "explain": "explanations:explain",
    "index": "indexes:index",
    "search": "indexes:search",
    "recommend": "recommendations:recommend",
    "duplicates": "indexes:duplicates",
    "join": "joins:join",
    "add": "indexes:add",
    "update": "indexes:update",
    "upsert": "indexes:upsert",
    "delete": "indexes:delete",
    "cluster": "clusters:cluster",
    "assign": "clusters:assign",
    "outliers": "anomalies:outliers",
    "map": "maps:map",
    "explore": "maps:explore",
    "compare": "reports:compare",
    "evaluate": "evaluation:evaluate",
    "choose-encoder": "evaluation:choose_encoder",
    "info": "info:info",
    "corpora": "reports:corpora",
    "demo": "reports:demo",
    "warmup": "warmup:warmup",
    "train word2vec": "words:train_word2vec",
    "train encoder": "encoders:train_encoder",
    "latent train": "latent:train",
    "latent tradeoff": "latent_tradeoff:tradeoff",
    "latent outliers": "anomalies:outliers",
    "latent path": "latent:path",
}
_GROUPS = {
    "train": "Train word vectors or a sentence encoder on your own text.",
    "latent": "Smaller spaces and the way back, what they keep, and ways between texts.",
}

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


def _semspace(
    version: Annotated[
        bool, typer.Option("--version", "-V", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """Return the app with the command that is called; with all, if none is named, as for the help."""
    words = list(arguments[:2])
    named = [name for name in (" ".join(words), *words[:1]) if name in COMMANDS]
    return build_app(named[:1] or COMMANDS, documented_only=words in (["--help"], ["-h"], []))


def build_app(names: Iterable[str] = COMMANDS, *, documented_only: bool = False) -> typer.Typer:
    """Return the app with some commands; without their parameters, if only what they are for will be asked."""
    app = _typer("Semantic analysis of text: train vectors, search, cluster and compare corpora.")
    app.callback()(_semspace)
    groups: dict[str, typer.Typer] = {}
    for name in names:
        group, _, inner = name.rpartition(" ")
        if group and group not in groups:
            groups[group] = _typer(_GROUPS[group])
            app.add_typer(groups[group], name=group)
        function = _function(COMMANDS[name])
        old = OLD_IN_ALL | OLD_OPTIONS.get(name, {})
        shown = _documented(function) if documented_only else expanded(function)
        (groups[group] if group else app).command(inner, cls=command(old))(shown)
    return app


def _typer(purpose: str) -> typer.Typer:
    """Return an empty group; its help is plain text, since importing what draws boxes takes 0.2 seconds."""
    return typer.Typer(
        name="semspace",
        cls=Group,
        help=purpose,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def _function(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(f"semspace.cli.{module}"), name)


def _documented(function: Any) -> Any:
    """Return a function of no parameters with the same documentation."""

    def nothing() -> None:
        pass

    nothing.__doc__ = function.__doc__
    return nothing


def __getattr__(name: str) -> typer.Typer:
    """Return the app with all commands as ``app``, for tools and tests that take a whole typer app."""
    if name == "app":
        return build_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
