"""What the benchmarks of few steps compute: pairs of times on trajectories, straightness, rows with their limits."""

import math
from types import SimpleNamespace

import pytest
import torch

from benchmarks import board_maps, few_steps
from benchmarks.rows import within
from course_utils import digits
from course_utils.distributions import draw
from course_utils.paths import average_velocity


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_steps_that_fit_into_some_seconds(monkeypatch):
    """A clock that ticks a quarter of a second for every step."""
    done = []
    monkeypatch.setattr("time.process_time", lambda: sum(done) / 4)

    def train(steps):
        done.append(steps)
        return steps

    assert within(30.0, train) == (120, 120, 30.0)
    assert done == [10, 50, 120]
    assert within(0.01, train)[1] == 1


def test_trajectories_are_those_of_the_exact_field():
    """From the same noise, four times as many steps lead to the same points, but for the few at an edge."""
    xs = board_maps.trajectories(200, seed=3)
    assert xs.shape == (board_maps.GRID + 1, 200, 2)
    assert torch.equal(xs[0], torch.randn(200, 2, generator=seeded(3)))
    fine = board_maps.along_field(
        board_maps.EXACT.velocity, xs[0], board_maps.PATH.schedule.grid(160), board_maps.midpoint_step
    )
    assert (xs[-1] - fine).norm(dim=1).quantile(0.9) < 0.05


def test_spans_lie_on_the_trajectories():
    """Of 40 kinds of points, half at the noise; ends behind, half at the end. Shares within 5 standard errors."""
    ts = board_maps.PATH.schedule.grid(board_maps.GRID)
    xs = ts[:, None, None] + torch.arange(7.0)[:, None]  # from place and time, each point says which it is
    source = board_maps.spans(xs.expand(-1, -1, 2), seeded())
    x, s, t, end = (torch.cat(parts) for parts in zip(*(next(source) for _ in range(20)), strict=True))
    assert (s < t).all()
    rows = x[:, 0] - s
    assert (rows - rows.round()).abs().max() < 1e-5 and rows.round().unique().tolist() == list(range(7))
    torch.testing.assert_close(end[:, 0] - t, rows)
    by_chance = [(1 / 40 + sum(1 / (40 - i) for i in range(40)) / 40) / 2, 1 / 40]
    for share, chance in (((t == ts[-1]).double().mean(), by_chance[0]), ((s == 0).double().mean(), by_chance[1])):
        expected = 0.5 + 0.5 * chance
        assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / len(s))


def test_a_map_of_the_board_is_judged_by_its_squares():
    on = lambda x, ts: draw(board_maps.BOARD, len(x), seeded(5))  # noqa: E731
    off, far = board_maps.judged(on, 1.0, n=2000)
    assert off == [0, 0, 0] and max(far) < 0.1
    moved = lambda x, ts: on(x, ts) + torch.tensor([2.0 * (len(ts) - 1), 0.0])  # noqa: E731
    off, far = board_maps.judged(moved, 1.0, n=2000)
    assert off[0] == 1 and far[0] < far[1] < far[2]


def test_a_map_is_followed_in_its_parts():
    exact = board_maps.ONE
    model = SimpleNamespace(flow_map=exact.flow_map)
    x, ts = torch.randn(9, 2, generator=seeded(1)), torch.linspace(0, 1, 5)
    torch.testing.assert_close(board_maps.along_map(model, x, ts), exact.flow_map(x, 0.0, 1.0))


def test_curvature_of_fields_that_are_known():
    """Straight lines: 0. And x' = x: E|x_0|² ∫ (e - 1 - e^t)² dt."""
    assert board_maps.curvature(lambda x, t: torch.ones_like(x), 1.0) < 1e-10
    e = math.e
    integral = (e - 1) ** 2 - 2 * (e - 1) ** 2 + (e**2 - 1) / 2
    squares = torch.randn(4000, 2, generator=seeded(9)).square().sum(1).mean().item()
    assert board_maps.curvature(lambda x, t: x, 1.0) == pytest.approx(squares * integral, rel=0.02)


def test_what_is_learned_starts_at_one_gaussian_and_gets_better():
    xs = board_maps.trajectories(500, seed=0)
    exact = average_velocity(board_maps.ONE.flow_map, board_maps.ONE.velocity)
    x = xs[0]
    torch.testing.assert_close(board_maps.untrained()(x, 0.0, 0.9), exact(x, 0.0, 0.9))
    ts = torch.tensor([0.0, board_maps.END])
    errors = [
        (board_maps.along_map(model, x, ts) - xs[-1]).square().mean()
        for model in (board_maps.untrained(), board_maps.regressed(xs, 0, 100))
    ]
    assert errors[1] < 0.6 * errors[0]


def test_straight_lines_are_learned_between_pairs_that_belong_together():
    """Pairs that are 2 apart: the field is 2 everywhere, and one step is enough."""
    noise = torch.randn(2000, 2, generator=seeded(2))
    field = board_maps.straightened(noise, noise + 2, 0, 60)
    with torch.no_grad():
        moved = board_maps.along_field(field, noise, torch.tensor([0.0, 1.0]))
    assert (moved - noise - 2).square().mean().sqrt() < 0.3


# digits


class Found:
    """A judge that says what it was given."""

    n = 20

    def __init__(self):
        self.images = []

    def __call__(self, images, y):
        self.images.append(images)
        assert images.shape == (20, 1, 28, 28) and torch.equal(y, torch.arange(20) % 10)
        return digits.Judgement(0.98, 30.0, 7.0 - 0.5 * len(self.images) / 100)


def test_every_limit_is_that_of_a_row(monkeypatch):
    monkeypatch.setattr(digits, "few_steps", lambda model, y, *_, **__: torch.zeros(len(y), 1, 28, 28))
    monkeypatch.setattr(digits, "distil", lambda *_, **__: None)
    judge = Found()
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    latent, _ = digits.load(digits.FINISHED, "cpu")
    student = few_steps.distilled(judge, model, 0, (1,))
    found = few_steps.pixels(judge, model, 1) | few_steps.latents(judge, latent, 1) | student.found[0]
    assert set(few_steps.LIMITS) <= set(found)
    assert len(found) == len(judge.images)
    held = {row.what: row.holds for row in few_steps.rows([found]) if row.must}
    assert len(held) == 8
    assert held[f"{few_steps.DISTILLED}, 1 evaluation(s): distance"]
    assert not held["exact draw at 0.3, midpoint, 2 evaluation(s): distance"]


def test_stretched_digits_are_those_with_more_of_the_network():
    model, _ = digits.load(digits.FINISHED_PIXELS, "cpu")
    x, t, y = torch.randn(3, 1, 28, 28, generator=seeded(4)), torch.tensor(0.6), torch.tensor([3, 0, 8])
    with torch.no_grad():
        known, whole, more = model.base(x, t, y), model(x, t, y), few_steps.stretched(model)(x, t, y)
    torch.testing.assert_close(more, known + 1.5 * (whole - known), rtol=1e-4, atol=1e-4)
