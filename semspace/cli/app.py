"""The commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semspace import bundle
from semspace.cli import options as o
from semspace.cli.encoders import train_encoder
from semspace.cli.output import show
from semspace.errors import ExistsError, InputError

if TYPE_CHECKING:
    from semspace.space import Space
    from semspace.text.corpus import Corpus

app = typer.Typer(
    name="semspace",
    help="Semantic analysis of text: train vectors, search, cluster and compare corpora.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train vectors on your own text.", no_args_is_help=True)
app.add_typer(train_app, name="train")
train_app.command("encoder")(train_encoder)


@train_app.command("word2vec")
def train_word2vec(
    source: o.Input,
    out: o.Out,
    dim: Annotated[int | None, typer.Option(help="Dimensions; 100 if not given, or those of --start.")] = None,
    window: Annotated[int, typer.Option(help="Words of context to each side.")] = 5,
    negatives: Annotated[int, typer.Option(help="Noise words for each word.")] = 5,
    min_count: Annotated[int, typer.Option(help="Leave out words seen fewer times.")] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the text.")] = 5,
    sample: Annotated[float, typer.Option(help="Thin out words above this share of the text; 0: none.")] = 1e-3,
    learning_rate: Annotated[float, typer.Option(help="At the start.")] = 0.025,
    architecture: Annotated[str, typer.Option(help="skipgram or cbow.")] = "skipgram",
    subword: Annotated[bool, typer.Option("--subword", help="Learn runs of letters too, for unseen words.")] = False,
    phrases: Annotated[
        int, typer.Option(help="First join words into phrases (new_york), in so many passes.", min=0)
    ] = 0,
    threads: Annotated[int | None, typer.Option(help="All cores if not given; 1 is reproducible.")] = None,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="Reproducible with several threads too, a little slower.")
    ] = False,
    seed: o.Seed = 0,
    engine: Annotated[str, typer.Option(help="native or gensim.")] = "native",
    start: Annotated[str | None, typer.Option(help="Go on from these vectors: a saved space, or a file.")] = None,
    evaluate: Annotated[
        str | None, typer.Option(help="Judge the vectors after each epoch on a task; see semspace evaluate.")
    ] = None,
    checkpoint: o.Checkpoint = None,
    checkpoint_minutes: o.CheckpointMinutes = 10.0,
    resume: o.Resume = False,
    tokenizer: Annotated[
        str, typer.Option("--tokenizer", "--split", help="How words are told: fast, icu, whitespace or spacy:LANG.")
    ] = o.DEFAULT_TOKENIZER,
    text: o.TextColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Train word vectors by Word2Vec and save them as a space.

    A text may be larger than memory.
    """
    from semspace.evaluation.evaluate import task_of
    from semspace.words.checkpoint import WordsCheckpoint
    from semspace.words.word2vec import Word2Vec

    bundle.check_free(out, overwrite=overwrite)
    said = o.Texts(text, None, drop_empty, encoding, separator, header, columns, documents)
    WordsCheckpoint(checkpoint, checkpoint_minutes, resume)  # before the text is read, which may take long
    before = None if start is None else o.read_space(start)
    subwords = getattr(before.encoder, "subwords", None) if before is not None and subword else None
    trainer = Word2Vec(
        dim=dim if dim is not None else before.dim if before is not None else 100,
        window=window, negatives=negatives, min_count=min_count, epochs=epochs, sample=sample,
        learning_rate=learning_rate, architecture=architecture, subword=subwords or subword, threads=threads,
        deterministic=deterministic, seed=seed, backend=engine,
    )  # fmt: skip
    task = None if evaluate is None else task_of(evaluate)
    least = 1 if before is not None or phrases else min_count
    tokens = o.read_tokens(source, said, min_count=least, tokenizer=tokenizer)
    if phrases:
        from semspace.text.phrases import Phrases

        tokens = Phrases(passes=phrases).train(tokens).apply(tokens)
    words = trainer.train(
        tokens, init=before, evaluator=task, checkpoint=checkpoint, checkpoint_minutes=checkpoint_minutes, resume=resume
    )
    words.save(out, overwrite=overwrite)
    if checkpoint is not None:
        bundle.discard(checkpoint)
    plain = {"out": str(out), "words": len(words), "dim": words.dim, "history": words.history.to_frame().to_dicts()}
    show(f"{words.history!r}\n{words!r}\nsaved to {out}", plain, as_json)


