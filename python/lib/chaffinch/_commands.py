"""Commands for rule files and runs, which the program in the package carries out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any, NamedTuple, Union

from chaffinch._types import Error, Problem

_Path = Union[str, "os.PathLike[str]"]


class Finding(NamedTuple):
    """Something that :func:`check` found in a rule file."""

    level: str
    """``"error"`` or ``"warning"``."""
    code: str
    """What kind of finding it is, such as ``"keeps"``."""
    file: str
    """The rule file."""
    line: int
    """The line, from 1."""
    column: int
    """The column in characters, from 1."""
    rule: str | None
    """The rule, if it is about one."""
    message: str
    """What is wrong."""
    help: str | None
    """What to do about it."""


def _run(*arguments: _Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chaffinch", "--color", "never", *(os.fspath(each) for each in arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")


def _output(done: subprocess.CompletedProcess[str], expected: tuple[int, ...] = (0,)) -> str:
    if done.returncode not in expected:
        raise Error(done.stderr.strip().removeprefix("error: ") or f"the command failed with code {done.returncode}")
    return done.stdout


def learn(name: str, samples: Union[_Path, Iterable[_Path]]) -> str:
    """Learns the rules of an outlet from sample pages and returns its rule file, as YAML.

    Args:
        name: The name of the outlet: a-z, 0-9, ``-``, ``.`` and ``_``.
        samples: Files and directories with pages of the outlet: a path, or several.

    Raises:
        Error: The samples cannot be read, or nothing can be learned from them.
    """
    if isinstance(samples, (str, os.PathLike)):
        samples = [samples]
    return _output(_run("outlet", "new", name, "--", *samples))


def check(*files: _Path, mutate: bool = False) -> list[Finding]:
    """Runs the test cases of rule files, and other checks, and returns what is wrong.

    Args:
        files: Rule files and directories of rule files. By default those that ship.
        mutate: Also report parts of patterns that no test case needs.

    Raises:
        Error: A file cannot be read or is no rule file; ``problems`` has the places.
    """
    for file in files:
        if not os.path.exists(file):
            message = "there is no such file or directory"
            help = "give the paths of rule files, or of directories of rule files"
            problem = Problem(os.fspath(file), None, None, message, help)
            raise Error(f"{file}: {message}; {help}", [problem])
    done = _run("rules", "check", "--format", "json", *(["--mutate"] if mutate else []), "--", *files)
    if done.returncode == 2:
        # The same files, for an error with places.
        from chaffinch._chaffinch import Pipeline

        folders = [file for file in files if os.path.isdir(file)]
        Pipeline(rules=folders, rule_files=[file for file in files if file not in folders])
    found = [json.loads(line) for line in _output(done, (0, 1)).splitlines()]
    return [Finding(**{name: finding[name] for name in Finding._fields}) for finding in found]


def diff(first: _Path, second: _Path) -> dict[str, Any]:
    """Compares the outputs of two runs of the command line: what changed, by rule.

    Returns the JSON of ``chaffinch diff --format json``.

    Raises:
        Error: One of the directories is not the output of a run.
    """
    found: dict[str, Any] = json.loads(_output(_run("diff", "--format", "json", first, second)))
    return found
