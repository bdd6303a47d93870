#!/usr/bin/env bash
# pyod 3.6.7: ECOD and COPOD score a new row by the rows that it is given with.
#
# decision_function and predict are documented as those of "the fitted detector", for "a particular sample". Both detectors put the new rows under
# the training rows and compute the empirical distribution of all together, so what is scored is part of what it is compared with. Of the same
# 100 rows, fewer are outliers beside 900 others of their kind than alone, and the score of one row changes with its company. KNN, for comparison,
# gives a row the same score in any company.
#
# Seen (outliers among the same 100 rows: alone, beside 900 more, beside 9,900 more):
#   ECOD 24 4 3 · COPOD 47 1 1 · KNN 57 57 57
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q pyod==3.6.7 numpy==2.4.6
got=$("$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.knn import KNN

rng = np.random.default_rng(0)
train = rng.normal(size=(500, 10))
rows = rng.normal(loc=1.0, size=(100, 10))
company = rng.normal(loc=1.0, size=(9_900, 10))
for make in (ECOD, COPOD, KNN):
    model = make(contamination=0.05).fit(train)
    counts = [int(model.predict(np.vstack([rows, company[:n]]))[:100].sum()) for n in (0, 900, 9_900)]
    print(make.__name__, *counts)
PY
)
echo "$got"
[ "$got" = $'ECOD 24 4 3\nCOPOD 47 1 1\nKNN 57 57 57' ] || { echo "this has changed"; exit 1; }
