"""One training in a process of its own: semspace's, or sentence-transformers' with the same numbers.

Driven by `benchmarks.train_encoder`: reads a job from a file of JSON, trains, and prints a line of JSON. Seconds are of
training alone, tokenizing, mining of negatives and all steps, not loading, saving or judging; where there is a
teacher, of everything from the data to the saved encoder, its vectors too. The peak of memory is the process's (VmHWM)
when training ends. What was trained is saved, and judged from there by the same encoder, semspace's.
"""

import json
import sys
import tempfile
import warnings
from pathlib import Path
from time import perf_counter

import numpy as np

MEGABYTE = 2**10  # /proc counts in KiB


def main() -> None:
    warnings.simplefilter("ignore")
    job = json.loads(Path(sys.argv[1]).read_text())
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries talk; only the answer goes out
    import torch

    torch.set_num_threads(job["threads"])
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "encoder"
        train = BY.get(job["by"])
        if train is None:
            place = Path(job["base"])
        else:
            found = train(job, place)
            found["peak"] = memory("VmHWM") / MEGABYTE
            found["grown"] = found["peak"] - found.pop("before")
        found["scores"] = judge(found.pop("encoder", place), job["judges"])
        if "keep" in job and train is not None:
            place.rename(job["keep"])
    print(json.dumps(found), file=answers)


def memory(which: str) -> int:
    """Return a count that the kernel keeps for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which))


# -- semspace ---------------------------------------------------------------------------------------------------


def ours(job: dict, place: Path) -> dict:
    import semspace as ss
    from semspace import training
    from semspace.training import pipeline as work

    spent = []

    class Timed(work.TrainingLoop):
        """The loop, with a clock that runs from its first token to its last step."""

        def __init__(self, *given, **named):
            spent.append(perf_counter())
            super().__init__(*given, **named)

        def run(self):
            try:
                return super().run()
            finally:
                spent.append(perf_counter())

    work.TrainingLoop = Timed
    parameters = dict(job["parameters"])
    objective = getattr(training, parameters.pop("objective"))(**job.get("objective", {}))
    if "small" in job:
        parameters["base"] = training.SmallTransformer(**job["small"])
    trainer = ss.EncoderTrainer(objective=objective, held_out=0, threads=job["threads"], **parameters)
    data = given(job)
    before, begun = memory("VmRSS") / MEGABYTE, perf_counter()
    init = words(data, job) if "words" in job else None
    trainer.train(data, init=init, out=place, progress=False)
    whole = perf_counter() - begun
    taught = "teacher" in job.get("objective", {})  # whose vectors are made before the loop
    return {"seconds": whole if taught else spent[1] - spent[0], "whole": whole, "before": before}


def given(job: dict):
    """Return a job's data as a user would have them: a table or a corpus."""
    import polars as pl

    import semspace as ss

    data = job["data"]
    if "columns" in data:
        return pl.DataFrame(data["columns"])
    return (
        ss.Corpus.read(data["corpus"], text="text", empty="drop")
        if "corpus" in data
        else ss.Corpus.from_texts(data["texts"])
    )


def words(data, job: dict):
    """Train the word vectors to start from; the time counts."""
    import semspace as ss

    trainer = ss.Word2Vec(**job["words"], threads=job["threads"], seed=job["parameters"]["seed"])
    return trainer.train(data, progress=False)


def average(job: dict, place: Path) -> dict:  # noqa: ARG001
    """Train word vectors alone; a sentence's vector is their mean."""
    import semspace as ss

    data = given(job)
    before, begun = memory("VmRSS") / MEGABYTE, perf_counter()
    encoder = ss.WordAverage(words(data, job))
    seconds = perf_counter() - begun
    return {"seconds": seconds, "whole": seconds, "before": before, "encoder": encoder}


# -- sentence-transformers --------------------------------------------------------------------------------------


