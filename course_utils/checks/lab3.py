"""Lab 3: scores, noise and stochastic sampling. Exercises 3.1 to 3.5.

Times and schedules are those of Lab 2: nothing relates alpha to beta, and as many states as coordinates make a time
that was not reshaped broadcast, but wrongly.
"""

import torch
import torch.nn.functional as F

from course_utils.checks.old import Exercise, Mistake, by_name, random_inputs

NOT_RESHAPED = "the times met the wrong axis: t of shape (B,) lines up with the last axis of x, not with the batch."
ONE_AXIS = "t of shape (B, 1) fits states of shape (B, d) only; images have three axes after the batch."


def _power_schedule(normal) -> dict:
    a, b = (1.5 + normal(2).sigmoid()).tolist()
    return {"family": "power schedule", "a": a, "b": b}


def _times(normal, n: int) -> torch.Tensor:
    return 0.1 + 0.8 * normal(n).sigmoid()


def _parts(schedule, t, x):
    """alpha, beta and their derivatives at the times of a batch, or at times that already fit x."""
    t = t.reshape(-1, *[1] * (x.ndim - 1)) if t.shape == x.shape[:1] else t
    return schedule.alpha(t), schedule.beta(t), schedule.alpha_dot(t), schedule.beta_dot(t)


# 3.1


def _draw_conditional_score(seed: int) -> dict:
    normal = random_inputs(seed)
    schedule, x, z = _power_schedule(normal), normal(4, 1, 4, 4), normal(4, 1, 4, 4)
    return {"schedule": schedule, "x": x, "z": z, "t": _times(normal, 4)}


def _conditional_score(schedule, x, z, t):
    rows = [(schedule.alpha(s) * b - a) / schedule.beta(s) ** 2 for a, b, s in zip(x, z, t, strict=True)]
    return torch.stack(rows)


def _score(form):
    """A score from a form (x, z, alpha, beta)."""
    return lambda schedule, x, z, t: form(x, z, *_parts(schedule, t, x)[:2])


CONDITIONAL_SCORE = Exercise(
    "conditional_score", "3.1", "Conditional score", 2, _draw_conditional_score, _conditional_score,
    (
        Mistake("sign", _score(lambda x, z, a, b: (x - a * z) / b**2),
                "the sign is wrong: the score points to where the density is larger, towards alpha z."),
        Mistake("not squared", _score(lambda x, z, a, b: -(x - a * z) / b),
                "divided by the standard deviation: the exponent of a Gaussian holds its variance."),
        Mistake("no alpha", _score(lambda x, z, a, b: -(x - z) / b**2),
                "alpha is missing: the mean of p_t(x|z) is not z itself."),
        Mistake("half", _score(lambda x, z, a, b: -(x - a * z) / (2 * b**2)),
                "a factor 1/2 is left over: differentiate the square in the exponent."),
        Mistake("no variance", _score(lambda x, z, a, b: -(x - a * z)),
                "the variance is missing: the narrower a Gaussian, the steeper its log density."),
        Mistake("variance of the data", _score(lambda x, z, a, b: -(x - a * z) / a**2),
                "divided by alpha squared: how wide p_t(x|z) is, the noise decides."),
        Mistake("x and z exchanged", _score(lambda x, z, a, b: -(z - a * x) / b**2),
                "x and z are exchanged: x is the noisy point, z the data point."),
        Mistake("schedule ignored", lambda schedule, x, z, t: _linear_score(x, z, t),
                "t and 1 - t are one schedule; use the one that is given."),
        Mistake("1 - alpha for beta", _score(lambda x, z, a, b: -(x - a * z) / (1 - a) ** 2),
                "1 - alpha stands where beta should: that is beta on the linear path alone. Use schedule.beta."),
        Mistake("1 - alpha squared for the variance", _score(lambda x, z, a, b: -(x - a * z) / (1 - a**2)),
                "1 - alpha squared is the variance of the noise for some schedules only. Use schedule.beta."),
        Mistake("minus before x alone", _score(lambda x, z, a, b: (-x - a * z) / b**2),
                "the minus belongs to the whole difference, not to x alone."),
        Mistake("multiplied", _score(lambda x, z, a, b: -(x - a * z) * b**2),
                "multiplied by the variance: the narrower a Gaussian, the steeper its log density."),
        Mistake("z alone divided", _score(lambda x, z, a, b: -(x - a * z / b**2)),
                "only alpha z is divided by the variance: the whole difference has to be."),
        Mistake("z alone divided, minus before x", _score(lambda x, z, a, b: -x - a * z / b**2),
                "brackets are missing: the minus and the variance belong to the whole difference."),
        Mistake("z left out", _score(lambda x, z, a, b: -x / b**2),
                "z is missing: this is the score of noise around 0."),
        Mistake("log density", _score(lambda x, z, a, b: -((x - a * z) ** 2) / (2 * b**2)),
                "these are terms of the log density itself: the score is its gradient in x."),
        Mistake("t not reshaped", lambda schedule, x, z, t: _unshaped_score(schedule, x, z, t), NOT_RESHAPED),
        Mistake("t of shape (B, 1)", lambda schedule, x, z, t: _unshaped_score(schedule, x, z, t[:, None]), ONE_AXIS),
        Mistake("images only", lambda schedule, x, z, t: _unshaped_score(schedule, x, z, t[:, None, None, None]),
                "t of shape (B, 1, 1, 1) fits images only: the number of axes has to follow from x."),
    ),
    why="float64, t <= 0.9: beta is far from 0, where digits would be lost",
    observer="state for points and images",
)  # fmt: skip


