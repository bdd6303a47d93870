"""The pictures of ``docs/latent.md``: a curve in the plane, and what one latent number keeps of it.

``make docs-picture``, or ``python -m tests.render_latent_pictures``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import semspace as ss
from semspace.report.scatter import scatter

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"
POINTS, DRAWN = 3_000, 150
NAMES = ("points", "PCA, 1 number", "autoencoder, 1 number")


def horseshoe(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return places in degrees on most of a circle's upper side, and points there with a little noise."""
    rng = np.random.default_rng(seed)
    degrees = np.sort(rng.uniform(-25, 205, n))
    radians = np.radians(degrees)
    return degrees, np.column_stack([np.cos(radians), np.sin(radians)]) + rng.normal(0, 0.03, (n, 2))


def pictures() -> None:
    """Draw both pictures into ``docs/pictures``."""
    _, points = horseshoe(POINTS, 0)
    space = ss.Space.from_vectors(range(POINTS), points)
    flat = ss.latent.PCA(dim=1).train(space)
    curved = ss.latent.Autoencoder(dim=1, hidden=64, epochs=150, patience=None, threads=1).train(space, progress=False)
    degrees, shown = horseshoe(DRAWN, 1)
    FOLDER.mkdir(exist_ok=True)
    back = np.vstack([shown, flat.reconstruct(shown), curved.reconstruct(shown)])
    kinds = np.repeat(np.arange(3), DRAWN)
    labels = [f"{degree:.0f}°" for degree in np.tile(degrees, 3)]
    caption = (
        "Points of the plane that lie along a curve, and what is left of them when each is described by one number: "
        "principal components make a straight line of the curve, an autoencoder follows it."
    )
    scatter(back, kinds.tolist(), NAMES, labels, caption=caption, height=420).save(FOLDER / "manifold.svg")
    codes = [model.encode(shown)[:, 0] for model in (flat, curved)]
    scaled = [2 * (code - code.min()) / np.ptp(code) - 1 for code in codes]
    along = np.vstack([np.column_stack([degrees / 90, code]) for code in scaled])
    caption = (
        "From left to right: the place on the curve; upwards: the number that describes the point. The principal "
        "component gives the same number to places on both arms; the code of the autoencoder goes along the curve."
    )
    scatter(along, np.repeat([0, 1], DRAWN).tolist(), NAMES[1:], labels[: 2 * DRAWN], caption=caption, height=320).save(
        FOLDER / "latent-code.svg"
    )


if __name__ == "__main__":
    pictures()
