"""Lab 2: flow matching. Exercises 2.1 to 2.9."""

import math

import torch

from course_utils.checks.old import Exercise, Mistake, by_name, random_inputs
from course_utils.schedules import Cosine


def _power_schedule(normal) -> dict:
    a, b = (1.5 + normal(2).sigmoid()).tolist()
    return {"family": "power schedule", "a": a, "b": b}


def _times(normal, n: int) -> torch.Tensor:
    return 0.1 + 0.8 * normal(n).sigmoid()


def _column(t, x):
    return t.reshape(-1, *[1] * (x.ndim - 1))


# 2.1


def _draw_cosine(seed: int) -> dict:
    return {"t": torch.cat([_times(random_inputs(seed), 3), torch.tensor([0.0, 1.0], dtype=torch.float64)])}


def _cosine(t):
    rate = math.pi / 2
    return (rate * t).sin(), (rate * t).cos(), rate * (rate * t).cos(), -rate * (rate * t).sin()


def _at_rate(t, rate):
    return (rate * t).sin(), (rate * t).cos(), rate * (rate * t).cos(), -rate * (rate * t).sin()


def _cosine_squared(t):
    c = math.pi / 2
    dot = c * (2 * c * t).sin()
    return (c * t).sin() ** 2, (c * t).cos() ** 2, dot, -dot


def _rest_of_alpha(t):
    alpha, _, alpha_dot, _ = _cosine(t)
    return alpha, 1 - alpha, alpha_dot, -alpha_dot


def _changed(index: int, value):
    """The cosine schedule with one of its four values replaced."""

    def wrong(t):
        values = list(_cosine(t))
        values[index] = value(t)
        return tuple(values)

    return wrong


COSINE_SCHEDULE = Exercise(
    "cosine_schedule", "2.1", "Cosine schedule", 2, _draw_cosine, _cosine,
    (
        Mistake("noise and data exchanged", lambda t: tuple(_cosine(t)[i] for i in (1, 0, 3, 2)),
                "time runs backwards: at t = 0 all is noise (alpha = 0), at t = 1 all is data (alpha = 1)."),
        Mistake("only derivatives exchanged", lambda t: tuple(_cosine(t)[i] for i in (0, 1, 3, 2)),
                "the two derivatives are exchanged: the third value belongs to alpha, the fourth to beta."),
        Mistake("each with its derivative", lambda t: tuple(_cosine(t)[i] for i in (0, 2, 1, 3)),
                "the order: first alpha and beta, then their two derivatives."),
        Mistake("no chain rule", lambda t: (*_cosine(t)[:2], (math.pi / 2 * t).cos(), -(math.pi / 2 * t).sin()),
                "the chain rule is missing: the argument of sine and cosine is not t itself."),
        Mistake("chain rule upside down",
                lambda t: (*_cosine(t)[:2], *(dot / (math.pi / 2) ** 2 for dot in _cosine(t)[2:])),
                "the derivatives are divided by the inner derivative: that is integration."),
        Mistake("beta is 1 - alpha", lambda t: _rest_of_alpha(t),
                "beta is 1 - alpha: here the *squares* add up to 1."),
        Mistake("sign of beta_dot", _changed(3, lambda t: -_cosine(t)[3]),
                "the sign of beta_dot: the noise fades away, so beta falls."),
        Mistake("sign of alpha_dot", _changed(2, lambda t: -_cosine(t)[2]),
                "the sign of alpha_dot: the share of data grows, so alpha rises."),
        Mistake("pi for pi/2", lambda t: _at_rate(t, math.pi),
                "this schedule runs too fast: t from 0 to 1 is a quarter of a turn, so that alpha ends at 1."),
        Mistake("no pi", lambda t: _at_rate(t, 1.0),
                "this schedule does not arrive: put in t = 1 and see what alpha and beta are."),
        Mistake("squares", _cosine_squared,
                "these are squares: here alpha^2 + beta^2 = 1, not alpha + beta."),
        Mistake("linear derivatives", lambda t: (*_cosine(t)[:2], torch.ones_like(t), -torch.ones_like(t)),
                "these are the derivatives of the linear schedule t, 1 - t."),
    ),
    rtol=1e-6, why="a pi in single precision is no mistake",
    observer="schedule",
)  # fmt: skip


# 2.2


def _draw_sample_path(seed: int) -> dict:
    normal = random_inputs(seed)
    schedule, z = _power_schedule(normal), normal(4, 1, 4, 4)
    return {"schedule": schedule, "z": z, "t": _times(normal, 4), "noise": normal(4, 1, 4, 4)}


def _sample_path(schedule, z, t, noise):
    rows = [schedule.alpha(t[i]) * z[i] + schedule.beta(t[i]) * noise[i] for i in range(len(z))]
    return torch.stack(rows)


def _mix(schedule, z, t, noise):
    return schedule.alpha(t) * z + schedule.beta(t) * noise


