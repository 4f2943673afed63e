"""Exercise 1.6: the drift that keeps the law with a given score, for a given noise."""

from course_utils.checks.exercise import exercise
from course_utils.checks.inputs import affine_score, batch_shape, dyadic, states
from course_utils.checks.mistakes import WHOLE_STEP
from course_utils.checks.sums import as_one, combination
from course_utils.checks.traits import Trait

__all__ = ["langevin_drift"]


@exercise("1.6", "Langevin drift", points=2)
def langevin_drift(score, x, sigma):
    return sigma**2 / 2 * score(x)


@langevin_drift.inputs
def _(normal):
    shape = batch_shape(normal)
    score, x = affine_score(normal, shape[-1]), states(normal, *shape)
    x[1:2] = 2 * score["mean"] - x[0]  # opposite scores: a log of both is nan in one alone
    return {"score": score, "x": x, "sigma": dyadic(normal, 2.0, 3.0)}


@langevin_drift.mistake("the drift is twice as strong as the noise allows: particles would settle on p^2 instead of p.")
def no_half(score, x, sigma):
    return sigma**2 * score(x)


@langevin_drift.mistake(
    "sigma enters with the wrong power: it is the variance of the noise that the drift has to balance."
)
def not_squared(score, x, sigma):
    return sigma / 2 * score(x)


@langevin_drift.mistake(
    "the factor of the score is sigma: noise and drift balance if it is half the *variance* per time."
)
def sigma_alone(score, x, sigma):
    return sigma * score(x)


@langevin_drift.mistake("the factor of the score is the root of what it has to be: the drift balances a variance.")
def root_of_the_half(score, x, sigma):
    return sigma / 2**0.5 * score(x)


@langevin_drift.mistake("score(x) is already the gradient of log p: no log is needed.")
def log_of_the_score(score, x, sigma):
    return sigma**2 / 2 * score(x).log()


@langevin_drift.mistake("the score is already the gradient of log p: take no log of it, but weigh it with the noise.")
def log_of_the_score_alone(score, x, sigma):
    return score(x).log()


@langevin_drift.mistake("the half is squared, too: the drift is half as strong as it has to be.")
def half_squared(score, x, sigma):
    return (sigma / 2) ** 2 * score(x)


@langevin_drift.mistake("sigma is missing: this drift would balance the noise for sigma = 1 only.")
def half_the_score(score, x, sigma):
    return score(x) / 2


@langevin_drift.mistake("the drift runs downhill, away from where p is large.")
def downhill(score, x, sigma):
    return -langevin_drift.oracle(score, x, sigma)


@langevin_drift.mistake("this is the score alone: stronger noise needs a stronger drift.")
def score_alone(score, x, sigma):
    return score(x)


@langevin_drift.mistake("the score is not used: the drift follows the gradient of log p at x, not x itself.")
def no_score(score, x, sigma):
    return sigma**2 / 2 * x


@langevin_drift.mistake(WHOLE_STEP)
def a_step(score, x, sigma):
    return x + langevin_drift.oracle(score, x, sigma)


@langevin_drift.mistake("`//` rounds down to a whole number: is that meant?")
def rounded_down(score, x, sigma):
    return sigma**2 // 2 * score(x)


@langevin_drift.mistake("the score is multiplied by x: score(x) is the gradient at x already.")
def score_times_x(score, x, sigma):
    return langevin_drift.oracle(score, x, sigma) * x


@langevin_drift.mistake("the score is squared: it is sigma whose square is needed.")
def score_squared(score, x, sigma):
    return sigma**2 / 2 * score(x) ** 2


@langevin_drift.mistake("the score is brought to length 1: how long it is says how strong the pull is.")
def direction_alone(score, x, sigma):
    return sigma**2 / 2 * score(x) / score(x).norm(dim=-1, keepdim=True)


@langevin_drift.mistake("two factors are added: a product is asked for.")
def added(score, x, sigma):
    return sigma**2 / 2 + score(x)


@langevin_drift.mistake("the factor belongs to the score, not to the state at which it is taken.")
def factor_inside(score, x, sigma):
    return score(sigma**2 / 2 * x)


@langevin_drift.mistake(
    "the drift is divided by the variance: stronger noise needs a stronger drift, not a weaker one."
)
def divided_by_the_variance(score, x, sigma):
    return score(x) / sigma**2


@langevin_drift.mistake(
    "the drift is divided by twice the variance: stronger noise needs a stronger drift, not a weaker one."
)
def divided_by_twice_the_variance(score, x, sigma):
    return score(x) / (2 * sigma**2)


langevin_drift.traits += combination(
    {"x": lambda score, x, sigma: x, "the score": lambda score, x, sigma: score(x)}, total=None, read=as_one
)


langevin_drift.traits += [
    Trait(
        "no multiple",
        lambda pair: bool(pair.given["result"].isfinite().all()),
        "the result should be the score times one number, the same for all states; yours is not: does anything else "
        "come in, or is the score taken elsewhere?",
    )
]
