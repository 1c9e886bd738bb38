"""The samples are what their docstrings say: counted here without memdiag, when ``main`` prints its last line."""

from __future__ import annotations

import ast
import functools
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.programs import SAMPLES, expectations, run

MARK = "<- the leak"

# Runs a sample and, each time that main prints, counts what lives before and after a full collection; the names that an
# expression may use are main's own, those of the module, and live("Type"), the tracked objects of a type.
COUNT = """
import builtins, collections, gc, json, os, runpy, sys

def tracked():
    return collections.Counter(type(item).__name__ for item in gc.get_objects())

def look(*words, say=print):
    say(*words)
    frame = sys._getframe(1)
    if frame.f_code.co_name == "main":
        before = tracked()
        gc.collect()
        after = tracked()
        handles = sum(os.path.exists(f"/dev/fd/{number}") for number in range(1024))
        names = {**frame.f_globals, **frame.f_locals, "live": after.__getitem__}
        say(json.dumps([before, after, handles, eval(expression, names)]), file=sys.stderr)

expression = sys.argv.pop(1)
sys.argv = sys.argv[1:]
builtins.print = look
runpy.run_path(sys.argv[0], run_name="__main__")
"""

# What a leaky sample holds at the end of main, and by how much that grows an iteration.
GROWS = {
    "agent_lifecycle_leaky.py": ("len(manager.agents)", 1.0),
    "agent_memory_leaky.py": ("len(agent.store.memories)", 1.0),
    "agent_registry_leaky.py": ("len(agents)", 0.02),
    "audit_journal_leaky.py": ("len(journal)", 41.0),
    "alarm_threads_leaky.py": ("threading.active_count() - 1", 0.75),
    "background_tasks_leaky.py": ("sum(task.done() for task in notifier.tasks)", 1.0),
    "call_transcript_leaky.py": ("len(call.transcript)", 33.0),
    "channel_pool_leaky.py": ("len(pool.retired)", 0.25),
    "chat_history_half_fixed.py": ("len(desk.summaries)", 1 / 12),
    "chat_history_leaky.py": ("len(desk.history)", 2.0),
    "checkpoints_leaky.py": ("len(trainer.checkpoints)", 0.01),
    "codec_buffers_leaky.py": ("codec.skipped", 0.5),
    "crawler_pending_leaky.py": ("len(crawler.pending)", 0.04),
    "crawler_visited_leaky.py": ("len(crawler.visited)", 1.0),
    "delegation_leaky.py": ("len(registry)", 0.1),
    "event_bus_leaky.py": ("len(shop.bus.listeners['price'])", 1.0),
    "export_cursors_leaky.py": ("len(exporter.cursors)", 0.25),
    "import_errors_leaky.py": ("len(statement.errors)", 1.0),
    "invoice_totals_leaky.py": ("Invoice.total.cache_info().currsize", 1.0),
    "label_reader_leaky.py": ("len(os.listdir('/dev/fd'))", 0.2),
    "latency_window_leaky.py": ("len(service.monitor.latencies)", 1.0),
    "leak_hunt_leaky.py": ("live('PriceList')", 1.0),
    "mail_failover_leaky.py": ("len(mailer.unsent)", 0.5),
    "memory_manager_leaky.py": ("len(manager.watched)", 1.0),
    "order_import_leaky.py": ("len(importer.postponed)", 0.125),
    "order_notes_leaky.py": ("len(annotate.__defaults__[0])", 1.0),
    "pooled_connections_leaky.py": ("len(pool.idle)", 1.0),
    "price_calls_leaky.py": ("len(client.calls)", 0.25),
    "page_fetch_leaky.py": ("len(fetcher.pools)", 1.0),
    "request_log_leaky.py": ("len(log.handlers)", 1.0),
    "retry_errors_leaky.py": ("len(retry.failures)", 0.42),
    "retry_sequences_leaky.py": ("len(client.reports)", 1.0),
    "row_classes_leaky.py": ("len(Row.kinds)", 1.0),
    "shutdown_hooks_leaky.py": ("len(server.on_shutdown)", 1.0),
    "thumbnail_cache_leaky.py": ("len(gallery.thumbnails)", 0.96),
    "tile_server_leaky.py": ("len(server.tiles)", 1.0),
    "undo_chain_leaky.py": ("live('Edit')", 0.9),
    "upload_cleanup_leaky.py": ("len(uploads.open)", 0.125),
    "weak_registry_leaky.py": ("len(registry.metadata)", 1.0),
    "worker_scratch_leaky.py": ("live('Trace')", 1.0),
    "innocent/monthly_report.py": ("len(rows)", 1.0),
}