SAMPLE_PATH = Exercise(
    "sample_path", "2.2", "Sample from the path", 2, _draw_sample_path, _sample_path,
    (
        Mistake("t not reshaped", _mix,
                "the times met the wrong axis: t of shape (B,) lines up with the last axis of z, not with the batch."),
        Mistake("t of shape (B, 1)", lambda schedule, z, t, noise: _mix(schedule, z, t.reshape(-1, 1), noise),
                "t of shape (B, 1) fits states of shape (B, d) only; images have three axes after the batch."),
        Mistake("images only", lambda schedule, z, t, noise: _mix(schedule, z, t.reshape(-1, 1, 1, 1), noise),
                "t of shape (B, 1, 1, 1) fits images only: the number of axes has to follow from z."),
        Mistake("alpha and beta exchanged", lambda schedule, z, t, noise: _sample_path(schedule, noise, t, z),
                "alpha and beta are exchanged: alpha belongs to the data."),
        Mistake("schedule ignored", lambda schedule, z, t, noise: _column(t, z) * z + (1 - _column(t, z)) * noise,
                "t and 1 - t are one schedule; use the one that is given."),
        Mistake("1 - alpha", lambda schedule, z, t, noise: _by_alpha(schedule, z, t, noise, 1, 1),
                "1 - alpha is the beta of the linear schedule only: ask the schedule for its beta."),
        Mistake("variance preserved", lambda schedule, z, t, noise: _by_alpha(schedule, z, t, noise, 2, 0.5),
                "the noise is multiplied by the root of 1 - alpha^2, but not every schedule keeps the variance: ask it "
                "for its beta."),
        Mistake("roots of both", lambda schedule, z, t, noise: _squared(schedule, z, t, noise, 0.5, 0.5),
                "these are the roots of alpha and beta: in other texts the symbols are squares, here they are the "
                "factors themselves."),
        Mistake("time reversed", lambda schedule, z, t, noise: _mix(schedule, z, 1 - _column(t, z), noise),
                "the schedule is asked at 1 - t: it has noise at t = 0 by itself."),
        Mistake("noise taken away", lambda schedule, z, t, noise: _sample_path(schedule, z, t, -noise),
                "the noise is subtracted: the path adds it."),
        Mistake("cosine schedule", lambda schedule, z, t, noise: _mix(Cosine(), z, _column(t, z), noise),
                "this is the cosine schedule of Exercise 2.1; use the one that is given."),
        Mistake("one time for all", lambda schedule, z, t, noise: _mix(schedule, z, t[0], noise),
                "all states are at the time of the first: each has its own."),
        Mistake("clean data only", lambda schedule, z, t, noise: _mix(schedule, z, _column(t, z), 0 * noise),
                "the noise is missing: at t = 0 nothing else may be there."),
        Mistake("variance", lambda schedule, z, t, noise: _squared(schedule, z, t, noise, 1, 2),
                "the noise is multiplied by beta^2: that is its variance; a sample needs the standard deviation."),
        Mistake("root", lambda schedule, z, t, noise: _squared(schedule, z, t, noise, 1, 0.5),
                "the noise is multiplied by the root of beta: beta itself is the standard deviation."),
        Mistake("data not scaled", lambda schedule, z, t, noise: _squared(schedule, z, t, noise, 0, 1),
                "the data point is not scaled: at small t its share has to be small."),
        Mistake("noise not scaled", lambda schedule, z, t, noise: _squared(schedule, z, t, noise, 1, 0),
                "the noise is not scaled: at t = 1 none of it may be left."),
    ),
    observer="state for points and images",
)  # fmt: skip


def _squared(schedule, z, t, noise, data_power, noise_power):
    t = _column(t, z)
    return schedule.alpha(t) ** data_power * z + schedule.beta(t) ** noise_power * noise


def _by_alpha(schedule, z, t, noise, power, root):
    alpha = schedule.alpha(_column(t, z))
    return alpha * z + (1 - alpha**power) ** root * noise


# 2.3


def _draw_conditional(seed: int) -> dict:
    normal = random_inputs(seed)
    schedule, x, z = _power_schedule(normal), normal(4, 1, 4, 4), normal(4, 1, 4, 4)
    return {"schedule": schedule, "x": x, "z": z, "t": _times(normal, 4)}


def _conditional(schedule, x, z, t):
    t = _column(t, x)
    noise = (x - schedule.alpha(t) * z) / schedule.beta(t)
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * noise


def _formula(schedule, x, z, t, rate=None, alpha=None, signs=(-1, 1)):
    """The formula as it is usually written, with the time as it is given and parts to replace."""
    rate = schedule.beta_dot(t) / schedule.beta(t) if rate is None else rate(t)
    alpha = schedule.alpha(t) if alpha is None else alpha
    return (schedule.alpha_dot(t) + signs[0] * rate * alpha) * z + signs[1] * rate * x


