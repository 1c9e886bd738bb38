"""Limits as a process meets them, by trees of /proc and /sys/fs/cgroup as real systems have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from memdiag.launch.limits import group_chain, limits_of, nearest_group
from memdiag.model import Limit

MIB = 1 << 20
UNLIMITED_V1 = 9223372036854771712

# Of a process under ``ulimit -v``; Linux 6.
LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max data size             {data}            unlimited            bytes
Max open files            1024                 1048576              files
Max address space         {space}           unlimited            bytes
"""
STATUS = "Name:\tpython\nVmPeak:\t  120000 kB\nVmSize:\t  100000 kB\nVmData:\t   40000 kB\nThreads:\t1\n"
MEMINFO = """\
MemTotal:       16000000 kB
MemFree:         1000000 kB
MemAvailable:    9000000 kB
SwapFree:         500000 kB
HugePages_Total:       0
"""


class System:
    """A tree of /proc and one of control groups, with one process, 42."""

    def __init__(self, root: Path, cgroup: str) -> None:
        self.proc, self.cgroups = root / "proc", root / "cgroup"
        self.write("proc/42/cgroup", cgroup)
        self.write("proc/42/status", STATUS)
        self.write("proc/42/limits", LIMITS.format(data="unlimited", space="unlimited"))
        self.write("proc/meminfo", MEMINFO)

    def write(self, name: str, text: str) -> None:
        place = self.proc.parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def v2(self, path: str, limit: str, used: int, *, high: str = "max", cache: int = 0, kills: int = 0) -> None:
        self.write(f"cgroup{path}/memory.max", limit + "\n")
        self.write(f"cgroup{path}/memory.high", high + "\n")
        self.write(f"cgroup{path}/memory.current", f"{used}\n")
        self.write(f"cgroup{path}/memory.stat", f"anon {used - cache}\nfile {cache}\ninactive_file {cache}\n")
        self.write(f"cgroup{path}/memory.events", f"low 0\nhigh 3\nmax 7\noom {kills}\noom_kill {kills}\n")

    def v1(self, path: str, limit: int, used: int, *, cache: int = 0, kills: int = 0) -> None:
        self.write(f"cgroup/memory{path}/memory.limit_in_bytes", f"{limit}\n")
        self.write(f"cgroup/memory{path}/memory.usage_in_bytes", f"{used}\n")
        stat = f"cache 1\nrss 2\ntotal_cache {cache}\ntotal_rss {used - cache}\ntotal_inactive_file {cache}\n"
        self.write(f"cgroup/memory{path}/memory.stat", stat)
        control = f"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n"
        self.write(f"cgroup/memory{path}/memory.oom_control", control)

    def limits(self) -> list[Limit]:
        return limits_of(42, self.proc, self.cgroups)

    def group(self) -> Limit | None:
        return nearest_group(group_chain(42, self.proc, self.cgroups))


def test_a_container_sees_its_limit_at_the_root_of_its_own_tree(tmp_path: Path) -> None:
    """Kubernetes and Docker with a namespace for control groups, version 2."""
    system = System(tmp_path, "0::/\n")
    system.v2("", str(512 * MIB), 300 * MIB, cache=100 * MIB, kills=2)
    assert system.group() == Limit("cgroup", 512 * MIB, 200 * MIB, "v2 /")
    (group,) = group_chain(42, system.proc, system.cgroups)
    assert group.oom_kills() == 2
    memory = group.memory(1.5)
    assert memory is not None
    assert (memory.used_bytes, memory.anonymous_bytes, memory.file_bytes) == (300 * MIB, 200 * MIB, 100 * MIB)


