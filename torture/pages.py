"""Pages and tables of each kind, which are written over."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import semspace as ss
from torture.texts import corpus_of
from torture.writers import Diary, Writer, encoder, space_of

_TITLES = ("first", "second")
_QUESTIONS = ("the harbour of the ship", "a judge and a witness")


class PageWriter(Writer):
    """One kind of page, again and again by the other's content; of its files, each is whole.

    Parameters
    ----------
    make : callable
        Returns the value number 0 or 1, which is saved, or None.
    page : callable
        Writes its page into a folder, with a title.
    """

    name: ClassVar[str]

    def __init__(self, name: str, make: Callable[[int], Any], page: Callable[[Any, Path, str], None]) -> None:
        self.name, self._make, self._page = name, make, page  # type: ignore[misc]

    def prepare(self, folder: Path) -> None:
        for number in range(2):
            value = self._make(number)
            if hasattr(value, "save"):
                value.save(folder / f"value{number}")
            self._written(folder, number, f"expected{number}")
        self._written(folder, 0, "pages")

    def write(self, folder: Path, diary: Diary) -> None:
        for number in (1, 0):
            self._written(folder, number, "pages")
            diary.say(done=number)

    def check(self, folder: Path, diary: Diary) -> None:
        expected = [_files(folder / f"expected{number}") for number in range(2)]
        found, done = _files(folder / "pages"), [line["done"] for line in diary.lines()]
        left = [name.split(".new-")[0] for name in found if ".new-" in name]  # tables are written together
        assert len(left) == len(set(left)), f"what was being written is left more than once: {left}"
        found = {name: content for name, content in found.items() if ".new-" not in name}
        assert found.keys() == expected[0].keys(), f"files: {sorted(found)}"
        for name, content in found.items():
            assert content in (expected[0][name], expected[1][name]), f"{name} is neither of the two"
        if done == [1, 0]:
            assert found == expected[0], "what was done isn't there"
        self._written(folder, 0, "pages")
        assert _files(folder / "pages") == expected[0], "what was left isn't deleted"

    def _written(self, folder: Path, number: int, name: str) -> None:
        saved = folder / f"value{number}"
        (folder / name).mkdir(exist_ok=True)
        self._page(ss.load(saved) if saved.exists() else self._make(number), folder / name, _TITLES[number])


def _files(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def groups_of(number: int) -> ss.Clustering:
    """Return the groups of 400 texts."""
    return ss.cluster(space_of(number), corpus_of(400, seed=number), n_clusters=4)


def comparison_of(number: int) -> ss.Comparison:
    """Return two corpora compared."""
    spaces = space_of(number), space_of(number + 10)
    return ss.compare(*spaces, names=("a", "b"), permutations=99, resamples=99)


def _compared(value: ss.Comparison, folder: Path, title: str) -> None:
    value.to_html(folder / "page.html", title=title, date="", progress=False)
    value.to_markdown(folder / "page.md", title=title, date="")
    value.to_csv(folder)


def _clustered(value: ss.Clustering, folder: Path, title: str) -> None:
    value.to_html(folder / "page.html", title=title, date="", progress=False)
    value.to_markdown(folder / "page.md", title=title, date="")


def _outlying(value: Any, folder: Path, title: str) -> None:
    value.to_html(folder / "page.html", title=title, date="", progress=False)
    value.to_markdown(folder / "page.md", title=title, date="")


def _mapped(value: ss.Projection, folder: Path, title: str) -> None:
    value.to_html(folder / "map.html", title=title, progress=False)
    value.plot().save(folder / "map.svg")


def _explained(value: Any, folder: Path, title: str) -> None:
    value.to_html(folder / "page.html", title=title)


def page_writers() -> Iterator[Writer]:
    """Yield a writer of each kind of page."""
    yield PageWriter("page: clustering", groups_of, _clustered)
    yield PageWriter("page: comparison", comparison_of, _compared)
    yield PageWriter("page: outliers", lambda number: ss.outliers(space_of(number)), _outlying)
    yield PageWriter("page: map", lambda number: ss.project(space_of(number)), _mapped)
    yield PageWriter(
        "page: explanation", lambda number: ss.explain(encoder(), *_QUESTIONS[:: 1 - 2 * number]), _explained
    )
