"""The mixture in principal directions against the same mixture written out in full, and its fit against NumPy."""

import numpy as np
import pytest
import torch

from course_utils.data import mnist
from course_utils.distributions import GaussianMixture, PCAMixture, fit_class_mixtures
from course_utils.distributions.clusters import k_means
from course_utils.paths import GaussianPath, marginal

D, RANK, K = 6, 3, 4
EVENT = (1, 2, 3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=torch.double)


def random_mixture(m=5):
    """A PCAMixture with m directions and the GaussianMixture that is the same, its covariances built in full."""
    centre, basis = normal(*EVENT), torch.linalg.qr(normal(D, D, seed=1))[0]
    factors, variances, rest = normal(K, RANK, RANK, seed=2), torch.tensor([0.3, 0.1, 0.05]).double()[: m - RANK], 0.02
    covs, weights = factors @ factors.mT, torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    top = GaussianMixture(normal(K, RANK, seed=3), covs, weights)
    full = rest * torch.eye(D).double().repeat(K, 1, 1)
    full[:, :RANK, :RANK], full[:, RANK:m, RANK:m] = covs, variances.diag()
    means = centre.flatten() + top.means @ basis[:, :RANK].T
    return PCAMixture(centre, basis[:, :m], top, variances, rest), GaussianMixture(
        means.reshape(K, *EVENT), basis @ full @ basis.T, weights
    )


@pytest.mark.parametrize("m", [RANK, 5, D])
@pytest.mark.parametrize("t", [0.0, 0.4, 1.0, torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0])])
def test_posterior_is_that_of_the_full_mixture(t, m):
    mixture, full = random_mixture(m)
    x = 2 * normal(5, *EVENT, seed=4)
    at = torch.as_tensor(t).double()
    alpha = at.reshape(-1, 1, 1, 1) if at.ndim else at
    factors = alpha, 1 - alpha
    for ours, expected in zip(mixture.posterior(x, *factors), full.posterior(x, *factors), strict=True):
        torch.testing.assert_close(ours, expected)
    torch.testing.assert_close(mixture.noisy_log_prob(x, *factors), full.noisy_log_prob(x, *factors))


def test_density_against_torch():
    mixture, full = random_mixture()
    x = 2 * normal(5, *EVENT, seed=4)
    components = torch.distributions.MultivariateNormal(full.means, full.covs)
    choice = torch.distributions.Categorical(full.weights)
    peer = torch.distributions.MixtureSameFamily(choice, components)
    torch.testing.assert_close(mixture.log_prob(x), peer.log_prob(x.flatten(1)))
    torch.testing.assert_close(mixture.mean.flatten(), peer.mean)


def test_samples_have_its_mean_and_covariance():
    """Each entry of mean and covariance within 5 standard errors, those estimated from the samples' products."""
    mixture, full = random_mixture()
    n = 40_000
    z = mixture.draw(n, generator(1))
    assert z.shape == (n, *EVENT)
    centred = z.flatten(1) - full.mean.flatten()
    means = full.means - full.mean.flatten()
    covariance = torch.einsum("k,kij->ij", full.weights, full.covs + means[:, :, None] * means[:, None])
    assert (centred.mean(0).abs() < 5 * (covariance.diagonal() / n).sqrt()).all()
    products = centred[:, :, None] * centred[:, None]
    assert ((products.mean(0) - covariance).abs() < 5 * products.std(0) / n**0.5).all()
    assert torch.equal(z, mixture.draw(n, generator(1)))


def test_it_can_be_the_data_of_a_path():
    """Velocity by the full mixture, at both ends of time, and through the labels of a mapping."""
    mixture, full = random_mixture()
    assert not mixture.singular
    x = normal(4, *EVENT, seed=5)
    ours, exact = marginal(GaussianPath(), {0: mixture, None: mixture}), marginal(GaussianPath(), full)
    for t in (0.0, 0.5, 1.0):
        t = torch.tensor(t).double()
        torch.testing.assert_close(ours.velocity(x, t, torch.tensor([0, 1, 0, 1])), exact.velocity(x, t))


