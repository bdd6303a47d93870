"""What is in the repository is what gets installed, and nothing is said twice."""

import configparser
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_package_is_installed(setup):
    from setuptools import find_packages

    assert setup["options"]["packages"] == "find:"
    found = find_packages(str(ROOT), include=setup["options.packages.find"]["include"].split())
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "semspace").rglob("*.py")}
    assert set(found) == {".".join(folder.parts) for folder in folders}


def test_every_file_that_is_not_code_is_installed(setup):
    data = setup["options.package_data"]
    listed = {ROOT / package.replace(".", "/") / name for package in data for name in data[package].split()}
    there = {p for p in (ROOT / "semspace").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert listed == {path for path in there if path.suffix not in (".py", ".nbi", ".nbc")}


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_setup_cfg_and_pyproject_share_nothing(setup):
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(setup.sections()) == {"options", "options.packages.find", "options.package_data"}
    assert "setuptools" not in project["tool"]


def test_the_version_is_said_once_in_each_place():
    import semspace

    assert f'version = "{semspace.__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
