"""Claims: raw JSONL becomes numbered words many times as fast as by gensim, and in memory that doesn't grow with it.

Text: Wikipedia AA. Memory is that of a process that does nothing else, on Wikipedia AA once and many times over.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import gensim
import polars as pl
import spacy

import semspace as ss
from benchmarks.measuring import alternate, data, machine, median, table
from semspace.text.tokenize import FastTokenizer

ROUNDS = 3
COPIES = 10
SLICE = 200  # documents for spaCy, which would take minutes for all
SOURCE = "wikipedia/wiki2015-AA.jsonl.gz"


def main() -> None:
    speed()
    memory()


# -- speed ------------------------------------------------------------------------------------------------


def speed(rounds: int = ROUNDS, documents: int | None = None) -> None:
    """Compare words a second, from the JSONL file to ids and a vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        whole = beginning(data(SOURCE), Path(folder) / "whole.jsonl.gz", documents) if documents else data(SOURCE)
        part = beginning(data(SOURCE), Path(folder) / "part.jsonl.gz", SLICE)
        ss.Tokens.read(part)  # compiled before the clock runs
        check(part)
        contenders: dict[str, Callable[[], int]] = {
            "semspace": lambda: len(ss.Tokens.read(whole, progress=False)),
            "gensim": lambda: by_gensim(whole),
            "semspace, slice": lambda: len(ss.Tokens.read(part, progress=False)),
            "spaCy, slice": lambda: by_spacy(part),
        }
        seconds, words = alternate(contenders, rounds)
    rows = []
    for name, ours in (("semspace", "semspace"), ("gensim", "semspace"), ("spaCy, slice", "semspace, slice")):
        time, own = median(seconds[name]), median(seconds[ours])
        rows.append(
            [
                name,
                f"{words[name]:,}",
                f"{time:.2f} s",
                f"{words[name] / time / 1e6:.2f} M/s",
                f"**{time / own:.1f}×** the time of semspace" if name != ours else "",
            ]
        )
    print(
        f"\n## From JSONL to numbered words\n\n{machine('gensim', 'spacy', 'polars', 'numba')}; medians of {rounds}\n"
    )
    print(table(["", "words", "time", "words a second", ""], rows))
    print(
        f"\nWikipedia AA; spaCy on its first {SLICE} documents. Words are counted as each splits them. gensim is "
        f"simple_preprocess, Dictionary and doc2idx, spaCy its blank English tokenizer and a dictionary; both one "
        f"thread, as they come. semspace's words were checked against its regular expression on the slice.\n"
    )


def check(path: Path) -> None:
    """Stop if the compiled scanner gives other words than the expression it stands for."""
    texts = ss.Corpus.read(path).texts
    tokens = ss.Tokens.read(path)
    words = [tokens.words[i] for i in tokens.ids.tolist()]
    if words != FastTokenizer()(texts).explode().drop_nulls().to_list():
        raise SystemExit("the words differ from those of the expression, so the speeds say nothing")


def by_gensim(path: Path) -> int:
    documents = [gensim.utils.simple_preprocess(text) for text in texts_of(path)]
    vocabulary = gensim.corpora.Dictionary(documents)
    return sum(len(vocabulary.doc2idx(document)) for document in documents)


def by_spacy(path: Path) -> int:
    ids: dict[str, int] = {}
    tokenizer, count = spacy.blank("en").tokenizer, 0
    for document in tokenizer.pipe(texts_of(path)):
        words = [token.lower_ for token in document if not (token.is_space or token.is_punct)]
        count += len([ids.setdefault(word, len(ids)) for word in words])
    return count


def texts_of(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def beginning(path: Path, place: Path, documents: int) -> Path:
    with gzip.open(path, "rb") as lines, gzip.open(place, "wb") as out:
        for _, line in zip(range(documents), lines, strict=False):
            out.write(line)
    return place


# -- memory -----------------------------------------------------------------------------------------------

TOKENISE = """
import sys
import semspace as ss
tokens = ss.Tokens.read(sys.argv[1], out=sys.argv[2], progress=False)
answer = [len(tokens), len(tokens.vocabulary)]
"""


def memory(copies: int = COPIES) -> None:
    """Compare the peak of memory on the text once and many times over."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Once without reading: what Python and the compiled libraries take by themselves.
        (folder / "nothing.txt").write_text("nothing")
        bare = peak(TOKENISE, folder / "nothing.txt", folder / "0.tokens")[1]
        for times in (1, copies):
            text, tokens = folder / f"{times}.jsonl", folder / f"{times}.tokens"
            repeated(data(SOURCE), text, times)
            size = text.stat().st_size
            (words, vocabulary), most, seconds = peak(TOKENISE, text, tokens)
            rows.append(
                [
                    f"{times}×",
                    f"{size / 1e6:,.0f} MB",
                    f"{words:,}",
                    f"{vocabulary:,}",
                    f"{words / seconds / 1e6:.1f} M/s",
                    f"{most:,.0f} MB",
                    f"**{most - bare:,.0f} MB**",
                ]
            )
            text.unlink()
    print(f"\n## Peak of memory while tokenising\n\n{machine('polars', 'numba')}; libraries alone: {bare:,.0f} MB\n")
    print(table(["Wikipedia AA", "text", "words", "vocabulary", "speed", "peak", "above the libraries"], rows))
    print(
        "\nEach copy after the first has its documents in another order, and its own ending on every word that holds a "
        "z, so that the vocabulary grows with it.\n"
    )


def repeated(path: Path, place: Path, times: int) -> None:
    """Write the documents `times` times over, shuffled, with new words in each copy."""
    frame = pl.read_ndjson(gzip.decompress(path.read_bytes()), infer_schema_length=None).select("text")
    with open(place, "wb") as file:
        for copy in range(times):
            ending = "".join("abcdefghij"[int(digit)] for digit in str(copy))
            changed = pl.col("text").str.replace_all(r"(\p{L}*z\p{L}*)", "${1}" + ending) if copy else pl.col("text")
            frame.sample(fraction=1, shuffle=copy > 0, seed=copy).with_columns(changed).write_ndjson(file)


def peak(code: str, *arguments: object) -> tuple[list[int], float, float]:
    """Run code in a process of its own; give its `answer` (a list), its peak of memory in MB, and its seconds.

    The code finds the arguments in ``sys.argv[1:]``.
    """
    tail = (
        "\nimport json, re\n"
        "status = open('/proc/self/status').read()\n"
        "print(json.dumps([answer, int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) / 1024, perf_counter() - start]))\n"
    )
    whole = f"from time import perf_counter\nstart = perf_counter()\n{code}{tail}"
    command = [sys.executable, "-c", whole, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ))
    answer, most, seconds = json.loads(re.split(r"\n", done.stdout.strip())[-1])
    return answer, most, seconds
