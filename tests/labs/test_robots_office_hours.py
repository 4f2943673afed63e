"""Wrong answers to Lab 10 that students bring along: none is accepted, and each is told what it is."""

import re

import pytest
import torch

from course_utils import checks
from tests.support.wrong_answers import WrongAnswers, assert_told

WRONG = WrongAnswers()
told = WRONG.told


def by_loops(states, actions, H, starts, row=torch.flatten):
    """Observations and plans, from the demonstrations and the moments to cut at."""
    pairs = [(states[i, b], row(actions[i : i + H, b])) for b in range(actions.shape[1]) for i in starts]
    return tuple(torch.stack(part) for part in zip(*pairs, strict=True))


@told("lab10.windows", "does one of them reach beyond the end of what it is cut from")
def as_many_windows_as_states(states, actions, H):
    return by_loops(states, actions, H, range(len(states) - H + 1))


@told("lab10.windows", "all first coordinates of a plan come first")
def unfolded_and_left(states, actions, H):
    plans = actions.unfold(0, H, 1).transpose(0, 1).flatten(2).flatten(0, 1)
    return states[: len(actions) - H + 1].transpose(0, 1).flatten(0, 1), plans


@told("lab10.windows", "mixed: a reshape that exchanges two axes tears them apart")
def reshaped_for_transposed(states, actions, H):
    n, batch, m = actions.shape
    s, a = states.reshape(batch, n + 1, -1), actions.reshape(batch, n, m)
    return by_loops(s.transpose(0, 1), a.transpose(0, 1), H, range(n - H + 1))


@told("lab10.windows", "these are the right values, but at other places")
def windows_for_rows(states, actions, H):
    n = len(actions) - H + 1
    plans = torch.stack([actions[j : j + n] for j in range(H)])
    return states[:n].transpose(0, 1).flatten(0, 1), plans.reshape(-1, H * actions.shape[2])


@told("lab10.windows", "time is the first axis, the demonstrations are the second one")
def demonstrations_first(states, actions, H):
    batch, n, _ = actions.shape
    pairs = [(states[b, i], actions[b, i : i + H].flatten()) for b in range(batch) for i in range(n - H + 1)]
    return tuple(torch.stack(part) for part in zip(*pairs, strict=True))


@told("lab10.windows", r"these entries \(of 0 to 14\) are missing: 1, 3, 5, 7")
def every_second_window(*arguments):
    return tuple(part[::2] for part in checks.lab10.windows.oracle(*arguments))


@told("lab10.windows", "expected a tensor as observations, got a list; torch.stack makes one tensor")
def lists(*arguments):
    return tuple(list(part) for part in checks.lab10.windows.oracle(*arguments))


@told("lab10.windows", "all plans are right, the observations are not")
def observations_normalised(*arguments):
    observations, plans = checks.lab10.windows.oracle(*arguments)
    return (observations - observations.mean(0)) / observations.std(0), plans


@told("lab10.windows", "axis 1, these entries .* are too much: 0, 1, 2, 3")
def observation_in_front_of_the_plan(*arguments):
    observations, plans = checks.lab10.windows.oracle(*arguments)
    return observations, torch.cat([observations, plans], 1)


def episode(plan, step, x, k, n, act):
    """States, where `act` gives the next one of a state, the actions of a plan and the number of a step."""
    xs = [x]
    for i in range(n):
        if i % k == 0:
            actions = plan(xs[-1])
        xs.append(act(xs[-1], actions, i))
    return torch.stack(xs)


@told("lab10.receding_horizon", "the actions are counted on from plan to plan")
def counted_through_the_plan(plan, step, x, k, n):
    return episode(plan, step, x, k, n, lambda x, a, i: step(x, a[:, i % a.shape[1]]))


@told("lab10.receding_horizon", "a new plan is made at every step, of which the next action is done")
def a_plan_at_every_step_counted_by_k(plan, step, x, k, n):
    xs = [x]
    for i in range(n):
        xs.append(step(xs[-1], plan(xs[-1])[:, i % k]))
    return torch.stack(xs)


