"""`HtmlPage`: what explanations share that are written as one HTML file."""

from __future__ import annotations

from abc import ABC, abstractmethod

from semspace import checks
from semspace.files import PathLike, write_text
from semspace.report.page import Page, to_html


class HtmlPage(ABC):
    """A value that has a page of its own."""

    @abstractmethod
    def _page(self, title: str | None) -> Page:
        """Return the page, with a title of its own where none is given."""

    def to_html(self, path: PathLike, *, title: str | None = None) -> None:
        """Write the explanation as one HTML file: its tables, and its figures where it has some.

        Parameters
        ----------
        path : str or path
            A file ``.html``.
        title : str, optional
            The title of the page.
        """
        checks.ending("path", path, ".html")
        write_text(path, to_html(self._page(title)))