def test_spectrum_averages_the_components():
    mixture, full = random_mixture()
    within = torch.einsum("k,kij->ij", full.weights, full.covs)
    assert mixture.spectrum.shape == (D,)
    torch.testing.assert_close(mixture.spectrum.sum(), within.trace())


def test_one_component_is_the_gaussian_of_the_data():
    """Mean and covariance of the data, by NumPy, when the floor is negligible."""
    data = (normal(500, D) @ normal(D, D, seed=1) + 3).reshape(500, *EVENT)
    mixture = PCAMixture.fit(data, components=1, rank=RANK, floor=1e-12)
    flat = data.flatten(1).numpy()
    np.testing.assert_allclose(mixture.mean.flatten().numpy(), flat.mean(0))
    covariance = mixture.basis[:, :RANK] @ mixture.top.covs[0] @ mixture.basis[:, :RANK].T
    covariance += mixture.basis[:, RANK:] @ mixture.variances.diag() @ mixture.basis[:, RANK:].T
    assert mixture.basis.shape == (D, D)
    np.testing.assert_allclose(covariance.numpy(), np.cov(flat.T, bias=True), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("shrinkage, least", [(0.0, 1e-9), (2.0, 1e-9), (0.0, 0.1)])
def test_clusters_far_apart_are_found_with_their_own_covariances(shrinkage, least):
    """Three blobs: each component's weight, mean and covariance by NumPy from its own points."""
    sizes, dim = (100, 200, 300), 3
    places = 100 * torch.eye(3).double()
    blobs = [p + normal(n, dim, seed=n) * s for p, n, s in zip(places, sizes, (0.5, 1.0, 2.0), strict=True)]
    data = torch.cat(blobs)
    mixture = PCAMixture.fit(data, 3, dim, shrinkage=shrinkage, floor=least, generator=generator())
    ridge = least * np.trace(np.cov(data.numpy().T, bias=True)) / dim
    average = sum(n * np.cov(b.numpy().T, bias=True) for n, b in zip(sizes, blobs, strict=True)) / 600
    means = mixture.centre + mixture.top.means @ mixture.basis.T
    for n, blob in zip(sizes, blobs, strict=True):
        k = (means - blob.mean(0)).norm(dim=1).argmin()
        np.testing.assert_allclose(means[k].numpy(), blob.mean(0).numpy())
        assert mixture.top.weights[k].item() == pytest.approx(n / 600)
        prior = shrinkage * dim
        expected = (n * np.cov(blob.numpy().T, bias=True) + prior * average) / (n + prior) + ridge * np.eye(dim)
        found = mixture.basis @ mixture.top.covs[k] @ mixture.basis.T
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-8 + 1e-6 * ridge)


def test_k_means_ends_where_centres_are_means_of_their_points():
    points = normal(400, 2)
    centres, nearest = k_means(points, 5, iterations=200, generator=generator())
    table = torch.cdist(points, centres)
    assert torch.equal(nearest, table.argmin(1))
    torch.testing.assert_close(centres, torch.stack([points[nearest == k].mean(0) for k in range(5)]))


def test_more_clusters_than_different_points():
    points = torch.tensor([[0.0], [1.0]]).double().repeat(5, 1)
    mixture = PCAMixture.fit(points, components=4, rank=1, generator=generator())
    assert mixture.log_prob(points).isfinite().all()
    assert mixture.top.weights.max() == pytest.approx(0.5)


@pytest.fixture(scope="module")
def digits():
    return mnist("train", source="offline")


def test_class_mixtures_of_real_digits(digits):
    """A held-out digit, at half the size and with noise, is most likely under its own label's mixture, mostly."""
    small = torch.nn.functional.avg_pool2d(digits.images, 2)
    images, labels = small[:4000], digits.labels[:4000]
    mixtures = fit_class_mixtures(images, labels, components=4, null_components=8, rank=32, generator=generator())
    assert list(mixtures) == [*range(10), None]
    assert len(mixtures[3].top.weights) == 4 and len(mixtures[None].top.weights) == 8
    held_out = slice(4000, 4300)
    noisy = small[held_out] + 0.5 * torch.randn(300, 1, 14, 14, generator=generator())
    one, half = torch.tensor(1.0), torch.tensor(0.5)
    density = torch.stack([mixtures[y].noisy_log_prob(noisy, one, half) for y in range(10)], 1)
    assert (density.argmax(1) == digits.labels[held_out]).double().mean() > 0.85
    again = fit_class_mixtures(images, labels, components=4, null_components=8, rank=32, generator=generator())
    assert torch.equal(again[7].top.means, mixtures[7].top.means)