@told("lab10.receding_horizon", "picked by how many plans there were before")
def quotient_for_remainder(plan, step, x, k, n):
    xs = [x]
    for i in range(n):
        if i % k == 0:
            actions = plan(xs[-1])
        xs.append(step(xs[-1], actions[:, i // k]))
    return torch.stack(xs)


@told("lab10.receding_horizon", "the first action of each plan, number 0, comes last")
def counted_before_the_step(plan, step, x, k, n):
    xs = [x]
    for i in range(n):
        if i % k == 0:
            actions = plan(xs[-1])
        xs.append(step(xs[-1], actions[:, (i + 1) % k]))
    return torch.stack(xs)


@told("lab10.receding_horizon", "torch.cat joins tensors along an axis that they have, torch.stack makes a new one")
def joined_for_stacked(*arguments):
    return torch.cat(checks.lab10.receding_horizon.oracle(*arguments).unbind())


@told("lab10.receding_horizon", "Another k gives the same result")
def one_plan_to_its_end(plan, step, x, k, n):
    actions = plan(x)
    xs = [x]
    for i in range(n):
        xs.append(step(xs[-1], actions[:, min(i, actions.shape[1] - 1)]))
    return torch.stack(xs)


@told("lab10.receding_horizon", r"IndexError: index 6 is out of bounds .* in your line")
def numbered_by_the_step(plan, step, x, k, n):
    return episode(plan, step, x, k, n, lambda x, a, i: step(x, a[:, i]))


@told("lab10.receding_horizon", "expected one action a state in step")
def batch_and_horizon_exchanged(plan, step, x, k, n):
    return episode(plan, step, x, k, n, lambda x, a, i: step(x, a[i % k]))


@told("lab10.receding_horizon", "what step gives is added to the state")
def as_an_euler_step(plan, step, x, k, n):
    return episode(plan, step, x, k, n, lambda x, a, i: x + step(x, a[:, i % k]))


@told("lab10.receding_horizon", "each plan is kept for one step too long")
def asked_when_more_than_k_are_done(plan, step, x, k, n):
    xs, actions, j = [x], plan(x), 0
    for _ in range(n):
        if j > k:
            actions, j = plan(xs[-1]), 0
        xs.append(step(xs[-1], actions[:, j]))
        j += 1
    return torch.stack(xs)


@told("lab10.receding_horizon", "With a plan that is the same for all states your result is right")
def asked_after_the_step(plan, step, x, k, n):
    xs, actions = [x], plan(x)
    for i in range(n):
        xs.append(step(xs[-1], actions[:, i % k]))
        if i % k == 0:
            actions = plan(xs[-1])
    return torch.stack(xs)


@told("lab10.receding_horizon", "all actions of a plan start from the state in which it was made")
def one_state_a_round(plan, step, x, k, n):
    xs = [x]
    for _ in range(0, n, k):
        xs += [step(x, action) for action in plan(x)[:, :k].unbind(1)]
        x = xs[-1]
    return torch.stack(xs[: n + 1])


@told("lab10.receding_horizon", "Two things at once.*one step too many. And the first state is missing")
def kept_after_the_step(plan, step, x, k, n):
    return episode(plan, step, x, k, n + 1, lambda x, a, i: step(x, a[:, i % k]))[1:]


def push(field, reward, x, t):
    """Velocity, and the gradient of the reward in x."""
    x = x.detach().requires_grad_()
    u = field(x, t)
    (gradient,) = torch.autograd.grad(reward(x + (1 - t[:, None]) * u).sum(), x)
    return u.detach(), gradient


@told("lab10.guided_velocity", "t of shape .* lines up with the last axis of x, not with the batch")
def times_as_they_come(field, reward, x, t, scale):
    x = x.detach().requires_grad_()
    u = field(x, t)
    return u + scale * (1 - t) / t * torch.autograd.grad(reward(x + (1 - t) * u).sum(), x)[0]


@told("lab10.guided_velocity", "one time serves all states, the mean of theirs")
def one_time(field, reward, x, t, scale):
    u, gradient = push(field, reward, x, t.mean().expand_as(t))
    return u + scale * (1 - t.mean()) / t.mean() * gradient


@told("lab10.guided_velocity", r"brackets: in Python 1 - t / t is 1 - 1")
def without_brackets(field, reward, x, t, scale):
    u, gradient = push(field, reward, x, t)
    return u + scale * 1 - t[:, None] / t[:, None] * gradient


@told("lab10.guided_velocity", "Two things at once.*gradient is taken in the denoised point.*And the factor .* missing")
def pushed_there(field, reward, x, t, scale):
    u = field(x, t)
    z = (x + (1 - t[:, None]) * u).requires_grad_()
    return u + scale * torch.autograd.grad(reward(z).sum(), z)[0]


@told("lab10.guided_velocity", "the velocity enters as it should; look at all that the gradient in x is multiplied")
def something_added_to_the_time(field, reward, x, t, scale):
    u, gradient = push(field, reward, x, t)
    return u + scale * (1 - t[:, None]) / (t[:, None] + 1e-3) * gradient


@told("lab10.guided_velocity", "With scale = 0 your result is right")
def push_clamped(field, reward, x, t, scale):
    u, gradient = push(field, reward, x, t)
    return u + (scale * (1 - t[:, None]) / t[:, None] * gradient).clamp(-1, 1)


@told("lab10.guided_velocity", "is a tuple multiplied by a tensor")
def a_tuple_of_gradients(field, reward, x, t, scale):
    x = x.detach().requires_grad_()
    u = field(x, t)
    return u + scale / t[:, None] * torch.autograd.grad(reward(x + (1 - t[:, None]) * u).sum(), x)


@told("lab10.guided_velocity", "switched gradients on .* for its input x itself")
def gradients_of_the_input(field, reward, x, t, scale):
    x.requires_grad_()
    u = field(x, t)
    reward(x + (1 - t[:, None]) * u).sum().backward()
    return u.detach() + scale * (1 / t[:, None] - 1) * x.grad


def follow(cov, known):
    return cov[~known][:, known] @ torch.linalg.inv(cov[known][:, known])


@told("lab10.conditioned", "two masks in one pair of brackets pick single entries")
def masks_side_by_side(mean, cov, known, values):
    gain = cov[~known, known] @ torch.linalg.inv(cov[known, known])
    return mean[~known] + gain @ (values - mean[known]), cov[~known, ~known]


@told("lab10.conditioned", "the gain is transposed")
def solved_and_left(mean, cov, known, values):
    gain = torch.linalg.solve(cov[known][:, known], cov[known][:, ~known])
    return mean[~known] + gain @ (values - mean[known]), cov[~known][:, ~known] - gain @ cov[known][:, ~known]


@told("lab10.conditioned", "a vector is taken off a matrix")
def summed_over_the_known(mean, cov, known, values):
    gain = follow(cov, known)
    taken = (gain * cov[~known][:, known]).sum(1)
    return mean[~known] + gain @ (values - mean[known]), cov[~known][:, ~known] - taken


@told("lab10.conditioned", "look at all that what the known take away is multiplied")
def taken_twice(mean, cov, known, values):
    gain = follow(cov, known)
    return mean[~known] + gain @ (values - mean[known]), cov[~known][:, ~known] - 2 * gain @ cov[known][:, ~known]


@told("lab10.conditioned", "follow from one and the same gain, as they should: that gain is wrong")
def as_if_the_known_were_measured_with_noise(mean, cov, known, values):
    block = cov[known][:, known]
    gain = cov[~known][:, known] @ torch.linalg.inv(block + torch.eye(len(block)))
    return mean[~known] + gain @ (values - mean[known]), cov[~known][:, ~known] - gain @ cov[known][:, ~known]


@told("lab10.conditioned", "in the mean, the old mean enters with the wrong sign; the shift enters as it should")
def old_mean_taken_off(mean, cov, known, values):
    gain = follow(cov, known)
    return gain @ (values - mean[known]) - mean[~known], cov[~known][:, ~known] - gain @ cov[known][:, ~known]


@told("lab10.conditioned", "nothing is learnt")
def values_put_into_the_mean(mean, cov, known, values):
    mean = mean.clone()
    mean[known] = values
    return mean[~known], cov[~known][:, ~known]


@told("lab10.conditioned", "the law of all coordinates is returned")
def rows_and_columns_kept(mean, cov, known, values):
    gain = cov[:, known] @ torch.linalg.inv(cov[known][:, known])
    return mean + gain @ (values - mean[known]), cov - gain @ cov[known]


@told("lab10.conditioned", "the covariance is right, the mean is not")
def one_after_another_in_the_mean_alone(mean, cov, known, values):
    moved = mean.clone()
    for i, value in zip(known.nonzero()[:, 0].tolist(), values, strict=True):
        moved = moved + cov[:, i] * (value - moved[i]) / cov[i, i]
    return moved[~known], cov[~known][:, ~known] - follow(cov, known) @ cov[known][:, ~known]


@told("lab10.conditioned", "the precision of the unknown coordinates is missing")
def half_of_the_way_by_precisions(mean, cov, known, values):
    precision = torch.linalg.inv(cov)[~known]
    return mean[~known] - precision[:, known] @ (values - mean[known]), torch.linalg.inv(precision[:, ~known])


@told("lab10.conditioned", r"expected shape \(3,\), received \(3, 1\)")
def a_column_for_the_mean(mean, cov, known, values):
    gain = follow(cov, known)
    moved = mean[~known][:, None] + gain @ (values - mean[known])[:, None]
    return moved, cov[~known][:, ~known] - gain @ cov[known][:, ~known]


@told("lab10.conditioned", "changed its input mean in place")
def mean_moved_in_place(mean, cov, known, values):
    gain = follow(cov, known)
    mean[~known] += gain @ (values - mean[known])
    return mean[~known], cov[~known][:, ~known] - gain @ cov[known][:, ~known]


@pytest.mark.parametrize("exercise, words, fn", WRONG)
def test_a_wrong_answer_is_told_what_it_is(exercise, words, fn):
    assert_told(exercise, words, fn, re.MULTILINE | re.IGNORECASE)