@dataclass(frozen=True)
class Bounded:
    """What a sample that does not leak holds at the end of main, and the range in which that is once it is full."""

    held: str
    most: int
    least: int = 0
    enough: int = 400  # iterations after which it is full
    sways_by: int = 20  # tracked objects by which two such runs may differ


BOUNDED = {
    "agent_lifecycle_fixed.py": Bounded("len(manager.agents)", 1, least=1),
    "agent_memory_fixed.py": Bounded("len(agent.store.memories)", 500, least=400, enough=600, sways_by=100),
    "agent_registry_fixed.py": Bounded("len(agents)", 0),
    "audit_journal_fixed.py": Bounded("len(journal)", 8192),
    "alarm_threads_fixed.py": Bounded("len(waiting)", 4, enough=60, sways_by=150),
    "background_tasks_fixed.py": Bounded("len(notifier.tasks)", 0),
    "call_transcript_fixed.py": Bounded("len(call.transcript)", 4_060, least=4_000),
    "catalog_search_costly.py": Bounded("live('Search')", 0, enough=10),
    "catalog_search_tuned.py": Bounded("live('Search')", 0, enough=40),
    "channel_pool_fixed.py": Bounded("len(pool.idle)", 4),
    "chat_history_fixed.py": Bounded("len(desk.history)", 48, least=24),
    "checkpoints_fixed.py": Bounded("len(trainer.checkpoints)", 3, least=3),
    "codec_buffers_fixed.py": Bounded("live('Codec')", 1, least=1),
    "crawler_pending_fixed.py": Bounded("len(crawler.pending) + len(crawler.pages)", 100, least=100),
    "crawler_visited_fixed.py": Bounded("len(crawler.visited)", 600),
    "delegation_fixed.py": Bounded("len(registry)", 10, least=4, enough=40),
    "event_bus_fixed.py": Bounded("len(shop.bus.listeners['price'])", 0),
    "export_cursors_fixed.py": Bounded("len(exporter.cursors)", 0),
    "import_errors_fixed.py": Bounded("len(statement.errors)", 50, least=50),
    "invoice_totals_fixed.py": Bounded("live('Invoice')", 1, least=1),
    "label_reader_fixed.py": Bounded("len(os.listdir('/dev/fd'))", 12, least=3),
    "latency_window_fixed.py": Bounded("len(service.monitor.latencies)", 200, least=100),
    "leak_hunt_fixed.py": Bounded("live('PriceList')", 0),
    "mail_failover_fixed.py": Bounded("len(mailer.unsent)", 250, least=250, enough=600),
    "memory_manager_fixed.py": Bounded("len(manager.watched)", 0),
    "order_import_fixed.py": Bounded("len(importer.postponed)", 8, least=1),
    "order_notes_fixed.py": Bounded("live('Note')", 0),
    "pooled_connections_fixed.py": Bounded("len(pool.idle)", 8, least=8),
    "price_calls_fixed.py": Bounded("len(client.calls)", 0),
    "page_fetch_fixed.py": Bounded("live('ThreadPoolExecutor')", 0, enough=30),
    "request_log_fixed.py": Bounded("len(log.handlers)", 0),
    "retry_errors_fixed.py": Bounded("len(retry.failures)", 20, least=20),
    "retry_sequences_fixed.py": Bounded("len(client.reports)", 30, least=30, enough=40),
    "row_classes_fixed.py": Bounded("len(Row.kinds)", 4, least=4),
    "shutdown_hooks_fixed.py": Bounded("len(server.on_shutdown)", 0),
    "storage_adapter_fixed.py": Bounded("live('StorageAdapter')", 0),
    "storage_adapter_late.py": Bounded("live('StorageAdapter')", 0),
    "thumbnail_cache_fixed.py": Bounded("len(gallery.thumbnails)", 400, least=200),
    "tile_server_fixed.py": Bounded("len(server.tiles)", 300, least=300),
    "undo_chain_fixed.py": Bounded("len(editor.edits)", 100, least=90),
    "upload_cleanup_fixed.py": Bounded("len(uploads.open)", 19, least=6),
    "upload_parts_fixed.py": Bounded("live('Receipt')", 0),
    "upload_parts_slow.py": Bounded("live('Upload')", 0, sways_by=1_000),
    "weak_registry_fixed.py": Bounded("len(registry.agents) + len(registry.metadata)", 2, least=2),
    "worker_scratch_fixed.py": Bounded("live('Trace')", 3, least=3),
    "innocent/batch_writer.py": Bounded("len(writer.buffer)", 699, enough=750, sways_by=700),
    "innocent/coin_change.py": Bounded("live('Memory')", 0),
    "innocent/connection_pool.py": Bounded("len(pool.idle) + len(pool.busy)", 64, least=64),
    "innocent/customer_orders.py": Bounded("live('Customer') + live('Order')", 1_500, least=1_500),
    "innocent/document_trees.py": Bounded("live('Node')", 0),
    "innocent/exchange_rates_filling.py": Bounded("quote.cache_info().currsize", 32_768, least=32_768, enough=33_000),
    "innocent/exchange_rates_full.py": Bounded("quote.cache_info().currsize", 1_024, least=1_024, enough=1_500),
    "innocent/expire_by_age.py": Bounded("len(log.failures)", 1_950, least=1_650, enough=2_000, sways_by=300),
    "innocent/fragmented_heap.py": Bounded("len(archive.sample)", 500, least=500),
    "innocent/job_queue.py": Bounded("jobs.qsize()", 0),
    "innocent/lazy_routes.py": Bounded("len(router.tables)", 300, least=300, enough=2_500),
    "innocent/lru_pages.py": Bounded("len(cache.pages)", 250, least=250, enough=1_000),
    "innocent/memory_budget.py": Bounded("cache.held_bytes", 4_000_000, least=2_990_000, enough=1_600, sways_by=400),
    "innocent/menu_tree.py": Bounded("live('Entry')", 0),
    "innocent/model_load.py": Bounded("live('Rule')", 12_000, least=12_000),
    "innocent/open_tickets.py": Bounded("len(desk.open)", 400, least=200, enough=2_000, sways_by=400),
    "innocent/order_parser.py": Bounded("live('Order')", 1, least=1),
    "innocent/particle_pool.py": Bounded("live('Particle')", 150, least=100, enough=1_000, sways_by=60),
    "innocent/prefork_bytes.py": Bounded("len(workers)", 2, least=2, enough=1),
    "innocent/prefork_objects.py": Bounded("len(workers)", 2, least=2, enough=1),
    "innocent/recent_events.py": Bounded("len(dashboard.recent)", 30_000, least=30_000, enough=30_000),
    "innocent/sensor_ring.py": Bounded("live('Measurement')", 2_000, least=2_000, enough=2_000),
    "innocent/session_store.py": Bounded("len(store.sessions)", 500, least=500, enough=2_000),
    "innocent/settings_reload.py": Bounded("live('Option')", 400, least=400),
    "innocent/shared_icons.py": Bounded("live('Icon')", 80, sways_by=60),
    "innocent/spelling_memo.py": Bounded("len(_stems)", 480, least=480, enough=6_000),
    "innocent/trim_on_insert.py": Bounded("len(conversation.messages)", 4_000, 3_000, enough=4_200, sways_by=1_000),
    "innocent/ttl_tokens.py": Bounded("len(cache.tokens)", 800, least=200, enough=2_000, sways_by=600),
    "innocent/word_tree.py": Bounded("live('Branch')", 12_000, least=8_000),
}


