"""Lab 5: schedules, deterministic sampling, likelihood. Exercises 5.1 to 5.3."""

import math

import torch

from course_utils.checks.old import Exercise, Mistake, by_name, random_inputs


def _draw_variance_preserving(seed: int) -> dict:
    normal = random_inputs(seed)
    b_min, b_max = ((1 + int(64 * normal(1).sigmoid())) / 64 for _ in range(2))
    return {"t": 0.05 + 0.8 * normal(5).sigmoid(), "b_min": b_min, "b_max": 1 + 4 * b_max}


def _variance_preserving(t, b_min, b_max):
    alphas, betas = torch.empty_like(t), torch.empty_like(t)
    for i, s in enumerate(t.tolist()):
        log_alpha = -0.25 * (1 - s) ** 2 * (b_max - b_min) - 0.5 * (1 - s) * b_min
        alphas[i] = math.exp(log_alpha)
        betas[i] = math.sqrt(1 - math.exp(log_alpha) ** 2)
    return alphas, betas


def _with_beta(log_alpha, beta=lambda alpha: (1 - alpha**2).sqrt()):
    alpha = log_alpha.exp()
    return alpha, beta(alpha)


def _log_alpha(t, b_min, b_max):
    return -((1 - t) ** 2) * (b_max - b_min) / 4 - (1 - t) * b_min / 2


