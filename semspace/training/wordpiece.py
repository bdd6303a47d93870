"""Texts → a WordPiece tokenizer of their words, in the files that transformers and sentence-transformers open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semspace import checks
from semspace.errors import InputError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
UNKNOWN, FIRST, LAST = 1, 2, 3
_INSIDE = "##"  # before a piece that doesn't begin a word
_SHARE = 1e-6  # a character that is a smaller share of the texts has no token
_READ = 32_000_000  # characters that are learnt from: more change few of the tokens
_LARGE = 10_000_000  # characters, from which on pairs of pieces must come more often to become one


def learn(texts: Sequence[str], most: int) -> Any:
    """Learn a tokenizer of up to `most` tokens, lower-cased and without accents (Devlin et al. 2019, section 3).

    The same texts give the same tokens under the same numbers: the library numbers pieces in the order in which a hash
    table gives words, so those of one character are given to it in order.

    Raises
    ------
    InputError
        If the texts have no characters to learn from.
    """
    tokenizers = checks.need("tokenizers", "transformers")
    texts = some(texts, _READ)
    alphabet = _alphabet(texts, most)
    inside = [_INSIDE + one for one in alphabet if _may_be_inside(one)]
    learner = _tokenizer(tokenizers.models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
    learner.train_from_iterator(
        texts,
        tokenizers.trainers.WordPieceTrainer(
            vocab_size=most,
            min_frequency=2 if sum(map(len, texts)) < _LARGE else 5,
            special_tokens=[*SPECIAL, *inside],
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
    )
    tokens = sorted(learner.get_vocab().items(), key=lambda pair: pair[1])
    return _finished([token for token, _ in tokens])


def some(texts: Sequence[str], characters: int) -> Sequence[str]:
    """Give all texts, or, where they have more than so many characters, every second, third... of them."""
    return texts[:: max(1, -(-sum(map(len, texts)) // characters))]


def _tokenizer(model: Any) -> Any:
    tokenizers = checks.need("tokenizers", "transformers")
    made = tokenizers.Tokenizer(model)
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    made.decoder = tokenizers.decoders.WordPiece()
    return made


def _finished(tokens: list[str]) -> Any:
    """Make the tokenizer of a vocabulary, which puts marks at both ends of a text."""
    tokenizers = checks.need("tokenizers", "transformers")
    numbers = {token: number for number, token in enumerate(tokens)}
    made = _tokenizer(tokenizers.models.WordPiece(numbers, unk_token=SPECIAL[UNKNOWN]))
    first, last = SPECIAL[FIRST], SPECIAL[LAST]
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{first}:0 $A:0 {last}:0",
        pair=f"{first}:0 $A:0 {last}:0 $B:1 {last}:1",
        special_tokens=[(first, FIRST), (last, LAST)],
    )
    made.add_special_tokens(list(SPECIAL))
    return made


def _alphabet(texts: Sequence[str], most: int) -> list[str]:
    """Give the characters that have a token, in order: the most frequent, as the tokenizer sees them."""
    tokenizers = checks.need("tokenizers", "transformers")
    raw: Counter[str] = Counter()
    for text in texts:
        raw.update(text)
    normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    counts: Counter[str] = Counter()
    for character, count in raw.items():
        for one in normalizer.normalize_str(character):
            if not one.isspace():
                counts[one] += count
    if not counts:
        raise InputError(
            f"no tokenizer can be learnt from {len(texts):,} texts without a single letter, digit or mark; give other "
            f"texts, or a base"
        )
    least = counts.total() * _SHARE
    kept = sorted((-count, one) for one, count in counts.items() if count >= least)
    return sorted(one for _, one in kept[: (most - len(SPECIAL)) // 2])


def _may_be_inside(character: str) -> bool:
    """Tell whether a character stands inside words, and isn't one by itself as marks and Chinese characters are."""
    tokenizers = checks.need("tokenizers", "transformers")
    given = tokenizers.normalizers.BertNormalizer(lowercase=True).normalize_str(f"a{character}a")
    return len(tokenizers.pre_tokenizers.BertPreTokenizer().pre_tokenize_str(given)) == 1


def write(tokenizer: Any, folder: Path, longest: int) -> None:
    """Write a tokenizer's files into a folder."""
    tokenizer.save(str(folder / "tokenizer.json"))
    numbers = tokenizer.get_vocab()
    lines = [f"{token}\n" for token in sorted(numbers, key=lambda token: int(numbers[token]))]
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "model_max_length": longest,
        **dict(zip(names, SPECIAL, strict=True)),
    }
    text = json.dumps(settings, indent=1, ensure_ascii=False) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
