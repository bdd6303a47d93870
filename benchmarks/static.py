"""Static encoders distilled from all-MiniLM-L6-v2: quality and speed by the number of sentences it encodes for them.

    python -m benchmarks static [--sentences 10000,50000,150000] [--dev] [--teacher]

The texts learnt from are articles of Wikipedia and BBC News: no sentence, claim or abstract of the tests. Beside them
are model2vec's distillation and, with `--teacher`, the teacher. Measured are the STS Benchmark (Spearman), SciFact
(nDCG@10, claims against 5,183 abstracts), sentences of the STS Benchmark encoded a second, and the CPU time of making:
that of encoding the tokens and sentences, and the rest. Larger budgets contain the sentences of the smaller ones, which
are encoded once; their time counts for each. With `--dev`, the parts for choosing are measured instead: dev pairs, and
the claims of the training part.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import semspace as ss
from benchmarks.measuring import alternate, data, machine, median, table
from semspace.evaluation.retrieval import Retrieval
from semspace.evaluation.sts import STS
from semspace.threads import thread_count

MODEL = "all-MiniLM-L6-v2"
SHORTENED = (128, 64)


class Timed(ss.Encoder):
    """An encoder that encodes each text once, and counts the CPU time that all texts asked for took."""

    def __init__(self, encoder: Any) -> None:
        self.encoder, self.config = encoder, encoder.config
        self.name, self.dim, self.fingerprint = encoder.name, encoder.dim, encoder.fingerprint
        self.max_tokens, self.prompts = encoder.max_tokens, encoder.prompts
        self.seconds = self.spent = 0.0  # what the texts asked for took, and what was spent in this run
        self._known: dict[str, tuple[Any, float]] = {}

    def _encode_block(self, texts: list[str], bar: Any) -> Any:
        from semspace.sentences.blocks import EncodedBlock

        begun = time.process_time()
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        start = time.process_time()
        vectors = self.encoder.encode(new, progress=False) if new else []
        share = (time.process_time() - start) / max(len(new), 1)
        self._known.update((text, (vector, share)) for text, vector in zip(new, vectors, strict=True))
        self.seconds += sum(self._known[text][1] for text in texts)
        bar.update(len(texts))
        rows = np.stack([self._known[text][0] for text in texts])
        self.spent += time.process_time() - begun
        return EncodedBlock(rows, np.zeros(len(texts), bool))


def learnt_texts() -> ss.Corpus:
    parts = ("wikipedia/wiki2015-AA.jsonl.gz", "wikipedia/wiki2015-AB.jsonl.gz", "bbc_news/bbc_news.jsonl.gz")
    return ss.Corpus.from_texts(
        [text for part in parts for text in ss.Corpus.read(data(part), text="text", empty="drop").texts.to_list()]
    )


def ours(teacher: Any, corpus: ss.Corpus, sentences: int) -> tuple[Any, float]:
    """Distil, and return the encoder and the CPU seconds it took."""
    start, seconds, spent = time.process_time(), teacher.seconds, teacher.spent
    made = ss.distill(teacher, corpus, sentences=sentences)
    rest = time.process_time() - start - (teacher.spent - spent)
    return made, rest + teacher.seconds - seconds


def theirs(folder: Path) -> tuple[Any, float]:
    """Distil with model2vec, and open the result here."""
    from model2vec.distill import distill

    start = time.process_time()
    made = distill(str(folder))
    seconds = time.process_time() - start
    with tempfile.TemporaryDirectory() as place:
        made.save_pretrained(place)
        return ss.Encoder.load(place), seconds


def main(given: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks static")
    parser.add_argument("--sentences", default="10000,50000,150000")
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--teacher", action="store_true")
    options = parser.parse_args(given)
    sts = STS.read(data(f"sts/stsb-{'dev' if options.dev else 'test'}.tsv"))
    scifact = Retrieval.read(data("scifact"), split="train" if options.dev else "test")
    texts = list(dict.fromkeys(text for pair in sts.pairs for text in pair[:2])) * 8
    corpus, teacher = learnt_texts(), Timed(ss.Encoder.load(MODEL))
    made: dict[str, tuple[Any, float]] = {}
    for n in map(int, options.sentences.split(",")):
        made[f"semspace, {n:,} sentences"] = ours(teacher, corpus, n)
    largest = list(made)[-1]
    made["model2vec 0.10, no sentences"] = theirs(teacher.config.folder)
    for encoder, _ in made.values():
        encoder.encode(texts[:2_000], progress=False)
    runs = {name: lambda e=encoder: e.encode(texts, progress=False) for name, (encoder, _) in made.items()}
    seconds, _ = alternate(runs, 5)
    rows = []
    for name, (encoder, cost) in made.items():
        speed = f"{len(texts) / median(seconds[name]):,.0f}"
        rows.append([name, str(encoder.dim), *scores(encoder, sts, scifact), speed, f"{cost:,.0f}"])
        for dim in SHORTENED if name == largest else ():
            short = ss.StaticEncoder(encoder.tokenizer, encoder.vectors, truncate_dim=dim)
            rows.append([f"{name}, shortened", str(dim), *scores(short, sts, scifact), "", ""])
    if options.teacher:
        rows.append([f"{MODEL}, the teacher", str(teacher.dim), *scores(teacher, sts, scifact), "", ""])
    part = "dev pairs, training claims" if options.dev else "test"
    print(f"\n## Static encoders ({part}), {thread_count()} threads\n\n{machine('numba', 'tokenizers', 'model2vec')}\n")
    print(
        table(
            ["encoder", "dimensions", "STS Benchmark", "SciFact", "sentences a second", "CPU seconds of making"], rows
        )
    )


def scores(encoder: Any, sts: STS, scifact: Retrieval) -> list[str]:
    return [f"{sts.score(encoder).value:.3f}", f"{scifact.score(encoder).value:.3f}"]


if __name__ == "__main__":
    main()
