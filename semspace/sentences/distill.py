"""`distill`: any encoder → a `StaticEncoder` that approximates it and is much faster than a transformer."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError, SemspaceWarning
from semspace.progress import track
from semspace.sentences.encoder import Encoder
from semspace.sentences.pooling import offsets_of
from semspace.sentences.sentence_sample import sample_sentences
from semspace.sentences.static_encoder import StaticEncoder
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens
from semspace.threads import limited
from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats2d, Ints1d

_SCALING_ROUNDS = 3  # rounds in which the sentence vectors are scaled to length 1 and the table is fitted
_GRADIENT_STEPS = 20  # steps of conjugate gradients in each round
_HELD_OUT_EVERY = 20  # every 20th sentence is held out from the fit, to measure the agreement
_MIN_WORD_COUNT = 5  # rarer words aren't added to the vocabulary
_SPECIAL = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK|unused\d+)\]|</?(s|unk|pad|mask)>")


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
    threads: int | None = None,
    progress: bool = True,
) -> StaticEncoder:
    """Distil an encoder into a static encoder that agrees with it on the texts of a corpus.

    The table starts as in model2vec (Tulkens & van Dongen 2024): the vector of each token is the encoder's vector of
    that token alone, reduced to principal components and weighted by the token's frequency (SIF, Arora et al. 2017;
    with frequencies from the corpus instead of Zipf's law). Then the table is fitted to real sentences by ridge
    regression with conjugate gradients: the vectors of sentences approach the encoder's, while tokens stay near their
    start.

    Parameters
    ----------
    encoder : Encoder
        The teacher. Its tokenizer is used, if it has one; otherwise a tokenizer of characters and words is built from
        the corpus.
    corpus : Corpus
        Texts of the kind to be encoded later.
    dim : int
        Number of dimensions, at most that of the encoder.
    words : int
        Number of whole words of the corpus, the most frequent first, that are added to the vocabulary of a WordPiece
        tokenizer. Words that occur fewer than five times aren't added.
    sentences : int
        Number of random sentences of the corpus for the fit. Encoding them takes most of the time; with 0, the table
        isn't fitted.
    a : float
        The parameter of SIF.
    prior : float
        Strength of the regularisation: the weight of a token's start, as a number of sentences of that token alone.
    seed : int
    threads : int, optional
        Maximum number of threads; by default all that the process may use.
    progress : bool
        Show bars if it takes more than two seconds.

    Returns
    -------
    StaticEncoder
        ``facts["agreement"]`` is the mean cosine to the encoder's vectors (centred, in the same components) on held-out
        sentences, before and after the fit.

    Raises
    ------
    InputError
        If `dim` is larger than the encoder's, or the corpus has no sentence of three to sixty words.

    Examples
    --------
    >>> import semspace as ss
    >>> corpus = ss.Corpus.from_texts(["the cat drinks milk", "the dog drinks water"] * 50)
    >>> encoder = ss.WordAverage(ss.Word2Vec(dim=8, epochs=2, sample=0, threads=1).train(corpus))
    >>> fast = ss.distill(encoder, corpus, dim=4)
    >>> fast.encode(["the dog drinks milk"]).shape
    (1, 4)

    With a transformer, evaluated on the STS Benchmark:

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
    settings = {"dim": dim, "words": words, "sentences": sentences, "a": a, "prior": prior, "seed": seed}
    with limited(threads):
        return _distill(encoder, corpus, settings, progress=progress)


