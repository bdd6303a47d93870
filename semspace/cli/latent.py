"""The commands `latent train` and `latent path`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.cli.output import check_folder, check_report, show
from semspace.errors import InputError

if TYPE_CHECKING:
    from semspace.latent.model import LatentTrainer

# What --model says → the trainer, in semspace.latent.
TRAINERS = {
    "pca": "PCA",
    "factors": "FactorAnalysis",
    "autoencoder": "Autoencoder",
    "denoising": "DenoisingAutoencoder",
    "vae": "VAE",
    "gan": "GAN",
    "sparse": "SparseAutoencoder",
}
_FIGURES = (".svg", ".pdf", ".png")


def train(
    space: o.SpaceOrFile,
    model: Annotated[
        str, typer.Option("--model", "-m", help="pca, factors, autoencoder, denoising, vae, gan or sparse.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to save the model in.")],
    dim: Annotated[int | None, typer.Option(help="Dimensions of a code (default: those of the model).")] = None,
    encode: Annotated[
        Path | None, typer.Option(help="Save the space of codes in this folder too; it takes text queries.")
    ] = None,
    active: Annotated[
        int | None, typer.Option(help="Features that are not zero in a code, at most (sparse; default: 32).")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the points, at most (models with a network).")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write the losses to this figure (.svg, .pdf, .png).")] = None,
    checkpoint: o.Checkpoint = None,
    checkpoint_minutes: o.CheckpointMinutes = 10.0,
    resume: o.Resume = False,
    seed: Annotated[int | None, typer.Option(help="Seed of the random numbers (default: 0).")] = None,
    threads: Annotated[int | None, typer.Option(help="Number of threads (default: all cores).")] = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Train a model of a smaller space, which leads there and back."""
    from semspace import replacement

    trainer, is_network = _trainer(model, dim=dim, active=active, epochs=epochs, seed=seed, threads=threads)
    if not is_network:
        idle = f"--model {model}, which has no network"
        inputs.refuse_with(idle, checkpoint=checkpoint is not None, plot=plot is not None, resume=resume)
    _check_different(space, {"--out": out, "--encode": encode})
    for place in (out, encode):
        if place is not None:
            check_folder(place, overwrite=overwrite)
    if plot is not None:
        check_report(plot, "--plot", _FIGURES, overwrite=overwrite)
    points = inputs.read_space(space)
    saved: dict[str, Any] = {
        "checkpoint": checkpoint, "checkpoint_minutes": checkpoint_minutes, "resume": resume
    }  # fmt: skip
    trained = trainer.train(points, **(saved if is_network else {}))
    trained.save(out, overwrite=overwrite)
    where = f"saved to {out}"
    if encode is not None:
        codes = trained.encode(points)
        codes.save(encode, overwrite=overwrite)
        where += f", and the codes to {encode}\n{codes!r}"
    if plot is not None:
        trained.history.plot().save(plot)
    if checkpoint is not None:
        replacement.delete_bundle(checkpoint)
    plain = {"out": str(out), "model": model, "dim": trained.dim, "width": trained.width, "points": len(points)}
    if is_network:
        plain["history"] = trained.history.to_frame().to_dicts()
    show(f"{trained!r}\n{where}", plain if encode is None else {**plain, "encode": str(encode)}, as_json)


def _check_different(space: str, places: Mapping[str, Path | None]) -> None:
    """Raise `InputError` if a value would replace the space that is read, or another one that is written."""
    taken = {Path(space).expanduser().resolve(): "SPACE"}
    for option, place in places.items():
        other = option if place is None else taken.setdefault(place.expanduser().resolve(), option)
        if other != option:
            raise InputError(f"{option} is the path of {other} too, which would be lost: {place}; choose another path")


def _trainer(model: str, **settings: Any) -> tuple[LatentTrainer, bool]:
    """Return the trainer that --model names, and whether it trains a network; refuse settings that it hasn't."""
    from semspace import checks, latent
    from semspace.latent.neural_trainer import NeuralTrainer

    kind = getattr(latent, TRAINERS[checks.choice("--model", model, tuple(TRAINERS))])
    known = {field.name for field in fields(kind)}
    given = {name: value for name, value in settings.items() if value is not None}
    strange = next((name for name in given if name not in known), None)
    if strange is not None:
        raise InputError(f"--{strange} has no effect on --model {model}; leave it out")
    return kind(**given), issubclass(kind, NeuralTrainer)


def path(
    space: o.SpaceOrFile,
    a: Annotated[str, typer.Argument(metavar="FROM", help="An id of the space, or a text.")],
    b: Annotated[str, typer.Argument(metavar="TO", help="An id of the space, or a text.")],
    steps: Annotated[int, typer.Option(help="Points on the way, both ends included.")] = 7,
    method: Annotated[str, typer.Option(help="spherical, straight or documents.")] = "spherical",
    words: Annotated[
        bool, typer.Option("--words", help="Name the words of each step too: those of the space's texts.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Write the figure to this file (.svg, .pdf, .png).")] = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Describe the way from one text to another by the texts that lie between them."""
    from semspace.latent.descriptions import vocabulary
    from semspace.latent.paths import path as find_path

    if plot is not None:
        check_report(plot, "--plot", _FIGURES, overwrite=overwrite)
    points = inputs.read_space(space)
    found = find_path(points, a, b, steps, method=method, vocabulary=vocabulary(points) if words else None)
    if plot is not None:
        found.plot().save(plot)
    plain = {
        "method": method,
        "straightness": found.straightness,
        "largest_angle": found.largest_angle,
        "steps": found.to_frame().to_dicts(),
    }
    show(found, plain, as_json)
