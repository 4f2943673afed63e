"""Exercise 5.2: the DDIM step of a state to a later time, from the data that is predicted."""

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import arch_schedule
from course_utils.checks.mixups import schedule_mistakes
from course_utils.checks.observers import Also, Returned
from course_utils.checks.sums import combination

__all__ = ["ddim_step"]


@exercise(
    "5.2",
    "DDIM step",
    points=2,
    sees=Also(Returned(), "t=0", "t=0.99, t_next=1", "t_next=1, schedule=linear"),
    single=0.0001,
)
def ddim_step(z_hat, x, t, t_next, schedule):
    ratio = schedule.beta(t_next) / schedule.beta(t)
    return ratio * x + (schedule.alpha(t_next) - ratio * schedule.alpha(t)) * z_hat


@ddim_step.inputs
def _(normal):
    t, further = normal(2).sigmoid()
    t = 0.1 + 0.6 * t
    return {
        "z_hat": normal(4, 2, 3),
        "x": normal(4, 2, 3),
        "t": t,
        "t_next": t + 0.05 + 0.15 * further,
        "schedule": arch_schedule(normal),
    }


def _rest(z_hat, x, t, schedule):
    """What is left of x without the data: beta times the noise."""
    return x - schedule.alpha(t) * z_hat


def _noise(z_hat, x, t, schedule):
    return _rest(z_hat, x, t, schedule) / schedule.beta(t)


@ddim_step.mistake(
    "this is the Euler step of the ODE in t: on a curved schedule it is another one. Which two quantities "
    "does the DDIM step divide by beta?"
)
def euler_in_time(z_hat, x, t, t_next, schedule):
    noise = _noise(z_hat, x, t, schedule)
    return x + (t_next - t) * (schedule.alpha_dot(t) * z_hat + schedule.beta_dot(t) * noise)


@ddim_step.mistake("z_hat is used as if it were the predicted noise; it is the predicted data.")
def z_hat_as_noise(z_hat, x, t, t_next, schedule):
    ratio = schedule.alpha(t_next) / schedule.alpha(t)
    return ratio * x + (schedule.beta(t_next) - ratio * schedule.beta(t)) * z_hat


