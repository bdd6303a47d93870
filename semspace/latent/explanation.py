"""`Explanation`: which dimensions of a latent model fire on a text, in words."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from semspace.display import clip, html_table, text_table


@dataclass(frozen=True, repr=False)
class Explanation:
    """The dimensions that fire on a text, the strongest first; made by `Dimensions.explain`.

    Parameters
    ----------
    text : str
        What was explained.
    dimensions : tuple of m int
    ends : tuple of m str
        "+" or "-" for the upper or the lower end of an axis; empty for a sparse feature.
    strengths : tuple of m float
        Of a sparse feature its number in the code; of an axis the standard deviations from the mean.
    names : tuple of m str
        Empty where a dimension has none.
    verdicts : tuple of m str
        See `Dimensions.verdicts`.
    fires : int
        How many ends fire on the text, of which the m strongest are here.
    """

    text: str
    dimensions: tuple[int, ...]
    ends: tuple[str, ...]
    strengths: tuple[float, ...]
    names: tuple[str, ...]
    verdicts: tuple[str, ...]
    fires: int

    def __len__(self) -> int:
        return len(self.dimensions)

    def to_frame(self) -> pl.DataFrame:
        """Return a polars DataFrame with columns ``dimension``, ``end``, ``strength``, ``name``, ``verdict``."""
        return pl.DataFrame(
            {
                "dimension": list(self.dimensions),
                "end": list(self.ends),
                "strength": list(self.strengths),
                "name": list(self.names),
                "verdict": list(self.verdicts),
            },
            schema={
                "dimension": pl.Int64,
                "end": pl.String,
                "strength": pl.Float64,
                "name": pl.String,
                "verdict": pl.String,
            },
        )

    def __repr__(self) -> str:
        frame = self.to_frame()
        return "\n".join([self._title(), text_table(frame.columns, frame.iter_rows())])

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        return html_table(frame.columns, frame.iter_rows(), caption=self._title())

    def _title(self) -> str:
        shown = "" if len(self) == self.fires else f", the strongest {len(self)} of which are shown"
        return f"{clip(self.text)}: {self.fires:,} fire{'s' if self.fires == 1 else ''}{shown}"
