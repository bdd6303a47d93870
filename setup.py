"""The steps of a build that compile kernels; everything else is in pyproject.toml and setup.cfg."""

import sys
from pathlib import Path

from setuptools import setup

sys.path.insert(0, str(Path(__file__).parent))

from compiled_wheel import BuildPackage, BuildWheel

setup(cmdclass={"build_py": BuildPackage, "bdist_wheel": BuildWheel})
