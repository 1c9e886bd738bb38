"""Reports built by hand, one for each thing that a renderer has to show."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from memdiag.capture.baseline import Baseline, Entry
from memdiag.gate import Rule, check_growth, check_verdict, compared, hidden
from memdiag.model import (
    Account,
    Books,
    CollectorCost,
    CollectorSetting,
    Cut,
    CycleCluster,
    CycleEvidence,
    Finding,
    GenerationCost,
    Growing,
    Holder,
    Layer,
    Limit,
    Moment,
    PassResult,
    Report,
    Row,
    RowStatus,
    Sample,
    Site,
    TargetInfo,
    TimeToLimit,
    TrialRow,
    Tuning,
    TypeSurvival,
)
from memdiag.units import parse_limit

HOME = "/home/ann/shop"

CHAT = TargetInfo(
    argv=("support_chat.py", "4000"),
    python="3.11.7",
    executable="/usr/bin/python3",
    platform="Linux-6.1-x86_64",
    directory=HOME,
    exit_status=0,
    duration_s=2.4,
)

GROWING_SAMPLES = tuple(
    Sample(
        t_s=step * 0.1,
        rss_bytes=15_200_000 + step * 90_000,
        heap_blocks=20_000 + step * 640,
        heap_bytes=120_000 + step * 79_000 + (step % 3) * 20_000,
        tracer_bytes=step * 130_000,
        fds=3,
        threads=1,
    )
    for step in range(25)
)

HANDLE = Site(
    file=f"{HOME}/support_chat.py",
    line=43,
    function="ConversationManager.handle",
    bytes=1_520_000,
    count=11_952,
    source='        self.history.append(Message("user", text, {"turn": turn}))',
)
RENDER = Site(
    file=f"{HOME}/support_chat.py",
    line=41,
    function="ConversationManager.handle",
    bytes=402_000,
    count=3_984,
    source='text = f"Customer {turn} asks about order {turn * 7}"',
)
DECODER = Site(
    file="/usr/lib/python3.11/json/decoder.py",
    line=355,
    function="JSONDecoder.raw_decode",
    bytes=1_200,
    count=10,
    source="obj, end = self.scan_once(s, idx)",
)


def row(site: Site, before: int, *, series: tuple[int, ...] = (), trend: str = "", arena: bool = False) -> Row:
    """A row that grows by what its site says."""
    after, blocks = before + site.bytes, 40 if before else 0
    return Row(site, before, after, blocks, blocks + site.count, _status(before, after), series, trend, arena)


def _status(before: int, after: int) -> RowStatus:
    if before == after:
        return "same"
    if not before or not after:
        return "gone" if before else "new"
    return "worse" if after > before else "better"


def climb(last: int, steps: int = 20) -> tuple[int, ...]:
    return tuple(last * step // (steps - 1) for step in range(steps))


CHAT_ROWS = (
    row(HANDLE, 9_000, series=climb(1_529_000), trend="grows to the end"),
    row(RENDER, 3_000, series=climb(405_000), trend="grows to the end"),
    row(DECODER, 64_000, series=(0, 60_000, 64_000, *[65_200] * 17), trend="levelled off", arena=True),
    row(replace(DECODER, line=353, bytes=-5_000, count=-20), 9_000),
)

HISTORY = Finding(
    id="8c1f0e7a",
    kind="growth",
    pattern="history",
    rule="MEM-005",
    verdict="leak",
    confidence=0.95,
    title="ConversationManager.history keeps every Message",
    why=(
        "The list gained items in 18 of 18 intervals, 3,960 in all, about one for each turn; nothing in "
        "ConversationManager ever removes from it."
    ),
    fix=(
        "Bound it: trim self.history after the append at support_chat.py:43, "
        "or make it a collections.deque with a maxlen."
    ),
    holder=Holder(path="__main__.manager.history", type="list", owner="ConversationManager.history"),
    growing=Growing(type="Message", counts=(40, 1_900, 4_000), bytes=(2_240, 106_400, 224_000), per_second=1_650.0),
    retained_bytes=1_922_000,
    sites=(HANDLE,),
)

RUN_LEAK = Report(
    command="run",
    verdict="leak",
    headline="support_chat.py: ConversationManager.history grew by 3,960 Message to the end of the run",
    target=CHAT,
    samples=GROWING_SAMPLES,
    findings=(HISTORY,),
    rows=CHAT_ROWS,
    tracer="tracemalloc",
    awaiting_bytes=48_200,
    notes=("the collector ran 12 times during the run",),
    saved=".memdiag/20261120-175402-support_chat.memdiag",
    next_steps=("memdiag cycles support_chat.py 4000", "memdiag diff BEFORE AFTER --max-growth 20MB"),
)

RUN_SUSPECT = replace(
    RUN_LEAK,
    verdict="suspect",
    headline="support_chat.py: memory grew by 1.9 MB to the end of the run",
    findings=(),
    notes=(),
)

NATIVE_LAYERS = (
    Layer("objects", "live Python objects", (2_400_000, 2_380_000), "does not grow"),
    Layer("python-free", "free in Python's allocator", (300_000, 310_000), "does not grow"),
    Layer("native", "native allocations in use", (1_600_000, 178_100_000), "grows to the end"),
    Layer("malloc-free", "free in malloc", (124_000, 8_146_000), "came at once"),
    Layer("files", "mapped files and libraries", (6_700_000, 6_600_000), "does not grow"),
    Layer("other", "the rest: other mappings", (0, 0), "does not grow", "Python's arenas are in it"),
)
CGROUP = Limit("cgroup", 536_870_912, 412_000_000, "v2 /kubepods/pod7/web")
RUN_NATIVE = replace(
    RUN_LEAK,
    verdict="suspect",
    headline="transcode.py: memory outside Python's own grows: 176.5 MB, 129.2 MB/s",
    target=replace(CHAT, argv=("transcode.py", "60000")),
    findings=(),
    rows=(),
    notes=(),
    awaiting_bytes=0,
    account=Account(
        times=(0.1, 1.5),
        rss=(11_124_000, 195_536_000),
        layers=NATIVE_LAYERS,
        books=Books(),
        pss_bytes=182_900_000,
        uss_bytes=182_300_000,
        mappings=105,
        limits=(CGROUP, Limit("machine", 25_276_502_016, 977_000_000)),
        oom_kills=2,
        until_limit=TimeToLimit(CGROUP, 129_200_000.0, 0.97, 0.9, None),
        words=(
            "what grows to the end: native allocations in use (+176.5 MB of +184.4 MB). Memory of C code: --native-auto"
            " names the stack that allocates it.",
        ),
        handles=(("pipe", 3, 123), ("socket", 2, 2)),
    ),
    next_steps=("memdiag run --native-auto transcode.py 60000",),
)

RUN_CLEAN = replace(
    RUN_LEAK,
    verdict="clean",
    headline="product_cache.py: memory levelled off after 0.6 s of 2.4 s",
    target=replace(CHAT, argv=("product_cache.py",)),
    samples=tuple(
        replace(one, rss_bytes=17_164_000, heap_bytes=min(one.heap_bytes or 0, 900_000)) for one in GROWING_SAMPLES
    ),
    findings=(),
    rows=(),
    awaiting_bytes=0,
    notes=(),
    next_steps=(),
)

RUN_UNTRACED = replace(
    RUN_CLEAN,
    verdict="inconclusive",
    headline="worker.py: it was killed before it could show a trend",
    target=replace(CHAT, argv=("worker.py", "--queue", "mail"), exit_status=-9, duration_s=71.0),
    samples=tuple(
        Sample(t_s=one.t_s * 30, rss_bytes=None if 8 <= step <= 11 else one.rss_bytes, heap_blocks=one.heap_blocks)
        for step, one in enumerate(GROWING_SAMPLES)
    ),
    tracer="none",
    notes=("the last 0.4 s were not recorded",),
    next_steps=("memdiag run --tracer tracemalloc worker.py --queue mail",),
)

RUN_EMPTY = Report(
    command="run",
    verdict="inconclusive",
    headline="job.py ended before anything was recorded",
    target=TargetInfo(("job.py",)),
)

RUN_GATED = check_verdict(check_growth(RUN_LEAK, parse_limit("1MB")), "leak")

DELEGATION = CycleCluster(
    shape=("AgentContext", "list", "AgentContext"),
    edges=("subtasks", "[*]", "parent_context"),
    count=20,
    objects=100,
    size_bytes=34_240,
    state="reachable",
    holder="__main__.orchestrator.audit['callbacks']",
    pattern="delegation",
    retained_objects=240,
    retained_bytes=91_000,
    others=("shop.agents.recent[*]",),
    holder_counts=(2, 6, 11, 15, 20),
    holder_trend="steady",
    cuts=(
        Cut("__main__.orchestrator.audit['callbacks']", 0, 0, 240, reason="others keep them as well", outside=True),
        Cut("AgentContext.parent_context", 240, 91_000, 240, recommended=True, reason="it points back"),
        Cut("the default argument of AgentContext.delegate_to_another_agent()", 60, 4_800, 240),
        Cut("AgentContext.subtasks", 240, 91_000, 240),
    ),
    sites=(Site(f"{HOME}/delegation_tree.py", 36, "Orchestrator.run"),),
    sites_inferred=True,
)
WAITING = CycleCluster(
    DELEGATION.shape, DELEGATION.edges, count=12, objects=60, size_bytes=20_544, state="waiting", is_key=False
)
LEASES = CycleCluster(
    shape=("Lease", "dict"),
    edges=("holder", "[*]"),
    count=7,
    objects=14,
    size_bytes=1_680,
    state="slow",
    retained_objects=14,
    retained_bytes=1_680,
    passes=3,
    finalizer="Lease.__del__",
    cuts=(Cut("Lease.holder", 4, 480, 14),),
)
SAVED = CycleCluster(
    shape=("Node",), edges=("me",), count=2, objects=2, size_bytes=96, state="uncollectable", holder="gc.garbage"
)
LIBRARY = replace(WAITING, shape=("re.Pattern",), edges=("cache",), own=False)

# A finding that is known, one that is ignored, and a new one; what is gone, and rules that hide nothing.
RUN_KNOWN = check_verdict(
    compared(
        hidden(
            replace(
                RUN_LEAK,
                rows=(),
                findings=(
                    HISTORY,
                    replace(HISTORY, id="9d20", title="Desk.archive keeps every Turn", holder=Holder("desk.archive")),
                    replace(HISTORY, id="a001", verdict="suspect", title="shop._cache keeps growing", sites=()),
                ),
            ),
            [
                Rule("the archive is written out at night", path="*.archive", expires=date(2026, 12, 31)),
                Rule("fixed upstream in 2.1", package="requests", expires=date(2026, 6, 30)),
                Rule("a pool of its own", pattern="pool"),
            ],
            date(2026, 11, 20),
        ),
        Baseline(
            "memdiag-baseline.json",
            (
                Entry("8c1f0e7a", title="ConversationManager.history keeps every Message"),
                Entry("77aa", title="mailer._sent only ever grows", found_by="run support_chat.py"),
            ),
        ),
    ),
    "suspect",
)

CYCLES_FINDING = Finding(
    id="51d0b2c3",
    kind="cycle",
    pattern="registry",
    rule="MEM-002",
    verdict="leak",
    confidence=0.9,
    title="20 cycles of AgentContext stay in use",
    why="They survive every pass because Orchestrator.audit keeps their callbacks; it only ever grows.",
    fix="Drop the entry from Orchestrator.audit when a delegation ends, or let it hold weakref.WeakMethod.",
    holder=Holder("__main__.orchestrator.audit", "dict", "Orchestrator.audit"),
    retained_bytes=34_240,
    cycle=DELEGATION,
)

EVIDENCE = CycleEvidence(
    moment=Moment(0.31, "end of main()", 4),
    created=1_000,
    passes=(PassResult(1, 60, 102, 131), *(PassResult(number, 0, 102, 0) for number in range(2, 6))),
    by_type=(
        TypeSurvival("AgentContext", 200, 20),
        TypeSurvival("list", 400, 40),
        TypeSurvival("shop.agents.delegation.CallbackRegistration", 398, 40),
        TypeSurvival("Node", 2, 2),
    ),
    clusters=(DELEGATION, SAVED, LEASES, WAITING, LIBRARY),
    growth_under_load_bytes=4_700_000,
    cleanup_effectiveness=0.628,
    uncollectable=2,
    uncollectable_types=(("Node", 2),),
    reclaimed_before=838,
    library_objects=64,
)

CYCLES_LEAK = Report(
    command="cycles",
    verdict="leak",
    headline="20 of 200 AgentContext survive 5 passes of the collector",
    target=replace(CHAT, argv=("delegation_tree.py", "200")),
    findings=(CYCLES_FINDING,),
    survival=EVIDENCE,
    saved=".memdiag/20261120-175402-delegation_tree.memdiag",
    next_steps=("memdiag cycles delegation_tree.py 200 --graph cycles.svg",),
)

CYCLES_CLEAN = replace(
    CYCLES_LEAK,
    verdict="clean",
    headline="no cycle of session_cycles.py survives the collector; 2,050 objects were only late",
    target=replace(CHAT, argv=("session_cycles.py",)),
    findings=(),
    survival=CycleEvidence(
        moment=Moment(0.25, "end of main()", 31),
        created=66_010,
        passes=(PassResult(1, 22_010, 0, 22_010), PassResult(2, 0, 0, 0)),
        by_type=(TypeSurvival("Session", 6_042, 0), TypeSurvival("Request", 48_000, 0)),
        clusters=(replace(WAITING, shape=("Session", "list", "Request"), edges=("requests", "[*]", "session")),),
        reclaimed_before=44_000,
        gc_enabled=False,
        gc_debug=32,
    ),
    next_steps=(),
)

CYCLES_NONE = replace(
    CYCLES_CLEAN,
    headline="hello.py created no reference cycles",
    target=replace(CHAT, argv=("hello.py",)),
    survival=CycleEvidence(Moment(0.01, "exit"), 0, (PassResult(1, 0, 0, 0),), (), ()),
)

CYCLES_EMPTY = replace(
    RUN_EMPTY,
    command="cycles",
    headline="job.py was killed before memdiag could look",
    target=TargetInfo(("job.py",), exit_status=-9),
)

DIFF_ROWS = (
    row(replace(HANDLE, bytes=10_400_000, count=81_000), 1_529_000),
    row(replace(RENDER, bytes=2_100_000, count=20_500), 0),
    row(DECODER, 64_000, arena=True),
    row(replace(RENDER, line=12, function="", bytes=0, count=0), 500),
    row(replace(DECODER, line=99, bytes=-20_000, count=-7, source=""), 120_000),
    row(replace(DECODER, line=12, bytes=-90_000, count=-40, source=""), 90_000),
)

DIFF = Report(
    command="diff",
    verdict="suspect",
    headline="12.4 MB more than before, most of it at support_chat.py:43",
    target=CHAT,
    rows=DIFF_ROWS,
    before=".memdiag/main.memdiag",
    after=".memdiag/pull-request.memdiag",
    tracer="tracemalloc",
    next_steps=("memdiag report .memdiag/pull-request.memdiag",),
)
DIFF_BREACHED = check_growth(DIFF)
DIFF_WITHIN = check_growth(replace(DIFF, verdict="clean", headline="nothing grew that matters"), parse_limit("20MB"))
HOLDERS = (
    Row(
        Site("", 0, bytes=10_400_000, count=81_000),
        1_529_000,
        11_929_000,
        4_000,
        85_000,
        "worse",
        by="holder",
        name="__main__.manager.history",
        type="Message",
        evidence="from 1.5 MB to 11.9 MB",
    ),
    Row(
        Site("", 0, bytes=-2_000_000, count=-300),
        2_000_000,
        0,
        300,
        0,
        "gone",
        by="holder",
        name="shop.cache._pages",
        type="Page",
        evidence="2.0 MB before, nothing after",
    ),
    Row(Site("", 0), 64_000, 64_000, 10, 10, "same", by="holder", name="shop.settings", type="str"),
)
FOUND = (
    Row(
        replace(HANDLE, bytes=1_922_000, count=4_000),
        0,
        1_922_000,
        0,
        4_000,
        "new",
        by="finding",
        name=HISTORY.title,
        id=HISTORY.id,
        evidence="leak; before: not found",
    ),
    Row(
        replace(RENDER, bytes=-2_000_000, count=-300),
        2_000_000,
        0,
        300,
        0,
        "gone",
        by="finding",
        name="shop.cache._pages only ever grows: 300 Page so far",
        id="00aa11bb22cc",
        rule="MEM-005",
        holder="shop.cache._pages",
        evidence="before: suspect; now: not found",
    ),
)
RESOURCES = (
    Row(Site("", 0), 0, 0, 3, 43, "worse", by="resource", name="open file descriptors", evidence="from 3 to 43"),
    Row(Site("", 0), 9_000_000, 9_000_000, 0, 0, "same", by="resource", name="resident memory"),
)
REGISTRY = replace(HISTORY, id="11bb", title="shop.registry keeps every Order", status="same")
DIFF_WHOLE = check_growth(
    replace(
        DIFF,
        verdict="leak",
        findings=(replace(HISTORY, status="new"), REGISTRY),
        changes=(*HOLDERS, *FOUND, *RESOURCES),
        rows=(replace(DIFF_ROWS[0], evidence="from 1.5 MB to 11.9 MB; it was line 40; most of it by way of app.py:7"),),
    )
)
SPREAD = "1.4 MB to 1.6 MB in 5 runs before, 11.1 MB to 12.2 MB in 5 runs after: clear of the spread"
DIFF_REPEATED = check_growth(
    replace(
        DIFF,
        rows=(
            replace(DIFF_ROWS[0], evidence=SPREAD),
            replace(DIFF_ROWS[1], evidence="3 of 8 workers grow, to 2.1 MB; before at most 0 B"),
            replace(DIFF_ROWS[2], status="same", noise=True),
        ),
        before_runs=5,
        after_runs=5,
    )
)
DIFF_EMPTY = replace(DIFF_WITHIN, headline="the two captures hold the same memory", rows=(), next_steps=())

COST = CollectorCost(
    generations=(
        GenerationCost(0, 1_203, 0.031, 0.00004, 4_120),
        GenerationCost(1, 109, 0.004, 0.0003, 12),
        GenerationCost(2, 2, 0.162, 0.0842, 66_000),
    ),
    active_s=2.4,
    thresholds=(700, 10, 10),
    frozen=48_211,
)

AS_IT_IS = TrialRow(CollectorSetting(), 3, 2.41, 2.38, 1.0, 1.0, 0.142, 1_205, 0.084, 1.0, 84_100_000, 1.0)
TENFOLD = CollectorSetting(thresholds=(7_000, 10, 10))
FREEZE = CollectorSetting(freeze=True)
BOTH = replace(TENFOLD, freeze=True)
OFF = CollectorSetting(off=True)
TUNED = Report(
    command="cycles",
    verdict="inconclusive",
    headline="support_chat.py 4000: gc.freeze() after start-up saves 11 % of the CPU time",
    target=CHAT,
    tuning=Tuning(
        rows=(
            AS_IT_IS,
            TrialRow(TENFOLD, 3, 2.27, 2.26, 0.94, 0.95, 0.09, 118, 0.083, 0.99, 96_400_000, 1.15),
            TrialRow(FREEZE, 3, 2.13, 2.12, 0.88, 0.89, 0.03, 1_203, 0.006, 0.07, 84_000_000, 1.0, frozen=48_211),
            TrialRow(BOTH, 3, 2.1, 2.1, 0.88, 0.89, 0.02, 0, 0.0, 0.0, None, None, left_out="nothing was frozen"),
            TrialRow(OFF, 3, 2.0, 2.0, 0.84, 0.85, 0.0, 0, 0.0, 0.0, 324_000_000, 3.85),
        ),
        noise=0.03,
        advice=(
            "gc.freeze() after start-up: 11 % less CPU time (noise 3 %), same memory, longest pause 6 ms instead of"
            " 84 ms.",
            "With no collector at all it would be 15 % less, 3.9 times the memory (239.9 MB more): a bound, and no"
            " advice, since garbage in cycles is then never freed.",
        ),
        advised=FREEZE,
    ),
)
TUNED_NONE = replace(
    TUNED,
    headline="support_chat.py 4000: of 5 other settings of the collector, none is clearly better",
    target=replace(CHAT, python="3.14.2"),
    tuning=Tuning(
        rows=(
            replace(AS_IT_IS, collector_share=None, collections=None, longest_pause_s=None, peak_rss_bytes=None),
            TrialRow(TENFOLD, 3, 2.27, 2.26, 0.94, 0.95),
        ),
        noise=0.31,
        advice=("No setting made a difference larger than the noise (31 %); the collector takes 1.2 % of the time.",),
    ),
    next_steps=("memdiag cycles --tune --repeat 12 support_chat.py 4000   # more runs, less noise",),
)

TRICKY = "a\x1b[31m\n[red]b[/red]\u202ec\udce9é\t世界.py"

HOSTILE = replace(
    RUN_LEAK,
    headline=f"headline {TRICKY}",
    target=replace(CHAT, argv=(TRICKY, "a b")),
    findings=(
        replace(
            HISTORY,
            title=TRICKY,
            why=TRICKY,
            fix=TRICKY,
            holder=Holder(TRICKY, TRICKY, TRICKY),
            sites=(replace(HANDLE, file=f"/tmp/{TRICKY}", function=TRICKY, source=TRICKY),),
        ),
    ),
    rows=(row(Site(f"/tmp/{TRICKY}", 1, TRICKY, 5_000, 1, TRICKY), 0, trend=TRICKY),),
    notes=(TRICKY,),
    saved=f"/tmp/{TRICKY}",
    next_steps=(f"memdiag run {TRICKY}",),
)

ALL = {name.lower(): value for name, value in list(globals().items()) if isinstance(value, Report)}