CONDITIONAL_VELOCITY = Exercise(
    "conditional_velocity", "2.3", "Conditional vector field", 2, _draw_conditional, _conditional,
    (
        Mistake("x and z exchanged", lambda schedule, x, z, t: _conditional(schedule, z, x, t),
                "x and z are exchanged: x is where the particle is, z the data point that it travels to."),
        Mistake("alpha missing", lambda schedule, x, z, t: _formula(schedule, x, z, _column(t, x), alpha=1.0),
                "a factor alpha is missing in the bracket before z."),
        Mistake("schedule ignored", lambda schedule, x, z, t: (z - x) / (1 - _column(t, x)),
                "this is the field of the linear schedule alone; use the one that is given."),
        Mistake("whole distance", lambda schedule, x, z, t: z - x,
                "z - x is the way that is left, not the velocity: how much time is left to travel it?"),
        Mistake("target of the path", lambda schedule, x, z, t: _target(schedule, x, z, t),
                "x stands where the noise should: x is a mixture of data and noise, not the noise itself."),
        Mistake("quotient upside down",
                lambda schedule, x, z, t: _formula(schedule, x, z, _column(t, x),
                                                   lambda s: schedule.beta(s) / schedule.beta_dot(s)),
                "the quotient of beta_dot and beta is upside down."),
        Mistake("sign of the quotient",
                lambda schedule, x, z, t: _formula(schedule, x, z, _column(t, x),
                                                   lambda s: -schedule.beta_dot(s) / schedule.beta(s)),
                "the sign of the quotient: beta_dot is negative as it comes, no further minus is needed."),
        Mistake("sign in the bracket",
                lambda schedule, x, z, t: _formula(schedule, x, z, _column(t, x), signs=(1, 1)),
                "the sign in the bracket before z: at x = alpha z, where there is no noise, alpha_dot z must be left."),
        Mistake("sign before x", lambda schedule, x, z, t: _formula(schedule, x, z, _column(t, x), signs=(-1, -1)),
                "the sign before x: at x = alpha z, where there is no noise, alpha_dot z must be left."),
        Mistake("alpha outside the bracket", lambda schedule, x, z, t: _alpha_outside(schedule, x, z, _column(t, x)),
                "alpha multiplies the whole bracket: it belongs to the quotient only, not to alpha_dot."),
        Mistake("distance over beta", lambda schedule, x, z, t: (z - x) / schedule.beta(_column(t, x)),
                "(z - x) / beta is right for the linear schedule only: other schedules need the derivatives."),
        Mistake("no alpha_dot",
                lambda schedule, x, z, t: _conditional(schedule, x, z, t) - schedule.alpha_dot(_column(t, x)) * z,
                "alpha_dot is missing in the bracket before z."),
        Mistake("no quotient before x",
                lambda schedule, x, z, t: _conditional(schedule, 0 * x, z, t) + schedule.beta_dot(_column(t, x)) * x,
                "x is multiplied by beta_dot alone: the quotient stands before x as well."),
        Mistake("bracket around the difference",
                lambda schedule, x, z, t: _wrong_bracket(schedule, x, z, _column(t, x)),
                "the whole difference of the derivatives is divided by beta: the quotient is beta_dot / beta only."),
        Mistake("no pull of x", lambda schedule, x, z, t: _conditional(schedule, torch.zeros_like(x), z, t),
                "the term with x is missing: the velocity depends on where the particle is."),
        Mistake("t not reshaped", _formula,
                "the times met the wrong axis: t of shape (B,) lines up with the last axis of x, not with the batch."),
        Mistake("t of shape (B, 1)", lambda schedule, x, z, t: _formula(schedule, x, z, t.reshape(-1, 1)),
                "t of shape (B, 1) fits states of shape (B, d) only; images have three axes after the batch."),
    ),
    why="float64, t <= 0.9: beta is far from 0, where digits would be lost",
    observer="state for points and images",
)  # fmt: skip


def _alpha_outside(schedule, x, z, t):
    rate = schedule.beta_dot(t) / schedule.beta(t)
    return (schedule.alpha_dot(t) - rate) * schedule.alpha(t) * z + rate * x


def _wrong_bracket(schedule, x, z, t):
    rate = (schedule.alpha_dot(t) - schedule.beta_dot(t)) / schedule.beta(t)
    return rate * schedule.alpha(t) * z + schedule.beta_dot(t) / schedule.beta(t) * x


def _target(schedule, x, z, t):
    t = _column(t, x)
    return schedule.alpha_dot(t) * z + schedule.beta_dot(t) * x


# 2.4


def _draw_marginal(seed: int) -> dict:
    """The last of the states lies so far away that every one of its likelihoods is 0 in floating point."""
    normal = random_inputs(seed)
    far = torch.tensor([1.0, 1.0, 1.0, 60.0], dtype=torch.float64)[:, None]
    return {"x": far * normal(4, 2).sign() * (1 + normal(4, 2).sigmoid()), "t": 0.3 + 0.3 * normal(1).sigmoid()[0],
            "data": normal(6, 2)}  # fmt: skip


def _marginal(x, t, data):
    rows = []
    for point in x.unbind():
        logs = torch.stack([-((point - t * z) ** 2).sum() / (2 * (1 - t) ** 2) for z in data])
        weights = (logs - logs.max()).exp()
        mean = sum(w * z for w, z in zip(weights, data, strict=True)) / weights.sum()
        rows.append((mean - point) / (1 - t))
    return torch.stack(rows)


def _weighted(weigh, divide=True, move=True, width=lambda t: 2 * (1 - t) ** 2):
    """The marginal field with parts to replace; `weigh` turns log-likelihoods (batch, n) into weights."""

    def field(x, t, data):
        squares = ((x[:, None] - (t if move else 1) * data) ** 2).sum(-1)
        mean = weigh(-squares / width(t)) @ data
        return (mean - x) / (1 - t) if divide else mean - x

    return field


def _averaged(weigh):
    """The same, written as an average of velocities: it differs where the weights do not sum to 1."""

    def field(x, t, data):
        logs = -((x[:, None] - t * data) ** 2).sum(-1) / (2 * (1 - t) ** 2)
        return (weigh(logs)[..., None] * (data - x[:, None])).sum(1) / (1 - t)

    return field


def _softmax(logs):
    return logs.softmax(1)


