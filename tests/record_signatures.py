"""`python -m tests.record_signatures`: write with which types kernels are called, as `semspace warmup` calls them.

To be run after a kernel was added, or takes other types (`make signatures`). The list is written from two runs of the
warm-up in processes of their own: the first compiles, so that all that the second one loads is called from Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        for part in ("compile", "record"):
            subprocess.run([sys.executable, "-m", "tests.record_signatures", part], env=environment, check=True)


def run(*, writing: bool) -> None:
    from semspace import precompilation
    from semspace.kernels.code_cache import CodeCache
    from semspace.kernels.signatures import KernelCall, write_calls
    from semspace.sentences import kernel_runtime

    calls, needs = set(), [()]
    load = CodeCache.load_overload

    def listed(self, sig, context):
        calls.add(KernelCall.of(self.kernel, sig, needs[-1]))
        found = load(self, sig, context)
        assert found is not None, f"{self.kernel} was compiled: run this again"
        return found

    def all_precisions():
        """Every precision, in whatever way this processor can compute it; the types of arguments are the same."""
        for precision in (one for several in kernel_runtime.PRECISIONS.values() for one in several):
            needs.append(("avx512bf16",) if precision == "bfloat16" else ())
            yield precision
        needs.append(())

    precompilation._precisions = all_precisions
    if writing:
        CodeCache.load_overload = listed
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, step in precompilation._STEPS.items():
            step(Path(folder))
            print(f"{'recorded' if writing else 'compiled'} {name}", flush=True)
    if writing:
        write_calls(calls)
        print(f"{len(calls)} calls")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        run(writing=sys.argv[1] == "record")
    else:
        main()
