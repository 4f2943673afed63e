"""Exercise 4.3: labels are replaced by the null label, each by its own uniform number."""

import torch

from course_utils.checks.exercise import exercise

__all__ = ["drop_labels"]


@exercise("4.3", "Label dropping", points=2, why="integers: equal or not")
def drop_labels(y, u, p, null):
    return torch.stack([y[i] if u[i] >= p else torch.tensor(null) for i in range(len(y))])


@drop_labels.inputs
def _(normal):
    y = torch.randint(0, 10, (12,), generator=normal.generator)
    u = torch.rand(12, dtype=torch.float64, generator=normal.generator)
    p = 0.2 + 0.2 * torch.rand((), generator=normal.generator).item()
    u[:5] = torch.tensor([0.5 * p, 1 - 0.5 * p, 0.5, p, 0.05], dtype=u.dtype)  # on both sides of every wrong bound
    y[:2] = torch.tensor([3, 4])
    return {"y": y, "u": u, "p": p, "null": 11 + normal.seed % 5}  # never 10, so that `null` has to be used


@drop_labels.mistake("kept and dropped labels are exchanged: with a small p nearly all labels should stay.")
def kept_and_dropped_exchanged(y, u, p, null):
    return torch.where(u < p, y, null)


@drop_labels.mistake("labels with a u above p are dropped: with a small p nearly all labels should stay.")
def dropped_above_p(y, u, p, null):
    return torch.where(u > p, null, y)


@drop_labels.mistake("the right share is dropped, but the wrong ones: a label goes where its u is below p.")
def dropped_with_1_minus_p(y, u, p, null):
    return torch.where(u > 1 - p, null, y)


@drop_labels.mistake("dropped labels become 0, but 0 is a digit: the network needs a label of its own for 'no label'.")
def zero_for_null(y, u, p, null):
    return torch.where(u < p, 0, y)


@drop_labels.mistake("dropped labels become 10, whatever the argument null is.")
def ten_for_null(y, u, p, null):
    return torch.where(u < p, 10, y)


@drop_labels.mistake("the argument p is not used: a tenth of the labels is dropped, whatever it is.")
def a_tenth(y, u, p, null):
    return torch.where(u < 0.1, null, y)


@drop_labels.mistake("a label whose u equals p is dropped, too: with p = 0 and u = 0 it has to stay.")
def u_equal_to_p(y, u, p, null):
    return torch.where(u <= p, null, y)


@drop_labels.mistake("the whole batch shares one decision: each label is dropped by its own u.")
def all_or_nothing(y, u, p, null):
    return torch.full_like(y, null) if u[0] < p else y


@drop_labels.mistake("no label was dropped.")
def nothing_dropped(y, u, p, null):
    return y.clone()


@drop_labels.mistake("dropped labels are removed from the batch: replace them, so that each image keeps its place.")
def removed(y, u, p, null):
    return y[u >= p]
