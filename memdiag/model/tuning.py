"""What was tried with the collector's settings, what came of each, and what is advised."""

from __future__ import annotations

from dataclasses import dataclass

from memdiag.model.cycles import CollectorCost


@dataclass(frozen=True)
class CollectorSetting:
    """How the collector was set at a program's start; all defaults: as the program has it."""

    thresholds: tuple[int, ...] = ()
    freeze: bool = False  # gc.freeze() once start-up is over: at the first collection past the imports
    off: bool = False

    @property
    def name(self) -> str:
        """``freeze, (7000, 10, 10)``: short, for a row's beginning."""
        if self.off:
            return "collector off"
        parts = ["freeze"] if self.freeze else []
        return ", ".join([*parts, str(self.thresholds)] if self.thresholds else parts) or "as it is"

    @property
    def code(self) -> str:
        """What to write in the program."""
        if self.off:
            return "gc.disable()"
        parts = [f"gc.set_threshold{self.thresholds}"] if self.thresholds else []
        return " and ".join([*parts, "gc.freeze() after start-up"] if self.freeze else parts)


@dataclass(frozen=True)
class TrialRun:
    """One run under one setting. Times are without those that the probe took at collections."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int | None = None
    collector: CollectorCost | None = None  # None: the run ended so that it could not be told; no rows: not timed
    collections: int | None = None
    exit_status: int = 0
    enabled: bool = True  # the collector, at the end
    overridden: bool = False  # at the end, by the program: other thresholds, or off, or on where it had been set off


@dataclass(frozen=True)
class Trial:
    setting: CollectorSetting
    runs: tuple[TrialRun, ...]


@dataclass(frozen=True)
class TrialRow:
    """Medians over a setting's runs, and over their ratios to the run of the same round as the program has it."""

    setting: CollectorSetting
    repeats: int
    wall_s: float
    cpu_s: float
    wall_ratio: float
    cpu_ratio: float
    collector_share: float | None = None  # of the program's time, 0 to 1
    collections: int | None = None
    longest_pause_s: float | None = None
    pause_ratio: float | None = None
    peak_rss_bytes: int | None = None
    rss_ratio: float | None = None
    frozen: int = 0
    left_out: str = ""  # why nothing is concluded from it


@dataclass(frozen=True)
class Tuning:
    rows: tuple[TrialRow, ...]
    noise: float  # what chance makes of the CPU time of two settings, at most, as a share: seen between repetitions
    advice: tuple[str, ...]
    advised: CollectorSetting | None = None
