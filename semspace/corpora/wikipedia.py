"""Plain text of the articles in a Wikipedia dump."""

from __future__ import annotations

import bz2
import json
from pathlib import Path

import polars as pl

from semspace import checks
from semspace.remembered import recall, remember, remembered_digest
from semspace.version import versions

Article = tuple[str, str, str]  # id, title, text


def read_dump(path: Path) -> pl.DataFrame:
    """Read the articles of a MediaWiki XML dump (.bz2), without markup and redirects: ``id``, ``title``, ``text``.

    Removing the markup takes seconds, so the articles are remembered in the user's cache folder.
    """
    checks.need("gensim", "gensim")
    name = f"articles-{remembered_digest(path)[:32]}-gensim-{versions('gensim').get('gensim', '')}.json"
    articles = _recalled(name)
    if not articles:
        articles = _without_markup(path)
        remember(name, json.dumps(articles))
    return pl.DataFrame(articles, schema={"id": pl.String, "title": pl.String, "text": pl.String}, orient="row")


def _without_markup(path: Path) -> list[Article]:
    from gensim.corpora.wikicorpus import extract_pages, filter_wiki

    with bz2.open(path) as file:
        return [
            (str(page), title, text)
            for title, markup, page in extract_pages(file, filter_namespaces=("0",))
            if not markup.lstrip().upper().startswith("#REDIRECT") and (text := filter_wiki(markup)).strip()
        ]


def _recalled(name: str) -> list[Article]:
    """Return the articles that are remembered; none if there are none, or if anything else is there."""
    try:
        articles = [(id, title, text) for id, title, text in json.loads(recall(name) or "[]")]
    except (ValueError, TypeError, RecursionError):
        return []
    return articles if all(isinstance(value, str) for article in articles for value in article) else []
