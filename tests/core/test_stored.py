"""Mixtures as named tensors, and back."""

import pytest
import torch

from course_utils.distributions import fit_class_mixtures, mixtures_from, tensors_of


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mixtures(rank: int = 3, d: int = 6):
    points = torch.randn(80, d, generator=seeded()) @ torch.randn(d, d, generator=seeded(1))
    return fit_class_mixtures(points, torch.arange(80) % 2, components=3, rank=rank, generator=seeded(2))


@pytest.mark.parametrize("rank", [3, 6])
@pytest.mark.parametrize("dtype, error", [(torch.float32, 1e-4), (torch.float16, 0.02)])
def test_there_and_back(rank, dtype, error):
    """The same densities and posteriors, but for rounding."""
    made = mixtures(rank)
    again = mixtures_from({name: tensor.to(dtype) for name, tensor in tensors_of(made).items()})
    assert list(again) == [0, 1, None]
    x = torch.randn(50, 6, generator=seeded(3))
    for label, mixture in made.items():
        torch.testing.assert_close(again[label].log_prob(x), mixture.log_prob(x), atol=10 * error, rtol=error)
        alpha, beta = torch.tensor(0.7), torch.tensor(0.3)
        ours, expected = again[label].posterior(x, alpha, beta), mixture.posterior(x, alpha, beta)
        torch.testing.assert_close(ours.data, expected.data, atol=20 * error, rtol=error)
        torch.testing.assert_close(again[label].top.covs, mixture.top.covs, atol=10 * error, rtol=error)


def test_rounded_covariances_are_covariances():
    """Half precision would make some negative if they were kept as they are."""
    made = mixtures(6)
    for mixture in mixtures_from({name: tensor.half() for name, tensor in tensors_of(made).items()}).values():
        assert (torch.linalg.eigvalsh(mixture.top.covs.double()) > 0).all()


def test_tensors_that_do_not_fit():
    tensors = tensors_of(mixtures())
    for name in ("0.means", "null.rest"):
        with pytest.raises(ValueError, match=f"got none of {name}"):
            mixtures_from({key: value for key, value in tensors.items() if key != name})
    with pytest.raises(ValueError, match=r"expected roots of shape \(3, 6\)"):
        mixtures_from(tensors | {"0.roots": torch.zeros(3, 5)})
