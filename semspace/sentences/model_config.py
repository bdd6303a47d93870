"""A folder in sentence-transformers' layout → what the model is: its parts, pooling and limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from semspace.bundle import digest, file_digest
from semspace.errors import DamagedError, InputError
from semspace.sentences import head
from semspace.sentences.head import Part
from semspace.sentences.model_files import CONFIG
from semspace.sentences.modules import MODULES, Module, modules_of, read_json, sentence_of
from semspace.sentences.tokenizer_settings import TOKENIZER_CONFIG, Settings, read_settings
from semspace.sentences.weights import weight_files

# In the order in which sentence-transformers writes the vectors of several one behind the other.
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
PADDED_POSITIONS = ("camembert", "longformer", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl")
# Models that read a text with one half and write another with the other; the half that reads stands by itself.
ENCODER_HALVES = ("t5", "mt5", "umt5", "longt5")
# Files with a model's settings, as sentence-transformers has called them; the first that is there counts.
_SENTENCE_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# Settings handed on to transformers that change no number.
_HARMLESS = {"attn_implementation", "dtype", "torch_dtype", "trust_remote_code", "use_cache", "local_files_only"}
_HANDED_ON = ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs")
_TRAINED = ("mean", "cls", "max")


@dataclass(frozen=True)
class Layout:
    """What a model folder says of itself.

    Parameters
    ----------
    folder : where config, weights and tokenizer lie
    pooling : one of `POOLINGS`; or several with "+" between them, whose vectors are written one behind the other
    normalize : whether vectors are scaled to length 1, after all else
    max_tokens : longest input in tokens, special ones included
    lowercase : whether text is lower-cased before the tokenizer sees it
    prompts : what the model wants before a text, by the name of the use; under "" what it wants by default
    head : what else becomes of a pooled vector, before it is scaled
    include_prompt : whether the tokens of a prompt are pooled with those of the text
    truncate_dim : so many dimensions are kept of each vector, the first; all of them where None
    similarity : by what the model's vectors are meant to be compared
    tokenizer : what is to be changed of what ``tokenizer.json`` says
    """

    folder: Path
    pooling: str
    normalize: bool
    max_tokens: int
    lowercase: bool
    prompts: Mapping[str, str] = field(default_factory=dict)
    head: tuple[Part, ...] = ()
    include_prompt: bool = True
    truncate_dim: int | None = None
    similarity: str = "cosine"
    tokenizer: Settings = field(default_factory=Settings)

    @property
    def poolings(self) -> tuple[str, ...]:
        """The ways of pooling, one by one."""
        return tuple(self.pooling.split("+"))

    @property
    def untrained(self) -> str:
        """What of this model `EncoderTrainer` can't train; nothing where it can."""
        if self.pooling not in _TRAINED:
            return f"pooling by {self.pooling}"
        if self.head:
            return f"a module {self.head[0].kind} after Pooling"
        if not self.include_prompt:
            return "a pooling that leaves prompts out"
        return "" if self.truncate_dim is None else "vectors that are cut to their first dimensions"

    def width(self, hidden: int) -> int:
        """Return how many dimensions a vector has, of a transformer with states of so many."""
        made = head.width_of(self.head, hidden * len(self.poolings))
        return made if self.truncate_dim is None else min(made, self.truncate_dim)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides a vector."""
        files = [self.folder / CONFIG, *weight_files(self.folder), self.folder / "tokenizer.json"]
        named = {name: text for name, text in sorted(self.prompts.items()) if name and text}
        # What most models don't have only counts where it is there: so the fingerprints of others stay what they were.
        more = {
            "head": [one for part in self.head for one in [*part.digests(), dict(part.config)]],
            "without prompt": [] if self.include_prompt else [True],
            "truncate_dim": [] if self.truncate_dim is None else [self.truncate_dim],
            "tokenizer": self.tokenizer.changes(),
        }
        rest = json.dumps(
            [
                self.pooling,
                self.normalize,
                self.max_tokens,
                self.lowercase,
                self.prompts.get("", ""),
                *([named] if named else []),
                *([name, value] for name, value in more.items() if value),
            ]
        )
        return digest(*(file_digest(path).encode() for path in files), rest.encode())


def read_layout(root: Path) -> Layout:
    """Read a model folder, and check that it can be opened safely and read in one way only."""
    modules = modules_of(root)
    folder = modules[0].folder if modules else root
    _check_kinds(root, modules)
    config = _model_config(folder, bare=not modules)
    given = _sentence_config(folder)
    said = sentence_of(root)
    names, include_prompt = _pooling(root, modules)
    parts = [Part(one.kind, one.folder, one.config(needed=one.kind in _CONFIGURED)) for one in modules[2:]]
    for part in parts:
        part.check()
    scaled = bool(parts) and parts[-1].kind == head.NORMALIZE
    return Layout(
        folder,
        names,
        scaled,
        _longest(folder, config, given),
        bool(given.get("do_lower_case", False)),
        said.prompts,
        tuple(parts[:-1] if scaled else parts),
        include_prompt,
        said.truncate_dim,
        said.similarity,
        read_settings(folder, config),
    )


_CONFIGURED = (head.DENSE, head.LAYER_NORM)


def _check_kinds(root: Path, modules: list[Module]) -> None:
    """Raise `InputError` for modules that aren't run: Transformer, Pooling, and then any of `head.KINDS`, are."""
    kinds = [module.kind for module in modules]
    if not modules:
        return
    if kinds[0] != "Transformer" or any(kind not in ("Pooling", *head.KINDS) for kind in kinds[1:]):
        raise InputError(
            f"{root} has the modules {', '.join(kinds)}; semspace runs Transformer, Pooling and after them "
            f"{', '.join(head.KINDS)}"
        )
    if kinds[1:2] != ["Pooling"] or "Pooling" in kinds[2:]:
        raise InputError(
            f"{root} has the modules {', '.join(kinds)}; a Pooling module must follow Transformer, once: without it "
            f"there is no vector for a whole text"
        )