MARGINAL_VELOCITY = Exercise(
    "marginal_velocity", "2.4", "Marginal vector field", 3, _draw_marginal, _marginal,
    (
        Mistake("exponentials underflow", _weighted(lambda logs: logs.exp() / logs.exp().sum(1, keepdim=True)),
                "0 / 0: far from every data point all likelihoods round to 0. Stay with logarithms until the weights "
                "are normalised (or subtract the largest first)."),
        Mistake("underflow hidden", _weighted(lambda logs: logs.exp() / (logs.exp().sum(1, keepdim=True) + 1e-8)),
                "a small number in the denominator hides 0 / 0, but far from the data all weights are then 0. Stay "
                "with logarithms until they are normalised."),
        Mistake("underflow hidden, field by field",
                _averaged(lambda logs: logs.exp() / (logs.exp().sum(1, keepdim=True) + 1e-8)),
                "far from the data the velocity is 0: all likelihoods round to 0 there, and a small number in the "
                "denominator only hides it. Stay with logarithms until the weights are normalised."),
        Mistake("not normalised", _weighted(lambda logs: logs.exp()),
                "the weights of a state do not sum to 1: divide by p_t(x), the sum over all data points."),
        Mistake("not normalised, field by field", _averaged(lambda logs: logs.exp()),
                "the velocities are added with weights that do not sum to 1: divide by p_t(x), the sum over all data "
                "points."),
        Mistake("divided by n as well", _averaged(lambda logs: logs.softmax(1) / logs.shape[1]),
                "the average is divided by the number of data points as well: the weights sum to 1 already."),
        Mistake("normalised over the batch", _weighted(lambda logs: logs.softmax(0)),
                "the weights are normalised over the batch: each state has its own, which sum to 1 over the data."),
        Mistake("equal weights", _weighted(lambda logs: torch.full_like(logs, 1 / logs.shape[1])),
                "all data points have the same weight: those that x is likelier to come from have to count for more."),
        Mistake("nearest only", _weighted(lambda logs: (logs == logs.amax(1, keepdim=True)).to(logs)),
                "only the likeliest data point counts: the marginal field is the weighted average over all."),
        Mistake("likelihood upside down", _weighted(lambda logs: (-logs).softmax(1)),
                "the farthest points have the largest weights: the sign of the squared distance."),
        Mistake("distance to z", _weighted(_softmax, move=False),
                "the distance is taken to z: at time t the Gaussian of a data point is centred elsewhere."),
        Mistake("no 2", _weighted(_softmax, width=lambda t: (1 - t) ** 2),
                "a factor 2 is missing in the exponent of the Gaussian density."),
        Mistake("brackets in the exponent", _weighted(_softmax, width=lambda t: 2 / (1 - t) ** 2),
                "the exponent is multiplied by the variance: in Python, a / 2 * b is (a / 2) * b, so the denominator "
                "needs brackets."),
        Mistake("logarithms as weights", _weighted(lambda logs: logs / logs.sum(1, keepdim=True)),
                "the weights are shares of the logarithms (or squared distances), so that far points count most: "
                "likelihoods are exponentials."),
        Mistake("standard deviation", _weighted(_softmax, width=lambda t: 2 * (1 - t)),
                "the exponent is divided by the standard deviation: it needs the variance."),
        Mistake("no width", _weighted(_softmax, width=lambda t: 2.0),
                "the exponent does not know how wide the Gaussian is at time t."),
        Mistake("distance not squared", lambda x, t, data: _not_squared(x, t, data),
                "the distances are not squared: check the exponent of the Gaussian density."),
        Mistake("whole distance", _weighted(_softmax, divide=False),
                "this is the way that is left, not the velocity: how much time is left to travel it?"),
        Mistake("squares not added", lambda x, t, data: _each_coordinate(x, t, data),
                "each coordinate has weights of its own: the squared norm is the sum over the coordinates."),
        Mistake("mean of the squares", _weighted(_softmax, width=lambda t: 4 * (1 - t) ** 2),
                "the exponent is half of what it should be: a squared norm is a sum over the coordinates, not a mean."),
        Mistake("away from the data", lambda x, t, data: -_marginal(x, t, data),
                "the velocity points from the data to x: the states have to arrive at the data."),
        Mistake("x forgotten", lambda x, t, data: _marginal(x, t, data) + x / (1 - t),
                "x is missing from the numerator: the velocities lead from x to the data points."),
        Mistake("mean of the data", lambda x, t, data: x + (1 - t) * _marginal(x, t, data),
                "this is the average data point: average the conditional *velocities* towards them."),
    ),
    why="float64; states of size 100 leave rounding errors near 1e-12",
)  # fmt: skip


def _each_coordinate(x, t, data):
    weights = (-((x[:, None] - t * data) ** 2) / (2 * (1 - t) ** 2)).softmax(1)
    return ((weights * data).sum(1) - x) / (1 - t)


def _not_squared(x, t, data):
    distance = ((x[:, None] - t * data) ** 2).sum(-1).sqrt()
    return ((-distance / (2 * (1 - t) ** 2)).softmax(1) @ data - x) / (1 - t)


# 2.5


def _draw_divergence(seed: int) -> dict:
    normal = random_inputs(seed)
    d = 3 + seed % 2
    field = {"family": "polynomial field", "quadratic": normal(d, d, d), "matrix": normal(d, d)}
    return {"field": field, "x": normal(5, d), "t": _times(normal, 5)}


def _divergence(field, x, t):
    q = field.quadratic
    slopes = torch.einsum("iik->k", q) + torch.einsum("iki->k", q)
    return (1 + t) * (x @ slopes) + field.matrix.trace()


def _jacobian(field, x, t):
    q = field.quadratic + field.quadratic.mT
    return (1 + t)[:, None, None] * torch.einsum("ijk,bk->bij", q, x) + field.matrix


def _terms(field, x, t):
    return _jacobian(field, x, t).diagonal(dim1=1, dim2=2)


def _below(field, x, t):
    """What backward() leaves in x.grad from the components before: du_j/dx_i for j < i."""
    return _jacobian(field, x, t).triu(1).sum((1, 2))


