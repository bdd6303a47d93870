"""`Routes`: the sides of a model with a Router (before version 5 of sentence-transformers, Asym), as for queries."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semspace.errors import DamagedError, InputError
from semspace.sentences.modules import MODULES, Module, listed_module, read_json, reads_settings

ROUTER, ASYM = "Router", "Asym"
_ROUTER_CONFIG, _ASYM_CONFIG = "router_config.json", "config.json"
_TEXT = "text"  # the only kind of input here; others are images and sounds
_PARAMETERS = ("default_route", "allow_empty_key", "route_mappings")
_LONGEST_PAIR = 300  # characters
_Route = tuple[str | None, str | tuple[str, ...] | None]


@dataclass(frozen=True)
class Routes:
    """The modules of each side of a model, and which side a text takes.

    Parameters
    ----------
    sides : mapping of str to sequence of Module
        All modules of each side, from the first to the last; those before and after the router belong to each side.
    default : str, optional
        The side of a text for which no task is given; None where versions of sentence-transformers choose differently.
    mappings : mapping
        The side by task and kind of input, either of which may be None, for any.
    path : Path
        The file that says this.
    """

    sides: Mapping[str, Sequence[Module]]
    default: str | None
    mappings: Mapping[_Route, str]
    path: Path

    def side(self, task: str | None) -> str:
        """Return the side of a text, given the task (such as "query"), as sentence-transformers looks for it.

        Raises
        ------
        InputError
            If there is no side for this task, or none for no task.
        """
        for route in ((task, _TEXT), (task, None), (None, _TEXT), (None, None)):
            if route in self.mappings:
                return self.mappings[route]
        if task in self.sides:
            return str(task)
        if _TEXT in self.sides:
            return _TEXT
        if task is not None:
            raise InputError(f"{self.path} has no side for the task {task!r}; it has {', '.join(self.sides)}")
        if self.default is None:
            raise InputError(
                f"{self.path} has the sides {', '.join(self.sides)} and no default_route, so versions of "
                f"sentence-transformers encode a text without a side differently; give task={next(iter(self.sides))!r} "
                f"or another of them"
            )
        return self.default


@reads_settings
def read_routes(root: Path, modules: Sequence[Module]) -> Routes | None:
    """Return the sides of a model; None where its modules have no router.

    Raises
    ------
    InputError
        If there are several routers, or a side can't be run.
    DamagedError
        If the router's file can't be read.
    """
    at = [number for number, module in enumerate(modules) if module.kind in (ROUTER, ASYM)]
    if not at:
        return None
    if len(at) > 1:
        raise InputError(f"{root / MODULES} lists {len(at)} routers; semspace runs one")
    router = modules[at[0]]
    path = router.folder / _ROUTER_CONFIG
    is_old = not path.is_file()
    path = router.folder / _ASYM_CONFIG if is_old else path
    if not path.is_file():
        raise InputError(
            f"{root / MODULES} lists a module {router.kind}, but {router.folder / _ROUTER_CONFIG} is missing"
        )
    config = read_json(path)
    types, structure, parameters = (_object(path, config, key) for key in ("types", "structure", "parameters"))
    sides = {
        str(name): (*modules[: at[0]], *_side(path, router.folder, types, name, listed), *modules[at[0] + 1 :])
        for name, listed in structure.items()
    }
    if not sides:
        raise DamagedError(f"{path} has no sides (structure); download the model again")
    strange = next((key for key in parameters if key not in _PARAMETERS), None)
    if strange is not None:
        raise InputError(
            f"{path} has the parameter {strange!r}, which semspace doesn't know; it knows {', '.join(_PARAMETERS)}"
        )
    return Routes(sides, _default(path, parameters, sides, is_old=is_old), _mappings(path, parameters, sides), path)


def _object(path: Path, config: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = config.get(key, {} if key == "parameters" else None)
    if not isinstance(found, dict):
        raise DamagedError(f"{path} has {key} {found!r}; it must be an object: download the model again")
    return found


def _side(path: Path, folder: Path, types: Mapping[str, Any], side: object, listed: object) -> list[Module]:
    if not isinstance(listed, list) or any(name not in types for name in listed):
        raise DamagedError(f"{path} has the side {side!r} with modules {listed!r}, not all of which are in types")
    return [listed_module(path, folder, {"type": types[name], "path": name}) for name in listed]


def _default(path: Path, parameters: Mapping[str, Any], sides: Mapping[str, Any], *, is_old: bool) -> str | None:
    """Return the side of a text without a task: that named; else, since version 5, the first, if one is allowed."""
    default = parameters.get("default_route")
    if default is not None and default not in sides:
        raise InputError(
            f"{path} has default_route {default!r}, but there is no such side; there is {', '.join(sides)}"
        )
    if default is not None:
        return str(default)
    # Before version 5, Asym passed such a text on unchanged; since then it takes the first side.
    return None if is_old or not parameters.get("allow_empty_key", True) else next(iter(sides))


def _mappings(path: Path, parameters: Mapping[str, Any], sides: Mapping[str, Any]) -> dict[_Route, str]:
    """Return the side by task and kind of input; their pairs are written as Python writes tuples."""
    found: dict[_Route, str] = {}
    for key, side in (parameters.get("route_mappings") or {}).items():
        task, kind = _pair(path, str(key))
        if side not in sides:
            raise InputError(f"{path} maps {key} to the side {side!r} (route_mappings); there is {', '.join(sides)}")
        found[task, kind] = str(side)
    return found


def _pair(path: Path, written: str) -> Any:
    try:
        pair: Any = ast.literal_eval(written[:_LONGEST_PAIR])
        task, kind = pair
        hash(pair)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as problem:
        raise DamagedError(
            f"{path} has {written[:40]!r} in route_mappings; it must be a pair of task and kind"
        ) from problem
    return task, kind
