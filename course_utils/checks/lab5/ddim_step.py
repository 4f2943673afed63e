"""Exercise 5.2: the DDIM step of a state to a later time, from the data that is predicted."""

from course_utils.checks.exercise import exercise
from course_utils.checks.observers import Also, Returned

__all__ = ["ddim_step"]


@exercise("5.2", "DDIM step", points=2, sees=Also(Returned(), "t=0", "t_next=1", "t_next=1, schedule=linear"))
def ddim_step(z_hat, x, t, t_next, schedule):
    ratio = schedule.beta(t_next) / schedule.beta(t)
    return ratio * x + (schedule.alpha(t_next) - ratio * schedule.alpha(t)) * z_hat


@ddim_step.inputs
def _(normal):
    t, further = normal(2).sigmoid()
    t = 0.1 + 0.6 * t
    a, b = (0.5 + 2 * normal(2).sigmoid()).tolist()
    return {
        "z_hat": normal(4, 2),
        "x": normal(4, 2),
        "t": t,
        "t_next": t + 0.05 + 0.15 * further,
        "schedule": {"family": "power schedule", "a": a, "b": b},
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


@ddim_step.mistake("this is the step on the linear path; the schedule is given, and has to be used.")
def linear_path(z_hat, x, t, t_next, schedule):
    return x + (t_next - t) * (z_hat - x) / (1 - t)


@ddim_step.mistake("before t_next = 1 this is right; there, beta is 0, and you divide by it: multiply the formula out.")
def divided_by_0_at_the_end(z_hat, x, t, t_next, schedule):
    now = schedule.alpha(t) / schedule.beta(t)
    then = schedule.alpha(t_next) / schedule.beta(t_next)
    return schedule.beta(t_next) * (x / schedule.beta(t) + z_hat * (then - now))


@ddim_step.mistake("z_hat is mixed in as it is: in a state of the time t_next it is scaled by the schedule.")
def data_at_full_strength(z_hat, x, t, t_next, schedule):
    return z_hat + schedule.beta(t_next) * _noise(z_hat, x, t, schedule)


@ddim_step.mistake("the noise is divided by 1 - alpha: that is beta on the linear path alone. Use schedule.beta.")
def one_minus_alpha_for_beta(z_hat, x, t, t_next, schedule):
    noise = _rest(z_hat, x, t, schedule) / (1 - schedule.alpha(t))
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


@ddim_step.mistake(
    "the noise is divided by the root of 1 - alpha squared: that is beta for some schedules only. Use schedule.beta."
)
def one_minus_alpha_squared_for_the_variance(z_hat, x, t, t_next, schedule):
    noise = _rest(z_hat, x, t, schedule) / (1 - schedule.alpha(t) ** 2).sqrt()
    return schedule.alpha(t_next) * z_hat + schedule.beta(t_next) * noise


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
