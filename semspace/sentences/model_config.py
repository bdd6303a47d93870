"""`ModelConfig`: what a folder in the format of sentence-transformers says of its model."""

import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from semspace.errors import DamagedError, InputError
from semspace.files import digest
from semspace.inference import architectures
from semspace.remembered import remembered_digest
from semspace.replacement import is_bundle
from semspace.sentences import head
from semspace.sentences.adapters import merged_folder
from semspace.sentences.head import HeadModule
from semspace.sentences.model_files import CONFIG
from semspace.sentences.modules import (
    MODULES,
    SENTENCE_CONFIG,
    Module,
    SentenceConfig,
    read_json,
    read_modules,
    read_sentence_config,
    reads_settings,
)
from semspace.sentences.tokenizer_settings import TOKENIZER_CONFIG, TokenizerSettings, read_tokenizer_settings
from semspace.sentences.weights import weight_files

# In the order in which sentence-transformers concatenates them.
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_POOLING_KEYS = ("word_embedding_dimension", "embedding_dimension", "pooling_mode", "include_prompt")
PADDED_POSITIONS = ("camembert", "longformer", "mpnet", "roberta", "xlm-roberta", "xlm-roberta-xl")
# Encoder-decoder models whose encoder can be loaded alone.
ENCODER_DECODERS = ("t5", "mt5", "umt5", "longt5")
# Names that sentence-transformers has given to the file of a model's settings; the first that exists is read.
_SENTENCE_CONFIGS = tuple(
    f"sentence_{kind}_config.json"
    for kind in ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
)
# Settings passed to transformers that don't change the vectors.
_HARMLESS = {"attn_implementation", "dtype", "torch_dtype", "trust_remote_code", "use_cache", "local_files_only"}
LAYER_COUNTS = ("num_hidden_layers", "n_layers", "n_layer", "num_layers")  # by type of the model
_HEAD_COUNTS = ("num_attention_heads", "n_heads", "n_head", "num_heads")
_MOST = 10_000  # far more layers or heads than any model has; each would take memory before its weights are missed
_PASSED_ON = ("model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs")
# Settings of the Transformer module that are read below, or change no vector.
_TRANSFORMER_KEYS = (
    "max_seq_length", "do_lower_case", *_PASSED_ON, "modality_config", "transformer_task", "module_output_name",
    "processing_kwargs", "query_expansion", "query_length", "document_length", "unpad_inputs",
)  # fmt: skip
# Versions of sentence-transformers that take the first token for "cls" whatever the prompt, and that don't.
_CLS_FIRST, _CLS_AFTER_PROMPT = (5, 5), (5, 6)
# What a task of transformers makes of a text's tokens: its name there, and in words.
_FEATURES, FILL_MASK = "feature-extraction", "fill-mask"
_OUTPUTS = {
    _FEATURES: ("last_hidden_state", "the last hidden states of a text's tokens"),
    FILL_MASK: ("logits", "the logits of a text's tokens"),
}
_TRAINABLE_POOLINGS = ("mean", "cls", "max")


