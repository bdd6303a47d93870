"""Agreement of a fast backend with the reference, measured on sentences of many kinds and cached on disk."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from semspace.files import digest
from semspace.remembered import recall, remember
from semspace.sentences.runtime import BOUNDS, Runtime, TokenBatch
from semspace.types import Floats2d

# Short and long, plain and technical, spoken and written, in several languages, and some that are hardly text.
SENTENCES = (
    "A man is playing a guitar.",
    "Someone plays an instrument on the stage.",
    "The cat sleeps on the warm windowsill.",
    "Stocks fell sharply on Tuesday after the central bank raised interest rates by half a percentage point.",
    "The committee will meet again in March to decide whether the bridge is safe.",
    "Where can I renew my passport?",
    "how do i get rid of ants in the kitchen",
    "Rain is expected in the north, with sunny spells in the south and a light wind from the west.",
    "He never said that she stole the money.",
    "She never said that he stole the money.",
    "The patient presented with acute chest pain, shortness of breath and a history of hypertension.",
    "Mitochondria produce most of the chemical energy that a cell needs.",
    "We prove that every bounded sequence of real numbers has a convergent subsequence.",
    "def add(a, b): return a + b",
    "SELECT name, COUNT(*) FROM orders GROUP BY name ORDER BY 2 DESC;",
    "Error 404: the page you asked for could not be found.",
    "The defendant shall pay the costs of the proceedings within thirty days of this judgment.",
    "Add two cups of flour, a pinch of salt and one egg, then knead until the dough is smooth.",
    "It was the kind of evening when nothing seemed to move, not even the smoke above the chimneys.",
    "Goal! The striker turns, shoots, and the stadium erupts in the ninetieth minute.",
    "I absolutely love this phone, but the battery is a disappointment :(",
    "Worst. Service. Ever.",
    "The treaty of 1648 ended thirty years of war and redrew the map of the continent.",
    "An object at rest stays at rest unless a force acts upon it.",
    "Die Katze schläft auf der warmen Fensterbank.",
    "Le train de nuit pour Marseille part à vingt-deux heures.",
    "¿Dónde está la biblioteca más cercana?",
    "春の海 ひねもすのたり のたりかな",
    "Съешь ещё этих мягких французских булок",
    "مرحبا بالعالم",
    "happy",
    "joyful",
    "granite",
    "3.14159 26535 89793",
    "!!! ??? ...",
    "https://example.org/a/very/long/path?with=parameters&and=more",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "",
    "The report, which had been delayed twice because the ministry refused to release its figures, finds that the "
    "number of households without clean water has halved in ten years; that most of the gain came from small, local "
    "works rather than from the dams on which most of the money was spent; and that, unless the pipes laid in the "
    "first years are repaired soon, a third of the villages that were connected will be without water again before "
    "the end of the decade.",
    "In the beginning the towns along the river traded only salt and wool. Later came the printers, the dyers and the "
    "clockmakers, and with them new guilds, new quarrels and new laws. A traveller who passed through in the spring of "
    "that year wrote that one could hear five languages at the fish market before breakfast, and be cheated in all of "
    "them.",
)


class Parity(NamedTuple):
    """Agreement of a runtime with the reference: the mean and the lowest cosine over `SENTENCES`."""

    mean: float
    lowest: float
    reference: str

    def holds(self, backend: str) -> bool:
        """Check whether the agreement reaches the bound of a backend."""
        mean, lowest = BOUNDS[backend]
        return self.mean >= mean and self.lowest >= lowest

    def __str__(self) -> str:
        cosines = f"mean cosine {self.mean:.4f} (minimum {self.lowest:.4f})"
        return f"{cosines} with {self.reference} on {len(SENTENCES)} test sentences"


class Recorded(NamedTuple):
    """Vectors of `SENTENCES`, shape (sentences, dim), and the implementation that computed them."""

    vectors: Floats2d
    reference: str


def measure_parity(
    runtime: Runtime,
    reference: Callable[[], Runtime],
    texts: TokenBatch,
    fingerprint: str,
    recorded: Callable[[], Recorded | None] = lambda: None,
) -> Parity:
    """Measure the agreement of a runtime with the reference, or read it from the cache of this kind of machine.

    Vectors that the reference computed elsewhere suffice where the runtime reaches its bound beside them.
    """
    from semspace.inference.gemm import FEATURES

    facts = [
        fingerprint,
        runtime.backend,
        runtime.implementation,
        _kernels_digest(),
        platform.machine(),
        sorted(FEATURES.items()),
    ]
    cache = f"{digest(json.dumps([*facts, SENTENCES]).encode())[:32]}.json"
    with suppress(ValueError, TypeError, OverflowError, RecursionError):
        mean, lowest, name = json.loads(recall(cache) or "")
        return Parity(float(mean), float(lowest), str(name))
    vectors = runtime.pooled(texts, lambda _: None)
    parity = _beside_recorded(vectors, recorded())
    if parity is None or not parity.holds(runtime.backend):
        asked = reference()
        parity = _compare(vectors, asked.pooled(texts, lambda _: None), asked.implementation)
    remember(cache, json.dumps(parity))
    return parity


def _beside_recorded(vectors: Floats2d, recorded: Recorded | None) -> Parity | None:
    if recorded is None or recorded.vectors.shape != vectors.shape:
        return None
    return _compare(vectors, recorded.vectors, recorded.reference)


def _compare(ours: Floats2d, theirs: Floats2d, reference: str) -> Parity:
    mine, others = ours.astype(np.float64), theirs.astype(np.float64)
    with np.errstate(all="ignore"):
        cosines = (mine * others).sum(1) / np.linalg.norm(mine, axis=1) / np.linalg.norm(others, axis=1)
    cosines = np.nan_to_num(cosines, nan=-1.0)
    return Parity(float(cosines.mean()), float(cosines.min()), reference)


def _kernels_digest() -> str:
    """Return a digest of the kernels' source, so that measures of other versions don't count."""
    from semspace.inference import gemm
    from semspace.kernels import compiling

    folders = [Path(module.__file__ or "").parent for module in (gemm, compiling)]
    return digest(*(path.read_bytes() for folder in folders for path in sorted(folder.glob("*.py"))))
