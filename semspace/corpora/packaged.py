"""Data files inside installed packages, found without importing the package."""

from importlib.util import find_spec
from pathlib import Path

from semspace.errors import MissingFileError


def gensim_file(name: str) -> Path:
    """Return the path of a file among gensim's test data."""
    spec = find_spec("gensim")
    for root in (spec.submodule_search_locations or []) if spec else []:
        path = Path(root) / "test" / "test_data" / name
        if path.is_file():
            return path
    raise MissingFileError(f"gensim's data file {name!r} isn't installed; pip install --force-reinstall gensim")
