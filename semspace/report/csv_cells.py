"""Cells of CSV files that a spreadsheet would take for formulas.

OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import polars as pl

_FORMULA = r"^[=+\-@\t\r]"


def without_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table whose texts begin with an apostrophe where a spreadsheet would take them for formulas.

    Examples
    --------
    >>> import polars as pl
    >>> without_formulas(pl.DataFrame({"id": ["=1+1", "a"], "n": [-1, 2]})).rows()
    [("'=1+1", -1), ('a', 2)]
    """
    texts = [name for name, kind in table.schema.items() if kind in (pl.String, pl.Categorical, pl.Enum)]
    escaped = [
        pl.when(pl.col(name).cast(pl.String).str.contains(_FORMULA))
        .then(pl.concat_str([pl.lit("'"), pl.col(name).cast(pl.String)]))
        .otherwise(pl.col(name).cast(pl.String))
        .alias(name)
        for name in texts
    ]
    return table.with_columns(escaped)