@dataclass(frozen=True)
class Counts:
    """Tracked objects by type before and after a collection, open descriptors, and the value of the expression."""

    before: dict[str, int]
    after: dict[str, int]
    handles: int
    held: float


@pytest.fixture(scope="module", autouse=True)
def _forget() -> Iterator[None]:
    yield
    count.cache_clear()


@functools.cache
def count(name: str, iterations: int, expression: str = "0") -> Counts:
    with tempfile.TemporaryDirectory() as place:
        done = run([sys.executable, "-c", COUNT, expression, str(SAMPLES / name), str(iterations)], Path(place))
    assert done.status == 0, done.stderr
    return Counts(*json.loads(done.stderr.splitlines()[-1]))


def enough(name: str) -> int:
    """Iterations of a leaky sample that show its rate; those of the delegation pair are long ones."""
    slow = {"agent_registry_leaky.py": 2_000, "checkpoints_leaky.py": 1_000, "crawler_pending_leaky.py": 4_000}
    slow |= {"page_fetch_leaky.py": 30, "alarm_threads_leaky.py": 60}
    return slow.get(name, 40 if name.startswith("delegation") else 400)


def test_every_sample_is_counted() -> None:
    names = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*.py")}
    assert names == GROWS.keys() | BOUNDED.keys()
    assert not GROWS.keys() & BOUNDED.keys()


@pytest.mark.parametrize("name", GROWS)
def test_a_leaky_sample_grows_with_its_iterations(name: str) -> None:
    expression, rate = GROWS[name]
    short, long = (count(name, times * enough(name), expression) for times in (1, 4))
    assert (long.held - short.held) / (3 * enough(name)) == pytest.approx(rate, rel=0.12)

    if "type" not in expectations(SAMPLES / name):
        return  # what grows are no objects
    kinds = expectations(SAMPLES / name)["type"].split("|")
    growing = [kind for kind in kinds if long.after.get(kind, 0) > 3.5 * short.after.get(kind, 1)]
    assert growing or UNTRACKED & set(kinds) or name in GROWS.keys() - LEAKY


