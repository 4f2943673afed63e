"""Lab 1: simulating ODEs and SDEs. Exercises 1.1 to 1.6.

Numbers that are no tensors (h, theta, sigma) are exact in single precision, so that an answer which makes tensors of
them with the default dtype is not wrong in the eighth digit. Times i / n are not, for n = 10: 1.1 tolerates that.
"""

import math

import torch

from course_utils.checks.exercise import Exercise, Mistake, by_name, random_inputs


def _affine(normal, dim: int) -> dict:
    return {"matrix": normal(dim, dim), "offset": normal(dim), "rate": normal(dim)}


def _draw_euler(seed: int) -> dict:
    normal = random_inputs(seed)
    n = (4, 10, 8)[seed % 3]  # ten times 0.1 is less than 1: a loop `while t < 1` makes a step too many
    return {"field": {"family": "curved field", **_affine(normal, 2)}, "x0": normal(4, 2), "n": n}


def _euler(field, x0, n):
    xs = [x0]
    for i in range(n):
        xs.append(xs[-1] + field(xs[-1], torch.tensor(i / n, dtype=x0.dtype)) / n)
    return torch.stack(xs)


def _euler_short(field, x0, n):
    return _euler(field, x0, n)[:-1]


EULER = Exercise(
    "euler", "1.1", "Euler loop", 2, _draw_euler, _euler,
    (
        Mistake("one step too few", _euler_short,
                "one step is missing: n steps visit n + 1 states, x0 included. "
                "(Algorithm 1 as printed in the lecture stops one step early, too.)"),
        Mistake("loop from 1", lambda field, x0, n: _euler_with(field, x0, n, ahead=1)[:-1],
                "the first step is missing: a loop from 1 to n - 1 makes n - 1 steps, the first of them at t = h."),
        Mistake("one step too many", lambda field, x0, n: _euler_with(field, x0, n, steps=n + 1),
                "there is one step too many: n steps of length 1 / n end at t = 1; with x0 that makes n + 1 states. "
                "Count the steps with `for i in range(n)`: a sum of n times 1 / n is often not exactly 1."),
        Mistake("return in the loop", lambda field, x0, n: _euler(field, x0, n)[:2],
                "the loop ends after one step: is `return` indented too far?"),
        Mistake("start missing", lambda field, x0, n: _euler(field, x0, n)[1:],
                "the starting state is missing: the first entry of the trajectory is x0 itself."),
        Mistake("no step size", lambda field, x0, n: _euler_with(field, x0, n, h=1.0),
                "each step adds the whole velocity: how far does a state travel in a time h?"),
        Mistake("state forgotten", lambda field, x0, n: _euler_with(field, x0, n, kept=0.0),
                "each new state is the change alone: the state that it is added to is missing."),
        Mistake("backwards", lambda field, x0, n: _euler_with(field, x0, n, h=-1 / n),
                "the steps go against the velocity."),
        Mistake("time stands still", lambda field, x0, n: _euler_with(field, x0, n, rate=0.0),
                "every step evaluates the field at t = 0: the time has to advance by h as well."),
        Mistake("time of the next step", lambda field, x0, n: _euler_with(field, x0, n, ahead=1),
                "the field is evaluated one step ahead: the Euler step uses the time at the start of the step."),
        Mistake("number of the step", lambda field, x0, n: _euler_with(field, x0, n, rate=n),
                "the field is called with the number of the step: it wants the time at which the step starts."),
        Mistake("times of n points", lambda field, x0, n: _euler_with(field, x0, n, rate=n / (n - 1)),
                "the times are too far apart: n points from 0 to 1 leave n - 1 gaps, and n steps need n gaps."),
        Mistake("step size of n - 1", lambda field, x0, n: _euler(field, x0, n - 1),
                "the steps have the length 1 / (n - 1), and there are n - 1: a grid of n points has one gap less."),
        Mistake("step size of n + 1", lambda field, x0, n: _euler_with(field, x0, n, h=1 / (n + 1)),
                "the step size is 1 / (n + 1): n steps, not n + 1, have to reach t = 1."),
        Mistake("step size and times of n + 1", lambda field, x0, n: _euler(field, x0, n + 1)[:-1],
                "steps and times have the length 1 / (n + 1): n + 1 states have n steps between them."),
        Mistake("always from the start", lambda field, x0, n: _euler_with(field, x0, n, stuck=True),
                "the velocity is always taken at x0: each step starts from the state that the last one reached."),
        Mistake("overwritten", lambda field, x0, n: _euler(field, x0, n)[-1:].expand(n + 1, *x0.shape),
                "all states are the last one: the list holds one and the same tensor, changed in place (by +=) "
                "at every step. Make a new tensor for each state."),
        Mistake("overwritten after the start", lambda field, x0, n: _overwritten(_euler(field, x0, n)),
                "all states after the first are the last one: the list holds one and the same tensor, changed in place "
                "(by +=) at every step. Make a new tensor for each state."),
        Mistake("batch first", lambda field, x0, n: _euler(field, x0, n).transpose(0, 1),
                "the states are stacked along the second axis: time comes first, then the batch."),
        Mistake("joined along the batch", lambda field, x0, n: _euler(field, x0, n).flatten(0, 1),
                "the states are joined along the batch (torch.cat lengthens an axis): time needs an axis of its own."),
        Mistake("only the end", lambda field, x0, n: _euler(field, x0, n)[-1],
                "only the last state came back: the whole trajectory is asked for, stacked along a first axis."),
    ),
    rtol=1e-5,
    why="times i / n may be computed and added in single precision",
)  # fmt: skip


