"""``python -m tests.fuzz [--seconds N] [--count N] [--first SEED] [--reader NAME]``: looks for files that do harm.

Each input is made from its number alone, so that one that fails can be had again: ``--first NUMBER --count 1``. A
reader may raise MemdiagError and nothing else, within seconds, without taking memory to speak of, opening any file but
the one that it was given, importing anything, or starting a process.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from memdiag.errors import MemdiagError
from tests.fuzz.readers import Reader, readers

TIME_LIMIT_S = 10  # of one input, on a busy machine
MEMORY_LIMIT = 256 << 20  # bytes by which the process may grow over what it took to begin with
WARM_UP = 400  # inputs, in which modules are loaded that are loaded late
_FORBIDDEN = ("import", "subprocess.Popen", "os.system", "os.exec", "os.fork", "socket.connect", "ctypes.dlopen")


class Watch:
    """Hears of everything that the interpreter is asked for while an input is read."""

    def __init__(self) -> None:
        self.allowed = ""
        self.seen: list[str] = []
        self.listening = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.listening:
            return
        if event == "open" and arguments[0] != self.allowed and not isinstance(arguments[0], int):
            self.seen.append(f"opened {arguments[0]!r:.80}")
        elif event in _FORBIDDEN:
            self.seen.append(f"{event} {arguments[0]!r:.80}")


class Hang(BaseException):
    """An input that is not done with in time; no reader catches it."""


def _hung(*_: object) -> None:
    raise Hang


def attempt(reader: Reader, number: int, place: Path, watch: Watch) -> str:
    """What is wrong with how one input is read; nothing, as it should be."""
    path = place / reader.file
    path.write_bytes(reader.make(Random(number)))
    watch.seen, watch.allowed, watch.listening = [], str(path), True
    signal.setitimer(signal.ITIMER_REAL, TIME_LIMIT_S)
    try:
        reader.read(path)
    except MemdiagError:
        pass
    except Hang:
        return f"took more than {TIME_LIMIT_S} s"
    except BaseException as error:
        return f"{type(error).__name__}: {error!s:.200}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        watch.listening = False
    return "; ".join(watch.seen)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=10**12)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--reader", help="only this one")
    given = parser.parse_args(words)
    known = [one for one in readers() if given.reader in (None, one.name)]
    order = [one for one in known for _ in range(one.often)]
    signal.signal(signal.SIGALRM, _hung)
    done: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    deadline = time.monotonic() + given.seconds
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as place:
        directory, watch = Path(place), Watch()
        for number in range(-WARM_UP, 0):
            attempt(order[number % len(order)], number, directory, watch)
        peak = _peak()
        for number in range(given.first, given.first + given.count):
            if time.monotonic() > deadline:
                break
            reader = order[number % len(order)]
            problem = attempt(reader, number, directory, watch)
            done[reader.name] += 1
            if _peak() > peak + MEMORY_LIMIT:
                problem, peak = f"{problem} took {(_peak() - peak) >> 20} MiB".strip(), _peak()
            if problem:
                wrong[reader.name] += 1
                print(f"{reader.name} {number}: {problem}", flush=True)
    print(f"{sum(done.values()):,} inputs ({', '.join(f'{name} {count:,}' for name, count in done.items())})")
    print(f"{sum(wrong.values())} did harm")
    return 1 if wrong else 0


def _peak() -> int:
    """Bytes; what has been resident at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
