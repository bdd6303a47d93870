"""`CompiledWordPiece`: BERT's tokenizer in compiled loops, with exactly the tokens of the library `tokenizers`."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from semspace.kernels.hashing import FNV_BASIS
from semspace.sentences import wordpiece_kernel as kernel
from semspace.sentences.pooling import offsets_of
from semspace.sentences.tokenizer_errors import tokenizer_errors
from semspace.sentences.wordpiece_kernel import Characters, Pieces
from semspace.types import Bytes1d, Int32s1d, Ints1d, Ints2d

_GAPS = 1_000  # besides two in each text: more leave the rest of a text to the library
_CODE_POINTS = 0x2100  # those before are read here: alphabets, general punctuation and signs of currencies
_BASES = np.array([FNV_BASIS, ~FNV_BASIS], np.uint64)


class FlatTokens(NamedTuple):
    """The tokens of several texts in one array: those of text i are ``ids[offsets[i]:offsets[i + 1]]``."""

    ids: Int32s1d
    offsets: Ints1d


@dataclass(frozen=True, eq=False)
class CompiledWordPiece:
    """Tokenizes texts as a WordPiece tokenizer of the library does, some ten times as fast.

    What stands between two spaces is left to the library if it holds a character from U+2100 on (such as Chinese) or
    may hold a special token.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        The library's, which truncates at `limit` tokens.
    characters : Characters
    pieces : Pieces
    unknown : int
        The unknown token.
    longest_word : int
        Words of more characters are unknown.
    limit : int
        Largest number of tokens of a text.
    threads : int, optional
        Not None if the library must work in the present thread.
    """

    tokenizer: Any
    characters: Characters
    pieces: Pieces
    unknown: int
    longest_word: int
    limit: int
    threads: int | None = None

    @classmethod
    def of(cls, tokenizer: Any, limit: int, threads: int | None = None) -> CompiledWordPiece | None:
        """Return the compiled twin of a tokenizer that truncates at `limit` tokens; None if it has none."""
        content = json.loads(tokenizer.to_str())
        model = content["model"]
        kinds = [(content[part] or {}).get("type") for part in ("normalizer", "pre_tokenizer", "model")]
        unknown = model.get("vocab", {}).get(model.get("unk_token")) if kinds[2] == "WordPiece" else None
        if kinds != ["BertNormalizer", "BertPreTokenizer", "WordPiece"] or unknown is None:
            return None
        specials = [token["content"] for token in content["added_tokens"]]
        if any(token["normalized"] for token in content["added_tokens"]) or not all(map(_is_one_part, specials)):
            return None
        if not model["continuing_subword_prefix"]:
            return None
        return cls(
            tokenizer,
            _characters(tokenizer, specials),
            _pieces(model["vocab"], model["continuing_subword_prefix"]),
            unknown,
            model["max_input_chars_per_word"],
            limit,
            threads,
        )

    def __call__(self, texts: list[str]) -> FlatTokens:
        """Return the tokens of texts, without special ones."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        data = np.frombuffer(b"".join(encoded), np.uint8)
        # A character that becomes n bytes, and so at most n tokens, is at least one byte.
        widest = int(np.diff(self.characters.ends).max())
        out = np.empty(widest * len(data) + len(texts), np.int32)
        counts, gaps = np.empty(len(texts), np.int64), np.empty((2 * len(texts) + _GAPS, 4), np.int64)
        n_tokens, n_gaps = kernel.cut_words(
            data,
            offsets_of([len(text) for text in encoded]),
            self.characters,
            self.pieces,
            self.unknown,
            self.longest_word,
            self.limit,
            out,
            counts,
            gaps,
        )
        if not n_gaps:
            return FlatTokens(out[:n_tokens], offsets_of(counts))
        return self._filled(data, out[:n_tokens], counts, gaps[:n_gaps])

    def _filled(self, data: Bytes1d, ids: Int32s1d, counts: Ints1d, gaps: Ints2d) -> FlatTokens:
        """Add the tokens of the gaps, which the library finds."""
        missing = [data[start:stop].tobytes().decode("utf-8", "surrogatepass") for _, start, stop, _ in gaps.tolist()]
        theirs = tokens_of_library(self.tokenizer, missing, self.threads)
        places = gaps[:, 3].tolist()
        parts = [ids[: places[0]]]
        stops = pairwise([*places, len(ids)])
        for (first, last), (start, stop) in zip(pairwise(theirs.offsets.tolist()), stops, strict=True):
            parts += [theirs.ids[first:last], ids[start:stop]]
        ids = np.concatenate(parts)
        np.add.at(counts, gaps[:, 0], np.diff(theirs.offsets))
        numbers = np.arange(len(ids)) - np.repeat(offsets_of(counts)[:-1], counts)  # of each token in its text
        return FlatTokens(ids[numbers < self.limit], offsets_of(np.minimum(counts, self.limit)))