def test_of_nested_groups_the_one_with_the_least_room_counts(tmp_path: Path) -> None:
    """systemd: a service without a limit of its own in a slice that has one."""
    system = System(tmp_path, "0::/system.slice/web.service\n")
    system.v2("/system.slice/web.service", "max", 90 * MIB)
    system.v2("/system.slice", str(200 * MIB), 150 * MIB)
    system.write("cgroup/memory.stat", "anon 5\nfile 6\n")  # the root has no limit, and no file for one
    found = system.group()
    assert found == Limit("cgroup", 200 * MIB, 150 * MIB, "v2 /system.slice")
    assert found.headroom_bytes == 50 * MIB
    assert [group.shown for group in group_chain(42, system.proc, system.cgroups)] == [
        "v2 /system.slice/web.service",
        "v2 /system.slice",
        "v2 /",
    ]


def test_memory_high_is_a_limit_as_well(tmp_path: Path) -> None:
    system = System(tmp_path, "0::/a\n")
    system.v2("/a", str(400 * MIB), 10 * MIB, high=str(100 * MIB))
    assert system.group() == Limit("cgroup", 100 * MIB, 10 * MIB, "v2 /a")


@pytest.mark.parametrize("version", [1, 2])
def test_a_group_without_a_limit_is_none(tmp_path: Path, version: int) -> None:
    system = System(tmp_path, "0::/a\n" if version == 2 else "4:memory:/a\n0::/\n")
    if version == 2:
        system.v2("/a", "max", 5 * MIB)
    else:
        system.v1("/a", UNLIMITED_V1, 5 * MIB)
    assert system.group() is None
    assert [limit.what for limit in system.limits()] == ["machine"]


def test_version_1_beside_version_2(tmp_path: Path) -> None:
    """A hybrid system: the memory controller is version 1, and version 2 is mounted with no controller."""
    system = System(tmp_path, "8:pids:/app\n4:memory:/app/one\n1:cpu,cpuacct:/\n0::/\n")
    system.v1("/app/one", 256 * MIB, 200 * MIB, cache=30 * MIB, kills=1)
    system.v1("/app", UNLIMITED_V1, 900 * MIB)
    system.v1("", UNLIMITED_V1, 2000 * MIB)
    (tmp_path / "cgroup" / "unified").mkdir()
    assert system.group() == Limit("cgroup", 256 * MIB, 170 * MIB, "v1 /app/one")
    groups = group_chain(42, system.proc, system.cgroups)
    assert len(groups) == 3
    assert groups[0].oom_kills() == 1
    memory = groups[0].memory(0.0)
    assert memory is not None
    assert (memory.anonymous_bytes, memory.file_bytes) == (170 * MIB, 30 * MIB)


@pytest.mark.parametrize("path", ["/../../kubepods/pod1", "/docker/0123abcd"])
def test_a_path_that_leads_out_of_what_is_mounted_is_the_mount_itself(tmp_path: Path, path: str) -> None:
    """In a container without a namespace of its own the paths are the host's; what is mounted is the container's."""
    system = System(tmp_path, f"0::{path}\n")
    system.v2("", str(64 * MIB), 60 * MIB)
    assert system.group() == Limit("cgroup", 64 * MIB, 60 * MIB, "v2 /")


def test_limits_of_the_process_and_the_machine_the_nearest_first(tmp_path: Path) -> None:
    system = System(tmp_path, "0::/\n")
    system.write("proc/42/limits", LIMITS.format(data=50_000 << 10, space=4_000_000 << 10))
    assert system.limits() == [
        Limit("data", 50_000 << 10, 40_000 << 10),
        Limit("address space", 4_000_000 << 10, 100_000 << 10),
        Limit("machine", 16_500_000 << 10, 7_000_000 << 10),
    ]


def test_where_nothing_can_be_read_there_are_no_limits(tmp_path: Path) -> None:
    assert limits_of(42, tmp_path, tmp_path) == []
    assert group_chain(42, tmp_path, tmp_path) == []


def test_a_process_that_has_ended_has_none(tmp_path: Path) -> None:
    """A zombie: its memory is gone, and it is in the root of all groups."""
    system = System(tmp_path, "0::/\n")
    system.write("proc/42/status", "Name:\tpython\nState:\tZ (zombie)\nThreads:\t1\n")
    assert system.limits() == []