DIVERGENCE = Exercise(
    "divergence", "2.5", "Divergence", 3, _draw_divergence, _divergence,
    (
        Mistake("sum of all partial derivatives", lambda field, x, t: _jacobian(field, x, t).sum((1, 2)),
                "all partial derivatives are added, du_1/dx_2 among them: the divergence takes each component along "
                "its own coordinate only."),
        Mistake("summed over the batch", lambda field, x, t: _divergence(field, x, t).sum(),
                "one number came back for the whole batch: each state has its own divergence."),
        Mistake("first coordinate only", lambda field, x, t: _jacobian(field, x, t)[:, 0, 0],
                "only the first coordinate counts: add up over all of them."),
        Mistake("row instead of column",
                lambda field, x, t: sum(_jacobian(field, x, t)[i, i] for i in range(x.shape[1])),
                "a row of the gradient is taken, which belongs to one state: coordinate i of all states is a column."),
        Mistake("last coordinate only", lambda field, x, t: _jacobian(field, x, t)[:, -1, -1],
                "only the last coordinate counts: each round of the loop has to add to a sum, not to replace it."),
        Mistake("two coordinates only", lambda field, x, t: _terms(field, x, t)[:, :2].sum(1),
                "only the first two coordinates count: a field may have more of them, x.shape[1]."),
        Mistake("gradients pile up", lambda field, x, t: _terms(field, x, t).sum(1) + _below(field, x, t),
                "earlier gradients are still there: backward() adds to x.grad; torch.autograd.grad starts afresh."),
        Mistake("divided by the batch", lambda field, x, t: _divergence(field, x, t) / len(x),
                "the result is divided by the size of the batch: add the components up, do not average them."),
        Mistake("not added up", lambda field, x, t: _jacobian(field, x, t).diagonal(dim1=1, dim2=2),
                "these are the terms of the divergence, one a coordinate: add them up."),
        Mistake("mean", lambda field, x, t: _divergence(field, x, t) / x.shape[1],
                "this is the mean over the coordinates; the divergence is their sum."),
        Mistake("a column", lambda field, x, t: _divergence(field, x, t)[:, None],
                "the result has one axis too many: one number a state, shape (batch,)."),
        Mistake("whole Jacobian", _jacobian,
                "this is the Jacobian matrix of each state: only its trace is asked for."),
        Mistake("time stands still", lambda field, x, t: _divergence(field, x, torch.zeros_like(t)),
                "the field is differentiated at t = 0: it changes with time."),
        Mistake("sign", lambda field, x, t: -_divergence(field, x, t),
                "the sign: a field that points away from everywhere has positive divergence."),
    ),
    why="float64; the derivatives of polynomials are exact to rounding",
)  # fmt: skip


# 2.6


def _affine(normal, dim: int) -> dict:
    return {"family": "affine model", "matrix": normal(dim, dim), "offset": normal(dim), "rate": normal(dim)}


def _draw_loss(seed: int) -> dict:
    normal = random_inputs(seed)
    model, schedule = _affine(normal, 2), _power_schedule(normal)
    return {"model": model, "schedule": schedule, "z": normal(5, 2), "t": _times(normal, 5), "noise": normal(5, 2)}


def _loss(model, schedule, z, t, noise):
    alpha, beta, alpha_dot, beta_dot = torch.stack([f(t) for f in _functions(schedule)])[..., None]
    x, target = alpha * z + beta * noise, alpha_dot * z + beta_dot * noise
    velocity = x @ model.matrix.T + model.offset + t[:, None] * model.rate
    return torch.dist(velocity, target) ** 2 / len(z)


def _functions(schedule):
    return schedule.alpha, schedule.beta, schedule.alpha_dot, schedule.beta_dot


def _variant(state=None, time=None, target=None, reduce=lambda squares: squares.sum(1).mean(), output=lambda u: u):
    """The loss with parts to replace; each gets alpha, beta, their derivatives, z and noise."""

    def loss(model, schedule, z, t, noise):
        parts = [*(f(t[:, None]) for f in _functions(schedule)), z, noise]
        x = parts[0] * z + parts[1] * noise if state is None else state(*parts)
        goal = parts[2] * z + parts[3] * noise if target is None else target(*parts)
        return reduce((output(model(x, t if time is None else time(t))) - goal) ** 2)

    return loss


def _at(model, schedule, z, t, noise, share_z, share_noise, target=None):
    """The loss at a state with other shares of data and noise."""
    x = share_z[:, None] * z + share_noise[:, None] * noise
    if target is None:
        target = schedule.alpha_dot(t)[:, None] * z + schedule.beta_dot(t)[:, None] * noise
    return ((model(x, t) - target) ** 2).sum(1).mean()


def _left(model, schedule, z, t, noise, power=1):
    a, b = schedule.alpha(t), schedule.beta(t)
    x = a[:, None] * z + b[:, None] * noise
    return _at(model, schedule, z, t, noise, a, b, (z - x) / (1 - t[:, None]) ** power)


def _moving(model, schedule, z, t, noise):
    a, b, a_dot, b_dot = (f(t) for f in _functions(schedule))
    x = a[:, None] * z + b[:, None] * noise
    return _at(model, schedule, z, t, noise, a, b, a_dot[:, None] * z + b_dot[:, None] * x)