# Types whose instances the collector does not track, or of which every program has thousands: the expression counts.
UNTRACKED = {"str", "float", "dict", "bytes", "bytearray", "type"}
LEAKY = {name for name in GROWS if not name.startswith("innocent/")}


@pytest.mark.parametrize("name", BOUNDED)
def test_a_sample_that_does_not_leak_does_not_grow(name: str) -> None:
    bounded = BOUNDED[name]
    short, long = (count(name, times * bounded.enough, bounded.held) for times in (1, 4))
    assert bounded.least <= short.held <= bounded.most
    assert bounded.least <= long.held <= bounded.most
    assert abs(sum(long.after.values()) - sum(short.after.values())) <= bounded.sways_by
    assert long.handles == short.handles


@pytest.mark.parametrize("name", ["innocent/exchange_rates_filling.py", "innocent/recent_events.py"])
def test_what_only_fills_grows_for_as_long_as_it_usually_runs(name: str) -> None:
    short, long = (count(name, iterations, BOUNDED[name].held) for iterations in (5_000, 20_000))
    assert long.held - short.held == pytest.approx(15_000, rel=0.02)


@pytest.mark.parametrize(
    ("name", "kind"), [("storage_adapter_late.py", "Cursor"), ("innocent/document_trees.py", "Node")]
)
def test_what_waits_for_the_collector_goes_when_it_comes(name: str, kind: str) -> None:
    at = [count(name, iterations, BOUNDED[name].held) for iterations in (100, 150, 200)]
    assert max(counted.before.get(kind, 0) for counted in at) >= 20  # unless the collector has just been there
    assert not any(counted.after.get(kind, 0) for counted in at)


def test_the_late_adapter_has_no_other_cleanup_and_the_fixed_one_needs_none() -> None:
    assert "__del__" in (SAMPLES / "storage_adapter_late.py").read_text()
    assert count("storage_adapter_fixed.py", 400, "live('StorageAdapter')").before.get("Cursor", 0) == 0


def test_the_finalizers_of_the_leaky_manager_never_run() -> None:
    assert count("agent_lifecycle_leaky.py", 400, "manager.cleaned").held == 0
    assert count("agent_lifecycle_fixed.py", 400, "manager.cleaned").held == 399


def test_the_relay_holds_until_the_middle_of_the_run() -> None:
    assert count("mail_failover_leaky.py", 400, "mailer.relay.sent").held == 200


def test_the_delegation_cycles_are_counted_to_the_digit() -> None:
    expected = expectations(SAMPLES / "delegation_leaky.py")
    assert count("delegation_leaky.py", 100).after["AgentContext"] == int(expected["surviving"])
    assert count("delegation_fixed.py", 100).before.get("AgentContext", 0) == 0


def test_the_open_files_are_counted_to_the_digit() -> None:
    assert count("order_import_leaky.py", 160).handles - count("order_import_leaky.py", 80).handles == 10


@pytest.mark.parametrize("name", [*GROWS, *BOUNDED])
def test_what_a_sample_expects_can_be_read(name: str) -> None:
    expected = expectations(SAMPLES / name)
    if name in BOUNDED:
        assert expected["verdict"] == "clean"
    elif name in LEAKY:
        assert expected["verdict"] == "leak|suspect"
        sites = [site.partition(":") for site in expected["site"].split("|")]
        assert {file for file, _, _ in sites} == {name}
        assert {function for _, _, function in sites} <= functions(SAMPLES / name)
    else:
        assert expected["verdict"] == "clean|suspect"


@pytest.mark.parametrize("name", [name for name in GROWS if MARK in (SAMPLES / name).read_text()])
def test_only_the_leaky_one_of_a_pair_has_a_marked_line(name: str) -> None:
    """The line that keeps what leaks; its fixed counterpart is the same program but for that."""
    assert name in LEAKY
    fixed = (SAMPLES / name.replace("_leaky", "_fixed")).read_text()
    assert MARK not in fixed
    assert {"main"} <= functions(SAMPLES / name) & functions(SAMPLES / name.replace("_leaky", "_fixed"))


def test_a_program_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "silent.py").write_text('"""Says nothing of memdiag."""\n')
    with pytest.raises(ValueError, match="silent"):
        expectations(tmp_path / "silent.py")


def functions(path: Path) -> set[str]:
    """Qualified names of the functions and methods that a file defines at its top two levels."""
    body: list[Any] = ast.parse(path.read_text()).body
    methods = {f"{c.name}.{f.name}" for c in body if isinstance(c, ast.ClassDef) for f in c.body if hasattr(f, "name")}
    return methods | {node.name for node in body if isinstance(node, ast.FunctionDef)}
