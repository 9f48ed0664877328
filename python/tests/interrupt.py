"""Programs that are interrupted, as by Ctrl-C."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import time


def interrupted(
    code: str, wait: float | pathlib.Path, within: float = 60, cwd: pathlib.Path | None = None
) -> str:
    """Runs a program, and interrupts it after it has printed ``ready``.

    Args:
        code: The lines of the program.
        wait: The seconds from ``ready`` to the interrupt, or a path that exists when it is due.
        within: The seconds from the interrupt in which it must end.
        cwd: The directory in which the program runs.

    Returns:
        What the program wrote to standard error.
    """
    # A shell that starts jobs in the background lets them ignore interrupts.
    code = f"import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        if isinstance(wait, pathlib.Path):
            while not wait.exists() and process.poll() is None:
                time.sleep(0.01)
        else:
            time.sleep(wait)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=within)
    finally:
        process.kill()
    assert process.returncode != 0
    return errors
