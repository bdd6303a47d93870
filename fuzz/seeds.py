"""Small sound files of every kind, written by code: what a target changes."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import semspace as ss

TEXTS = [
    "new york is big",
    "i love new york",
    "is new york new",
    "red wine and old ale",
    "Straße, naïve — 猫 😀",
    "a b",
]
GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
_DIM = 6
_WORDS = ("[UNK]", "[PAD]", "[CLS]", "[SEP]", "red", "wine", "new", "york", "is", "big", "old", "i", "love", "ale")


def table() -> pl.DataFrame:
    """Return a small table of texts with columns of several types."""
    return pl.DataFrame(
        {
            "id": [f"d{row}" for row in range(len(TEXTS))],
            "text": TEXTS,
            "year": [1999, 2001, None, 2003, 2004, 2005],
            "price": [1.5, -2.0, 0.0, 1e9, None, 3.25],
            "label": ["a", "b", "a", None, "c", "=1+1"],
            "ok": [True, False, None, True, True, False],
        }
    )


def space(rows: int = 30, encoder: Any = None) -> ss.Space:
    """Return a small space with texts."""
    draw = np.random.default_rng(0)
    metadata = {"text": [TEXTS[row % len(TEXTS)] for row in range(rows)], "count": list(range(rows, 0, -1))}
    return ss.Space.from_vectors(
        [f"d{row}" for row in range(rows)], draw.normal(size=(rows, _DIM)), metadata, encoder=encoder
    )


def static(seed: int = 0) -> ss.StaticEncoder:
    """Return an encoder of a few words."""
    vectors = np.random.default_rng(seed).normal(size=(len(_WORDS), _DIM)).astype(np.float32)
    return ss.StaticEncoder(json.dumps(tokenizer("WordLevel")), vectors)


def tokenizer(kind: str) -> dict[str, Any]:
    """Return a small tokenizer as it stands in tokenizer.json."""
    model: dict[str, Any] = {
        "type": kind,
        "vocab": {word: row for row, word in enumerate(_WORDS)},
        "unk_token": "[UNK]",
    }
    if kind == "WordPiece":
        model |= {"continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None, "model": model,
    }  # fmt: skip


def word_average() -> ss.WordAverage:
    """Return an encoder of words by their vectors."""
    vectors = np.random.default_rng(1).normal(size=(4, _DIM))
    return ss.WordAverage(ss.Space.from_vectors(["new", "york", "red", "wine"], vectors), frequencies="zipf")


# -- files of texts and of vectors ------------------------------------------------------------------------------


def texts(ending: str) -> list[bytes]:
    """Return files of texts of a format, told by its ending."""
    plain = "\n".join(TEXTS).encode()
    flat = table().write_csv().encode()
    lines = table().write_ndjson().encode()
    match ending.removesuffix(".gz"):
        case "txt":
            found = [plain, plain.replace(b"\n", b"\r\n"), "\n".join(TEXTS).encode("utf-16"), b"one\n\ntwo\n"]
        case "csv":
            found = [flat, b'text;n\n"a ""b""\nc";1\nd;2\n', b"text\n=1+1\n-2\n", b"a,b\n1,2,3\n4,5\n"]
        case "tsv":
            found = [table().write_csv(separator="\t").encode()]
        case "jsonl":
            found = [lines, b'{"text": "a", "more": {"x": [1, 2]}}\n{"text": "b"}\n']
        case "json":
            found = [json.dumps(table().to_dicts()).encode()]
        case _:
            found = [
                _in_memory(table().write_parquet),
                _in_memory(lambda file: table().write_parquet(file, compression="gzip")),
            ]
    return [gzip.compress(one, mtime=0) for one in found] if ending.endswith(".gz") else found


def _in_memory(write: Callable[[Any], object]) -> bytes:
    import io

    file = io.BytesIO()
    write(file)
    return file.getvalue()


def vectors(kind: str) -> list[bytes]:
    """Return files of word vectors of a format, or of another library's index."""
    rows = np.random.default_rng(2).normal(size=(6, 3)).astype("<f4")
    words = ["new", "york", "red", "wine", "naïve", "猫"]
    lines = "".join(f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, rows, strict=True)).encode()
    match kind:
        case "word2vec":
            return [b"6 3\n" + lines, gzip.compress(b"6 3\n" + lines, mtime=0)]
        case "glove":
            return [lines]
        case "word2vec-binary":
            pairs = zip(words, rows, strict=True)
            return [b"6 3\n" + b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in pairs)]
        case "fasttext":
            return [_fasttext(words, rows)]
        case "hnswlib":
            return [path.read_bytes() for path in sorted((GOLDEN / "hnswlib").glob("*.bin"))]
        case _:
            return [path.read_bytes() for path in sorted((GOLDEN / "index-files").glob(f"*.{kind}"))]


