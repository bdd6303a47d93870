"""`distill`: any encoder → a `StaticEncoder` that agrees with it, and is far faster than any transformer."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from semspace import checks, queries
from semspace.errors import InputError, SemspaceWarning
from semspace.progress import track
from semspace.sentences.encoder import Encoder
from semspace.sentences.pooling import offsets_of
from semspace.sentences.sentence_sample import sentences_of
from semspace.sentences.static_encoder import StaticEncoder
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens
from semspace.types import Floats2d

_ROUNDS, _STEPS = 3, 20  # of scaling to length 1, and of conjugate gradients in each
_HELD_OUT = 20  # every 20th sentence isn't learnt from, to tell how well the others were
_RARE = 5  # a word that comes less often is left to its pieces
_SPECIAL = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK|unused\d+)\]|</?(s|unk|pad|mask)>")
Floats = npt.NDArray[np.float64]


def distill(
    encoder: Encoder,
    corpus: Corpus,
    *,
    dim: int = 256,
    words: int = 10_000,
    sentences: int = 20_000,
    a: float = 1e-3,
    prior: float = 1.0,
    seed: int = 0,
    progress: bool = True,
) -> StaticEncoder:
    """Make a static encoder that agrees with another encoder on the texts of a corpus.

    It starts as model2vec does (Tulkens & van Dongen 2024): the vector of each token is what the encoder makes of that
    token alone, by principal components, weighted by how seldom it comes (SIF, Arora et al. 2017; in the corpus, not
    by Zipf's law). Then the table is fitted: among all tables, the one whose vectors of real sentences come nearest to
    the encoder's own of them, without going far from the start (ridge regression, by conjugate gradients).

    Parameters
    ----------
    encoder : Encoder
        To be learnt from. Its tokenizer is used, if it has one; else one is made of the corpus's letters and words.
    corpus : Corpus
        Texts of the kind to be encoded later.
    dim : int
        Of the new vectors, at most that of the encoder.
    words : int
        How many whole words of the corpus, the most frequent first, to add to the tokenizer's vocabulary, if it is a
        WordPiece one. Those that come fewer than five times aren't added.
    sentences : int
        How many sentences to fit on, drawn from all of the corpus. Encoding them takes most of the time; 0 leaves the
        table as it starts.
    a : float
        SIF's parameter.
    prior : float
        How strongly each token is held to its start, in sentences that consist of it.
    seed : int
    progress : bool
        Show bars.

    Returns
    -------
    StaticEncoder
        ``facts["agreement"]`` tells the mean cosine with the encoder's own vectors (centred, in the same components)
        on sentences that weren't learnt from, before the fit and after it.

    Raises
    ------
    InputError
        If `dim` is larger than the encoder's, or the corpus has no sentence of three to sixty words.

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["the cat drinks milk", "the dog drinks water"] * 50)
    >>> encoder = ss.WordAverage(ss.Word2Vec(dim=8, epochs=2, threads=1).train(corpus))
    >>> fast = ss.distill(encoder, corpus, dim=4)
    >>> fast.encode(["the dog drinks milk"]).shape
    (1, 4)

    With a transformer, the score beside its own:

    >>> minilm = ss.Encoder.load("all-MiniLM-L6-v2")  # doctest: +SKIP
    >>> fast = ss.distill(minilm, ss.Corpus.read("news.jsonl"))  # doctest: +SKIP
    >>> fast.save("news.static")  # doctest: +SKIP
    >>> ss.evaluate(fast, "stsb-test.tsv")  # doctest: +SKIP
    """
    _check(encoder, corpus, dim)
    for name, value in (("words", words), ("sentences", sentences)):
        checks.whole(name, value, low=0)
    for name, weight in (("a", a), ("prior", prior)):
        checks.number(name, weight, open_low=True)
    checks.seed(seed)
    tokenizer = _tokenizer(encoder, corpus, words)
    counts = _counts(tokenizer, corpus, progress)
    drawn = sentences_of(corpus, sentences or min(2_000, 10 * dim), seed)
    with warnings.catch_warnings():  # of pieces that the encoder can't make anything of; they weigh little
        warnings.simplefilter("ignore", SemspaceWarning)
        alone = encoder.encode(_spelled(tokenizer), progress=progress)
    whole = encoder.encode(drawn, progress=progress)
    axes, middle = _components(whole, dim)
    shares = (counts + 0.5) / (counts + 0.5).sum()
    table = (alone - shares @ alone) @ axes * (a / (a + shares))[:, None]
    table[_special(tokenizer)] = 0
    facts: dict[str, Any] = {
        "made_by": "distill",
        "encoder": encoder.name,
        "encoder_fingerprint": encoder.fingerprint,
        "corpus": corpus.fingerprint,
        "settings": {"dim": dim, "words": words, "sentences": sentences, "a": a, "prior": prior, "seed": seed},
    }
    if sentences:
        table, facts["agreement"] = _fitted(
            table, _shares(tokenizer, drawn), queries.unit((whole - middle) @ axes, floor=queries.TINY), prior
        )
    return StaticEncoder(
        tokenizer.to_str(), table.astype(np.float32), name=f"static-{Path(encoder.name).name}", facts=facts
    )


def _check(encoder: Any, corpus: Any, dim: int) -> None:
    if not isinstance(encoder, Encoder):
        raise InputError(f"encoder must be an Encoder, from Encoder.load; got {type(encoder).__name__}")
    if not isinstance(corpus, Corpus):
        raise InputError(f"corpus must be a Corpus; got {type(corpus).__name__}: use Corpus.from_texts")
    checks.whole("dim", dim, high=encoder.dim)


# -- tokens ---------------------------------------------------------------------------------------------------


def _tokenizer(encoder: Encoder, corpus: Corpus, words: int) -> Any:
    """Give the encoder's own tokenizer, with words added if it is a WordPiece one; or one of letters and words."""
    tokenizers = checks.need("tokenizers", "encoders")
    folder = getattr(getattr(encoder, "layout", None), "folder", None)
    if folder is None:
        own = _of_letters(tokenizers, corpus)
    else:
        told = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        told.update(padding=None, truncation=None, post_processor=None)
        own = tokenizers.Tokenizer.from_str(json.dumps(told))
    return _with_words(own, corpus, words) if type(own.model).__name__ == "WordPiece" else own


