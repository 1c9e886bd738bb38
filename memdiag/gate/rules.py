"""``[[tool.memdiag.ignore]]`` as it is written, read for all who report findings; an error names the place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from memdiag import settings
from memdiag.errors import UsageError
from memdiag.gate.hiding import NAMES, Rule

_KINDS = ("growth", "cycle", "uncollectable", "resource", "native", "fragmentation")


def rules_of(tables: Any, file: str) -> tuple[Rule, ...]:
    """The rules of a list of tables. Raises UsageError, which names the file and the key."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _wrong("ignore", tables, "a list of tables, [[tool.memdiag.ignore]]", file)
    found = []
    for number, table in enumerate(tables, start=1):
        settings.check_keys(".ignore", table, (*NAMES, "reason", "expires"), file)
        found.append(_rule(f"ignore {number}", table, file))
    return tuple(found)


def _rule(where: str, table: Mapping[str, Any], file: str) -> Rule:
    if "reason" not in table:
        raise UsageError(f"{where} in {file} has no reason", 'write reason = "why this is no leak"')
    texts = {key: _text(f"{key} of {where}", table[key], file) for key in (*NAMES, "reason") if key in table}
    if len(texts) < 2:
        raise UsageError(f"{where} in {file} names no finding", f"give one or more of {', '.join(NAMES)}")
    if texts.get("kind", _KINDS[0]) not in _KINDS:
        next_step = settings.nearest(texts["kind"], _KINDS) or f"there are {', '.join(_KINDS)}"
        raise UsageError(f"kind of {where} in {file} is no kind: {texts['kind']!r:.40}", next_step)
    expires = _day(f"expires of {where}", table["expires"], file) if "expires" in table else None
    return Rule(**texts, expires=expires)


def _text(key: str, value: Any, file: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(key, value, "a text", file)
    return value


def _day(key: str, value: Any, file: str) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else date(value.year, value.month, value.day)
    except (ValueError, AttributeError):
        raise _wrong(key, value, "a day such as 2026-12-31", file) from None


def _wrong(key: str, value: Any, wanted: str, file: str) -> UsageError:
    return UsageError(f"{key} in {file} is not {wanted}: {value!r:.40}", f"mend {key} in [tool.memdiag]")
