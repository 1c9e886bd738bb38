"""The errors a user can meet: each carries an exit status and the next step to take."""

from __future__ import annotations

FINE = 0
BREACH = 1
BAD_INPUT = 2
FAILED = 3


class MemdiagError(Exception):
    """Base of everything that is caught at the top: one line of what is wrong, one of what to do."""

    exit_status = FAILED

    def __init__(self, problem: str, next_step: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step


class UsageError(MemdiagError):
    """The command line or the configuration asks for something that cannot be."""

    exit_status = BAD_INPUT


class UnreadableInput(MemdiagError):
    """A file that should have been read is missing, damaged, hostile, or of another kind."""

    exit_status = BAD_INPUT


class CannotDo(MemdiagError):
    """memdiag itself could not do its job: no space, no permission, no such interpreter."""

    exit_status = FAILED