def _overwritten(xs):
    return torch.cat([xs[:1], xs[-1:].expand(len(xs) - 1, *xs.shape[1:])])


def _euler_with(field, x0, n, h=None, rate=1.0, ahead=0, stuck=False, steps=None, kept=1.0):
    h = 1 / n if h is None else h
    xs = [x0]
    for i in range(n if steps is None else steps):
        t = torch.tensor(rate * (i + ahead) / n, dtype=x0.dtype)
        xs.append(kept * xs[-1] + h * field(x0 if stuck else xs[-1], t))
    return torch.stack(xs)


def _draw_heun(seed: int) -> dict:
    normal = random_inputs(seed)
    t, h = normal(2).sigmoid()
    return {"field": {"family": "curved field", **_affine(normal, 2)}, "x": normal(4, 2), "t": t, "h": h / 2}


def _heun(field, x, t, h):
    start = field(x, t)
    return x + h * (start + field(x + h * start, t + h)) / 2


HEUN = Exercise(
    "heun_step", "1.2", "Heun step", 2, _draw_heun, _heun,
    (
        Mistake("Euler", lambda field, x, t, h: x + h * field(x, t),
                "this is the Euler step: the velocity at the end of the step is not used."),
        Mistake("sum instead of mean", lambda field, x, t, h: x + h * (field(x, t) + field(x + h * field(x, t), t + h)),
                "the two velocities are added: their mean is needed, else the state travels twice as far."),
        Mistake("old time", lambda field, x, t, h: x + h * (field(x, t) + field(x + h * field(x, t), t)) / 2,
                "the second velocity is taken at time t: the predicted state belongs to the time t + h."),
        Mistake("old state", lambda field, x, t, h: x + h * (field(x, t) + field(x, t + h)) / 2,
                "the second velocity is taken at x: it belongs to the state that an Euler step predicts."),
        Mistake("midpoint", lambda field, x, t, h: x + h * field(x + h / 2 * field(x, t), t + h / 2),
                "this is the midpoint step, a right method of order 2, but another one: Heun averages the two ends."),
        Mistake("no h in the prediction",
                lambda field, x, t, h: x + h * (field(x, t) + field(x + field(x, t), t + h)) / 2,
                "the predicted state adds the whole velocity: a factor h is missing there."),
        Mistake("no h", lambda field, x, t, h: _heun_with(field, x, t, h, lambda k1, k2: x + (k1 + k2) / 2),
                "the mean velocity is added whole: how far does a state travel with it in a time h?"),
        Mistake("h twice in the end", lambda field, x, t, h: x + h * (_heun(field, x, t, h) - x),
                "the mean is multiplied by h twice: if k_1 and k_2 hold an h already, the last line brings no other."),
        Mistake("h twice in the prediction",
                lambda field, x, t, h: x + h * (field(x, t) + field(x + h**2 * field(x, t), t + h)) / 2,
                "the prediction is multiplied by h twice: if k_1 holds an h already, the prediction brings no other."),
        Mistake("from the prediction", lambda field, x, t, h: _heun(field, x, t, h) + h * field(x, t),
                "the mean is added to the predicted state: the step starts from x, the prediction serves k_2 alone."),
        Mistake("no brackets", lambda field, x, t, h: _heun_with(field, x, t, h, lambda k1, k2: x + h * k1 + k2 / 2),
                "brackets are missing: both velocities are multiplied by h, and both are halved."),
        Mistake("half of one", lambda field, x, t, h: _heun_with(field, x, t, h, lambda k1, k2: x + h * (k1 + k2 / 2)),
                "only the second velocity is halved: a mean halves the sum of both."),
        Mistake("change only", lambda field, x, t, h: _heun(field, x, t, h) - x,
                "this is only the change: the state x that it is added to is missing."),
        Mistake("prediction without x",
                lambda field, x, t, h: x + h * (field(x, t) + field(h * field(x, t), t + h)) / 2,
                "the second velocity is taken at the change alone: the predicted state is x plus that change."),
        Mistake("only the end", lambda field, x, t, h: x + h * field(x + h * field(x, t), t + h),
                "only the velocity at the end of the step is used: Heun averages it with the one at the start."),
    ),
)  # fmt: skip


