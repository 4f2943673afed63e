"""What can be said of a wrong answer that is no known mistake.

First how its values relate to those expected, then what it shows on other inputs: it may ignore an argument, or be
right where a part of the problem is switched off. Each sentence is a fact that was measured, true of whatever gave
these values.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from course_utils.checks.comparing import is_one_hot
from course_utils.checks.simpler import simpler

__all__ = ["beside_what_is_none", "ignored", "on_simpler", "relation", "rows_left_empty", "rows_right"]

CLOSE = 1e-6
Values = dict[str, Tensor]


def relation(got: Tensor, expected: Tensor, case: dict) -> str | None:
    """How wrong values relate to the right ones: by a factor, a sign, an order, or an input; None if not so simply.

    Args:
        got: What an answer gave.
        expected: What is right.
        case: The inputs of the call.
    """
    if got.shape != expected.shape:
        return _relation_of_shapes(got, expected)
    if got.numel() < 2 or got.dtype != expected.dtype:
        return None
    if not got.isfinite().all():
        return _not_finite(got, expected)
    if not got.dtype.is_floating_point:
        return None  # of letters and states, many agree by chance, in every order
    if _close(got, expected):
        return None  # it is said already that they are nearly equal
    if _close(got.flatten().sort().values, expected.flatten().sort().values):
        return _order(got, expected)
    bases = {name: v for name, v in case.items() if isinstance(v, Tensor) and _fits(v, expected)}
    for name, base in ({"": torch.zeros_like(expected)} | bases).items():
        factor = _factor(got - base, expected - base)
        if factor is not None and f"{factor:.4g}" != "1":  # else they are nearly equal, as is said already
            return _words(factor, name)
    if _close(got.abs(), expected.abs()):
        return "The sizes of all values are right, the signs of some are not."
    if _close(got - expected, (got - expected).flatten()[0].expand_as(got)):
        return "The difference to the right result is one and the same number everywhere."
    for name, base in bases.items():
        for sign in (1, -1):
            if _close(got - expected, (sign * base).expand_as(expected)):
                return f"The difference to the right result is exactly {name}: is it missing somewhere, or too much?"
    return None


def _not_finite(got: Tensor, expected: Tensor) -> str:
    finite = got.isfinite()
    if finite.any() and _close(got[finite], expected[finite]):
        return (
            "Every number that is finite is right. Where the others stand, do you divide by something that is 0 there, "
            "or take the root of a number that is negative, if only by rounding? The right result has a value there."
        )
    return (
        "Some numbers are infinite or nan, and others are wrong as well. Which part of what you divide by can be 0, or "
        "which root or logarithm is taken of a negative number? Should that part be there at all?"
    )


def _order(got: Tensor, expected: Tensor) -> str:
    """What to say of the right values in another order."""
    for axis in range(got.ndim):
        if _close(got.flip(axis), expected):
            return f"The values are right but for their order: they are reversed along axis {axis}."
    return "These are the right values, but at other places."


def _relation_of_shapes(got: Tensor, expected: Tensor) -> str | None:
    if is_one_hot(got, expected):
        return (
            "Each entry is a row of zeros with a 1 at the right place: a whole number is asked for, that place itself."
        )
    if [n for n in got.shape if n > 1] == [n for n in expected.shape if n > 1]:
        return "An axis of length 1 is missing or too much: is there a squeeze() or an unsqueeze()?"
    if got.ndim > 1 and sorted(got.shape) == sorted(expected.shape):
        return "The axes are in another order."
    if got.shape == expected.shape[:1]:
        return "One number a state came back: is something summed, or taken as a norm, over the coordinates of a state?"
    short = [axis for axis, n in enumerate(got.shape) if got.ndim == expected.ndim and n != expected.shape[axis]]
    if short and all(got.shape[axis] == 1 for axis in short):
        return (
            f"Along axis {short[0]} one number came back, where there should be {expected.shape[short[0]]}: is "
            "something summed along it, or taken as a norm, or never multiplied with the states?"
        )
    if got.ndim < expected.ndim:
        return _too_few_axes(got, expected)
    if _differ_in_one_axis(got, expected):
        return _part(got, expected)
    if got.ndim > expected.ndim:
        return (
            "There are too many axes. Were two tensors broadcast against each other whose shapes do not fit, or is a "
            "sum missing?"
        )
    return None


def _too_few_axes(got: Tensor, expected: Tensor) -> str:
    if got.numel() == expected.numel():
        return (
            "There are as many numbers as there should be, but some axes have become one: is something joined or "
            "flattened? torch.cat joins tensors along an axis that they have, torch.stack makes a new one."
        )
    return "There are too few axes: along which is something summed, or picked?"


def _differ_in_one_axis(got: Tensor, expected: Tensor) -> bool:
    if got.ndim != expected.ndim:
        return False
    return sum(a != b for a, b in zip(got.shape, expected.shape, strict=True)) == 1


def _part(got: Tensor, expected: Tensor) -> str | None:
    """What to say of the right values with some more along an axis, or without some; None if they are others."""
    axis = next(i for i, (a, b) in enumerate(zip(got.shape, expected.shape, strict=True)) if a != b)
    less, more = sorted((got, expected), key=lambda value: value.shape[axis])
    wanted, rest = list(less.unbind(axis)), []
    for i, row in enumerate(more.unbind(axis)):
        if wanted and _close(row, wanted[0]):
            wanted.pop(0)
        else:
            rest.append(i)
    if wanted or not len(less):
        return None
    listed = ", ".join(map(str, rest[:4])) + (", ..." if len(rest) > 4 else "")
    what = "missing" if less is got else "too much"
    return f"All else is right: along axis {axis}, these entries (of 0 to {more.shape[axis] - 1}) are {what}: {listed}."


def _fits(value: Tensor, expected: Tensor) -> bool:
    return value.dtype == expected.dtype and value.ndim > 1 and value.shape == expected.shape[-value.ndim :]


def _close(a: Tensor, b: Tensor) -> bool:
    return bool((a - b).abs().max() <= CLOSE * b.abs().max()) if b.numel() else True


def _factor(a: Tensor, b: Tensor) -> float | None:
    """The number c with a = c b, if there is one."""
    if b.abs().max() == 0:
        return None
    factor = ((a * b).sum() / (b * b).sum()).item()
    return factor if (a - factor * b).abs().max() <= CLOSE * b.abs().max() else None


def _words(factor: float, name: str) -> str:
    what = f"The way from {name} to the result" if name else "The result"
    if abs(factor) < CLOSE:
        return f"The result is {f'{name} itself' if name else '0 everywhere'}."
    if abs(factor + 1) < CLOSE:
        return f"{what} is right but for its sign."
    return f"{what} is {factor:.4g} times what it should be, everywhere."


def ignored(answer: Callable, oracle: Callable, alike: Callable, case: dict) -> str | None:
    """An argument that changes the right result, but not that of an answer, in words.

    Args:
        answer: From inputs to what the answer shows, or None.
        oracle: From inputs to what is right.
        alike: Whether two results agree.
        case: The inputs of the call.
    """
    before, right = answer(case), oracle(case)
    if before is not None and not all(value.isfinite().all() for value in before.values()):
        return None  # infinite numbers stay what they are
    for name, value in case.items():
        other = {**case, name: _nudged(value)}
        after, wanted = answer(other), oracle(other)
        if before is None or after is None or wanted is None:  # such an input is none
            continue
        if alike(before, after) and not alike(wanted, right):
            return f"Another {name} gives the same result: does it come in where it should?"
    return None


def _nudged(value):
    """An input that is a little different, and still one: a time stays below 1, letters are those of other places."""
    if isinstance(value, dict):
        return {key: part if isinstance(part, str | int) else _nudged(part) for key, part in value.items()}
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float) or value.is_floating_point():
        return 0.9 * value + 0.01
    return value.flip(tuple(range(value.ndim)))


def on_simpler(answer: Callable, oracle: Callable, alike: Callable, case: dict) -> tuple[str | None, str | None]:
    """On which simpler inputs an answer is right, and on which it is still wrong, in words; arguments as for `ignored`.

    Inputs for which the right result is 0 everywhere, or an input, say nothing: most wrong formulas are right there.
    Nor do those for which there is none.
    """
    fine: list[str] = []
    wrong: dict[str, str] = {}  # by argument: the simplest, which comes last
    for words, other in simpler(case):
        shown, right = answer(other), oracle(other)
        if shown is None or right is None or not _says_something(right):
            continue
        if any(_is_an_input(value, other) for value in right.values()):
            continue
        if alike(shown, right):
            fine.append(words)
        else:
            wrong[next(name for name in case if other[name] is not case[name])] = words
    listed = " and with ".join(list(wrong.values())[:3])
    return (
        f"With {fine[0]} your result is right: look at what this leaves out." if fine else None,
        f"Your result is wrong also with {listed}: look at what is left." if listed else None,
    )


def _says_something(right: dict[str, Tensor]) -> bool:
    return any(value.any() for value in right.values()) and all(value.isfinite().all() for value in right.values())


def rows_right(got: Tensor, expected: Tensor) -> str | None:
    """Which entries along the first axis are right, in words; None if none or all are, or if these are letters."""
    if got.shape != expected.shape or got.ndim == 0 or not expected.dtype.is_floating_point:
        return None
    right = [i for i in range(len(got)) if expected[i].numel() and _close(got[i], expected[i])]
    if not right or len(right) == len(got):
        return None
    listed = ", ".join(map(str, right[:4])) + (", ..." if len(right) > 4 else "")
    return f"Along the first axis, these entries are right: {listed} (of 0 to {len(got) - 1})."


def _is_an_input(value: Tensor, case: dict) -> bool:
    return any(
        isinstance(given, Tensor) and given.shape == value.shape and given.equal(value) for given in case.values()
    )


def beside_what_is_none(
    given: Values, right: Values, mistakes: Iterable[tuple[str, Values | None]], alike: Callable
) -> str | None:
    """The first mistake that explains all values that are finite throughout, where some are not; in words, or None.

    Args:
        given: What an answer gave.
        right: What is right.
        mistakes: Sentences, and what the mistakes give.
        alike: Whether all of the second values are among the first.
    """
    finite = [name for name, value in given.items() if value.numel() and value.isfinite().all()]
    if len(finite) == len(given) or alike(given, {name: right[name] for name in finite}):
        return None
    for message, wrong in mistakes:
        if wrong and alike(given, {name: wrong[name] for name in finite}):
            return (
                "Some numbers are infinite or nan: is something divided by what can be 0? The others are wrong, too, "
                f"and there the likely cause is: {message}"
            )
    return None


def rows_left_empty(got: Tensor, expected: Tensor) -> str | None:
    """Which entries along the first axis were never filled, where all others are right; None if that is not so."""
    if got.shape != expected.shape or got.ndim == 0 or not got.dtype.is_floating_point:
        return None
    empty = [i for i in range(len(got)) if not got[i].any() and expected[i].any()]
    filled = [i for i in range(len(got)) if i not in empty]
    if not empty or not filled or not all(_close(got[i], expected[i]) for i in filled):
        return None
    listed = ", ".join(map(str, empty[:4])) + (", ..." if len(empty) > 4 else "")
    return f"All is right, but along the first axis these entries (of 0 to {len(got) - 1}) are 0 everywhere: {listed}."
