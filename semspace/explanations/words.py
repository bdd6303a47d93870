"""`explain_words`: which neighbours, and which contexts of a text, two words share."""

from __future__ import annotations

import polars as pl

from semspace import checks
from semspace.errors import InputError
from semspace.explanations.contexts import shared_contexts
from semspace.explanations.word_explanation import WordExplanation
from semspace.neighbors import Neighbors
from semspace.progress import waiting
from semspace.space import Space
from semspace.space_arguments import need_space
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens

_NEAREST = 200  # neighbours of each word among which shared ones are looked for


def explain_words(
    space: Space,
    a: str,
    b: str,
    *,
    text: Corpus | Tokens | None = None,
    k: int = 10,
    window: int = 5,
    progress: bool = True,
) -> WordExplanation:
    """Explain why two words are alike: the neighbours that they share, and the contexts.

    Parameters
    ----------
    space : Space
        Of words.
    a, b : str
        Two words of the space.
    text : Corpus or Tokens, optional
        What the words were trained on, or any other text. A `Corpus` is split into words by the tokenizer ``"fast"``,
        and gives whole sentences; `Tokens` give the words around.
    k : int
        Number of neighbours and contexts, at most.
    window : int
        How many words before and after a word are its context.
    progress : bool
        Show the time that has passed if it takes more than two seconds.

    Returns
    -------
    WordExplanation

    Raises
    ------
    UnknownIdError
        If a word isn't in the space, or not in the text.
    InputError
        If both words are the same.

    Examples
    --------
    >>> import semspace as ss
    >>> space = ss.Space.from_vectors(["tea", "coffee", "cup", "car"], [[3, 1], [3, 2], [3, 3], [-1, 3]])
    >>> text = ss.Corpus.from_texts(["A cup of tea, please.", "One more cup of coffee?", "The car is red."])
    >>> ss.explain_words(space, "tea", "coffee", text=text, k=2)
    'tea' and 'coffee': cosine 0.965
    shared neighbours
    word  score_a  score_b  rank_a  rank_b
    cup     0.894    0.981       2       1
    car     0.000    0.263       3       3
    shared contexts. They stand near each other 0 times.
    word  strength  count_a  count_b  sentence_a             sentence_b
    cup      0.990        1        1  A cup of tea, please.  One more cup of coffee?
    of       0.990        1        1  A cup of tea, please.  One more cup of coffee?
    """
    need_space("explain_words", space)
    if text is not None and not isinstance(text, (Corpus, Tokens)):
        raise InputError(f"text must be a Corpus or Tokens; got {type(text).__name__}: use Corpus.from_texts(texts)")
    checks.whole("k", k)
    checks.whole("window", window)
    names = checks.strings("a and b", [a, b])
    space[names]  # raises for an unknown word
    if a == b:
        raise InputError(f"a and b are the same word, {a!r}; give two different words")
    similarity, neighbors = space.similarity(a, b), _shared_neighbors(space, a, b, k)
    if text is None:
        return WordExplanation(a, b, similarity, neighbors)
    with waiting("finding contexts", progress=progress):
        contexts, together = shared_contexts(text, a, b, k, window)
    return WordExplanation(a, b, similarity, neighbors, contexts, together)


def _shared_neighbors(space: Space, a: str, b: str, k: int) -> pl.DataFrame:
    """Return the words that are near both, the one with the largest smaller cosine first."""
    first, second = (_ranked(space.most_similar(word, _NEAREST), side) for word, side in ((a, "a"), (b, "b")))
    shared = first.join(second, on="word", how="inner").filter(~pl.col("word").is_in([a, b]))
    least = pl.min_horizontal("score_a", "score_b")
    ordered = shared.sort(least, "word", descending=[True, False])
    return ordered.select("word", "score_a", "score_b", "rank_a", "rank_b").head(k)


def _ranked(neighbors: Neighbors, side: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "word": list(neighbors.ids),
            f"score_{side}": neighbors.scores.astype(float),
            f"rank_{side}": range(1, len(neighbors) + 1),
        },
        schema={"word": pl.String, f"score_{side}": pl.Float64, f"rank_{side}": pl.Int64},
    )
