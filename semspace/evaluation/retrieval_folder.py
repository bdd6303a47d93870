"""A folder with a retrieval task in the format of BEIR."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from semspace.errors import InputError, MissingFileError
from semspace.files import PathLike, resolved_path
from semspace.text.corpus import Corpus
from semspace.text.read_corpus import read_table

_DOCUMENTS, _QUESTIONS = "corpus.jsonl", "queries.jsonl"
_QUERY, _DOCUMENT, _GRADE = ("query-id", "query_id", "qid"), ("corpus-id", "doc_id", "docid"), ("score", "relevance")

Judgements = Mapping[str, Mapping[str, float]]


def is_retrieval_folder(folder: Path) -> bool:
    """Check whether a folder holds documents and queries in the format of BEIR."""
    return all(_existing(folder, name) is not None for name in (_DOCUMENTS, _QUESTIONS))


def read_folder(path: PathLike, split: str) -> tuple[Corpus, Corpus, Judgements, str]:
    """Return questions, documents, judgements and the folder's name."""
    folder = resolved_path(path)
    if not folder.is_dir():
        raise MissingFileError(f"no folder at {folder}; expected one with {_DOCUMENTS}, {_QUESTIONS} and qrels/")
    documents, questions = (_texts(_needed(folder, name)) for name in (_DOCUMENTS, _QUESTIONS))
    return questions, documents, _judgements(folder, split), folder.name


def _existing(folder: Path, name: str) -> Path | None:
    return next((place for ending in ("", ".gz") if (place := folder / f"{name}{ending}").is_file()), None)


def _needed(folder: Path, name: str) -> Path:
    place = _existing(folder, name)
    if place is None:
        raise MissingFileError(f"{folder} has no {name}; a retrieval task has {_DOCUMENTS}, {_QUESTIONS} and qrels/")
    return place


def _texts(path: Path) -> Corpus:
    """Return the texts of a file, each after its title if it has one; those without text are left out."""
    table = read_table(path)
    id = next((name for name in ("_id", "id") if name in table.columns), None)
    if id is None or "text" not in table.columns:
        raise InputError(f"{path} must have columns _id and text; it has {', '.join(table.columns)}")
    text = pl.col("text").cast(pl.String).fill_null("")
    if "title" in table.columns:
        text = pl.concat_str([pl.col("title").cast(pl.String).fill_null(""), text], separator=" ")
    frame = table.select(pl.col(id).cast(pl.String).alias("id"), text.str.strip_chars().alias("text"))
    return Corpus.from_frame(frame.filter(pl.col("text") != ""))


def _judgements(folder: Path, split: str) -> Judgements:
    own = _existing(folder / "qrels", f"{split}.tsv")
    path = own or _existing(folder, "qrels.tsv")
    if path is None:
        splits = sorted({file.name.partition(".tsv")[0] for file in (folder / "qrels").glob("*.tsv*")})
        there = f"; the splits there are {', '.join(splits)}: give split=" if splits else ""
        raise MissingFileError(f"{folder} has neither qrels/{split}.tsv nor qrels.tsv{there}")
    table = read_table(path)
    query, document, grade = (_column(path, table, names) for names in (_QUERY, _DOCUMENT, _GRADE))
    if own is None and "split" in table.columns:
        table = table.filter(pl.col("split") == split)
    relevant: dict[str, dict[str, float]] = {}
    grades = table.select(pl.col(query).cast(pl.String), pl.col(document).cast(pl.String), pl.col(grade))
    for question, id, value in grades.rows():
        try:
            relevant.setdefault(question, {})[id] = float(value)
        except (TypeError, ValueError) as problem:
            raise InputError(f"{path}: the column {grade} must contain numbers; got {value!r:.40}") from problem
    if not relevant:
        raise InputError(f"{path} holds no judgement of the split {split!r}")
    return relevant


def _column(path: Path, table: pl.DataFrame, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None:
        raise InputError(f"{path} has no column {names[0]}; its columns are {', '.join(table.columns)}")
    return found