VARIANCE_PRESERVING = Exercise(
    "variance_preserving", "5.1", "Variance preserving schedule", 2, _draw_variance_preserving, _variance_preserving,
    (
        Mistake("time inverted", lambda t, b_min, b_max: _with_beta(_log_alpha(1 - t, b_min, b_max)),
                "time runs the other way: here t = 1 is data, so alpha has to rise with t. (Papers on diffusion count "
                "from the data.)"),
        Mistake("alpha squared", lambda t, b_min, b_max: _with_beta(2 * _log_alpha(t, b_min, b_max)),
                "alpha is the square of what it should be: check the two fractions in the exponent."),
        Mistake("variance", lambda t, b_min, b_max: _with_beta(_log_alpha(t, b_min, b_max), lambda a: 1 - a**2),
                "beta is a variance: the standard deviation of the noise is asked for."),
        Mistake("sum instead of squares", lambda t, b_min, b_max:
                _with_beta(_log_alpha(t, b_min, b_max), lambda a: 1 - a),
                "alpha and beta sum to 1, as on the linear path; here their squares do."),
        Mistake("no exponential", lambda t, b_min, b_max: (_log_alpha(t, b_min, b_max),
                _with_beta(_log_alpha(t, b_min, b_max))[1]),
                "alpha is negative: the formula gives its logarithm."),
        Mistake("no exponential, beta follows", lambda t, b_min, b_max:
                (_log_alpha(t, b_min, b_max), (1 - _log_alpha(t, b_min, b_max) ** 2).sqrt()),
                "alpha is negative, and beta is made from it: the formula gives the logarithm of alpha."),
        Mistake("alpha not squared", lambda t, b_min, b_max:
                _with_beta(_log_alpha(t, b_min, b_max), lambda a: (1 - a).sqrt()),
                "the squares of alpha and beta have to sum to 1; with yours, alpha and the square of beta do."),
        Mistake("rates exchanged", lambda t, b_min, b_max: _with_beta(_log_alpha(t, b_max, b_min)),
                "either b_min and b_max are exchanged (the small rate belongs to the data, the large one to noise), "
                "or the square covers t alone, as in 1 - t**2: it belongs to the whole of 1 - t."),
        Mistake("not squared", lambda t, b_min, b_max: _with_beta(-(1 - t) * ((b_max - b_min) / 4 + b_min / 2)),
                "the exponent is linear in 1 - t: a rate that grows in a straight line adds up to a curve."),
        Mistake("t in the linear term", lambda t, b_min, b_max: _with_beta(
                    -((1 - t) ** 2) * (b_max - b_min) / 4 - t * b_min / 2),
                "the linear term has t where 1 - t belongs: at t = 1 nothing of the exponent may be left."),
        Mistake("t in the quadratic term", lambda t, b_min, b_max: _with_beta(
                    -(t**2) * (b_max - b_min) / 4 - (1 - t) * b_min / 2),
                "the quadratic term has t where 1 - t belongs: at t = 1 nothing of the exponent may be left."),
        Mistake("fractions exchanged", lambda t, b_min, b_max: _with_beta(
                    -((1 - t) ** 2) * (b_max - b_min) / 2 - (1 - t) * b_min / 4),
                "the two fractions of the exponent are exchanged."),
        Mistake("both halves", lambda t, b_min, b_max: _with_beta(
                    -((1 - t) ** 2) * (b_max - b_min) / 2 - (1 - t) * b_min / 2),
                "the quadratic term is twice what it should be: a rate that grows in a straight line is on average "
                "half of its end."),
        Mistake("both quarters", lambda t, b_min, b_max: _with_beta(
                    -((1 - t) ** 2) * (b_max - b_min) / 4 - (1 - t) * b_min / 4),
                "the linear term is half of what it should be."),
        Mistake("b_max in the linear term", lambda t, b_min, b_max: _with_beta(
                    -((1 - t) ** 2) * (b_max - b_min) / 4 - (1 - t) * b_max / 2),
                "the linear term has b_max: near t = 1, where the data is, the rate is the small one."),
        Mistake("growth's sign", lambda t, b_min, b_max: _with_beta(
                    -((1 - t) ** 2) * (b_min - b_max) / 4 - (1 - t) * b_min / 2),
                "the quadratic term has the wrong sign: b_max - b_min is positive."),
        Mistake("beta of the linear path", lambda t, b_min, b_max: (_log_alpha(t, b_min, b_max).exp(), 1 - t),
                "alpha is right; beta is that of the linear path, not of this one."),
        Mistake("beta from the logarithm", lambda t, b_min, b_max: (
                    _log_alpha(t, b_min, b_max).exp(), (1 - _log_alpha(t, b_min, b_max) ** 2).sqrt()),
                "alpha is right; beta is made from its logarithm."),
        Mistake("root of alpha", lambda t, b_min, b_max: _with_beta(_log_alpha(t, b_min, b_max) / 2),
                "alpha is the square root of what it should be: the formula gives the logarithm of alpha itself."),
        Mistake("opposite signs", lambda t, b_min, b_max: _with_beta(_log_alpha(t, -b_min, b_max - 2 * b_min)),
                "the two terms of the exponent have opposite signs: noise of either part makes alpha smaller."),
        Mistake("sign", lambda t, b_min, b_max: _with_beta(-_log_alpha(t, b_min, b_max)),
                "alpha is larger than 1, so that no real beta is left: look at the signs in the exponent."),
        Mistake("b_max for the difference", lambda t, b_min, b_max: _with_beta(_log_alpha(t, b_min, b_max + b_min)),
                "the quadratic term is multiplied by b_max; what counts is how far the rate grows."),
        Mistake("no linear term", lambda t, b_min, b_max: _with_beta(-((1 - t) ** 2) * (b_max - b_min) / 4),
                "the term that is linear in 1 - t is missing."),
        Mistake("rate not integrated", lambda t, b_min, b_max: _with_beta(-((1 - t) * (b_max - b_min) + b_min) / 2),
                "this exponent is the rate of the noise at time t itself; alpha needs what adds up from t to 1."),
        Mistake("exchanged", lambda t, b_min, b_max: _with_beta(_log_alpha(t, b_min, b_max))[::-1],
                "alpha and beta are exchanged: the factor of the data comes first."),
    ),
    observer="alpha and beta",
)  # fmt: skip


def _draw_ddim(seed: int) -> dict:
    normal = random_inputs(seed)
    t, further = normal(2).sigmoid()
    powers = dict(zip("ab", (0.5 + 2 * normal(2).sigmoid()).tolist(), strict=True))
    t = 0.1 + 0.6 * t
    return {
        "z_hat": normal(4, 2), "x": normal(4, 2), "t": t, "t_next": t + 0.05 + 0.15 * further,
        "schedule": {"family": "power schedule", **powers},
    }  # fmt: skip


def _ddim(z_hat, x, t, t_next, schedule):
    ratio = schedule.beta(t_next) / schedule.beta(t)
    return ratio * x + (schedule.alpha(t_next) - ratio * schedule.alpha(t)) * z_hat


def _mixed(z_hat, x, t, t_next, schedule, data_at, noise_at, mix_at):
    noise = (x - schedule.alpha(data_at) * z_hat) / schedule.beta(noise_at)
    return schedule.alpha(mix_at) * z_hat + schedule.beta(t_next) * noise


