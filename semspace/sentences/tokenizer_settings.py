"""What ``tokenizer_config.json`` changes of what ``tokenizer.json`` says.

Both files describe a tokenizer, and where they part, transformers' versions settle it by the class of the tokenizer.
Those that build their own normaliser (BERT's and RoBERTa's) put the configuration above the file, in versions 4 and 5
alike, and with the defaults of their class where the configuration says nothing; any other takes the file as it is.
That is done here too, and holds for what both versions do alike (tried with 4.57.6 and 5.23.0).

Elsewhere the two versions part: version 5 replaces the whole normaliser, pre-tokenizer and post-processor of a file by
its class's; version 4 changes ``add_prefix_space`` of a tokenizer of no class, version 5 that of SentencePiece's. A
folder that comes out differently is refused, since nobody can know which reading its weights were trained with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace.errors import InputError
from semspace.sentences.modules import read_json

TOKENIZER_CONFIG = "tokenizer_config.json"
_GENERIC = "PreTrainedTokenizerFast"
_BERT = (
    "BertTokenizer", "ConvBertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "LayoutLMTokenizer",
    "LxmertTokenizer", "MPNetTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer",
)  # fmt: skip
_ROBERTA = ("GPT2Tokenizer", "LongformerTokenizer", "RobertaTokenizer")
_PIECES = ("CamembertTokenizer", "XLMRobertaTokenizer")  # SentencePiece's
# The class where none is named.
_BY_MODEL = {
    "bert": "BertTokenizer", "camembert": "CamembertTokenizer", "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer", "longformer": "LongformerTokenizer", "mpnet": "MPNetTokenizer",
    "roberta": "RobertaTokenizer", "xlm-roberta": "XLMRobertaTokenizer",
}  # fmt: skip
_BERT_MARKS = ("[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]")
_ROBERTA_MARKS = ("<s>", "</s>", "<unk>", "<pad>", "<mask>")
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_LISTED = ("additional_special_tokens", "extra_special_tokens")
# tokenizer_config.json's word for it, tokenizers' word, what BERT's classes take where nothing is said
_OF_BERT = (
    ("do_lower_case", "lowercase", True),
    ("strip_accents", "strip_accents", None),
    ("tokenize_chinese_chars", "handle_chinese_chars", True),
)


@dataclass(frozen=True)
class Settings:
    """What is to be changed of a tokenizer as its file has it; nothing by default.

    Parameters
    ----------
    normalizer : pairs of a setting of tokenizers' `BertNormalizer` and its value
    prefix_space : whether a space is put before a text; as the file says where None
    from_left : whether the end of a text that is too long is kept, not its beginning
    split_special : whether special tokens in a text are taken for ordinary letters
    added : tokens that the file doesn't have: content, and whether it is special, whole words only, takes the white
        space on its left and on its right, and is looked for in normalised text
    """

    normalizer: tuple[tuple[str, bool | None], ...] = ()
    prefix_space: bool | None = None
    from_left: bool = False
    split_special: bool = False
    added: tuple[tuple[str, bool, bool, bool, bool, bool], ...] = ()

    def changes(self) -> list[Any]:
        """Return all that is changed, for a fingerprint; nothing where the file is taken as it is."""
        default = Settings()
        return [[name, value] for name, value in vars(self).items() if value != getattr(default, name)]

    def apply(self, tokenizer: Any, *, lowercase: bool = False) -> None:
        """Change a tokenizer of the `tokenizers` library; `lowercase` has it lower-case texts first."""
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
            own = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
            tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])


def read_settings(folder: Path, config: Mapping[str, Any]) -> Settings:
    """Read what a folder's ``tokenizer_config.json`` changes of its ``tokenizer.json``.

    Raises
    ------
    InputError
        If the versions of transformers would read the folder in two ways.
    """
    said = read_json(folder / TOKENIZER_CONFIG, {})
    file = read_json(folder / "tokenizer.json")
    named = said.get("tokenizer_class") or config.get("tokenizer_class") or _BY_MODEL.get(str(config.get("model_type")))
    kind = str(named or _GENERIC).removesuffix("Fast")
    model = (file.get("model") or {}).get("type") or ("WordPiece" if kind in _BERT else "")
    both = _Both(folder, said, file, kind)
    normalizer: tuple[tuple[str, bool | None], ...] = ()
    prefix_space: bool | None = None
    marks: tuple[str, ...] = ()
    if kind in _BERT and model == "WordPiece":
        normalizer, marks = both.of_bert(), _BERT_MARKS
    elif kind in _ROBERTA and model == "BPE":
        prefix_space, marks = both.of_roberta(), _ROBERTA_MARKS
    else:
        both.check_others(True if kind in _PIECES and model == "Unigram" else None)
    direction = said.get("truncation_side") or (file.get("truncation") or {}).get("direction") or "right"
    if str(direction).lower() not in ("left", "right"):
        raise InputError(f"{folder / TOKENIZER_CONFIG} has truncation_side {direction!r}; it must be left or right")
    return Settings(
        normalizer,
        prefix_space,
        str(direction).lower() == "left",
        bool(said.get("split_special_tokens", False)),
        _added(said, read_json(folder / "special_tokens_map.json", {}), file, marks),
    )


@dataclass(frozen=True)
class _Both:
    """The two files that describe a tokenizer, and the class that it is said to be of."""

    folder: Path
    said: Mapping[str, Any]
    file: Mapping[str, Any]
    kind: str

    def of_bert(self) -> tuple[tuple[str, bool | None], ...]:
        """Return the settings of `BertNormalizer` that are to be changed."""
        normalizer = self._part("normalizer", "BertNormalizer")
        self._part("pre_tokenizer", "BertPreTokenizer")
        self._check_marks()
        if not normalizer.get("clean_text", True):
            raise self._two_ways("clean_text", True, False)
        changes = []
        for key, name, usual in _OF_BERT:
            value, own = self._flag(key, usual), normalizer.get(name)
            if value == own:
                continue
            if self.kind == "MPNetTokenizer" and key == "tokenize_chinese_chars":  # version 4 doesn't know it
                raise self._two_ways(key, value, own)
            changes.append((name, value))
        return tuple(changes)

    def of_roberta(self) -> bool | None:
        """Return whether a space is to be put before a text; nothing where the file says so already."""
        own = self._part("pre_tokenizer", "ByteLevel").get("add_prefix_space")
        if self.file.get("normalizer"):
            raise self._two_ways("normalizer", None, self.file["normalizer"].get("type"))
        wanted = bool(self._flag("add_prefix_space", False))
        return None if wanted == own else wanted

    def check_others(self, usual: bool | None) -> None:
        """Raise `InputError` where a setting that isn't taken up would be by one version of transformers.

        `usual` is the class's ``add_prefix_space`` where none is said; None where the class has none.
        """
        wanted = self._flag("add_prefix_space", usual)
        own = _prefix_space(self.file.get("pre_tokenizer"))
        if wanted is not None and own is not None and wanted != own:
            raise self._two_ways("add_prefix_space", wanted, own)
        first, last = _ends(self.file.get("post_processor"))
        for key, name, mark in (("add_bos_token", "bos_token", first), ("add_eos_token", "eos_token", last)):
            token, given = _content(self.said.get(name)), self._flag(key, None)
            if given is not None and token is not None and given != (mark == token):
                raise self._two_ways(key, given, mark == token)

    def _part(self, name: str, kind: str) -> Mapping[str, Any]:
        """Return a part of the file that the class would build too, or raise `InputError` if it is of another kind."""
        part: Mapping[str, Any] = self.file.get(name) or {}
        if part.get("type") != kind:
            raise self._two_ways(name, kind, part.get("type"))
        return part

    def _check_marks(self) -> None:
        """Raise `InputError` if the marks at a text's ends aren't those that the configuration names."""
        first, last = _ends(self.file.get("post_processor"))
        for name, mark in (("cls_token", first), ("sep_token", last)):
            token = _content(self.said.get(name))
            if token is not None and token != mark:
                raise self._two_ways(name, token, mark)

    def _flag(self, key: str, usual: bool | None) -> bool | None:
        value = self.said.get(key, usual)
        if value is not None and not isinstance(value, bool):
            raise InputError(f"{self.folder / TOKENIZER_CONFIG} has {key} {value!r}; it must be true or false")
        return usual if value is None and key != "strip_accents" else value

    def _two_ways(self, key: str, said: object, own: object) -> InputError:
        return InputError(
            f"the tokenizer in {self.folder} can be read in two ways: as {self.kind} its {key} is {said!r}, and "
            f"tokenizer.json has {own!r}; transformers 4 and 5 settle that differently: save the tokenizer again as it "
            f'was in training, or say "tokenizer_class": "{_GENERIC}" in {TOKENIZER_CONFIG} for what tokenizer.json has'
        )


def _prefix_space(part: Any) -> bool | None:
    """Return whether a pre-tokenizer puts a space before a text; nothing where that can't be told."""
    if not isinstance(part, Mapping):
        return None
    if part.get("type") == "Sequence":
        found = [_prefix_space(one) for one in part.get("pretokenizers") or ()]
        return next((one for one in found if one is not None), None)
    if part.get("type") == "Metaspace" and "prepend_scheme" in part:
        return bool(part["prepend_scheme"] != "never")
    own = part.get("add_prefix_space")
    return own if isinstance(own, bool) else None