def _heun_with(field, x, t, h, combine):
    start = field(x, t)
    return combine(start, field(x + h * start, t + h))


def _dyadic(value, low: float, high: float) -> float:
    """A number of 64ths strictly between low and high, for a standard normal value."""
    return (1 + math.floor((64 * (high - low) - 1) * value.sigmoid().item())) / 64 + low


def _draw_brownian(seed: int) -> dict:
    normal = random_inputs(seed)
    return {"eps": normal(5 + seed % 4, 3, 2), "h": _dyadic(normal(1), 0.25, 0.75) ** 2}


def _brownian(eps, h):
    w = [torch.zeros_like(eps[0])]
    for e in eps:
        w.append(w[-1] + h**0.5 * e)
    return torch.stack(w)


BROWNIAN = Exercise(
    "brownian_motion", "1.3", "Brownian motion from increments", 2, _draw_brownian, _brownian,
    (
        Mistake("h for sqrt(h)", lambda eps, h: _brownian(eps, h**2),
                "the increments are scaled by h: their variance, not their standard deviation, has to be h."),
        Mistake("no scale", lambda eps, h: _brownian(eps, 1.0),
                "the increments are not scaled at all: over a time h the variance grows by h."),
        Mistake("start missing", lambda eps, h: _brownian(eps, h)[1:],
                "the start is missing: the first entry is W_0 = 0, so n increments give n + 1 values."),
        Mistake("end missing", lambda eps, h: _brownian(eps, h)[:-1],
                "the last value is missing: n increments lead from the first value to n more."),
        Mistake("h for 1 / n", lambda eps, h: _brownian(eps, 1 / len(eps)),
                "the steps have the length 1 / n: h is given, and n steps need not end at t = 1."),
        Mistake("first number as start", lambda eps, h: torch.cat([eps[:1], h**0.5 * eps.cumsum(0)]),
                "the path starts at the first normal number: W_0 is 0."),
        Mistake("not summed", lambda eps, h: torch.cat([torch.zeros_like(eps[:1]), h**0.5 * eps]),
                "these are the increments themselves: W_t is the sum of all increments up to t."),
        Mistake("summed over the batch", lambda eps, h: torch.cat([0 * eps[:1], (h**0.5 * eps).cumsum(1)]),
                "the sum runs over the batch: paths are independent, the sum runs along time, the first axis."),
        Mistake("summed over the last axis", lambda eps, h: torch.cat([0 * eps[:1], (h**0.5 * eps).cumsum(-1)]),
                "the sum runs along the last axis, over the coordinates: it runs along time, the first axis."),
        Mistake("scaled by time", lambda eps, h: _by_time(eps, h),
                "each W_t is drawn afresh as sqrt(t) eps: the variance is right, but a path must keep its past."),
        Mistake("last not filled", lambda eps, h: torch.cat([_brownian(eps, h)[:-1], 0 * eps[:1]]),
                "the last value is never filled: the loop over the increments ends one short."),
        Mistake("loop from 1", lambda eps, h: _brownian(eps[1:], h),
                "the first increment eps[0] is missing: does the loop start at 1?"),
        Mistake("loop from 1, value left 0", lambda eps, h: torch.cat([0 * eps[:1], _brownian(eps[1:], h)]),
                "the first increment eps[0] is missing, and the second value is still 0: does the loop start at 1?"),
        Mistake("root of eps", lambda eps, h: _brownian((h * eps).sqrt(), 1.0),
                "the root is taken of eps, too: eps is scaled by the root of h alone."),
        Mistake("overwritten", lambda eps, h: _brownian(eps, h)[-1:].expand(len(eps) + 1, *eps.shape[1:]),
                "all values are the last one: the list holds one and the same tensor, changed in place (by +=) "
                "at every step. Make a new tensor for each value."),
        Mistake("overwritten, start missing", lambda eps, h: _brownian(eps, h)[-1:].expand_as(eps),
                "all values are the last one, and W_0 is missing: the list holds one and the same tensor, changed in "
                "place (by +=) at every step. Make a new tensor for each value."),
        Mistake("overwritten after the start", lambda eps, h: _overwritten(_brownian(eps, h)),
                "all values after the first are the last one: the list holds one and the same tensor, changed in place "
                "(by +=) at every step. Make a new tensor for each value."),
    ),
)  # fmt: skip


