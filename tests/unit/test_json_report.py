"""The JSON contract: its names, its schema, and that the schema refuses what breaks it."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from memdiag.model import Growing, Report, Sample
from memdiag.report import schema, to_json
from tests.golden import examples

Json = dict[str, Any]
VALIDATOR = jsonschema.Draft202012Validator(schema())

RUN, CYCLES, DIFF, NATIVE = (
    json.loads(to_json(report))
    for report in (examples.RUN_GATED, examples.CYCLES_LEAK, examples.DIFF_BREACHED, examples.RUN_NATIVE)
)


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", sorted(examples.ALL))
def test_every_report_is_valid(name: str) -> None:
    VALIDATOR.validate(json.loads(to_json(examples.ALL[name])))


def test_names_of_the_contract() -> None:
    assert {"schema", "command", "verdict", "target", "samples", "findings", "gate"} <= RUN.keys()
    assert {"argv", "python", "exit_status", "duration_s"} <= RUN["target"].keys()
    assert {"t_s", "rss_bytes", "heap_objects", "heap_bytes", "fds", "threads"} <= RUN["samples"][0].keys()
    finding = RUN["findings"][0]
    assert list(finding) == [
        *["id", "kind", "pattern", "rule", "verdict", "confidence", "title", "holder", "growing", "retained_bytes"],
        *["sites", "cycle", "why", "fix", "known", "ignored"],
    ]
    assert list(finding["holder"]) == ["path", "type", "owner", "module"]
    assert list(finding["growing"]) == ["type", "counts", "bytes", "per_second", "per_operation"]
    assert list(finding["sites"][0])[:5] == ["file", "line", "function", "bytes", "count"]


def test_values_of_a_run() -> None:
    assert (RUN["schema"], RUN["command"], RUN["verdict"], RUN["survival"]) == ("memdiag.report/1", "run", "leak", None)
    assert RUN["target"]["argv"] == ["support_chat.py", "4000"]
    assert RUN["samples"][24]["heap_objects"] == 35_360
    assert RUN["samples"][24]["tracer_bytes"] == 3_120_000
    assert RUN["samples"][0]["children"] is None
    assert RUN["findings"][0]["growing"]["counts"] == [40, 1_900, 4_000]
    assert RUN["awaiting_bytes"] == 48_200
    assert RUN["gate"]["passed"] is False
    assert RUN["gate"]["breaches"][0] == {
        "limit": "--max-growth 1MB",
        "measured": "grew by 1.9 MB (+2256.7 %)",
        "where": "/home/ann/shop/support_chat.py:43",
    }


def test_values_of_cycles() -> None:
    survival = CYCLES["survival"]
    assert survival["created"] == 1_000
    assert survival["passes"][0] == {"pass": 1, "collected": 60, "surviving": 102, "freed_objects": 131}
    assert len(survival["passes"]) == 5
    assert survival["survival_rate"] == pytest.approx(0.102)
    assert survival["gc_effectiveness"] == pytest.approx(0.898)
    assert (survival["passes_needed"], survival["uncollectable"]) == (1, 2)
    assert survival["by_type"][0] == {"type": "AgentContext", "created": 200, "surviving": 20}
    path = "AgentContext .subtasks -> list [*] -> AgentContext .parent_context -> (back)"
    assert survival["clusters"][0]["path"] == CYCLES["findings"][0]["cycle"]["path"] == path


def test_values_of_a_tuning() -> None:
    document = json.loads(to_json(examples.TUNED))
    assert (document["command"], document["verdict"]) == ("cycles", "inconclusive")
    first, tenfold, freeze, _, off = document["tuning"]
    assert (first["setting"], first["cpu_s"], first["wall_s"], first["repeats"]) == ("as it is", 2.38, 2.41, 3)
    assert (first["collections"], first["longest_pause_s"], first["peak_rss_bytes"]) == (1_205, 0.084, 84_100_000)
    assert (tenfold["setting"], tenfold["thresholds"], tenfold["cpu_ratio"]) == ("(7000, 10, 10)", [7000, 10, 10], 0.95)
    assert (freeze["setting"], freeze["freeze"], freeze["frozen"], off["off"]) == ("freeze", True, 48_211, True)
    assert document["tuning_noise"] == 0.03
    assert document["advice"] == list(examples.TUNED.tuning.advice if examples.TUNED.tuning else ())


def test_values_of_the_collectors_cost() -> None:
    evidence = replace(examples.EVIDENCE, collector=examples.COST)
    document = json.loads(to_json(replace(examples.CYCLES_LEAK, survival=evidence)))
    VALIDATOR.validate(document)
    collector = document["survival"]["collector"]
    assert (collector["thresholds"], collector["frozen"]) == ([700, 10, 10], 48_211)
    assert collector["share"] == pytest.approx(0.197 / 2.4)
    assert collector["generations"][2] == {
        "generation": 2,
        "collections": 2,
        "seconds": 0.162,
        "longest_s": 0.0842,
        "collected": 66_000,
    }
    assert CYCLES["survival"]["collector"] is None


def test_values_of_a_diff() -> None:
    assert (DIFF["before"], DIFF["after"]) == (".memdiag/main.memdiag", ".memdiag/pull-request.memdiag")
    first = DIFF["rows"][0]
    assert first["kind"] == "site"
    assert first["site"]["line"] == 43
    assert (first["before_bytes"], first["after_bytes"], first["growth_bytes"]) == (1_529_000, 11_929_000, 10_400_000)
    assert [row["status"] for row in DIFF["rows"]] == ["worse", "new", "worse", "same", "better", "gone"]


def test_rows_of_a_diff_say_what_they_are_of() -> None:
    whole = json.loads(to_json(examples.DIFF_WHOLE))
    told = [(row["by"], row["status"], row["name"], row["fingerprint"]) for row in whole["rows"]]
    assert told[0] == ("site", "worse", "", "")
    assert ("holder", "worse", "__main__.manager.history", "") in told
    assert ("finding", "new", examples.HISTORY.title, examples.HISTORY.id) in told
    assert ("resource", "worse", "open file descriptors", "") in told
    assert [one["status"] for one in whole["findings"]] == ["new", "same"]
    assert "status" not in RUN["findings"][0]


def test_text_is_ascii_and_names_that_are_no_unicode_are_written_out() -> None:
    text = to_json(examples.HOSTILE)
    assert text.isascii()
    assert text.endswith("}\n")
    title = json.loads(text)["findings"][0]["title"]
    assert title == examples.TRICKY.replace("\udce9", "\\udce9")
    title.encode("utf-8")


def test_figures_that_are_not_finite_are_null() -> None:
    finding = replace(examples.HISTORY, growing=Growing(per_second=math.inf, per_operation=math.nan))
    document = json.loads(to_json(replace(examples.RUN_LEAK, findings=(finding,))), parse_constant=pytest.fail)
    assert document["findings"][0]["growing"]["per_second"] is None
    VALIDATOR.validate(document)


def objects(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
    """Every object in a document, with the way to it; of a list, the first item."""
    if isinstance(value, dict):
        yield path, value
        for key, item in value.items():
            yield from objects(item, (*path, key))
    elif isinstance(value, list) and value:
        yield from objects(value[0], (*path, 0))


def at(document: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


# What the contract leaves out may be missing; everything else of these reports may not.
ADDITIONS = {
    *["headline", "tracer", "rows", "awaiting_bytes", "before", "after", "notes", "saved", "next_steps", "survival"],
    *["executable", "platform", "directory", "source", "where"],
    *["uss_bytes", "tracer_bytes", "tracked_objects", "gc_collections", "gc_collected", "children"],
    *["series_bytes", "trend", "arena", "own", "freed_objects", "surviving", "uncollectable_types", "clusters"],
    *["cleanup_effectiveness", "growth_under_load_bytes", "reason"],
    *["moment", "reclaimed_before", "library_objects", "gc_enabled", "gc_debug", "collections", "rounds"],
    *["collector", "active_s", "tuning", "tuning_noise", "advice"],
    *["baseline", "ignored", "known", "held", "module", "conditions"],
    *["by", "name", "fingerprint", "evidence", "noise", "before_runs", "after_runs"],
    *["account", "note", "pss_bytes", "swap_bytes", "mappings", "oom_kills", "time_to_limit"],
}
OF_CLUSTERS = {
    *["pattern", "retained_objects", "retained_bytes", "is_key", "passes", "during_run", "revived", "finalizer"],
    *["others", "holder_counts", "holder_trend", "holder_limit", "cuts", "sites", "sites_inferred"],
}
REQUIRED = [
    pytest.param(document, path, key, id=".".join(map(str, (document["verdict"], document["command"], *path, key))))
    for document in (RUN, CYCLES, DIFF, NATIVE)
    for path, value in objects(document)
    for key in value
    if key not in ADDITIONS and not (key in OF_CLUSTERS and {"clusters", "cycle"}.intersection(path))
]
EVERYTHING = [
    pytest.param(document, path, key, id=".".join(map(str, (document["verdict"], document["command"], *path, key))))
    for document in (RUN, CYCLES, DIFF, NATIVE)
    for path, value in objects(document)
    for key in value
]


@pytest.mark.parametrize(("document", "path", "key"), REQUIRED)
def test_schema_wants_what_the_contract_promises(document: Json, path: tuple[str | int, ...], key: str) -> None:
    broken = copy.deepcopy(document)
    del at(broken, path)[key]
    assert not VALIDATOR.is_valid(broken)


@pytest.mark.parametrize(("document", "path", "key"), EVERYTHING)
def test_schema_knows_the_type_of_everything(document: Json, path: tuple[str | int, ...], key: str) -> None:
    broken = copy.deepcopy(document)
    at(broken, path)[key] = [[]] if not isinstance(at(broken, path)[key], list) else "text"
    assert not VALIDATOR.is_valid(broken)


@pytest.mark.parametrize("key", ["verdict", "schema"])
def test_schema_knows_the_words(key: str) -> None:
    assert not VALIDATOR.is_valid({**RUN, key: "other"})


def test_commands_bring_what_they_are_for() -> None:
    assert not VALIDATOR.is_valid({key: value for key, value in CYCLES.items() if key != "survival"})
    assert not VALIDATOR.is_valid({key: value for key, value in DIFF.items() if key != "rows"})


def test_schema_admits_additions() -> None:
    document = copy.deepcopy(RUN)
    for _, value in list(objects(document)):
        value["added later"] = 1
    VALIDATOR.validate(document)


def test_schema_refuses_impossible_figures() -> None:
    sample = Sample(t_s=-1.0, rss_bytes=-5)
    report: Report = replace(
        examples.RUN_LEAK, samples=(sample,), findings=(replace(examples.HISTORY, confidence=1.5),)
    )
    wrong = {error.json_path for error in VALIDATOR.iter_errors(json.loads(to_json(report)))}
    assert wrong == {"$.samples[0].t_s", "$.samples[0].rss_bytes", "$.findings[0].confidence"}
