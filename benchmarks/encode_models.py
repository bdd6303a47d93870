"""Claim: other transformers than MiniLM, too, run several times as fast as sentence-transformers' torch in float32.

``python -m benchmarks encode --all`` runs this after `encode`: all-mpnet-base-v2 where its folder is named by
``SEMSPACE_MPNET``; the shapes of ModernBERT-base, of nomic-embed-text and of EmbeddingGemma with random weights, whose
speed is that of the real ones; one query at a time; and texts of up to 8,192 tokens. Torch may use what the processor
has, or what ``ATEN_CPU_CAPABILITY`` leaves; semspace what ``SEMSPACE_CPU`` leaves.
"""

import json
import os
import resource
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np

import semspace as ss
from benchmarks.measuring import alternate, data, machine, median, table
from semspace.evaluation.sts import STS
from semspace.inference import forward
from semspace.kernels.compiling import compiled
from semspace.sentences.kernel_runtime import KernelRuntime, runs_here
from semspace.sentences.model_files import find_model

MINILM = "all-MiniLM-L6-v2"
BASE = {"vocab_size": 30_522, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None}
SHAPES = {
    "ModernBERT-base": ("ModernBertConfig", {"cls_token_id": 101, "sep_token_id": 102}),
    "nomic-embed-text": ("NomicBertConfig", {}),
    "EmbeddingGemma": (
        "Gemma3TextConfig",
        {
            "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 24, "num_attention_heads": 3,
            "num_key_value_heads": 1, "head_dim": 256, "sliding_window": 512, "use_bidirectional_attention": True,
            "max_position_embeddings": 2048,
        },
    ),
}  # fmt: skip


def main(sets: dict[str, list[str]], rounds: int, models: list[str] | None) -> None:
    """Measure on parts of the texts that `encode` measures MiniLM on."""
    few = {"short": sets["short"][:128], "mixed": sets["mixed"][:24], "long": sets["long"][:8]}
    with tempfile.TemporaryDirectory() as folder:
        shapes = {name: shape for name, shape in SHAPES.items() if not models or name in models}
        folders = {name: random_model(Path(folder) / name, *shape) for name, shape in shapes.items()}
        mpnet = os.environ.get("SEMSPACE_MPNET")
        if mpnet:
            folders = {"all-mpnet-base-v2": Path(mpnet), **folders}
        print(f"\n## Other models, texts a second\n\n{machine('numba', 'torch')}; medians of {rounds} runs in turn\n")
        rows = [row for name, path in folders.items() for row in speeds(name, path, few, rounds)]
        print(table(["model", "runtime", *(f"{one} (ratio to torch)" for one in few), "least cosine to torch"], rows))
        if mpnet:
            sts = STS.read(data("sts/stsb-test.tsv"))
            judged = sts.score(ss.Encoder.load(mpnet, backend="fast")).value
            print(f"\nall-mpnet-base-v2 `fast`, STS Benchmark test: {judged:.4f}")
        queries(sets["short"])
        if "ModernBERT-base" in folders:
            context(folders["ModernBERT-base"])


def random_model(folder: Path, name: str, settings: dict) -> Path:
    """Return the folder of a model with random weights, and the tokenizer of MiniLM."""
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(getattr(transformers, name)(**BASE | settings)).float()
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        source = Path(find_model(MINILM)) / file
        if source.exists():
            shutil.copy(source, folder / file)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**tokenizer, "model_max_length": 512}))
    return folder


