"""The answer in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from semspace.display import clip, p_value

if TYPE_CHECKING:
    from semspace.comparison.comparison import Comparison

SURE = 0.05
_FEW = 30  # unseen texts
_SLIGHT, _CLEAR = 0.7, 0.9  # areas under the curve below which a difference is slight, or clear


def verdict(found: Comparison) -> str:
    """Say how far apart the corpora are, and how sure that is."""
    return _of_several(found) if found.answers is None else _of_two(found)


def _of_two(found: Comparison) -> str:
    a, b = (clip(name, 60) for name in found.names)
    if found.samples.same:
        return f"{a} and {b} hold the very same documents: their distance is 0."
    if found.p_value >= SURE:
        return (
            f"No difference in meaning between {a} and {b} could be shown (p = {p_value(found.p_value)}): random "
            "splits of both together come as far apart. That doesn't prove them alike: more text may "
            f"tell.{_copied(found)}"
        )
    said = (
        f"{a} and {b} differ in meaning: were both from one source, a difference like this would come with a "
        f"probability of {found.p_value:.2g} at most. {_how_much(found)}"
    )
    return said + _drivers(found) + _language(found) + _copied(found)


def _how_much(found: Comparison) -> str:
    telling = found.distance("classifier")
    unseen = sum(found.samples.sizes) // 2
    if telling.p_value >= SURE and unseen < _FEW:
        return f"How much can't be said: {unseen} texts are too few for a classifier to be judged by."
    if telling.p_value >= SURE:
        return "How much can't be said: a classifier trained on half of the texts can't tell the others."
    how = "slight" if telling.value < _SLIGHT else "clear" if telling.value < _CLEAR else "strong"
    return (
        f"The difference is {how}: given one unseen text of each, a classifier tells which is which in "
        f"{_percent(telling.value)} of cases (50% would be guessing)."
    )


def _percent(value: float) -> str:
    return f"{value:.0%}" if value < 0.995 or value == 1 else "over 99%"


def _drivers(found: Comparison) -> str:
    """Name the groups that are clearly larger on one side, largest difference first."""
    sure = found.shares.filter(pl.col("q_value") < SURE).sort(pl.col("difference").abs(), descending=True)
    said = []
    more_a, more_b = sure.filter(pl.col("difference") > 0), sure.filter(pl.col("difference") < 0)
    for name, part in zip(found.names, (more_a, more_b), strict=True):
        if len(part):
            said.append(f"{clip(name, 40)} has more of “{clip(part['name'][0], 60)}”")
    if said:
        return f" {', '.join(said)}."
    if (found.contrast["q_value"] < SURE).any():
        return ""
    return " No single group or word accounts for it."


def _language(found: Comparison) -> str:
    return (
        " They are in different languages, which alone may hold them apart." if found.profile.languages_differ() else ""
    )


def _copied(found: Comparison) -> str:
    """Warn of documents that are copies, or nearly, of documents of another corpus."""
    copied = (found.overlap["exact"] + found.overlap["near"]).to_list()
    told = [f"{count:,} of {clip(name, 40)}" for name, count in zip(found.names, copied, strict=True) if count]
    if len(found.names) > 2 and told:
        told = [f"{sum(copied):,} documents"]
    return f" Beware: {', '.join(told)} are copies, or nearly, of documents of another corpus." if told else ""


def _of_several(found: Comparison) -> str:
    assert found.pairs is not None
    table = found.pairs.filter(pl.col("distance") == "mmd")
    sure = table.filter(pl.col("q_value") < SURE)
    near, far = table.row(0, named=True), table.row(-1, named=True)
    said = (
        f"Of {len(table):,} pairs of the {len(found.names)} corpora, "
        f"{'all' if len(sure) == len(table) else f'{len(sure):,}' if len(sure) else 'none'} differ in meaning beyond "
        f"chance (false discovery rate under 5%). Nearest are {clip(near['a'], 40)} and {clip(near['b'], 40)}, "
        f"furthest apart {clip(far['a'], 40)} and {clip(far['b'], 40)}"
    )
    if near["value"] > 0 and np.isfinite(far["value"] / near["value"]):
        said += f", {far['value'] / near['value']:.1f} times as far (squared MMD)"
    return f"{said}.{_copied(found)}"
