"""Lab 4: an image generator for handwritten digits. Exercises 4.3 and 4.4."""

import torch

from course_utils.checks.exercise import Exercise, Mistake, by_name, random_inputs

NULL = 10


def _draw_drop_labels(seed: int) -> dict:
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, NULL, (12,), generator=generator)
    u = torch.rand(12, dtype=torch.float64, generator=generator)
    p = 0.2 + 0.2 * torch.rand((), generator=generator).item()
    u[:3], y[:2] = torch.tensor([0.5 * p, 1 - 0.5 * p, 0.5]), torch.tensor([3, 4])
    return {"y": y, "u": u, "p": p, "null": NULL}


def _drop_labels(y, u, p, null):
    return torch.stack([y[i] if u[i] >= p else torch.tensor(null) for i in range(len(y))])


DROP_LABELS = Exercise(
    "drop_labels", "4.3", "Label dropping", 2, _draw_drop_labels, _drop_labels,
    (
        Mistake("kept and dropped exchanged", lambda y, u, p, null: torch.where(u < p, y, null),
                "kept and dropped labels are exchanged: with a small p nearly all labels should stay."),
        Mistake("dropped with 1 - p", lambda y, u, p, null: torch.where(u > 1 - p, null, y),
                "the right share is dropped, but the wrong ones: a label goes where its u is below p."),
        Mistake("zero for null", lambda y, u, p, null: torch.where(u < p, 0, y),
                "dropped labels become 0, but 0 is a digit: the network needs a label of its own for 'no label'."),
        Mistake("all or nothing", lambda y, u, p, null: torch.full_like(y, null) if u[0] < p else y,
                "the whole batch shares one decision: each label is dropped by its own u."),
        Mistake("nothing dropped", lambda y, u, p, null: y.clone(),
                "no label was dropped."),
        Mistake("removed", lambda y, u, p, null: y[u >= p],
                "dropped labels are removed from the batch: they have to be replaced, so that images keep their place."),
    ),
    why="integers: equal or not",
)  # fmt: skip


def _draw_guided_velocity(seed: int) -> dict:
    normal = random_inputs(seed)
    model = {"family": "affine model", "matrix": normal(2, 2), "offset": normal(2), "rate": normal(2)}
    y = torch.randint(0, NULL, (5,), generator=torch.Generator().manual_seed(seed))
    return {
        "model": {**model, "labels": normal(NULL + 1, 2)},
        "x": normal(5, 2), "t": normal(1).sigmoid()[0], "y": y, "w": 1.5 + normal(1).exp().item(), "null": NULL,
    }  # fmt: skip


def _guided_velocity(model, x, t, y, w, null):
    unconditional = torch.cat([model(x[i : i + 1], t, torch.tensor([null])) for i in range(len(x))])
    return unconditional + w * (model(x, t, y) - unconditional)


def _guided(model, x, t, y, null, a, b):
    return a * model(x, t, torch.full_like(y, null)) + b * model(x, t, y)


GUIDED_VELOCITY = Exercise(
    "guided_velocity", "4.4", "Classifier-free guidance", 2, _draw_guided_velocity, _guided_velocity,
    (
        Mistake("exchanged", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, w, 1 - w),
                "the two velocities are exchanged: w = 1 must give the conditional one."),
        Mistake("other scale", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, -w, 1 + w),
                "this is the convention in which 0 means no guidance; here w = 1 means no guidance."),
        Mistake("no unconditional part", lambda model, x, t, y, w, null: w * model(x, t, y),
                "the unconditional velocity is missing: the two weights must sum to 1."),
        Mistake("weights sum to w + 1", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, 1, w),
                "the weights do not sum to 1: where both velocities agree, guidance must change nothing."),
        Mistake("conditional only", lambda model, x, t, y, w, null: model(x, t, y),
                "w is not used: this is the conditional velocity without guidance."),
        Mistake("difference only", lambda model, x, t, y, w, null: _guided(model, x, t, y, null, -w, w),
                "only the difference of the two velocities is left: it has to be added to one of them."),
        Mistake("label 0 for null", lambda model, x, t, y, w, null: _guided(model, x, t, y, 0, 1 - w, w),
                "the unconditional velocity is taken with label 0, which is a digit: use the null label."),
    ),
)  # fmt: skip

EXERCISES = by_name(DROP_LABELS, GUIDED_VELOCITY)

drop_labels = DROP_LABELS.check
guided_velocity = GUIDED_VELOCITY.check