def test_constant_pixels_do_no_harm(digits):
    """Pixels that never change make the covariance singular; the floor keeps every variance positive."""
    images = digits.images[digits.labels == 1]
    assert (images.std(0) == 0).any()
    mixture = PCAMixture.fit(images, components=2, rank=16, generator=generator())
    least = 1e-3 * images.flatten(1).var(0, correction=0).mean()
    assert mixture.rest.item() == pytest.approx(least.item(), rel=1e-3)
    assert (mixture.variances > mixture.rest).all() and mixture.basis.shape[1] == 16 + len(mixture.variances) < 784
    flat = images.flatten(1).double().numpy()
    expected = np.linalg.eigvalsh(np.cov(flat.T, bias=True))[::-1][16 : mixture.basis.shape[1] + 1]
    np.testing.assert_allclose(mixture.variances.numpy(), expected[:-1], rtol=1e-2)
    assert expected[-1] <= 1.001 * least.item()  # all further directions
    assert mixture.log_prob(images[:10]).isfinite().all() and mixture.draw(3).isfinite().all()


def test_bad_input():
    data = normal(10, *EVENT)
    for options in ({"components": 11}, {"components": 0}, {"rank": 0}, {"rank": 7}):
        with pytest.raises(ValueError, match="10 components and a rank of 1 to 6"):
            PCAMixture.fit(data, **({"components": 2, "rank": 3} | options))
    with pytest.raises(ValueError, match="that vary"):
        PCAMixture.fit(torch.ones(10, 2), 1, 1)
    with pytest.raises(ValueError, match="at least 4 images of label 1, got 2"):
        fit_class_mixtures(data, torch.tensor([0] * 8 + [1] * 2), components=4, rank=2)
    with pytest.raises(ValueError, match="one label an image"):
        fit_class_mixtures(data, torch.tensor([0]))

    mixture, _ = random_mixture()
    good = {name: getattr(mixture, name) for name in ("centre", "basis", "top", "variances", "rest")}
    for change, message in (
        ({"basis": mixture.basis[:, :4]}, r"basis of shape \(6, 5\)"),
        ({"basis": 2 * mixture.basis}, "orthonormal"),
        ({"variances": mixture.variances[:1]}, r"basis of shape \(6, 4\)"),
        ({"variances": mixture.variances.repeat(2), "basis": torch.eye(7)[:6].double()}, "at most 6"),
        ({"variances": 0 * mixture.variances}, "positive variances"),
        ({"rest": 0.0}, "positive variances"),
    ):
        with pytest.raises(ValueError, match=message):
            PCAMixture(**(good | change))


@pytest.mark.parametrize("t", [0.0, 0.3, 0.499, 0.501, 0.9, 0.99, 1.0])
def test_single_precision_keeps_the_field_of_digits_to_four_digits(digits, t):
    """Also where the mean of the data follows from that of little noise, and the other way round."""
    single = PCAMixture.fit(digits.images[digits.labels == 5], rank=32, generator=generator())
    double, at = single.to(torch.double), torch.tensor(t)
    z, noise = digits.images[:20], torch.randn(20, 1, 28, 28, generator=generator())
    x = GaussianPath().sample(z, at, noise).x
    found, expected = (marginal(GaussianPath(), mixture) for mixture in (single, double))
    u = expected.velocity(x.double(), at.double())
    assert (found.velocity(x, at).double() - u).abs().max() < 2e-4 * u.square().mean().sqrt()
    log_p = expected.log_prob(x.double(), at.double())
    assert (found.log_prob(x, at).double() - log_p).abs().max() < 1e-5 * 784
