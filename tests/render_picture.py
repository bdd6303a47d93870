"""The picture of README, ``docs/report.png``: Chromium's screenshot of parts of a report.

``make docs-picture``, or ``python -m tests.render_picture``.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import semspace as ss
from semspace.report import Figure, to_html

ROOT = Path(__file__).parent.parent
SHOWN = ("A map of both",)  # sections of the report
WIDTH, HEIGHT = 840, 925


def picture() -> None:
    """Take a picture of the verdict and the map of a comparison of two newsgroups."""
    encoder = ss.Encoder.load("all-MiniLM-L6-v2")
    page = ss.compare(ss.corpora.load("newsgroups-sample"), by="newsgroup", encoder=encoder, words=False).page()
    sections = tuple(
        replace(section, blocks=tuple(block for block in section.blocks if isinstance(block, Figure)), method="")
        for section in page.sections
        if section.title in SHOWN
    )
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        whole = to_html(replace(page, sections=sections, subtitle=""))
        report.write_text(re.sub(r"<nav.*?</nav>", "", whole, flags=re.S), encoding="utf-8")
        screenshot(report, ROOT / "docs" / "report.png")


def screenshot(page: Path, picture: Path) -> None:
    """Write what Chromium shows of a page into a PNG file."""
    flags = ("headless", "no-sandbox", "disable-gpu", "hide-scrollbars", f"user-data-dir={page.parent / 'profile'}")
    size = (f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={picture}")
    command = ["chromium", *(f"--{flag}" for flag in flags), *size, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    picture()
