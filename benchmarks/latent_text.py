"""Text out of vectors: sentences that `TextDecoder` writes for held-out ones, beside the nearest real sentences.

``python -m benchmarks.latent_text [--sentences N] [--epochs N] [--model PATH] [--quick]``: trained on Wikipedia
sentences of 5 to 20 words, measured on 500 of other articles. The baseline is the nearest of 100,000 real sentences.
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import numpy as np

import semspace as ss
from benchmarks.measuring import data, machine, table
from benchmarks.ngrams import TrigramModel
from semspace.text.sentences import split_sentences

ENCODER = "all-MiniLM-L6-v2"
REAL, HELD_OUT, FLUENCY = 100_000, 500, 300_000  # sentences: to be nearest, to be written, to judge fluency by
WORDS = (5, 20)


def main(asked: list[str] | None = None) -> None:
    options = arguments(asked)
    train = sentences("wikipedia/wiki2015-AA.jsonl.gz", options.sentences)
    others = sorted(set(sentences("wikipedia/wiki2015-AB.jsonl.gz", FLUENCY)) - set(train))
    held_out, fluent = others[:: len(others) // options.held_out][: options.held_out], TrigramModel()
    fluent.train(sorted(set(others) - set(held_out)))
    encoder = ss.Encoder.load(ENCODER)
    decoder = trained(options, train, encoder)
    vectors = encoder.encode(held_out, normalize_embeddings=True)
    real = encoder.embed(ss.Corpus(train[:: max(1, len(train) // REAL)][:REAL]))
    print(machine("torch", "sacrebleu"))
    print(
        f"\n{len(train):,} sentences to learn from, {len(held_out)} to write, {len(real):,} real ones to be nearest.\n"
    )
    rows = [row("the sentence itself", held_out, np.ones(len(held_out)), held_out, fluent, 0.0)]
    nearest = real.most_similar_batch(list(vectors), 1)
    found = [neighbors.metadata["text"][0] for neighbors in nearest]
    rows.append(row("nearest real sentence", found, [n.scores[0] for n in nearest], held_out, fluent, 0.0))
    for name, more in methods(real, options.quick).items():
        start = time.process_time()
        written = decoder.decode(vectors, **more)
        seconds = (time.process_time() - start) / len(held_out)
        rows.append(row(name, list(written), written.scores, held_out, fluent, seconds))
    print(table(["sentence", "cosine", "BLEU", "exact", "perplexity", "CPU s each"], rows))
    print("\nWanted, and written by guess, encode, correct:\n")
    print("\n".join(f"* {a} → {b}" for a, b in list(zip(held_out, written, strict=True))[:8]))


def arguments(asked: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latent_text", description=__doc__)
    parser.add_argument("--sentences", type=int, default=1_000_000, help="to learn from, at most")
    parser.add_argument("--epochs", type=int, default=ss.TextDecoder().epochs)
    parser.add_argument("--held-out", type=int, default=HELD_OUT)
    parser.add_argument("--model", type=Path, help="a saved decoder; trained and saved there if there is none")
    parser.add_argument("--quick", action="store_true", help="few sentences, to see that it runs")
    options = parser.parse_args(asked)
    if options.quick:
        options.sentences, options.epochs, options.held_out = 3_000, 1, 20
    return options


def methods(real: ss.Space, quick: bool) -> dict[str, dict]:
    small = {"n_candidates": 4, "n_rounds": 1} if quick else {}
    return {
        "likeliest": {"n_candidates": 1, "n_rounds": 0},
        "best of 32 guesses": {"n_rounds": 0},
        "edits of the nearest real sentences": {"near": real, **small},
        "guess, encode, correct": small,
    }


def trained(options: argparse.Namespace, train: list[str], encoder: ss.Encoder) -> ss.TextDecoderModel:
    """Return the decoder, and say how long its training took."""
    if options.model is not None and options.model.exists():
        return ss.load(options.model)
    wall, cpu = time.perf_counter(), time.process_time()
    decoder = ss.TextDecoder(epochs=options.epochs).train(ss.Corpus(train), encoder)
    minutes = (time.perf_counter() - wall) / 60, (time.process_time() - cpu) / 60
    print(f"trained in {minutes[0]:.0f} minutes ({minutes[1]:.0f} of a processor), the encoding included\n")
    print(f"{decoder.history}\n")
    if options.model is not None:
        ss.save(decoder, options.model)
    return decoder


def sentences(name: str, n: int) -> list[str]:
    """Return the different sentences of 5 to 20 words of a file, the first `n`."""
    found: dict[str, None] = {}
    with gzip.open(data(name), "rt", encoding="utf-8") as lines:
        for line in lines:
            for sentence in split_sentences(json.loads(line)["text"]):
                if WORDS[0] <= len(sentence.split()) <= WORDS[1] and sentence.endswith("."):
                    found[" ".join(sentence.split())] = None
            if len(found) >= n:
                break
    return list(found)[:n]


def row(name, written, scores, wanted, fluent: TrigramModel, seconds: float) -> list[str]:
    import sacrebleu

    bleu = sacrebleu.corpus_bleu(written, [wanted]).score
    exact = float(np.mean([a == b for a, b in zip(written, wanted, strict=True)]))
    cells = [f"{np.mean(scores):.3f}", f"{bleu:.1f}", f"{exact:.3f}", f"{fluent.perplexity(written):.0f}"]
    return [name, *cells, f"{seconds:.2f}"]


if __name__ == "__main__":
    main()