def _euler_in_time(z_hat, x, t, t_next, schedule):
    noise = (x - schedule.alpha(t) * z_hat) / schedule.beta(t)
    return x + (t_next - t) * (schedule.alpha_dot(t) * z_hat + schedule.beta_dot(t) * noise)


def _as_noise(z_hat, x, t, t_next, schedule):
    ratio = schedule.alpha(t_next) / schedule.alpha(t)
    return ratio * x + (schedule.beta(t_next) - ratio * schedule.beta(t)) * z_hat


DDIM_STEP = Exercise(
    "ddim_step", "5.2", "DDIM step", 2, _draw_ddim, _ddim,
    (
        Mistake("Euler in time", _euler_in_time,
                "this is the Euler step of the ODE in t: on a curved schedule it is another one. Which two quantities "
                "does the DDIM step divide by beta?"),
        Mistake("z_hat as noise", _as_noise,
                "z_hat is used as if it were the predicted noise; it is the predicted data."),
        Mistake("x for the noise", lambda z_hat, x, t, t_next, schedule:
                schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * x,
                "x is mixed in as if it were pure noise: it holds data as well, which has to be taken off first."),
        Mistake("data not scaled", lambda z_hat, x, t, t_next, schedule: schedule.alpha(t_next) * z_hat
                + schedule.beta(t_next) * (x - z_hat) / schedule.beta(t),
                "z_hat is taken off as it is: x holds it multiplied by a factor of the schedule."),
        Mistake("linear path", lambda z_hat, x, t, t_next, schedule: x + (t_next - t) * (z_hat - x) / (1 - t),
                "this is the step on the linear path; the schedule is given, and has to be used."),
        Mistake("divided by 0 at the end", lambda z_hat, x, t, t_next, schedule: schedule.beta(t_next) * (
                    x / schedule.beta(t) + z_hat * (schedule.alpha(t_next) / schedule.beta(t_next)
                                                    - schedule.alpha(t) / schedule.beta(t))),
                "before t_next = 1 this is right; there, beta is 0, and you divide by it: multiply the formula out."),
        Mistake("data at full strength", lambda z_hat, x, t, t_next, schedule:
                z_hat + schedule.beta(t_next) * (x - schedule.alpha(t) * z_hat) / schedule.beta(t),
                "z_hat is mixed in as it is: in a state of the time t_next it is scaled by the schedule."),
        Mistake("1 - alpha for beta", lambda z_hat, x, t, t_next, schedule: schedule.alpha(t_next) * z_hat
                + schedule.beta(t_next) * (x - schedule.alpha(t) * z_hat) / (1 - schedule.alpha(t)),
                "the noise is divided by 1 - alpha: that is beta on the linear path alone. Use schedule.beta."),
        Mistake("1 - alpha squared for the variance", lambda z_hat, x, t, t_next, schedule:
                schedule.alpha(t_next) * z_hat
                + schedule.beta(t_next) * (x - schedule.alpha(t) * z_hat) / (1 - schedule.alpha(t) ** 2).sqrt(),
                "the noise is divided by the root of 1 - alpha squared: that is beta for some schedules only. Use "
                "schedule.beta."),
        Mistake("divided by the variance", lambda z_hat, x, t, t_next, schedule: schedule.alpha(t_next) * z_hat
                + schedule.beta(t_next) * (x - schedule.alpha(t) * z_hat) / schedule.beta(t) ** 2,
                "the noise is divided by beta squared: what is left of x without the data holds beta once."),
        Mistake("noise of unit size", lambda z_hat, x, t, t_next, schedule:
                schedule.alpha(t_next) * z_hat + (x - schedule.alpha(t) * z_hat) / schedule.beta(t),
                "the noise is mixed in with unit size: in a state of the time t_next it is scaled by the schedule."),
        Mistake("noise's sign", lambda z_hat, x, t, t_next, schedule: schedule.alpha(t_next) * z_hat
                - schedule.beta(t_next) * (x - schedule.alpha(t) * z_hat) / schedule.beta(t),
                "the noise has the wrong sign: for t_next = t the step has to give x back."),
        Mistake("data put on", lambda z_hat, x, t, t_next, schedule: schedule.alpha(t_next) * z_hat
                + schedule.beta(t_next) * (x + schedule.alpha(t) * z_hat) / schedule.beta(t),
                "a sign: the old data is added where it has to be taken off. For t_next = t the step gives x back."),
        Mistake("one part not multiplied", lambda z_hat, x, t, t_next, schedule:
                schedule.beta(t_next) / schedule.beta(t) * x
                + (schedule.alpha(t_next) - schedule.alpha(t) / schedule.beta(t)) * z_hat,
                "one of the three terms was not multiplied by beta at t_next."),
        Mistake("noise keeps its size", lambda z_hat, x, t, t_next, schedule:
                schedule.alpha(t_next) * z_hat + x - schedule.alpha(t) * z_hat,
                "the noise keeps the size that it has at t: at t_next there is less of it."),
        Mistake("no division by beta", lambda z_hat, x, t, t_next, schedule:
                schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * (x - schedule.alpha(t) * z_hat),
                "what is left of x without the data is beta times the noise, not the noise itself."),
        Mistake("not solved for x", lambda z_hat, x, t, t_next, schedule: _ddim(z_hat, x, t, t_next, schedule)
                / schedule.beta(t_next),
                "this is the state divided by beta at t_next: solve for the state itself."),
        Mistake("data alone", lambda z_hat, x, t, t_next, schedule: schedule.alpha(t_next) * z_hat,
                "the noise is missing: at t_next the state is not clean yet."),
        Mistake("jump to the data", lambda z_hat, x, t, t_next, schedule: z_hat.clone(),
                "this jumps to the predicted data at once: the state at t_next still has noise in it."),
        Mistake("alpha of t_next too early", lambda z_hat, x, t, t_next, schedule:
                _mixed(z_hat, x, t, t_next, schedule, t_next, t, t_next),
                "the data is taken off with alpha at t_next: x is a state of the time t."),
        Mistake("beta of t_next too early", lambda z_hat, x, t, t_next, schedule:
                _mixed(z_hat, x, t, t_next, schedule, t, t_next, t_next),
                "the noise is found with beta at t_next, so that beta falls out: x is a state of the time t."),
        Mistake("old alpha", lambda z_hat, x, t, t_next, schedule: _mixed(z_hat, x, t, t_next, schedule, t, t, t),
                "the data is mixed in with alpha at t: only the noise has moved on."),
        Mistake("ratio upside down", lambda z_hat, x, t, t_next, schedule: x * schedule.beta(t) / schedule.beta(t_next)
                + (schedule.alpha(t_next) - schedule.alpha(t) * schedule.beta(t) / schedule.beta(t_next)) * z_hat,
                "the ratio of the two betas is upside down: the noise has to become less."),
        Mistake("roles of the times exchanged", lambda z_hat, x, t, t_next, schedule:
                _ddim(z_hat, x, t_next, t, schedule),
                "t and t_next are exchanged: the step leads from t to t_next."),
    ),
    observer="state also at t_next = 1",
)  # fmt: skip


