"""Exercise 1.4: one Euler–Maruyama step, with the increment dw of variance h as an argument."""

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import affine_sde, batch_shape, states
from course_utils.checks.mistakes import CHANGE_ONLY
from course_utils.checks.sums import as_one, combination

__all__ = ["euler_maruyama_step"]


@exercise("1.4", "Euler–Maruyama step", points=2)
def euler_maruyama_step(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) * dw


@euler_maruyama_step.inputs
def _(normal):
    shape = batch_shape(normal)
    sde = affine_sde(normal, shape[-1])
    t, h = normal(2).sigmoid() / 2
    t = 0 * t if normal.seed % 3 == 0 else t
    return {"sde": sde, "x": states(normal, *shape), "t": t, "h": h, "dw": h.sqrt() * normal(*shape)}


@euler_maruyama_step.mistake("the noise is scaled by sqrt(h) once more: dw already has the variance h.")
def root_twice(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) * h.sqrt() * dw


@euler_maruyama_step.mistake("the noise is multiplied by h: only the drift is a rate per time.")
def h_on_the_noise(sde, x, t, h, dw):
    return x + h * (sde.drift(x, t) + sde.diffusion(x, t) * dw)


@euler_maruyama_step.mistake("the drift is missing.")
def no_drift(sde, x, t, h, dw):
    return x + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake("the noise has the wrong sign: the law is the same, but not the path that dw drives.")
def minus_noise(sde, x, t, h, dw):
    return euler_maruyama_step.oracle(sde, x, t, h, -dw)


@euler_maruyama_step.mistake("dw is divided by sqrt(h): it is used as it is, with the variance h.")
def divided_by_the_root(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) * dw / h.sqrt()


@euler_maruyama_step.mistake("the noise is missing: this is the Euler step of an ODE.")
def no_noise(sde, x, t, h, dw):
    return x + h * sde.drift(x, t)


@euler_maruyama_step.mistake("the noise is not multiplied by the diffusion coefficient.")
def no_diffusion_coefficient(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + dw


@euler_maruyama_step.mistake(
    "the diffusion coefficient is squared: its square is the variance per time, not the factor of dw."
)
def squared(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) ** 2 * dw


@euler_maruyama_step.mistake(
    "the root of the diffusion coefficient multiplies dw: sigma is no variance, it is the factor itself."
)
def root_of_sigma(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t).sqrt() * dw


@euler_maruyama_step.mistake("the drift is multiplied by the time t: the length of the step is h.")
def time_for_step(sde, x, t, h, dw):
    return x + t * sde.drift(x, t) + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake(
    "the change is multiplied by x: whether it grows with x is for drift and diffusion to say."
)
def growing_with_x(sde, x, t, h, dw):
    return x * (1 + h * sde.drift(x, t) + sde.diffusion(x, t) * dw)


@euler_maruyama_step.mistake("the drift is added whole: in a time h it moves the state by h times as much.")
def drift_without_h(sde, x, t, h, dw):
    return x + sde.drift(x, t) + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake(
    "the drift is multiplied by sqrt(h): only noise grows like that; the drift is a rate per time."
)
def root_on_the_drift(sde, x, t, h, dw):
    return x + h.sqrt() * sde.drift(x, t) + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake("the diffusion coefficient is taken at t + h: Itô takes it at the beginning of the step.")
def later_time(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t + h) * dw


@euler_maruyama_step.mistake("drift and diffusion are taken at the end of the step: Itô takes them at t.")
def all_at_the_later_time(sde, x, t, h, dw):
    return euler_maruyama_step.oracle(sde, x, t + h, h, dw)


@euler_maruyama_step.mistake(
    "the diffusion coefficient is taken where the drift has already moved the state: Itô takes it at x."
)
def moved_state(sde, x, t, h, dw):
    moved = x + h * sde.drift(x, t)
    return moved + sde.diffusion(moved, t) * dw


@euler_maruyama_step.mistake(
    "drift and diffusion are exchanged: the drift belongs to the time, the diffusion to the noise."
)
def exchanged(sde, x, t, h, dw):
    return x + h * sde.diffusion(x, t) + sde.drift(x, t) * dw


@euler_maruyama_step.mistake(CHANGE_ONLY)
def increment_only(sde, x, t, h, dw):
    return h * sde.drift(x, t) + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake("the drift is multiplied by dw as well: it acts for the time h, whatever the noise does.")
def drift_times_the_noise(sde, x, t, h, dw):
    return x + (sde.drift(x, t) + sde.diffusion(x, t)) * dw


@euler_maruyama_step.mistake("dw is not used: the noise of the step is given, and it is not h.")
def diffusion_times_h(sde, x, t, h, dw):
    return x + (sde.drift(x, t) + sde.diffusion(x, t)) * h


@euler_maruyama_step.mistake("the drift has the wrong sign.")
def minus_drift(sde, x, t, h, dw):
    return x - h * sde.drift(x, t) + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake(
    "the diffusion coefficient is multiplied by x once more: sde.diffusion(x, t) knows x already."
)
def diffusion_times_x(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + x * sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake("the drift is taken at the end of the step: Itô takes it at t.")
def drift_at_the_later_time(sde, x, t, h, dw):
    return x + h * sde.drift(x, t + h) + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake("the diffusion coefficient is added, not multiplied by dw: it says how strongly dw acts.")
def diffusion_added(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) + dw


@euler_maruyama_step.mistake("the drift is multiplied by x as well: sde.drift(x, t) knows x already.")
def drift_times_x(sde, x, t, h, dw):
    return x * sde.drift(x, t) * h + sde.diffusion(x, t) * dw


@euler_maruyama_step.mistake(
    "a term with the square of the diffusion is taken off the drift: that is for a logarithm, and a state moves by the "
    "drift itself."
)
def drift_of_the_logarithm(sde, x, t, h, dw):
    return euler_maruyama_step.oracle(sde, x, t, h, dw) - h * sde.diffusion(x, t) ** 2 / 2


@euler_maruyama_step.mistake("dw is divided by h: it is used as it is, with the variance h.")
def divided_by_h(sde, x, t, h, dw):
    return x + h * sde.drift(x, t) + sde.diffusion(x, t) * dw / h


euler_maruyama_step.traits += combination(
    {
        "x": lambda sde, x, t, h, dw: x,
        "the drift": lambda sde, x, t, h, dw: sde.drift(x, t),
        "the noise, diffusion times dw,": lambda sde, x, t, h, dw: sde.diffusion(x, t) * dw,
    },
    total=None,
    read=as_one,
)
