"""What can go wrong, or needs to be known, in a handful of classes.

Every error of semspace derives from `SemspaceError`, and also from the built-in people would catch by
habit. A message says what was wrong, the value got, what is allowed, and the remedy, in one sentence.
"""


class SemspaceError(Exception):
    """The base of every error semspace raises on purpose."""


class InputError(SemspaceError, ValueError):
    """A value that can't be used: a wrong parameter, an empty corpus, NaN vectors."""


class UnknownIdError(SemspaceError, KeyError):
    """A word, document or column that isn't there."""

    def __str__(self) -> str:  # KeyError would print the repr, quotes and all
        return str(self.args[0]) if self.args else ""


class FrozenError(SemspaceError, AttributeError):
    """An attribute that can't be changed; the message says what to do instead."""


class MissingFileError(SemspaceError, FileNotFoundError):
    """A path with nothing at it."""


class ExistsError(SemspaceError, FileExistsError):
    """A path that is taken; nothing was overwritten."""


class DamagedError(SemspaceError, ValueError):
    """A saved value that is foreign, truncated, altered or of a later format."""


class ReplacedError(DamagedError):
    """A saved value that another one replaced while it was being opened; opened again, it is the other one."""


class MissingExtraError(SemspaceError, ImportError):
    """An optional library that isn't installed; the message names the pip command."""


class ServerError(SemspaceError, ConnectionError):
    """A server that can't be reached, or won't do what it is asked."""


class SemspaceWarning(UserWarning):
    """Something to know about a result that is there all the same."""