FLOW_MATCHING_LOSS = Exercise(
    "flow_matching_loss", "2.6", "Flow matching loss", 3, _draw_loss, _loss,
    (
        Mistake("mean over all elements", _variant(reduce=torch.mean),
                "this is half of it. A mean over the coordinates, too? A squared norm sums over them; only the batch "
                "is averaged. Or a factor 1/2, which does not belong here."),
        Mistake("mean and sum exchanged", _variant(reduce=lambda squares: squares.mean(1).sum()),
                "the sum runs over the batch, the mean over the coordinates: it is the other way round."),
        Mistake("norm of the batch", _variant(reduce=lambda squares: squares.sum().sqrt()),
                "this is one norm of the whole batch: each state has a squared norm, and the batch is averaged."),
        Mistake("absolute values", _variant(reduce=lambda squares: squares.sqrt().sum(1).mean()),
                "these are absolute differences: they lead to a median, squares to the average that the field is."),
        Mistake("sum over the batch", _variant(reduce=torch.sum),
                "the terms are added over the batch: an expectation is estimated by their mean."),
        Mistake("norm not squared", _variant(reduce=lambda squares: squares.sum(1).sqrt().mean()),
                "the norm is not squared: its minimiser is a median, not the average that the marginal field is."),
        Mistake("linear target", _variant(target=lambda a, b, a_dot, b_dot, z, noise: z - noise),
                "z - noise is the velocity of the linear schedule: the derivatives of the given one are missing."),
        Mistake("way that is left", lambda model, schedule, z, t, noise: _left(model, schedule, z, t, noise, 0),
                "z - x is the way that is left, not a velocity: the target is the time derivative of x_t."),
        Mistake("state for noise", lambda model, schedule, z, t, noise: _moving(model, schedule, z, t, noise),
                "in the target, the state x stands where the noise should."),
        Mistake("linear target reversed", _variant(target=lambda a, b, a_dot, b_dot, z, noise: noise - z),
                "noise - z is the velocity of the linear schedule with the wrong sign: take the derivatives of the "
                "given alpha and beta."),
        Mistake("linear target from the state",
                lambda model, schedule, z, t, noise: _left(model, schedule, z, t, noise),
                "(z - x) / (1 - t) is the field of the linear schedule alone; use the one that is given."),
        Mistake("linear state", lambda model, schedule, z, t, noise: _at(model, schedule, z, t, noise, t, 1 - t),
                "the state is on the path of the linear schedule; use alpha and beta of the given one."),
        Mistake("state and target of the slide",
                lambda model, schedule, z, t, noise: _at(model, schedule, z, t, noise, 1 - t, t, z - noise),
                "this is the loop on the slide: its time runs backwards, and its target is minus the derivative of its "
                "path."),
        Mistake("target reversed", _variant(target=lambda a, b, a_dot, b_dot, z, noise: -a_dot * z - b_dot * noise),
                "the target points from data to noise: the flow has to go the other way."),
        Mistake("beta_dot with a minus",
                _variant(target=lambda a, b, a_dot, b_dot, z, noise: a_dot * z - b_dot * noise),
                "the sign of the noise in the target: beta_dot is negative as it comes, no further minus is needed."),
        Mistake("target is the state", _variant(target=lambda a, b, a_dot, b_dot, z, noise: a * z + b * noise),
                "the target is the state x_t: the model has to predict how x_t moves, its time derivative."),
        Mistake("target is the data", _variant(target=lambda a, b, a_dot, b_dot, z, noise: z),
                "the target is the data point: that trains a model that predicts z, not a velocity."),
        Mistake("target is the noise", _variant(target=lambda a, b, a_dot, b_dot, z, noise: noise),
                "the target is the noise: that trains a noise predictor, not a velocity."),
        Mistake("time reversed", _variant(time=lambda t: 1 - t),
                "the model is told the time 1 - t, but the state is the one at t."),
        Mistake("state reversed", _variant(state=lambda a, b, a_dot, b_dot, z, noise: b * z + a * noise),
                "alpha and beta are exchanged in the state that the model sees: t = 1 has to be data."),
        Mistake("model sees the data", _variant(state=lambda a, b, a_dot, b_dot, z, noise: z),
                "the model is evaluated at the clean data point: it has to learn at x_t, on the path."),
        Mistake("detached", _variant(output=lambda u: u.detach()),
                "the loss is right, but its gradient is lost: no detach, .item() or no_grad may stand on its way."),
    ),
    rtol=1e-6, why="loss and gradient of an affine model in float64, for times up to 0.9",
    observer="loss and gradient",
)  # fmt: skip


# 2.7


def _draw_train(seed: int) -> dict:
    normal = random_inputs(seed)
    return {
        "model": _affine(normal, 2),
        "loss_fn": {"family": "squared distance"},
        "batches": {"family": "batches", "z": normal(4 + seed % 3, 8, 2), "shift": normal(4 + seed % 3, 8, 2)},
        "optimizer": {"family": "SGD", "lr": 0.02 + 0.03 * normal(1).sigmoid().item()},
    }


def _train(model, loss_fn, batches, optimizer):
    losses, parameters = [], list(model.parameters())
    for batch in batches:
        loss = loss_fn(model, *batch)
        for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            p.grad = gradient
        optimizer.step()
        losses.append(loss.item())
    return losses


def _loop(order: str, keep=lambda batches: batches, log=lambda loss: loss.item(), late=False):
    """A training loop whose steps run in the order of the letters: f(orward), z(ero), b(ackward), s(tep)."""

    def train(model, loss_fn, batches, optimizer):
        losses = []
        for batch in keep(list(batches)):
            for letter in order:
                if letter == "f":
                    loss = loss_fn(model, *batch)
                elif letter == "b":
                    loss.backward()
                elif letter == "z":
                    optimizer.zero_grad()
                else:
                    optimizer.step()
            losses.append(log(loss_fn(model, *batch) if late else loss))
        return losses

    return train


def _one_step_at_the_end(order: str):
    def train(model, loss_fn, batches, optimizer):
        losses = _loop(order)(model, loss_fn, batches, optimizer)
        optimizer.step()
        return losses

    return train


