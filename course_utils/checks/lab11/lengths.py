"""Velocities that point the right way, but are too long or too short."""

from course_utils.checks.traits import Compared, close

__all__ = ["DIRECTIONS_RIGHT", "directions_right"]

DIRECTIONS_RIGHT = (
    "all velocities point the right way, but some are too long or too short: what are they divided by, or multiplied?"
)


def directions_right(pair: Compared) -> bool:
    """Whether the results are the right ones but for a positive factor of each, and not nearly right."""
    given, expected = pair.given["result"], pair.expected["result"]
    nearly = ((given - expected).abs() <= 1e-3 * expected.abs()).all()
    units = [value / value.norm(dim=-1, keepdim=True) for value in (given, expected)]
    return not nearly and given.shape[-1] > 1 and close(*units)
