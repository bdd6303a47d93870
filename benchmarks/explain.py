"""Which explanation of a similarity is right: deletion curves on 300 pairs of the STS Benchmark, and seconds a pair.

Words are deleted from one text of a pair, those with the largest shares first, until half are left; the other text
stays whole. A good explanation makes the cosine fall fast. Deleted from the other end, the smallest shares first, it
should stay high. The area under each curve is the mean cosine over its steps; both texts of a pair take their turn.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import semspace as ss
from benchmarks.measuring import data, machine, median, table
from semspace.explanations.text_words import TextWords, joined_tokens, words_of
from semspace.sentences.integrated_jacobians import STEPS
from semspace.sentences.token_parts import TokenParts, spans_in_text

MODEL = "all-MiniLM-L6-v2"
SLOW = "integrated_jacobians"
_LEAST = 0.3  # the cosine of a pair that there is something to explain of
Scores = Callable[[str, str], tuple[TextWords, np.ndarray]]  # text and other text → words, and a score for each


def pairs_of(encoder: ss.Encoder, n: int, seed: int) -> list[tuple[str, str]]:
    """Return random pairs of the test set whose cosine is at least 0.3, and whose texts have at least four words."""
    with data("sts/stsb-test.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    chosen = []
    for row in (rows[i] for i in order):
        a, b = row["sentence1"], row["sentence2"]
        if a != b and min(len(words_of(a)), len(words_of(b))) >= 4 and _cosines(encoder, [a], b)[0] >= _LEAST:
            chosen.append((a, b))
        if len(chosen) == n:
            break
    return chosen


class Gradients:
    """What torch says of a text's tokens: gradients and attention, with the model that the encoder has."""

    def __init__(self, encoder: ss.TransformerEncoder) -> None:
        self._encoder, self._runtime = encoder, encoder._torch_runtime

    def times_input(self, text: str, other: str) -> tuple[TextWords, np.ndarray]:
        """Gradient of the cosine by each token's embedding, times the embedding (Shrikumar et al. 2016)."""
        batch, _, parts = self._read(text)
        embedded = self._runtime.embeddings(batch.tokens).detach()
        gradient = self._gradients(embedded[None], self._unit(other))[0]
        return parts((gradient * embedded).sum(-1).numpy())

    def integrated(self, text: str, other: str) -> tuple[TextWords, np.ndarray]:
        """The sums of rows of `method="integrated_jacobians"`, which need one gradient a step instead of a matrix."""
        import torch

        batch, special, parts = self._read(text)
        places, weights = np.polynomial.legendre.leggauss(STEPS)
        padding = np.where(special, batch.tokens, self._runtime.padding_token)
        reference, embedded = (self._runtime.embeddings(row).detach() for row in (padding, batch.tokens))
        at = torch.tensor((places + 1) / 2, dtype=torch.float32)[:, None, None]
        gradients = self._gradients(reference + at * (embedded - reference), self._unit(other), scaled=False)
        mean = (gradients * torch.tensor(weights / 2, dtype=torch.float32)[:, None, None]).sum(0)
        return parts((mean * (embedded - reference)).sum(-1).numpy())

    def attention(self, text: str, other: str) -> tuple[TextWords, np.ndarray]:  # noqa: ARG002 - it sees one text
        """Attention that each token receives: the mean over layers, heads and queries."""
        import torch

        batch, _, parts = self._read(text)
        model = self._runtime._model
        kept = model.config._attn_implementation
        model.set_attn_implementation("eager")
        with torch.no_grad():
            tokens = torch.from_numpy(batch.tokens.astype(np.int64))[None]
            found = model(input_ids=tokens, output_attentions=True).attentions
        model.set_attn_implementation(kept)
        return parts(torch.stack(found).mean(dim=(0, 1, 2, 3)).numpy())

    def _read(self, text: str) -> tuple[Any, np.ndarray, Callable[[np.ndarray], tuple[TextWords, np.ndarray]]]:
        batch, tokens, spans = self._encoder.tokenizer.read_spans(text)
        spans = spans_in_text(spans, 0)

        def by_word(scores: np.ndarray) -> tuple[TextWords, np.ndarray]:
            words, summed = joined_tokens(text, TokenParts(tuple(tokens), spans, scores[:, None].astype(np.float64)))
            return words, summed[:, 0]

        return batch, spans[:, 0] < 0, by_word

    def _unit(self, text: str) -> Any:
        import torch

        return torch.from_numpy(self._encoder.encode([text], normalize_embeddings=True))[0]

    def _gradients(self, embeddings: Any, direction: Any, *, scaled: bool = True) -> Any:
        """Return the gradients of the product with a direction, of the cosine if `scaled`."""
        inputs = embeddings.requires_grad_()
        pooled = self._runtime.pooled_from_embeddings(inputs, 0)
        scores = pooled @ direction / (pooled.norm(dim=1) if scaled else 1)
        scores.sum().backward()
        return inputs.grad


def contenders(encoder: ss.TransformerEncoder, seed: int) -> dict[str, Scores]:
    rng = np.random.default_rng(seed)
    torch_ones = Gradients(encoder)

    def by_method(method: str) -> Scores:
        def scores(text: str, other: str) -> tuple[TextWords, np.ndarray]:
            found = ss.explain(encoder, text, other, method=method)
            return found.a, found.shares_a

        return scores

    def by_chance(text: str, other: str) -> tuple[TextWords, np.ndarray]:  # noqa: ARG001
        words = words_of(text)
        return words, rng.random(len(words))

    return {
        "random": by_chance,
        "attention": torch_ones.attention,
        "gradient × input": torch_ones.times_input,
        "last_layer": by_method("last_layer"),
        "leave_one_out": by_method("leave_one_out"),
        SLOW: torch_ones.integrated,
    }


