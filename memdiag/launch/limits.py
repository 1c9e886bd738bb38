"""What limits a process's memory, as the process itself meets it: control groups, its own limits, the machine.

Control groups nest, and each on the way to the root may have a limit: the one with the least room counts. Where a
container sees but a part of the tree, as its root, the paths in ``/proc/PID/cgroup`` may lead out of what is mounted
(``/../..``): what is seen is then the group itself. Version 1 and 2 may both be mounted, on different controllers.
``proc`` and ``cgroups`` are ``/proc`` and ``/sys/fs/cgroup``, or trees recorded from such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from memdiag.model import GroupMemory, Limit

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")
_NAME_COLUMNS = 26  # of /proc/PID/limits, before the soft limit
_UNLIMITED = 1 << 60  # version 1 writes the largest multiple of a page; nothing has so much


@dataclass(frozen=True)
class Group:
    """One control group with a memory controller: its directory, and which version it is of."""

    directory: Path
    version: int
    shown: str  # its path, as the system's administrator writes it

    def read(self, name: str) -> str:
        """Empty where there is no such file."""
        try:
            return (self.directory / name).read_text(errors="replace")
        except OSError:
            return ""

    def number(self, name: str) -> int | None:
        text = self.read(name).strip()
        return int(text) if text.isdigit() else None

    def table(self, name: str) -> dict[str, int]:
        rows = (line.split() for line in self.read(name).splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

    def limit(self) -> int | None:
        if self.version == 1:
            found = self.number("memory.limit_in_bytes")
        else:  # past memory.high the processes are slowed down till they hardly go on
            told = [self.number(name) for name in ("memory.max", "memory.high")]
            found = min((number for number in told if number is not None), default=None)
        return None if found is None or found >= _UNLIMITED else found

    def used(self) -> int:
        return self.number("memory.usage_in_bytes" if self.version == 1 else "memory.current") or 0

    def needed(self) -> int:
        """What is used, without the part of the file cache that goes as soon as the room is wanted."""
        figures = self.table("memory.stat")
        return max(0, self.used() - figures.get("total_inactive_file", figures.get("inactive_file", 0)))

    def memory(self, t_s: float) -> GroupMemory | None:
        """What it holds, with all groups within it."""
        figures = self.table("memory.stat")
        if not figures:
            return None
        if self.version == 2:
            return GroupMemory(t_s, self.used(), figures.get("anon", 0), figures.get("file", 0))
        anonymous, cache = (figures.get("total_" + name, figures.get(name, 0)) for name in ("rss", "cache"))
        return GroupMemory(t_s, self.used(), anonymous, cache)

    def oom_kills(self) -> int:
        events = self.table("memory.oom_control" if self.version == 1 else "memory.events")
        return events.get("oom_kill", 0)


def group_chain(pid: int | str = "self", proc: Path = PROC, cgroups: Path = CGROUPS) -> list[Group]:
    """The group of a process that accounts for its memory, and those around it; the innermost first."""
    try:
        lines = (proc / str(pid) / "cgroup").read_text(errors="replace").splitlines()
    except OSError:
        return []
    paths = {
        tuple(names.split(",")): path
        for _, names, path in (line.split(":", 2) for line in lines if line.count(":") > 1)
    }
    for names, path in paths.items():
        if "memory" in names:
            return _chain(cgroups / "memory", path, 1, "memory.limit_in_bytes")
    return _chain(_unified(cgroups), paths.get(("",), "/"), 2, "memory.stat")


def _unified(cgroups: Path) -> Path:
    return cgroups / "unified" if (cgroups / "unified").is_dir() else cgroups


def _chain(mount: Path, path: str, version: int, telling: str) -> list[Group]:
    parts = [part for part in path.split("/") if part]
    if ".." in parts or not mount.joinpath(*parts).is_dir():
        parts = []  # out of what is mounted here: the mount is the group itself
    steps = [parts[:count] for count in range(len(parts), -1, -1)]
    groups = [Group(mount.joinpath(*step), version, f"v{version} /{'/'.join(step)}") for step in steps]
    return [group for group in groups if (group.directory / telling).exists()]


def nearest_group(groups: list[Group]) -> Limit | None:
    """Of groups within each other the limit that leaves the least room."""
    found = [
        Limit("cgroup", limit, group.needed(), group.shown) for group in groups if (limit := group.limit()) is not None
    ]
    return min(found, key=lambda limit: limit.headroom_bytes, default=None)


def limits_of(pid: int, proc: Path = PROC, cgroups: Path = CGROUPS) -> list[Limit]:
    """All that there are, the nearest first; empty where the process is gone.

    Where there is no ``/proc``, as on macOS, only the machine's is known.
    """
    if not proc.is_dir():
        memory = psutil.virtual_memory()
        return [Limit("machine", memory.total, memory.total - memory.available)]
    status = _kilobytes(proc / str(pid) / "status")
    if "VmSize" not in status:
        return []  # it has ended, though nobody has waited for it yet: it is in no group any more
    group = nearest_group(group_chain(pid, proc, cgroups))
    found = [*([group] if group else []), *_own_limits(proc / str(pid), status), *_machine(proc)]
    return sorted(found, key=lambda limit: limit.headroom_bytes)


def _own_limits(process: Path, status: Mapping[str, int]) -> list[Limit]:
    """``ulimit -v`` and ``-d``: past them allocations fail, nobody is killed."""
    found = []
    for line in _text(process / "limits").splitlines():
        soft = line[_NAME_COLUMNS:].split()[:1]
        if not soft or not soft[0].isdigit():
            continue  # "unlimited"
        if line.startswith("Max address space"):
            found.append(Limit("address space", int(soft[0]), status.get("VmSize", 0)))
        elif line.startswith("Max data size"):
            found.append(Limit("data", int(soft[0]), status.get("VmData", 0)))
    return found


def _machine(proc: Path) -> list[Limit]:
    figures = _kilobytes(proc / "meminfo")
    if "MemTotal" not in figures:
        return []
    total = figures["MemTotal"] + figures.get("SwapFree", 0)
    free = figures.get("MemAvailable", figures.get("MemFree", 0)) + figures.get("SwapFree", 0)
    return [Limit("machine", total, total - free)]


def _kilobytes(file: Path) -> Mapping[str, int]:
    rows = (line.split() for line in _text(file).splitlines() if line.endswith("kB"))
    return {row[0].rstrip(":"): int(row[1]) << 10 for row in rows if row[1].isdigit()}


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except (OSError, UnicodeError):
        return ""
