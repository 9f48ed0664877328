"""The command line, which the wheel contains."""

from __future__ import annotations

import signal
import sys

from chaffinch import _chaffinch


def main() -> None:
    """Runs the program ``chaffinch`` with the arguments of this process."""
    # Python's handler would wait for the program to return.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_chaffinch.main(["chaffinch", *sys.argv[1:]]))
