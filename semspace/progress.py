"""Progress bars for work that takes more than two seconds, shown to people and not to log files."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Bar(Protocol):
    """The methods of a progress bar that long work calls."""

    def update(self, n: float = 1) -> object:
        """Advance by `n` units."""

    def set_postfix_str(self, s: str, refresh: bool = True) -> object:
        """Set the text after the bar, shown at once or when the bar next moves."""


def _visible(progress: bool) -> bool:
    """Check whether a person is looking: a terminal or a notebook, not a pipe."""
    return progress and (sys.stderr.isatty() or "ipykernel" in sys.modules)


@contextmanager
def bar(what: str, total: int, *, unit: str, progress: bool = True) -> Iterator[Bar]:
    """Show a progress bar for `what`, with rate and time left, once it has taken two seconds."""
    from tqdm import tqdm

    with tqdm(
        total=total, desc=what, unit=unit, unit_scale=True, delay=2, leave=False, disable=not _visible(progress)
    ) as shown:
        yield shown


def track(items: Iterable[T], what: str, total: int, *, unit: str, progress: bool = True) -> Iterator[T]:
    """Iterate over `items`, with a progress bar."""
    with bar(what, total, unit=unit, progress=progress) as shown:
        for item in items:
            yield item
            shown.update(1)
