"""Claim: a million short texts take less than 1.5 GB beyond the model, and 1 % of new ones at most 5 % of the time.

Short texts: the sentences of Wikipedia, cut to at most ten words. Each part runs in a process of its own, whose peak of
memory is the system's own count (VmHWM), mapped pages included.
"""

import gzip
import json
import re
import resource
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from time import perf_counter

import semspace as ss
from benchmarks.measuring import data, machine, table

MANY = 1_000_000
MODEL = "all-MiniLM-L6-v2"


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "texts.space"
        first = ran(place, 0)
        again = ran(place, MANY // 100)
    rows = [
        [name, f"{one['seconds']:,.1f} s", f"{one['rate']:,.0f}", f"{one['peak']:.2f} GB", f"{one['model']:.2f} GB"]
        for name, one in (("all of them", first), ("1 % new", again))
    ]
    print(f"\n## Encoding {MANY:,} short texts onto the disk, {MODEL}\n\n{machine('numba', 'tokenizers')}\n")
    print(table(["run", "time", "texts a second", "peak of memory", "with the model and the texts loaded"], rows))
    print(f"\n1 % new texts take {again['seconds'] / first['seconds']:.1%} of the first time")


def ran(place: Path, new: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.embed", str(place), str(new)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def child(place: str, new: int) -> None:
    """Encode the texts, `new` of them others than the first time, and print what it took."""
    encoder = ss.Encoder.load(MODEL)
    encoder.encode(["compiled by now"])
    texts = list(islice(sentences(), MANY + new))[new:]
    corpus = ss.Corpus.from_texts(texts)
    del texts
    model = peak()
    begun = perf_counter()
    encoder.embed(corpus, out=place, progress=False)
    seconds = perf_counter() - begun
    print(json.dumps({"seconds": seconds, "rate": MANY / seconds, "peak": peak(), "model": model}))


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def sentences():
    """Return different short pieces of Wikipedia."""
    seen = set()
    for part in ("AA", "AB"):
        with gzip.open(data(f"wikipedia/wiki2015-{part}.jsonl.gz"), "rt", encoding="utf-8") as lines:
            for line in lines:
                for sentence in re.split(r"(?<=[.!?])\s+|\n+", json.loads(line)["text"]):
                    words = sentence.split()
                    for start in range(0, len(words) - 2, 10):
                        text = " ".join(words[start : start + 10])
                        key = hash(text)
                        if key not in seen:
                            seen.add(key)
                            yield text


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2]))