@pytest.mark.parametrize("text", ["", "\n\n", "::::", "0::", "max", "\x00\xff", "4:memory"])
def test_nonsense_is_no_limit(tmp_path: Path, text: str) -> None:
    system = System(tmp_path, text)
    system.write("proc/42/limits", text)
    system.write("proc/42/status", text)
    system.v2("", text or "-1", 1)
    assert {limit.what for limit in system.limits()} <= {"machine", "cgroup"}


# --- whole trees ----------------------------------------------------------------------------------------------
# Typical of what these systems make, by their documentation; not recorded from any.

POD = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod8f1c2d3e_0a1b.slice"
CONTAINER = "3f" * 32


@pytest.mark.parametrize(
    ("cgroup", "limits", "nearest"),
    [
        pytest.param(
            "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal-4711.scope\n",
            {
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-terminal-4711.scope": "max",
                "/user.slice/user-1000.slice/user@1000.service/app.slice": "max",
                "/user.slice/user-1000.slice/user@1000.service": "max",
                "/user.slice/user-1000.slice": str(4096 * MIB),
                "/user.slice": "max",
            },
            "v2 /user.slice/user-1000.slice",
            id="systemd, MemoryMax= of a user's slice",
        ),
        pytest.param("0::/\n", {"": str(512 * MIB)}, "v2 /", id="docker run -m 512m"),
        pytest.param(
            f"0::/docker/{CONTAINER}/docker/{CONTAINER[::-1]}\n",
            {f"/docker/{CONTAINER}/docker/{CONTAINER[::-1]}": str(900 * MIB), f"/docker/{CONTAINER}": str(600 * MIB)},
            f"v2 /docker/{CONTAINER}",
            id="docker in docker, the outer one narrower",
        ),
        pytest.param(
            f"0::{POD}/cri-containerd-{CONTAINER}.scope\n",
            {
                f"{POD}/cri-containerd-{CONTAINER}.scope": str(256 * MIB),
                POD: str(300 * MIB),
                "/kubepods.slice/kubepods-burstable.slice": "max",
                "/kubepods.slice": str(14_000 * MIB),
            },
            f"v2 {POD}/cri-containerd-{CONTAINER}.scope",
            id="kubernetes, seen from the node",
        ),
        pytest.param(
            "0::/init.scope\n",
            {"/init.scope": "max"},
            None,
            id="a machine without limits: its root has no file for one",
        ),
    ],
)
def test_the_nearest_limit_in_trees_as_systems_make_them(
    tmp_path: Path, cgroup: str, limits: dict[str, str], nearest: str | None
) -> None:
    system = System(tmp_path, cgroup)
    system.write("cgroup/memory.stat", "anon 5\nfile 6\n")
    for path, limit in limits.items():
        system.v2(path, limit, 100 * MIB)
    found = system.group()
    assert (found and found.where) == nearest
    assert found is None or found.limit_bytes == int(limits[nearest.removeprefix("v2 ").rstrip("/") if nearest else ""])


def test_kubernetes_on_version_1(tmp_path: Path) -> None:
    path = f"/kubepods/burstable/pod8f1c2d3e/{CONTAINER}"
    system = System(tmp_path, f"11:memory:{path}\n10:cpu,cpuacct:{path}\n1:name=systemd:{path}\n")
    system.v1(path, 512 * MIB, 400 * MIB, cache=50 * MIB)
    system.v1("/kubepods/burstable/pod8f1c2d3e", UNLIMITED_V1, 450 * MIB)
    system.v1("/kubepods/burstable", UNLIMITED_V1, 3000 * MIB)
    system.v1("/kubepods", 14_000 * MIB, 9000 * MIB)
    assert system.group() == Limit("cgroup", 512 * MIB, 350 * MIB, f"v1 {path}")


def test_without_proc_only_the_machines_is_known(tmp_path: Path) -> None:
    (one,) = limits_of(42, tmp_path / "proc", tmp_path / "cgroup")
    assert one.what == "machine"
    assert 0 < one.used_bytes < one.limit_bytes
