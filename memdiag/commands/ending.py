"""How the process ends: output flushed, broken pipes forgiven, and the target's own end repeated."""

from __future__ import annotations

import os
import sys


def finish(status: int) -> None:
    """End with ``status``; a negative one is the signal that ended the target."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError, OSError):
            _silence(stream.fileno())
    if status < 0:
        from memdiag.launch.process import end_as

        status = end_as(status)
    sys.exit(status)


def _silence(descriptor: int) -> None:
    """Nobody reads any more; the interpreter's own last flush must not complain about it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, descriptor)
    os.close(null)