def _of_letters(tokenizers: Any, corpus: Corpus) -> Any:
    """Make a tokenizer that knows single letters, at the beginning of a word and inside it."""
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    letters = sorted({letter for text in corpus.texts for letter in set(normalizer.normalize_str(text))} - {" "})
    pieces = ["[UNK]", *letters, *(f"##{letter}" for letter in letters)]
    numbers = {piece: number for number, piece in enumerate(pieces)}
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106
    made.normalizer, made.pre_tokenizer = normalizer, tokenizers.pre_tokenizers.BertPreTokenizer()
    return made


def _with_words(tokenizer: Any, corpus: Corpus, most: int) -> Any:
    """Add the most frequent words of the corpus that the tokenizer would cut into pieces."""
    told = json.loads(tokenizer.to_str())
    known = told["model"]["vocab"]
    free = max(tokenizer.get_vocab().values()) + 1
    added: dict[str, int] = {}
    counted = Tokens.from_corpus(corpus, min_count=1).vocabulary
    for word in counted.filter(counted["count"] >= _RARE)["word"]:
        if len(added) == most:
            break
        plain = tokenizer.normalizer.normalize_str(word) if tokenizer.normalizer else word
        if plain not in known and plain not in added and _is_one(tokenizer, plain):
            added[plain] = free + len(added)
    known.update(added)
    return type(tokenizer).from_str(json.dumps(told))


def _is_one(tokenizer: Any, word: str) -> bool:
    return len(tokenizer.pre_tokenizer.pre_tokenize_str(word)) == 1 if tokenizer.pre_tokenizer else True


def _names(tokenizer: Any) -> list[str]:
    """Give the tokens by number; "" for a number that none has."""
    numbers = tokenizer.get_vocab()
    names = [""] * (max(numbers.values()) + 1)
    for name, number in numbers.items():
        names[number] = name
    return names


def _spelled(tokenizer: Any) -> list[str]:
    """Give each token as a text of its own, without the marks that tell where in a word it stands."""
    names = _names(tokenizer)
    if type(tokenizer.model).__name__ == "WordPiece":
        return [name.removeprefix("##") or name or "." for name in names]
    read = tokenizer.decode_batch([[number] for number in range(len(names))], skip_special_tokens=False)
    return [text.strip() or name or "." for text, name in zip(read, names, strict=True)]


def _special(tokenizer: Any) -> npt.NDArray[np.bool_]:
    return np.array([bool(_SPECIAL.fullmatch(name)) for name in _names(tokenizer)])


class Bags(NamedTuple):
    """The tokens of some texts: flat numbers, and where each text starts."""

    ids: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]