def _fasttext(words: list[str], rows: Any) -> bytes:
    """Return a model of fastText with six words and eight buckets, as its version 12 writes it."""
    import struct

    dim, buckets = rows.shape[1], 8
    head = struct.pack("<ii", 793712314, 12)
    arguments = struct.pack("<12id", dim, 5, 1, 1, 5, 1, 1, 2, buckets, 3, 4, 100, 1e-4)
    dictionary = struct.pack("<iiiqq", len(words), len(words), 0, 100, -1)
    entries = b"".join(word.encode() + b"\0" + struct.pack("<qb", 9 - row, 0) for row, word in enumerate(words))
    matrix = np.concatenate([rows, np.random.default_rng(3).normal(size=(buckets, dim)).astype("<f4")])
    weights = struct.pack("<?qq", False, *matrix.shape) + matrix.tobytes()
    outputs = struct.pack("<?qq", False, *rows.shape) + rows.tobytes()
    return head + arguments + dictionary + entries + weights + outputs


# -- saved values --------------------------------------------------------------------------------------------------


def _grown(place: Path, method: str) -> None:
    """Save an index, and change it, so that it has a journal and a log of insertions."""
    ss.Index.build(space(40, static()), method, progress=False).save(place)
    opened = ss.Index.open(place, writable=True)
    more = space(48)
    opened.add(more.ids[40:].tolist(), more.vectors[40:], more.to_frame().drop("id")[40:])
    opened.delete(["d1", "d44"])
    opened.close()


def _clustering() -> ss.Clustering:
    return ss.cluster(space(), n_clusters=2, progress=False)


def _comparison() -> Any:
    encoder = static()
    halves = [ss.Corpus.from_texts([f"{text} {extra}" for text in TEXTS for extra in words]) for words in (
        ("red wine", "old ale"), ("new york", "big"),
    )]  # fmt: skip
    return ss.compare(
        *halves, encoder=encoder, n_clusters=2, permutations=99, resamples=99, references=False, progress=False
    )


def _latent(name: str) -> Any:
    trainers: dict[str, Callable[[], Any]] = {
        "pca": lambda: ss.latent.PCA(dim=3),
        "factor-analysis": lambda: ss.latent.FactorAnalysis(dim=2),
        "truncation": lambda: ss.latent.Truncation(dim=3),
        "autoencoder": lambda: ss.latent.Autoencoder(dim=3, hidden=8, batch_size=16, epochs=2, threads=1),
        "vae": lambda: ss.latent.VAE(dim=3, hidden=8, batch_size=16, epochs=2, threads=1),
        "gan": lambda: ss.latent.GAN(dim=3, hidden=8, batch_size=16, epochs=2, threads=1),
        "sparse-autoencoder": lambda: ss.latent.SparseAutoencoder(
            active=2, dim=12, hidden=8, batch_size=16, epochs=2, threads=1
        ),
    }
    return trainers[name]().train(space(60, word_average()))


def _dimensions() -> Any:
    texts = [f"{text} {word}" for text in TEXTS for word in _WORDS[4:]]
    vectors = np.random.default_rng(0).normal(size=(len(texts), _DIM))
    points = ss.Space.from_vectors([f"d{row}" for row in range(len(texts))], vectors, {"text": texts})
    return ss.latent.describe_dimensions(_latent("pca"), points, progress=False)


