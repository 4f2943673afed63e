"""Metrics against scipy, torchmetrics and brute force."""

import warnings

import numpy as np
import pytest
import scipy.linalg
import scipy.stats
import torch

from course_utils import metrics
from course_utils.distributions import Checkerboard


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.double)


def test_off_support_counts_points_on_light_squares():
    dark, light = [[1.0, 1.0], [-1.0, -1.0], [3.0, 3.0]], [[1.0, -1.0], [9.0, 9.0]]
    board = Checkerboard()
    assert {board.log_prob(torch.tensor(dark)).isfinite().all().item()} == {True}
    assert metrics.off_support(board, torch.tensor(dark + light)) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="at least 1 sample"):
        metrics.off_support(board, torch.empty(0, 2))


@pytest.mark.parametrize("n, m", [(200, 200), (150, 331)])
def test_sliced_wasserstein_against_scipy(n, m):
    """The same directions, drawn again from the same seed, and scipy's distance along each."""
    x, y = normal(n, 3), 0.5 + 2 * normal(m, 3, seed=1)
    axes = normal(3, 40, seed=7)
    axes = (axes / axes.norm(dim=0)).numpy()
    expected = np.mean([scipy.stats.wasserstein_distance(x.numpy() @ a, y.numpy() @ a) for a in axes.T])
    assert metrics.sliced_wasserstein(x, y, 40, generator(7)) == pytest.approx(expected, rel=1e-10)


def test_sliced_wasserstein_of_a_shift_in_one_dimension():
    x = normal(50, 1)
    assert metrics.sliced_wasserstein(x, x + 3) == pytest.approx(3)
    assert metrics.sliced_wasserstein(x, x) == 0
    assert metrics.sliced_wasserstein(x.reshape(50, 1, 1), x.flip(0).reshape(50, 1, 1)) == 0


def test_sliced_wasserstein_bad_input():
    for x, y, directions in ((normal(5, 2), normal(5, 3), 4), (normal(5, 2), normal(5, 2), 0)):
        with pytest.raises(ValueError, match="events of one shape"):
            metrics.sliced_wasserstein(x, y, directions)
    with pytest.raises(ValueError, match="at least 1 sample"):
        metrics.sliced_wasserstein(torch.empty(0, 2), normal(5, 2))


def test_gaussian_frechet_distance_in_one_dimension():
    """Between N(a, s^2) and N(b, r^2): (a - b)^2 + (s - r)^2."""
    a, b, s, r = 0.3, -1.2, 0.7, 2.0
    tensors = [torch.tensor(v) for v in ([a], [[s**2]], [b], [[r**2]])]
    assert metrics.gaussian_frechet_distance(*tensors) == pytest.approx((a - b) ** 2 + (s - r) ** 2, rel=1e-6)
    x, y = normal(50, 1), 2 + 3 * normal(70, 1, seed=1)
    expected = (x.mean() - y.mean()) ** 2 + (x.std() - y.std()) ** 2
    assert metrics.frechet_distance(x, y) == pytest.approx(expected.item())


@pytest.mark.parametrize("rank", [6, 3])
def test_frechet_distance_against_scipy(rank):
    """Full and singular covariances, with scipy's matrix root."""
    a, b = normal(80, rank) @ normal(rank, 6, seed=1), 0.3 + normal(90, rank, seed=2) @ normal(rank, 6, seed=3)
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy says that the matrix is singular
        root = scipy.linalg.sqrtm(cov_a @ cov_b)
    shift = a.numpy().mean(0) - b.numpy().mean(0)
    expected = shift @ shift + np.trace(cov_a + cov_b - 2 * root.real)
    tolerance = 1e-9 if rank == 6 else 1e-5 * np.trace(cov_a)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, abs=tolerance)


def test_frechet_distance_against_torchmetrics():
    from torchmetrics.image.fid import _compute_fid

    a, b = normal(300, 5), 0.4 + 1.5 * normal(200, 5, seed=1)
    expected = _compute_fid(a.mean(0), a.T.cov(), b.mean(0), b.T.cov()).item()
    assert metrics.frechet_distance(a.float(), b.float()) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_is_zero_for_the_same_features_even_if_singular():
    a = normal(40, 3) @ normal(3, 20, seed=1)
    assert metrics.frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-5)


def test_frechet_distance_to_weighted_features():
    """Whole weights count as repeated rows, but for the correction of the covariance, which equal ones share."""
    a, b = normal(40, 3), normal(30, 3, seed=1) + 0.5
    counts = torch.arange(30) % 4
    repeated = b.repeat_interleave(counts, dim=0)
    shares = counts / counts.sum()
    wider = 1 / (1 - shares.square().sum())  # of one row a point, from a divisor of n
    expected = metrics.gaussian_frechet_distance(
        a.mean(0), a.T.cov(), repeated.mean(0), repeated.T.cov(correction=0) * wider
    )
    assert metrics.frechet_distance(a, b, counts.double()) == pytest.approx(expected)
    assert metrics.frechet_distance(a, b, torch.full((30,), 7.0)) == pytest.approx(metrics.frechet_distance(a, b))


