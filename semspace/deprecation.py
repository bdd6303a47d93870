"""Old names that still work until version 0.3, with a warning that says the new name."""

import functools
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")
REMOVAL = "0.3"


def warn_renamed(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warn that `old` is now called `new`."""
    warnings.warn(
        f"{old} is now called {new}; the old name will be removed in semspace {REMOVAL}",
        FutureWarning,
        stacklevel=stacklevel,
    )


def renamed_parameters(**new_names: str) -> Callable[[T], T]:
    """Return a decorator that accepts parameters by their old names (``old="new"``) and warns.

    It decorates a function, a method (below ``@classmethod`` or ``@staticmethod``), or a class, whose constructor
    then takes the old names (above ``@dataclass``).
    """

    def decorate(target: Any) -> Any:
        if isinstance(target, type):
            target.__init__ = _renaming(target.__init__, target.__name__, new_names)  # type: ignore[misc]
            return target
        return _renaming(target, target.__qualname__, new_names)

    return decorate


def _renaming(function: Callable[..., Any], name: str, new_names: dict[str, str]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        for old, new in new_names.items():
            if old in kwargs:
                if new in kwargs:
                    raise TypeError(f"{name} got both {new}= and its old name {old}=; give {new}= alone")
                warn_renamed(f"{name}({old}=)", f"{new}=")
                kwargs[new] = kwargs.pop(old)
        return function(*args, **kwargs)

    return wrapper


def renamed_function(old: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that warns and calls `function`."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        warn_renamed(old, function.__name__)
        return function(*args, **kwargs)

    return wrapper


class RenamedModules:
    """A finder of modules by their old names, for `sys.meta_path`.

    Parameters
    ----------
    modules : dict of str to str
        The old and the new name of each module.
    """

    def __init__(self, modules: dict[str, str]) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return the spec of a module that was renamed, or None."""
        return ModuleSpec(name, self) if name in self._modules else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Return None: an ordinary module is created."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill a module with the names of the one that replaces it."""
        new = self._modules[module.__name__]
        warn_renamed(module.__name__, new, stacklevel=7)
        module.__dict__.update((name, value) for name, value in vars(import_module(new)).items() if name[:2] != "__")


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """Return a method that warns and calls the method `new`: ``table = renamed_method("table", "to_frame")``."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        warn_renamed(f"{type(self).__name__}.{old}()", f"{new}()")
        return getattr(self, new)(*args, **kwargs)

    method.__name__ = old
    method.__doc__ = f"Deprecated: call `{new}`."
    return method


def renamed_property(old: str, new: str) -> Any:
    """Return a property that warns and returns the attribute `new`."""

    def getter(self: Any) -> Any:
        warn_renamed(f"{type(self).__name__}.{old}", new)
        return getattr(self, new)

    getter.__doc__ = f"Deprecated: use `{new}`."
    return property(getter)
