"""Pages made of prose, tables and figures, written as one offline HTML file, Markdown or JSON.

Knows nothing of how results were made; a room that has results composes its own page of these blocks.
"""

from semspace.report.figures import Figure, bars, lines, scatter
from semspace.report.page import Page, Prose, Section, Table, to_html, to_json, to_markdown
from semspace.report.tree import tree

__all__ = [
    "Figure",
    "Page",
    "Prose",
    "Section",
    "Table",
    "bars",
    "lines",
    "scatter",
    "to_html",
    "to_json",
    "to_markdown",
    "tree",
]