def _sparse_index() -> Any:
    from scipy import sparse

    rows = sparse.random_array((20, 12), density=0.3, rng=np.random.default_rng(0), dtype=np.float32).tocsr()
    return ss.SparseIndex.from_vectors([f"d{row}" for row in range(20)], rows)


def _text_decoder() -> Any:
    corpus = ss.Corpus(
        [f"{who} {what} {when}" for who in ("new", "red") for what in ("york", "wine") for when in _WORDS[4:10]]
    )
    trainer = ss.TextDecoder(layers=1, dim=64, vocabulary=300, min_words=2, epochs=2, batch_size=8, threads=1)
    return trainer.train(corpus, word_average(), progress=False)


def _bridge() -> Any:
    points = space(200)
    turned = np.linalg.qr(np.random.default_rng(5).normal(size=(_DIM, _DIM)))[0]
    return ss.latent.bridge(points, ss.Space.from_vectors(points.ids.tolist(), points.vectors @ turned), progress=False)


def _subwords() -> ss.Space:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words.bin"
        path.write_bytes(vectors("fasttext")[0])
        return ss.read_vectors(path, progress=False)


def _tokens() -> ss.Tokens:
    return ss.Tokens.from_corpus(ss.Corpus.from_texts(TEXTS))


def _calibration() -> Any:
    points = space(120)
    pairs = [(points.ids[row], points.ids[row + 1]) for row in range(0, 100, 2)]
    return points.calibrate(pairs, [row % 2 == 0 for row in range(len(pairs))], n_random=500)


VALUES: dict[str, Callable[[], Any]] = {
    "space": space,
    "space-static": lambda: static().embed(ss.Corpus.from_texts(TEXTS), progress=False),
    "space-average": lambda: space(20, word_average()),
    "space-int8": lambda: space().quantize("int8"),
    "space-binary": lambda: space().quantize("binary"),
    "space-product": lambda: space(300).quantize("product"),
    "space-corrected": lambda: space(30, static()).centered(),
    "space-latent": lambda: _latent("pca").encode(space(60, word_average())),
    "space-subwords": _subwords,
    "index-exact": lambda: ss.Index.build(space(), "exact", progress=False),
    "index-hnswlib": lambda: ss.Index.from_hnswlib(GOLDEN / "hnswlib" / "cosine.bin", space="cosine", dim=4),
    "clustering": _clustering,
    "comparison": _comparison,
    "corpus": lambda: ss.Corpus.from_frame(table().with_columns(pl.col("label").fill_null("x"))),
    "tokens": _tokens,
    "phrases": lambda: ss.Phrases(min_count=1, threshold=0.1).train(_tokens()),
    "static-encoder": static,
    "calibration": _calibration,
    "outliers": lambda: ss.outliers(space(60), progress=False),
    "projection": lambda: ss.project(space(), "pca", progress=False),
    "pca": lambda: _latent("pca"),
    "factor-analysis": lambda: _latent("factor-analysis"),
    "truncation": lambda: _latent("truncation"),
    "autoencoder": lambda: _latent("autoencoder"),
    "vae": lambda: _latent("vae"),
    "gan": lambda: _latent("gan"),
    "sparse-autoencoder": lambda: _latent("sparse-autoencoder"),
    "dimensions": _dimensions,
    "bridge": _bridge,
    "sparse-index": _sparse_index,
    "text-decoder": _text_decoder,
}


