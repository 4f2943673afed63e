"""Times broadcast against states of any event shape, and nothing else does."""

import jaxtyping
import pytest
import torch

from course_utils.distributions import Empirical
from course_utils.shapes import check_same_shape, expand_time

EVENTS = [(1,), (2,), (1, 28, 28), (3, 4, 5)]


@pytest.mark.parametrize("event", EVENTS)
def test_a_time_of_each_state_becomes_a_column(event):
    x, t = torch.ones(6, *event), torch.arange(6.0)
    expanded = expand_time(t, x)
    assert expanded.shape == (6, *[1] * len(event))
    for i in range(6):
        assert torch.equal((expanded * x)[i], torch.full(event, float(i)))


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("t", [0.25, 1, torch.tensor(0.25)])
def test_one_time_for_all_states_stays_a_scalar(t, event):
    expanded = expand_time(t, torch.ones(6, *event))
    assert expanded.shape == () and expanded == float(t)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_time_takes_the_dtype_of_the_states(dtype):
    for t in (0.5, torch.tensor(0.5), torch.rand(3), torch.rand(3, dtype=torch.float64)):
        assert expand_time(t, torch.ones(3, 2, dtype=dtype)).dtype == dtype


def test_time_stays_differentiable():
    t = torch.rand(3, requires_grad=True)
    expand_time(t, torch.ones(3, 2)).sum().backward()
    assert torch.equal(t.grad, torch.ones(3))


@pytest.mark.parametrize("shape", [(5, 1), (4,), (1,), (5, 2), (1, 1)])
def test_other_shapes_of_time_are_refused(shape, unchecked):
    with pytest.raises(ValueError) as refused:
        expand_time(torch.zeros(shape), torch.ones(5, 2))
    assert str(refused.value) == f"expected a time t of shape () or (5,) for states of shape (5, 2), got {shape}"


def test_states_without_a_batch_take_no_time_of_shape_batch(unchecked):
    with pytest.raises(ValueError, match="got "):
        expand_time(torch.zeros(1), torch.tensor(1.0))


def test_shapes_that_differ_are_named():
    check_same_shape(x=torch.ones(2, 3), z=torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"expected equal shapes, got x \(2, 3\), z \(2,\), noise \(2, 3\)"):
        check_same_shape(x=torch.ones(2, 3), z=torch.ones(2), noise=torch.ones(2, 3))


def test_this_run_checks_the_shapes_in_annotations():
    with pytest.raises(jaxtyping.TypeCheckError):
        Empirical(torch.zeros(3, 2), labels=torch.zeros(3, 1, dtype=torch.long))
