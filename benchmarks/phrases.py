"""Claim: phrases learnt and joined at least 10 times as fast as by gensim's `Phrases`, and the same phrases.

Text: Wikipedia AA, 16.5 million words, split into words beforehand; gensim gets them as lists of strings in memory, as
it takes them. gensim joins with its `FrozenPhrases`, the faster of its two ways; making one from what was learnt
counts as joining, since gensim scores the pairs there and semspace while it learns.
"""

from typing import Any

from gensim.models.phrases import Phrases as Gensim

import semspace as ss
from benchmarks.measuring import alternate, data, machine, median, table
from semspace.text.phrases import ENGLISH, Phrases

ROUNDS = 3
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "English connectors": {"connector_words": ENGLISH},
    "npmi above 0.5": {"scoring": "npmi", "threshold": 0.5},
}


def main() -> None:
    tokens = ss.Tokens.from_corpus(ss.Corpus.read(data("wikipedia/wiki2015-AA.jsonl.gz")))
    rows = [row for name, options in SETTINGS.items() for row in measured(name, options, tokens, ROUNDS)]
    print(f"\n## Phrases of {len(tokens):,} words\n\n{machine('gensim', 'numba')}; medians of {ROUNDS} runs\n")
    headers = ["settings", "work", "gensim", "semspace", "ratio", "semspace, words/s", "first call", "same as gensim"]
    print(table(headers, rows))


def measured(name: str, options: dict[str, Any], tokens: ss.Tokens, rounds: int) -> list[list[str]]:
    """Measure one set of parameters: a row for learning, one for joining, and stop if the phrases differ."""
    words = tokens.words
    documents = [[words[i] for i in document.tolist()] for document in tokens.documents()]
    trainer = Phrases(**options)
    cold, book = alternate({"learn": lambda: trainer.train(tokens)}, 1)
    cold |= alternate({"join": lambda: book["learn"].apply(tokens)}, 1)[0]
    learning, learnt = alternate(
        {"gensim": lambda: Gensim(documents, **options), "semspace": lambda: trainer.train(tokens)}, rounds
    )
    joining, joined = alternate(
        {
            "gensim": lambda: list(learnt["gensim"].freeze()[documents]),
            "semspace": lambda: learnt["semspace"].apply(tokens),
        },
        rounds,
    )
    phrases = same_phrases(name, learnt)
    text = same_text(name, joined)
    return [
        row(name, "learn", learning, len(tokens), cold["learn"][0], phrases),
        row(name, "join", joining, len(tokens), cold["join"][0], text),
    ]


def row(name: str, work: str, seconds: dict[str, list[float]], words: int, first: float, same: str) -> list[str]:
    theirs, mine = median(seconds["gensim"]), median(seconds["semspace"])
    rate = f"{words / mine / 1e6:.1f}M"
    return [name, work, f"{theirs:.1f} s", f"{mine:.2f} s", f"**{theirs / mine:.0f}×**", rate, f"{first:.2f} s", same]


def same_phrases(name: str, learnt: dict[str, Any]) -> str:
    theirs, table = learnt["gensim"].export_phrases(), learnt["semspace"].table()
    mine = dict(zip(table["phrase"].to_list(), table["score"].to_list(), strict=True))
    if mine.keys() != theirs.keys():
        raise SystemExit(f"{name}: {len(mine.keys() ^ theirs.keys())} phrases differ, so the speeds say nothing")
    off = max(abs(mine[phrase] / score - 1) for phrase, score in theirs.items())
    if off > 1e-12:
        raise SystemExit(f"{name}: scores differ by up to {off:.1g}, so the speeds say nothing")
    return f"{len(mine):,} phrases and their scores"


def same_text(name: str, joined: dict[str, Any]) -> str:
    words = joined["semspace"].words
    mine = ([words[i] for i in document.tolist()] for document in joined["semspace"].documents())
    if any(ours != theirs for ours, theirs in zip(mine, joined["gensim"], strict=True)):
        raise SystemExit(f"{name}: the joined texts differ, so the speeds say nothing")
    return f"all {len(joined['semspace']):,} words"
