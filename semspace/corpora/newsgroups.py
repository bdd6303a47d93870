"""A sample of 20 Newsgroups, extracted from a pickle without unpickling it."""

import pickletools
import re
import zlib
from email import message_from_string
from email.utils import parsedate_to_datetime
from pathlib import Path

import polars as pl

from semspace.errors import DamagedError

_NAME = re.compile(r"([a-z]+(?:\.[a-z]+)+)/(\d+)")
# Quoted lines, and the line that names who is quoted.
_QUOTED = re.compile(r"^\s*[>|:#}]|^In (article|message|<)|(writes|wrote|says|said)\s*[:.]*\s*$")


def read_posts(path: Path) -> pl.DataFrame:
    """Read posts: ``id``, ``text`` (without headers, quotes and signature), ``newsgroup``, ``subject``, ``date``.

    Unpickling a file can run any code, so the strings are taken from the pickle's list of instructions, and none of
    these is executed.
    """
    try:
        instructions = list(pickletools.genops(zlib.decompress(path.read_bytes())))
    except (ValueError, zlib.error) as problem:
        raise DamagedError(f"{path.name} can't be read: {problem}; pip install --force-reinstall gensim") from problem
    posts = [str(value) for operation, value, _ in instructions if operation.name == "UNICODE"]
    names = next(
        names_found
        for operation, value, _ in instructions
        if operation.name == "STRING" and len(names_found := _NAME.findall(str(value))) == len(posts)
    )
    rows = [_post(group, number, text) for (group, number), text in zip(names, posts, strict=True)]
    return pl.DataFrame(rows).filter(pl.col("text").str.len_chars() >= 20).sort("id")


def _post(group: str, number: str, text: str) -> dict[str, object]:
    message = message_from_string(text)
    lines = []
    for line in str(message.get_payload()).split("\n"):
        if line.rstrip() == "--" or line.startswith("-- "):
            break
        if not _QUOTED.search(line):
            lines.append(line)
    return {
        "id": f"{group}/{number}",
        "text": "\n".join(lines).strip(),
        "newsgroup": group,
        "subject": message["Subject"],
        "date": parsedate_to_datetime(message["Date"]).date(),
    }
