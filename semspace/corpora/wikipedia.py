"""Plain text of the articles in a Wikipedia dump."""

import bz2
from pathlib import Path

import polars as pl

from semspace import checks


def read_dump(path: Path) -> pl.DataFrame:
    """Read the articles of a MediaWiki XML dump (.bz2), without markup and redirects: ``id``, ``title``, ``text``."""
    checks.need("gensim", "gensim")
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    with bz2.open(path) as file:
        rows = [
            (str(page), title, text)
            for title, markup, page in extract_pages(file, filter_namespaces=("0",))
            if not markup.lstrip().upper().startswith("#REDIRECT") and (text := filter_wiki(markup)).strip()
        ]
    return pl.DataFrame(rows, schema={"id": pl.String, "title": pl.String, "text": pl.String}, orient="row")
