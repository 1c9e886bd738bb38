"""The descriptors of a process by kind, and the peers of its sockets, as ``/proc`` has them.

``root`` is ``/proc``, or a tree recorded from one.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from memdiag.model import Handles

PROC = Path("/proc")
_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/")
_STATES = {
    "01": "established",
    "02": "connecting",
    "03": "being accepted",
    "06": "closing",
    "07": "closed",
    "08": "closed by the peer, not here",
    "0A": "listening",
}


def read_handles(
    pid: int, t_s: float, spool: str = "", root: Path = PROC, children: Sequence[int] | None = None
) -> Handles | None:
    """How many of each kind are open; those below ``spool``, the probe's own, are left out, and the tables of /proc.

    ``children`` are the process's, where they are known: to find them takes a look at each of its threads. ``None``
    where the process is gone, or not ours to look at.
    """
    process = root / str(pid)
    kinds: Counter[str] = Counter()
    try:
        names = os.listdir(process / "fd")
    except OSError:
        return None
    for name in names:
        try:
            target = os.readlink(process / "fd" / name)
        except OSError:
            continue  # closed since
        if not (spool and target.startswith(spool)) and not target.endswith("/statm"):
            kinds[_kind(process / "fd" / name, target)] += 1
    if not kinds:
        return None  # it has ended, and was not waited for yet
    children = children_of(pid, root) if children is None else children
    zombies = sum(_state(child, root) == "Z" for child in children)
    return Handles(t_s, tuple(sorted(kinds.items())), max(1, _threads(process) - bool(spool)), len(children), zombies)


def _threads(process: Path) -> int:
    """The probe has one of its own, where there is a probe."""
    try:
        return len(os.listdir(process / "task"))
    except OSError:
        return 1


def _kind(link: Path, target: str) -> str:
    if target.startswith("anon_inode:"):
        return target.removeprefix("anon_inode:").strip("[]")
    head = target.partition(":")[0]
    if head in ("socket", "pipe"):
        return head
    if target.startswith(("/dev/pts/", "/dev/tty")):
        return "terminal"
    if target.startswith("/dev/") and not target.startswith(_TEMPORARY):
        return "device"
    if target.startswith(_TEMPORARY):
        return "temporary file"
    if target.endswith(" (deleted)"):
        return "deleted file"
    return "directory" if _is_directory(link) else "file"


def _is_directory(link: Path) -> bool:
    try:
        return stat.S_ISDIR(link.stat().st_mode)
    except OSError:
        return False


def children_of(pid: int, root: Path = PROC) -> list[int]:
    """Those that are still there, zombies among them; empty where the kernel does not list them."""
    found: list[int] = []
    try:
        for task in (root / str(pid) / "task").iterdir():
            found += map(int, (task / "children").read_text().split())
    except (OSError, ValueError):
        return found
    return found


def _state(pid: int, root: Path) -> str:
    try:
        text = (root / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    return text[text.rfind(")") + 2 :][:1]


def read_peers(pid: int, root: Path = PROC) -> tuple[tuple[str, int], ...]:
    """Whom the open sockets talk to: ``tcp 10.0.0.5:5432, established``, and how many of each, the most first."""
    process = root / str(pid)
    open_sockets = _sockets(process)
    if not open_sockets:
        return ()
    told = {**_internet(process / "net"), **_unix(process / "net")}
    found = Counter(told.get(inode, "unconnected") for inode in open_sockets)
    return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _sockets(process: Path) -> list[str]:
    found = []
    try:
        for name in os.listdir(process / "fd"):
            target = os.readlink(process / "fd" / name)
            if target.startswith("socket:["):
                found.append(target[8:-1])
    except OSError:
        return found
    return found


def _internet(net: Path) -> dict[str, str]:
    """By inode, from the kernel's tables of TCP and UDP."""
    found = {}
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in _lines(net / protocol)[1:]:
            words = line.split()
            if len(words) > 9:
                state = _STATES.get(words[3], "open") if protocol.startswith("tcp") else "open"
                end = words[1] if state == "listening" else words[2]
                found[words[9]] = f"{protocol} {_address(end)}, {state}"
    return found


def _unix(net: Path) -> dict[str, str]:
    return {words[6]: "unix sockets" for line in _lines(net / "unix")[1:] if len(words := line.split()) > 6}


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text(errors="replace").splitlines()
    except OSError:
        return []


def _address(text: str) -> str:
    """``0100007F:1F90`` is 127.0.0.1:8080: each 32 bits of the address are in the machine's own order."""
    import ipaddress

    host, _, port = text.partition(":")
    try:
        packed = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8))
        address = ipaddress.ip_address(packed)
        number = int(port, 16)
    except ValueError:
        return "?"
    return f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}"
