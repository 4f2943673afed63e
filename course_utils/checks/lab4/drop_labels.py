"""Exercise 4.3: labels are replaced by the null label, each by its own uniform number."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.traits import Compared, Trait

__all__ = ["drop_labels"]


@exercise("4.3", "Label dropping", points=2, why="integers: equal or not")
def drop_labels(y, u, p, null):
    return torch.stack([y[i] if u[i] >= p else torch.tensor(null) for i in range(len(y))])


@drop_labels.inputs
def _(normal):
    y = torch.randint(0, 10, (12,), generator=normal.generator)
    u = torch.rand(12, dtype=torch.float64, generator=normal.generator)
    p = 0.03 + 0.03 * torch.rand((), generator=normal.generator).item()
    u[:8] = torch.tensor(
        [p / 2, 1 - p / 2, 0.5, p, 0.08, 0.45, 0.95, 0.7 * p], dtype=u.dtype
    )  # beside all wrong bounds
    y[:4] = torch.tensor([3, 4, 0, 7])
    return {"y": y, "u": u, "p": p, "null": 12 + normal.seed % 5}  # never 10, so that `null` has to be used


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


@drop_labels.mistake("the condition came back, one True or False a label: it says which labels to replace, do so.")
def condition_returned(y, u, p, null):
    return u < p


@drop_labels.mistake("the condition came back, True where a label stays: labels are asked for.")
def opposite_condition_returned(y, u, p, null):
    return u >= p


@drop_labels.mistake("the condition came back, as 1 and 0: labels are asked for.")
def condition_as_a_number(y, u, p, null):
    return (u < p).long()


FLOATS = (
    "the labels are right, but became {}: a network looks labels up in a table, for which they must stay whole numbers."
)


@drop_labels.mistake(FLOATS.format("floats of single precision"))
def floats(y, u, p, null):
    return drop_labels.oracle(y, u, p, null).float()


@drop_labels.mistake(FLOATS.format("floats of double precision"))
def doubles(y, u, p, null):
    return drop_labels.oracle(y, u, p, null).double()


@drop_labels.mistake("the labels are right, but in another type of whole numbers than y: keep that of y.")
def another_type(y, u, p, null):
    return drop_labels.oracle(y, u, p, null).int()


@drop_labels.mistake("the random numbers came back where labels stay: take them from y.")
def numbers_for_labels(y, u, p, null):
    return torch.where(u < p, null, u)


@drop_labels.mistake(
    "too many labels are dropped: is u compared with p itself, not with 1 - p, nor with p times the batch?"
)
def p_times_the_batch(y, u, p, null):
    return torch.where(u < p * len(y), null, y)


@drop_labels.mistake(
    "only one label is dropped, the first: does a loop end too early, or are labels counted where u should be compared?"
)
def only_the_first(y, u, p, null):
    dropped = u < p
    return torch.where(dropped & (dropped.cumsum(0) == 1), null, y)


@drop_labels.mistake("dropped labels become -1: the argument null says what they become.")
def minus_one(y, u, p, null):
    return torch.where(u < p, -1, y)


@drop_labels.mistake("dropped labels become null - 1: null is the label itself, not how many there are.")
def one_less(y, u, p, null):
    return torch.where(u < p, null - 1, y)


@drop_labels.mistake("the null label is added to the old ones: it has to take their place.")
def added(y, u, p, null):
    return y + torch.where(u < p, null, 0)


@drop_labels.mistake("labels that are smaller than p are dropped, whatever their u.")
def label_below_p(y, u, p, null):
    return torch.where(y < p, null, y)


@drop_labels.mistake("half of the labels are dropped, whatever p is.")
def a_half(y, u, p, null):
    return torch.where(u < 0.5, null, y)


@drop_labels.mistake("the dropped labels came back instead of those that stay, without the others.")
def dropped_ones(y, u, p, null):
    return y[u < p]


@drop_labels.mistake("the places of dropped labels came back: labels are asked for, one an image.")
def places(y, u, p, null):
    return (u < p).nonzero()


@drop_labels.mistake("the labels are right, but one-hot: a row of 0 and 1 for each. The network takes numbers.")
def one_hot(y, u, p, null):
    return torch.nn.functional.one_hot(drop_labels.oracle(y, u, p, null))


def _stay_and_go(pair: Compared) -> tuple[bool, bool]:
    """Whether the labels that should stay are right, and whether those that should go are."""
    given, expected = pair.given["result"], pair.expected["result"]
    goes = pair.of(condition_returned)["result"]
    return torch.equal(given[~goes], expected[~goes]), torch.equal(given[goes], expected[goes])


def _none_stays_wrong(pair: Compared) -> bool:
    given, labels = pair.given["result"], pair.of(nothing_dropped)["result"]
    goes = pair.of(condition_returned)["result"]
    return _stay_and_go(pair)[0] and bool((given[goes] != labels[goes]).all())


drop_labels.traits += [
    Trait("not null", _none_stays_wrong, "the right labels are replaced, but not by the null label that was given."),
    Trait(
        "too few",
        lambda pair: _stay_and_go(pair)[0],
        "labels that should stay do, but not all that should go are null.",
    ),
    Trait("too many", lambda pair: _stay_and_go(pair)[1], "labels that should go are null, but not all others stayed."),
    Trait("stay and go", lambda pair: True, "some labels went that should stay, and some stayed that should go."),
]
