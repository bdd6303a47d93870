"""Reports made of prose, tables and figures, written as one offline HTML file, Markdown or JSON.

Other packages compose their pages from these blocks.
"""

from semspace.display import to_json
from semspace.report.bars import bars
from semspace.report.dendrogram import dendrogram
from semspace.report.figure import Figure
from semspace.report.heatmap import heatmap
from semspace.report.lines import lines
from semspace.report.number_line import number_line
from semspace.report.page import Listing, Number, Page, Prose, Section, Table, to_html, to_markdown
from semspace.report.ridgeline import ridgeline
from semspace.report.scatter import scatter
from semspace.report.small_multiples import Series, small_multiples
from semspace.report.stacked_bars import stacked_bars
from semspace.report.word_scatter import word_scatter

__all__ = [
    "Figure",
    "Listing",
    "Number",
    "Page",
    "Prose",
    "Section",
    "Series",
    "Table",
    "bars",
    "dendrogram",
    "heatmap",
    "lines",
    "number_line",
    "ridgeline",
    "scatter",
    "small_multiples",
    "stacked_bars",
    "to_html",
    "to_json",
    "to_markdown",
    "word_scatter",
]