def speeds(name: str, folder: Path, sets: dict[str, list[str]], rounds: int) -> list[list[str]]:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(folder), device="cpu")
    theirs.max_seq_length = 512
    prepared = ss.Encoder.load(folder, backend="torch")
    precisions = [one for one in ("int8", "bfloat16", "float32") if runs_here(one)]
    runtimes = {one: KernelRuntime(prepared.config, "fast", one) for one in precisions}
    tokens = {one: prepared._prepare(texts) for one, texts in sets.items()}
    contenders = {}
    for one, texts in sets.items():
        contenders[f"torch {one}"] = lambda t=texts: theirs.encode(t, show_progress_bar=False)
        for precision, runtime in runtimes.items():
            # Tokens are counted, too: sentence-transformers' time includes them.
            contenders[f"{precision} {one}"] = lambda r=runtime, t=texts: r.pooled(prepared._prepare(t), lambda _: None)
    theirs.encode(sets["short"][:32])
    for runtime in runtimes.values():
        runtime.pooled(tokens["long"], lambda _: None)
    seconds, vectors = alternate(contenders, rounds)
    rows = []
    for kind in ("torch", *precisions):
        cells = [
            f"{len(texts) / median(seconds[f'{kind} {one}']):,.1f} "
            f"(**{median(seconds[f'torch {one}']) / median(seconds[f'{kind} {one}']):.2f}×**)"
            for one, texts in sets.items()
        ]
        nearest = min(float(cosines(vectors[f"{kind} {one}"], vectors[f"torch {one}"]).min()) for one in sets)
        rows.append([name, kind if kind != "torch" else "sentence-transformers, torch", *cells, f"{nearest:.4f}"])
    return rows


def cosines(left, right):
    left, right = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (left, right))
    return (left * right).sum(1)


def queries(texts: list[str]) -> None:
    """One query after the other: the time that a person waits."""
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(find_model(MINILM)), device="cpu")
    encoders = {kind: ss.Encoder.load(MINILM, backend=kind) for kind in ("fast", "exact")}
    ways = {kind: encoder.encode for kind, encoder in encoders.items()}
    ways["torch"] = lambda text: theirs.encode(text, show_progress_bar=False)
    asked = texts[:: max(1, len(texts) // 200)][:200]
    taken: dict[str, list[float]] = {kind: [] for kind in ways}
    for text in [*asked[:20], *asked]:
        for kind, encode in ways.items():
            start = perf_counter()
            encode(text)
            taken[kind].append(perf_counter() - start)
    rows = []
    for kind in ("torch", "exact", "fast"):
        times = np.array(taken[kind][20:]) * 1e3
        ratio = np.median(taken["torch"][20:]) * 1e3 / np.median(times)
        rows.append([kind, f"{np.median(times):.2f}", f"{np.percentile(times, 95):.2f}", f"**{ratio:.1f}×**"])
    print("\n### One query at a time, MiniLM, milliseconds\n")
    print(table(["runtime", "median", "95th percentile", "faster than torch"], rows))


def context(folder: Path) -> None:
    """Texts of up to 8,192 tokens through the shape of ModernBERT-base."""
    longest = 8192
    config = replace(ss.Encoder.load(folder, backend="torch").config, max_tokens=longest)
    runtime = KernelRuntime(config, "fast", "int8" if runs_here("int8") else "float32")
    scratch = forward.create_workspace(runtime.model)
    rows = []
    for length in (512, 2048, longest):
        tokens = (np.arange(length) % 30_000 + 5).astype(np.int32)
        starts = np.array([0, length], np.int64)
        vectors, mean = np.empty((1, runtime.dim), np.float32), np.array([forward.POOLINGS.index("mean")])
        encode = partial(forward.encode_tokens, runtime.model, tokens, starts, 0, 1, mean, 0, scratch, vectors)
        runs = [clocked(encode) for _ in range(1 if length == longest else 3)]
        attention = clocked(partial(_attention_of_all_layers, runtime.model, starts, scratch))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        rows.append([f"{length:,}", f"{min(runs):.2f}", f"{attention / min(runs):.0%}", f"{peak:.2f}"])
    print(f"\n### Long texts, the shape of ModernBERT-base, {runtime.implementation}, one thread\n")
    print(
        table(
            ["tokens", "seconds", "of which queries, keys, values and attention", "peak memory of the process, GB"],
            rows,
        )
    )


def clocked(run) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


@compiled
def _attention_of_all_layers(model, starts, scratch):
    for layer in range(model.qkv.weights.shape[0]):
        forward._attention(model, layer, starts, scratch)
