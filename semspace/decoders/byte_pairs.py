"""A tokenizer of byte pairs, for texts that are written: any text has tokens, which give it back exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from semspace import checks
from semspace.errors import DamagedError
from semspace.training.wordpiece import evenly_spaced

PADDING, START, END = range(3)  # ids of the special tokens
_SPECIAL_TOKENS = ["<padding>", "<start>", "<end>"]
N_BYTES = 256  # tokens of one byte, which every vocabulary has
_MAX_TRAINING_CHARACTERS = 8_000_000  # of the texts: more would change few of the tokens


def train_byte_pairs(texts: Sequence[str], max_vocabulary: int) -> str:
    """Train a tokenizer of byte pairs (Sennrich et al. 2016; Radford et al. 2019) on texts; return its JSON."""
    tokenizers = checks.need("tokenizers", "transformers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=max_vocabulary,
        min_frequency=2,
        special_tokens=_SPECIAL_TOKENS,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(evenly_spaced(texts, _MAX_TRAINING_CHARACTERS), trainer)
    text: str = tokenizer.to_str()
    return text


def open_tokenizer(text: str, where: str) -> Any:
    """Return the tokenizer of a JSON text, or raise `DamagedError`."""
    tokenizers = checks.need("tokenizers", "transformers")
    try:
        tokenizer = tokenizers.Tokenizer.from_str(text)
    except Exception as problem:  # the library raises `Exception` itself
        raise DamagedError(f"{where} isn't a tokenizer that semspace can open: {problem}") from problem
    ids = [tokenizer.token_to_id(token) for token in _SPECIAL_TOKENS]
    if ids != [PADDING, START, END]:
        raise DamagedError(f"{where} isn't the tokenizer of a TextDecoder: its special tokens are others")
    return tokenizer