def _unshaped_score(schedule, x, z, t):
    return -(x - schedule.alpha(t) * z) / schedule.beta(t) ** 2


def _linear_score(x, z, t):
    t = t.reshape(-1, *[1] * (x.ndim - 1))
    return -(x - t * z) / (1 - t) ** 2


# 3.2 and 3.3


def _draw_loss(seed: int) -> dict:
    normal = random_inputs(seed)
    model = {"family": "affine model", "matrix": normal(4, 4), "offset": normal(4), "rate": normal(4)}
    schedule, z, noise = _power_schedule(normal), normal(4, 1, 4, 4), normal(4, 1, 4, 4)
    return {"model": model, "schedule": schedule, "z": z, "t": _times(normal, 4), "noise": noise}


def _score_matching_loss(model, schedule, z, t, noise):
    total = 0.0
    for i in range(len(z)):
        x = schedule.alpha(t[i]) * z[i] + schedule.beta(t[i]) * noise[i]
        answer = x @ model.matrix.T + model.offset + t[i] * model.rate
        total = total + ((answer + noise[i] / schedule.beta(t[i])) ** 2).sum()
    return total / len(z)


def _noise_prediction_loss(model, schedule, z, t, noise):
    total = 0.0
    for i in range(len(z)):
        x = schedule.alpha(t[i]) * z[i] + schedule.beta(t[i]) * noise[i]
        answer = x @ model.matrix.T + model.offset + t[i] * model.rate
        total = total + F.mse_loss(answer, noise[i], reduction="sum")
    return total / len(z)


def _variant(goal, state=lambda a, b, z, e: a * z + b * e, time=None, at=None, output=lambda p: p,
             reduce=lambda squares: squares.flatten(1).sum(1).mean()):  # fmt: skip
    """A loss with parts to replace: `goal` and `state` get alpha, beta, z and noise; `at` reshapes t."""

    def loss(model, schedule, z, t, noise):
        a, b = _parts(schedule, t if at is None else at(t), z)[:2]
        prediction = output(model(state(a, b, z, noise), t if time is None else time(t)))
        return reduce((prediction - goal(a, b, z, noise)) ** 2)

    return loss


