"""A WordPiece tokenizer trained on texts, in the files that transformers and sentence-transformers open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.errors import InputError

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNK_ID, CLS_ID, SEP_ID = 1, 2, 3  # indices of `SPECIAL_TOKENS`
_CONTINUATION_PREFIX = "##"  # of a token that doesn't begin a word
_MIN_CHARACTER_SHARE = 1e-6  # of the texts' characters; a rarer character has no token
_MAX_TRAINING_CHARACTERS = 32_000_000  # of the texts: more would change few of the tokens
_LARGE_CHARACTERS = 10_000_000  # of texts where a pair of pieces must occur 5 times, not twice, to be merged


def train_tokenizer(texts: Sequence[str], max_vocabulary: int) -> Any:
    """Train a tokenizer of up to `max_vocabulary` tokens, lower-cased without accents (Devlin et al. 2019, section 3).

    The same texts give the same tokens with the same ids. The library assigns ids in the iteration order of a hash
    table, so the tokens of one character are given to it in a fixed order.

    Raises
    ------
    InputError
        If the texts have no letters, digits or punctuation marks.
    """
    tokenizers = checks.need("tokenizers", "transformers")
    texts = evenly_spaced(texts, _MAX_TRAINING_CHARACTERS)
    alphabet = _alphabet(texts, max_vocabulary)
    continuations = [_CONTINUATION_PREFIX + character for character in alphabet if _is_word_character(character)]
    untrained = _base_tokenizer(tokenizers.models.WordPiece(unk_token=SPECIAL_TOKENS[UNK_ID]))
    untrained.train_from_iterator(
        texts,
        tokenizers.trainers.WordPieceTrainer(
            vocab_size=max_vocabulary,
            min_frequency=2 if sum(map(len, texts)) < _LARGE_CHARACTERS else 5,
            special_tokens=[*SPECIAL_TOKENS, *continuations],
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
    )
    tokens = sorted(untrained.get_vocab().items(), key=lambda pair: pair[1])
    return _from_vocabulary([token for token, _ in tokens])


def evenly_spaced(texts: Sequence[str], max_characters: int) -> Sequence[str]:
    """Return every n-th text, for the smallest n at which they have about `max_characters` characters or fewer."""
    return texts[:: max(1, -(-sum(map(len, texts)) // max_characters))]


def _base_tokenizer(model: Any) -> Any:
    tokenizers = checks.need("tokenizers", "transformers")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = tokenizers.decoders.WordPiece()
    return tokenizer


def _from_vocabulary(tokens: list[str]) -> Any:
    """Return the tokenizer of a vocabulary, which adds the special tokens at both ends of a text."""
    tokenizers = checks.need("tokenizers", "transformers")
    ids = {token: i for i, token in enumerate(tokens)}
    tokenizer = _base_tokenizer(tokenizers.models.WordPiece(ids, unk_token=SPECIAL_TOKENS[UNK_ID]))
    cls, sep = SPECIAL_TOKENS[CLS_ID], SPECIAL_TOKENS[SEP_ID]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, CLS_ID), (sep, SEP_ID)],
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def _alphabet(texts: Sequence[str], max_vocabulary: int) -> list[str]:
    """Return the characters that get a token, sorted: the most frequent ones after normalization."""
    tokenizers = checks.need("tokenizers", "transformers")
    raw: Counter[str] = Counter()
    for text in texts:
        raw.update(text)
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    counts: Counter[str] = Counter()
    for character, count in raw.items():
        for normalized in normalizer.normalize_str(character):
            if not normalized.isspace():
                counts[normalized] += count
    if not counts:
        raise InputError(
            f"no tokenizer can be trained on {len(texts):,} texts without a single letter, digit or punctuation mark; "
            f"give other texts, or a base"
        )
    min_count = counts.total() * _MIN_CHARACTER_SHARE
    frequent = sorted((-count, character) for character, count in counts.items() if count >= min_count)
    return sorted(character for _, character in frequent[: (max_vocabulary - len(SPECIAL_TOKENS)) // 2])


def _is_word_character(character: str) -> bool:
    """Check whether a character can stand inside a word; punctuation and Chinese characters are words of their own."""
    tokenizers = checks.need("tokenizers", "transformers")
    normalized = tokenizers.normalizers.BertNormalizer(lowercase=True).normalize_str(f"a{character}a")
    return len(tokenizers.pre_tokenizers.BertPreTokenizer().pre_tokenize_str(normalized)) == 1


def save_tokenizer(tokenizer: Any, folder: Path, max_tokens: int) -> None:
    """Write a tokenizer's files into a folder."""
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = tokenizer.get_vocab()
    lines = [f"{token}\n" for token in sorted(ids, key=lambda token: int(ids[token]))]
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "model_max_length": max_tokens,
        **dict(zip(names, SPECIAL_TOKENS, strict=True)),
    }
    text = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
