"""`python -m torture.faults`: faults of the machine, one kind after the other; each costs a sentence at most."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from torture import processes
from torture.disk_faults import clock_back, full_disk, read_only, removed, truncated, two_writers
from torture.fault_tally import Tally
from torture.process_faults import forked, many_threads, memory, open_and_close
from torture.rounds import compile_kernels


class Fault(NamedTuple):
    """A kind of fault: what `run` tries in a folder, with numbers of times of its own."""

    name: str
    run: Callable[[Path], Tally]


def faults(cycles: int) -> list[Fault]:
    """Return each kind of fault."""
    return [
        Fault("full disk", full_disk),
        Fault("read-only folder", read_only),
        Fault("file removed while mapped", removed),
        Fault("file truncated", truncated),
        Fault("two writers", two_writers),
        Fault("clock that goes back", clock_back),
        Fault("limits of memory", memory),
        Fault("forks after kernels ran", forked),
        Fault("32 threads", many_threads),
        Fault(f"{cycles:,} × open and close", lambda folder: open_and_close(folder, cycles)),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Try the faults that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m torture.faults", description=__doc__)
    parser.add_argument("--only", default="", help="parts of faults' names, separated by commas")
    parser.add_argument("--cycles", type=int, default=10_000, help="how often an index and a space are opened")
    given = parser.parse_args(arguments)
    if given.cycles < 1:
        parser.error(f"--cycles must be at least 1; got {given.cycles}")
    known = faults(given.cycles)
    asked = [fault for fault in known if any(part in fault.name for part in given.only.split(","))]
    if not asked:
        parser.error(f"no fault's name has {given.only!r}; there are {', '.join(fault.name for fault in known)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    compile_kernels()
    print(f"{'fault':<28} {'tried':>7} {'worked':>7} {'a sentence':>11} {'seconds':>8}")
    went_well = [_tried(fault) for fault in asked]
    return 0 if all(went_well) else 1


def _tried(fault: Fault) -> bool:
    """Try a fault in a child, which alone has its limits and its user; print a row; whether it went well."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        place, log = Path(folder) / "place", Path(folder) / "log"
        place.mkdir()
        (Path(folder) / "tally").touch()
        (Path(folder) / "tally").chmod(0o666)  # for a child that becomes another user
        begun = time.monotonic()
        ended = processes.run(lambda: _in_child(fault, place, Path(folder) / "tally"), log=log, limit=3_000)
        seconds = time.monotonic() - begun
        if ended.signal or ended.code:
            print(f"{fault.name:<28} FAILED: {ended}\n{log.read_text(errors='replace')[-4_000:]}", flush=True)
            return False
        tally = Tally.read(Path(folder) / "tally")
    print(f"{fault.name:<28} {tally.tried:>7,} {tally.worked:>7,} {tally.refused:>11,} {seconds:>8.0f}", flush=True)
    for note in tally.notes:
        print(f"    {note}", flush=True)
    return True


def _in_child(fault: Fault, place: Path, out: Path) -> int:
    try:
        fault.run(place).write(out)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