TRAIN = Exercise(
    "train", "2.7", "Training loop", 3, _draw_train, _train,
    (
        Mistake("no zero_grad", _loop("fbs"),
                "the gradients of earlier batches are still there: backward() adds to .grad, it does not replace it."),
        Mistake("no step", _loop("fzb"),
                "the optimiser never made a step: gradients alone do not change a weight."),
        Mistake("no gradient at the step", _loop("fbzs"),
                "the optimiser stepped, but without a gradient: between zero_grad() and step() there must be a "
                "backward(), in every round."),
        Mistake("a batch late", _loop("fszb"),
                "each step uses the gradient of the batch before: the step comes after backward()."),
        Mistake("first batch only", _loop("fzbs", lambda batches: batches[:1]),
                "the loop ends after its first batch: look at how far `return` is indented."),
        Mistake("same batch every time", _loop("fzbs", lambda batches: [batches[0]] * len(batches)),
                "every step uses the first batch: take the next one in each round."),
        Mistake("first part of the batch only", _loop("fzbs", lambda batches: [batch[:1] for batch in batches]),
                "only the first tensor of each batch was used: a batch may have more, and loss_fn wants them all."),
        Mistake("last loss only", lambda *arguments: _loop("fzbs")(*arguments)[-1:],
                "the weights are right, but only the last loss was noted: append in every round."),
        Mistake("loss after the step", _loop("fzbs", late=True),
                "the weights are right, but each loss is the one after its step: note the one before it."),
        Mistake("last batch missing", _loop("fzbs", lambda batches: batches[:-1]),
                "the last batch was not used."),
        Mistake("one step for all batches", _one_step_at_the_end("fb"),
                "there was one step for all batches together: step once a batch, inside the loop."),
        Mistake("one step with the last gradient", _one_step_at_the_end("fzb"),
                "there was one step, after the loop: step once a batch, inside it."),
        Mistake("two steps a batch", _loop("fzbss"),
                "the optimiser makes two steps a batch."),
        Mistake("two passes", _loop("fzbs", lambda batches: batches * 2),
                "the batches were used twice: one pass is asked for."),
    ),
    why="float64; the same sums in the same order",
    observer="training",
)  # fmt: skip


# 2.8


def _draw_generate(seed: int) -> dict:
    normal = random_inputs(seed)
    field = {"family": "curved field", "matrix": normal(2, 2), "offset": normal(2), "rate": normal(2)}
    return {"field": field, "x0": normal(4, 2), "n": (4, 10, 8)[seed % 3]}  # see 1.1


def _euler(field, x0, n, h=None, times=lambda i, n: i / n, steps=None, stuck=False):
    xs = [x0]
    for i in range(n if steps is None else steps):
        t = torch.tensor(times(i, n), dtype=x0.dtype)
        xs.append(xs[-1] + (1 / n if h is None else h) * field(x0 if stuck else xs[-1], t))
    return torch.stack(xs)


def _forgetful(field, x0, n):
    for i in range(n):
        x0 = field(x0, torch.tensor(i / n, dtype=x0.dtype)) / n
    return x0


def _generate(field, x0, n):
    return _euler(field, x0, n)[-1]


GENERATE = Exercise(
    "generate", "2.8", "Generate", 2, _draw_generate, _generate,
    (
        Mistake("one step too few", lambda field, x0, n: _euler(field, x0, n, steps=n - 1)[-1],
                "one step is missing, so t = 1 is not reached. (Algorithm 1 as printed stops early, too.)"),
        Mistake("first step missing",
                lambda field, x0, n: _euler(field, x0, n, steps=n - 1, times=lambda i, n: (i + 1) / n)[-1],
                "the first step, the one at t = 0, is missing. (Algorithm 1 as printed counts from 1, too.)"),
        Mistake("one step too many", lambda field, x0, n: _euler(field, x0, n, steps=n + 1)[-1],
                "there is one step too many: n steps of length 1 / n end at t = 1."),
        Mistake("whole trajectory", _euler,
                "the whole trajectory came back: only its last state is asked for."),
        Mistake("no step size", lambda field, x0, n: _euler(field, x0, n, h=1.0)[-1],
                "each step adds the whole velocity: how far does a state travel in a time 1 / n?"),
        Mistake("first step only", lambda field, x0, n: _euler(field, x0, n)[1],
                "only the first step was made: look at how far `return` is indented, and whether x is replaced."),
        Mistake("state forgotten", lambda field, x0, n: _forgetful(field, x0, n),
                "each new state is the change alone: the state that it is added to is missing."),
        Mistake("longer steps", lambda field, x0, n: _euler(field, x0, n, h=1 / (n - 1))[-1],
                "the steps are too long: n of them have to fill the time from 0 to 1."),
        Mistake("steps the wrong way", lambda field, x0, n: _euler(field, x0, n, h=-1 / n)[-1],
                "the steps go against the field: a state moves along its velocity."),
        Mistake("last step only", lambda field, x0, n: x0 + field(x0, torch.tensor(1 - 1 / n, dtype=x0.dtype)) / n,
                "each step starts again from x0, so that only the last one counts."),
        Mistake("time stands still", lambda field, x0, n: _euler(field, x0, n, times=lambda i, n: 0.0)[-1],
                "every step evaluates the field at t = 0: the time has to advance."),
        Mistake("step number as time", lambda field, x0, n: _euler(field, x0, n, times=lambda i, n: float(i))[-1],
                "the field is given the number of the step as its time: time runs from 0 to 1."),
        Mistake("time of the next step", lambda field, x0, n: _euler(field, x0, n, times=lambda i, n: (i + 1) / n)[-1],
                "the field is evaluated one step ahead: an Euler step uses the time at its start."),
        Mistake("backwards", lambda field, x0, n: _euler(field, x0, n, h=-1 / n, times=lambda i, n: 1 - i / n)[-1],
                "time runs from 1 to 0: noise is at t = 0, data at t = 1."),
        Mistake("times from 1 to 0", lambda field, x0, n: _euler(field, x0, n, times=lambda i, n: 1 - i / n)[-1],
                "the times run from 1 to 0, but the steps go forwards."),
        Mistake("stretched times", lambda field, x0, n: _euler(field, x0, n, times=lambda i, n: i / (n - 1))[-1],
                "the times are too far apart: n steps need n + 1 grid points, the last is reached, not evaluated."),
        Mistake("always from the start", lambda field, x0, n: _euler(field, x0, n, stuck=True)[-1],
                "the velocity is always taken at x0: each step starts from the state that the last one reached."),
    ),
    rtol=1e-5,
    why="times i / n may be computed and added in single precision",
)  # fmt: skip