def _is_one_part(special: str) -> bool:
    """Check whether a special token can't reach over a space."""
    return bool(special) and not any(map(str.isspace, special))


@tokenizer_errors()
def tokens_of_library(tokenizer: Any, texts: list[str], threads: int | None = None) -> FlatTokens:
    """Return the tokens of texts as the library finds them, without special ones."""
    encode = tokenizer.encode_batch_fast
    if threads is None:
        rows = [encoding.ids for encoding in encode(texts, add_special_tokens=False)]
    else:  # the library's own threads can't be limited
        rows = [encode([text], add_special_tokens=False)[0].ids for text in texts]
    offsets = offsets_of([len(row) for row in rows])
    return FlatTokens(np.fromiter(chain.from_iterable(rows), np.int32, int(offsets[-1])), offsets)


def _characters(tokenizer: Any, specials: list[str]) -> Characters:
    """Ask the library what it makes of each character."""
    kinds, parts = np.full(_CODE_POINTS, kernel.LEFT, np.uint8), []
    for point in range(_CODE_POINTS):
        kind, replacement = _reading(tokenizer, chr(point))
        kinds[point] = kind
        parts.append(replacement.encode())
    suspicious = np.zeros(256, np.uint8)
    suspicious[[special.encode()[0] for special in specials]] = 1
    replacements = np.frombuffer(b"".join(parts), np.uint8)
    return Characters(kinds, replacements, offsets_of([len(part) for part in parts]), suspicious)


def _reading(tokenizer: Any, character: str) -> tuple[int, str]:
    """Return what a character is, and what it becomes, as the library says of it between two letters."""
    normalized = tokenizer.normalizer.normalize_str(f"a{character}a")[1:-1]
    words = [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(f"a{normalized}a")]
    if not normalized:
        return kernel.REMOVED, ""
    if any(map(unicodedata.combining, normalized)):  # normalisation may move it
        return kernel.LEFT, ""
    if words == ["a", "a"]:
        return kernel.SPACE, ""
    if words == [f"a{normalized}a"]:
        return (kernel.PART, normalized) if len(normalized) == 1 else (kernel.LEFT, "")
    alone = normalized.strip()
    return (kernel.ALONE, alone) if len(alone) == 1 and words == ["a", alone, "a"] else (kernel.LEFT, "")


def _pieces(vocabulary: dict[str, int], prefix: str) -> Pieces:
    """Build the hash table of a vocabulary, in which pieces inside a word begin with a prefix."""
    inside = {token[len(prefix) :]: number for token, number in vocabulary.items() if token.startswith(prefix)}
    outside = {token: number for token, number in vocabulary.items() if not token.startswith(prefix)}
    outside.pop("", None)
    inside.pop("", None)
    tokens = [(token.encode(), number) for part in (outside, inside) for token, number in part.items()]
    lengths = [len(token) for token, _ in tokens]
    slots = np.full(1 << (2 * len(tokens)).bit_length(), kernel.MISSING, np.int32)
    keys = np.zeros(len(slots), np.uint64)
    data, ends = np.frombuffer(b"".join(token for token, _ in tokens), np.uint8), offsets_of(lengths)
    kernel.fill_slots(data, ends, len(outside), _BASES, slots, keys)
    ids = np.array([number for _, number in tokens], np.int32)
    return Pieces(data, ends, ids, len(outside), _BASES, slots, keys, max(lengths))