def _weighted(goal, power, model, schedule, z, t, noise):
    """A loss with a power of beta before the difference."""
    a, b = _parts(schedule, t, z)[:2]
    difference = b**power * (model(a * z + b * noise, t) - goal(a, b, z, noise))
    return difference.square().flatten(1).sum(1).mean()


def _from_score(model, schedule, z, t, noise):
    a, b = _parts(schedule, t, z)[:2]
    return (-b * model(a * z + b * noise, t) - noise).square().flatten(1).sum(1).mean()


def _to_score(a, b, z, e):
    return -e / b


def _to_noise(a, b, z, e):
    return e


def _shared(goal) -> tuple[Mistake, ...]:
    """Mistakes that both losses invite."""
    return (
        Mistake("data as target", _variant(lambda a, b, z, e: z),
                "the target is the data point: that trains a model that predicts z."),
        Mistake("mean over all", _variant(goal, reduce=torch.mean),
                "the mean runs over coordinates, too: a squared norm sums over all of them, of an image over all "
                "pixels; only the batch is averaged."),
        Mistake("sum over the batch", _variant(goal, reduce=torch.sum),
                "the terms are added over the batch: an expectation is estimated by their mean."),
        Mistake("norm not squared", _variant(goal, reduce=lambda squares: squares.flatten(1).sum(1).sqrt().mean()),
                "the norm is not squared."),
        Mistake("last axis only", _variant(goal, reduce=lambda squares: squares.sum(-1).mean()),
                "the squares are added over the last axis only: of a point these are all its coordinates, of an image "
                "one row of pixels."),
        Mistake("absolute differences", _variant(goal, reduce=lambda squares: squares.sqrt().flatten(1).sum(1).mean()),
                "these are absolute differences: the squared norm adds their squares."),
        Mistake("half", _variant(goal, reduce=lambda squares: squares.flatten(1).sum(1).mean() / 2),
                "there is a factor 1/2 that does not belong here."),
        Mistake("minus velocity as target", _variant(lambda a, b, z, e: e - z),
                "this target is minus the velocity of the linear path."),
        Mistake("state as target", _variant(lambda a, b, z, e: a * z + b * e),
                "the target is the state that the model sees: it would learn to give back its input."),
        Mistake("model sees the noise", _variant(goal, state=lambda a, b, z, e: e),
                "the model is evaluated at the noise: it has to learn at x, on the path."),
        Mistake("data not scaled", _variant(goal, state=lambda a, b, z, e: z + b * e),
                "the state that the model sees is not on the path: alpha is missing."),
        Mistake("noise not scaled", _variant(goal, state=lambda a, b, z, e: a * z + e),
                "the state that the model sees is not on the path: beta is missing."),
        Mistake("t of shape (B, 1)", _variant(goal, at=lambda t: t[:, None]), ONE_AXIS),
        Mistake("time reversed", _variant(goal, time=lambda t: 1 - t),
                "the model is told the time 1 - t, but the state is the one at t."),
        Mistake("state reversed", _variant(goal, state=lambda a, b, z, e: b * z + a * e),
                "alpha and beta are exchanged in the state that the model sees: t = 1 has to be data."),
        Mistake("model sees the data", _variant(goal, state=lambda a, b, z, e: z),
                "the model is evaluated at the clean data point: it has to learn at x, on the path."),
        Mistake("t not reshaped", _variant(goal, at=lambda t: t[None]), NOT_RESHAPED),
        Mistake("detached", _variant(goal, output=lambda p: p.detach()),
                "the loss is right, but its gradient is lost: no detach, .item() or no_grad may stand on its way."),
    )  # fmt: skip


