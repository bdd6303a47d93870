"""The readers that are tried, each as a function of bytes."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

import semspace as ss
from fuzz import seeds
from fuzz.mutating import divided, joined
from semspace.errors import SemspaceError
from semspace.files import file_digest
from semspace.manifest import own_digest

_ENCODINGS = ("utf-8", "latin-1", "utf-16", "cp1252", "utf-8-sig", "shift_jis", "utf-32", "gb18030")


@dataclass(frozen=True)
class Target:
    """A reader, and the files that it is given.

    Parameters
    ----------
    name : str
    write : function of a folder
        Writes what is sound. Each file of it is a seed.
    read : function of a folder
        Reads it; may raise `SemspaceError`, nothing else.
    seal : function of a folder
        Makes checksums right after files were changed, so that what comes behind them is reached.
    whole : bool
        Whether a case changes files of one folder, and the others stay as they are. Otherwise each file of the folder
        is a seed of its own, and a case is one file.
    """

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], None]
    seal: Callable[[Path], None] = lambda _: None
    whole: bool = True

    def cases(self, sound: Path) -> list[bytes]:
        """Return the seeds of a sound folder: each of its files in its own place."""
        return [joined([(number, (sound / name).read_bytes())]) for number, name in enumerate(files_of(sound))]

    def run(self, case: bytes, sound: Path, work: Path) -> None:
        """Read a folder in which the files of a case stand in place of sound ones."""
        names = files_of(sound)
        shutil.rmtree(work, ignore_errors=True)
        if self.whole:
            shutil.copytree(sound, work)
        else:
            work.mkdir(parents=True)
        parts = divided(case) if self.whole else divided(case)[:1] or [(0, b"")]
        for number, content in parts:
            place = work / names[number % len(names)]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.write_bytes(content)
        self.seal(work)
        with suppress(SemspaceError):
            self.read(work)


def files_of(folder: Path) -> list[str]:
    """Return the names of the files below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _file_in(folder: Path) -> Path:
    return next(path for path in folder.rglob("*") if path.is_file())