def _by_time(eps, h):
    t = h * torch.arange(1, len(eps) + 1, dtype=eps.dtype).reshape(-1, 1, 1)
    return torch.cat([torch.zeros_like(eps[:1]), t.sqrt() * eps])


def _draw_euler_maruyama(seed: int) -> dict:
    normal = random_inputs(seed)
    sde = {"family": "affine SDE", **_affine(normal, 2), "scale": normal(1).exp()}
    t, h = normal(2).sigmoid()
    return {"sde": sde, "x": normal(4, 2), "t": t, "h": h / 2, "dw": (h / 2).sqrt() * normal(4, 2)}


def _euler_maruyama(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) * dw


EULER_MARUYAMA = Exercise(
    "euler_maruyama_step", "1.4", "Euler–Maruyama step", 2, _draw_euler_maruyama, _euler_maruyama,
    (
        Mistake("root twice", lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + sde.diffusion(x, t) * h.sqrt() * dw,
                "the noise is scaled by sqrt(h) once more: dw already has the variance h."),
        Mistake("h on the noise", lambda sde, x, t, h, dw: x + h * (sde.drift(x, t) + sde.diffusion(x, t) * dw),
                "the noise is multiplied by h: only the drift is a rate per time."),
        Mistake("no drift", lambda sde, x, t, h, dw: x + sde.diffusion(x, t) * dw,
                "the drift is missing."),
        Mistake("minus noise", lambda sde, x, t, h, dw: x + h * sde.drift(x, t) - sde.diffusion(x, t) * dw,
                "the noise has the wrong sign: the law is the same, but not the path that dw drives."),
        Mistake("divided by the root",
                lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + sde.diffusion(x, t) * dw / h.sqrt(),
                "dw is divided by sqrt(h): it is used as it is, with the variance h."),
        Mistake("no noise", lambda sde, x, t, h, dw: x + h * sde.drift(x, t),
                "the noise is missing: this is the Euler step of an ODE."),
        Mistake("no diffusion coefficient", lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + dw,
                "the noise is not multiplied by the diffusion coefficient."),
        Mistake("squared", lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + sde.diffusion(x, t) ** 2 * dw,
                "the diffusion coefficient is squared: its square is the variance per time, not the factor of dw."),
        Mistake("root of sigma", lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + sde.diffusion(x, t).sqrt() * dw,
                "the root of the diffusion coefficient multiplies dw: sigma is no variance, it is the factor itself."),
        Mistake("time for step", lambda sde, x, t, h, dw: x + t * sde.drift(x, t) + sde.diffusion(x, t) * dw,
                "the drift is multiplied by the time t: the length of the step is h."),
        Mistake("growing with x", lambda sde, x, t, h, dw: x * (1 + h * sde.drift(x, t) + sde.diffusion(x, t) * dw),
                "the change is multiplied by x: whether it grows with x is for drift and diffusion to say."),
        Mistake("drift without h", lambda sde, x, t, h, dw: x + sde.drift(x, t) + sde.diffusion(x, t) * dw,
                "the drift is added whole: in a time h it moves the state by h times as much."),
        Mistake("root on the drift", lambda sde, x, t, h, dw: x + h.sqrt() * sde.drift(x, t) + sde.diffusion(x, t) * dw,
                "the drift is multiplied by sqrt(h): only noise grows like that; the drift is a rate per time."),
        Mistake("later time", lambda sde, x, t, h, dw: x + h * sde.drift(x, t) + sde.diffusion(x, t + h) * dw,
                "the diffusion coefficient is taken at t + h: Itô takes it at the beginning of the step."),
        Mistake("all at the later time", lambda sde, x, t, h, dw: _euler_maruyama(sde, x, t + h, h, dw),
                "drift and diffusion are taken at the end of the step: Itô takes them at t."),
        Mistake("moved state", lambda sde, x, t, h, dw: _drift_first(sde, x + h * sde.drift(x, t), t, dw),
                "the diffusion coefficient is taken where the drift has already moved the state: Itô takes it at x."),
        Mistake("exchanged", lambda sde, x, t, h, dw: x + h * sde.diffusion(x, t) + sde.drift(x, t) * dw,
                "drift and diffusion are exchanged: the drift belongs to the time, the diffusion to the noise."),
        Mistake("increment only", lambda sde, x, t, h, dw: h * sde.drift(x, t) + sde.diffusion(x, t) * dw,
                "this is only the change: the state x that it is added to is missing."),
    ),
)  # fmt: skip


