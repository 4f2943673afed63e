"""What drives the generator in `benchmarks.driven` is what its rows say."""

import pytest
import torch

from benchmarks import driven
from course_utils import digits, guidance


def growth(x, t):
    """Its flow multiplies by e; one Euler step by 1 + h, a midpoint step by 1 + h + h^2 / 2."""
    return x


def test_half_as_many_midpoint_steps_and_one_euler_step_less():
    x0 = torch.ones(2, 1, dtype=torch.double)
    torch.testing.assert_close(driven.by_midpoints(growth, x0, 8), x0 * (1 + 1 / 4 + 1 / 32) ** 4)
    torch.testing.assert_close(driven.stopped_early(growth, x0, 8), x0 * (1 + 1 / 8) ** 7)


def model(x, t, y):
    """Velocity 3 for a label, 1 without one, of which the number is 10."""
    return torch.where(y == 10, 1.0, 3.0)[:, None].expand_as(x)


def test_the_other_convention_means_none_by_0():
    x, y = torch.zeros(3, 2), torch.arange(3)
    t = torch.tensor(0.5)
    assert (driven.other_convention(model, x, t, y, 0.0, 10) == 3).all()
    assert (driven.other_convention(model, x, t, y, 1.0, 10) == 2 * 3 - 1).all()


@pytest.mark.parametrize(("t", "expected"), [(0.2, 3.0), (0.3, 3.0), (0.4, 4.0)])
def test_guidance_on_part_of_the_way(t, expected):
    x, y = torch.zeros(3, 2), torch.arange(3)
    late, early = (driven.ROWS[f"guided {word} t = 0.3"][0].guidance for word in ("after", "before"))
    found = late(model, x, torch.tensor(t, dtype=torch.double), y, 1.5, 10)
    torch.testing.assert_close(found, torch.full_like(x, expected))
    both = found + early(model, x, torch.tensor(t, dtype=torch.double), y, 1.5, 10)
    torch.testing.assert_close(both, torch.full_like(x, 3.0 + 4.0))
    torch.testing.assert_close(guidance.classifier_free(model, y, 1.5, 10)(x, t), torch.full_like(x, 4.0))


def test_rows_say_the_cost_and_the_scale(monkeypatch):
    def found(model, judge, own, *, guidance, seed, progress):
        return digits.Driven(0.9, 1.0, 2.0 + seed, 24.0, 1.0, lent=(), said=())

    monkeypatch.setattr(digits, "drive", found)
    rows = list(driven.driven(quick=True))
    assert len(rows) == 2 * len(driven.ROWS)
    assert rows[0].what == "the package's, w = 1.2, n = 50, 24 evaluations: distance" and rows[0].ours == 2.0
    assert rows[1].ours == 0.9
