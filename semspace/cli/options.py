"""Arguments and options that several commands share: the same option has the same name and help everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_MODEL = "all-MiniLM-L6-v2"

Input = Annotated[
    str,
    typer.Argument(
        metavar="INPUT",
        help="A csv, tsv, jsonl, json, parquet or txt file (also .gz), a folder, a glob, a saved corpus, corpus:NAME, "
        "or - for standard input.",
    ),
]
SpaceOrInput = Annotated[
    str,
    typer.Argument(metavar="SPACE_OR_INPUT", help="A saved space, or texts like INPUT, which are encoded first."),
]
SpaceOrFile = Annotated[
    str, typer.Argument(metavar="SPACE", help="A saved space, or a file of word vectors (slower to open).")
]
SavedIndex = Annotated[str, typer.Argument(metavar="INDEX", help="A saved index.")]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to save the result in.")]
MaybeOut = Annotated[Path | None, typer.Option("--out", "-o", help="Folder to save the result in.")]
VectorsOut = Annotated[
    Path,
    typer.Option("--out", "-o", help="Folder to save the space in; - prints the vectors, one JSON object a line."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print JSON: one object a line where there are several.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what semspace has written there before.")]
Queries = Annotated[
    str | None,
    typer.Option("--queries", metavar="INPUT", help="Many queries: a file of texts, like INPUT of other commands."),
]
TextColumn = Annotated[str | None, typer.Option("--text", help="Column that holds the text.")]
IdColumn = Annotated[str | None, typer.Option("--id", help="Column that holds the ids.")]
Empty = Annotated[
    str | None, typer.Option("--empty", help="Documents without text: raise (an error, the default) or drop.")
]
Encoding = Annotated[str | None, typer.Option("--encoding", help="Encoding of text files (default: utf-8).")]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Format of standard input: csv, jsonl, txt … (default: detected)."),
]
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
Where = Annotated[
    str | None, typer.Option("--where", help='Only documents that match a condition, such as "year >= 2001".')
]
Model = Annotated[
    str, typer.Option("--model", "-m", help="A folder, an installed model package, or a name on the Hugging Face hub.")
]
MaybeModel = Annotated[
    str | None, typer.Option("--model", "-m", help=f"The encoder of the texts (default: {DEFAULT_MODEL}).")
]
Title = Annotated[str | None, typer.Option("--title", help="Title of the report.")]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Threads = Annotated[int | None, typer.Option(help="Number of threads (default: all cores).")]
Checkpoint = Annotated[
    Path | None, typer.Option(help="Save progress here during training; deleted when --out is written.")
]
CheckpointMinutes = Annotated[float, typer.Option(help="Minutes between checkpoints.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue from the checkpoint, if there is one.")]
K = Annotated[int, typer.Option("-k", help="Number of neighbours.")]
Restrict = Annotated[
    int | None, typer.Option(help="Only the first so many points may be answers: of words, the most frequent.", min=1)
]
SpaceMetric = Annotated[
    str, typer.Option(help="cosine, dot, euclidean, or csls (fewer hubs; slower, as all points are compared first).")
]
Metric = Annotated[str, typer.Option(help="cosine, dot or euclidean.")]
