"""`TokenizerSettings`: the changes that ``tokenizer_config.json`` makes to ``tokenizer.json``.

Both files describe a tokenizer. Where they differ, transformers decides by the class of the tokenizer. For classes that
build their own normaliser (BERT's and RoBERTa's), the configuration overrides the file, and settings that it lacks
have the default of the class; for other classes, the file counts. Versions 4 and 5 agree on this (tested with 4.57.6
and 5.23.0), and so does this module.

In other respects the two versions differ: version 5 replaces the normaliser, pre-tokenizer and post-processor of a file
by those of the class; version 4 changes ``add_prefix_space`` of a tokenizer without a class, version 5 that of
SentencePiece's classes. A folder that the two would read differently is refused, since it isn't known which reading its
weights were trained with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace.errors import InputError
from semspace.sentences.modules import read_json, reads_settings

TOKENIZER_CONFIG = "tokenizer_config.json"
_PARTS = ("model", "truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder")
_GENERIC = "PreTrainedTokenizerFast"
_BERT = (
    "BertTokenizer", "ConvBertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "LayoutLMTokenizer",
    "LxmertTokenizer", "MPNetTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer",
)  # fmt: skip
_ROBERTA = ("GPT2Tokenizer", "LongformerTokenizer", "RobertaTokenizer")
_SENTENCEPIECE = ("CamembertTokenizer", "XLMRobertaTokenizer")
# The class of the tokenizer by the type of the model, where the folder names no class.
_CLASS_OF_MODEL = {
    "bert": "BertTokenizer", "camembert": "CamembertTokenizer", "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer", "longformer": "LongformerTokenizer", "mpnet": "MPNetTokenizer",
    "roberta": "RobertaTokenizer", "xlm-roberta": "XLMRobertaTokenizer",
}  # fmt: skip
_BERT_SPECIAL = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")
_ROBERTA_SPECIAL = ("<s>", "</s>", "<unk>", "<pad>", "<mask>")
_SPECIAL_TOKEN_KEYS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_MORE_SPECIAL_KEYS = ("additional_special_tokens", "extra_special_tokens")
# A setting's name in tokenizer_config.json, its name in tokenizers, and its default in BERT's classes.
_BERT_SETTINGS = (
    ("do_lower_case", "lowercase", True),
    ("strip_accents", "strip_accents", None),
    ("tokenize_chinese_chars", "handle_chinese_chars", True),
)


@dataclass(frozen=True)
class TokenizerSettings:
    """Changes to the tokenizer in a ``tokenizer.json``; none by default.

    Parameters
    ----------
    normalizer : pairs of a setting of tokenizers' `BertNormalizer` and its value
    prefix_space : whether a space is put before a text; as in the file where None
    truncate_left : whether long texts lose their beginning rather than their end
    split_special : whether special tokens in a text are read as ordinary characters
    added : tokens that the file lacks, as arguments of tokenizers' `AddedToken`: content, special, single_word,
        lstrip, rstrip, normalized
    """

    normalizer: tuple[tuple[str, bool | None], ...] = ()
    prefix_space: bool | None = None
    truncate_left: bool = False
    split_special: bool = False
    added: tuple[tuple[str, bool, bool, bool, bool, bool], ...] = ()

    def changes(self) -> list[Any]:
        """Return the changed settings, for a fingerprint; none where the file counts unchanged."""
        default = TokenizerSettings()
        changed = {name: value for name, value in vars(self).items() if value != getattr(default, name)}
        return [["from_left" if name == "truncate_left" else name, value] for name, value in changed.items()]

    def apply(self, tokenizer: Any, *, lowercase: bool = False) -> None:
        """Apply the changes to a tokenizer of the `tokenizers` library; with `lowercase`, it also lower-cases texts."""
        from tokenizers import AddedToken, normalizers

        for name, value in self.normalizer:
            setattr(tokenizer.normalizer, name, value)
        if self.prefix_space is not None:
            tokenizer.pre_tokenizer.add_prefix_space = self.prefix_space
        for content, special, single_word, lstrip, rstrip, normalized in self.added:
            token = AddedToken(
                content, special=special, single_word=single_word, lstrip=lstrip, rstrip=rstrip, normalized=normalized
            )
            (tokenizer.add_special_tokens if special else tokenizer.add_tokens)([token])
        if self.split_special:
            tokenizer.encode_special_tokens = True
        if lowercase:
            steps = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
            tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *steps])


@reads_settings
def read_tokenizer_settings(folder: Path, config: Mapping[str, Any]) -> TokenizerSettings:
    """Read the changes that a folder's ``tokenizer_config.json`` makes to its ``tokenizer.json``.

    Raises
    ------
    InputError
        If versions 4 and 5 of transformers would read the folder differently.
    """
    configured = read_json(folder / TOKENIZER_CONFIG, {})
    file = read_json(folder / "tokenizer.json", objects=_PARTS)
    model_class = _CLASS_OF_MODEL.get(str(config.get("model_type")), _GENERIC)
    kind = str(configured.get("tokenizer_class") or config.get("tokenizer_class") or model_class).removesuffix("Fast")
    model = (file.get("model") or {}).get("type") or ("WordPiece" if kind in _BERT else "")
    files = _TokenizerFiles(folder, configured, file, kind)
    normalizer: tuple[tuple[str, bool | None], ...] = ()
    prefix_space: bool | None = None
    special: tuple[str, ...] = ()
    if kind in _BERT and model == "WordPiece":
        normalizer, special = files.bert_changes(), _BERT_SPECIAL
    elif kind in _ROBERTA and model == "BPE":
        prefix_space, special = files.roberta_prefix_space(), _ROBERTA_SPECIAL
    else:
        files.check_others(True if kind in _SENTENCEPIECE and model == "Unigram" else None)
    direction = configured.get("truncation_side") or (file.get("truncation") or {}).get("direction") or "right"
    if str(direction).lower() not in ("left", "right"):
        raise InputError(f"{folder / TOKENIZER_CONFIG} has truncation_side {direction!r}; it must be left or right")
    return TokenizerSettings(
        normalizer,
        prefix_space,
        str(direction).lower() == "left",
        bool(configured.get("split_special_tokens", False)),
        _added(configured, read_json(folder / "special_tokens_map.json", {}), file, special),
    )


@dataclass(frozen=True)
class _TokenizerFiles:
    """The two files that describe a tokenizer, and the name of its class."""

    folder: Path
    configured: Mapping[str, Any]
    file: Mapping[str, Any]
    kind: str

    def bert_changes(self) -> tuple[tuple[str, bool | None], ...]:
        """Return the changed settings of `BertNormalizer`."""
        normalizer = self._part("normalizer", "BertNormalizer")
        self._part("pre_tokenizer", "BertPreTokenizer")
        self._check_ends()
        if not normalizer.get("clean_text", True):
            raise self._ambiguous("clean_text", True, False)
        changes = []
        for key, name, default in _BERT_SETTINGS:
            value, in_file = self._flag(key, default), normalizer.get(name)
            if value == in_file:
                continue
            if self.kind == "MPNetTokenizer" and key == "tokenize_chinese_chars":  # version 4 doesn't know it
                raise self._ambiguous(key, value, in_file)
            changes.append((name, value))
        return tuple(changes)

    def roberta_prefix_space(self) -> bool | None:
        """Return whether a space is put before a text; None where the file agrees with the configuration."""
        in_file = self._part("pre_tokenizer", "ByteLevel").get("add_prefix_space")
        if self.file.get("normalizer"):
            raise self._ambiguous("normalizer", None, self.file["normalizer"].get("type"))
        prefix = bool(self._flag("add_prefix_space", False))
        return None if prefix == in_file else prefix

    def check_others(self, default: bool | None) -> None:
        """Raise `InputError` for a setting that only one version of transformers would use.

        `default` is the class's default of ``add_prefix_space``; None where the class has none.
        """
        prefix = self._flag("add_prefix_space", default)
        in_file = _prefix_space(self.file.get("pre_tokenizer"))
        if prefix is not None and in_file is not None and prefix != in_file:
            raise self._ambiguous("add_prefix_space", prefix, in_file)
        first, last = _ends(self.file.get("post_processor"))
        for key, name, mark in (("add_bos_token", "bos_token", first), ("add_eos_token", "eos_token", last)):
            token, given = _content(self.configured.get(name)), self._flag(key, None)
            if given is not None and token is not None and given != (mark == token):
                raise self._ambiguous(key, given, mark == token)

    def _part(self, name: str, kind: str) -> Mapping[str, Any]:
        """Return a part of the file; raise `InputError` if the class would build one of another kind."""
        part: Mapping[str, Any] = self.file.get(name) or {}
        if part.get("type") != kind:
            raise self._ambiguous(name, kind, part.get("type"))
        return part

    def _check_ends(self) -> None:
        """Raise `InputError` if the special tokens at the ends of a text aren't those in the configuration."""
        first, last = _ends(self.file.get("post_processor"))
        for name, mark in (("cls_token", first), ("sep_token", last)):
            token = _content(self.configured.get(name))
            if token is not None and token != mark:
                raise self._ambiguous(name, token, mark)

    def _flag(self, key: str, default: bool | None) -> bool | None:
        value = self.configured.get(key, default)
        if value is not None and not isinstance(value, bool):
            raise InputError(f"{self.folder / TOKENIZER_CONFIG} has {key} {value!r}; it must be true or false")
        return default if value is None and key != "strip_accents" else value

    def _ambiguous(self, key: str, configured: object, in_file: object) -> InputError:
        return InputError(
            f"the tokenizer in {self.folder} can be read in two ways: as a {self.kind}, its {key} is {configured!r}, "
            f"but tokenizer.json has {in_file!r}, and transformers 4 and 5 choose differently; save the tokenizer "
            f'again as it was in training, or set "tokenizer_class": "{_GENERIC}" in {TOKENIZER_CONFIG} to use '
            f"tokenizer.json as it is"
        )


