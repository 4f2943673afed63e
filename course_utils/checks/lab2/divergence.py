"""Exercise 2.5: the divergence of a field, one number a state, by automatic differentiation."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import states, times_with_ends
from course_utils.checks.mistakes import pairs

__all__ = ["divergence"]


@exercise(
    "2.5", "Divergence", points=3, single=1e-4, why="float64; the derivatives of polynomials are exact to rounding"
)
def divergence(field, x, t):
    q = field.quadratic
    slopes = torch.einsum("iik->k", q) + torch.einsum("iki->k", q)
    return (1 + t) * (x @ slopes) + field.matrix.trace()


@divergence.inputs
def _(normal):
    batch, d = ((1, 2), (5, 4), (5, 3), (5, 1))[normal.seed % 4]
    field = {"family": "polynomial field", "quadratic": normal(d, d, d), "matrix": normal(d, d)}
    return {"field": field, "x": states(normal, batch, d), "t": times_with_ends(normal, batch)}


def _jacobian(field, x, t):
    """du_i / dx_j of every state, shape (batch, d, d)."""
    q = field.quadratic + field.quadratic.mT
    return (1 + t)[:, None, None] * torch.einsum("ijk,bk->bij", q, x) + field.matrix


def _terms(field, x, t):
    """du_i / dx_i of every state, shape (batch, d)."""
    return _jacobian(field, x, t).diagonal(dim1=1, dim2=2)


@divergence.mistake(
    "all partial derivatives are added, du_1/dx_2 among them: the divergence takes each component along its own "
    "coordinate only."
)
def sum_of_all_partial_derivatives(field, x, t):
    return _jacobian(field, x, t).sum((1, 2))


@divergence.mistake("one number came back for the whole batch: each state has its own divergence.")
def summed_over_the_batch(field, x, t):
    return divergence.oracle(field, x, t).sum()


@divergence.mistake("only the first coordinate counts: add up over all of them.")
def first_coordinate_only(field, x, t):
    return _terms(field, x, t)[:, 0]


@divergence.mistake(
    "a row of the gradient is taken, which belongs to one state: coordinate i of all states is a column."
)
def row_instead_of_column(field, x, t):
    jacobian = _jacobian(field, x, t)
    return sum(jacobian[i, i] for i in range(x.shape[1]))


@divergence.mistake("only the last coordinate counts: each round of the loop has to add to a sum, not to replace it.")
def last_coordinate_only(field, x, t):
    return _terms(field, x, t)[:, -1]


@divergence.mistake("only the first two coordinates count: a field may have more of them, x.shape[1].")
def two_coordinates_only(field, x, t):
    return _terms(field, x, t)[:, :2].sum(1)


@divergence.mistake("earlier gradients are still there: backward() adds to x.grad; torch.autograd.grad starts afresh.")
def gradients_pile_up(field, x, t):
    jacobian = _jacobian(field, x, t)
    return jacobian.triu().sum((1, 2))  # x.grad keeps du_j/dx_i of all components j before i


@divergence.mistake("the result is divided by the size of the batch: add the components up, do not average them.")
def divided_by_the_batch(field, x, t):
    return divergence.oracle(field, x, t) / len(x)


@divergence.mistake("these are the terms of the divergence, one a coordinate: add them up.")
def not_added_up(field, x, t):
    return _terms(field, x, t)


@divergence.mistake("this is the mean over the coordinates; the divergence is their sum.")
def mean(field, x, t):
    return divergence.oracle(field, x, t) / x.shape[1]


@divergence.mistake("the result has one axis too many: one number a state, shape (batch,).")
def a_column(field, x, t):
    return divergence.oracle(field, x, t)[:, None]


@divergence.mistake("this is the Jacobian matrix of each state: only its trace is asked for.")
def whole_jacobian(field, x, t):
    return _jacobian(field, x, t)


@divergence.mistake("the field is differentiated at t = 0: it changes with time.")
def time_stands_still(field, x, t):
    return divergence.oracle(field, x, torch.zeros_like(t))


@divergence.mistake("the sign: a field that points away from everywhere has positive divergence.")
def sign(field, x, t):
    return -divergence.oracle(field, x, t)


@divergence.mistake(
    "u[i] is the velocity of one state: the sum over the batch is taken of one coordinate of all states, a column of u."
)
def state_for_coordinate(field, x, t):
    columns = _jacobian(field, x, t).sum(1)
    which = torch.arange(len(x))[:, None] == torch.arange(x.shape[1])
    return (columns * which).sum(1)


@divergence.mistake("all components are differentiated along the first coordinate: each has its own.")
def along_the_first_coordinate(field, x, t):
    return _jacobian(field, x, t)[:, :, 0].sum(1)


@divergence.mistake("only the first component is differentiated, along all coordinates: each along its own.")
def of_the_first_component(field, x, t):
    return _jacobian(field, x, t)[:, 0].sum(1)


@divergence.mistake("these are the velocities added up: where are they differentiated?")
def not_differentiated(field, x, t):
    return field(x, t).sum(1)


@divergence.mistake("the first coordinate is missing: does the loop start at 1?")
def loop_from_1(field, x, t):
    return _terms(field, x, t)[:, 1:].sum(1)


@divergence.mistake("the derivatives are multiplied with one another: they are to be added.")
def product(field, x, t):
    return _terms(field, x, t).prod(1)


@divergence.mistake("sizes of the derivatives are added: a divergence has a sign, and terms may cancel.")
def sizes(field, x, t):
    return _terms(field, x, t).abs().sum(1)


@divergence.mistake("all states are at the time of the first: each has its own.")
def one_time_for_all(field, x, t):
    return divergence.oracle(field, x, t[:1].expand_as(t))


@divergence.mistake("a norm is taken of all derivatives: a divergence is a sum of some of them, and has a sign.")
def norm_of_the_jacobian(field, x, t):
    return _jacobian(field, x, t).norm(dim=(1, 2))


@divergence.mistake("the square root of the squares of the terms is taken: they are to be added, with their signs.")
def norm_of_the_terms(field, x, t):
    return _terms(field, x, t).norm(dim=1)


@divergence.mistake("the last coordinate is missing: does the loop end one too early?")
def last_coordinate_missing(field, x, t):
    return _terms(field, x, t)[:, :-1].sum(1)


@divergence.mistake("each component is differentiated along the coordinate at the other end: each has its own.")
def along_the_opposite_coordinate(field, x, t):
    return _jacobian(field, x, t).flip(2).diagonal(dim1=1, dim2=2).sum(1)


@divergence.mistake("the derivatives are squared before they are added: they are added as they are.")
def squares_of_the_terms(field, x, t):
    return _terms(field, x, t).square().sum(1)


def _sum(
    field,
    x,
    t,
    *,
    time=lambda t: t,
    picked=lambda jacobian: jacobian.diagonal(dim1=1, dim2=2),
    total=lambda terms: terms.sum(1),
):
    """A right answer with the times, the derivatives that are picked, and what becomes of them, to replace."""
    return total(picked(_jacobian(field, x, time(t))))


divergence.pairs += pairs(
    _sum,
    {
        "all": ("all partial derivatives are taken.", {"picked": lambda jacobian: jacobian.flatten(1)}),
        "first component": ("only the first component is differentiated.", {"picked": lambda jacobian: jacobian[:, 0]}),
        "first coordinate": ("only the first coordinate is varied.", {"picked": lambda jacobian: jacobian[:, :, 0]}),
        "row": ("rows are taken for columns.", {"picked": lambda jacobian: jacobian.diagonal(dim1=0, dim2=2).T}),
        "first time": ("all states are at the time of the first.", {"time": lambda t: t[:1].expand_as(t)}),
        "reversed": ("the field is taken at 1 - t.", {"time": lambda t: 1 - t}),
        "squared": ("the derivatives are squared.", {"total": lambda terms: terms.square().sum(1)}),
        "sizes": ("the sizes of the derivatives are added.", {"total": lambda terms: terms.abs().sum(1)}),
        "norm": ("the norm of the derivatives is taken.", {"total": lambda terms: terms.norm(dim=1)}),
        "mean": ("their mean is taken, where they are to be added.", {"total": lambda terms: terms.mean(1)}),
        "roots": (
            "they are divided by the number of coordinates.",
            {"total": lambda terms: terms.sum(1) / round(terms.shape[1] ** 0.5)},
        ),
        "batch": ("the sum runs over the batch as well.", {"total": torch.sum}),
        "product": ("they are multiplied.", {"total": lambda terms: terms.prod(1)}),
    },
)


@divergence.mistake("the field is differentiated at 1 - t.")
def time_reversed(field, x, t):
    return divergence.oracle(field, x, 1 - t)
