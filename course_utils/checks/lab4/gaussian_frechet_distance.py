"""Exercise 4.5: the Fréchet distance of two Gaussians, squared."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.checks.exercise import Mistake, exercise
from course_utils.checks.observers import Also, Number
from course_utils.checks.traits import Compared, Trait

__all__ = ["gaussian_frechet_distance"]


@exercise(
    "4.5",
    "Fréchet distance",
    points=3,
    sees=Also(Number(), "mean_b=mean_a", "cov_b=cov_a"),
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


def _basis_transposed(cov: Tensor) -> Tensor:
    eigenvalues, basis = torch.linalg.eigh(cov)
    return basis.T * eigenvalues.clamp(min=0).sqrt() @ basis


def _basis_on_one_side(cov: Tensor) -> Tensor:
    eigenvalues, basis = torch.linalg.eigh(cov)
    return basis * eigenvalues.clamp(min=0).sqrt()


def _of_the_product(roots: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The sum of what is made of the product's supposed eigenvalues."""
    return lambda cov_a, cov_b: roots(torch.linalg.eigvalsh(cov_a @ cov_b)).sum()


ROOTS = {
    "roots multiplied": (
        "the product of the two roots is not the root that is asked for, unless the covariances commute.",
        lambda cov_a, cov_b: (_root(cov_a) @ _root(cov_b)).trace(),
    ),
    "product taken for symmetric": (
        "the product of the covariances is not symmetric, but eigvalsh and eigh read one half of a matrix.",
        _of_the_product(lambda eigenvalues: eigenvalues.clamp(min=0).sqrt()),
    ),
    "absolute eigenvalues": (
        "the product of the covariances is not symmetric, but eigvalsh and eigh read one half of a matrix: hence the "
        "negative eigenvalues, of which you take absolute values.",
        _of_the_product(lambda eigenvalues: eigenvalues.abs().sqrt()),
    ),
    "basis transposed": (
        "the eigenvectors are the columns of the basis that eigh gives; in your root they are its rows.",
        lambda cov_a, cov_b: _root_trace(cov_a, cov_b, root=_basis_transposed),
    ),
    "basis on one side": (
        "the basis stands only on one side of the roots of the eigenvalues: the root has to be symmetric.",
        lambda cov_a, cov_b: _root_trace(cov_a, cov_b, root=_basis_on_one_side),
    ),
    "covariance for its root": (
        "the covariance stands on both sides where its root should: that squares it.",
        lambda cov_a, cov_b: _root_trace(cov_a, cov_b, root=lambda cov: cov),
    ),
    "second covariance forgotten": (
        "the first covariance stands in the middle of the product, too: the second belongs there.",
        lambda cov_a, cov_b: _root_trace(cov_a, cov_a),
    ),
    "no factor 2": (
        "equal Gaussians must have the distance 0; with yours the traces do not cancel. Count the roots.",
        lambda cov_a, cov_b: _root_trace(cov_a, cov_b) / 2,
    ),
    "factor 4": (
        "equal Gaussians must have the distance 0; yours is negative. Count the roots.",
        lambda cov_a, cov_b: 2 * _root_trace(cov_a, cov_b),
    ),
    "sign of the root": (
        "the last term is added: equal Gaussians must have the distance 0.",
        lambda cov_a, cov_b: -_root_trace(cov_a, cov_b),
    ),
    "no product": (
        "the root of the product of the covariances is missing.",
        lambda cov_a, cov_b: torch.zeros_like(cov_a[0, 0]),
    ),
    "no root": (
        "the product of the covariances is subtracted without its root: the units do not agree.",
        lambda cov_a, cov_b: (cov_a @ cov_b).trace(),
    ),
    "root of the trace": (
        "the root is taken of the trace of the product: first the root of the matrix, then the trace.",
        lambda cov_a, cov_b: (cov_a @ cov_b).trace().sqrt(),
    ),
    "root of the entries": (
        "the root is taken of each entry: the root of a matrix is the matrix whose product with itself it is.",
        lambda cov_a, cov_b: (cov_a @ cov_b).diagonal().sqrt().sum(),
    ),
}
"""What is put in the place of the trace of the product's root, by name, after the sentence."""

MEANS = {
    "mean gap not squared": (
        "the distance of the means is not squared: the other terms are variances, squares already.",
        lambda gap: torch.linalg.vector_norm(gap),
    ),
    "mean gap averaged": (
        "the squared gaps of the means are averaged over the features: they have to be summed.",
        lambda gap: gap.square().mean(),
    ),
    "means ignored": ("the means are not compared.", lambda gap: torch.zeros_like(gap[0])),
    "sum squared": (
        "the gaps of the means are summed before the square: each is squared on its own.",
        lambda gap: gap.sum().square(),
    ),
    "absolute gaps": ("the gaps of the means are added without a square.", lambda gap: gap.abs().sum()),
}
"""What is put in the place of the squared distance of the means, by name, after the sentence."""


