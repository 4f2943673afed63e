"""What can be said of a wrong loss that comes with its gradient: together they are more than one number."""

import torch

from course_utils.checks.clues import relation
from course_utils.checks.traits import Values

__all__ = ["of_loss_and_gradient"]


def of_loss_and_gradient(given: Values, expected: Values) -> str | None:
    """How a wrong number and what came with it relate to the right ones, in words; None if not simply.

    Args:
        given: What an answer gave.
        expected: What is right; first of all a single number.
    """
    pairs = [(given[name], value) for name, value in expected.items()]
    alike = all(a.shape == b.shape and a.is_floating_point() and b.is_floating_point() for a, b in pairs)
    if not alike or pairs[0][0].numel() > 1:
        return None
    got, right = (torch.cat([value.flatten() for value in values]) for values in zip(*pairs, strict=True))
    return relation(got, right, {})