# 2.9


def _draw_linear(seed: int) -> dict:
    normal = random_inputs(seed)
    t = torch.cat([_times(normal, 2), torch.tensor([0.0, 1.0], dtype=torch.float64)])
    return {"x0": normal(4, 1, 4, 4), "z": normal(4, 1, 4, 4), "t": t}


def _linear(x0, z, t):
    pairs = list(zip(x0, z, t, strict=True))
    return torch.stack([a + s * (b - a) for a, b, s in pairs]), torch.stack([b - a for a, b, _ in pairs])


def _between(x0, z, t):
    return t * z + (1 - t) * x0


LINEAR_PATH = Exercise(
    "linear_path", "2.9", "Linear path", 2, _draw_linear, _linear,
    (
        Mistake("ends exchanged", lambda x0, z, t: _linear(z, x0, t),
                "the ends are exchanged: the path starts at x0 and ends at z."),
        Mistake("only the states exchanged", lambda x0, z, t: (_linear(z, x0, t)[0], z - x0),
                "at t = 0 your x is z: the path starts at x0."),
        Mistake("velocity reversed", lambda x0, z, t: (_linear(x0, z, t)[0], x0 - z),
                "the velocity points back to x0: differentiate x with respect to t. (A slide of CS280 has this slip.)"),
        Mistake("velocity first", lambda x0, z, t: _linear(x0, z, t)[::-1],
                "the two results are exchanged: first the state, then its velocity."),
        Mistake("divided by the time that is left",
                lambda x0, z, t: (_linear(x0, z, t)[0], (z - _between(x0, z, _column(t, z))) / (1 - _column(t, z))),
                "0 / 0 at t = 1: the velocity is right elsewhere, but with both ends known nothing has to be divided."),
        Mistake("divided by the time that has passed",
                lambda x0, z, t: (_linear(x0, z, t)[0], (_between(x0, z, _column(t, z)) - x0) / _column(t, z)),
                "0 / 0 at t = 0: the velocity is right elsewhere, but with both ends known no division is needed."),
        Mistake("velocity of z alone", lambda x0, z, t: (_linear(x0, z, t)[0], z),
                "the velocity is z: the share of x0 changes as well, and its derivative belongs to the velocity."),
        Mistake("not differentiated", lambda x0, z, t: (_linear(x0, z, t)[0], -_between(x0, -z, _column(t, z))),
                "only the sign was changed: in the derivative with respect to t, the factors t and 1 - t turn into "
                "constants."),
        Mistake("velocity times t", lambda x0, z, t: (_linear(x0, z, t)[0], _column(t, z) * (z - x0)),
                "the velocity is multiplied by t: that is the way travelled so far."),
        Mistake("way that is left", lambda x0, z, t: (_linear(x0, z, t)[0], z - _linear(x0, z, t)[0]),
                "z - x is the way that is left: the velocity is constant along the path."),
        Mistake("endpoints added", lambda x0, z, t: (_linear(x0, z, t)[0], z + x0),
                "the sign in the velocity: as the share of z grows, that of x0 falls."),
        Mistake("x0 not faded out", lambda x0, z, t: (x0 + _column(t, z) * z, z - x0),
                "x0 keeps its full share: at t = 1 nothing of it may be left."),
        Mistake("t not reshaped", lambda x0, z, t: (_between(x0, z, t), z - x0),
                "the times met the wrong axis: t of shape (B,) lines up with the last axis of z, not with the batch."),
        Mistake("t of shape (B, 1)", lambda x0, z, t: (_between(x0, z, t.reshape(-1, 1)), z - x0),
                "t of shape (B, 1) fits states of shape (B, d) only; images have three axes after the batch."),
        Mistake("images only", lambda x0, z, t: (_between(x0, z, t.reshape(-1, 1, 1, 1)), z - x0),
                "t of shape (B, 1, 1, 1) fits images only: the number of axes has to follow from z."),
    ),
    observer="x and velocity for points and images",
)  # fmt: skip

EXERCISES = by_name(
    COSINE_SCHEDULE, SAMPLE_PATH, CONDITIONAL_VELOCITY, MARGINAL_VELOCITY, DIVERGENCE, FLOW_MATCHING_LOSS, TRAIN,
    GENERATE, LINEAR_PATH,
)  # fmt: skip

cosine_schedule = COSINE_SCHEDULE
sample_path = SAMPLE_PATH
conditional_velocity = CONDITIONAL_VELOCITY
marginal_velocity = MARGINAL_VELOCITY
divergence = DIVERGENCE
flow_matching_loss = FLOW_MATCHING_LOSS
train = TRAIN
generate = GENERATE
linear_path = LINEAR_PATH