def _ends(part: Any) -> tuple[str | None, str | None]:
    """Return the tokens that a post-processor puts at the beginning and end of a text."""
    if not isinstance(part, Mapping):
        return None, None
    if part.get("type") == "Sequence":
        found = [_ends(one) for one in part.get("processors") or ()]
        return next((one for one in found if one != (None, None)), (None, None))
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
    said: Mapping[str, Any], mapped: Mapping[str, Any], file: Mapping[str, Any], marks: tuple[str, ...]
) -> tuple[tuple[str, bool, bool, bool, bool, bool], ...]:
    """Return the tokens that a configuration adds to those of the file."""
    vocabulary = (file.get("model") or {}).get("vocab") or {}
    known = {str(token.get("content")) for token in file.get("added_tokens") or ()}
    decoder = said.get("added_tokens_decoder") or {}
    listed = [one for _, one in sorted(decoder.items(), key=lambda item: int(item[0]))]
    special = [{**mapped, **said}.get(name) for name in _NAMED]
    for name in _LISTED:
        more = said.get(name) or mapped.get(name) or ()
        special += list(more.values() if isinstance(more, Mapping) else more)
    special += [mark for mark in marks if isinstance(vocabulary, Mapping) and mark in vocabulary]
    found: dict[str, tuple[str, bool, bool, bool, bool, bool]] = {}
    for token, always in [*((one, False) for one in listed), *((one, True) for one in special)]:
        content = _content(token)
        if content is None or not content or content in known or content in found:
            continue
        facts = token if isinstance(token, Mapping) else {}
        is_special = always or bool(facts.get("special", False))
        shape = (bool(facts.get(name, False)) for name in ("single_word", "lstrip", "rstrip"))
        found[content] = (content, is_special, *shape, bool(facts.get("normalized", not is_special)))  # type: ignore[assignment]
    return tuple(found.values())
