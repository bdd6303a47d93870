"""Messages of the library in the words of a shell: options instead of parameters, commands instead of functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# What a message of the library recommends → what a user of the shell can do.
_CALLS = {
    r"encode a corpus with Encoder\.embed, or create .*": "make a space with semspace embed",
    r"(with |by )?Encoder\.embed(\(…?\))?": r"\1semspace embed",
    r"(\bby )?\bIndex\.build(\(…?\))?": r"\1semspace index",
    r"read texts with Corpus\.read, and vectors with read_vectors": "see semspace info FILE",
    r"; Corpus\.read reads (one of )?texts": "; if it holds texts, encode them with semspace embed",
    r"Corpus\.read\(documents=['\"](\w+)['\"]\)": r"--documents \1",
    r"give pandas\.read_excel\(…\) to Corpus\.from_frame": "save it as CSV UTF-8",
    r", or save it as CSV UTF-8": "",
    r"give an id or a vector, or make it with encoder\.embed\(corpus\)": "give an id, or search texts: semspace embed",
    r"SupervisedContrastive\(label=\.\.\.\)": "--objective labels",
    r"hybrid=False": "--no-hybrid",
    r"this needs an index$": "this needs an index, made by semspace index",
    r"give polars\.read_ipc\(…\) to Corpus\.from_frame": "save it as Parquet",
}
_PYTHON_WITH_OPTION = re.compile(r"pass \w+=(?:'[^']*'|\"[^\"]*\"|\S+) \((--[^)]+)\)")
_QUOTED = re.compile(r"(?<!\w)(?:'[^']*'|\"[^\"]*\")(?!\w)")
_MARK = "\0"


def in_shell_words(message: str, options: Mapping[str, Sequence[str]]) -> str:
    """Return a message of the library in the words of a shell; what it quotes, such as a condition, stays as it is.

    Parameters
    ----------
    message : str
    options : mapping
        Each parameter of the command, and the forms of its option.
    """
    for call, words in _CALLS.items():
        message = re.sub(call, words, message)
    message = _PYTHON_WITH_OPTION.sub(r"add \1", message)
    quoted = iter(_QUOTED.findall(message))
    message = _QUOTED.sub(_MARK, message)
    for name, forms in options.items():
        option = max(forms, key=len)
        if option.startswith("-"):
            message = _with_option(message, name, option)
    return re.sub(_MARK, lambda _: next(quoted), message)


def _with_option(message: str, name: str, option: str) -> str:
    """Replace ``text=``, ``overwrite=True`` and the like by an option."""
    message = re.sub(rf"(?<![\w-])pass {name}=True\b", f"add {option}", message)
    message = re.sub(rf"(?<![\w-]){name}=(True\b)?(?=[\s;:,.)(]|$)", option, message)
    message = re.sub(rf"(?<![\w-]){name}=(?=\S)", f"{option} ", message)
    return re.sub(rf"^{name}(?= (must|has|needs) |: )", option, message)
