"""What tests of training share: small students, planted data, and an objective for each kind of data."""

import numpy as np

import semspace as ss
from semspace.sentences.model_config import read_model_config
from semspace.sentences.torch_runtime import load_model
from semspace.training.examples import Examples
from semspace.training.objectives.objective import Batch
from semspace.training.student import Student

# Of a text's letters, which are all that the tiny model sees, a third tell its subject; the others are in any text.
SUBJECTS = ("abc", "def", "ghi", "jkl")
_ANY = "mnopqrstuvwxyz"


def text(draw, subject, words=3):
    """A text of one subject, in words of three letters."""
    telling = draw.random((words, 3)) < 1 / 3
    letters = np.where(telling, draw.choice(list(SUBJECTS[subject]), (words, 3)), draw.choice(list(_ANY), (words, 3)))
    return " ".join("".join(word) for word in letters)


def pairs(n=64, seed=0):
    """Pairs that belong together: texts of one subject, the second marked by the digit of the first."""
    draw = np.random.default_rng(seed)
    found = []
    for i in range(n):
        digit = str(i % 10)
        found.append((f"{text(draw, i % 4, 2)} {digit} {i // 10}", f"{text(draw, i % 4, 3)} {digit}{digit} {i // 10}"))
    return found


def scored(n=96, seed=0):
    """Pairs with a score: 1 for texts of one subject, 0 for texts of two."""
    draw = np.random.default_rng(seed)
    kinds = draw.integers(4, size=(n, 2))
    return [(text(draw, a), text(draw, b), float(a == b)) for a, b in kinds.tolist()]


def labelled(n=96, seed=0):
    """Texts of a subject with its number."""
    draw = np.random.default_rng(seed)
    return [(f"{text(draw, i % 4, 2)} {i}", i % 4) for i in range(n)]


def alone(n=96, seed=0):
    """Texts of one subject each."""
    return [one for one, _ in labelled(n, seed)]


def trainer(folder, objective="pairs", **options):
    given = {"base": folder, "batch_size": 8, "threads": 1, "precision": "float32", "learning_rate": 1e-3, "seed": 1}
    return ss.EncoderTrainer(objective=objective, **{**given, **options})


def student(folder, **options):
    layout = read_model_config(folder)
    return Student(load_model(layout), layout, **options)


def batch_of(rows, targets=None, **options):
    """A batch of examples by their numbers; the tokens are of no matter."""
    rows = np.array(rows, np.int32)
    examples = Examples([f"text {i}" for i in range(int(rows.max()) + 1)], rows, targets, **options)
    return Batch(examples, [np.array([2, int(i) + 4, 3], np.int32) for i in rows[rows >= 0]])


def weights_in(folder):
    """All weights of a model's folder, by name."""
    from safetensors.numpy import load_file

    return load_file(folder / "model.safetensors")


def weights(encoder):
    return weights_in(encoder.config.folder)


def same(a, b):
    """Whether two encoders have the same weights, bit by bit."""
    left, right = weights(a), weights(b)
    return left.keys() == right.keys() and all(left[name].tobytes() == right[name].tobytes() for name in left)