def _drift_first(sde, moved, t, dw):
    return moved + sde.diffusion(moved, t) * dw


def _draw_ornstein_uhlenbeck(seed: int) -> dict:
    normal = random_inputs(seed)
    theta, sigma = _dyadic(normal(1), 0.5, 1.0), _dyadic(normal(1), 1.0, 3.0)
    return {"x": normal(4, 1 + seed % 3), "t": normal(1).sigmoid()[0], "theta": theta, "sigma": sigma}


def _ornstein_uhlenbeck(x, t, theta, sigma):
    return -theta * x, torch.full_like(x, sigma)


ORNSTEIN_UHLENBECK = Exercise(
    "ornstein_uhlenbeck", "1.5", "Ornstein–Uhlenbeck process", 2, _draw_ornstein_uhlenbeck, _ornstein_uhlenbeck,
    (
        Mistake("pushed away", lambda x, t, theta, sigma: (theta * x, torch.full_like(x, sigma)),
                "the drift pushes away from 0: with theta > 0 the process is pulled back to 0."),
        Mistake("variance", lambda x, t, theta, sigma: (-theta * x, torch.full_like(x, sigma**2)),
                "the diffusion is squared: the coefficient in front of dW is asked for."),
        Mistake("swapped", lambda x, t, theta, sigma: (torch.full_like(x, sigma), -theta * x),
                "drift and diffusion are swapped: the drift comes first."),
        Mistake("no theta", lambda x, t, theta, sigma: (-x, torch.full_like(x, sigma)),
                "theta is missing: it says how strong the pull is."),
        Mistake("no x", lambda x, t, theta, sigma: (torch.full_like(x, -theta), torch.full_like(x, sigma)),
                "the state is missing in the drift: the pull to 0 grows with the distance from 0."),
        Mistake("theta and sigma exchanged", lambda x, t, theta, sigma: (-sigma * x, torch.full_like(x, theta)),
                "theta and sigma are exchanged: theta belongs to the pull, sigma to the noise."),
        Mistake("stationary", lambda x, t, theta, sigma: (-theta * x, torch.full_like(x, sigma / (2 * theta) ** 0.5)),
                "this diffusion is the standard deviation of the limit law, not the coefficient in front of dW."),
        Mistake("exact law", lambda x, t, theta, sigma: _law(x, t, theta, sigma, 1),
                "these are mean and variance of X_t, which belong to the solution: asked for are the two coefficients "
                "of the SDE."),
        Mistake("exact law, standard deviation", lambda x, t, theta, sigma: _law(x, t, theta, sigma, 0.5),
                "these are mean and standard deviation of X_t, which belong to the solution: asked for are the two "
                "coefficients of the SDE."),
        Mistake("diffusion times x", lambda x, t, theta, sigma: (-theta * x, sigma * x),
                "the diffusion is multiplied by x: that is geometric Brownian motion; here the noise is additive."),
        Mistake("drift times t", lambda x, t, theta, sigma: (-theta * x * t, torch.full_like(x, sigma)),
                "the drift is multiplied by t: the coefficients do not depend on t."),
        Mistake("diffusion times the root of t", lambda x, t, theta, sigma: (-theta * x, sigma * t.sqrt()),
                "the diffusion is multiplied by sqrt(t), which dW brings along: the coefficients do not depend on t."),
    ),
    observer="drift and diffusion",
)  # fmt: skip


