"""The version of this package; `pyproject.toml` says the same. And the versions of those that compute for it."""

from __future__ import annotations

__version__ = "0.1.0"


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of semspace and of those of some packages that are installed, by name.

    Examples
    --------
    >>> sorted(versions("numpy", "no such package"))
    ['numpy', 'semspace']
    """
    from importlib import metadata

    found = {"semspace": __version__}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
