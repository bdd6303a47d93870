"""A text → its sentences, told by marks and line breaks alone: no model, and any script."""

import re

# At a mark that ends a sentence unless a small letter follows, at one of scripts without spaces, at a new line.
_END = re.compile(
    r"(?<=[.!?…])[\"'”’»)\]]*\s+(?=\S)(?![\"'“‘«(\[]*[a-zà-öø-ÿ])|(?<=[。！？।])\s*(?=\S)|\s*[\n\r\u2028\u2029]\s*"
)


def split_sentences(text: str) -> list[str]:
    """Split a text into sentences; white space at their ends goes.

    Examples
    --------
    >>> split_sentences("It rained, i.e. much. The river rose! (Nobody slept.)")
    ['It rained, i.e. much.', 'The river rose!', '(Nobody slept.)']
    """
    return [part for one in _END.split(text) if (part := one.strip())]
