"""`python -m tests.record_vectors FOLDER…`: write what torch computes from the test sentences with well-known models.

To be run for each model of `recorded_vectors.MODELS` after `parity.SENTENCES` changed, or a model was added there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

import semspace as ss
from semspace.remembered import remembered_digest
from semspace.sentences import parity, recorded_vectors


def main(folders: list[str]) -> None:
    if not torch.__version__.startswith(recorded_vectors.TORCH):
        raise SystemExit(f"this is torch {torch.__version__}; install {recorded_vectors.TORCH}, or change TORCH")
    for folder in folders:
        encoder = ss.Encoder.load(folder, backend="torch")
        name = recorded_vectors.MODELS[remembered_digest(encoder.config.folder / "model.safetensors")]
        tokens = encoder.tokenizer.read(list(parity.SENTENCES), blank="skip")
        vectors = encoder._runtime.pooled(tokens, lambda _: None)
        path = Path(recorded_vectors.__file__).parent / "recorded" / f"{name}.npy"
        np.save(path, vectors.astype(np.float16))
        print(f"{path}: {vectors.shape}")


if __name__ == "__main__":
    main(sys.argv[1:])
