"""What Lab 10's benchmarks compute beside the package, against what is known without them."""

import math

import pytest
import torch

from benchmarks import arm, holding, inpainting, robots
from course_utils.paths import GaussianPath, marginal

F64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# replacement


def test_the_known_part_is_that_of_the_lower_plans():
    known, values = inpainting.known_part([0, 3])
    assert known.nonzero().flatten().tolist() == [0, 1, 6, 7]
    assert torch.equal(values, robots.plan_mixture().means[1, [0, 1, 6, 7]])
    whole = inpainting.put_in(values, known)
    assert torch.equal(whole[known], values) and whole[~known].abs().max() == 0


def test_known_points_stand_at_the_end_and_the_rest_is_free():
    known, values = inpainting.known_part([0])
    noise = torch.randn(50, 32, dtype=F64, generator=seeded())
    for steps, rounds in ((5, 1), (3, 2)):
        z = inpainting.replaced(known, values, noise, steps, rounds, seeded(1))
        assert torch.equal(z[:, known], values.expand(50, 2)) and z[:, ~known].std(0).min() > 0.001
    free = inpainting.replaced(torch.zeros(32, dtype=torch.bool), values[:0], noise, 5, 1, seeded())
    velocity, x = marginal(GaussianPath(), robots.plan_mixture()).velocity, noise
    for i in range(5):
        x = x + 0.2 * velocity(x, torch.tensor(i / 5, dtype=F64))
    torch.testing.assert_close(free, x)


def test_noise_brings_a_state_back_to_an_earlier_time():
    """Of a point z at time 0.6, z 0.6 + 0.4 eps, to 0.5: mean and deviation as the path has them, at 5 sigma."""
    n, t, s = 40_000, torch.tensor(0.6, dtype=F64), torch.tensor(0.5, dtype=F64)
    x = 0.6 * 2.0 + 0.4 * torch.randn(n, 1, dtype=F64, generator=seeded())
    back = inpainting.noised(x, t, s, seeded(1))
    assert abs(back.mean().item() - 1.0) < 5 * 0.5 / n**0.5
    assert back.std().item() == pytest.approx(0.5, rel=5 / (2 * n) ** 0.5)


def test_above_counts_unknown_way_points_alone():
    known = inpainting.known_part([0, 1, 2])[0]
    z = -torch.ones(4, 16, 2)
    z[0, :, 1] = 1
    z[1, :3, 1] = 1  # known ones
    z[2, 3:10, 1] = 1  # 7 of 13
    z[3, 3:9, 1] = 1  # 6 of 13
    assert inpainting.up(z.flatten(1), known) == 50


# plans that are held


class Straight(torch.nn.Module):
    """A field whose plans are its noise and 0.1 more in each number, whatever is seen."""

    def forward(self, x, t, o):
        return 0.1 * torch.ones_like(x)


def test_without_holding_plans_are_those_of_the_flow():
    x = torch.zeros(3, 4)
    plain, held = robots.flowed(Straight(), 5), holding.held_plan(Straight(), 1, 0)
    for _ in range(2):
        torch.testing.assert_close(held(x), plain(x))


@pytest.mark.parametrize(("k", "kept"), [(1, 4), (4, 4), (1, 8)])
def test_the_first_actions_are_those_that_the_last_plan_had_next(k, kept):
    plan = holding.held_plan(Straight(), k, kept)
    first, second, third = (plan(torch.zeros(3, 4)) for _ in range(3))
    assert torch.equal(second[:, :kept], first[:, k : k + kept])
    assert torch.equal(third[:, :kept], second[:, k : k + kept])
    noise = [torch.randn(3, 32, generator=random) for random in [seeded(5)] * 2][1]
    torch.testing.assert_close(second[:, kept:].flatten(1), noise[:, 2 * kept :] + 0.1)


def test_what_is_put_back_is_as_noisy_as_its_time():
    x, held, noise = torch.zeros(2, 6), torch.ones(2, 2), torch.full((2, 6), 3.0)
    found = holding.put_back(x, held, noise, torch.tensor(0.25))
    assert torch.equal(found, torch.tensor([[2.5, 2.5, 0, 0, 0, 0]] * 2))


# the arm


def test_success_at_the_seam_and_away_from_it():
    """Exact answers hit all; answers half a turn off none; where only those at the seam are off, only they miss."""
    x = arm.ARM.start(2000, seeded())
    up = torch.rand(2000, generator=seeded(1)) < 0.5
    exact = arm.ARM.pose(x[:, 2:], up)
    near = exact[:, 0].abs() > math.radians(160)
    assert 0.05 < near.double().mean() < 0.2  # 40 of 360 degrees
    assert arm.by_seam(x, exact) == (100, 100)
    off = torch.where(near[:, None], torch.stack([exact[:, 0], arm.wrap(exact[:, 1] + math.pi)], 1), exact)
    assert arm.by_seam(x, off) == (0, 100)
    other = torch.where(near[:, None], exact, torch.stack([exact[:, 0], arm.wrap(exact[:, 1] + math.pi)], 1))
    at, away = arm.by_seam(x, other)
    assert (at, away) == (100, 0)
