"""Lab 10's checks: oracles agree with the package and with torch's own laws, and the inputs reach all kinds."""

import pytest
import torch
from torch.distributions import MultivariateNormal

from course_utils import checks, guidance, simulators, worlds
from course_utils.checks.families import build

SEEDS = range(24)
LAB = checks.lab10


def windows_by_the_package(states, actions, H):
    demonstrations = worlds.Demonstrations(states, actions, torch.zeros(actions.shape[1], dtype=torch.bool))
    return worlds.windows(demonstrations, H, first=len(actions) - H + 1)[::-1]


def guided_by_the_package(field, reward, x, t, scale):
    return guidance.plug_in(field, reward, 1 / scale)(x, t)


BY_THE_PACKAGE = {
    "windows": windows_by_the_package,
    "receding_horizon": simulators.receding_horizon,
    "guided_velocity": guided_by_the_package,
}


def parts(result) -> tuple:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", BY_THE_PACKAGE)
def test_the_oracle_agrees_with_the_package(name):
    exercise = getattr(LAB, name)
    for seed in SEEDS:
        case = exercise.draw(seed)
        given = BY_THE_PACKAGE[name](*build(case).values())
        for wanted, got in zip(parts(exercise.oracle(**build(case))), parts(given), strict=True):
            close = 1e-12 if wanted.dtype == torch.float64 else 1e-5
            assert got.dtype == wanted.dtype and (got - wanted).abs().max() <= close * wanted.abs().max(), seed


def test_a_conditioned_law_is_the_joint_density_divided_by_that_of_the_known():
    for seed in SEEDS:
        mean, cov, known, values = (
            v.double() if v.is_floating_point() else v for v in LAB.conditioned.draw(seed).values()
        )
        law = MultivariateNormal(*LAB.conditioned.oracle(mean, cov, known, values))
        x = torch.randn(7, len(mean), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        x[:, known] = values
        joint = MultivariateNormal(mean, cov).log_prob(x)
        of_the_known = MultivariateNormal(mean[known], cov[known][:, known]).log_prob(values)
        torch.testing.assert_close(law.log_prob(x[:, ~known]), joint - of_the_known)


def test_six_cases_in_a_row_hold_all_kinds():
    for start in (1, 8, 15):
        seeds = range(start, start + 6)
        cut = [LAB.windows.draw(seed) for seed in seeds]
        steps = [(len(case["actions"]), case["actions"].shape[1], case["H"]) for case in cut]
        assert any(H == n for n, _, H in steps) and any(H == 1 for *_, H in steps) and any(b == 1 for _, b, _ in steps)
        carried = [LAB.receding_horizon.draw(seed) for seed in seeds]
        numbers = [(case["k"], case["n"], case["plan"]["horizon"]) for case in carried]
        assert any(k == 1 for k, *_ in numbers) and any(k == H for k, _, H in numbers)
        assert any(n < k for k, n, _ in numbers) and any(n % k == 0 < k - 1 for k, n, _ in numbers)
        assert any((LAB.guided_velocity.draw(seed)["t"] == 1).any() for seed in seeds)
        masks = [LAB.conditioned.draw(seed)["known"].tolist() for seed in seeds]
        assert any(mask == sorted(mask) for mask in masks) and any(mask == sorted(mask)[::-1] for mask in masks)
        assert any(mask not in (sorted(mask), sorted(mask)[::-1]) for mask in masks)


SLIPS = {
    r"expected plan\(x\) with states of shape \(B, d\), here d = 3, got \(3,\)": lambda plan, step, x, k, n: plan(x[0]),
    r"expected plan\(x\) with states .*, got a list": lambda plan, step, x, k, n: plan([x]),
    r"expected step\(x, a\) with one action a state, of shape \(B, m\), here m = 2, got \(4, 6, 2\)": (
        lambda plan, step, x, k, n: step(x, plan(x))
    ),
    r"expected one action a state in step\(x, a\), got 1 actions for 4 states": (
        lambda plan, step, x, k, n: step(x, plan(x)[:1, 0])
    ),
}


@pytest.mark.parametrize("words", SLIPS)
def test_a_plan_and_a_step_say_what_they_are_called_with(words):
    with pytest.raises(checks.CheckFailed, match=words):
        LAB.receding_horizon(SLIPS[words])


def test_what_is_asked_of_inputs_that_are_none_is_no_crash():
    """With H = n, one more is no H: of an answer that does not use it nothing can be said there."""

    def answer(states, actions, H):
        return states[0].square(), actions.transpose(0, 1).flatten(1).square()

    assert LAB.windows.draw(2)["H"] == len(LAB.windows.draw(2)["actions"])
    with pytest.raises(checks.CheckFailed, match="expected -?[0-9.]+, received"):
        LAB.windows(answer, seed=2)
