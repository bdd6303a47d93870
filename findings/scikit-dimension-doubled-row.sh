#!/usr/bin/env bash
# scikit-dimension 0.5.0: the intrinsic dimension by maximum likelihood is 0.0 as soon as one row comes twice.
#
# Both copies have a nearest neighbour at distance 0, so the logarithm of a ratio of distances is infinite and their own
# dimension 0; with the default comb="mle" (a mean of inverses) the whole estimate becomes 0.0, and no error says so. TwoNN
# of the same package discards the tenth with the largest ratios. Texts that come twice are usual in a corpus.
#
# Seen: MLE of 500 normal points in 3 dimensions 3.09, with the first row doubled 0.0; TwoNN 3.06 and 3.06.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-dimension==0.5.0
got=$("$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import skdim

points = np.random.default_rng(0).normal(size=(500, 3))
doubled = np.concatenate([points, points[:1]])
print(*(f"{estimate().fit(rows).dimension_:.2f}" for estimate in (skdim.id.MLE, skdim.id.TwoNN) for rows in (points, doubled)))
PY
)
echo "$got"
[ "$got" = "3.09 0.00 3.06 3.06" ] || { echo "this has changed"; exit 1; }
