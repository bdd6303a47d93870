"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semspace.cli.inputs import DEFAULT_MODEL

Input = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="A csv, tsv, jsonl, parquet or txt file (also .gz), a folder, a glob, a saved corpus, or corpus:NAME.",
    ),
]
SpaceOrFile = Annotated[
    str, typer.Argument(metavar="SPACE", help="A saved space, or a file of word vectors (slower to open).")
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Where to save the result.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a semspace value that is already at --out.")]
TextColumn = Annotated[str | None, typer.Option("--text", help="Column that holds the text.")]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column that holds the ids.")]
DropEmpty = Annotated[bool, typer.Option("--drop-empty", help="Skip documents without text.")]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of text files (default: utf-8).")]
Separator = Annotated[
    str | None, typer.Option("--separator", help="Column separator of a csv: ';', tab … (default: detected).")
]
Header = Annotated[
    bool | None, typer.Option("--header/--no-header", help="Whether a csv has a header row (default: detected).")
]
Columns = Annotated[str | None, typer.Option("--columns", help="Column names of a csv without a header: id,text.")]
Documents = Annotated[
    str | None,
    typer.Option("--documents", help="What is one document in .txt files: lines, file or paragraphs."),
]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A folder, an installed model package, or a name on the Hugging Face hub.")
]
MaybeModel = Annotated[
    str | None, typer.Option("--model", "-m", help=f"The encoder of the texts (default: {DEFAULT_MODEL}).")
]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Threads = Annotated[int | None, typer.Option(help="Number of threads (default: all cores).")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Save progress here during training; deleted when --out is written.")
]
CheckpointMinutes = Annotated[float, typer.Option(help="Minutes between checkpoints.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint, if there is one.")]
K = Annotated[int, typer.Option("-k", help="Number of neighbours.")]
Metric = Annotated[str, typer.Option(help="cosine, dot or euclidean.")]