SCORE_MATCHING_LOSS = Exercise(
    "score_matching_loss", "3.2", "Denoising score matching loss", 3, _draw_loss, _score_matching_loss,
    (
        Mistake("sign", _variant(lambda a, b, z, e: e / b),
                "the target has the wrong sign: the score points against the noise."),
        Mistake("noise as target", _variant(lambda a, b, z, e: -e),
                "beta is missing: a narrow Gaussian has a large score."),
        Mistake("noise as target, sign", _variant(lambda a, b, z, e: e),
                "the target is the noise, that is for Exercise 3.3: the score has a sign and a size of its own."),
        Mistake("velocity as target", _variant(lambda a, b, z, e: z - e),
                "this target is the velocity of the linear path: the conditional score is asked for."),
        Mistake("weighted", lambda model, schedule, z, t, noise: _weighted(_to_score, 1, model, schedule, z, t, noise),
                "the squared difference is multiplied by beta squared: no weight is asked for."),
        Mistake("beta squared", _variant(lambda a, b, z, e: -e / b**2),
                "divided by beta squared: in x - alpha z = beta noise there is a beta already."),
        Mistake("1 - alpha for beta", _variant(lambda a, b, z, e: -e / (1 - a)),
                "the target is divided by 1 - alpha: that is beta on the linear path alone. Use schedule.beta."),
        Mistake("target without alpha", _variant(lambda a, b, z, e: -(a * z + b * e - z) / b**2),
                "alpha is missing in the target: the centre of p_t(x|z) is alpha z."),
        Mistake("times beta", _variant(lambda a, b, z, e: -e * b),
                "multiplied by beta: it stands in the denominator of the score."),
        *_shared(_to_score),
    ),
    rtol=1e-6, why="loss and gradient of an affine model in float64, for times up to 0.9",
    observer="loss and gradient",
)  # fmt: skip


NOISE_PREDICTION_LOSS = Exercise(
    "noise_prediction_loss", "3.3", "Noise prediction loss", 2, _draw_loss, _noise_prediction_loss,
    (
        Mistake("sign", _variant(lambda a, b, z, e: -e),
                "the target has the wrong sign: it is the noise itself, with which x was made."),
        Mistake("score as target", _variant(_to_score),
                "this is the score matching loss: its target grows without bound as beta goes to 0."),
        Mistake("velocity as target", _variant(lambda a, b, z, e: z - e),
                "this target is the velocity of the linear path: the noise alone is asked for."),
        Mistake("scaled noise", _variant(lambda a, b, z, e: b * e),
                "the target is the noise as it stands in x, scaled by beta: noise of unit size is asked for."),
        Mistake("prediction taken for a score",
                lambda model, schedule, z, t, noise: _from_score(model, schedule, z, t, noise),
                "the model's answer is converted, as if it were a score: here it is the noise already."),
        Mistake("noisy minus clean as target", _variant(lambda a, b, z, e: a * z + b * e - z),
                "x - z is not the noise: z is scaled in x, and the noise as well."),
        Mistake("weight of the score", lambda model, schedule, z, t, noise:
                _weighted(_to_noise, -1, model, schedule, z, t, noise),
                "the squared difference is still divided by beta squared: that factor was to be dropped."),
        Mistake("weighted", lambda model, schedule, z, t, noise: _weighted(_to_noise, 1, model, schedule, z, t, noise),
                "the squared difference is multiplied by beta squared: no weight is asked for."),
        *_shared(_to_noise),
    ),
    rtol=1e-6, why="loss and gradient of an affine model in float64, for times up to 0.9",
    observer="loss and gradient",
)  # fmt: skip


# 3.4


def _draw_from_velocity(seed: int) -> dict:
    normal = random_inputs(seed)
    schedule, velocity = _power_schedule(normal), normal(4, 1, 4, 4)
    return {"schedule": schedule, "velocity": velocity, "x": normal(4, 1, 4, 4), "t": _times(normal, 4)}


def _from_velocity(schedule, velocity, x, t):
    data, noise = [], []
    for v, state, s in zip(velocity, x, t, strict=True):
        above, below = (schedule.alpha(s), schedule.beta(s)), (schedule.alpha_dot(s), schedule.beta_dot(s))
        known = torch.stack([state.flatten(), v.flatten()])
        z, e = torch.linalg.solve(torch.tensor([above, below], dtype=x.dtype), known)
        data, noise = [*data, z.view_as(state)], [*noise, e.view_as(state)]
    scores = [-e / schedule.beta(s) for e, s in zip(noise, t, strict=True)]
    return torch.stack(data), torch.stack(noise), torch.stack(scores)


