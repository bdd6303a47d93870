"""Texts in other languages under an encoder that was trained on English."""

import warnings
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

import semspace as ss
from semspace.errors import SemspaceWarning
from semspace.sentences.encoder import Encoder
from semspace.sentences.english_only import is_english_only, warn_of_languages
from semspace.text.languages import language_name

ENGLISH = "The train was late, so we walked home along the river, number {}."
GERMAN = "Der Zug kam zu spät, also gingen wir am Fluss entlang nach Hause, Nummer {}."
SPANISH = "El tren llegó tarde, así que volvimos a casa andando por el río, número {}."


def texts(english, german=0, spanish=0):
    counts = {ENGLISH: english, GERMAN: german, SPANISH: spanish}
    return pl.Series([text.format(i) for text, n in counts.items() for i in range(n)], dtype=pl.String)


def warned(name, series):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_languages(name, series)
    return [str(one.message) for one in caught if issubclass(one.category, SemspaceWarning)]


@pytest.mark.parametrize(
    "name",
    [
        "all-MiniLM-L6-v2",
        "sentence-transformers/all-mpnet-base-v2",
        "models/all-MiniLM-L12-v2/",
        "C:\\models\\all-MiniLM-L12-v2",
        "BAAI/bge-small-en-v1.5",
        "intfloat/e5-base-v2",
        "thenlper/gte-small",
        "Alibaba-NLP/gte-base-en-v1.5",
        "minishlab/potion-base-8M",
        "paraphrase-MiniLM-L6-v2",
    ],
)
def test_models_of_english(name):
    assert is_english_only(name)


@pytest.mark.parametrize(
    "name",
    [
        "paraphrase-multilingual-MiniLM-L12-v2",
        "intfloat/multilingual-e5-small",
        "minishlab/potion-multilingual-128M",
        "BAAI/bge-m3",
        "BAAI/bge-small-zh-v1.5",
        "Alibaba-NLP/gte-multilingual-base",
        "Snowflake/snowflake-arctic-embed-l-v2.0",
        "word-average",
        "static",
        "my-own",
        "",
    ],
)
def test_nothing_is_said_of_models_that_are_not_known(name):
    assert not is_english_only(name)
    assert warned(name, texts(10, 40, 40)) == []


def test_the_warning_names_languages_shares_and_models():
    (said,) = warned("all-MiniLM-L6-v2", texts(70, 20, 10))
    assert said.startswith(
        "about 30% of the texts are in other languages than English (German 20%, Spanish 10%), and all-MiniLM-L6-v2 "
    )
    assert "'paraphrase-multilingual-MiniLM-L12-v2' or 'intfloat/multilingual-e5-small'" in said


@pytest.mark.parametrize(
    "series",
    [
        texts(100),
        texts(98, 2),  # may be mistakes
        texts(600, 3, 2),  # half a percent
        texts(5, 5, 5),  # few
        pl.Series(["Haus", "casa", "maison", "der Hund", "42", ""] * 20),  # words are in any language
        pl.Series([None] * 30, dtype=pl.String),
    ],
)
def test_what_is_no_reason_to_warn(series):
    assert warned("all-MiniLM-L6-v2", series.fill_null("")) == []


def test_a_corpus_all_in_another_language():
    (said,) = warned("all-MiniLM-L6-v2", texts(0, 30))
    assert said.startswith("about 100% of the texts are in other languages than English (German 100%)")


def test_more_languages_than_are_named():
    lines = {
        "fr": "Le train était en retard, alors nous sommes rentrés à pied le long de la rivière.",
        "nl": "De trein was te laat, dus liepen we langs de rivier naar huis.",
        "ja": "電車が遅れたので、川沿いを歩いて家に帰りました。",
        "ru": "Поезд опоздал, поэтому мы пошли домой вдоль реки.",
    }
    series = pl.concat([texts(40, 10, 9), pl.Series([f"{line} {i}" for line in lines.values() for i in range(5)])])
    (said,) = warned("all-MiniLM-L6-v2", series)
    assert "German 13%, Spanish 11%" in said
    assert "and 2 more)" in said


@dataclass
class Named(Encoder):
    """An encoder of a name, whose vectors are lengths."""

    name: str
    dim: int = 2
    max_tokens: int = 512
    fingerprint: str = "0" * 64

    def _encode_block(self, block, progress):
        raise AssertionError("nothing is encoded before the warning")


def test_embed_warns_before_it_encodes():
    corpus = ss.Corpus.from_texts(texts(20, 10).to_list())
    with pytest.warns(SemspaceWarning, match="German 33%"), pytest.raises(AssertionError):
        Named("all-MiniLM-L6-v2").embed(corpus, progress=False)


def test_names_of_languages():
    assert [language_name(code) for code in ("de", "xx")] == ["German", "xx"]
    assert np.all([language_name(code)[0].isupper() for code in ("ja", "zh", "no")])
