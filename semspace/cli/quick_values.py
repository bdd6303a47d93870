"""Arguments as text, numbers and paths without pydantic, by which typer converts them: its import takes 0.1 seconds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

_CONVERSIONS: dict[Any, type] = {str: str, int: int, float: float, Path: Path}
_ATTRIBUTE = "_runtime_param"  # where typer keeps the conversion of a parameter, from version 0.26 on


def prepare(parameters: Iterable[Any]) -> None:
    """Set the conversion of plain parameters of a command, as versions of typer without pydantic do."""
    for parameter in parameters:
        if getattr(parameter, _ATTRIBUTE, parameter) is None:
            setattr(parameter, _ATTRIBUTE, _Conversion())


class _Conversion:
    """The conversion of a parameter: of what is plain by Python, of anything else, such as a wrong number, by typer."""

    def coerce(self, value: Any, *, param: Any, ctx: Any) -> Any:
        """Return the value of a parameter, or raise what typer raises."""
        facts = param.type_descriptor
        convert = _CONVERSIONS.get(facts.annotation)
        if value is None:
            return () if param.nargs == -1 or param.multiple else None
        if isinstance(value, bool):
            return value
        if facts.annotation == list[str] and all(isinstance(one, str) for one in value):
            return list(value)
        if convert is not None and getattr(facts.parameter_info, "min", None) is None:
            try:
                return value if isinstance(value, convert) else convert(value)
            except (TypeError, ValueError):
                pass
        setattr(param, _ATTRIBUTE, None)
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)