def _solved(form):
    """An answer from a form (z, e, a, b, a_dot, b_dot, v, x), where z and e are the right data and noise."""

    def answer(schedule, velocity, x, t):
        data, noise, _ = _from_velocity(schedule, velocity, x, t)
        return form(data, noise, *_parts(schedule, t, x), velocity, x)

    return answer


def _by_cramer(a, b, a_dot, b_dot, v, x, determinant=None):
    determinant = a_dot * b - a * b_dot if determinant is None else determinant
    noise = (a_dot * x - a * v) / determinant
    return (b * v - b_dot * x) / determinant, noise, -noise / b


def _linear_path(velocity, x, t):
    noise = x - t * velocity
    return x + (1 - t) * velocity, noise, -noise / (1 - t)


FROM_VELOCITY = Exercise(
    "from_velocity", "3.4", "Data, noise and score from the velocity", 3, _draw_from_velocity, _from_velocity,
    (
        Mistake("score's sign", _solved(lambda z, e, a, b, da, db, v, x: (z, e, e / b)),
                "the score has the wrong sign: it points against the noise."),
        Mistake("score not divided", _solved(lambda z, e, a, b, da, db, v, x: (z, e, -e)),
                "data and noise are right; in the score beta is missing."),
        Mistake("score by beta squared", _solved(lambda z, e, a, b, da, db, v, x: (z, e, -e / b**2)),
                "data and noise are right; the score divides by beta once too often."),
        Mistake("score without alpha", _solved(lambda z, e, a, b, da, db, v, x: (z, e, -(x - z) / b**2)),
                "data and noise are right; in the score alpha is missing."),
        Mistake("exchanged", _solved(lambda z, e, a, b, da, db, v, x: (e, z, -e / b)),
                "data and noise are exchanged: data comes first."),
        Mistake("noise's sign", _solved(lambda z, e, a, b, da, db, v, x: (z, -e, -e / b)),
                "the noise has the wrong sign: alpha data + beta noise must give x back."),
        Mistake("noise's sign, score too", _solved(lambda z, e, a, b, da, db, v, x: (z, -e, e / b)),
                "the data is right; the noise has the wrong sign, and the score with it."),
        Mistake("data's sign", _solved(lambda z, e, a, b, da, db, v, x: (-z, e, -e / b)),
                "the data has the wrong sign: alpha data + beta noise must give x back."),
        Mistake("linear path only",
                _solved(lambda z, e, a, b, da, db, v, x: (x + b * v, x - a * v, -(x - a * v) / b)),
                "this holds on the linear path only: the derivatives of the given schedule are missing."),
        Mistake("schedule ignored", lambda schedule, velocity, x, t: _linear_path(velocity, x, t.reshape(-1, 1, 1, 1)),
                "t and 1 - t are one schedule; use the one that is given, with its derivatives."),
        Mistake("no determinant",
                _solved(lambda z, e, a, b, da, db, v, x: _by_cramer(a, b, da, db, v, x, 1.0)),
                "a denominator is missing in data and noise; on the linear path it is 1, and nobody would notice."),
        Mistake("determinant's sign",
                _solved(lambda z, e, a, b, da, db, v, x: _by_cramer(a, b, da, db, v, x, da * b + a * db)),
                "the sign in the denominator of data and noise: put your results back into the two equations."),
        Mistake("t not reshaped",
                lambda schedule, velocity, x, t: _by_cramer(*_parts(schedule, t[None], x), velocity, x), NOT_RESHAPED),
        Mistake("t of shape (B, 1)",
                lambda schedule, velocity, x, t: _by_cramer(*_parts(schedule, t[:, None], x), velocity, x), ONE_AXIS),
        Mistake("both signs",
                _solved(lambda z, e, a, b, da, db, v, x: _by_cramer(a, b, da, db, v, x, a * db - da * b)),
                "data and noise have the wrong sign, both: alpha data + beta noise must give x back."),
        Mistake("noise not divided",
                _solved(lambda z, e, a, b, da, db, v, x: (z, da * x - a * v, -(da * x - a * v) / b)),
                "the data is right; in the noise the denominator is missing."),
        Mistake("data's sign of x",
                _solved(lambda z, e, a, b, da, db, v, x: ((b * v + db * x) / (da * b - a * db), e, -e / b)),
                "a sign in the data: put your results back into the two equations."),
        Mistake("data not divided", _solved(lambda z, e, a, b, da, db, v, x: (b * v - db * x, e, -e / b)),
                "the noise is right; in the data the denominator is missing."),
        Mistake("noise still scaled", _solved(lambda z, e, a, b, da, db, v, x: (z, b * e, -e)),
                "x - alpha data is beta times the noise, not the noise itself."),
        Mistake("score times beta", _solved(lambda z, e, a, b, da, db, v, x: (z, e, -e * b)),
                "data and noise are right; the score multiplies by beta where it should divide."),
        Mistake("velocity is data minus noise",
                _solved(lambda z, e, a, b, da, db, v, x: _by_cramer(a, b, 1.0, -1.0, v, x)),
                "the velocity is data minus noise on the linear path only: both have their derivative as factor."),
        Mistake("score second", _solved(lambda z, e, a, b, da, db, v, x: (z, -e / b, e)),
                "the order: data, noise, score."),
        Mistake("noise ignored", _solved(lambda z, e, a, b, da, db, v, x: (x / a, e, -e / b)),
                "x / alpha is the data only where there is no noise."),
        Mistake("x and velocity exchanged", lambda schedule, velocity, x, t: _from_velocity(schedule, x, velocity, t),
                "velocity and x are exchanged: the mixture without dots is x."),
        Mistake("data and noise exchanged, score too", _solved(lambda z, e, a, b, da, db, v, x: (e, z, -z / b)),
                "data and noise are exchanged, and the score was made from the data."),
        Mistake("backwards", _solved(lambda z, e, a, b, da, db, v, x: (-e / b, e, z)),
                "the order is turned round: data, noise, score."),
    ),
    why="float64; a linear system solved in another way",
    observer="data, noise and score",
)  # fmt: skip


