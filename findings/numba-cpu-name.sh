#!/usr/bin/env bash
# numba 0.68.1 (llvmlite 0.50.0): NUMBA_CPU_NAME alone doesn't narrow the instructions that are compiled for.
#
# The features of the machine's own processor are passed along unless NUMBA_CPU_FEATURES is set too, so code "for nehalem"
# (a processor without AVX) uses AVX and FMA all the same. An empty NUMBA_CPU_FEATURES alone doesn't narrow either, since
# the processor's own name implies them. Only "generic" stands for no features by itself. Both must be set.
#
# Seen on a processor with AVX2 (AVX registers, fused multiply-add):
#   unset: True True · nehalem: True True · generic: False False · nehalem and no features: False False · no features: True True
set -eu
grep -q avx2 /proc/cpuinfo || { echo "needs a processor with AVX2"; exit 2; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numba==0.68.1 llvmlite==0.50.0
cat > "$folder/see.py" <<'PY'
import numba
import numpy as np


@numba.njit(fastmath=True)
def squares(x):
    total = np.float32(0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return total


squares(np.ones(5, np.float32))
code = next(iter(squares.inspect_asm().values()))
print("ymm" in code, "vfmadd" in code)
PY
see() { env -u NUMBA_CPU_NAME -u NUMBA_CPU_FEATURES "$@" "$folder/venv/bin/python" "$folder/see.py"; }
expect() { local want=$1; shift; local got; got=$(see "$@"); echo "$* -> $got"; [ "$got" = "$want" ] || { echo "this has changed"; exit 1; }; }
expect "True True" env
expect "True True" NUMBA_CPU_NAME=nehalem
expect "False False" NUMBA_CPU_NAME=generic
expect "False False" NUMBA_CPU_NAME=nehalem NUMBA_CPU_FEATURES=
expect "True True" NUMBA_CPU_FEATURES=