@app.command()
def embed(
    source: o.Input,
    out: o.Out,
    model: o.Model = o.DEFAULT_MODEL,
    text: o.TextColumn = None,
    id: o.IdColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    runtime: Annotated[str, typer.Option(help="auto, fast, exact or torch.")] = "auto",
    long: Annotated[
        str, typer.Option(help="What becomes of texts too long for the model: cut, pool or passages.")
    ] = "cut",
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Encode documents and save them as a space.

    Broken off, the same command goes on where it stopped. With --overwrite, no text of the space is encoded again.
    """
    bundle.check_free(out, overwrite=overwrite)
    corpus = o.read_corpus(source, o.Texts(text, id, drop_empty, encoding, separator, header, columns, documents))
    encoder = o.load_encoder(model, runtime)
    space = encoder.embed(corpus, out=out, long_texts=long, overwrite=overwrite)
    plain = {
        "out": str(out),
        "documents": len(corpus),
        "points": len(space),
        "dim": space.dim,
        "truncated": space.provenance["truncated"],
        "engine": encoder.implementation,
    }
    show(f"{space!r}\nencoded by {encoder.backend_reason or encoder.implementation}\nsaved to {out}", plain, as_json)


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A file of vectors (also .gz), or a saved space.")],
    out: o.Out,
    to: Annotated[str, typer.Option(help="space, word2vec, word2vec-binary or glove.")] = "space",
    format: Annotated[
        str | None,
        typer.Option("--from", help="word2vec, word2vec-binary, glove or fasttext; told by the content if not given."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Read only this many words, the first.")] = None,
    undecodable: Annotated[str | None, typer.Option(help="Words in another encoding: raise or drop.")] = None,
    encoding: o.Encoding = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Turn word vectors of another tool into a space, or a space into their formats."""
    from semspace import checks
    from semspace.formats import vector_file, vectors

    checks.choice("--to", to, ("space", *vectors.WRITERS))
    if to == "space":
        bundle.check_free(out, overwrite=overwrite)
    else:
        vector_file.check_free(out, overwrite=overwrite)
    if bundle.is_bundle(source):
        o.refuse_options(source, limit=limit, undecodable=undecodable, encoding=encoding, **{"from": format})
        space = o.read_space(source)
    else:
        given: dict[str, Any] = {"encoding": encoding, "undecodable": undecodable}
        chosen = {name: value for name, value in given.items() if value is not None}
        space = vectors.read_vectors(source, format=format, limit=limit, **chosen)
    if to == "space":
        space.save(out, overwrite=overwrite)
    else:
        vectors.write_vectors(space, out, format=to, overwrite=overwrite)
    plain = {"out": str(out), "format": to, "words": len(space), "dim": space.dim}
    show(f"{space!r}\nsaved to {out}", plain, as_json)


@app.command()
def similar(
    space: o.SpaceOrFile,
    query: Annotated[str, typer.Argument(metavar="WORD", help="An id of the space, or a text for its encoder.")],
    k: o.Count = 10,
    metric: Annotated[str, typer.Option(help="cosine, dot or euclidean.")] = "cosine",
    as_json: o.Json = False,
) -> None:
    """Show the points nearest to a word, a document or a text."""
    found = o.read_space(space).most_similar(query, k, metric=metric)
    show(found, found.to_frame().to_dicts(), as_json)


@app.command()
def analogy(
    space: o.SpaceOrFile,
    a: Annotated[str, typer.Argument(metavar="A")],
    b: Annotated[str, typer.Argument(metavar="B")],
    c: Annotated[str, typer.Argument(metavar="C")],
    k: o.Count = 10,
    method: Annotated[str, typer.Option(help="3cosadd or 3cosmul.")] = "3cosadd",
    as_json: o.Json = False,
) -> None:
    """Complete "A is to B as C is to ?"."""
    found = o.read_space(space).analogy(a, b, c, k, method=method)
    show(found, found.to_frame().to_dicts(), as_json)


@app.command()
def index(
    space: o.SpaceOrFile,
    out: o.Out,
    kind: Annotated[str, typer.Option(help="auto, exact or hnsw.")] = "auto",
    recall: Annotated[float, typer.Option(help="Share of the true nearest points that searches are to find.")] = 0.95,
    metric: Annotated[str, typer.Option(help="cosine, dot or euclidean.")] = "cosine",
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Build a search index over a space."""
    from semspace.index.index import Index

    bundle.check_free(out, overwrite=overwrite)
    built = Index.build(o.read_space(space), kind, recall=recall, metric=metric)
    built.save(out, overwrite=overwrite)
    report = built.report()
    show(f"{built!r}\n{report!r}\nsaved to {out}", {"out": str(out), **report.to_dict()}, as_json)


@app.command()
def search(
    index: Annotated[str, typer.Argument(help="A saved index.")],
    query: Annotated[str | None, typer.Argument(help="A text.")] = None,
    id: Annotated[str | None, typer.Option("--id", help="Instead of a text: a point of the index.")] = None,
    k: o.Count = 10,
    where: Annotated[str | None, typer.Option(help='A condition on the metadata, such as "year >= 2001".')] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every point.")] = False,
    as_json: o.Json = False,
) -> None:
    """Find the documents nearest to a text, or to a document."""
    from semspace.index.index import Index

    found = Index.open(index).search(query, k, id=id, where=where, exact=exact)
    show(found, found.to_frame().to_dicts(), as_json)


@app.command()
def duplicates(
    index: Annotated[str, typer.Argument(help="A saved index.")],
    min_score: Annotated[float, typer.Option(help="Pairs that score less aren't shown.")] = 0.95,
    as_json: o.Json = False,
) -> None:
    """Find all pairs of documents that are nearly the same."""
    from semspace.display import text_table
    from semspace.index.index import Index

    found = Index.open(index).duplicates(min_score)
    text = f"{len(found):,} pairs of at least {min_score:g}\n{text_table(found.columns, found.iter_rows())}"
    show(text, found.to_dicts(), as_json)


@app.command()
def cluster(
    source: Annotated[str, typer.Argument(metavar="SPACE_OR_INPUT", help="A saved space, or texts to encode first.")],
    k: Annotated[int | None, typer.Option("-k", help="How many groups; chosen if not given.")] = None,
    method: Annotated[
        str | None, typer.Option(help="leiden, kmeans, ward or hdbscan; leiden, or kmeans with -k, if not given.")
    ] = None,
    granularity: Annotated[float, typer.Option(help="2 gives about twice as many groups, 0.5 half as many.")] = 1.0,
    outliers: Annotated[float, typer.Option(help="Share of documents to leave without a group.")] = 0.0,
    seed: o.Seed = 0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Save the clustering here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a report, an .html file.")] = None,
    model: o.MaybeModel = None,
    text: o.TextColumn = None,
    id: o.IdColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    overwrite: o.Overwrite = False,
    as_json: o.Json = False,
) -> None:
    """Find groups of documents, name them, and say how well they hold."""
    from semspace.clusters.cluster import check_settings
    from semspace.clusters.cluster import cluster as find_groups

    check_settings(k, method, granularity, outliers, seed)  # before texts are encoded
    if out is not None:
        bundle.check_free(out, overwrite=overwrite)
    if report is not None:
        _check_report(report, "--report", (".html",), overwrite=overwrite)
    said = o.Texts(text, id, drop_empty, encoding, separator, header, columns, documents)
    space = _space_or_texts(source, model, said)
    groups = find_groups(space, n_clusters=k, method=method, granularity=granularity, outliers=outliers, seed=seed)
    if out is not None:
        groups.save(out, overwrite=overwrite)
    if report is not None:
        groups.to_html(report)
    labels = dict(zip(space.ids.tolist(), groups.labels.tolist(), strict=True))
    show(groups, {"groups": groups.to_frame().to_dicts(), "labels": labels}, as_json)
    if report is not None and not as_json:
        typer.echo(f"report written to {report}")


def _check_report(path: Path, option: str, endings: Sequence[str], *, overwrite: bool) -> None:
    if path.suffix.lower() not in endings:
        raise InputError(f"{option} must end in {', '.join(endings)}; got {path.name!r}")
    if bundle.place_of(path).exists() and not overwrite:
        raise ExistsError(f"{path} exists already; choose another path or pass --overwrite")
    if path.is_dir():
        raise ExistsError(f"{path} is a folder, so no file can be written there; choose another path")
    bundle.check_writable(path)


def _space_or_texts(source: str, model: str | None, said: o.Texts) -> Space:
    if bundle.is_bundle(source):
        value = o.read_value(source)
        space = getattr(value, "space", value)
        if hasattr(space, "vectors"):
            o.refuse_options(source, model=model, **said.given)
            return space  # type: ignore[no-any-return]
    return o.load_encoder(model or o.DEFAULT_MODEL).embed(o.read_corpus(source, said))


@app.command()
def compare(
    inputs: Annotated[
        list[str], typer.Argument(metavar="A [B …]", help="Corpora, like INPUT of the other commands, or saved spaces.")
    ],
    by: Annotated[str | None, typer.Option(help="Column that divides the one corpus given.")] = None,
    cuts: Annotated[
        list[str] | None,
        typer.Option(help="Where --by is cut: 1945, or 1850,1945, or 1945-05-08; may be given several times."),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Column that says what a document is a part of.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a report: .html, .md or .json.")] = None,
    names: Annotated[str | None, typer.Option(help="What to call the corpora: sport,business.")] = None,
    permutations: Annotated[int, typer.Option(help="Random splits behind each p-value.")] = 999,
    seed: o.Seed = 0,
    long: Annotated[str, typer.Option(help="Texts longer than the model reads: pool, cut or passages.")] = "pool",
    model: o.MaybeModel = None,
    text: o.TextColumn = None,
    id: o.IdColumn = None,
    drop_empty: o.DropEmpty = False,
    encoding: o.Encoding = None,
    separator: o.Separator = None,
    header: o.Header = None,
    columns: o.Columns = None,
    documents: o.Documents = None,
    overwrite: o.Overwrite = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for machines, or write it: --json results.json.")
    ] = False,
) -> None:
    """Say how corpora differ, how sure that is, what drives it, what they share and what they are like."""
    from semspace.comparison.compare import compare as compare_corpora

    # No corpus is a .json, so one behind --json is where to write.
    sources, into = _without_json(inputs, as_json)
    for path, option, endings in ((out, "--out", tuple(_REPORTS)), (into, "--json", (".json",))):
        if path is not None:
            _check_report(path, option, endings, overwrite=overwrite)
    said = o.Texts(text, id, drop_empty, encoding, separator, header, columns, documents)
    read = [_space_or_corpus(source, said) for source in sources]
    wants_model = any(not hasattr(one, "vectors") for one in read)
    if model is not None and not wants_model:
        raise InputError("--model has no use with saved spaces, which were encoded before; leave it out")
    found = compare_corpora(
        *read,
        by=by,
        bins=_cuts(cuts) if cuts else None,
        encoder=o.load_encoder(model or o.DEFAULT_MODEL) if wants_model else None,
        names=None if names is None else names.split(","),
        groups=unit,
        long_texts=long,
        permutations=permutations,
        seed=seed,
    )
    if out is not None:
        getattr(found, _REPORTS[out.suffix.lower()])(out)
    if into is not None:
        found.to_json(into)
    show(found, found.to_dict(), as_json and into is None)
    if into is not None or not as_json:
        for written in (path for path in (out, into) if path is not None):
            typer.echo(f"{'report' if written == out else 'results'} written to {written}")


def _without_json(inputs: Sequence[str], as_json: bool) -> tuple[list[str], Path | None]:
    """Take the file that --json is to write out of the inputs."""
    files = [one for one in inputs if one.lower().endswith(".json")]
    if files and (not as_json or len(files) > 1):
        raise InputError(
            f"{files[0]} is no corpus: give .jsonl, .csv, .tsv, .parquet or .txt; --json FILE.json writes one"
        )
    return [one for one in inputs if one not in files], Path(files[0]) if files else None


def _space_or_corpus(source: str, said: o.Texts) -> Corpus | Space:
    if bundle.is_bundle(source):
        value = o.read_value(source)
        space = getattr(value, "space", value)
        if hasattr(space, "vectors"):
            o.refuse_options(source, **said.given)
            return space  # type: ignore[no-any-return]
    return o.read_corpus(source, said)


def _cuts(given: Sequence[str]) -> list[str]:
    """Return the cuts of --cuts: commas stand between them, if not inside a date such as "May 8, 1945"."""
    from semspace.comparison.written_dates import read

    named = [any(map(str.isalpha, text)) and bool(read(text)) for text in given]
    return [
        cut.strip() for text, whole in zip(given, named, strict=True) for cut in ([text] if whole else text.split(","))
    ]


_REPORTS = {".html": "to_html", ".md": "to_markdown", ".json": "to_json"}


@app.command()
def evaluate(
    thing: Annotated[str, typer.Argument(help="A saved space, a file of vectors, or a model for texts.")],
    on: Annotated[
        list[str] | None, typer.Option(help="A task; may be given several times. All word tasks if not given.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Say how well vectors agree with people.

    Tasks: wordsim353, simlex999, google-analogies, lee-documents; or a file of word pairs, analogies or rated
    sentences.
    """
    from semspace.evaluation.evaluate import WORD_TASKS
    from semspace.evaluation.evaluate import evaluate as judge

    saved = bundle.is_bundle(thing) or bundle.place_of(thing).is_file()
    value = o.read_space(thing) if saved else o.load_encoder(thing)
    scores = judge(value, on or WORD_TASKS)
    show(scores, scores.to_frame().to_dicts(), as_json)


@app.command()
def corpora(as_json: o.Json = False) -> None:
    """List the texts that can be used by name, as corpus:NAME."""
    from semspace.corpora import table
    from semspace.display import text_table

    entries = table()
    show(text_table(entries.columns, entries.rows(), width=110), entries.to_dicts(), as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the report and the saved values.")] = Path(
        "semspace-demo"
    ),
    as_json: o.Json = False,
) -> None:
    """Run the main job, from text to answers, offline and on real texts."""
    from semspace.demo import run

    results = run(out, say=(lambda _: None) if as_json else typer.echo)
    if as_json:
        show("", results, as_json)