def _distill(encoder: Encoder, corpus: Corpus, settings: dict[str, Any], *, progress: bool) -> StaticEncoder:
    dim, sentences, a = settings["dim"], settings["sentences"], settings["a"]
    tokenizer = _tokenizer(encoder, corpus, settings["words"])
    counts = _counts(tokenizer, corpus, progress)
    sample = sample_sentences(corpus, sentences or min(2_000, 10 * dim), settings["seed"])
    with warnings.catch_warnings():  # of tokens that the encoder doesn't know; they have little weight
        warnings.simplefilter("ignore", SemspaceWarning)
        token_vectors = encoder.encode(_token_texts(tokenizer), progress=progress)
    sentence_vectors = encoder.encode(sample, progress=progress)
    axes, center = _components(sentence_vectors, dim)
    frequencies = (counts + 0.5) / (counts + 0.5).sum()
    table = (token_vectors - frequencies @ token_vectors) @ axes * (a / (a + frequencies))[:, None]
    table[_is_special(tokenizer)] = 0
    facts: dict[str, Any] = {
        "made_by": "distill",
        "encoder": encoder.name,
        "encoder_fingerprint": encoder.fingerprint,
        "corpus": corpus.fingerprint,
        "settings": settings,
    }
    if sentences:
        targets = queries.unit((sentence_vectors - center) @ axes, floor=queries.TINY)
        table, facts["agreement"] = _fitted(table, _token_shares(tokenizer, sample), targets, settings["prior"])
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
    """Return the encoder's tokenizer, or one of characters; words are added if it is a WordPiece tokenizer."""
    tokenizers = checks.need("tokenizers", "encoders")
    folder = getattr(getattr(encoder, "config", None), "folder", None)
    if folder is None:
        tokenizer = _character_tokenizer(tokenizers, corpus)
    else:
        content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        content.update(padding=None, truncation=None, post_processor=None)
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(content))
    return _with_words(tokenizer, corpus, words) if type(tokenizer.model).__name__ == "WordPiece" else tokenizer


def _character_tokenizer(tokenizers: Any, corpus: Corpus) -> Any:
    """Create a WordPiece tokenizer whose tokens are single characters, at the beginning of a word and inside it."""
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    characters = sorted({c for text in corpus.texts for c in set(normalizer.normalize_str(text))} - {" "})
    tokens = ["[UNK]", *characters, *(f"##{character}" for character in characters)]
    numbers = {token: number for number, token in enumerate(tokens)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(numbers, unk_token="[UNK]"))  # noqa: S106
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer


def _with_words(tokenizer: Any, corpus: Corpus, n_words: int) -> Any:
    """Add the most frequent words of the corpus that the tokenizer would split into several tokens."""
    content = json.loads(tokenizer.to_str())
    known = content["model"]["vocab"]
    first_number = max(tokenizer.get_vocab().values()) + 1
    added: dict[str, int] = {}
    vocabulary = Tokens.from_corpus(corpus, min_count=1).vocabulary
    for word in vocabulary.filter(vocabulary["count"] >= _MIN_WORD_COUNT)["word"]:
        if len(added) == n_words:
            break
        normalized = tokenizer.normalizer.normalize_str(word) if tokenizer.normalizer else word
        if normalized not in known and normalized not in added and _is_one_word(tokenizer, normalized):
            added[normalized] = first_number + len(added)
    known.update(added)
    return type(tokenizer).from_str(json.dumps(content))


def _is_one_word(tokenizer: Any, word: str) -> bool:
    return len(tokenizer.pre_tokenizer.pre_tokenize_str(word)) == 1 if tokenizer.pre_tokenizer else True


def _token_names(tokenizer: Any) -> list[str]:
    """Return the tokens in the order of their numbers; "" for a number without a token."""
    numbers = tokenizer.get_vocab()
    names = [""] * (max(numbers.values()) + 1)
    for name, number in numbers.items():
        names[number] = name
    return names


def _token_texts(tokenizer: Any) -> list[str]:
    """Return each token as a text, without marks such as ``##``."""
    names = _token_names(tokenizer)
    if type(tokenizer.model).__name__ == "WordPiece":
        return [name.removeprefix("##") or name or "." for name in names]
    texts = tokenizer.decode_batch([[number] for number in range(len(names))], skip_special_tokens=False)
    return [text.strip() or name or "." for text, name in zip(texts, names, strict=True)]


def _is_special(tokenizer: Any) -> Bools1d:
    return np.array([bool(_SPECIAL.fullmatch(name)) for name in _token_names(tokenizer)])


class FlatTokens(NamedTuple):
    """The tokens of several texts in one array: those of text i are ``ids[offsets[i]:offsets[i + 1]]``."""

    ids: Ints1d
    offsets: Ints1d


