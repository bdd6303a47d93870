"""The model card of a trained encoder: what it is, what it was trained on, and its scores before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from semspace.sentences.training_history import HistoryRow, TrainingHistory

_USAGE = """\
```python
import semspace as ss

encoder = ss.Encoder.load("PATH")
vectors = encoder.encode(["a text", "another"])
```

The folder can also be opened in sentence-transformers: `SentenceTransformer("PATH")`."""


def render_card(facts: Mapping[str, Any], history: TrainingHistory) -> str:
    """Return a card in Markdown, with the front matter that model hubs read.

    Parameters
    ----------
    facts : mapping
        The contents of `training.json`.
    history : TrainingHistory
    """
    model, data = facts["model"], facts["data"]
    parts = [
        "---\nlibrary_name: sentence-transformers\npipeline_tag: sentence-similarity\n"
        "tags:\n- sentence-transformers\n- sentence-similarity\n- semspace\n---",
        "# A sentence encoder",
        f"It maps texts to vectors of {model['dim']} dimensions with {model['layers']} transformer layers and "
        f"{model['pooling']} pooling, and reads the first {model['max_tokens']} tokens of a text. It was trained with "
        f"semspace, starting from {_escaped(facts['base'])}.",
        "## Usage",
        _USAGE + _matryoshka(facts["trainer"]["matryoshka"]),
        "## Training data",
        f"{data['learnt']:,} {data['kind']}"
        + (f"; {data['held_out']:,} more were held out for evaluation" if data["held_out"] else "")
        + f". They contain {data['texts']:,} different texts (fingerprint of the data: `{data['fingerprint']}`)."
        + _guide(facts["trainer"]["objective"]),
        "## Evaluation",
        _scores(history, best=facts["trainer"]["patience"] is not None),
        "## Training parameters",
        _parameters(facts["trainer"]),
        "## Limitations",
        "The scores hold for the evaluation data named above and say little about other kinds of text. Biases of the "
        "texts, and of the model that the training started from, are in the vectors too.",
    ]
    return "\n\n".join(parts) + "\n"


def _scores(history: TrainingHistory, *, best: bool) -> str:
    """Return the scores before and after training; with `best`, the highest one is that of the saved encoder."""
    scored = [row for row in history if row.score is not None]
    if not scored:
        return "The encoder wasn't evaluated: no examples were held out, and no task was given."
    last = max(scored, key=lambda row: row.score or 0.0) if best else scored[-1]
    lines = [f"| | {_escaped(history.task)} | epoch |", "|---|---|---|"]
    lines += [
        f"| {name} | {row.score:.4f} | {row.epoch:.2f} |" for name, row in (("before", scored[0]), ("after", last))
    ]
    trained = [row for row in history if row.loss is not None]
    return "\n".join(lines) + "\n\n" + _loss_summary(trained)


def _loss_summary(rows: list[HistoryRow]) -> str:
    seconds, texts = sum(row.seconds for row in rows), sum(row.texts for row in rows)
    if not rows:
        return "No batch was trained."
    first, last = rows[0], rows[-1]
    loss = f"The loss went from {first.loss:.4f} to" if len(rows) > 1 else "The mean loss was"
    return f"{loss} {last.loss:.4f} in {last.step:,} batches: {texts:,} texts in {seconds:,.0f} seconds."


def _parameters(trainer: Mapping[str, Any]) -> str:
    """Return the hyper-parameters as a table, without those that are None or empty."""
    objective = dict(trainer["objective"])
    rows = [("objective", objective.pop("name")), *objective.items()]
    rows += [(name, value) for name, value in trainer.items() if name not in ("objective", "base")]
    lines = [f"| {name} | {_escaped(value)} |" for name, value in rows if value not in (None, (), [])]
    return "\n".join(["| | |", "|---|---|", *lines])


def _guide(objective: Mapping[str, Any]) -> str:
    if not objective.get("guide"):
        return ""
    return (
        f" Negatives were chosen with a guide, {_escaped(objective['guide'][0])} (GISTEmbed): texts that it found as "
        f"near to a text as that one's partner weren't used as its negatives."
    )


def _matryoshka(dims: list[int]) -> str:
    if not dims:
        return ""
    names = ", ".join(str(dim) for dim in sorted(dims, reverse=True))
    return f"\n\nVectors may be truncated to their first {names} dimensions (matryoshka)."


def _escaped(value: object) -> str:
    """Return a value as text for a Markdown table: nothing in it ends the cell or is read as HTML."""
    text = str(value).replace("\\", "/").replace("|", "/").replace("<", "‹").replace(">", "›")
    return " ".join(text.replace("`", "'").split())
