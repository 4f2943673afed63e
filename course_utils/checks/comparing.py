"""Comparing what an answer gave with what is expected, and saying how they differ."""

import torch
from torch import Tensor

from course_utils.checks.results import has_raised

__all__ = ["agree", "describe", "difference", "first_difference", "is_one_hot", "is_whole"]

Values = dict[str, Tensor]

NEARLY = 1e-3
"""Relative differences below this are not worth the name of another result: they come from how it was computed."""


def agree(values: Values, expected: Values, rtol: float, single: float | None = None) -> bool:
    """Whether named results are those expected.

    Args:
        values: What an answer gave.
        expected: What the oracle gave.
        rtol: Tolerance, relative to the largest expected value.
        single: The same for results in single precision.
    """
    return all(_equal(values.get(name), value, rtol, single) for name, value in expected.items())


def _equal(value: Tensor | None, expected: Tensor, rtol: float, single: float | None) -> bool:
    if value is None or value.shape != expected.shape or value.dtype != expected.dtype:
        return False
    if not expected.dtype.is_floating_point:
        return torch.equal(value, expected)
    if single and expected.dtype == torch.float32:
        rtol = single
    value, expected = _finite_or_nan(value), _finite_or_nan(expected)
    scale = expected.nan_to_num().abs().max().item() if expected.numel() else 0.0
    return bool(torch.isclose(value, expected, rtol=0, atol=rtol * scale, equal_nan=True).all())


def _finite_or_nan(value: Tensor) -> Tensor:
    """Whether a division by 0 gives an infinity or nan depends on how a formula is written: both are no number."""
    return value.where(value.isfinite(), torch.nan)


def first_difference(values: Values, expected: Values, rtol: float, single: float | None = None) -> str:
    """Name of the first result that differs; arguments as for `agree`."""
    return next(name for name, value in expected.items() if not _equal(values.get(name), value, rtol, single))


def difference(
    values: Values,
    expected: Values,
    rtol: float,
    single: float | None = None,
    *,
    explained: bool = False,
    words: tuple[str, str] = ("expected", "received"),
) -> str:
    """The first thing that differs, in words: shape, dtype or the worst entry; arguments as for `agree`.

    Args:
        values: What an answer gave.
        expected: What the oracle gave.
        rtol: As for `agree`.
        single: As for `agree`.
        explained: Whether the cause is known: then nothing is guessed about numbers that are nearly equal.
        words: What is said before an expected and before another value.
    """
    name = first_difference(values, expected, rtol, single)
    return f"The {name}{_difference(values[name], expected[name], explained, words)}"


def _difference(got: Tensor, expected: Tensor, explained: bool, words: tuple[str, str]) -> str:
    wanting, giving = words
    if has_raised(got):
        return " did not come: your function raised an error."
    if got.shape != expected.shape:
        return f": {wanting} shape {tuple(expected.shape)}, {giving} {tuple(got.shape)}."
    if got.dtype != expected.dtype:
        dtypes = f"{wanting} dtype {_plain(expected.dtype)}, {giving} {_plain(got.dtype)}"
        return f": {dtypes}.{_why_dtype(got, expected)}"
    gap = torch.nan_to_num((got - expected).abs().double(), nan=torch.inf)
    at = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)) if gap.ndim else ()
    where = f" at index {at}" if at else ""
    here, wanted = got[at], expected[at]
    if expected.dtype.is_floating_point and gap.max() <= NEARLY * wanted.abs():
        return f"{where}{_nearly(here, wanted, explained, words)}"
    cause = " (The root or logarithm of a negative number is nan, and so is 0 / 0.)" if here.isnan() else ""
    cause = " (The logarithm of 0 is infinite, and so is a number divided by 0.)" if here.isinf() else cause
    return f"{where}: {wanting} {wanted.item():.6g}, {giving} {here.item():.6g}.{cause}"


def _nearly(got: Tensor, expected: Tensor, explained: bool, words: tuple[str, str]) -> str:
    numbers = f": {words[0]} {expected.item():.12g}, {words[1]} {got.item():.12g}."
    if explained:
        return numbers
    relative = ((got - expected) / expected).abs().item()
    return (
        f"{numbers} These are nearly equal, the relative "
        f"difference is {relative:.1e}. Is a small number added somewhere, such as to a denominator, is something "
        "rounded or clamped, or a part computed in less than double precision?"
    )


def _why_dtype(got: Tensor, expected: Tensor) -> str:
    if got.is_floating_point() and not expected.is_floating_point():
        return " These are numbers with a point: letters and states are names, whole numbers that nothing is added to."
    if got.is_complex():
        return " All numbers here are real: where do complex ones come in?"
    if expected.dtype.is_floating_point and not got.is_floating_point():
        return " These are whole numbers (or True and False): is something rounded, compared or converted?"
    if got.is_floating_point() and not expected.dtype.is_floating_point:
        return " Whole numbers are expected: what makes floats of them?"
    return (
        " A conversion, such as .float(), .double() or dtype=..., gives another precision than the inputs have: leave "
        "it out, or make new tensors like the inputs, with x.new_zeros(...) or torch.zeros_like(x)."
    )


def is_one_hot(got: Tensor, expected: Tensor) -> bool:
    """Whether a row of zeros with a 1 stands for each whole number that is expected."""
    if expected.is_floating_point() or got.shape[:-1] != expected.shape or got.numel() == 0:
        return False
    return bool(((got == 0) | (got == 1)).all() and (got.sum(-1) == 1).all() and (got.argmax(-1) == expected).all())


def is_whole(values: Values) -> bool:
    """Whether all that came back is whole numbers."""
    return not any(value.is_floating_point() for value in values.values())


def describe(value, points_first: bool = False) -> str:
    """An input in a few characters: small numbers whole, tensors by their shape, families by their name.

    Args:
        value: A tensor, a number, a text or a family.
        points_first: Whether images are preceded by a call with as many points, see `observers.PointsAndImages`.
    """
    if isinstance(value, Tensor) and value.ndim > 2 and points_first:
        return f"tensor of shape {(len(value), len(value))}, then {tuple(value.shape)}"
    if isinstance(value, Tensor):
        return f"{value.item():.4g}" if value.ndim == 0 else f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, dict):
        return f"<{value.get('name', '')}{' ' if 'name' in value else ''}{value['family']}>"
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


def _plain(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