def _write_all(contents: Callable[[], Iterable[bytes]], ending: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, content in enumerate(contents()):
        (folder / f"{number}.{ending}").write_bytes(content)


# -- texts and vectors -------------------------------------------------------------------------------------------


def _read_texts(folder: Path) -> None:
    path = _file_in(folder)
    with suppress(SemspaceError):
        show(ss.Corpus.read(path))
    with suppress(SemspaceError):
        show(ss.Tokens.read(path, progress=False))
    choice = crc32(path.read_bytes())
    show(ss.Corpus.read(path, encoding=_ENCODINGS[choice % len(_ENCODINGS)]))


def _read_folder(folder: Path) -> None:
    with suppress(SemspaceError):
        show(ss.Corpus.read(folder))
    show(ss.Tokens.read(folder, progress=False))


def _write_folder(folder: Path) -> None:
    (folder / "below").mkdir(parents=True)
    for ending in ("txt", "csv", "jsonl", "parquet", "csv.gz"):
        (folder / "below" / f"{ending[:2]}.{ending}").write_bytes(seeds.texts(ending)[0])


def _read_vectors(format: str, folder: Path) -> None:
    path = _file_in(folder)
    with suppress(SemspaceError):
        show(ss.read_vectors(path, progress=False))
    found = ss.read_vectors(path, format=format, undecodable="drop", progress=False)
    if found.encoder is not None:
        found.encoder.encode(["unseen wine"])


def _read_hnswlib(folder: Path) -> None:
    for space in ("cosine", "ip", "l2"):
        with suppress(SemspaceError):
            index = ss.Index.from_hnswlib(_file_in(folder), space=space, dim=4)
            index.search(np.array([1, 0, 2, -1], np.float32), k=5)
            show(index)


def _read_tasks(folder: Path) -> None:
    from semspace.evaluation.task_reading import task_of

    words = ss.Space.from_vectors(["new", "york", "red", "wine"], np.eye(4))
    task: Any = task_of(_file_in(folder))
    task.score(words)


def _write_tasks(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "pairs.tsv").write_text("new\tyork\t9.5\nred\twine\t8\nnew\twine\t1\nyork\tred\t2\n")
    (folder / "analogies.txt").write_text(": places\nnew york red wine\nred wine new york\n")
    (folder / "sts.csv").write_text("sentence1,sentence2,score\nnew york,red wine,1\nnew,new york,4\nred,wine,3\n")
    (folder / "labels.jsonl").write_text('{"text": "new", "label": "a"}\n{"text": "red", "label": "b"}\n')


# -- saved values --------------------------------------------------------------------------------------------------


def seal_bundle(place: Path) -> None:
    """Write the right checksums of a bundle, of its journal and its insertions."""
    manifest: Any = _json_of(place / "manifest.json")
    if not isinstance(manifest, dict):
        return
    manifest.pop("sha256", None)
    listed = manifest.get("files")
    for name in listed if isinstance(listed, dict) else ():
        inside = isinstance(name, str) and ".." not in name and not name.startswith("/") and "\0" not in name
        if inside and isinstance(listed[name], dict):
            with suppress(OSError, ValueError):
                listed[name].update(bytes=(place / name).stat().st_size, sha256=file_digest(place / name))
    with suppress(ValueError, RecursionError):  # lone surrogates, say
        manifest["sha256"] = own_digest(manifest)
        (place / "manifest.json").write_text(json.dumps(manifest))
    signature = hashlib.sha256((place / "manifest.json").read_bytes()).hexdigest().encode()
    for name, magic in (("journal", b"semspace journal 1\n"), ("insertions", b"semspace insertions 1\n")):
        if (place / name).is_file():
            data = bytearray((place / name).read_bytes())
            data[: len(magic) + 64] = magic + signature
            at = len(magic) + 64
            (_seal_journal if name == "journal" else _seal_insertions)(data, at)
            (place / name).write_bytes(data)


def _seal_journal(data: bytearray, at: int) -> None:
    acknowledged = struct.pack("<Q", len(data))
    data[at : at + 12] = acknowledged + struct.pack("<I", crc32(acknowledged))
    at += 12
    while at + 20 <= len(data):
        head, body = struct.unpack_from("<IQ", data, at + 4)
        stop = min(at + 20 + head + body, len(data))
        struct.pack_into("<I", data, at, crc32(data[at + 4 : at + 16]))
        struct.pack_into("<I", data, at + 16, crc32(data[at + 20 : stop]))
        at = stop


def _seal_insertions(data: bytearray, at: int) -> None:
    while at + 12 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        stop = min(at + 12 + length, len(data))
        struct.pack_into("<I", data, at + 8, crc32(data[at : at + 8] + data[at + 12 : stop]))
        at = stop


def _json_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def show(value: Any) -> None:
    """Draw a value as a terminal and a notebook do."""
    repr(value)
    for name in ("_repr_html_", "to_frame"):
        if hasattr(value, name):
            getattr(value, name)()


def use(value: Any) -> None:
    """Ask of a value what reads all of it; each question may be refused."""
    from semspace.report.page import to_html

    asked: list[Callable[[], object]] = [partial(show, value)]
    vector = np.linspace(-1, 1, 6, dtype=np.float32)
    match value:
        case ss.Index():
            first = value.ids[0] if len(value) else "d0"
            asked += [
                lambda: value.search(np.resize(vector, value.dim), k=3),
                lambda: value.search(id=first, k=40),
                lambda: value.search("red wine", k=2),
                lambda: value.search("red wine", k=2, alpha=0),
                lambda: value.search(np.resize(vector, value.dim), k=3, where="count > 3"),
                lambda: value.space,
                lambda: value.duplicates(0.5, progress=False),
                lambda: value.add(["new1"], np.resize(vector, (1, value.dim))),
                lambda: value.update([first], np.resize(vector, (1, value.dim))),
                lambda: value.delete([first]),
                value.compact,
            ]
        case ss.Space():
            asked += [
                lambda: value.most_similar(value.ids[0], k=3), lambda: value.history, lambda: value.metadata,
                lambda: value.similarity(value.ids[0], value.ids[-1]), lambda: value.most_similar("red wine", k=2),
                lambda: np.asarray(value.vectors[:]).sum(),
            ]  # fmt: skip
        case ss.Clustering():
            asked += [
                value.documents, lambda: value.assign(value.space.vectors[:2]), lambda: to_html(value.page()),
                lambda: value.quality, lambda: value.merge([0, 1]), lambda: value.coarsen(2),
                lambda: value.borderline(0), lambda: value.outliers, lambda: value.plot(progress=False),
            ]  # fmt: skip
        case ss.Corpus():
            asked += [lambda: list(value), lambda: value.filter("year > 2000"), value.deduplicate]
        case ss.Tokens():
            asked += [
                lambda: value.words, lambda: list(value.documents()),
                lambda: ss.Phrases(min_count=1, threshold=0.1).train(value),
                lambda: ss.Word2Vec(dim=4, epochs=1, threads=1, min_count=1).train(value, progress=False),
            ]  # fmt: skip
        case ss.PhraseModel():
            asked += [lambda: value.apply(ss.Tokens.from_corpus(ss.Corpus.from_texts(seeds.TEXTS)))]
        case _:
            points = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
            calls: dict[str, tuple[Any, ...]] = {
                "encode": (["red wine", ""],), "score": (points,), "probability": ([0.1, 0.9],), "percentile": ([0.1],),
                "place": (points,), "search": ("red",), "explain": ("red wine",), "sample": (3,),
                "reconstruct": (points,),
                "plot": (), "threshold": (), "documents": (), "verdict": (), "to_dict": (), "profiles": (),
                "duplicates": (), "words": (), "counterparts": (), "overlap": (), "shifted_words": (), "references": (),
                "coverage": (), "outliers": (),
            }  # fmt: skip
            if hasattr(value, "width"):  # a model of vectors, not an encoder of texts
                points = np.resize(points, (4, value.width))
                calls |= {"encode": (points,), "score": (points,), "reconstruct": (points,)}
                if hasattr(value, "encode"):
                    calls["decode"] = (np.resize(vector, (2, value.dim)),)
                else:
                    calls["decode"] = (np.resize(vector, (1, value.width)),)
            if hasattr(value, "page"):
                asked.append(lambda: to_html(value.page()))
            for name, arguments in calls.items():
                if callable(getattr(value, name, None)):
                    asked.append(partial(getattr(value, name), *arguments))
    for question in asked:
        with suppress(SemspaceError):
            question()


def _read_value(folder: Path) -> None:
    use(ss.load(folder))


def _read_index(folder: Path) -> None:
    with suppress(SemspaceError):
        use(ss.load(folder))
    with ss.Index.open(folder, writable=True) as index:
        use(index)


# -- models, jobs, caches ------------------------------------------------------------------------------------------


def _read_model(folder: Path) -> None:
    encoder = ss.Encoder.load(folder)
    show(encoder)
    encoder.encode(["red wine", "", "new york is big " * 20], progress=False)
    for encode in (partial(encoder.encode, prompt_name="query"), encoder.encode_query, encoder.encode_document):
        with suppress(SemspaceError):
            encode(["red"], progress=False)


def _read_sparse(folder: Path) -> None:
    encoder = ss.SparseEncoder.load(folder)
    show(encoder)
    for encode in (encoder.encode_query, encoder.encode_document):
        with suppress(SemspaceError):
            encode(["red wine", "", "new york is big " * 20])


def _read_cross_encoder(folder: Path) -> None:
    encoder = ss.CrossEncoder.load(folder)
    show(encoder)
    encoder.score("red wine", ["", "new york is big " * 20])


def _resume(train: Callable[..., object], folder: Path) -> None:
    train(folder, resume=True)


def _seal_job(folder: Path) -> None:
    for path in folder.glob("*/done/*.json"):
        facts = _json_of(path)
        files = facts.get("files") if isinstance(facts, dict) else None
        for file in files.values() if isinstance(files, dict) else ():
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                place = path.parent.parent / "shards" / str(file["name"])
                if folder in place.resolve().parents:
                    file.update(size=place.stat().st_size, sha256=file_digest(place))
        if files:
            with suppress(ValueError):
                path.write_text(json.dumps(facts))


def _read_job(folder: Path) -> None:
    from semspace import scale

    questions: tuple[Callable[[], object], ...] = (
        lambda: show(scale.status(folder / "vectors")),
        lambda: show(scale.read_space(folder / "vectors", progress=False)),
        lambda: show(scale.read_tokens(folder / "words", progress=False)),
        lambda: scale.encode(folder / "texts", folder / "vectors", folder / "model", progress=False),
    )  # fmt: skip
    for question in questions:
        with suppress(SemspaceError):
            question()


# -- what users write -------------------------------------------------------------------------------------------------


def _write_lines(lines: Iterable[str], folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, line in enumerate(lines):
        (folder / f"{number}.txt").write_text(line)


_CONDITIONS = (
    "year >= 2001 and label = 'a'", "not (ok is true) or price between -2 and 1.5", "label like 'a%' escape '!'",
    "label in ('a', 'b', 'it''s') and year is not null", "CAST(label AS FLOAT) > 1e3", "year + 2 * 3 - -1 < 2e3 / 4",
    "lower(label) = upper('x') or length(text) > 3", "coalesce(price, 0) <> 0", '"text" ilike \'%new%\'',
    "year % 2 = 0 and date '2020-01-01' < timestamp '2021-01-01 10:00'",
)  # fmt: skip


def _read_condition(folder: Path) -> None:
    from semspace.index import pgvector_filter, qdrant_filter

    where = _file_in(folder).read_bytes().decode("utf-8", "replace")
    table = seeds.table()
    corpus = ss.Corpus.from_frame(table)
    with suppress(SemspaceError):
        corpus.filter(where)
    names = {name: name for name in table.columns}
    for translate in (pgvector_filter.translate, qdrant_filter.translate):
        with suppress(SemspaceError):
            translate(where, dict(table.schema), names)


def _read_expression(folder: Path) -> None:
    from semspace.expressions.expression_reader import read_expression

    text = _file_in(folder).read_bytes().decode("utf-8", "replace")
    for encodes in (False, True):
        with suppress(SemspaceError):
            repr(read_expression(text, {"king", "man", "woman", "new york"}, encodes=encodes))


_COMMANDS = (
    "search index --k 5 --where year>3", "cluster docs -k 4 --method leiden --out x", "compare a b --by year --bins 3",
    "train word2vec a --dim 5 --window 3 --lr 0.1", "embed texts --encoder m --out x --batch-size 3", "latent train a",
    "--version", "query space 'king - man'", "evaluate a --tasks b", "join a b --min-score 0.5",
    "outliers s --share 0.1",
)  # fmt: skip


def _read_command(folder: Path) -> None:
    import typer

    from semspace.cli import usage
    from semspace.cli.app import app_for

    text = _file_in(folder).read_bytes().decode("utf-8", "surrogateescape")
    arguments = [one for one in text.replace("\0", " ").split(" ") if one]
    try:
        group: Any = typer.main.get_command(app_for(arguments))
        context = group.make_context("semspace", list(arguments))
        while getattr(group, "commands", None) is not None and (rest := [*context._protected_args, *context.args]):
            _, group, rest = group.resolve_command(context, rest)
            context = group.make_context(group.name, list(rest), parent=context)
    except usage.UsageError as problem:
        usage.sentence(problem)
    except (typer.Exit, typer.Abort, SystemExit):
        pass


def every_target() -> list[Target]:
    """Return all targets, by name."""
    found = []
    for ending in ("txt", "csv", "tsv", "jsonl", "json", "parquet", "txt.gz", "csv.gz", "parquet.gz"):
        write = partial(_write_all, partial(seeds.texts, ending), ending)
        found.append(Target(f"texts-{ending}", write, _read_texts, whole=False))
    found.append(Target("texts-folder", _write_folder, _read_folder))
    for kind in ("word2vec", "glove", "word2vec-binary", "fasttext", "faiss", "usearch"):
        write = partial(_write_all, partial(seeds.vectors, kind), "bin")
        found.append(Target(f"vectors-{kind}", write, partial(_read_vectors, kind), whole=False))
    write = partial(_write_all, partial(seeds.vectors, "hnswlib"), "bin")
    found.append(Target("vectors-hnswlib", write, _read_hnswlib, whole=False))
    found.append(Target("tasks", _write_tasks, _read_tasks, whole=False))
    for name in (*seeds.VALUES, "index-hnsw", "index-exact-grown", "encoder", "headed-encoder"):
        read = _read_index if name.startswith("index") else _read_value
        found.append(Target(f"value-{name}", partial(seeds.write_value, name), read, seal_bundle))
    found.append(Target("model-static", seeds.write_static_model, _read_model))
    found.append(Target("model-transformer", seeds.write_transformer, _read_model))
    found.append(Target("model-routed", seeds.write_routed_model, _read_model))
    found.append(Target("model-sparse", seeds.write_sparse_model, _read_sparse))
    found.append(Target("model-cross", seeds.write_cross_encoder, _read_cross_encoder))
    for name, train in (
        ("words", seeds.train_words), ("autoencoder", seeds.train_autoencoder), ("encoder", seeds.train_encoder),
    ):  # fmt: skip
        write = partial(train, resume=False)
        found.append(Target(f"checkpoint-{name}", write, partial(_resume, train), seal_bundle))
    found.append(Target("scale", seeds.write_job, _read_job, _seal_job))
    for name, lines, read in (
        ("conditions", _CONDITIONS, _read_condition),
        ("expressions", ("king - man + woman", "2 * 'new york' - 0.5*man", "-king", "'it''s' + man"), _read_expression),
        ("commands", _COMMANDS, _read_command),
    ):
        found.append(Target(name, partial(_write_lines, lines), read, whole=False))
    return found