def _bags(tokenizer: Any, texts: list[str]) -> Bags:
    found = [np.array(e.ids, np.int64) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    return Bags(np.concatenate(found), offsets_of([len(own) for own in found]))


def _counts(tokenizer: Any, corpus: Corpus, progress: bool) -> Floats:
    counts = np.zeros(len(_names(tokenizer)))
    parts = range(0, len(corpus), 1_000)
    for start in track(parts, "counting tokens", len(parts), unit="block", progress=progress):
        counts += np.bincount(
            _bags(tokenizer, corpus.texts[start : start + 1_000].to_list()).ids, minlength=len(counts)
        )
    return counts


def _shares(tokenizer: Any, texts: list[str]) -> Any:
    """Give the share that each token has in each text, sparse of shape (texts, tokens)."""
    from scipy import sparse

    bags = _bags(tokenizer, texts)
    sizes = np.diff(bags.offsets)
    shares = np.repeat(1 / np.maximum(sizes, 1), sizes).astype(np.float32)
    matrix = sparse.csr_matrix((shares, bags.ids, bags.offsets), shape=(len(texts), len(_names(tokenizer))))
    matrix.sum_duplicates()
    return matrix


# -- sentences ------------------------------------------------------------------------------------------------


def _components(vectors: Floats2d, dim: int) -> tuple[Floats, Floats]:
    """Give the first principal components, shape (in, dim), and the mean."""
    middle = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - middle
    axes: Floats = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dim]
    return axes, middle


# -- the fit --------------------------------------------------------------------------------------------------


def _fitted(start: Floats, shares: Any, targets: Floats, prior: float) -> tuple[Floats2d, dict[str, float]]:
    """Fit the table to sentences: minimise ``|S T - Y|² + prior |T - start M|²``, each row of S T scaled to length 1.

    First the linear map M is found that brings the start as near as it can, which also moves tokens that no sentence
    has. Scaling makes the problem a nonlinear one; it is solved as a few linear ones, each with the lengths that the
    solution before has.
    """
    from scipy import sparse

    own = np.arange(shares.shape[0]) % _HELD_OUT != 0
    table = _turned(start.astype(np.float32), shares[own], targets[own])
    used = np.unique(shares[own].indices)  # tokens in no sentence stay as they are
    held, learnt, targets = shares[~own], shares[own][:, used], targets.astype(np.float32)
    first, moved = table[used], np.zeros((len(used), table.shape[1]), np.float32)
    before = _agreement(held @ start.astype(np.float32), targets[~own])
    for _ in range(_ROUNDS):
        sizes = np.linalg.norm(learnt @ (first + moved), axis=1)
        scaled = (sparse.diags_array((1 / np.maximum(sizes, 1e-6)).astype(np.float32)) @ learnt).tocsr()
        moved = _ridge(scaled, targets[own] - scaled @ first, prior, moved)
    table[used] = first + moved
    return table, {"before": before, "after": _agreement(held @ table, targets[~own])}


def _turned(table: Floats2d, shares: Any, targets: Floats2d) -> Floats2d:
    """Give the table times the linear map that brings its vectors of sentences nearest to their targets."""
    given = queries.unit(shares @ table, floor=queries.TINY)
    turn = np.linalg.solve(given.T @ given + np.eye(given.shape[1]), given.T @ targets)
    return np.asarray(table @ turn, np.float32)


def _ridge(shares: Any, wanted: Floats2d, prior: float, guess: Floats2d) -> Floats2d:
    """Minimise ``|S X - W|² + prior |X|²`` for every column of X at once, by conjugate gradients (Jacobi's)."""
    back = shares.T.tocsr()
    size = 1 / (np.asarray(shares.multiply(shares).sum(axis=0)).ravel()[:, None] + prior)
    found = guess.copy()
    left = back @ wanted - back @ (shares @ found) - prior * found
    along = step = size * left
    power = (left * step).sum(axis=0)
    for _ in range(_STEPS):
        image = back @ (shares @ along) + prior * along
        far = power / np.maximum((along * image).sum(axis=0), 1e-30)
        found += far * along
        left -= far * image
        step = size * left
        power, old = (left * step).sum(axis=0), power
        along = step + power / np.maximum(old, 1e-30) * along
    return np.asarray(found)


def _agreement(ours: Floats2d, theirs: Floats2d) -> float:
    return (
        round(float((queries.unit(ours, floor=queries.TINY) * theirs).sum(axis=1).mean()), 4)
        if len(theirs)
        else float("nan")
    )
