"""What benchmarks have in common: the data, the machine, and runs that alternate."""

import datetime
import os
import platform
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any


def data(name: str) -> Path:
    """Return a file of the measuring data, or stop: a benchmark never falls back to something easier."""
    root = os.environ.get("SEMSPACE_DATA")
    path = Path(root or "") / name
    if not root or not path.exists():
        sys.exit(
            f"this benchmark needs {name}: set SEMSPACE_DATA to the folder that holds it (now {root or 'not set'})"
        )
    return path


def alternate(contenders: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run the contenders in turn, `rounds` times; give the seconds of each run and the last result of each."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    results: dict[str, Any] = {}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = perf_counter()
            results[name] = run()
            seconds[name].append(perf_counter() - start)
    return seconds, results


def median(seconds: list[float]) -> float:
    return statistics.median(seconds)


def machine(*packages: str) -> str:
    """Name the day, the processor and the versions behind a table."""
    cpu = platform.processor() or "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), cpu)
    versions = ", ".join(f"{name} {version(name)}" for name in ("semspace", "numpy", *packages))
    return f"{datetime.date.today()}; {cpu}, {os.cpu_count()} cores; Python {platform.python_version()}, {versions}"


def table(headers: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
