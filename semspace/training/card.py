"""The model card of a trained encoder: what it is, what it learnt from, and what that gained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semspace.sentences.training_history import Reach, TrainingHistory

_USE = """\
```python
import semspace as ss

encoder = ss.Encoder.load("PATH")
vectors = encoder.encode(["a text", "another"])
```

The folder opens in sentence-transformers as well: `SentenceTransformer("PATH")`."""


def write(facts: Mapping[str, Any], history: TrainingHistory) -> str:
    """Write a card in Markdown, with the front matter that model hubs read.

    Parameters
    ----------
    facts : mapping
        As `training.json` holds them.
    history : TrainingHistory
    """
    model, data = facts["model"], facts["data"]
    parts = [
        "---\nlibrary_name: sentence-transformers\npipeline_tag: sentence-similarity\n"
        "tags:\n- sentence-transformers\n- sentence-similarity\n- semspace\n---",
        "# A sentence encoder",
        f"It turns texts into vectors of {model['dim']} dimensions, by {model['layers']} layers and {model['pooling']} "
        f"pooling, and reads up to {model['max_tokens']} tokens of a text. It was trained with semspace, from "
        f"{_plain(facts['base'])}.",
        "## Use",
        _USE + _truncation(facts["trainer"]["matryoshka"]),
        "## What it learnt from",
        f"{data['learnt']:,} {data['kind']}"
        + (f"; {data['held_out']:,} more were held out to judge it" if data["held_out"] else "")
        + f". They have {data['texts']:,} different texts (fingerprint of the data: `{data['fingerprint']}`).",
        "## What it gained",
        _gain(history, stopped=facts["trainer"]["patience"] is not None),
        "## How it was trained",
        _settings(facts["trainer"]),
        "## Limits",
        "The scores are those of the examples named above, and say little of other kinds of text. Whatever is "
        "one-sided in the texts, or in the model it was trained from, is in its vectors too.",
    ]
    return "\n\n".join(parts) + "\n"


def _gain(history: TrainingHistory, *, stopped: bool) -> str:
    """Show the scores before and after; of a training that stops by itself the best is what it gives."""
    judged = [row for row in history if row.score is not None]
    if not judged:
        return "It wasn't judged: no examples were held out, and no task was given."
    last = max(judged, key=lambda row: row.score or 0.0) if stopped else judged[-1]
    lines = [f"| | {_plain(history.task)} | epoch |", "|---|---|---|"]
    lines += [
        f"| {name} | {row.score:.4f} | {row.epoch:.2f} |" for name, row in (("before", judged[0]), ("after", last))
    ]
    trained = [row for row in history if row.loss is not None]
    return "\n".join(lines) + "\n\n" + _course(trained)


def _course(rows: list[Reach]) -> str:
    seconds, texts = sum(row.seconds for row in rows), sum(row.texts for row in rows)
    if not rows:
        return "Nothing was trained."
    first, last = rows[0], rows[-1]
    loss = f"went from {first.loss:.4f} to" if len(rows) > 1 else "was on the mean"
    return f"The loss {loss} {last.loss:.4f} in {last.step:,} batches: {texts:,} texts in {seconds:,.0f} seconds."


def _settings(trainer: Mapping[str, Any]) -> str:
    """Give the hyper-parameters as a table; those that are None say nothing."""
    objective = dict(trainer["objective"])
    rows = [("objective", objective.pop("name")), *objective.items()]
    rows += [(name, value) for name, value in trainer.items() if name not in ("objective", "base")]
    shown = [f"| {name} | {_plain(value)} |" for name, value in rows if value not in (None, (), [])]
    return "\n".join(["| | |", "|---|---|", *shown])


def _truncation(dims: list[int]) -> str:
    if not dims:
        return ""
    named = ", ".join(str(dim) for dim in sorted(dims, reverse=True))
    return f"\n\nThe first dimensions do by themselves: vectors may be cut to {named} (matryoshka)."


def _plain(value: object) -> str:
    """Show a value inside a table of Markdown: nothing in it may end the cell, or be read as HTML."""
    text = str(value).replace("\\", "/").replace("|", "/").replace("<", "‹").replace(">", "›")
    return " ".join(text.replace("`", "'").split())