@dataclass(frozen=True)
class ModelConfig:
    """The configuration of a model.

    Parameters
    ----------
    folder : the folder of config, weights and tokenizer
    pooling : one of `POOLINGS`; or several joined by "+", whose vectors are concatenated
    normalize : whether vectors are scaled to length 1 at the end
    max_tokens : longest input in tokens, special tokens included
    lowercase : whether text is lower-cased before it is tokenised
    prompts : prompts by name; "" is the default prompt
    head : modules applied to a pooled vector, before it is scaled
    include_prompt : whether the tokens of a prompt are pooled with those of the text
    truncate_dim : number of leading dimensions that are kept; all where None
    similarity : the measure by which the model's vectors are meant to be compared
    tokenizer : changes to what ``tokenizer.json`` says
    """

    folder: Path
    pooling: str
    normalize: bool
    max_tokens: int
    lowercase: bool
    prompts: Mapping[str, str] = field(default_factory=dict)
    head: tuple[HeadModule, ...] = ()
    include_prompt: bool = True
    truncate_dim: int | None = None
    similarity: str = "cosine"
    tokenizer: TokenizerSettings = field(default_factory=TokenizerSettings)

    @property
    def poolings(self) -> tuple[str, ...]:
        """The poolings, one by one."""
        return tuple(self.pooling.split("+"))

    @property
    def untrained(self) -> str:
        """The part of this model that `EncoderTrainer` can't train; empty if it can train the model."""
        if self.pooling not in _TRAINABLE_POOLINGS:
            return f"pooling by {self.pooling}"
        if self.head:
            return f"a module {self.head[0].kind} after Pooling"
        if not self.include_prompt:
            return "a pooling that excludes prompts"
        return "" if self.truncate_dim is None else "truncated vectors (truncate_dim)"

    def width(self, hidden: int) -> int:
        """Return the number of dimensions of a vector, given that of the transformer's hidden states."""
        width = head.output_width(self.head, hidden * len(self.poolings))
        return width if self.truncate_dim is None else min(width, self.truncate_dim)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides a vector."""
        files = [self.folder / CONFIG, *weight_files(self.folder), self.folder / "tokenizer.json"]
        named = {name: text for name, text in sorted(self.prompts.items()) if name and text}
        # Rare settings count only where they are set, so that the fingerprints of other models stay the same.
        more = {
            "head": [item for module in self.head for item in [*module.digests(), dict(module.config)]],
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
        return digest(*(remembered_digest(path).encode() for path in files), rest.encode())


@reads_settings
def read_model_config(root: Path, modules: Sequence[Module] | None = None) -> ModelConfig:
    """Read the configuration of a model, and check that it can be opened safely and has one meaning only.

    The modules are those that the folder lists, unless others are given: one side of a model with several.
    """
    modules = read_modules(root) if modules is None else modules
    sentence = read_sentence_config(root)
    _check_kinds(root, modules)
    folder = merged_folder(modules[0].folder if modules else root)
    config = _model_config(folder, bare=not modules)
    transformer = _transformer_settings(folder)
    pooling, include_prompt = _pooling(modules, sentence.written_by)
    head_modules = head.read_head(modules[2:])
    normalize = bool(head_modules) and head_modules[-1].kind == head.NORMALIZE
    return ModelConfig(
        folder,
        pooling,
        normalize,
        _max_tokens(folder, config, transformer),
        bool(transformer.get("do_lower_case", False)),
        sentence.prompts,
        head_modules[:-1] if normalize else head_modules,
        include_prompt,
        sentence.truncate_dim,
        sentence.similarity,
        read_tokenizer_settings(folder, config),
    )


@reads_settings
def read_states_config(module: Module, sentence: SentenceConfig, task: str) -> ModelConfig:
    """Read the configuration of a transformer of which the states of tokens are used, for a task of transformers."""
    folder = merged_folder(module.folder)
    config = _model_config(folder, bare=False)
    transformer = _transformer_settings(folder, task)
    return ModelConfig(
        folder,
        "mean",
        normalize=False,
        max_tokens=_max_tokens(folder, config, transformer),
        lowercase=bool(transformer.get("do_lower_case", False)),
        prompts=sentence.prompts,
        similarity=sentence.similarity,
        tokenizer=read_tokenizer_settings(folder, config),
    )


def _check_kinds(root: Path, modules: Sequence[Module]) -> None:
    """Raise `InputError` unless the modules are Transformer, Pooling and then any of `head.KINDS`."""
    kinds = [module.kind for module in modules]
    if not modules:
        return
    strange = next((kind for kind in kinds[1:] if kind not in ("Pooling", *head.KINDS)), None)
    if kinds[0] != "Transformer" or strange:
        raise InputError(
            f"{root / MODULES} lists a module of type {strange or kinds[0]}, which semspace doesn't run: after "
            f"Transformer and Pooling, or after StaticEmbedding, it runs {', '.join(head.KINDS)}, and all of them on "
            f"the sides of a Router"
        )
    if kinds[1:2] != ["Pooling"] or "Pooling" in kinds[2:]:
        raise InputError(
            f"{root / MODULES} lists the modules {', '.join(kinds)}; exactly one Pooling module must follow "
            f"Transformer, to turn the vectors of tokens into one for the text"
        )


def _model_config(folder: Path, *, bare: bool) -> dict[str, Any]:
    """Return the content of ``config.json``, or raise `InputError` for a model that would run incorrectly."""
    if not (folder / CONFIG).is_file():
        files = f"give the folder that holds {CONFIG}, the weights and tokenizer.json"
        remedy = "semspace.load opens what semspace saved" if is_bundle(folder) else files
        raise InputError(f"{folder} is not a model folder: it has no {CONFIG}; {remedy}")
    weight_files(folder)
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{folder} has no tokenizer.json; save the model again with a fast tokenizer")
    config: dict[str, Any] = read_json(folder / CONFIG)
    has_code = "auto_map" in config or "auto_map" in read_json(folder / TOKENIZER_CONFIG, {})
    if has_code and not architectures.is_rotary(config):
        raise InputError(
            f"{folder} needs its own code to run (auto_map in {CONFIG} or {TOKENIZER_CONFIG}), but semspace never runs "
            f"code that comes with a model"
        )
    _check_config(folder, config)
    if bare:
        _check_purpose(folder, config)
    return config


def _check_config(folder: Path, config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise InputError(
            f"{folder / CONFIG} has no model_type, so the architecture is unknown; download the model again"
        )
    positions = config.get("position_embedding_type") or "absolute"
    if positions != "absolute" and not architectures.is_rotary(config):
        raise InputError(
            f"{folder / CONFIG} has position_embedding_type {positions!r}, which transformers 5 silently ignores; the "
            f"vectors would be wrong: use a model with absolute positions"
        )
    for name in (*LAYER_COUNTS, *_HEAD_COUNTS):
        count = config.get(name)
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST):
            raise DamagedError(
                f"{folder / CONFIG} has {name} {reprlib.repr(count)}; it must be a whole number from 1 to {_MOST:,}: "
                f"download the model again"
            )
    window = config.get("sliding_window")
    if kind == "gemma3_text" and config.get("use_bidirectional_attention") and isinstance(window, int) and window % 2:
        raise InputError(
            f"{folder / CONFIG} has sliding_window {window}, as transformers 4 writes it, which halves the window of "
            f"such a model each time it is saved; set it to {(window - 1) * 2}, with which the model ran before that"
        )
    if config.get("quantization_config"):
        raise InputError(f"{folder} has quantised weights (quantization_config); use the model in float32 or float16")
    if config.get("is_encoder_decoder") and kind not in ENCODER_DECODERS:
        raise InputError(
            f"{folder} is an encoder-decoder model of type {kind!r}; of these, semspace runs "
            f"{', '.join(ENCODER_DECODERS)}"
        )


def _check_purpose(folder: Path, config: Mapping[str, Any]) -> None:
    """Raise `InputError` for a model without a Pooling module that was trained for another task than embedding."""
    for name in config.get("architectures") or ():
        if str(name).endswith("ForSequenceClassification"):
            raise InputError(
                f"{folder} is a classifier or cross-encoder ({name}), which scores texts or pairs of texts and doesn't "
                f"embed them; use an encoder"
            )
        if str(name).endswith(("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")):
            raise InputError(
                f"{folder} is a generative model ({name}), and no {MODULES} says how to pool its states; use a model "
                f"that sentence-transformers saved"
            )


def _settings_file(folder: Path) -> str:
    """Return the name of the file with the settings of the Transformer module: the first that exists."""
    return next((name for name in _SENTENCE_CONFIGS if (folder / name).is_file()), _SENTENCE_CONFIGS[0])


def _transformer_settings(folder: Path, task: str = _FEATURES) -> dict[str, Any]:
    """Read the settings of the Transformer module (sentence_bert_config.json and the like)."""
    path = folder / _settings_file(folder)
    if not path.is_file():
        return {}
    config: dict[str, Any] = read_json(path, objects=("modality_config", *_PASSED_ON))
    unknown = next((key for key in config if key not in _TRANSFORMER_KEYS), None)
    if unknown is not None:
        raise InputError(
            f"{path} has {unknown} {config[unknown]!r}, a setting of Transformer that semspace doesn't know; it knows "
            f"{', '.join(_TRANSFORMER_KEYS)}"
        )
    lowercase = config.get("do_lower_case", False)
    if not isinstance(lowercase, (bool, type(None))):
        raise InputError(f"{path} has do_lower_case {lowercase!r}; it must be true or false")
    for key in _PASSED_ON:
        strange = sorted(set(config.get(key) or {}) - _HARMLESS)
        if strange:
            raise InputError(f"{path} passes {strange[0]!r} to transformers ({key}), which semspace doesn't support")
    output, meant = _OUTPUTS[task]
    text = (config.get("modality_config") or {}).get("text", {"method": "forward"})
    told = text.get("method_output_name", output)
    usual = (config.get("transformer_task") or task) == task
    if not usual or text.get("method") != "forward" or told not in (output, [output]):
        raise InputError(
            f"{path} pools something other than {meant}, which semspace doesn't support; see transformer_task and "
            f"modality_config"
        )
    for key in ("processing_kwargs", "query_expansion", "query_length", "document_length"):
        if config.get(key):
            raise InputError(f"{path} has {key} {config[key]!r}, which semspace doesn't support")
    return config


def _max_tokens(folder: Path, config: Mapping[str, Any], sentence: Mapping[str, Any]) -> int:
    """Return the number of tokens a model reads: by its settings, else its tokenizer, and at most its positions."""
    positions = int(config.get("max_position_embeddings") or config.get("n_positions") or 512)
    if config.get("model_type") in PADDED_POSITIONS:  # the first positions are reserved for padding
        padding = config.get("pad_token_id", 1)
        positions -= int(padding or 0) + 1
    limit, said = sentence.get("max_seq_length"), f"{folder / _settings_file(folder)} has max_seq_length"
    if limit is None:
        limit = read_json(folder / TOKENIZER_CONFIG, {}).get("model_max_length")
        said = f"{folder / TOKENIZER_CONFIG} has model_max_length"
    if limit is None:
        return positions
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or limit < 1:
        raise InputError(f"{said} {limit!r}; it must be a number of tokens of at least 1")
    return int(min(positions, limit))


def _pooling(modules: Sequence[Module], written_by: tuple[int, int] | None) -> tuple[str, bool]:
    """Return how the states of tokens are pooled, and whether the tokens of a prompt are included."""
    if not modules:  # a bare transformer: sentence-transformers takes the mean of its tokens
        return "mean", True
    config = modules[1].config(needed=True)
    strange = next((key for key in config if key not in _POOLING_KEYS and not key.startswith("pooling_mode_")), None)
    if strange is not None:
        raise InputError(
            f"{modules[1].folder / 'config.json'} has {strange} {config[strange]!r}, a setting of Pooling that "
            f"semspace doesn't know; it knows {', '.join(_POOLING_KEYS)} and flags such as pooling_mode_mean_tokens"
        )
    modes = config.get("pooling_mode")
    if modes is None:
        flags = {key for key, value in config.items() if key.startswith("pooling_mode_") and value is True}
        modes = [mode for flag, mode in FLAGS.items() if flag in flags] + sorted(flags - set(FLAGS)) or ["mean"]
    modes = [modes] if isinstance(modes, str) else list(modes)
    if not modes or any(mode not in POOLINGS for mode in modes):
        raise InputError(
            f"{modules[1].folder / 'config.json'} pools by {' + '.join(map(str, modes))} (pooling_mode); semspace "
            f"supports {', '.join(POOLINGS)}"
        )
    include = config.get("include_prompt", True)
    if not isinstance(include, bool):
        raise DamagedError(
            f"{modules[1].folder / 'config.json'} has include_prompt {include!r}; it must be true or false"
        )
    if "cls" in modes and not include:
        include = _excludes_first(modules[1].folder / "config.json", modes, written_by)
    return "+".join(modes), include


def _excludes_first(path: Path, modes: Sequence[str], written_by: tuple[int, int] | None) -> bool:
    """Return whether the first token is pooled though a prompt isn't: it was by sentence-transformers before 5.6.

    Later versions take the first token after the prompt; see findings/sentence-transformers-cls-after-prompt.sh.
    """
    if written_by is not None and written_by >= _CLS_AFTER_PROMPT:
        return False
    if written_by is not None and written_by < _CLS_FIRST and tuple(modes) == ("cls",):
        return True
    raise InputError(
        f"{path} pools by {' + '.join(modes)} with include_prompt false, which sentence-transformers reads differently "
        f"before version 5.6 and since, and {SENTENCE_CONFIG} doesn't say which version trained it (__version__); save "
        f"the model again with that version"
    )
