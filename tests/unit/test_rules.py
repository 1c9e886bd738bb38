"""The rules have stable ids, and each pattern that a finding can have breaks one of them."""

from __future__ import annotations

import re
from itertools import chain

import pytest

from memdiag.analysis.rules import RULES, Rule, find, rule_line, rule_of


def test_ids_are_what_others_refer_to() -> None:
    assert [rule.id for rule in RULES] == [f"MEM-00{number}" for number in range(1, 7)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_can_be_read(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.name)
    for sentence in (rule.summary, rule.why, rule.how):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.isascii()


def test_a_pattern_breaks_one_rule() -> None:
    patterns = list(chain.from_iterable(rule.patterns for rule in RULES))
    assert len(patterns) == len(set(patterns))
    assert all(rule_of(pattern) == rule.id for rule in RULES for pattern in rule.patterns)


@pytest.mark.parametrize(
    ("pattern", "skipped", "rule"),
    [
        ("listener", False, "MEM-001"),
        ("listener", True, "MEM-001"),
        ("registry", False, "MEM-005"),
        ("registry", True, "MEM-003"),
        ("native", False, "MEM-002"),
        ("resource", False, "MEM-004"),
        ("archive", True, "MEM-006"),
        ("what nobody has named yet", False, "MEM-005"),
        ("what nobody has named yet", True, "MEM-003"),
    ],
)
def test_which_rule(pattern: str, skipped: bool, rule: str) -> None:
    assert rule_of(pattern, skipped=skipped) == rule


def test_a_rule_by_its_id() -> None:
    assert find("MEM-005") is RULES[4]
    assert find("MEM-007") is None
    assert rule_line("MEM-005") == "MEM-005 bound-what-is-kept"
    assert rule_line("MEM-007") == "MEM-007"