# 3.5


def _draw_extended_drift(seed: int) -> dict:
    normal = random_inputs(seed)
    velocity, score = ({"family": "curved field", "matrix": normal(2, 2), "offset": normal(2), "rate": normal(2)}
                       for _ in range(2))  # fmt: skip
    sigma = (1.5 + normal(1).sigmoid())[0]
    return {"velocity": velocity, "score": score, "x": normal(4, 2), "t": _times(normal, 4), "sigma": sigma}


def _extended_drift(velocity, score, x, t, sigma):
    rows = [velocity(x[[i]], t[[i]]) + sigma * sigma / 2 * score(x[[i]], t[[i]]) for i in range(len(x))]
    return torch.cat(rows)


EXTENDED_DRIFT = Exercise(
    "extended_drift", "3.5", "Drift of the SDE extension", 2, _draw_extended_drift, _extended_drift,
    (
        Mistake("no half", lambda velocity, score, x, t, sigma: velocity(x, t) + sigma**2 * score(x, t),
                "a factor 1/2 is missing: the score would pull twice as hard as the noise pushes."),
        Mistake("not squared", lambda velocity, score, x, t, sigma: velocity(x, t) + sigma / 2 * score(x, t),
                "sigma enters with the wrong power: it is the variance of the noise that the score has to balance."),
        Mistake("neither half nor squared", lambda velocity, score, x, t, sigma: velocity(x, t) + sigma * score(x, t),
                "sigma alone stands before the score: half of the variance of the noise belongs there."),
        Mistake("reverse SDE of the papers",
                lambda velocity, score, x, t, sigma: velocity(x, t) - sigma**2 * score(x, t),
                "f - g^2 s is the drift of a noising process run backwards, with another f and falling time; here the "
                "flow is given, and time rises."),
        Mistake("score of the velocity",
                lambda velocity, score, x, t, sigma: velocity(x, t) + sigma**2 / 2 * score(velocity(x, t), t),
                "the score is taken at the velocity: take it at the state."),
        Mistake("half the score", lambda velocity, score, x, t, sigma: velocity(x, t) + score(x, t) / 2,
                "sigma squared is missing: stronger noise needs a stronger pull."),
        Mistake("sign", lambda velocity, score, x, t, sigma: velocity(x, t) - sigma**2 / 2 * score(x, t),
                "the score pushes apart what the noise already spreads: it has to pull back to where p_t is large."),
        Mistake("no velocity", lambda velocity, score, x, t, sigma: sigma**2 / 2 * score(x, t),
                "the velocity is missing: this is Langevin dynamics, which keeps a law but carries it nowhere."),
        Mistake("no score", lambda velocity, score, x, t, sigma: velocity(x, t),
                "the score is missing: with noise but nothing to balance it, the marginals would spread."),
        Mistake("score alone", lambda velocity, score, x, t, sigma: velocity(x, t) + score(x, t),
                "sigma is missing: stronger noise needs a stronger pull."),
        Mistake("exchanged", lambda velocity, score, x, t, sigma: score(x, t) + sigma**2 / 2 * velocity(x, t),
                "velocity and score are exchanged."),
        Mistake("velocity scaled, too",
                lambda velocity, score, x, t, sigma: sigma**2 / 2 * (velocity(x, t) + score(x, t)),
                "the velocity is scaled with sigma as well: the flow stays as it is, whatever the noise."),
        Mistake("half squared as well",
                lambda velocity, score, x, t, sigma: velocity(x, t) + (sigma / 2) ** 2 * score(x, t),
                "the 1/2 is squared as well: only sigma is."),
        Mistake("halved altogether",
                lambda velocity, score, x, t, sigma: (velocity(x, t) + sigma**2 * score(x, t)) / 2,
                "the velocity is halved as well: the flow stays as it is, whatever the noise."),
        Mistake("noise in the drift",
                lambda velocity, score, x, t, sigma: velocity(x, t) + sigma**2 / 2 * score(x, t) + sigma,
                "sigma is added to the drift: the noise is not part of it."),
        Mistake("state for score", lambda velocity, score, x, t, sigma: velocity(x, t) + sigma**2 / 2 * x,
                "the state stands where the score should."),
        Mistake("time stands still",
                lambda velocity, score, x, t, sigma: velocity(x, t) + sigma**2 / 2 * score(x, 0 * t),
                "the score is taken at t = 0: it changes with time."),
        Mistake("a step", lambda velocity, score, x, t, sigma: x + velocity(x, t) + sigma**2 / 2 * score(x, t),
                "this is a whole step: only the drift is asked for; the simulator adds it to x."),
        Mistake("time reversed", lambda velocity, score, x, t, sigma: _extended_drift(velocity, score, x, 1 - t, sigma),
                "velocity and score are taken at 1 - t: noise is at t = 0, data at t = 1."),
    ),
)  # fmt: skip

EXERCISES = by_name(CONDITIONAL_SCORE, SCORE_MATCHING_LOSS, NOISE_PREDICTION_LOSS, FROM_VELOCITY, EXTENDED_DRIFT)

conditional_score = CONDITIONAL_SCORE
score_matching_loss = SCORE_MATCHING_LOSS
noise_prediction_loss = NOISE_PREDICTION_LOSS
from_velocity = FROM_VELOCITY
extended_drift = EXTENDED_DRIFT
