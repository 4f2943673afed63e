"""Figures of Lab 9: what is drawn is what was given, and bad input is refused."""

import pytest
import torch

from course_utils import figures
from course_utils.distributions import GaussianMixture
from course_utils.plotting.images import inked, tiled

MIXTURE = GaussianMixture(torch.tensor([[-2.0], [1.0]]), torch.tensor([[[0.25]], [[1.0]]]), torch.tensor([0.25, 0.75]))
PLACES = torch.linspace(-4, 4, 81)


def normal_density(x, mean, variance):
    return torch.exp(-((x - mean) ** 2) / (2 * variance)) / (2 * torch.pi * variance) ** 0.5


def test_the_density_of_a_mixture_is_a_weighted_sum():
    by_hand = 0.25 * normal_density(PLACES, -2, 0.25) + 0.75 * normal_density(PLACES, 1, 1.0)
    assert torch.allclose(figures.lab9.density_of(MIXTURE, PLACES), by_hand, atol=1e-6)


def test_tilts_are_drawn_with_their_means_and_weights():
    star = MIXTURE.tilted(torch.ones(1), lam=2.0)
    (ax,) = figures.lab9.tilts(MIXTURE, {"one": star}, PLACES).axes
    assert torch.allclose(torch.tensor(ax.lines[0].get_ydata()), figures.lab9.density_of(star, PLACES))
    before, after = ax.collections[1:]
    assert before.get_offsets()[:, 0].tolist() == [-2, 1]
    assert after.get_offsets()[:, 0].tolist() == pytest.approx([-2 + 0.25 / 2, 1 + 1 / 2])
    areas = torch.tensor(after.get_sizes()) / figures.lab9.LARGEST
    assert torch.allclose(areas.double(), star.weights.double(), atol=1e-6)
    with pytest.raises(ValueError, match="weights of one of shape"):
        figures.lab9.tilts(MIXTURE, {"one": GaussianMixture(torch.zeros(1, 1))}, PLACES)


def test_a_frontier_with_a_rival_below():
    kl, reward = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.0, 1.5, 2.0])
    rivals = {"best of n": ([0.2, 0.6], [0.5, 1.0])}
    (ax,) = figures.lab9.frontier(kl, reward, rivals, names={"best of n": ["2", "4"]}).axes
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[0, 0], [1, 1.5], [2, 2]], [[0.2, 0.5], [0.6, 1.0]]]
    assert [(text.get_text(), text.xy) for text in ax.texts] == [("2", (0.2, 0.5)), ("4", (0.6, 1.0))]
    assert ax.get_xlim()[1] > 0.6
    with pytest.raises(ValueError, match="2 words at best of n, got 1"):
        figures.lab9.frontier(kl, reward, rivals, names={"best of n": ["2"]})
    with pytest.raises(ValueError, match="2 rewards of best of n, got 1"):
        figures.lab9.frontier(kl, reward, {"best of n": ([0.2, 0.6], [0.5])})
    with pytest.raises(ValueError, match="at least one way"):
        figures.lab9.frontier(kl, reward, {})


def test_rewards_of_a_frontier_match_its_distances(unchecked):
    with pytest.raises(ValueError, match="rewards of the tilts of shape"):
        figures.lab9.frontier(torch.zeros(3), torch.zeros(2), {"best of n": ([0.2], [0.5])})


def test_resampling_shows_parts_points_and_counts():
    log_weights = torch.tensor([0.5, 0.125, 0.375]).log()
    (ax,) = figures.lab9.resampling(log_weights, 0.25).axes
    parts = torch.tensor([(bar.get_x(), bar.get_width()) for bar in ax.patches])
    assert torch.allclose(parts.T.float(), torch.tensor([[0, 0.5, 0.625], [0.5, 0.125, 0.375]]), atol=1e-6)
    assert ax.lines[0].get_xdata().tolist() == pytest.approx([1 / 12, 5 / 12, 9 / 12])
    assert [text.get_text() for text in ax.texts] == ["0", "2×", "1", "0×", "2", "1×"]


def test_crowds_have_a_row_a_way():
    found = {"d = 1": {"weights": (1.7, 0.1, 0.3), "push": (1.6, 0.01, None)}}
    (ax,) = figures.lab9.crowds(found, 1.78).axes
    assert ax.lines[0].get_xdata() == [1.78, 1.78]
    places = [line.lines[0].get_xydata()[0].tolist() for line in ax.containers]
    assert places == [[1.7, 0], [1.6, 1]]
    ends = [line.lines[2][0].get_segments()[0][:, 0].tolist() for line in ax.containers]
    assert ends == [pytest.approx([1.6, 1.8]), pytest.approx([1.59, 1.61])]
    assert [text.get_text() for text in ax.texts] == ["30%", "no weights"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["weights", "push"]
    with pytest.raises(ValueError, match="the rows weights, push, got weights"):
        figures.lab9.crowds(found | {"d = 4": {"weights": (1.7, 0.1, 0.3)}}, 1.78)
    with pytest.raises(ValueError, match="at least one panel"):
        figures.lab9.crowds({}, 1.78)


def test_rows_of_digits_with_words_at_both_sides():
    rows = {"before": torch.zeros(2, 4, 4), "after": torch.ones(2, 4, 4)}
    first, second = figures.lab9.hacked_digits(rows, {"before": "98%", "after": "10%"}).axes
    assert (torch.tensor(second.images[0].get_array()) == inked(tiled(rows["after"][None]))).all()
    assert [text.get_text() for text in first.texts] == ["before", "98%"]
    with pytest.raises(ValueError, match="verdicts on before, after"):
        figures.lab9.hacked_digits(rows, {"before": "98%"})
    with pytest.raises(ValueError, match="at least one row"):
        figures.lab9.hacked_digits({}, {})
