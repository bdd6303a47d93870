"""Trainings with checkpoints, adapters that are merged, and models that are saved."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import semspace as ss
from semspace.training import Distillation
from tests.folders import bare
from tests.teaching import alone, pairs, trainer
from torture.texts import corpus_of
from torture.writers import Diary, ResumedWriter, SaveWriter, Writer, contents, space_of

_WEIGHTS = "*.safetensors"
_QUERY = "base_model.model.encoder.layer.0.attention.self.query"
_NETWORK = {"dim": 4, "hidden": 8, "batch_size": 32, "threads": 1}


class AdapterWriter(Writer):
    """An adapter of LoRA, merged into its base in the cache folder when it is opened."""

    name: ClassVar[str] = "adapter merged"

    def prepare(self, folder: Path) -> None:
        from safetensors.numpy import save_file

        base, adapter, draw = bare(folder / "base"), folder / "adapter", np.random.default_rng(0)
        adapter.mkdir()
        sizes = {"lora_A.weight": (4, 64), "lora_B.weight": (64, 4)}
        tensors = {f"{_QUERY}.{end}": draw.normal(size=size).astype(np.float32) for end, size in sizes.items()}
        save_file(tensors, adapter / "adapter_model.safetensors")
        facts = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "base_model_name_or_path": str(base)}
        (adapter / "adapter_config.json").write_text(json.dumps(facts))
        self._merged(folder, "whole")

    def write(self, folder: Path, diary: Diary) -> None:
        self._merged(folder, "own")
        diary.say(done=True)

    def check(self, folder: Path, diary: Diary) -> None:
        if diary.lines():
            assert contents(folder / "own", _WEIGHTS) == contents(folder / "whole", _WEIGHTS)
        self._merged(folder, "own")
        found = {name for name in contents(folder / "own") if not name.startswith(".")}
        assert contents(folder / "own", _WEIGHTS) == contents(folder / "whole", _WEIGHTS)
        assert found == {name for name in contents(folder / "whole") if not name.startswith(".")}, "leftovers"
        shutil.rmtree(folder / "own")

    @staticmethod
    def _merged(folder: Path, cache: str) -> None:
        os.environ["SEMSPACE_CACHE"] = str(folder / cache)
        ss.Encoder.load(folder / "adapter", backend="exact").encode(["the cat"])


def _words(folder: Path, name: str) -> None:
    trainer_of_words = ss.Word2Vec(dim=16, epochs=6, min_count=1, threads=1)
    vectors = trainer_of_words.train(
        corpus_of(3_000), checkpoint=folder / f"{name}.checkpoint", checkpoint_minutes=0, resume=True, progress=False
    )
    ss.Space.from_vectors(vectors.ids.tolist(), vectors.vectors).save(folder / name, overwrite=True)  # without history


def _encoder(options: dict[str, Any], folder: Path, name: str) -> None:
    given, texts = {"epochs": 2, **options}, pairs()
    if given.get("objective") == "distillation":
        given["objective"], texts = Distillation(teacher=folder / "base", layers=1), alone()
    trainer(folder / "base", **given).train(
        texts, out=folder / name, overwrite=True, checkpoint=folder / f"{name}.checkpoint", checkpoint_minutes=0,
        resume=True, progress=False,
    )  # fmt: skip


def _latent(make: Callable[[], Any], folder: Path, name: str) -> None:
    model = make().train(
        space_of(0), checkpoint=folder / f"{name}.checkpoint", checkpoint_minutes=0, resume=True, progress=False
    )
    model.save(folder / name, overwrite=True)


def _base(folder: Path) -> None:
    bare(folder / "base")


def static_encoder(number: int) -> ss.StaticEncoder:
    """Return a static encoder of two words."""
    tokenizer = json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "ship": 1, "sea": 2}, "unk_token": "[UNK]"},
    })  # fmt: skip
    return ss.StaticEncoder(tokenizer, np.random.default_rng(number).normal(size=(3, 64)).astype(np.float32))


def _bridge(number: int) -> Any:
    space = space_of(number)
    plain = ss.Space.from_vectors(space.ids.tolist(), space.vectors)  # with an encoder it couldn't be saved
    return ss.latent.bridge(plain, plain)


class ModelSaveWriter(SaveWriter):
    """A model with a folder of its own, saved over another one."""

    def prepare(self, folder: Path) -> None:
        bare(folder / "base0")
        shutil.copytree(folder / "base0", folder / "base1")
        self._make = lambda number: ss.Encoder.load(folder / f"base{number}")
        (folder / "base1" / "README.md").write_text("another\n")
        super().prepare(folder)
        for number in range(2):
            shutil.rmtree(folder / f"base{number}")


def model_writers() -> Iterator[Writer]:
    """Yield a writer for each training, and for each kind of model that is saved."""
    yield ResumedWriter("words", _words)
    for name, options in (
        ("encoder", {"objective": "pairs"}),
        ("encoder of low rank", {"objective": "pairs", "lora_rank": 2}),
        ("distillation", {"objective": "distillation", "epochs": 1}),
    ):
        yield ResumedWriter(name, partial(_encoder, options), _base, same=_WEIGHTS)
    yield ResumedWriter(
        "autoencoder", partial(_latent, lambda: ss.latent.Autoencoder(epochs=5, **_NETWORK)), same="*.npy"
    )
    yield AdapterWriter()
    yield ModelSaveWriter("save: encoder", static_encoder)
    yield SaveWriter("save: static encoder", static_encoder)
    yield SaveWriter("save: calibration", lambda number: space_of(number).calibrate(seed=number))
    yield SaveWriter("save: bridge", _bridge)
    for made in (
        ss.latent.PCA(4), ss.latent.FactorAnalysis(4), ss.latent.Truncation(4), ss.latent.VAE(epochs=1, **_NETWORK),
        ss.latent.GAN(epochs=1, **_NETWORK), ss.latent.SparseAutoencoder(active=4, epochs=1, **{**_NETWORK, "dim": 24}),
    ):  # fmt: skip
        yield SaveWriter(f"save: {type(made).__name__}", lambda number, made=made: made.train(space_of(number)))
