"""The classes of errors and warnings.

Every error of semspace derives from `SemspaceError` and from the built-in exception that people would
catch. A message says what was wrong, the value got, what is allowed, and the remedy, in one sentence.
"""

# What would steer a terminal, or turn the direction of what follows, and has no place in a message: control codes other
# than tabs and line ends, and bidirectional overrides.
STEERING = dict.fromkeys(
    [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "·"
)


class SemspaceError(Exception):
    """The base class of semspace's errors; no message steers a terminal, whatever names of files or ids it quotes."""

    def __str__(self) -> str:
        return super().__str__().translate(STEERING)


class InputError(SemspaceError, ValueError):
    """An invalid value: a wrong parameter, an empty corpus, NaN in vectors."""


class EmptyInputError(InputError):
    """A file without documents, or texts without words."""


class UnknownIdError(SemspaceError, KeyError):
    """A word, document or column that doesn't exist."""

    def __str__(self) -> str:  # KeyError would print the repr, quotes and all
        return str(self.args[0]).translate(STEERING) if self.args else ""


class UnknownParameterError(SemspaceError, TypeError):
    """A parameter by the name it has in another library; the message says the name here."""


class UnknownAttributeError(SemspaceError, AttributeError):
    """An attribute by the name it has in another library; the message says the name here."""


class FrozenError(SemspaceError, AttributeError):
    """An attribute that can't be changed; the message says what to do instead."""


class MissingFileError(SemspaceError, FileNotFoundError):
    """A path that doesn't exist."""


class ExistsError(SemspaceError, FileExistsError):
    """A path that exists already; nothing was overwritten."""


class DamagedError(SemspaceError, ValueError):
    """A saved value that is truncated, changed, invalid or of a later format."""


class ReplacedError(DamagedError):
    """A saved value that was replaced while it was being opened; open it again."""


class MissingExtraError(SemspaceError, ImportError):
    """An optional library that isn't installed; the message names the pip command."""


class ServerError(SemspaceError, ConnectionError):
    """A server that can't be reached or refuses a request."""


class SemspaceWarning(UserWarning):
    """Something to know about a result that is valid nevertheless."""

    def __str__(self) -> str:
        return super().__str__().translate(STEERING)
