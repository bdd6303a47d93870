"""The command line: one command per verb, a thin shell over the API."""

from semspace.cli.main import main

__all__ = ["main"]
