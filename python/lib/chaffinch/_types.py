"""The types that are written in Python."""

from __future__ import annotations

from typing import NamedTuple


class Input(NamedTuple):
    """A document to be cleaned, with what is known of it.

    Everything but the document is optional; see :meth:`Pipeline.clean`.
    """

    document: str | bytes | bytearray
    url: str | None = None
    id: str | None = None
    path: str | None = None
    date: str | None = None
    outlet: str | None = None


class Problem(NamedTuple):
    """Something wrong with a rule file, a pipeline file or a setting, and where."""

    file: str | None
    """The file, if it is in one."""
    line: int | None
    """The line, from 1, if it has a place in its file."""
    column: int | None
    """The column in characters, from 1, if it has a place in its file."""
    message: str
    """What is wrong."""
    help: str | None = None
    """What to do about it."""


class Error(Exception):
    """A pipeline could not be made, or a document not restored.

    ``problems`` lists everything that is wrong with the configuration.
    """

    problems: list[Problem] = []

    def __init__(self, message: str, problems: list[Problem] | None = None) -> None:
        super().__init__(message, problems or [])
        self.problems = problems or []

    def __str__(self) -> str:
        return str(self.args[0])
