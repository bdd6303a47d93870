"""What torch computed from the test sentences with well-known models: the kernels are held against it without torch.

Importing torch takes most of a first use. The vectors were recorded with ``python -m tests.record_vectors``, and count
for whoever has the same weights; where they don't agree with a runtime, torch itself is asked.
"""

from __future__ import annotations

from importlib import resources

import numpy as np

from semspace.remembered import remembered_digest
from semspace.sentences.model_config import ModelConfig
from semspace.sentences.parity import Recorded
from semspace.sentences.weights import weight_files

TORCH = "2.13.0"  # the version that computed them
# The SHA-256 of a model's weights, and the name of its vectors.
MODELS = {
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": "all-MiniLM-L6-v2",
    "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658": "all-mpnet-base-v2",
}


def recorded_vectors(config: ModelConfig) -> Recorded | None:
    """Return torch's pooled vectors of `parity.SENTENCES`; None if a model isn't known."""
    weights = weight_files(config.folder)
    name = MODELS.get(remembered_digest(weights[0])) if len(weights) == 1 else None
    if name is None:
        return None
    with (resources.files("semspace.sentences") / "recorded" / f"{name}.npy").open("rb") as file:
        return Recorded(np.load(file, allow_pickle=False).astype(np.float32), f"torch {TORCH}'s recorded vectors")