def _prefix_space(part: Any) -> bool | None:
    """Return whether a pre-tokenizer puts a space before a text; None where it doesn't say."""
    if not isinstance(part, Mapping):
        return None
    if part.get("type") == "Sequence":
        values = [_prefix_space(step) for step in part.get("pretokenizers") or ()]
        return next((value for value in values if value is not None), None)
    if part.get("type") == "Metaspace" and "prepend_scheme" in part:
        return bool(part["prepend_scheme"] != "never")
    value = part.get("add_prefix_space")
    return value if isinstance(value, bool) else None


def _ends(part: Any) -> tuple[str | None, str | None]:
    """Return the special tokens that a post-processor adds at the beginning and the end of a text."""
    if not isinstance(part, Mapping):
        return None, None
    if part.get("type") == "Sequence":
        pairs = [_ends(step) for step in part.get("processors") or ()]
        return next((pair for pair in pairs if pair != (None, None)), (None, None))
    if part.get("type") in ("BertProcessing", "RobertaProcessing"):
        return str(part["cls"][0]), str(part["sep"][0])
    single = part.get("single") or ()
    first, last = ((single[i].get("SpecialToken") or {}).get("id") if single else None for i in (0, -1))
    return first, last


def _content(token: Any) -> str | None:
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _added(
    configured: Mapping[str, Any], mapped: Mapping[str, Any], file: Mapping[str, Any], special_names: tuple[str, ...]
) -> tuple[tuple[str, bool, bool, bool, bool, bool], ...]:
    """Return the tokens that the configuration has and the file lacks."""
    vocabulary = (file.get("model") or {}).get("vocab") or {}
    known = {str(token.get("content")) for token in file.get("added_tokens") or ()}
    decoder = configured.get("added_tokens_decoder") or {}
    listed = [token for _, token in sorted(decoder.items(), key=lambda item: int(item[0]))]
    special = [{**mapped, **configured}.get(name) for name in _SPECIAL_TOKEN_KEYS]
    for name in _MORE_SPECIAL_KEYS:
        more = configured.get(name) or mapped.get(name) or ()
        special += list(more.values() if isinstance(more, Mapping) else more)
    special += [name for name in special_names if isinstance(vocabulary, Mapping) and name in vocabulary]
    added: dict[str, tuple[str, bool, bool, bool, bool, bool]] = {}
    for token, always in [*((token, False) for token in listed), *((token, True) for token in special)]:
        content = _content(token)
        if content is None or not content or content in known or content in added:
            continue
        facts = token if isinstance(token, Mapping) else {}
        is_special = always or bool(facts.get("special", False))
        shape = (bool(facts.get(name, False)) for name in ("single_word", "lstrip", "rstrip"))
        added[content] = (content, is_special, *shape, bool(facts.get("normalized", not is_special)))  # type: ignore[assignment]
    return tuple(added.values())