def _with_root(root: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    return lambda mean_a, cov_a, mean_b, cov_b: _gap(mean_a, mean_b) + (cov_a + cov_b).trace() - 2 * root(cov_a, cov_b)


def _with_means(part: Callable[[Tensor], Tensor]) -> Callable:
    return lambda mean_a, cov_a, mean_b, cov_b: part(mean_a - mean_b) + _spread(cov_a, cov_b)


gaussian_frechet_distance.mistakes += [
    *(Mistake(name, _with_root(root), message) for name, (message, root) in ROOTS.items()),
    *(Mistake(name, _with_means(part), message) for name, (message, part) in MEANS.items()),
]


@gaussian_frechet_distance.mistake("the means are added: their difference is asked for.")
def means_added(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, -mean_b) + _spread(cov_a, cov_b)


@gaussian_frechet_distance.mistake("the means are multiplied with each other: their difference is asked for.")
def product_of_the_means(mean_a, cov_a, mean_b, cov_b):
    return mean_a @ mean_b + _spread(cov_a, cov_b)


@gaussian_frechet_distance.mistake("all entries of the covariances are summed: the trace takes those on the diagonal.")
def sum_for_trace(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a + cov_b).sum() - 2 * _root_trace(cov_a, cov_b)


@gaussian_frechet_distance.mistake(
    "only the diagonals of the covariances are used, as if the features were uncorrelated."
)
def variances_only(mean_a, cov_a, mean_b, cov_b):
    deviations = cov_a.diagonal().sqrt() - cov_b.diagonal().sqrt()
    return _gap(mean_a, mean_b) + deviations.square().sum()


@gaussian_frechet_distance.mistake(
    "this is the root of what is asked for: the Fréchet distance of images is quoted squared."
)
def root_of_the_whole(mean_a, cov_a, mean_b, cov_b):
    return (_gap(mean_a, mean_b) + _spread(cov_a, cov_b)).sqrt()


@gaussian_frechet_distance.mistake("the covariances are not compared.")
def covariances_ignored(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b)


@gaussian_frechet_distance.mistake("the trace of the second covariance is missing.")
def one_trace(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + _spread(cov_a, cov_b) - cov_b.trace()


@gaussian_frechet_distance.mistake("the trace of the second covariance is subtracted.")
def sign_of_a_trace(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + _spread(cov_a, cov_b) - 2 * cov_b.trace()


@gaussian_frechet_distance.mistake("the entries of the two covariances are compared, as if they were means.")
def entries_compared(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a - cov_b).square().sum()


@gaussian_frechet_distance.mistake("determinants stand where traces should.")
def determinants(mean_a, cov_a, mean_b, cov_b):
    product = (cov_a @ cov_b).det().clamp(min=0).sqrt()
    return _gap(mean_a, mean_b) + cov_a.det() + cov_b.det() - 2 * product


MAIN, EQUAL_MEANS, EQUAL_COVARIANCES = "result", "result for mean_b = mean_a", "result for cov_b = cov_a"


def _right(pair: Compared) -> list[str]:
    """Names of the right ones of the three numbers; the tolerance is that of the exercise."""
    return [name for name, value in pair.expected.items() if torch.isclose(pair.given[name], value, rtol=1e-6)]


def _means_right(pair: Compared) -> bool:
    """Whether the means add what they should, whatever the covariances do."""
    given, expected = (values[MAIN] - values[EQUAL_MEANS] for values in (pair.given, pair.expected))
    return bool(torch.isclose(given, expected, rtol=1e-6))


gaussian_frechet_distance.traits += [
    Trait(
        "root of a negative number",
        lambda pair: any(bool(value.isnan().any()) for value in pair.given.values()),
        "nan is the root of a negative number. Which number under a root of yours can be negative, if only because "
        "rounding makes one that should be 0 slightly negative?",
    ),
    Trait(
        "means",
        lambda pair: _right(pair) == [EQUAL_MEANS],
        "for equal means your distance is right. Look at the part with the means.",
    ),
    Trait(
        "unequal covariances",
        lambda pair: _right(pair) == [EQUAL_COVARIANCES],
        "for equal covariances your distance is right: the means enter as they should, and equal covariances cancel. "
        "Look at the root of the product of two different ones.",
    ),
    Trait(
        "covariances",
        _means_right,
        "the means enter as they should. Look at the part with the covariances: it has to vanish where they are equal.",
    ),
    Trait(
        "both parts",
        lambda pair: not _right(pair),
        "both parts are wrong, that with the means and that with the covariances: try your function with equal means, "
        "and then with equal covariances.",
    ),
]


@gaussian_frechet_distance.mistake(
    "the root of the product of the two traces is taken: first the root of the matrix, then its trace."
)
def traces_multiplied(mean_a, cov_a, mean_b, cov_b):
    return _gap(mean_a, mean_b) + (cov_a + cov_b).trace() - 2 * (cov_a.trace() * cov_b.trace()).sqrt()
