"""The contest's counting and rules: what an evaluation is, what is an answer, what qualifies."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from course_utils import contest
from course_utils.contest.rules import ROWS, check_images, labels_of
from course_utils.networks import MLP

GOOD = contest.Score("mine", 2.0, 0.98, (5.4, 5.6, 5.8), 0.5, 0.97, 0.0, work=2.2)


class Wrapped(nn.Module):
    """A network in another, as `Residual` and `Guided` wrap theirs."""

    def __init__(self, net: nn.Module, times: int = 1):
        super().__init__()
        self.net = net
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return sum(self.net(x, 0.5) for _ in range(self.times))


def rows(act) -> tuple[int, int]:
    """Rows and rows of training while something is done."""
    with contest.Count() as count:
        act()
    return count.rows, count.training_rows


# Counting


@pytest.fixture
def net() -> MLP:
    return MLP(2, hidden=4)


@torch.no_grad()
def test_rows_are_counted_once_a_network_however_it_is_wrapped(net: MLP):
    x = torch.zeros(7, 2)
    assert rows(lambda: net(x, 0.5))[0] == 7
    assert rows(lambda: Wrapped(net)(x))[0] == 7
    assert rows(lambda: Wrapped(Wrapped(net).net)(x))[0] == 7
    assert rows(lambda: (net(x, 0.5), net(x, 1.0)))[0] == 14
    assert rows(lambda: net(torch.cat([x, x]), 0.5))[0] == 14  # guidance in one batch of twice the size


@torch.no_grad()
def test_what_has_no_parameters_is_no_evaluation():
    assert rows(lambda: nn.SiLU()(torch.zeros(7, 2))) == (0, 0)
    assert rows(lambda: torch.zeros(7, 2) @ torch.zeros(2, 2)) == (0, 0)


def test_a_row_that_waits_for_gradients_counts_three_in_training(net: MLP):
    assert rows(lambda: net(torch.zeros(5, 2), 0.5)) == (5, 15)
    with torch.no_grad():
        assert rows(lambda: net(torch.zeros(5, 2), 0.5)) == (5, 5)


@torch.no_grad()
def test_a_call_that_fails_leaves_the_count_in_order(net: MLP):
    with contest.Count() as count:
        with pytest.raises(RuntimeError):
            nn.Sequential(nn.Linear(3, 3))(torch.zeros(5, 2))
        net(torch.zeros(4, 2), 0.5)
    assert count.rows == 5 + 4


@torch.no_grad()
def test_nothing_is_counted_afterwards(net: MLP):
    with contest.Count() as count:
        net(torch.zeros(4, 2), 0.5)
    net(torch.zeros(4, 2), 0.5)
    assert count.rows == 4


def test_evaluations_are_an_image():
    count = contest.Count()
    count.rows = 30
    assert count.evaluations(20) == 1.5
    with pytest.raises(ValueError, match="expected at least one image, got 0"):
        count.evaluations(0)


# Rules


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (None, "expected a tensor of floating-point numbers from `sample`, got NoneType"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "got a tensor of torch.uint8"),
        (torch.zeros(2, 28, 28), r"expected images of shape \(2, 1, 28, 28\) from `sample`, got \(2, 28, 28\)"),
        (torch.zeros(3, 1, 28, 28), r"got \(3, 1, 28, 28\)"),
        (torch.full((2, 1, 28, 28), float("nan")), "got 1568 that are NaN or infinite"),
        (torch.full((2, 1, 28, 28), -1.001), r"expected numbers from -1 to 1 \(clamp them\), got -1.001 to -1.001"),
    ],
)
def test_what_is_no_answer_is_refused(images: object, said: str):
    with pytest.raises(ValueError, match=said):
        check_images(images, 2)


def test_rounding_is_no_fault():
    images = torch.full((2, 1, 28, 28), 1 + 1e-6)
    assert check_images(images, 2) is images


def test_bytes_are_those_of_images_and_back():
    pixels = torch.arange(256).to(torch.uint8).reshape(1, 1, 16, 16).repeat(1, 1, 7, 7)[..., :28, :28]
    assert contest.as_bytes(contest.as_images(pixels)).equal(pixels)
    assert contest.as_images(pixels).min() >= -1 and contest.as_images(pixels).max() <= 1


def test_every_digit_is_asked_for_equally_often():
    assert labels_of(ROWS).bincount().tolist() == [ROWS // 10] * 10


@pytest.mark.parametrize(
    ("evaluations", "work", "league"),
    [(1, 1.5, 1), (1, 1.51, 2), (1.01, 1.2, 2), (2, 2.2, 2), (0, 4.5, 4), (4, 4.4, 4), (4.1, 4.4, None), (0, 5, None)],
)
def test_a_league_bounds_evaluations_by_hooks_and_work(evaluations: float, work: float, league: float | None):
    """Whichever says more: what hooks do not see is work, too."""
    assert replace(GOOD, evaluations=evaluations, work=work).league() == league


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"evaluations": 8.0}, "expected at most 4 evaluations and a work of 4.5, got 8.00 and a work of 2.20"),
        ({"accuracy": 0.9696}, "expected 97% of the labels right, got 96.96%"),
        ({"milliseconds": 2.5}, "expected at most 2 CPU-ms an image, got 2.50"),
        ({"nearest": 0.2}, "expected at least 0.5 of real digits' distance to training digits, got 0.20"),
        ({"twins": 0.3}, "expected at most 10% of images that return under other noise, got 30%"),
    ],
)
def test_each_rule_has_a_fault_of_its_own(changed: dict, said: str):
    assert GOOD.faults() == []
    assert replace(GOOD, **changed).faults() == [said]


def test_the_error_is_that_of_the_mean():
    assert GOOD.distance == pytest.approx(5.6)
    assert GOOD.error == pytest.approx(0.2 / 3**0.5)
    assert replace(GOOD, distances=(5.0,)).error == float("inf")


def test_a_row_has_as_many_cells_as_its_head():
    head, rule = contest.judging.HEADER.split("\n")
    assert GOOD.row().count("|") == head.count("|") == rule.count("|")
    assert "qualifies at 2" in GOOD.row()
