"""`distill`: any encoder → a `StaticEncoder` that approximates it and is much faster than a transformer."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from semspace import checks, queries
from semspace.errors import InputError, SemspaceWarning
from semspace.progress import track
from semspace.sentences.compiled_wordpiece import CompiledWordPiece, FlatTokens, tokens_of_library
from semspace.sentences.encoder import Encoder
from semspace.sentences.pooling import UNLIMITED
from semspace.sentences.sentence_sample import draw_sentences, sample_sentences
from semspace.sentences.static_encoder import StaticEncoder
from semspace.sentences.table_fit import fit_table
from semspace.text.corpus import Corpus
from semspace.text.tokens import Tokens
from semspace.threads import limited
from semspace.types import Bools1d, Doubles1d, Doubles2d, Floats2d

_MIN_WORD_COUNT = 5  # rarer words aren't added to the vocabulary
_SHORT = 20  # words: shorter sentences cost less, and say more of each of their words
_LEAST_VARIANCE = 1e-4  # of a component, as a share of the first one's: what is below is noise
_SPECIAL = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK|unused\d+)\]|</?(s|unk|pad|mask)>")


def distill(
    encoder: Encoder,
    corpus: Corpus,
    *,
    dim: int = 256,
    words: int = 20_000,
    sentences: int = 50_000,
    a: float = 1e-3,
    prior: float = 0.5,
    whitening: float = 0.5,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = True,
) -> StaticEncoder:
    """Distil an encoder into a static encoder that agrees with it on the texts of a corpus.

    The table starts as in model2vec (Tulkens & van Dongen 2024): the vector of each token is the encoder's vector of
    that token alone, reduced to principal components and weighted by the token's frequency (SIF, Arora et al. 2017;
    with frequencies from the corpus instead of Zipf's law). Frequent words of the corpus that its tokenizer would cut
    into pieces become tokens of their own. Then the table is fitted to real sentences by ridge regression with
    conjugate gradients: the vectors of sentences approach the encoder's, while tokens stay near their start.

    The first dimensions hold the most variance, so that vectors can be shortened (as with Matryoshka training):
    ``encode(texts, truncate_dim=128)``.

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
        Number of random sentences of the corpus for the fit, those of 3 to 20 words first. Encoding them takes most of
        the time, and the result improves with their number; with 0, the table isn't fitted.
    a : float
        The parameter of SIF.
    prior : float
        Strength of the regularisation: the weight of a token's start, as a number of sentences of that token alone.
    whitening : float
        How far the variances of the components are made equal, from 0 (not at all) to 1. Search gains from it (it
        brings out what sets texts apart), and judgements of similarity hardly lose.
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
    checks.number("whitening", whitening, low=0, high=1)
    checks.seed(seed)
    settings = {
        "dim": dim,
        "words": words,
        "sentences": sentences,
        "a": a,
        "prior": prior,
        "whitening": whitening,
        "seed": seed,
    }
    with limited(threads):
        return _distill(encoder, corpus, settings, progress=progress)


def _distill(encoder: Encoder, corpus: Corpus, settings: dict[str, Any], *, progress: bool) -> StaticEncoder:
    dim, sentences, a = settings["dim"], settings["sentences"], settings["a"]
    tokenizer = _tokenizer(encoder, corpus, settings["words"])
    counts = _counts(tokenizer, corpus, progress)
    sample = _sample(corpus, sentences or min(2_000, 10 * dim), settings["seed"])
    with warnings.catch_warnings():  # of tokens that the encoder doesn't know; they have little weight
        warnings.simplefilter("ignore", SemspaceWarning)
        token_vectors = encoder.encode(_token_texts(tokenizer), progress=progress)
    sentence_vectors = encoder.encode(sample, progress=progress)
    axes, center = _components(sentence_vectors, dim, settings["whitening"])
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
        shares = _token_shares(tokenizer, sample)
        table, facts["agreement"] = fit_table(table, shares, targets, settings["prior"], progress=progress)
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


def _tokenize(tokenizer: Any) -> Callable[[list[str]], FlatTokens]:
    """Return the function that tokenizes texts: the compiled one, where the tokenizer has one."""
    compiled = CompiledWordPiece.of(tokenizer, UNLIMITED)
    return compiled or (lambda texts: tokens_of_library(tokenizer, texts))


def _counts(tokenizer: Any, corpus: Corpus, progress: bool) -> Doubles1d:
    counts, tokenize = np.zeros(len(_token_names(tokenizer))), _tokenize(tokenizer)
    parts = range(0, len(corpus), 1_000)
    for start in track(parts, "counting tokens", len(parts), unit="block", progress=progress):
        tokens = tokenize(corpus.texts[start : start + 1_000].to_list())
        counts += np.bincount(tokens.ids, minlength=len(counts))
    return counts


def _token_shares(tokenizer: Any, texts: list[str]) -> Any:
    """Return the share of each token in each text, a sparse matrix of shape (texts, tokens)."""
    from scipy import sparse

    tokens = _tokenize(tokenizer)(texts)
    lengths = np.diff(tokens.offsets)
    shares = np.repeat(1 / np.maximum(lengths, 1), lengths).astype(np.float32)
    matrix = sparse.csr_matrix((shares, tokens.ids, tokens.offsets), shape=(len(texts), len(_token_names(tokenizer))))
    matrix.sum_duplicates()
    return matrix


# -- sentences ------------------------------------------------------------------------------------------------


def _sample(corpus: Corpus, n: int, seed: int) -> list[str]:
    """Draw up to `n` sentences: short ones, and longer ones if there aren't enough."""
    drawn = dict.fromkeys(draw_sentences(corpus, n, seed, max_words=_SHORT))
    if len(drawn) < n:
        drawn.update(dict.fromkeys(sample_sentences(corpus, n, seed)))
    return list(drawn)[:n]


def _components(vectors: Floats2d, dim: int, whitening: float) -> tuple[Doubles2d, Doubles1d]:
    """Return the first principal components, of shape (in, dim), and the mean.

    Components are divided by their standard deviation to the power of `whitening`, the first one's being 1.
    """
    center = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - center
    variances, axes = np.linalg.eigh(centred.T @ centred)
    variances = np.maximum(variances[::-1][:dim] / max(variances[-1], queries.TINY), _LEAST_VARIANCE)
    return axes[:, ::-1][:, :dim] * variances ** (-whitening / 2), center
