"""Data files inside installed packages, found without importing the package."""

from importlib.util import find_spec
from pathlib import Path

from semspace import checks
from semspace.errors import MissingFileError


def gensim_file(name: str) -> Path:
    """Return the path of a file among gensim's test data; `MissingExtraError` if gensim isn't installed."""
    spec = find_spec("gensim")
    if spec is None:
        raise checks.missing_extra("gensim", "gensim")
    for root in spec.submodule_search_locations or []:
        path = Path(root) / "test" / "test_data" / name
        if path.is_file():
            return path
    raise MissingFileError(f"gensim's data file {name!r} isn't installed; pip install --force-reinstall gensim")
