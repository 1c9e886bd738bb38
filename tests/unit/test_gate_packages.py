"""What belongs to a package: modules, files, findings, and the bytes that a budget is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memdiag import gate
from memdiag.gate import packages
from memdiag.gate.packages import of_file, of_finding, of_module
from memdiag.model import Finding, Growing, Held, Holder, Report, Row, Site, TargetInfo

TARGET = TargetInfo(("main.py",), directory="/home/ann/shop")
SITE = "/home/ann/.venv/lib/python3.11/site-packages"


@pytest.mark.parametrize(
    ("file", "package", "belongs"),
    [
        ("/home/ann/shop/shop/cache.py", "shop", True),
        ("/home/ann/shop/shop/cache.py", "shop.cache", True),
        ("/home/ann/shop/shop/cache/lru.py", "shop.cache", True),
        ("/home/ann/shop/shop/cache/__init__.py", "shop.cache", True),
        ("/home/ann/shop/src/shop/cache.py", "shop.cache", True),
        ("/home/ann/shop/tests/test_cache.py", "shop", False),  # the checkout's own folder does not count
        ("/home/ann/shop/shop/cached.py", "shop.cache", False),
        ("/home/ann/shop/shop.py", "shop", True),
        ("/home/ann/shop/main.py", "__main__", True),
        ("/home/ann/shop/main.py", "main", True),
        ("/home/ann/shop/shop/main.py", "__main__", False),
        (f"{SITE}/shop/cache.py", "shop.cache", True),
        (f"{SITE}/vendor/shop/cache.py", "shop", False),
        (f"{SITE}/numpy/core.cpython-311-x86_64-linux-gnu.so", "numpy.core", True),
        ("/usr/lib/python3.11/json/decoder.py", "json", True),
        ("/elsewhere/src/shop/cache.py", "shop", True),
        ("C:\\code\\shop\\cache.py", "shop.cache", True),
        ("<string>", "shop", False),
        ("", "shop", False),
    ],
)
def test_files(file: str, package: str, belongs: bool) -> None:
    assert of_file(file, package, TARGET) is belongs


@pytest.mark.parametrize(
    ("argv", "module", "package", "belongs"),
    [
        (("main.py",), "shop.cache", "shop", True),
        (("main.py",), "shopping", "shop", False),
        (("main.py",), "__main__", "__main__", True),
        (("main.py",), "__main__", "main", True),
        (("shop/run.py",), "__main__", "shop", True),
        (("/home/ann/shop/shop/run.py",), "__main__", "shop.run", True),
        (("/home/ann/shop/run.py",), "__main__", "shop", False),
        (("-m", "shop.jobs", "x"), "__main__", "shop", True),
        (("-m", "shop.jobs", "x"), "__main__", "x", False),
        (("-c", "pass"), "__main__", "shop", False),
        ((), "__main__", "shop", False),
    ],
)
def test_modules(argv: tuple[str, ...], module: str, package: str, belongs: bool) -> None:
    assert of_module(module, package, replace(TARGET, argv=argv)) is belongs


def finding(path: str, module: str = "", *, kept: int | None = 0, first: int = 0, **changes: str) -> Finding:
    found = Finding("1", "growth", "history", "MEM-005", "leak", 0.9, f"{path} grows", "", "")
    growing = Growing("Item", (), (first, kept or 0))
    return replace(found, holder=Holder(path, module=module), retained_bytes=kept, growing=growing, **changes)  # type: ignore[arg-type]


def test_findings_by_module_by_path_and_by_line() -> None:
    assert of_finding(finding("desk.history", "shop.desk"), "shop", TARGET)
    assert not of_finding(finding("shop.desk", "other"), "shop", TARGET)
    assert of_finding(finding("shop.cache._items['a']"), "shop.cache", TARGET)
    assert not of_finding(finding("shop.caches"), "shop.cache", TARGET)
    line = replace(finding("x"), holder=None, sites=(Site("/home/ann/shop/shop/cart.py", 3), Site("/x/y.py", 1)))
    assert of_finding(line, "shop.cart", TARGET)
    assert not of_finding(line, "x", TARGET)


def test_under_the_default_tracer_a_package_has_what_its_holders_retain() -> None:
    found = (
        finding("shop.a", "shop", kept=5000, first=1000),
        finding("shop.b", "shop.b", kept=2000, first=9000, verdict="info"),
        finding("shop.c", "shop", kept=None),
        finding("shop.d", "shop", kept=90_000, kind="cycle"),  # what awaits the collector is nobody's
        finding("other", "other", kept=90_000),
    )
    report = Report("run", "leak", "", TARGET, findings=found, tracer="auto")
    assert packages.held(report, "shop") == Held("shop", 1000 + 2000, 5000 + 2000, "shop.a, 5.0 kB")
    assert packages.held(report, "nobody") == Held("nobody", 0, 0)
    assert packages.held(replace(report, findings=()), "shop") is None


def test_of_two_runs_it_is_what_each_holds_at_its_end() -> None:
    def run(kept: int) -> Report:
        return Report("run", "leak", "", TARGET, findings=(finding("shop.a", "shop", kept=kept),), tracer="auto")

    compared = Report("diff", "clean", "", TARGET, rows=(Row(Site("", 0), 1, 2, 1, 2, "worse", type="str"),))
    conditions = [gate.parse("growth(shop) > 3000"), gate.parse("retained(shop) > 7500")]
    unmeasured = gate.answered(compared, conditions)
    assert ["was not measured" in one.measured for one in unmeasured.gate.breaches] == [True, True]
    sides = [run(1000), run(5000), run(4000)], [run(8000)]
    measured = gate.with_held(compared, gate.packages_of(conditions), sides)
    assert measured.held == (Held("shop", 4000, 8000, "shop.a, 8.0 kB"),)
    assert [one.measured for one in gate.answered(measured, conditions).gate.breaches] == [
        "shop grew by 4.0 kB (+100.0 %)",
        "shop holds 8.0 kB",
    ]


def test_each_package_that_conditions_name_is_in_the_report_once() -> None:
    report = Report("run", "leak", "", TARGET, findings=(finding("shop.a", "shop", kept=1),), tracer="auto")
    texts = ("growth(shop) > 5MB", "retained(shop) > 5MB", "growth(shop.cart) > 5MB", "growth > 5%", "leak")
    names = gate.packages_of(gate.parse(text) for text in texts)
    assert [one.package for one in gate.with_held(report, names).held] == names == ["shop", "shop.cart"]
