"""More vectors than were encoded: real ones, then others made between real neighbours, with noise.

A made vector lies at a random place among a real one and two of its nearest, and is then moved in a random direction of
the real ones' own kind (two of them, anywhere, with random weights). ``python -m benchmarks.grown`` shows how far such
a set can be trusted: it grows a fifth of the real vectors to their number and compares the two, as queries and as
points see them.
"""

import numpy as np

from benchmarks.measuring import table
from benchmarks.vectors import HELD_OUT, cache, say, unit, wikipedia

NOISE = 0.5  # its length; that of the place among neighbours is 1
BLOCK, NEAR = (
    20_000,
    5,
)  # neighbours are looked for among so many; the ten nearest of 40,000 are like the five of 20,000
PIECE = 50_000


def grown(real: np.ndarray, rows: int) -> np.ndarray:
    """Return the real vectors with made ones after them, kept for the next time; none is made of those held out."""
    path = cache() / f"grown-{rows}-of-{len(real)}.npy"
    if not path.exists():
        draft = path.with_suffix(".part")
        out = np.lib.format.open_memmap(draft, "w+", np.float32, (rows, real.shape[1]))
        out[: len(real)] = unit(real)
        fill(out, HELD_OUT, len(real))
        out.flush()
        draft.replace(path)
    return np.load(path, mmap_mode="r")


def fill(out: np.ndarray, first: int, end: int) -> None:
    """Create the rows from `end` on, out of those from `first` to `end`."""
    rng = np.random.default_rng(4)
    points = np.array(out[first:end])
    near = neighbours(points)
    for start in range(end, len(out), PIECE):
        say(f"making vectors: {start - end:,} of {len(out) - end:,}")
        many = min(PIECE, len(out) - start)
        out[start : start + many] = made(points, near, many, rng)


def neighbours(points: np.ndarray) -> np.ndarray:
    """Return the rows of the nearest of each point among those of its block."""
    near = np.empty((len(points), NEAR), np.int64)
    for start in range(0, len(points), BLOCK):
        say(f"looking for neighbours: {start:,} of {len(points):,}")
        first = max(0, min(start, len(points) - BLOCK))  # the last block is as large as the others
        block = points[first : first + BLOCK]
        for row in range(start, min(start + BLOCK, len(points)), 2_000):
            asked = points[row : min(row + 2_000, start + BLOCK)]
            cosines = asked @ block.T
            cosines[np.arange(len(asked)), np.arange(row, row + len(asked)) - first] = -1
            near[row : row + len(asked)] = first + np.argpartition(-cosines, NEAR, axis=1)[:, :NEAR]
    return near


def made(points: np.ndarray, near: np.ndarray, many: int, rng: np.random.Generator) -> np.ndarray:
    own = rng.integers(0, len(points), many)
    rows = np.column_stack([own, near[own[:, None], rng.integers(0, NEAR, (many, 2))]])
    place = mixed(points, rows, rng.exponential(size=rows.shape))
    noise = mixed(points, rng.integers(0, len(points), (many, 2)), rng.standard_normal((many, 2)))
    return unit(place + np.float32(NOISE) * noise)


def mixed(points: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return unit(np.einsum("mrd,mr->md", points[rows], weights.astype(np.float32)))


# -- how far such a set can be trusted ----------------------------------------------------------------------------


def main() -> None:
    real = np.array(unit(np.asarray(wikipedia(0))))
    queries, points = real[:HELD_OUT], real[HELD_OUT:]
    some = len(points) // 5
    other = np.empty_like(points)
    other[:some] = points[:some]
    fill(other, 0, some)
    rows = []
    for name, base in (("real", points), (f"a fifth real, {len(points) - some:,} made", other)):
        rows.append([f"queries, {name}", *distribution(base, queries[:1_000], 0)])
        rows.append([f"points, {name}", *distribution(base, base[some : some + 1_000], 1)])
    print(table(["cosine to the nearest: 10 %, median, 90 %", "first", "10th", "100th", "dimension"], rows))


def distribution(base: np.ndarray, queries: np.ndarray, skipped: int) -> list[str]:
    """Return quantiles of the cosines to neighbours, and the intrinsic dimension that their distances tell."""
    kept = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(base), PIECE):
        block = np.hstack([kept, queries @ base[start : start + PIECE].T])
        kept = -np.partition(-block, 100 + skipped, axis=1)[:, : 100 + skipped]
    kept = -np.sort(-kept, axis=1)[:, skipped:]
    away = np.sqrt(np.maximum(2 - 2 * kept, 1e-9))
    dimension = np.median(-1 / np.log(away[:, 9:99] / away[:, 99:]).mean(axis=1))
    columns = [np.quantile(kept[:, rank - 1], [0.1, 0.5, 0.9]) for rank in (1, 10, 100)]
    return [*(", ".join(f"{value:.3f}" for value in column) for column in columns), f"{dimension:.1f}"]


if __name__ == "__main__":
    main()
