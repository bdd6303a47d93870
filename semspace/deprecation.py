"""Old public names that still work until version 0.3, with a warning that says the new name."""

import functools
import warnings
from collections.abc import Callable
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


def renamed_method(old: str, new: str) -> Callable[..., Any]:
    """Return a method that warns and calls the method `new`: ``table = renamed_method("table", "to_frame")``."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        warn_renamed(f"{type(self).__name__}.{old}()", f"{new}()")
        return getattr(self, new)(*args, **kwargs)

    method.__name__ = old
    method.__doc__ = f"Call `{new}`, the name since version 0.2."
    return method


def renamed_property(old: str, new: str) -> Any:
    """Return a property that warns and returns the attribute `new`."""

    def getter(self: Any) -> Any:
        warn_renamed(f"{type(self).__name__}.{old}", new)
        return getattr(self, new)

    getter.__doc__ = f"Return `{new}`, the name since version 0.2."
    return property(getter)
