"""`Methods`: how a result was computed, as a paragraph for a paper with its references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from semspace.display import clip
from semspace.report.bibliography import REFERENCES
from semspace.report.page import Listing, Prose, Section

_CITATION = re.compile(r"\[@(\w+)\]")
_LONG_TEXTS = {
    "cut": "Of texts longer than the model reads, the beginnings were encoded.",
    "pool": "Texts longer than the model reads were encoded in passages, and the vectors of the passages averaged.",
    "passages": "Texts longer than the model reads were divided into passages, each of which is a document here.",
}


@dataclass(frozen=True)
class Methods:
    """How a result was computed, in words to paste into a paper.

    Parameters
    ----------
    text : str
        A paragraph that cites by author and year.
    references : tuple of str
        The publications that it cites, in alphabetical order.
    bibtex : str
        The same publications as entries for BibTeX or biber, in UTF-8.
    """

    text: str
    references: tuple[str, ...]
    bibtex: str

    @classmethod
    def of(cls, sentences: Iterable[str]) -> Methods:
        """Create it of sentences that cite publications of `REFERENCES` as ``[@key]``."""
        marked = " ".join(sentence for sentence in sentences if sentence)
        cited = {key for key in _CITATION.findall(marked) if key in REFERENCES}
        text = _CITATION.sub(lambda found: f"({REFERENCES[found[1]].label})" if found[1] in cited else found[0], marked)
        chosen = sorted(cited, key=lambda key: REFERENCES[key].label.casefold())
        return cls(
            text,
            tuple(REFERENCES[key].line for key in chosen),
            "\n\n".join(REFERENCES[key].bibtex(key) for key in chosen),
        )

    def section(self) -> Section:
        """Return it as the section of a page."""
        references = Listing("References", "\n".join(self.references))
        return Section("Methods, to cite", (Prose(self.text), references, Listing("BibTeX", self.bibtex)))

    def __str__(self) -> str:
        return "\n".join([self.text, "", "References", *self.references])

    __repr__ = __str__


def documents_sentence(provenances: Iterable[Mapping[str, Any]], dim: int) -> str:
    """Return how the documents of some spaces became vectors, as far as their provenance records it."""
    known = list(provenances)
    models = {clip(str(one.get("made_by") or ""), 80) for one in known}
    if len(models) != 1 or models == {""}:
        return f"Documents were represented by vectors of {dim:,} dimensions."
    encodings = [one["encoding"] if isinstance(one.get("encoding"), Mapping) else {} for one in known]
    backends = {str(encoding.get("implementation") or "") for encoding in encodings}
    how = f", computed by {backends.pop()}" if len(backends) == 1 and backends != {""} else ""
    sentence = f"Documents were represented by vectors of {dim:,} dimensions of the model {models.pop()}{how}."
    long_texts = {str(encoding.get("long_texts")) for encoding in encodings}
    if len(long_texts) != 1 or (long_texts == {"cut"} and not any(one.get("truncated") for one in known)):
        return sentence
    return f"{sentence} {_LONG_TEXTS.get(long_texts.pop(), '')}".strip()


def software_sentence(versions: object, seed: object) -> str:
    """Return which versions computed it, and from which seed, as far as they were recorded."""
    known = versions if isinstance(versions, Mapping) else {}
    parts = [f"semspace {known['semspace']}" if "semspace" in known else "semspace"]
    parts += [f"{name} {version}" for name, version in known.items() if name != "semspace"]
    listed = parts[0] if len(parts) == 1 else f"{parts[0]} ({', '.join(parts[1:])})"
    from_seed = f"; random numbers were drawn from the seed {seed}" if seed is not None else ""
    return f"Computed with {listed}{from_seed}."
