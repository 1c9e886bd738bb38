"""Descriptors by kind, and the peers of sockets, by a tree of /proc."""

from __future__ import annotations

from pathlib import Path

from memdiag.launch.handles import children_of, read_handles, read_peers

# /proc/net/tcp of Linux 6: a server that listens, a client connected to it, and one whose peer has hung up.
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0000000000000000 100
   1: 0100007F:9C40 0A00000A:1538 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0000000000000000 20
   2: 0100007F:9C41 0A00000A:1538 08 00000000:00000000 00:00000000 00000000     0        0 102 1 0000000000000000 20
   3: 0100007F:9C42 0A00000A:1538 08 00000000:00000000 00:00000000 00000000     0        0 103 1 0000000000000000 20
"""
TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr inode
   0: 00000000000000000000000001000000:0050 00000000000000000000000001000000:A000 01 0:0 00:0 0 0 0 104 1 0 20
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 105 /run/app.sock
"""


def process(root: Path, *targets: str) -> None:
    (root / "42" / "fd").mkdir(parents=True)
    (root / "42" / "net").mkdir()
    for number, target in enumerate(targets):
        (root / "42" / "fd" / str(number)).symlink_to(target)


def test_each_kind_of_descriptor(tmp_path: Path) -> None:
    place = tmp_path / "home"
    place.mkdir()
    process(
        tmp_path,
        "/dev/null",
        "/dev/pts/3",
        "socket:[100]",
        "pipe:[7]",
        "pipe:[8]",
        "anon_inode:[eventpoll]",
        "anon_inode:inotify",
        "/srv/data.csv",
        "/srv/gone.csv (deleted)",
        "/tmp/tmpabc",
        str(place),
        "/spool/stream",
        "/proc/42/statm",
    )
    found = read_handles(42, 2.5, "/spool", tmp_path)
    assert found is not None
    assert dict(found.kinds) == {
        "device": 1,
        "terminal": 1,
        "socket": 1,
        "pipe": 2,
        "eventpoll": 1,
        "inotify": 1,
        "file": 1,
        "deleted file": 1,
        "temporary file": 1,
        **({"temporary file": 2} if str(place).startswith("/tmp/") else {"directory": 1}),
    }
    assert (found.t_s, found.threads, found.children, found.zombies) == (2.5, 1, 0, 0)


def test_children_and_those_that_nobody_waited_for(tmp_path: Path) -> None:
    process(tmp_path, "/dev/null")
    for task, children in (("42", "50 51 "), ("43", "52")):
        (tmp_path / "42" / "task" / task).mkdir(parents=True)
        (tmp_path / "42" / "task" / task / "children").write_text(children)
    for child, state in (("50", "Z"), ("51", "S"), ("52", "Z")):
        (tmp_path / child).mkdir()
        (tmp_path / child / "stat").write_text(f"{child} (a ) Z b) {state} 42 50 50 0 -1")
    assert sorted(children_of(42, tmp_path)) == [50, 51, 52]
    found = read_handles(42, 0.0, "/spool", tmp_path)
    assert found is not None
    assert (found.children, found.zombies, found.threads) == (3, 2, 1)


def test_whom_sockets_talk_to(tmp_path: Path) -> None:
    process(tmp_path, *(f"socket:[{inode}]" for inode in range(100, 107)))
    for name, table in (("tcp", TCP), ("tcp6", TCP6), ("unix", UNIX)):
        (tmp_path / "42" / "net" / name).write_text(table)
    assert read_peers(42, tmp_path) == (
        ("tcp 10.0.0.10:5432, closed by the peer, not here", 2),
        ("tcp 10.0.0.10:5432, established", 1),
        ("tcp 127.0.0.1:8080, listening", 1),
        ("tcp6 [::1]:40960, established", 1),
        ("unconnected", 1),
        ("unix sockets", 1),
    )


def test_a_process_that_is_gone_or_ends(tmp_path: Path) -> None:
    assert read_handles(42, 0.0, root=tmp_path) is None
    assert read_peers(42, tmp_path) == ()
    process(tmp_path)
    assert read_handles(42, 0.0, root=tmp_path) is None
