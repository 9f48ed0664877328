"""Helpers for the tests."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

import chaffinch

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = sorted((ROOT / "corpus" / "seeds").glob("*.txt"))

BODY = "The minister told reporters on Tuesday that the talks would go on.\n"
PAGE = f"Talks to go on\n\n{BODY}\nSHARE THIS ARTICLE\n"

RULES = """\
outlet: paper
rules:
  - {id: footer, stage: site-footer, text: The old footer, keeps: [The old footer was replaced.]}
"""


@pytest.fixture(scope="session")
def pipeline() -> chaffinch.Pipeline:
    return chaffinch.Pipeline()


@pytest.fixture(scope="session")
def program() -> str:
    """The command line: that of CHAFFINCH_BIN, or the one that was installed with the package."""
    return os.environ.get("CHAFFINCH_BIN") or str(pathlib.Path(sys.executable).parent / "chaffinch")


@pytest.fixture(scope="session")
def plugin(program: str) -> pathlib.Path:
    """A plugin that removes lines of the tail that begin with one of ``words``."""
    module = ROOT / "docs" / "plugins" / "corrections.wasm"
    command = [program, "plugin", "check", str(module), "--set", "words=Correction:"]
    done = subprocess.run(command, capture_output=True, text=True)
    if "cannot run plugins" in done.stderr:
        pytest.skip("the wheel has no plugins")
    assert done.returncode == 0, done.stderr
    return module
