"""A row of the table, and timing in turn: ours, the peer, ours, the peer, ...

Processor time counts, of all threads, because other work on the machine disturbs it least. The command lets torch use
one thread, so that on an idle machine it is the time that one waits.
"""

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        name: Of the benchmark.
        what: What is done, with sizes and threads.
        ours, peer: Medians, in `unit`; peer is None where a figure stands alone.
        peer_name: What ours is compared with, and its version.
        unit: Of both.
        ratio: Median over the rounds of what `must` speaks of; None where a figure is only stated.
        spread: Smallest and largest ratio of a round; None where there was one round.
        must: What has to hold of the ratio, in words; empty where it is only stated.
        holds: Whether it does.
    """

    name: str
    what: str
    ours: float
    peer: float | None
    peer_name: str
    unit: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None
    must: str = ""
    holds: bool = True

    as_dict = asdict


def processor() -> float:
    """CPU-seconds of this process so far, all threads."""
    return time.process_time()


def seconds(work: Callable[[], object], clock: Callable[[], float] = processor) -> float:
    """CPU-seconds of one call."""
    start = clock()
    work()
    return clock() - start


def within(seconds_each: float, train: Callable[[int], object]) -> tuple[Any, int, float]:
    """What `train(steps)` gives for as many steps as fit into so many CPU-seconds, the steps, and the CPU-seconds.

    The number of steps is judged by fifty after ten to warm up; it is 1 at least.
    """
    few, spent = 50, 0.0
    for steps in (10, few, 0):
        steps = steps or max(1, round(few * seconds_each / spent))
        start = processor()
        trained = train(steps)
        spent = processor() - start
    return trained, steps, spent


def compare(
    name: str,
    what: str,
    ours: Callable[[], object],
    peer: Callable[[], object],
    peer_name: str,
    *,
    least: float | None = None,
    rounds: int = 5,
    amount: float = 1.0,
    unit: str = "CPU-s",
    clock: Callable[[], float] = processor,
) -> Row:
    """How many times faster ours is than the peer, in turn, after one call of each to warm up.

    Args:
        name, what, peer_name: Of the row.
        ours, peer: Calls that do the same work.
        least: The ratio that has to be reached, to the three digits that the table shows.
        rounds: Number of pairs.
        amount: Work of one call: the columns then say amount per second.
        unit: Of the columns.
        clock: For work that other processes do.
    """
    ours(), peer()
    pairs = [(seconds(ours, clock), seconds(peer, clock)) for _ in range(rounds)]
    ratios = [theirs / own for own, theirs in pairs]
    columns = [statistics.median(values) for values in zip(*pairs, strict=True)]
    if amount != 1.0:
        columns = [amount / value for value in columns]
    must = "" if least is None else f"at least {least:g}×"
    ratio = statistics.median(ratios)
    holds = least is None or float(_digits(ratio)) >= least
    return Row(name, what, columns[0], columns[1], peer_name, unit, ratio, (min(ratios), max(ratios)), must, holds)


def alone(
    name: str, what: str, value: float, unit: str, *, most: float | None = None, least: float | None = None
) -> Row:
    """A figure without a peer; the ratio is that to its limit, if this is not 0."""
    bounds = [("at most", most), ("at least", least)]
    word, limit = next(((word, limit) for word, limit in bounds if limit is not None), ("", None))
    if limit is None:
        return Row(name, what, value, None, "", unit)
    holds = value <= limit if most is not None else value >= limit
    ratio = value / limit if limit else None
    return Row(name, what, value, None, "", unit, ratio, None, f"{word} {limit:g} {unit}".strip(), holds)


def over_seeds(
    name: str, what: str, values: list[float], unit: str, *, most: float | None = None, least: float | None = None
) -> Row:
    """The mean over seeds, with the least and the most, and the limit that the mean has to keep."""
    row = alone(name, what, statistics.mean(values), unit, most=most, least=least)
    return replace(row, ratio=row.ours, spread=(min(values), max(values)))


def forget_peak() -> None:
    """Let `peak_megabytes` begin anew with what this process holds now (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_megabytes() -> float:
    """The most memory that this process has held since `forget_peak`."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| what | ours | peer | ratio | must | holds |", "|---|---|---|---|---|---|"]
    for row in rows:
        peer = f"{_figure(row.peer, row.unit)} ({row.peer_name})" if row.peer is not None else ""
        holds = "" if not row.must else "yes" if row.holds else "**no**"
        lines.append(f"| {row.what} | {_figure(row.ours, row.unit)} | {peer} | {_ratio(row)} | {row.must} | {holds} |")
    return "\n".join(lines)


def side_by_side(rows: list[Row], earlier: list[Row]) -> str:
    """The rows that two runs have in common, as Markdown; their words may differ by numbers, such as a load.

    The last column says how well two ratios agree: each median lies "within" the other's spread, or the spreads
    "overlap", or they are "apart".
    """

    def words(row: Row) -> tuple[str, ...]:
        return row.name, *(re.sub(r"\d+([.,]\d+)*", "#", text) for text in (row.what, row.peer_name))

    left: dict[tuple[str, ...], list[Row]] = {}
    for row in earlier:
        left.setdefault(words(row), []).append(row)
    lines = ["| what | this run | earlier run | agree |", "|---|---|---|---|"]
    for row in rows:
        if others := left.get(words(row)):
            other, peer = others.pop(0), f", {row.peer_name}" if row.peer_name else ""
            lines.append(f"| {row.what}{peer} | {_short(row)} | {_short(other)} | {agreement(row, other)} |")
    return "\n".join(lines)


def agreement(row: Row, other: Row) -> str:
    """How well two ratios agree; empty where one of them has no spread. See `side_by_side`."""
    if row.spread is None or other.spread is None:
        return ""
    inside = [one.spread[0] <= two.ratio <= one.spread[1] for one, two in ((row, other), (other, row))]
    overlap = max(row.spread[0], other.spread[0]) <= min(row.spread[1], other.spread[1])
    return "within" if all(inside) else "overlap" if overlap else "**apart**"


def _short(row: Row) -> str:
    return _figure(row.ours, row.unit) if row.peer is None else _ratio(row)


def _ratio(row: Row) -> str:
    ratio = "" if row.ratio is None else _digits(row.ratio)
    return ratio + ("" if row.spread is None else f" ({_digits(row.spread[0])} to {_digits(row.spread[1])})")


def _figure(value: float, unit: str) -> str:
    return f"{_digits(value)} {unit}".strip()


def _digits(value: float) -> str:
    return f"{value:.3g}"
