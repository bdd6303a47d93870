"""`python -m fuzz`: give every reader files that mean harm, and say what it did with them.

Where atheris is installed (pip install atheris), cases are chosen by the code that they reach; otherwise the seeds are
changed at random.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fuzz import worker

_STILL = 30.0  # CPU seconds in one case that count as endless
_BETWEEN = "no next case"  # a library stood still while a case was made, which is no fault of a reader
_SLICE = 30.0  # seconds that a target is tried at a time


@dataclass
class Count:
    """What became of a target."""

    cases: int = 0
    seconds: float = 0.0
    edges: int = 0
    ended: int = 0


def in_child(work: Callable[[], object], log: Path) -> int:
    """Run `work` in a child, whose output goes to a file; return its process id."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def cpu_of(child: int) -> float:
    """Return the CPU seconds of a process."""
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watched(child: int, board: worker.Board, most: float = _STILL) -> str:
    """Wait for a worker; return how it ended where that was wrong: by a signal, or in a case without an end."""
    seen, since, asleep = -1, 0.0, time.monotonic()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if os.WIFSIGNALED(status):
                return signal.Signals(os.WTERMSIG(status)).name
            return "" if os.WEXITSTATUS(status) == 0 else f"exit code {os.WEXITSTATUS(status)}"
        cases, _, case = board.read()
        if cases != seen:
            seen, since, asleep = cases, cpu_of(child), time.monotonic()
        elif cpu_of(child) - since > most or time.monotonic() - asleep > (10 if case else 2) * most:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "no end" if case or most > _STILL else _BETWEEN
        time.sleep(0.05)


def tried(name: str, folder: Path, seconds: float, seed: int, count: Count) -> None:
    """Try a target for some seconds; a worker that ended early is followed by another."""
    from fuzz.targets import every_target

    target = next(one for one in every_target() if one.name == name)
    sound, end, log = folder / "sound" / name, time.monotonic() + seconds, folder / f"{name}.log"
    quick = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else folder
    while (left := end - time.monotonic()) > 0:
        board, work = worker.Board(), quick / f"semspace-fuzz-{os.getpid()}"

        def run(case: bytes, work: Path = work) -> None:
            target.run(case, sound, work)

        def child(left: float = left, board: worker.Board = board) -> None:
            worker.try_target(
                run, target.cases(sound), name=name, folder=folder, seconds=left, seed=seed + count.ended, board=board
            )

        wrong = watched(in_child(child, log), board)
        shutil.rmtree(work, ignore_errors=True)
        cases, cpu, case = board.read()
        count.cases, count.seconds = count.cases + cases, count.seconds + cpu
        if wrong and wrong != _BETWEEN:
            count.ended += 1
            end_of_log = log.read_text(errors="replace")[-4_000:] if log.exists() else ""
            what = f"{end_of_log}\nthe process ended: {wrong}\n"
            worker.write_fault(folder / "found", f"{name}-ended-{count.ended}-{os.getpid()}", case, what)
            if cases <= 1 and count.ended > 2:
                break
    covered = re.findall(r"\bcov: (\d+)", log.read_text(errors="replace")) if log.exists() else []
    count.edges = max([count.edges, *map(int, covered)])


def write_sound(names: list[str], folder: Path) -> list[str]:
    """Write the seeds of the targets that have none yet, in a child; return the names of those that have some."""

    def child() -> None:
        from fuzz.targets import every_target

        for target in every_target():
            place = folder / "sound" / target.name
            if target.name in names and not place.exists():
                draft = place.with_name(f".{target.name}")
                shutil.rmtree(draft, ignore_errors=True)
                draft.parent.mkdir(parents=True, exist_ok=True)
                try:
                    target.write(draft)
                except Exception:
                    print(f"no seeds of {target.name}:\n{traceback.format_exc()}", flush=True)
                    continue
                draft.rename(place)

    watched(in_child(child, folder / "seeds.log"), worker.Board(), most=3_600)
    there = [name for name in names if (folder / "sound" / name).exists()]
    for name in sorted(set(names) - set(there)):
        print(f"{name:<28} left out: its seeds can't be written here ({folder / 'seeds.log'})", flush=True)
    return there


def main(arguments: list[str] | None = None) -> int:
    """Try the targets that were asked for, one after another, again and again until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="for all targets together, in each process")
    parser.add_argument("--only", default="", help="a part of a target's name")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keeps seeds, cases and what was found; a temporary one otherwise")
    parser.add_argument("--replay", type=Path, help="run one case that was found, of the target that --only names")
    given = parser.parse_args(arguments)
    if given.minutes <= 0 or given.jobs < 1:
        parser.error(f"--minutes must be above 0, and --jobs at least 1; got {given.minutes:g} and {given.jobs}")
    if given.replay is not None and not given.replay.is_file():
        parser.error(f"there is no case to replay at {given.replay}")
    if given.folder is not None and given.folder.exists() and not given.folder.is_dir():
        parser.error(f"--folder must be a folder, or not be there yet; {given.folder} is a file")
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="semspace-fuzz-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ["RUST_BACKTRACE"] = "0"
    os.environ["SEMSPACE_CACHE"] = str(folder / "cache")
    worker.import_everything()
    from fuzz.targets import every_target

    names = [target.name for target in every_target() if given.only in target.name]
    if not names:
        parser.error(f"no target's name has {given.only!r}; there are {', '.join(one.name for one in every_target())}")
    names = write_sound(names, folder)
    if given.replay is not None:
        target = next(one for one in every_target() if one.name == names[0])
        target.run(given.replay.read_bytes(), folder / "sound" / target.name, folder / "replayed")
        print("nothing but errors of semspace")
        return 0
    guide = "guided by coverage" if worker.atheris() is not None else "changed at random, since atheris isn't installed"
    print(f"{len(names)} targets, {guide}; all is kept in {folder}", flush=True)
    return campaign(names, folder, given.minutes * 60, given.jobs, given.seed)


def campaign(names: list[str], folder: Path, seconds: float, jobs: int, seed: int) -> int:
    """Try targets, each process its share of them, and print a table."""
    children = []
    for job in range(1, jobs):
        child = in_child(partial(_rounds, names, folder, seconds, job, jobs, seed), folder / f"job-{job}.log")
        children.append(child)
    counts = _rounds(names, folder, seconds, 0, jobs, seed)
    for child in children:
        os.waitpid(child, 0)
    found = sorted((folder / "found").glob("*.txt")) if (folder / "found").exists() else []
    total = sum(count.cases for count in counts.values())
    hours = sum(count.seconds for count in counts.values()) / 3_600
    print(f"{total:,} cases in {hours:.2f} CPU hours; {len(found)} faults")
    for path in found:
        print(f"{path}: {path.read_text(errors='replace').strip().splitlines()[-1][:200]}")
    return 1 if found else 0


def _rounds(names: list[str], folder: Path, seconds: float, job: int, jobs: int, seed: int) -> dict[str, Count]:
    counts = {name: Count() for name in names[job::jobs] or names}
    end, turn = time.monotonic() + seconds, 0
    each = min(_SLICE, seconds / len(counts))
    print(f"{'target':<28} {'cases':>9} {'CPU s':>7} {'edges':>6} {'ended':>5}", flush=True)
    while time.monotonic() < end:
        for name, count in counts.items():
            if time.monotonic() < end:
                tried(name, folder, each, seed + 1_000 * turn, count)
                print(
                    f"{name:<28} {count.cases:>9,} {count.seconds:>7.0f} {count.edges:>6} {count.ended:>5}", flush=True
                )
        turn += 1
    return counts


if __name__ == "__main__":
    sys.exit(main())