@pytest.mark.parametrize(
    "weights", [torch.ones(29), torch.zeros(30), torch.eye(30)[3], -torch.ones(30), torch.full((30,), torch.nan)]
)
def test_frechet_distance_with_bad_weights(weights, unchecked):
    with pytest.raises(ValueError, match="expected 30 finite weights"):
        metrics.frechet_distance(normal(40, 3), normal(30, 3, seed=1), weights)


def test_frechet_distance_bad_input():
    with pytest.raises(ValueError, match="at least 2 sample"):
        metrics.frechet_distance(normal(1, 3), normal(5, 3))
    with pytest.raises(ValueError, match="as many features"):
        metrics.frechet_distance(normal(5, 4), normal(5, 3))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_nearest_neighbours_against_brute_force(chunk):
    x, data = 5 + normal(20, 1, 4, 3), 5 + normal(60, 1, 4, 3, seed=1)
    table = scipy.spatial.distance.cdist(x.flatten(1).numpy(), data.flatten(1).numpy())
    distance, index = metrics.nearest_neighbours(x, data, chunk)
    np.testing.assert_array_equal(index.numpy(), table.argmin(1))
    np.testing.assert_allclose(distance.numpy(), table.min(1), rtol=1e-12)


def test_nearest_neighbour_of_a_data_point_is_itself():
    data = 100 + normal(30, 50).float()
    distance, index = metrics.nearest_neighbours(data, data)
    assert torch.equal(index, torch.arange(30)) and (distance == 0).all()


def test_nearest_neighbours_bad_input():
    with pytest.raises(ValueError, match="events of one shape"):
        metrics.nearest_neighbours(normal(3, 2), normal(3, 4))
    with pytest.raises(ValueError, match="at least 1 sample"):
        metrics.nearest_neighbours(normal(3, 2), normal(0, 2))


def test_label_accuracy_counts():
    def classifier(images):
        return images.mean((1, 2, 3))[:, None] == torch.arange(10)

    asked = torch.arange(10).repeat(250)
    images = asked.float().reshape(-1, 1, 1, 1).expand(-1, 1, 28, 28)
    wrong = asked.clone()
    wrong[:100] = (wrong[:100] + 1) % 10
    model = lambda x: classifier(x).float()  # noqa: E731
    assert metrics.label_accuracy(model, images, asked) == 1
    assert metrics.label_accuracy(model, images, wrong) == pytest.approx(2400 / 2500)
    with pytest.raises(ValueError, match="one label an image"):
        metrics.label_accuracy(model, images, asked[:5])


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_in_chunks_is_the_function(chunk):
    x = normal(7, 2).requires_grad_()
    found = metrics.in_chunks(torch.square, x, chunk)
    assert torch.equal(found, x.square()) and not found.requires_grad


@pytest.mark.parametrize("chunk", [0, -1])
def test_a_chunk_is_at_least_a_row(chunk):
    with pytest.raises(ValueError, match=f"at least 1 row, got {chunk}"):
        metrics.in_chunks(torch.square, normal(7, 2), chunk)


# Flow maps


def test_map_errors_are_those_of_every_start_and_end():
    ts = torch.tensor([0.0, 0.25, 1.0])
    xs = (
        torch.randn(1, 50, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 4.0])[:, None, None]
    )
    errors = metrics.map_errors(lambda x, s, t: x * (t - s) * 4, ts, xs)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        wrong = xs[i] * (ts[j] - ts[i]) * 4 - xs[j]
        assert errors[i, j].item() == pytest.approx(wrong.pow(2).mean().item() ** 0.5, rel=1e-5)
    assert errors.isnan().sum() == 6 and errors.tril().isnan().sum() == 6
    exact = metrics.map_errors(lambda x, s, t: x * 2 ** (t > s) * 2 ** ((t == 1) & (s == 0)), ts, xs)
    assert exact[0, 1] == exact[1, 2] == exact[0, 2] == 0


def test_map_errors_ask_for_places_at_increasing_times(unchecked):
    xs = torch.zeros(2, 5, 1)
    for ts in (torch.tensor([0.0]), torch.tensor([0.0, 0.5, 1.0]), torch.tensor([1.0, 0.0])):
        with pytest.raises(ValueError, match="places at each of at least two increasing times"):
            metrics.map_errors(lambda x, s, t: x, ts, xs)
    with pytest.raises(ValueError, match=r"places of shape \(5, 1\) of the map, got \(5,\)"):
        metrics.map_errors(lambda x, s, t: x[:, 0], torch.tensor([0.0, 1.0]), xs)
