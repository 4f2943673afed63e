"""Guided fields against the formula, and how often they ask the model."""

import numpy as np
import pytest
import torch

from course_utils.distributions import Checkerboard, GaussianMixture
from course_utils.guidance import classifier_free, condition
from course_utils.paths import GaussianPath, marginal
from course_utils.simulators import simulate

NULL = 10


class Toy:
    """u(x, t, y) = (1 + y) x + t; the null label stands for y = -3. Remembers the labels of its calls."""

    def __init__(self):
        self.labels = []

    def __call__(self, x, t, *labels):
        self.labels.append(labels)
        y = labels[0] if labels else torch.full((len(x),), NULL)
        factor = torch.where(y == NULL, -2, 1 + y).to(x)
        shape = [-1] + [1] * (x.ndim - 1)
        return factor.reshape(shape) * x + t.reshape(shape)


def case(event):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, *event, dtype=torch.float64, generator=generator)
    return x, torch.rand(4, dtype=torch.float64, generator=generator), torch.tensor([0, 3, 9, 1])


def expected(x, t, y, scale):
    """(1 - w) (-2 x + t) + w ((1 + y) x + t), in NumPy."""
    x, t, y = (v.numpy().reshape([-1] + [1] * (x.ndim - 1)) if v.ndim == 1 else v.numpy() for v in (x, t, y))
    return (1 - scale) * (-2 * x + t) + scale * ((1 + y) * x + t)


@pytest.mark.parametrize("event", [(1,), (2,), (1, 28, 28)])
@pytest.mark.parametrize("scale", [-0.5, 0.0, 0.3, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("null", [NULL, None])
def test_guided_field(event, scale, null):
    x, t, y = case(event)
    field = classifier_free(Toy(), y, scale, null=null)
    np.testing.assert_allclose(field(x, t), expected(x, t, y, scale), rtol=1e-12)


@pytest.mark.parametrize(
    ("scale", "conditional", "unconditional"),
    [(0.0, 0, 1), (1.0, 1, 0), (0, 0, 1), (1, 1, 0), (1.5, 1, 1), (-1.0, 1, 1)],
)
@pytest.mark.parametrize("null", [NULL, None])
def test_only_what_counts_is_evaluated(scale, conditional, unconditional, null, unchecked):
    """w = 1 asks the model for the labels only, w = 0 for the null label only."""
    model, (x, t, y) = Toy(), case((2,))
    field = classifier_free(model, y, scale, null=null)
    assert model.labels == []
    field(x, t)
    given = [labels for labels in model.labels if labels and torch.equal(labels[0], y)]
    without = [labels for labels in model.labels if not labels or (labels[0] == NULL).all()]
    assert (len(given), len(without)) == (conditional, unconditional)
    assert len(model.labels) == conditional + unconditional
    if without:
        assert without == [()] if null is None else without[0][0].shape == y.shape and without[0][0].dtype == y.dtype


def test_the_model_is_asked_for_null_labels_only_where_they_are_given():
    """A model that knows its null label is called as model(x, t)."""
    x, t, y = case((2,))

    def model(x, t, y=None):
        return x if y is None else 3 * x

    np.testing.assert_allclose(classifier_free(model, y, 2.0)(x, t), 5 * x)
    np.testing.assert_allclose(classifier_free(model, y, 2.0, null=NULL)(x, t), 3 * x)


def test_condition_closes_over_the_labels():
    model, (x, t, y) = Toy(), case((1, 28, 28))
    field = condition(model, y)
    np.testing.assert_allclose(field(x, t), expected(x, t, y, 1.0), rtol=1e-12)
    assert len(model.labels) == 1 and model.labels[0][0] is y


def test_a_guided_field_is_one_for_the_simulator():
    """x' = k x with k = (1 - w)(-2) + w (1 + y): five Euler steps multiply by (1 + h k)^5; t is left out."""
    x, _, y = case((2,))
    toy = Toy()
    field = classifier_free(lambda x, t, y: toy(x, 0 * t, y), y, 1.5, null=NULL)
    end = simulate(field, x, torch.linspace(0, 1, 6, dtype=torch.float64)).end
    k = 1.0 + 1.5 * (1 + y[:, None])
    torch.testing.assert_close(end, x * (1 + 0.2 * k.double()) ** 5)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1.5])
def test_the_null_label_of_an_exact_field_may_be_its_number_or_none(scale):
    """Labels 0 and 1, so the null label is the number 2, as tensors of labels need it."""
    dists = {0: GaussianMixture(torch.ones(1, 2)), 1: GaussianMixture(-torch.ones(1, 2)), None: Checkerboard()}
    exact = marginal(GaussianPath(), dists).velocity
    x, y, t = (
        torch.randn(4, 2, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0, 1, 1, 0]),
        torch.tensor(0.5),
    )
    by_number, by_none = (classifier_free(exact, y, scale, null=null)(x, t) for null in (2, None))
    expected = (1 - scale) * exact(x, t) + scale * exact(x, t, y)
    torch.testing.assert_close(by_number, expected)
    torch.testing.assert_close(by_none, expected)