def _draw_log_likelihood(seed: int) -> dict:
    normal = random_inputs(seed)
    dim = 2 + seed % 2
    field = {"family": "curved field", "matrix": normal(dim, dim), "offset": normal(dim), "rate": normal(dim)}
    return {
        "field": field, "divergence": {"family": "jacobian trace"}, "x1": normal(5, dim),
        "n": 4 + 2 * (seed % 3),
    }  # fmt: skip


def _log_likelihood(field, divergence, x1, n):
    h, points = 1 / n, []
    for point in x1:
        x, integral = point[None], 0.0
        for i in range(n):
            t = torch.tensor(1 - i * h, dtype=x1.dtype)
            jacobian = torch.autograd.functional.jacobian(lambda at, t=t: field(at, t)[0], x)[:, 0]
            x, integral = x - h * field(x, t), integral + h * jacobian.trace()
        points.append(-(x**2).sum() / 2 - x1.shape[1] * math.log(2 * math.pi) / 2 - integral)
    return torch.stack(points)


def _flow_back(
    field, divergence, x1, n, *, h=None, sign=-1, prior=1.0, constant=1.0, to=-1, time=lambda s, n: 1 - s, at_x1=False,
    stuck=False, late=False, ahead=0, mean=False, count=lambda z: z.shape[1], together=False, squares=1.0, more=0,
    last=False,
):  # fmt: skip
    step = 1 / n
    h = step if h is None else h
    x, total, seen = x1, x1.new_zeros(len(x1)), x1
    for i in range(n + more):
        t = torch.tensor(time((i + ahead) * step, n), dtype=x1.dtype)
        moved = x + to * step * field(x, t)
        seen = x1 if stuck else moved if late else x
        total, x = (0 if last else total) + h * divergence(field, seen, t), moved
    z = x1 if at_x1 else x
    halves = squares * z**2 / 2
    halves = halves.mean(1) if mean else halves.sum() if together else halves.sum(1)
    return sign * total - prior * (halves + count(z) * constant * math.log(2 * math.pi) / 2)


