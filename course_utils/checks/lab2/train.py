"""Exercise 2.7: a training loop, one step of the optimiser a batch, that returns the losses."""

import torch

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import affine_model
from course_utils.checks.observers import Training
from course_utils.checks.traits import Compared, Trait, close

__all__ = ["train"]


@exercise("2.7", "Training loop", points=3, sees=Training(), why="float64; the same sums in the same order")
def train(model, loss_fn, batches, optimizer):
    losses, parameters = [], list(model.parameters())
    for batch in batches:
        loss = loss_fn(model, *batch)
        for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.grad = gradient
        optimizer.step()
        losses.append(loss.item())
    return losses


@train.inputs
def _(normal):
    n = 4 + normal.seed % 3
    parts = {"z": normal(n, 8, 2), "shift": normal(n, 8, 2)}
    if normal.seed % 3 == 0:
        del parts["shift"]
    kind = ("batches that can be had again", "batches")[normal.seed % 2]
    return {
        "model": affine_model(normal, 2),
        "loss_fn": {"family": "squared distance"},
        "batches": {"family": kind, **parts},
        "optimizer": {"family": "SGD", "lr": 0.02 + 0.03 * normal(1).sigmoid().item()},
    }


def _loop(order, model, loss_fn, batches, optimizer, *, late=False):
    """A training loop whose steps run in the order of the letters: f(orward), z(ero), b(ackward), s(tep).

    `late`: whether each loss is noted after the step.
    """
    losses = []
    for batch in batches:
        for letter in order:
            if letter == "f":
                loss = loss_fn(model, *batch)
            elif letter == "b":
                loss.backward()
            elif letter == "z":
                optimizer.zero_grad()
            else:
                optimizer.step()
        losses.append((loss_fn(model, *batch) if late else loss).item())
    return losses


@train.mistake("the gradients of earlier batches are still there: backward() adds to .grad, it does not replace it.")
def no_zero_grad(model, loss_fn, batches, optimizer):
    return _loop("fbs", model, loss_fn, batches, optimizer)


@train.mistake("the optimiser never made a step: gradients alone do not change a weight.")
def no_step(model, loss_fn, batches, optimizer):
    return _loop("fzb", model, loss_fn, batches, optimizer)


@train.mistake(
    "the optimiser stepped, but without a gradient in the weights of the given model: what comes between zero_grad() "
    "and step(), in every round, and which model is the loss computed with?"
)
def no_gradient_at_the_step(model, loss_fn, batches, optimizer):
    return _loop("fbzs", model, loss_fn, batches, optimizer)


@train.mistake("each step uses the gradient of the batch before: the step comes after backward().")
def a_batch_late(model, loss_fn, batches, optimizer):
    return _loop("fszb", model, loss_fn, batches, optimizer)


@train.mistake("the loop ends after its first batch: look at how far `return` is indented.")
def first_batch_only(model, loss_fn, batches, optimizer):
    return train.oracle(model, loss_fn, list(batches)[:1], optimizer)


@train.mistake("every step uses the first batch: take the next one in each round.")
def same_batch_every_time(model, loss_fn, batches, optimizer):
    batches = list(batches)
    return train.oracle(model, loss_fn, [batches[0]] * len(batches), optimizer)


@train.mistake("only the first tensor of each batch was used: a batch may have more, and loss_fn wants them all.")
def first_part_of_the_batch_only(model, loss_fn, batches, optimizer):
    return train.oracle(model, loss_fn, [batch[:1] for batch in batches], optimizer)


@train.mistake("the weights are right, but only the last loss was noted: append in every round.")
def last_loss_only(model, loss_fn, batches, optimizer):
    return train.oracle(model, loss_fn, batches, optimizer)[-1:]


@train.mistake("the weights are right, but each loss is the one after its step: note the one before it.")
def loss_after_the_step(model, loss_fn, batches, optimizer):
    return _loop("fzbs", model, loss_fn, batches, optimizer, late=True)


