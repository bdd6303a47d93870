"""Pages made of prose, tables and figures, written as one offline HTML file, Markdown or JSON.

Knows nothing of how results were made; a room that has results composes its own page of these blocks.
"""

from semspace.report.figures import Figure, bars, lines, scatter
from semspace.report.heatmap import heatmap
from semspace.report.page import Number, Page, Prose, Section, Table, to_html, to_json, to_markdown
from semspace.report.ridges import ridges
from semspace.report.ruler import ruler
from semspace.report.stacked import stacked
from semspace.report.tree import tree
from semspace.report.words import words

__all__ = [
    "Figure",
    "Number",
    "Page",
    "Prose",
    "Section",
    "Table",
    "bars",
    "heatmap",
    "lines",
    "ridges",
    "ruler",
    "scatter",
    "stacked",
    "to_html",
    "to_json",
    "to_markdown",
    "tree",
    "words",
]