def _wrong(**options):
    return lambda field, divergence, x1, n: _flow_back(field, divergence, x1, n, **options)


LOG_LIKELIHOOD = Exercise(
    "log_likelihood", "5.3", "Log-likelihood", 3, _draw_log_likelihood, _log_likelihood,
    (
        Mistake("sign", _wrong(sign=1),
                "the integral has the wrong sign: where the field spreads points on their way, the density falls."),
        Mistake("no prior", _wrong(prior=0.0),
                "only the change of the log-density came back: add the log-density at the start of the path."),
        Mistake("no constant", _wrong(constant=0.0),
                "the constant of the normal density is missing: it does not depend on x, but a log-density that is to "
                "be compared needs it."),
        Mistake("constant counted once", _wrong(count=lambda z: 1),
                "the constant of the normal density is that of one dimension: every coordinate brings it once."),
        Mistake("constant not halved", _wrong(constant=2.0),
                "the constant of the normal density is twice what it should be."),
        Mistake("constant's sign", _wrong(constant=-1.0),
                "the constant of the normal density has the wrong sign."),
        Mistake("batch for dimension", _wrong(count=len),
                "the constant counts the points of the batch where it should count the coordinates of one."),
        Mistake("square not halved", _wrong(squares=2.0),
                "the squared norm is not halved."),
        Mistake("one norm for the batch", _wrong(together=True),
                "the squares of all points are summed: each point has a norm of its own."),
        Mistake("density", lambda field, divergence, x1, n: _flow_back(field, divergence, x1, n).exp(),
                "this is the density: its logarithm is asked for, which does not underflow in many dimensions."),
        Mistake("prior at x1", _wrong(at_x1=True),
                "the normal density is taken at x1: it is the density at t = 0, of the point that x1 came from."),
        Mistake("forwards", _wrong(to=1, time=lambda s, n: s),
                "the states run forwards from x1, as if it were noise: x1 belongs to t = 1, and you want to know where "
                "it came from."),
        Mistake("time inverted", _wrong(time=lambda s, n: s),
                "the states run backwards, but the times 0, h, 2h, ... do not: the first step is taken at t = 1."),
        Mistake("direction", _wrong(to=1),
                "the steps go along the velocity while the time falls: backwards in time, a state moves against it."),
        Mistake("no step size", _wrong(h=1.0),
                "the divergences are added without the step size: their integral over time is asked for."),
        Mistake("average over the coordinates", _wrong(mean=True, count=lambda z: 1),
                "the log-density of the prior is a mean over the coordinates: independent coordinates add up."),
        Mistake("time stands still", _wrong(time=lambda s, n: 1.0),
                "every step uses the time 1: the time has to fall by h as well."),
        Mistake("one step late", _wrong(ahead=1),
                "the first step is taken at the time 1 - h: each step uses the time at which it starts."),
        Mistake("divergence at x1", _wrong(stuck=True),
                "the divergence is always taken at x1: take it where the state is."),
        Mistake("divergence after the move", _wrong(late=True),
                "the divergence is taken after the state has moved: state and time both belong to the start of the "
                "step."),
        Mistake("one step too few", _wrong(more=-1),
                "one step is missing: there are n of them, the last from t = h to t = 0."),
        Mistake("n times from 1 to 0", _wrong(time=lambda s, n: 1 - s * n / (n - 1)),
                "the times are n numbers from 1 down to 0, the last step then starts at 0: n steps have n + 1 times, "
                "and no step starts at the last."),
        Mistake("integral overwritten", _wrong(last=True),
                "only the last divergence counts: each step adds to the integral of the steps before."),
    ),
    rtol=1e-6,
    why="the same recursion; times and log 2 pi that were made in single precision are right to seven digits",
)  # fmt: skip

EXERCISES = by_name(VARIANCE_PRESERVING, DDIM_STEP, LOG_LIKELIHOOD)

variance_preserving = VARIANCE_PRESERVING
ddim_step = DDIM_STEP
log_likelihood = LOG_LIKELIHOOD