def _model_config(folder: Path, *, bare: bool) -> dict[str, Any]:
    """Return a transformer's configuration, or raise `InputError` for one that isn't run as its authors meant."""
    if (folder / "adapter_config.json").is_file():
        base = read_json(folder / "adapter_config.json").get("base_model_name_or_path")
        raise InputError(
            f"{folder} is an adapter of {base!r}, not a whole model; merge it with peft (merge_and_unload) and save "
            f"what comes out"
        )
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder} is not a model folder: it has no {CONFIG}")
    weight_files(folder)
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{folder} has no tokenizer.json; save the model again with a fast tokenizer")
    config: dict[str, Any] = read_json(folder / CONFIG)
    if "auto_map" in config or "auto_map" in read_json(folder / TOKENIZER_CONFIG, {}):
        raise InputError(f"{folder} needs code of its own to run, and semspace never runs code that comes with a model")
    _check_config(folder, config)
    if bare:
        _check_purpose(folder, config)
    return config


def _check_config(folder: Path, config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise InputError(f"{folder / CONFIG} names no model_type, so what the model is isn't known; fetch it again")
    places = config.get("position_embedding_type") or "absolute"
    if places != "absolute":
        raise InputError(
            f"{folder / CONFIG} has position_embedding_type {places!r}, which transformers 5 passes over in silence; "
            f"the vectors would be wrong: take a model with absolute positions"
        )
    if config.get("quantization_config"):
        raise InputError(f"{folder} has quantised weights (quantization_config); take the model in float32 or float16")
    if config.get("is_encoder_decoder") and kind not in ENCODER_HALVES:
        raise InputError(
            f"{folder} is a model of type {kind!r}, which reads with one half and writes with another; of such models "
            f"semspace runs {', '.join(ENCODER_HALVES)}"
        )


def _check_purpose(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise `InputError` for a model that was made for something else than vectors, and nothing says how to get any."""
    for name in config.get("architectures") or ():
        if str(name).endswith("ForSequenceClassification"):
            raise InputError(
                f"{folder} is a classifier or cross-encoder ({name}), which scores texts or pairs of them and gives no "
                f"vectors; take an encoder"
            )
        if str(name).endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")):
            raise InputError(
                f"{folder} is a model that writes text ({name}), and no {MODULES} says how it gives vectors; take one "
                f"that sentence-transformers saved"
            )


def _sentence_config(folder: Path) -> dict[str, Any]:
    """Read what sentence-transformers wrote for this kind of model (sentence_bert_config.json and the like)."""
    place = next((folder / name for name in _SENTENCE_CONFIGS if (folder / name).is_file()), None)
    if place is None:
        return {}
    config: dict[str, Any] = read_json(place)
    for key in _HANDED_ON:
        strange = sorted(set(config.get(key) or {}) - _HARMLESS)
        if strange:
            raise InputError(f"{place} hands {strange[0]!r} on to transformers ({key}), which semspace doesn't know")
    text = (config.get("modality_config") or {}).get("text", {"method": "forward"})
    last = text.get("method_output_name", "last_hidden_state")
    usual = (config.get("transformer_task") or "feature-extraction") == "feature-extraction"
    if not usual or text.get("method") != "forward" or last not in ("last_hidden_state", ["last_hidden_state"]):
        raise InputError(
            f"{place} takes something else of the transformer than the last states of a text's tokens, which is all "
            f"that semspace takes; see transformer_task and modality_config"
        )
    for key in ("processing_kwargs", "query_expansion", "query_length", "document_length"):
        if config.get(key):
            raise InputError(f"{place} has {key} {config[key]!r}, which semspace doesn't know")
    return config


def _longest(folder: Path, config: Mapping[str, Any], sentence: Mapping[str, Any]) -> int:
    """Return how many tokens a model reads: as sentence-transformers says, or else its tokenizer, and has positions."""
    positions = int(config.get("max_position_embeddings") or 512)
    if config.get("model_type") in PADDED_POSITIONS:  # their first positions are kept for padding
        padding = config.get("pad_token_id", 1)
        positions -= int(padding or 0) + 1
    named = sentence.get("max_seq_length") or read_json(folder / TOKENIZER_CONFIG, {}).get("model_max_length")
    if named is None:
        return positions
    if isinstance(named, bool) or not isinstance(named, (int, float)) or named < 1:
        raise InputError(f"{folder} says that the model reads {named!r} tokens; it must be a number of at least 1")
    return int(min(positions, named))


def _pooling(root: Path, modules: list[Module]) -> tuple[str, bool]:
    """Return how states are pooled, and whether those of a prompt are among them."""
    if not modules:  # a bare transformer: the mean of its tokens is what sentence-transformers takes
        return "mean", True
    config = modules[1].config(needed=True)
    named = config.get("pooling_mode")
    if named is None:
        on = {key for key, value in config.items() if key.startswith("pooling_mode_") and value is True}
        named = [mode for flag, mode in FLAGS.items() if flag in on] + sorted(on - set(FLAGS)) or ["mean"]
    modes = [named] if isinstance(named, str) else list(named)
    if not modes or any(mode not in POOLINGS for mode in modes):
        raise InputError(f"{root} pools by {' + '.join(map(str, modes))}; semspace pools by {', '.join(POOLINGS)}")
    include = config.get("include_prompt", True)
    if not isinstance(include, bool):
        raise DamagedError(
            f"{modules[1].folder / 'config.json'} has include_prompt {include!r}; it must be true or false"
        )
    return "+".join(modes), include