def _law(x, t, theta, sigma, power):
    variance = sigma**2 / (2 * theta) * (1 - torch.exp(-2 * theta * t))
    return x * torch.exp(-theta * t), variance**power


def _draw_langevin(seed: int) -> dict:
    normal = random_inputs(seed)
    score = {"family": "affine score", "matrix": normal(2, 2), "mean": normal(2)}
    x = normal(4, 2)
    x[1] = 2 * score["mean"] - x[0]  # opposite scores: a log of both is nan in one alone
    return {"score": score, "x": x, "sigma": _dyadic(normal(1), 1.0, 2.0)}


def _langevin(score, x, sigma):
    return sigma**2 / 2 * score(x)


LANGEVIN = Exercise(
    "langevin_drift", "1.6", "Langevin drift", 2, _draw_langevin, _langevin,
    (
        Mistake("no half", lambda score, x, sigma: sigma**2 * score(x),
                "the drift is twice as strong as the noise allows: particles would settle on p^2 instead of p."),
        Mistake("not squared", lambda score, x, sigma: sigma / 2 * score(x),
                "sigma enters with the wrong power: it is the variance of the noise that the drift has to balance."),
        Mistake("sigma alone", lambda score, x, sigma: sigma * score(x),
                "the factor of the score is sigma: noise and drift balance if it is half the *variance* per time."),
        Mistake("root of the half", lambda score, x, sigma: sigma / 2**0.5 * score(x),
                "the factor of the score is the root of what it has to be: the drift balances a variance."),
        Mistake("log of the score", lambda score, x, sigma: sigma**2 / 2 * score(x).log(),
                "score(x) is already the gradient of log p: no log is needed."),
        Mistake("log of the score alone", lambda score, x, sigma: score(x).log(),
                "the score is already the gradient of log p: take no log of it, but weigh it with the noise."),
        Mistake("half squared", lambda score, x, sigma: (sigma / 2) ** 2 * score(x),
                "the half is squared, too: the drift is half as strong as it has to be."),
        Mistake("half the score", lambda score, x, sigma: score(x) / 2,
                "sigma is missing: this drift would balance the noise for sigma = 1 only."),
        Mistake("downhill", lambda score, x, sigma: -(sigma**2) / 2 * score(x),
                "the drift runs downhill, away from where p is large."),
        Mistake("score alone", lambda score, x, sigma: score(x),
                "this is the score alone: stronger noise needs a stronger drift."),
        Mistake("no score", lambda score, x, sigma: sigma**2 / 2 * x,
                "the score is not used: the drift follows the gradient of log p at x, not x itself."),
        Mistake("a step", lambda score, x, sigma: x + sigma**2 / 2 * score(x),
                "this is a whole step: only the drift is asked for; the simulator adds it to x."),
    ),
)  # fmt: skip

EXERCISES = by_name(EULER, HEUN, BROWNIAN, EULER_MARUYAMA, ORNSTEIN_UHLENBECK, LANGEVIN)

euler = EULER.check
heun_step = HEUN.check
brownian_motion = BROWNIAN.check
euler_maruyama_step = EULER_MARUYAMA.check
ornstein_uhlenbeck = ORNSTEIN_UHLENBECK.check
langevin_drift = LANGEVIN.check