def theirs(job: dict, place: Path) -> dict:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, losses

    model = SentenceTransformer(job["base"], device="cpu")
    model.max_seq_length = job["parameters"].get("max_tokens") or model.max_seq_length
    dataset = Dataset.from_dict(job["data"]["columns"])
    loss = getattr(losses, job["loss"])(model)
    return fitted(model, dataset, loss, job, place)


def distilled(job: dict, place: Path) -> dict:
    """Drop layers and fit what is left to the teacher's vectors, as sentence-transformers' example does."""
    import torch
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer, losses

    teacher = SentenceTransformer(job["base"], device="cpu")
    model = SentenceTransformer(job["base"], device="cpu")
    model.max_seq_length = teacher.max_seq_length = job["parameters"]["max_tokens"]
    bert = model[0].auto_model
    bert.encoder.layer = torch.nn.ModuleList([bert.encoder.layer[i] for i in job["layers"]])
    bert.config.num_hidden_layers = len(job["layers"])
    begun = perf_counter()
    vectors = teacher.encode(job["data"]["texts"], batch_size=32, show_progress_bar=False)
    encoding = perf_counter() - begun
    del teacher
    dataset = Dataset.from_dict({"sentence": job["data"]["texts"], "label": vectors.tolist()})
    found = fitted(model, dataset, losses.MSELoss(model), job, place)
    return found | {"seconds": found["seconds"] + encoding, "whole": found["whole"] + encoding}


def fitted(model, dataset, loss, job: dict, place: Path) -> dict:
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.training_args import BatchSamplers

    given = job["parameters"]
    unlike = job.get("loss") == "MultipleNegativesRankingLoss"
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SentenceTransformerTrainingArguments(
            output_dir=scratch,
            num_train_epochs=given["epochs"],
            per_device_train_batch_size=given["batch_size"],
            learning_rate=given["learning_rate"],
            warmup_steps=given["warmup"],  # below 1 it is a share
            weight_decay=given["weight_decay"],
            seed=given["seed"],
            batch_sampler=BatchSamplers.NO_DUPLICATES if unlike else BatchSamplers.BATCH_SAMPLER,
            use_cpu=True,
            dataloader_pin_memory=False,
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        trainer = SentenceTransformerTrainer(model=model, args=arguments, train_dataset=dataset, loss=loss)
        before, begun = memory("VmRSS") / MEGABYTE, perf_counter()
        trainer.train()
        seconds = perf_counter() - begun
    model.save(str(place), create_model_card=False)
    return {"seconds": seconds, "whole": seconds, "before": before}


# -- judging ----------------------------------------------------------------------------------------------------


def judge(trained, judges: dict[str, dict]) -> dict[str, float]:
    import semspace as ss

    encoder = ss.Encoder.load(trained) if isinstance(trained, Path) else trained
    return {name: KINDS[one["kind"]](encoder, one) for name, one in judges.items()}


def sts(encoder, asked: dict) -> float:
    from semspace.evaluation import STS

    task = STS.read(asked["path"])
    return task.score(Cut(encoder, asked["dim"]) if "dim" in asked else encoder).value


class Cut:
    """An encoder that returns the first dimensions of another's vectors."""

    def __init__(self, encoder, dim: int) -> None:
        self.encoder, self.dim = encoder, dim

    def encode(self, texts) -> np.ndarray:
        return self.encoder.encode(texts)[:, : self.dim]


def precision(encoder, asked: dict) -> float:
    """Average precision of cosine for which labelled pairs are the same."""
    from sklearn.metrics import average_precision_score

    a, b = (encoder.encode(asked[side]) for side in "ab")
    cosines = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return float(average_precision_score(asked["label"], cosines))


def claims(encoder, asked: dict) -> float:
    from benchmarks.train_data import abstracts, retrieval

    return retrieval(asked["split"], abstracts(), asked.get("each", 1)).score(encoder).value


KINDS = {"sts": sts, "precision": precision, "claims": claims}


BY = {"ours": ours, "theirs": theirs, "distilled by theirs": distilled, "words": average}


if __name__ == "__main__":
    main()
