"""What other settings of the collector change, concluded from runs under each of them; nothing is guessed.

Runs are compared within a round, in which each setting had one: a machine that is busier for a while is so for all of
them. What then still differs between runs of the *same* setting is noise, and a difference counts where it is larger
than that. (A randomized block design: the noise is four standard errors of a difference, from the residuals of settings
and rounds. Where no setting changes anything, fewer than one trial in a hundred then ends in an advice.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

import numpy as np

from memdiag.model import Trial, TrialRow, TrialRun, Tuning
from memdiag.units import format_bytes, format_pause, format_share

_STANDARD_ERRORS = 4
_WORTH = 0.02  # of CPU time or memory: less than that is no reason to change a program
_PAUSE_WORTH_S = 0.01  # shorter ones are seldom felt, and a busy machine makes some of them

Metric = Callable[[TrialRun], "float | None"]


def _cpu(run: TrialRun) -> float:
    return run.cpu_s


def _wall(run: TrialRun) -> float:
    return run.wall_s


def _peak(run: TrialRun) -> float | None:
    return run.peak_rss_bytes


def _share(run: TrialRun) -> float | None:
    return run.collector.share if run.collector and run.collector.generations else None


def _collections(run: TrialRun) -> float | None:
    return run.collections


def _longest(run: TrialRun) -> float | None:
    return max((one.longest_s for one in run.collector.generations), default=None) if run.collector else None


def judge(trials: Sequence[Trial]) -> Tuning:
    """A row a setting, the noise, and what follows. The first trial is of the program as it is.

    All trials have as many runs, at least two: each its one of every round, in order. What is left out says why.
    """
    rows = tuple(_row(trial, trials[0]) for trial in trials)
    counted = [trial for trial, row in zip(trials, rows, strict=True) if not row.left_out]
    limits = _Limits(_noise(counted, _cpu), _noise(counted, _peak), _noise(counted, _longest))
    best = _best(rows, limits)
    advice = [*_advice(rows, best, limits), *_own_settings(trials[0])]
    return Tuning(rows, limits.cpu_noise, tuple(advice), best.setting if best else None)


class _Limits:
    """How large a difference must be to count, as a share of the larger of two figures."""

    def __init__(self, cpu_noise: float, rss_noise: float, pause_noise: float) -> None:
        self.cpu_noise = cpu_noise
        self.pause = pause_noise
        self.cpu = max(cpu_noise, _WORTH)
        self.rss = max(rss_noise, _WORTH)


def _noise(trials: Iterable[Trial], metric: Metric) -> float:
    """What chance makes of the ratio of two settings, at most, as a share."""
    found = [_values(trial, metric) for trial in trials]
    logs = np.log([values for values in found if values and min(values) > 0])
    if len(logs) < 2:
        return 0.0
    residuals = logs - logs.mean(axis=0) - logs.mean(axis=1, keepdims=True) + logs.mean()
    settings, rounds = logs.shape
    deviation = math.sqrt(float((residuals**2).sum()) / ((settings - 1) * (rounds - 1)))
    return 1 - math.exp(-_STANDARD_ERRORS * deviation * math.sqrt(2 / rounds))


def _values(trial: Trial, metric: Metric) -> list[float]:
    """Of each run, in order; empty where one of them is not known."""
    values = [metric(run) for run in trial.runs]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def _median(trial: Trial, metric: Metric) -> float | None:
    values = _values(trial, metric)
    return median(values) if values else None


def _ratio(trial: Trial, first: Trial, metric: Metric) -> float | None:
    """The median over the rounds of how this one compares with the first."""
    values, bases = _values(trial, metric), _values(first, metric)
    if not values or not bases or min(bases) <= 0:
        return None
    return median(value / base for value, base in zip(values, bases, strict=True))


def _row(trial: Trial, first: Trial) -> TrialRow:
    peak, collections = _median(trial, _peak), _median(trial, _collections)
    return TrialRow(
        setting=trial.setting,
        repeats=len(trial.runs),
        wall_s=_median(trial, _wall) or 0.0,
        cpu_s=_median(trial, _cpu) or 0.0,
        wall_ratio=_ratio(trial, first, _wall) or 0.0,
        cpu_ratio=_ratio(trial, first, _cpu) or 0.0,
        collector_share=_median(trial, _share),
        collections=None if collections is None else round(collections),
        longest_pause_s=_median(trial, _longest),
        pause_ratio=_ratio(trial, first, _longest),
        peak_rss_bytes=None if peak is None else round(peak),
        rss_ratio=_ratio(trial, first, _peak),
        frozen=max((run.collector.frozen for run in trial.runs if run.collector), default=0),
        left_out=_why_left_out(trial),
    )


def _why_left_out(trial: Trial) -> str:
    """Why nothing can be concluded from it; empty where something can."""
    setting, runs = trial.setting, trial.runs
    failed = [run for run in runs if run.exit_status]
    if failed:
        return f"{len(failed)} of {len(runs)} runs ended with status {failed[0].exit_status}"
    if any(run.collector is None for run in runs):
        return "it ended so that its collections could not be told"
    if (setting.thresholds or setting.off) and any(run.overridden for run in runs):
        return "the program set the collector otherwise"
    if setting.freeze and not any(run.collector and run.collector.frozen for run in runs):
        return "nothing was frozen: the main thread saw no collection past the imports"
    return ""


def _own_settings(first: Trial) -> Iterator[str]:
    """What the program itself does with the collector: it wins over whatever was tried."""
    run = first.runs[-1]
    if run.overridden and run.collector is not None:
        how = f"its thresholds are {run.collector.thresholds}" if run.enabled else "at the end it is off"
        yield f"The program sets the collector itself ({how}), over what was tried: those settings are left out."
    if run.collector is not None and not run.collector.generations:
        yield "How long its collections took was not measured: the program has signal handlers or a tracer of its own."
    if run.collector is not None and run.collector.frozen:
        yield f"The program freezes {run.collector.frozen:,} objects itself (gc.freeze)."


def _best(rows: Sequence[TrialRow], limits: _Limits) -> TrialRow | None:
    """The setting to advise: of those whose gain is as large as any, the one that takes least memory, else the first.

    Never without a collector.
    """
    able = [row for row in rows[1:] if not row.left_out and not row.setting.off and _saves(row, limits)]
    if not able:
        return None
    lowest = min(row.cpu_ratio for row in able)
    near = [row for row in able if 1 - lowest / row.cpu_ratio <= limits.cpu_noise]
    least = min(row.rss_ratio or 1.0 for row in near)
    return next(row for row in near if 1 - least / (row.rss_ratio or 1.0) <= limits.rss)


def _saves(row: TrialRow, limits: _Limits) -> bool:
    return 1 - row.cpu_ratio > limits.cpu


def _costs(row: TrialRow, limits: _Limits) -> bool:
    return row.cpu_ratio > 1 and 1 - 1 / row.cpu_ratio > limits.cpu


def _advice(rows: Sequence[TrialRow], best: TrialRow | None, limits: _Limits) -> Iterator[str]:
    first, tried = rows[0], [row for row in rows[1:] if not row.left_out]
    off = next((row for row in tried if row.setting.off), None)
    if not tried:
        yield "No other setting could be tried."
        return
    if best is not None:
        noise = f"noise {_percent(limits.cpu_noise)}"
        words = [
            f"{_percent(1 - best.cpu_ratio)} less CPU time ({noise})",
            _memory(best, limits),
            *_pause(best, first, limits),
        ]
        yield f"{best.setting.code}: {', '.join(words)}."
    else:
        yield from _no_gain(first, tried, limits)
    if off is not None and _saves(off, limits):
        yield _bound(off, best, limits)


def _bound(off: TrialRow, best: TrialRow | None, limits: _Limits) -> str:
    """What a run without any collector tells; it is no advice, whatever it saves."""
    if best is not None and 1 - off.cpu_ratio / best.cpu_ratio <= limits.cpu:
        return "No more is to be gained: with no collector at all it takes as much CPU time."
    return (
        f"With no collector at all it would be {_percent(1 - off.cpu_ratio)} less, {_memory(off, limits)}: a bound, and"
        " no advice, since garbage in cycles is then never freed."
    )


def _no_gain(first: TrialRow, tried: Sequence[TrialRow], limits: _Limits) -> Iterator[str]:
    slower = [row for row in tried if _costs(row, limits)]
    differs = slower or any(_saves(row, limits) for row in tried)
    if limits.cpu_noise < _WORTH:
        words = f"No setting saves as much as {_percent(_WORTH)} of the CPU time"
    else:
        what = "saves more than" if differs else "made a difference larger than"
        words = f"No setting {what} the noise ({_percent(limits.cpu_noise)})"
    share = first.collector_share
    yield f"{words}." if share is None else f"{words}; the collector takes {format_share(share)} of the time."
    if slower:
        yield f"Slower: {', '.join(f'{row.setting.name} by {_percent(row.cpu_ratio - 1)}' for row in slower)}."
    calmer = [row for row in tried if not row.setting.off and row not in slower and _is_calmer(row, first, limits)]
    if calmer:
        best = min(calmer, key=lambda row: row.longest_pause_s or 0.0)
        yield f"{best.setting.code}: {next(_pause(best, first, limits))}, {_memory(best, limits)}."


def _is_calmer(row: TrialRow, first: TrialRow, limits: _Limits) -> bool:
    return bool(list(_pause(row, first, limits))) and (row.longest_pause_s or 0.0) < (first.longest_pause_s or 0.0)


def _memory(row: TrialRow, limits: _Limits) -> str:
    if row.rss_ratio is None or row.peak_rss_bytes is None:
        return "memory not known"
    if 1 - min(row.rss_ratio, 1 / row.rss_ratio) <= limits.rss:
        return "same memory"
    difference = format_bytes(round(abs(row.peak_rss_bytes * (1 - 1 / row.rss_ratio))))
    if row.rss_ratio >= 2:
        return f"{row.rss_ratio:.1f} times the memory ({difference} more)"
    return f"{_percent(abs(row.rss_ratio - 1))} {'more' if row.rss_ratio > 1 else 'less'} memory ({difference})"


def _pause(row: TrialRow, first: TrialRow, limits: _Limits) -> Iterator[str]:
    """Where the longest pause is another, in words."""
    if row.longest_pause_s is None or first.longest_pause_s is None:
        return
    larger = max(row.longest_pause_s, first.longest_pause_s)
    difference = abs(row.longest_pause_s - first.longest_pause_s)
    if difference >= max(_PAUSE_WORTH_S, limits.pause * larger):
        pause = f"longest pause {format_pause(row.longest_pause_s)}" if row.collections else "no pause"
        yield f"{pause} instead of {format_pause(first.longest_pause_s)}"


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"
