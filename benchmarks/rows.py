"""A row of the table, and timing in turn: ours, the peer, ours, the peer, ...

Processor time counts, of all threads, because other work on the machine disturbs it least. The command lets torch use
one thread, so that on an idle machine it is the time that one waits.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


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
        least: The ratio that has to be reached.
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
    holds = least is None or ratio >= least
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
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
        spread = "" if row.spread is None else f" ({row.spread[0]:.3g} to {row.spread[1]:.3g})"
        holds = "" if not row.must else "yes" if row.holds else "**no**"
        lines.append(
            f"| {row.what} | {_figure(row.ours, row.unit)} | {peer} | {ratio}{spread} | {row.must} | {holds} |"
        )
    return "\n".join(lines)


def _figure(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".strip()
