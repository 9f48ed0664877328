"""The types that are written in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from chaffinch._chaffinch import Document


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


class Mark(NamedTuple):
    """A part of a document that a stage wants to remove or replace.

    Its place is in characters of ``Document.text``, as that of a slice. Stages may return plain tuples
    instead.
    """

    start: int
    """The first character."""
    end: int
    """The character after the last one."""
    replacement: str | None = None
    """The text that replaces it, which must lie in one line. Without it, the part is removed."""
    fields: Mapping[str, str] | None = None
    """Facts found in it, such as ``{"date": "2024-05-31"}``. A ``dict``."""
    rule: str | None = None
    """The rule responsible: that of a :class:`Hit`. By default ``stage/NAME``."""


_Function = TypeVar("_Function", bound="Callable[..., Iterable[tuple[Any, ...]] | None]")


def stage(
    *, name: str, certainty: Literal["guess", "likely", "sure"] = "likely"
) -> Callable[[_Function], _Function]:
    """Makes a function a stage, for the keyword ``stages`` of :class:`Pipeline`.

    The function gets a :class:`Document` and returns an iterable of marks, or None: tuples of the first
    character and the one after the last, or objects of the class :class:`Mark`. Keywords of the function
    that have defaults are settings, which a pipeline file can change. The function must depend on nothing
    but its arguments. It runs under Python's lock, on any thread, and may be called several times for a
    document, because stages run until nothing new is marked.

    If it raises an exception, or one of its marks is not inside the document, the document gets none of
    the marks of that call, its ``reason`` says why, and ``Pipeline.stage_failures`` counts it.

    >>> import chaffinch
    >>> @chaffinch.stage(name="sign-off")
    ... def sign_off(document, *, text="-30-"):
    ...     return [line.span for line in document.lines if line.in_tail and line.text == text]
    >>> pipeline = chaffinch.Pipeline("stages: [sign-off: {text: ENDS}]", stages=[sign_off])
    >>> pipeline.clean("The minister said on Tuesday that the talks would go on.\\n\\nENDS\\n").text
    'The minister said on Tuesday that the talks would go on.\\n'
    >>> chaffinch.check_stage(sign_off)

    Args:
        name: The name, in pipeline files and rule files. A built-in stage of this name is replaced.
        certainty: How certain it is that marks are boilerplate. The limit on how much may be removed from
            an article drops the least certain first, and never drops ``"sure"``.
    """

    def attach(function: _Function) -> _Function:
        settings = {}
        for parameter in list(inspect.signature(function).parameters.values())[1:]:
            if parameter.default is inspect.Parameter.empty:
                raise TypeError(f"the setting {parameter.name!r} of the stage {name!r} has no default")
            settings[parameter.name] = parameter.default
        definition = {"name": name, "certainty": certainty, "settings": settings}
        function.__chaffinch_stage__ = definition  # type: ignore[attr-defined]
        return function

    return attach