@ddim_step.mistake("x is mixed in as if it were pure noise: it holds data as well, which has to be taken off first.")
def x_for_the_noise(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * x


@ddim_step.mistake("z_hat is taken off as it is: x holds it multiplied by a factor of the schedule.")
def data_not_scaled(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * (x - z_hat) / schedule.beta(t)


@ddim_step.mistake("before t_next = 1 this is right; there, beta is 0, and you divide by it: multiply the formula out.")
def divided_by_0_at_the_end(z_hat, x, t, t_next, schedule):
    now = schedule.alpha(t) / schedule.beta(t)
    then = schedule.alpha(t_next) / schedule.beta(t_next)
    return schedule.beta(t_next) * (x / schedule.beta(t) + z_hat * (then - now))


@ddim_step.mistake("z_hat is mixed in as it is: in a state of the time t_next it is scaled by the schedule.")
def data_at_full_strength(z_hat, x, t, t_next, schedule):
    return z_hat + schedule.beta(t_next) * _noise(z_hat, x, t, schedule)


@ddim_step.mistake("the noise is divided by beta squared: what is left of x without the data holds beta once.")
def divided_by_the_variance(z_hat, x, t, t_next, schedule):
    noise = _rest(z_hat, x, t, schedule) / schedule.beta(t) ** 2
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@ddim_step.mistake("the noise is mixed in with unit size: in a state of the time t_next it is scaled by the schedule.")
def noise_of_unit_size(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + _noise(z_hat, x, t, schedule)


@ddim_step.mistake("the noise has the wrong sign: for t_next = t the step has to give x back.")
def sign_of_the_noise(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat - schedule.beta(t_next) * _noise(z_hat, x, t, schedule)


@ddim_step.mistake("a sign: the old data is added where it has to be taken off. For t_next = t the step gives x back.")
def data_put_on(z_hat, x, t, t_next, schedule):
    noise = (x + schedule.alpha(t) * z_hat) / schedule.beta(t)
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@ddim_step.mistake("one of the three terms was not multiplied by beta at t_next.")
def one_part_not_multiplied(z_hat, x, t, t_next, schedule):
    ratio = schedule.beta(t_next) / schedule.beta(t)
    return ratio * x + (schedule.alpha(t_next) - schedule.alpha(t) / schedule.beta(t)) * z_hat


@ddim_step.mistake("the noise keeps the size that it has at t: at t_next there is less of it.")
def noise_keeps_its_size(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + _rest(z_hat, x, t, schedule)


@ddim_step.mistake("what is left of x without the data is beta times the noise, not the noise itself.")
def no_division_by_beta(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * _rest(z_hat, x, t, schedule)


@ddim_step.mistake("this is the state divided by beta at t_next: solve for the state itself.")
def not_solved_for_x(z_hat, x, t, t_next, schedule):
    return ddim_step.oracle(z_hat, x, t, t_next, schedule) / schedule.beta(t_next)


@ddim_step.mistake("the noise is missing: at t_next the state is not clean yet.")
def data_alone(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat


@ddim_step.mistake("this jumps to the predicted data at once: the state at t_next still has noise in it.")
def jump_to_the_data(z_hat, x, t, t_next, schedule):
    return z_hat.clone()


@ddim_step.mistake("the data is taken off with alpha at t_next: x is a state of the time t.")
def alpha_of_t_next_too_early(z_hat, x, t, t_next, schedule):
    noise = _rest(z_hat, x, t_next, schedule) / schedule.beta(t)
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@ddim_step.mistake("the noise is found with beta at t_next, so that beta falls out: x is a state of the time t.")
def beta_of_t_next_too_early(z_hat, x, t, t_next, schedule):
    noise = _rest(z_hat, x, t, schedule) / schedule.beta(t_next)
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@ddim_step.mistake("the data is mixed in with alpha at t: only the noise has moved on.")
def old_alpha(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t) * z_hat + schedule.beta(t_next) * _noise(z_hat, x, t, schedule)


@ddim_step.mistake("the ratio of the two betas is upside down: the noise has to become less.")
def ratio_upside_down(z_hat, x, t, t_next, schedule):
    ratio = schedule.beta(t) / schedule.beta(t_next)
    return ratio * x + (schedule.alpha(t_next) - schedule.alpha(t) * ratio) * z_hat


@ddim_step.mistake("t and t_next are exchanged: the step leads from t to t_next.")
def roles_of_the_times_exchanged(z_hat, x, t, t_next, schedule):
    return ddim_step.oracle(z_hat, x, t_next, t, schedule)


def _from_formula(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * _noise(z_hat, x, t, schedule)


ddim_step.mistakes += schedule_mistakes(_from_formula, without=("alpha and beta exchanged",))


@ddim_step.mistake(
    "at t_next = 1 you return z_hat: some schedules have noise left there, or another factor of the data."
)
def data_at_the_end(z_hat, x, t, t_next, schedule):
    return z_hat.clone() if t_next == 1 else ddim_step.oracle(z_hat, x, t, t_next, schedule)


@ddim_step.mistake("at t_next = 1 you leave the noise out: some schedules have noise left there.")
def no_noise_at_the_end(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat if t_next == 1 else ddim_step.oracle(z_hat, x, t, t_next, schedule)


@ddim_step.mistake("alpha and beta are exchanged at t_next: which of the two belongs to the data?")
def exchanged_at_t_next(z_hat, x, t, t_next, schedule):
    return schedule.beta(t_next) * z_hat + schedule.alpha(t_next) * _noise(z_hat, x, t, schedule)


@ddim_step.mistake(
    "the noise is as strong as the root of half its variance: nothing is drawn or left out in a DDIM step."
)
def half_of_the_variance(z_hat, x, t, t_next, schedule):
    return schedule.alpha(t_next) * z_hat + 0.5**0.5 * schedule.beta(t_next) * _noise(z_hat, x, t, schedule)


@ddim_step.mistake(
    "this is the mean of the DDPM step, for which part of the noise is drawn anew: in a DDIM step all of it is kept."
)
def mean_of_ddpm(z_hat, x, t, t_next, schedule):
    alpha, beta, later, less = schedule.alpha(t), schedule.beta(t), schedule.alpha(t_next), schedule.beta(t_next)
    kept = less**2 * alpha / (later * beta**2)
    return later * z_hat + kept * _rest(z_hat, x, t, schedule)


@ddim_step.mistake("only x was multiplied by beta at t_next: all three terms have to be.")
def data_not_multiplied(z_hat, x, t, t_next, schedule):
    now, then = schedule.alpha(t) / schedule.beta(t), schedule.alpha(t_next) / schedule.beta(t_next)
    return schedule.beta(t_next) * x / schedule.beta(t) + (then - now) * z_hat


@ddim_step.mistake("x was not divided by beta at t.")
def x_not_divided(z_hat, x, t, t_next, schedule):
    now, then = schedule.alpha(t) / schedule.beta(t), schedule.alpha(t_next) / schedule.beta(t_next)
    return x + schedule.beta(t_next) * (then - now) * z_hat


@ddim_step.mistake(
    "the noise is found with alpha and beta at t_next, so that x comes back: x is a state of the time t."
)
def nothing_happens(z_hat, x, t, t_next, schedule):
    return x.clone()


@ddim_step.mistake(
    "this goes straight from x to z_hat, a part of the way: on a curved schedule the step is another one."
)
def straight_to_the_data(z_hat, x, t, t_next, schedule):
    return x + (t_next - t) * (z_hat - x)


@ddim_step.mistake("the predicted data is clamped: use it as it was given.")
def data_clamped(z_hat, x, t, t_next, schedule):
    return ddim_step.oracle(z_hat.clamp(-1, 1), x, t, t_next, schedule)


@ddim_step.mistake("the noise is divided by alpha at t: at t = 0 there is no data, and alpha may be 0.")
def divided_by_alpha(z_hat, x, t, t_next, schedule):
    ratio = schedule.alpha(t_next) / schedule.alpha(t)
    noise = _noise(z_hat, x, t, schedule)
    return ratio * x + (schedule.beta(t_next) - ratio * schedule.beta(t)) * noise


ddim_step.traits += combination(
    {"x": lambda z_hat, x, t, t_next, schedule: x, "z_hat": lambda z_hat, x, t, t_next, schedule: z_hat}
)


@ddim_step.mistake(
    "only the difference of the two betas multiplies the noise: for t_next = t the step has to give x back."
)
def difference_of_the_betas(z_hat, x, t, t_next, schedule):
    less = schedule.beta(t_next) - schedule.beta(t)
    return schedule.alpha(t_next) * z_hat + less * _noise(z_hat, x, t, schedule)
