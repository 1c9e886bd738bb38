"""``memdiag`` and ``python -m memdiag``."""

from __future__ import annotations

import os
import sys


def _fill_closed_streams() -> None:
    """Streams that were closed when we started (``>&-``) are None; the target still inherits them closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def main() -> None:
    """Run the command line; the process ends with its status, or as its target ended."""
    _fill_closed_streams()
    from memdiag.commands.app import run
    from memdiag.commands.ending import finish

    finish(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
