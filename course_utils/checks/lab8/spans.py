"""Two times s <= t of one path: how they are drawn, the fields that know both, and what an answer does where s = t."""

from collections.abc import Callable

from torch import Tensor

from course_utils.checks.inputs import Normal, times
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["batch", "column", "nearly_right", "nothing_moves", "span_of_the_first", "spans", "two_time_field"]


def batch(normal: Normal) -> tuple[int, int]:
    """Number of states, and of their coordinates: the same, where a time on the wrong axis is not seen; others; one."""
    return ((1, 2), (5, 5), (4, 1), (5, 4))[normal.seed % 4]


def spans(normal: Normal, n: int) -> tuple[Tensor, Tensor]:
    """Starts and ends, each of shape (n,). The last span has no length; in one case of three the first is from 0 to 1.

    A batch of one has a length.
    """
    s, t = times(normal, 2 * n).reshape(2, n).sort(0).values
    if n > 1:
        s[-1] = t[-1]
    if normal.seed % 3 == 0:
        s[0], t[0] = 0.0, 1.0
    return s, t


def two_time_field(normal: Normal, dim: int) -> dict:
    """A field u(x, s, t) that is curved in the state, and knows both times."""
    parameters = {"matrix": normal(dim, dim), "offset": normal(dim), "square": normal(dim), "product": normal(dim)}
    return {"family": "two-time field", **parameters}


def column(time: Tensor, x: Tensor) -> Tensor:
    """The times of a batch, in a shape that fits its states."""
    return time.reshape(-1, *[1] * (x.ndim - 1))


def span_of_the_first(time: Tensor, x: Tensor) -> Tensor:
    """The first state's time, for all."""
    return time[0]


def nothing_moves(still: Callable, message: str) -> Trait:
    """The trait that a result is not what it has to be where s = t.

    Args:
        still: With the student's signature: what the result is there.
        message: What a student reads.
    """

    def holds(pair: Compared) -> bool:
        given, there = pair.given["result"], pair.of(still)["result"]
        return len(given) > 1 and not close(given[-1], there[-1])

    return Trait("moves where s = t", holds, message, vague=True)


def nearly_right(message: str) -> Trait:
    """The trait that a result is wrong by little in all states, as that of small steps or differences.

    Args:
        message: What a student reads who has it.
    """

    def holds(pair: Compared) -> bool:
        given, expected = pair.given["result"], pair.expected["result"]
        return bool(((given - expected).abs().amax(1) <= 0.01 * expected.abs().amax(1)).all())

    return Trait("nearly right", holds, f"all is nearly right, but not exact: {message}")