def _copied(write: Callable[[Path], None], place: Path) -> None:
    """Save an encoder, which copies the files of its model."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "model")
        encoder: Any = ss.Encoder.load(Path(folder) / "model")
        ss.save(encoder, place)


def write_value(name: str, place: Path) -> None:
    """Save a small value of a kind."""
    if name == "encoder":
        _copied(write_transformer, place)
    elif name == "headed-encoder":
        _copied(write_headed_model, place)
    elif name == "index-hnsw":
        _grown(place, "hnsw")
    elif name == "index-exact-grown":
        _grown(place, "exact")
    else:
        ss.save(VALUES[name](), place)


# -- models ----------------------------------------------------------------------------------------------------------


def write_static_model(folder: Path) -> None:
    """Write a static encoder as sentence-transformers does."""
    from safetensors.numpy import save_file

    (folder / "0_StaticEmbedding").mkdir(parents=True)
    module = {
        "idx": 0,
        "name": "0",
        "path": "0_StaticEmbedding",
        "type": "sentence_transformers.models.StaticEmbedding",
    }
    _put(folder / "modules.json", [module])
    _put(folder / "0_StaticEmbedding" / "tokenizer.json", tokenizer("WordLevel"))
    save_file({"embedding.weight": _normal(len(_WORDS), 8)}, folder / "0_StaticEmbedding" / "model.safetensors")
    _put(folder / "config_sentence_transformers.json", {"prompts": {"query": "red "}, "default_prompt_name": None})


def write_headed_model(folder: Path) -> None:
    """Write a static encoder that is followed by a Dense module."""
    write_static_model(folder)
    (folder / "1_Dense").mkdir()
    write_dense(folder / "1_Dense", 8, 4)
    listed = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    listed.append({"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.models.Dense"})
    _put(folder / "modules.json", listed)


def write_dense(folder: Path, wide: int, narrow: int) -> None:
    """Write a Dense module."""
    from safetensors.numpy import save_file

    activation = "torch.nn.modules.activation.Tanh"
    told = {"in_features": wide, "out_features": narrow, "bias": True, "activation_function": activation}
    _put(folder / "config.json", told)
    save_file({"linear.weight": _normal(narrow, wide), "linear.bias": _normal(narrow)}, folder / "model.safetensors")


def write_transformer(folder: Path) -> None:
    """Write a transformer of one small layer, with pooling and a Dense module."""
    from safetensors.numpy import save_file

    size, inner = 32, 64
    (folder / "1_Pooling").mkdir(parents=True)
    (folder / "2_Dense").mkdir()
    _put(folder / "config.json", {
        "model_type": "bert", "architectures": ["BertModel"], "vocab_size": len(_WORDS), "hidden_size": size,
        "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": inner, "hidden_act": "gelu",
        "max_position_embeddings": 32, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 1,
        "position_embedding_type": "absolute",
    })  # fmt: skip
    layer = "encoder.layer.0."
    shapes = {
        "embeddings.word_embeddings.weight": (len(_WORDS), size), "embeddings.position_embeddings.weight": (32, size),
        "embeddings.token_type_embeddings.weight": (2, size), "embeddings.LayerNorm.weight": (size,),
        "embeddings.LayerNorm.bias": (size,), f"{layer}intermediate.dense.weight": (inner, size),
        f"{layer}intermediate.dense.bias": (inner,), f"{layer}output.dense.weight": (size, inner),
        f"{layer}output.dense.bias": (size,), f"{layer}output.LayerNorm.weight": (size,),
        f"{layer}output.LayerNorm.bias": (size,), f"{layer}attention.output.LayerNorm.weight": (size,),
        f"{layer}attention.output.LayerNorm.bias": (size,),
    }  # fmt: skip
    for part in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
        shapes |= {f"{layer}{part}.weight": (size, size), f"{layer}{part}.bias": (size,)}
    save_file({name: _normal(*shape) for name, shape in shapes.items()}, folder / "model.safetensors", {"format": "pt"})
    pieces = tokenizer("WordPiece")
    pieces["normalizer"] = {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
        "lowercase": True,
    }  # fmt: skip
    pieces["pre_tokenizer"] = {"type": "BertPreTokenizer"}
    pieces["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {
            "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
        },
    }  # fmt: skip
    _put(folder / "tokenizer.json", pieces)
    _put(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "BertTokenizer", "model_max_length": 32, "pad_token": "[PAD]"},
    )
    _put(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})
    kinds = {"mean_tokens": True, "cls_token": False, "max_tokens": False}
    _put(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": size, **{f"pooling_mode_{kind}": on for kind, on in kinds.items()}},
    )
    write_dense(folder / "2_Dense", size, 8)
    steps = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Dense", "Dense"), ("3_Normalize", "Normalize"))
    _put(folder / "modules.json", [
        {"idx": row, "name": str(row), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for row, (path, kind) in enumerate(steps)
    ])  # fmt: skip


def _normal(*shape: int) -> Any:
    return np.random.default_rng(4).normal(size=shape).astype(np.float32)


def _put(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def write_routed_model(folder: Path) -> None:
    """Write an encoder whose queries take another way than its documents, as sentence-transformers does."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Dense, Router, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    with tempfile.TemporaryDirectory() as plain:
        write_transformer(Path(plain))
        (Path(plain) / "modules.json").unlink()
        shared = Transformer(plain)
    ways = Router.for_query_document([Pooling(32), Dense(32, 8)], [Pooling(32), Dense(32, 8)])
    SentenceTransformer(modules=[shared, ways], device="cpu").save(str(folder), create_model_card=False)


