"""Files that arrive inside installed packages, found without running the package's code."""

from importlib.util import find_spec
from pathlib import Path

from semspace.errors import MissingFileError


def gensim_file(name: str) -> Path:
    """Give the path of a file among gensim's test data."""
    found = find_spec("gensim")
    for root in (found.submodule_search_locations or []) if found else []:
        path = Path(root) / "test" / "test_data" / name
        if path.is_file():
            return path
    raise MissingFileError(f"gensim's data file {name!r} isn't installed; pip install --force-reinstall gensim")
