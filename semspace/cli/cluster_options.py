"""Options of `semspace cluster`: which words may name groups, and what stands in the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from semspace.cli import inputs
from semspace.cli import options as o
from semspace.errors import InputError

_FILES = (".txt", ".text", ".csv", ".tsv", ".list", ".lst", ".json", ".jsonl")


@dataclass(frozen=True)
class TermChoice:
    """Which words and phrases may name groups."""

    stop_words: Annotated[
        list[str] | None,
        typer.Option(
            "--stop-words",
            help="Words and phrases that name no group: thanks,best regards; or a file with one a line. May be "
            "repeated.",
        ),
    ] = None
    language: Annotated[
        str, typer.Option("--language", help="Languages whose stop words name no group: english,german; or none.")
    ] = "english"
    ngrams: Annotated[
        str | None,
        typer.Option("--ngrams", help="Number of words of a name's terms: 1,2 (default: words and collocations)."),
    ] = None

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `semspace.cluster`; raise `InputError` if one is wrong."""
        from semspace.clusters.term_options import term_options

        languages = [] if self.language == "none" else [part.strip() for part in self.language.split(",")]
        words = [word for value in self.stop_words or () for word in _words(value)]
        chosen: dict[str, Any] = {
            "stop_words": words or None,
            "language": languages or None,
            "ngrams": None if self.ngrams is None else _pair(self.ngrams),
        }
        term_options(**chosen, vectorizer=None)
        return chosen


@dataclass(frozen=True)
class PageChoice:
    """What stands in the report."""

    title: o.Title = None
    times: Annotated[
        str | None, typer.Option("--times", help="Column of dates: adds the groups over time to the report.")
    ] = None
    period: Annotated[
        str | None,
        typer.Option("--period", help="With --times: hour, day, week, month … century (default: chosen)."),
    ] = None

    def check(self, report: Path | None) -> None:
        """Raise `InputError` where an option has no effect or a wrong value."""
        from semspace import checks
        from semspace.clusters.periods import PERIODS

        if report is None:
            inputs.refuse_with("a clustering without --report", title=self.title, times=self.times, period=self.period)
        if self.times is None:
            inputs.refuse_with("a report without --times", period=self.period)
        checks.choice("--period", self.period or "auto", PERIODS)

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `Clustering.to_html`."""
        return {"title": self.title, "times": self.times, "period": self.period or "auto"}


def _words(value: str) -> list[str]:
    """Return the words of a value of --stop-words: those of the file that it names, or the value's own."""
    if Path(value).is_file():
        return inputs.read_lines(value)
    words = [word.strip() for word in value.split(",") if word.strip()]
    for word in words:
        if "/" in word or "\\" in word or word.endswith(_FILES):  # no word of a text has these
            raise InputError(f"--stop-words: there is no file {word!r}; check the path, or give words: thanks,regards")
    return words


def _pair(value: str) -> tuple[int, int]:
    parts = value.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise InputError(f"--ngrams must be two whole numbers, the least and the most words: 1,2; got {value!r}")
    return int(parts[0]), int(parts[1])
