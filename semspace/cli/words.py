"""`semspace train word2vec`: word vectors from your own texts."""

from __future__ import annotations

from typing import Annotated

import typer

from semspace.cli import inputs, streams
from semspace.cli import options as o
from semspace.cli.output import check_folder, show, write_vectors
from semspace.cli.text_options import TextOptions


def train_word2vec(
    source: o.Input,
    out: o.VectorsOut,
    dim: Annotated[int | None, typer.Option(help="Dimensions (default: 100, or those of --init).")] = None,
    window: Annotated[int, typer.Option(help="Words of context on each side.")] = 5,
    negatives: Annotated[int, typer.Option(help="Negative samples for each pair of words.")] = 5,
    min_count: Annotated[int, typer.Option(help="Ignore words that occur less often.")] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the text.")] = 5,
    sample: Annotated[float, typer.Option(help="Subsampling threshold of frequent words; 0 disables it.")] = 1e-3,
    learning_rate: Annotated[float, typer.Option(help="Learning rate at the start.")] = 0.025,
    architecture: Annotated[str, typer.Option(help="skipgram or cbow.")] = "skipgram",
    subword: Annotated[
        bool, typer.Option("--subword", help="Learn character n-grams too, so that unseen words have vectors.")
    ] = False,
    phrases: Annotated[
        int, typer.Option(help="Join words into phrases (new_york) first, in this many passes.", min=0)
    ] = 0,
    threads: Annotated[
        int | None, typer.Option(help="Number of threads (default: all cores); 1 is reproducible.")
    ] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Reproducible with several threads, slightly slower.")
    ] = False,
    seed: o.Seed = 0,
    backend: Annotated[str, typer.Option(help="native or gensim.")] = "native",
    init: Annotated[str | None, typer.Option(help="Start from these vectors: a saved space, or a file.")] = None,
    evaluator: Annotated[
        str | None, typer.Option(help="Evaluate on this task after each epoch; see semspace evaluate.")
    ] = None,
    checkpoint: o.Checkpoint = None,
    checkpoint_minutes: o.CheckpointMinutes = 10.0,
    resume: o.Resume = False,
    tokenizer: Annotated[
        str, typer.Option(help="How texts are split into words: fast, icu, whitespace or spacy:LANG.")
    ] = inputs.DEFAULT_TOKENIZER,
    *,
    texts: TextOptions,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Train word vectors with Word2Vec and save them as a space.

    The text may be larger than memory.
    """
    from semspace import replacement
    from semspace.evaluation.task_reading import task_of
    from semspace.words.checkpoint import WordsCheckpoint
    from semspace.words.word2vec import Word2Vec

    check_folder(out, overwrite=overwrite, or_stream=True)
    WordsCheckpoint(checkpoint, checkpoint_minutes, resume)  # before the text is read, which takes long
    start = None if init is None else inputs.read_space(init)
    subwords = getattr(start.encoder, "subwords", None) if start is not None and subword else None
    trainer = Word2Vec(
        dim=dim if dim is not None else start.dim if start is not None else 100,
        window=window, negatives=negatives, min_count=min_count, epochs=epochs, sample=sample,
        learning_rate=learning_rate, architecture=architecture, subword=subwords or subword, threads=threads,
        deterministic=deterministic, seed=seed, backend=backend,
    )  # fmt: skip
    task = None if evaluator is None else task_of(evaluator)
    lowest = 1 if start is not None or phrases else min_count
    tokens = inputs.read_tokens(source, texts, min_count=lowest, tokenizer=tokenizer)
    if phrases:
        from semspace.text.phrases import Phrases

        tokens = Phrases(passes=phrases).train(tokens).apply(tokens)
    words = trainer.train(
        tokens, init=start, evaluator=task, checkpoint=checkpoint, checkpoint_minutes=checkpoint_minutes, resume=resume
    )
    if not streams.is_stream(out):
        words.save(out, overwrite=overwrite)
    if checkpoint is not None:
        replacement.delete_bundle(checkpoint)
    if streams.is_stream(out):
        write_vectors(words)
        return
    plain = {"out": str(out), "words": len(words), "dim": words.dim, "history": words.history.to_frame().to_dicts()}
    show(f"{words.history!r}\n{words!r}\nsaved to {out}", plain, as_json)