def _tokenize(tokenizer: Any, texts: list[str]) -> FlatTokens:
    rows = [np.array(e.ids, np.int64) for e in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    return FlatTokens(np.concatenate(rows), offsets_of([len(row) for row in rows]))


def _counts(tokenizer: Any, corpus: Corpus, progress: bool) -> Doubles1d:
    counts = np.zeros(len(_token_names(tokenizer)))
    parts = range(0, len(corpus), 1_000)
    for start in track(parts, "counting tokens", len(parts), unit="block", progress=progress):
        counts += np.bincount(
            _tokenize(tokenizer, corpus.texts[start : start + 1_000].to_list()).ids, minlength=len(counts)
        )
    return counts


def _token_shares(tokenizer: Any, texts: list[str]) -> Any:
    """Return the share of each token in each text, a sparse matrix of shape (texts, tokens)."""
    from scipy import sparse

    tokens = _tokenize(tokenizer, texts)
    lengths = np.diff(tokens.offsets)
    shares = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
    matrix = sparse.csr_matrix((shares, tokens.ids, tokens.offsets), shape=(len(texts), len(_token_names(tokenizer))))
    matrix.sum_duplicates()
    return matrix


# -- sentences ------------------------------------------------------------------------------------------------


def _components(vectors: Floats2d, dim: int) -> tuple[Doubles2d, Doubles1d]:
    """Return the first principal components, of shape (in, dim), and the mean."""
    center = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - center
    axes: Doubles2d = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :dim]
    return axes, center


# -- the fit --------------------------------------------------------------------------------------------------


def _fitted(start: Doubles2d, shares: Any, targets: Doubles2d, prior: float) -> tuple[Floats2d, dict[str, float]]:
    """Fit the table to sentences: minimise ``|S T - Y|² + prior |T - start M|²``, each row of S T scaled to length 1.

    First comes the linear map M that brings the start nearest to the targets; it also moves tokens that occur in no
    sentence. Scaling makes the problem nonlinear; it is solved as a sequence of linear problems, each with the lengths
    of the previous solution.
    """
    from scipy import sparse

    is_train = np.arange(shares.shape[0]) % _HELD_OUT_EVERY != 0
    table = _mapped(start.astype(np.float32), shares[is_train], targets[is_train])
    used = np.unique(shares[is_train].indices)  # tokens in no sentence stay as they are
    test_shares, train_shares, targets = shares[~is_train], shares[is_train][:, used], targets.astype(np.float32)
    first, change = table[used], np.zeros((len(used), table.shape[1]), np.float32)
    before = _agreement(test_shares @ start.astype(np.float32), targets[~is_train])
    for _ in range(_SCALING_ROUNDS):
        norms = np.linalg.norm(train_shares @ (first + change), axis=1)
        scaled = (sparse.diags_array((1 / np.maximum(norms, 1e-6)).astype(np.float32)) @ train_shares).tocsr()
        change = _ridge(scaled, targets[is_train] - scaled @ first, prior, change)
    table[used] = first + change
    return table, {"before": before, "after": _agreement(test_shares @ table, targets[~is_train])}


def _mapped(table: Floats2d, shares: Any, targets: Floats2d) -> Floats2d:
    """Return the table times the linear map that brings its vectors of sentences nearest to their targets."""
    vectors = queries.unit(shares @ table, floor=queries.TINY)
    linear_map = np.linalg.solve(vectors.T @ vectors + np.eye(vectors.shape[1]), vectors.T @ targets)
    return np.asarray(table @ linear_map, np.float32)


def _ridge(shares: Any, targets: Floats2d, prior: float, start: Floats2d) -> Floats2d:
    """Minimise ``|S X - W|² + prior |X|²`` for all columns of X, by conjugate gradients (Jacobi preconditioning)."""
    transposed = shares.T.tocsr()
    preconditioner = 1 / (np.asarray(shares.multiply(shares).sum(axis=0)).ravel()[:, None] + prior)
    solution = start.copy()
    residual = transposed @ targets - transposed @ (shares @ solution) - prior * solution
    direction = scaled = preconditioner * residual
    power = (residual * scaled).sum(axis=0)
    for _ in range(_GRADIENT_STEPS):
        image = transposed @ (shares @ direction) + prior * direction
        step = power / np.maximum((direction * image).sum(axis=0), 1e-30)
        solution += step * direction
        residual -= step * image
        scaled = preconditioner * residual
        power, previous = (residual * scaled).sum(axis=0), power
        direction = scaled + power / np.maximum(previous, 1e-30) * direction
    return np.asarray(solution)


def _agreement(ours: Floats2d, theirs: Floats2d) -> float:
    cosines = (queries.unit(ours, floor=queries.TINY) * theirs).sum(axis=1)
    return round(float(cosines.mean()), 4) if len(cosines) else float("nan")
