"""Small models in folders, as sentence-transformers and transformers write them."""

import json
from pathlib import Path

import numpy as np

WORDS = ["the", "cat", "dog", "sat", "on", "mat", "tree", "river", "bread", "query", "Łódź", "résumé", "resume"]
TEXTS = ["the cat sat on the mat", "the THE Cat DOG", "résumé on the river", "bread 猫山 tree", "x"]
SIZE = 64


def wordpiece(lower=True, **normal):
    """A WordPiece tokenizer of a few words and all their letters."""
    import tokenizers as tk

    letters = sorted(set("".join(WORDS) + "".join(WORDS).lower() + "abcdefghijklmnopqrstuvwxyzTCDOGHE猫山"))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, "łódź", "Cat", "DOG", "THE"]
    pieces += [c for c in letters if c not in pieces] + [f"##{c}" for c in letters]
    made = tk.Tokenizer(tk.models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = tk.normalizers.BertNormalizer(lowercase=lower, **normal)
    made.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    made.post_processor = tk.processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    return made


def byte_pairs(space=False):
    """A byte-level BPE tokenizer, RoBERTa's kind."""
    import tokenizers as tk

    letters = sorted(tk.pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters, "Ġc", "Ġca", "Ġcat", "ca", "cat"]
    pairs = [("Ġ", "c"), ("Ġc", "a"), ("Ġca", "t"), ("c", "a"), ("ca", "t")]
    made = tk.Tokenizer(tk.models.BPE({piece: i for i, piece in enumerate(pieces)}, pairs))
    made.pre_tokenizer = tk.pre_tokenizers.ByteLevel(add_prefix_space=space)
    made.post_processor = tk.processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=space)
    return made


MARKS = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "pad", "cls", "sep", "mask")}
ROBERTA_MARKS = {f"{name}_token": f"<{name}>" for name in ("unk", "pad", "mask")}
ROBERTA_MARKS |= {"cls_token": "<s>", "sep_token": "</s>", "bos_token": "<s>", "eos_token": "</s>"}


def bare(folder: Path, *, config=None, reader=None, tokenizer=None, **told) -> Path:
    """A transformer of two small layers without a list of modules; `told` goes into tokenizer_config.json."""
    import torch
    import transformers as tf

    tokenizer = tokenizer or wordpiece()
    torch.manual_seed(1)
    sizes = {"hidden_size": SIZE, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
    roberta = "<pad>" in tokenizer.get_vocab()
    kind = tf.RobertaConfig if roberta else tf.BertConfig
    config = config or kind(
        vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=66 if roberta else 64, initializer_range=0.2,
        pad_token_id=1 if roberta else 0, **sizes,
    )  # fmt: skip
    (reader or tf.AutoModel.from_config)(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    marks = ROBERTA_MARKS if roberta else MARKS
    put(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **marks, **told})
    return folder


def whole(folder: Path, *more, out: Path | None = None, pooling="mean", include_prompt=True, **said) -> Path:
    """The same, with modules as sentence-transformers writes them."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    pool = Pooling(SIZE, pooling_mode=pooling, include_prompt=include_prompt)
    model = SentenceTransformer(modules=[Transformer(str(folder)), pool, *more], device="cpu", **said)
    out = out or folder.with_name(f"{folder.name}-whole")
    model.save(str(out), create_model_card=False)
    return out


def theirs(folder: Path, texts=TEXTS, method="encode", **options):
    """What sentence-transformers makes of a folder."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})
    return getattr(model, method)(texts, show_progress_bar=False, **options)


def put(path: Path, content) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def change(path: Path, **values) -> None:
    """Set values in a JSON file."""
    put(path, {**json.loads(path.read_text(encoding="utf-8")), **values})


def weights(folder: Path, alter) -> None:
    """Put ``alter(weights)`` in the place of a folder's weights."""
    from safetensors.numpy import load_file, save_file

    made = {name: np.ascontiguousarray(one) for name, one in alter(load_file(folder / "model.safetensors")).items()}
    save_file(made, folder / "model.safetensors", metadata={"format": "pt"})