def areas(encoder: ss.Encoder, a: str, b: str, scores: Scores) -> tuple[float, float]:
    """Return the mean cosine of a pair over the steps, with the largest and with the smallest shares first."""
    sides = []
    for text, other in ((a, b), (b, a)):
        words, values = scores(text, other)
        order = [i for i in np.argsort(-values, kind="stable").tolist() if words.in_text[i]]
        curves = [_shortened(words, way) for way in (order, order[::-1])]
        cosines = _cosines(encoder, curves[0] + curves[1], other)
        sides.append((cosines[: len(curves[0])].mean(), cosines[len(curves[0]) :].mean()))
    largest, smallest = np.mean(sides, axis=0).tolist()
    return largest, smallest


def _shortened(words: TextWords, order: list[int]) -> list[str]:
    """Return a text without its first word in an order, without the first two, …, until half of them are left."""
    texts = []
    for k in range(1, len(order) // 2 + 1):
        text = words.text
        for start, end in sorted(words.spans[order[:k]].tolist(), reverse=True):
            text = f"{text[:start].rstrip()} {text[end:].lstrip()}".strip()
        texts.append(text)
    return texts


_VECTORS: dict[str, np.ndarray] = {}


def _cosines(encoder: ss.Encoder, texts: list[str], other: str) -> np.ndarray:
    unknown = [text for text in dict.fromkeys([*texts, other]) if text not in _VECTORS]
    if unknown:
        _VECTORS.update(zip(unknown, encoder.encode(unknown, normalize_embeddings=True), strict=True))
    return np.array([_VECTORS[text] for text in texts]) @ _VECTORS[other]


def seconds(encoder: ss.TransformerEncoder, pairs: list[tuple[str, str]]) -> dict[str, float]:
    """Return the median seconds a pair of encoding it, and of explaining it by each method."""
    jobs: dict[str, tuple[int, Callable[[str, str], Any]]] = {
        "encode": (50, lambda a, b: encoder.encode([a, b])),
        "last_layer": (50, lambda a, b: ss.explain(encoder, a, b)),
        "leave_one_out": (30, lambda a, b: ss.explain(encoder, a, b, method="leave_one_out")),
        SLOW: (2, lambda a, b: ss.explain(encoder, a, b, method=SLOW)),
    }
    found = {}
    for name, (n, run) in jobs.items():
        times = []
        for a, b in pairs[:n]:
            start = time.perf_counter()
            run(a, b)
            times.append(time.perf_counter() - start)
        found[name] = median(times)
    return found


def judged(
    encoder: ss.TransformerEncoder, pairs: list[tuple[str, str]], n_slow: int, seed: int, kept: Path | None
) -> dict[str, list[tuple[float, float]]]:
    """Return the areas of each method for each pair; those of the slow one for the first `n_slow` pairs."""
    found: dict[str, list[tuple[float, float]]] = {}
    if kept is not None and kept.exists():
        for line in kept.read_text(encoding="utf-8").splitlines():
            name, values = json.loads(line)
            found.setdefault(name, []).append(tuple(values))
    methods = contenders(encoder, seed)
    for number, (a, b) in enumerate(pairs):
        _VECTORS.clear()
        for name, scores in methods.items():
            done = found.setdefault(name, [])
            if len(done) > number or (name == SLOW and number >= n_slow):
                continue
            done.append(areas(encoder, a, b, scores))
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([name, done[-1]]) + "\n")
    return found


def row(name: str, values: list[tuple[float, float]]) -> list[str]:
    largest, smallest = np.array(values).T
    error = 1.96 * np.std(smallest - largest, ddof=1) / np.sqrt(len(values))
    gap = f"{(smallest - largest).mean():.3f} ± {error:.3f}"
    return [name, f"{largest.mean():.3f}", f"{smallest.mean():.3f}", gap]


def main(options: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks explain")
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--slow", type=int, default=100, help=f"pairs for {SLOW}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kept", type=Path, help="a file of results, from which an interrupted run goes on")
    arguments = parser.parse_args(options or [])
    encoder = ss.Encoder.load(MODEL)
    assert isinstance(encoder, ss.TransformerEncoder)
    pairs = pairs_of(encoder, arguments.pairs, arguments.seed)
    print(machine("torch", "transformers"))
    print(f"{encoder!r}; {len(pairs)} pairs of the STS Benchmark's test set", flush=True)
    found = judged(encoder, pairs, arguments.slow, arguments.seed, arguments.kept)
    headers = ["words in the order of", "largest first ↓", "smallest first ↑", "gap ↑"]
    fast = [row(name, values) for name, values in found.items() if name != SLOW or len(values) == len(pairs)]
    print(f"\n{table(headers, fast)}\n\nthe first {arguments.slow} pairs\n")
    print(table(headers, [row(name, values[: arguments.slow]) for name, values in found.items()]), flush=True)
    print()
    print(table(["a pair", "ms"], [[name, f"{1e3 * s:,.1f}"] for name, s in seconds(encoder, pairs).items()]))
