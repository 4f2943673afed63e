"""Exercise 4.5: the Fréchet distance of two Gaussians, squared."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import exercise
from course_utils.checks.observers import Number

__all__ = ["gaussian_frechet_distance"]


@exercise(
    "4.5",
    "Fréchet distance",
    points=3,
    sees=Number(),
    rtol=1e-6,
    why="roots of singular matrices: rounding errors of 1e-16 in an eigenvalue become 1e-8 in its root",
)
def gaussian_frechet_distance(mean_a, cov_a, mean_b, cov_b):
    from scipy.linalg import sqrtm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a singular covariance: sqrtm says that it may be inaccurate
        root = sqrtm(cov_a.numpy().dot(cov_b.numpy())).real
    return torch.dist(mean_a, mean_b) ** 2 + (cov_a + cov_b).trace() - 2 * root.trace()


@gaussian_frechet_distance.inputs
def _(normal):
    product = torch.tensor([-1.0])
    while (product < 0).any():  # else the root of its entries, a mistake, would be nan
        a = normal(4, 2 if normal.seed % 3 == 2 else 7)  # two columns: a singular covariance
        b = normal(4, 2 if normal.seed % 3 == 1 else 7)
        cov_a, cov_b = a @ a.T / 7, b @ b.T / 7
        product = (cov_a @ cov_b).diagonal()
    return {"mean_a": normal(4), "cov_a": cov_a, "mean_b": normal(4), "cov_b": cov_b}


def _root(cov: Tensor) -> Tensor:
    eigenvalues, basis = torch.linalg.eigh(cov)
    return basis * eigenvalues.clamp(min=0).sqrt() @ basis.T


def _gap(mean_a: Tensor, mean_b: Tensor) -> Tensor:
    return (mean_a - mean_b).square().sum()


def _root_trace(cov_a: Tensor, cov_b: Tensor, root: Callable[[Tensor], Tensor] = _root) -> Tensor:
    """Trace of the root of the product of two covariances."""
    half = root(cov_a)
    return torch.linalg.eigvalsh(half @ cov_b @ half).clamp(min=0).sqrt().sum()


def _spread(cov_a: Tensor, cov_b: Tensor) -> Tensor:
    """The part of the distance that the covariances make."""
    return (cov_a + cov_b).trace() - 2 * _root_trace(cov_a, cov_b)


@gaussian_frechet_distance.mistake(
    "the product of the two roots is not the root that is asked for, unless the covariances commute."
)
def roots_multiplied(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a + cov_b - 2 * _root(cov_a) @ _root(cov_b)).trace()


@gaussian_frechet_distance.mistake(
    "nan is the root of a negative number: rounding makes eigenvalues that should be 0 slightly negative."
)
def root_of_a_negative_number(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + _spread(cov_a, cov_b) + cov_a.new_tensor(-1e-16).sqrt()


@gaussian_frechet_distance.mistake(
    "the product of the covariances is not symmetric, but eigvalsh and eigh read one half of a matrix."
)
def product_taken_for_symmetric(mean_a, cov_a, mean_b, cov_b):
    roots = torch.linalg.eigvalsh(cov_a @ cov_b).clamp(min=0).sqrt()
    return _gap(mean_a, mean_b) + (cov_a + cov_b).trace() - 2 * roots.sum()


@gaussian_frechet_distance.mistake(
    "the eigenvectors are the columns of the basis that eigh gives; in your root they are its rows."
)
def basis_transposed(mean_a, cov_a, mean_b, cov_b):
    def transposed(cov):
        eigenvalues, basis = torch.linalg.eigh(cov)
        return basis.T * eigenvalues.clamp(min=0).sqrt() @ basis

    return _gap(mean_a, mean_b) + (cov_a + cov_b).trace() - 2 * _root_trace(cov_a, cov_b, root=transposed)


@gaussian_frechet_distance.mistake(
    "equal Gaussians must have the distance 0; with yours the traces do not cancel. Count the roots."
)
def no_factor_2(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a + cov_b).trace() - _root_trace(cov_a, cov_b)


@gaussian_frechet_distance.mistake(
    "the product of the covariances is subtracted without its root: the units do not agree."
)
def no_root(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a + cov_b - 2 * cov_a @ cov_b).trace()


@gaussian_frechet_distance.mistake(
    "only the diagonals of the covariances are used, as if the features were uncorrelated."
)
def variances_only(mean_a, cov_a, mean_b, cov_b):
    deviations = cov_a.diagonal().sqrt() - cov_b.diagonal().sqrt()
    return _gap(mean_a, mean_b) + deviations.square().sum()


@gaussian_frechet_distance.mistake(
    "the root is taken of each entry: the root of a matrix is the matrix whose product with itself it is."
)
def root_of_the_entries(mean_a, cov_a, mean_b, cov_b):
    roots = (cov_a @ cov_b).diagonal().sqrt()
    return _gap(mean_a, mean_b) + (cov_a + cov_b).trace() - 2 * roots.sum()


@gaussian_frechet_distance.mistake(
    "the distance of the means is not squared: the other terms are variances, squares already."
)
def mean_gap_not_squared(mean_a, cov_a, mean_b, cov_b):
    return torch.linalg.vector_norm(mean_a - mean_b) + _spread(cov_a, cov_b)


@gaussian_frechet_distance.mistake(
    "the squared gaps of the means are averaged over the features: they have to be summed."
)
def mean_gap_averaged(mean_a, cov_a, mean_b, cov_b):
    return (mean_a - mean_b).square().mean() + _spread(cov_a, cov_b)


@gaussian_frechet_distance.mistake("the means are not compared.")
def means_ignored(mean_a, cov_a, mean_b, cov_b):
    return _spread(cov_a, cov_b)


@gaussian_frechet_distance.mistake("all entries of the covariances are summed: the trace takes those on the diagonal.")
def sum_for_trace(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a + cov_b).sum() - 2 * _root_trace(cov_a, cov_b)


@gaussian_frechet_distance.mistake(
    "this is the root of what is asked for: the Fréchet distance of images is quoted squared."
)
def root_of_the_whole(mean_a, cov_a, mean_b, cov_b):
    return (_gap(mean_a, mean_b) + _spread(cov_a, cov_b)).sqrt()