def write_sparse_model(folder: Path) -> None:
    """Write a sparse encoder, queries of which are looked up in a table, as sentence-transformers does."""
    import torch
    import transformers as tf
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Router, Transformer
    from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

    with tempfile.TemporaryDirectory() as plain:
        write_transformer(Path(plain))
        torch.manual_seed(0)
        config = tf.BertConfig.from_pretrained(plain, vocab_size=len(_WORDS) + 1)  # BERT's tokenizer adds [MASK]
        tf.BertForMaskedLM(config).save_pretrained(plain)
        (Path(plain) / "modules.json").unlink()
        documents = Transformer(plain, transformer_task="fill-mask")
    weights = torch.rand(len(documents.tokenizer.get_vocab()))
    queries = SparseStaticEmbedding(documents.tokenizer, weight=weights, frozen=True)
    ways = Router.for_query_document([queries], [documents, SpladePooling("max", "relu")])
    SparseEncoder(modules=[ways], device="cpu").save(str(folder), create_model_card=False)


def write_cross_encoder(folder: Path) -> None:
    """Write a cross-encoder of one small layer, as transformers does."""
    import torch
    import transformers as tf

    write_transformer(folder)
    (folder / "modules.json").unlink()
    torch.manual_seed(0)
    config = tf.BertConfig.from_pretrained(folder, vocab_size=len(_WORDS) + 1, num_labels=1)
    tf.BertForSequenceClassification(config).save_pretrained(folder)


# -- unfinished work --------------------------------------------------------------------------------------------------


def train_words(place: Path, *, resume: bool) -> object:
    """Train word vectors with a checkpoint at `place`."""
    return ss.Word2Vec(dim=4, epochs=2, threads=1, min_count=1).train(
        _tokens(), checkpoint=place, resume=resume, progress=False
    )


def train_autoencoder(place: Path, *, resume: bool) -> object:
    """Train an autoencoder with a checkpoint at `place`."""
    return ss.latent.Autoencoder(dim=3, hidden=8, batch_size=16, epochs=2, threads=1).train(
        space(60), checkpoint=place, resume=resume, progress=False
    )


def train_encoder(place: Path, *, resume: bool) -> object:
    """Train a transformer of one small layer with a checkpoint at `place`."""
    pairs = [
        (f"{one} {row}", f"{other} {row}")
        for row, (one, other) in enumerate(zip(_WORDS[4:9], _WORDS[9:14], strict=True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        write_transformer(model)
        _put(model / "modules.json", json.loads((model / "modules.json").read_text(encoding="utf-8"))[:2])
        trainer = ss.EncoderTrainer(base=model, objective="pairs", batch_size=2, epochs=1, held_out=0)
        return trainer.train(pairs, checkpoint=place, resume=resume, progress=False)


def write_job(folder: Path) -> None:
    """Write the results of a job of `semspace.scale`, with the model and the texts that it was run on."""
    from semspace import scale

    source = folder / "texts"
    source.mkdir(parents=True)
    for part in range(2):
        table().with_columns(pl.format("{}-{}", "id", pl.lit(part))).write_parquet(source / f"{part}.parquet")
    ss.save(static(), folder / "model")
    scale.encode(source, folder / "vectors", folder / "model", progress=False)
    scale.tokenize(source, folder / "words", progress=False)