@train.mistake("the last batch was not used.")
def last_batch_missing(model, loss_fn, batches, optimizer):
    return train.oracle(model, loss_fn, list(batches)[:-1], optimizer)


@train.mistake("there was one step for all batches together: step once a batch, inside the loop.")
def one_step_for_all_batches(model, loss_fn, batches, optimizer):
    losses = _loop("fb", model, loss_fn, batches, optimizer)
    optimizer.step()
    return losses


@train.mistake("there was one step, after the loop: step once a batch, inside it.")
def one_step_with_the_last_gradient(model, loss_fn, batches, optimizer):
    losses = _loop("fzb", model, loss_fn, batches, optimizer)
    optimizer.step()
    return losses


@train.mistake("the optimiser makes two steps a batch.")
def two_steps_a_batch(model, loss_fn, batches, optimizer):
    return _loop("fzbss", model, loss_fn, batches, optimizer)


@train.mistake("the batches were used twice: one pass is asked for.")
def two_passes(model, loss_fn, batches, optimizer):
    return train.oracle(model, loss_fn, list(batches) * 2, optimizer)


@train.mistake("the first batch was not used.")
def first_batch_missing(model, loss_fn, batches, optimizer):
    return train.oracle(model, loss_fn, list(batches)[1:], optimizer)


@train.mistake("the loss rises: the steps lead uphill. Is a sign changed before backward()?")
def uphill(model, loss_fn, batches, optimizer):
    losses = train.oracle(model, lambda model, *batch: -loss_fn(model, *batch), batches, optimizer)
    return [-loss for loss in losses]


def _clipped(model, loss_fn, batches, optimizer):
    """Losses, where the gradient is made shorter before each step."""
    losses = []
    for batch in batches:
        loss = loss_fn(model, *batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@train.mistake("the gradients are clipped before the step: that is another training than the one asked for.")
def gradients_clipped(model, loss_fn, batches, optimizer):
    return _clipped(model, loss_fn, batches, optimizer)


@train.mistake("the weights are right, but one number came back, the mean of all losses: note each of them.")
def mean_of_the_losses(model, loss_fn, batches, optimizer):
    losses = train.oracle(model, loss_fn, batches, optimizer)
    return [sum(losses) / len(losses)]


@train.mistake("the weights are right, but one number came back, the sum of all losses: note each of them.")
def sum_of_the_losses(model, loss_fn, batches, optimizer):
    return [sum(train.oracle(model, loss_fn, batches, optimizer))]


@train.mistake("the weights are right; the losses were added up on the way: note each of them by itself.")
def running_sum(model, loss_fn, batches, optimizer):
    return torch.tensor(train.oracle(model, loss_fn, batches, optimizer)).cumsum(0).tolist()


@train.mistake("each loss is divided by the size of its batch: loss_fn averages already.")
def divided_by_the_batch(model, loss_fn, batches, optimizer):
    def smaller(model, *batch):
        return loss_fn(model, *batch) / len(batch[0])

    return train.oracle(model, smaller, batches, optimizer)


STEPS, WEIGHTS, LOSSES = "number of steps of the given optimizer", "vector of trained weights", "list of losses"


def _first_loss_right(pair: Compared) -> bool:
    return close(pair.given[LOSSES][:1], pair.expected[LOSSES][:1])


train.traits += [
    Trait(
        "losses",
        lambda pair: pair.right(STEPS) and pair.right(WEIGHTS),
        "the weights are right, the losses that came back are not: note each loss as it is.",
    ),
    Trait(
        "steps",
        _first_loss_right,
        "the first loss is right, what follows is not: look at how gradients are made, and what a step does with them.",
    ),
    Trait(
        "first loss",
        lambda pair: not _first_loss_right(pair),
        "already the first loss, before any step, is another one: look at how it is computed, and on which batch.",
    ),
]
