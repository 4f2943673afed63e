"""Sliders of Lab 10: episodes that they show, against those driven by hand."""

import pytest
import torch

from course_utils import widgets
from course_utils.simulators import receding_horizon
from course_utils.worlds import Disc, Pillar


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def straight(x):
    """Sixteen actions straight to the goal, which the pillar is in the way of."""
    way = x[:, 2:] - x[:, :2]
    return (way / way.norm(dim=1, keepdim=True))[:, None].expand(-1, 16, -1)


def expert(x):
    """The expert's way, upwards, asked for at every step."""
    action = Pillar().expert(x, torch.ones(len(x), dtype=torch.bool))
    return action[:, None].expand(-1, 16, -1)


def drawn(explorer, **values):
    return explorer._draw(**values)


def policy_explorer(plan=straight):
    return widgets.lab10.explore_policy({"one": lambda: plan})


def by_hand(plan, k, robots, world, goal=None):
    """Judged episodes, on the starts and with the gusts of seed 9; all go on after they have arrived."""
    start, gusts = world.start(40, seeded(9), goal)[:robots], seeded(10)
    return world.judge(receding_horizon(plan, lambda x, a: world.step(x, a, gusts), start, k, world.steps))


@pytest.mark.parametrize(("k", "robots"), [(1, 10), (2, 20), (4, 40), (16, 40)])
@pytest.mark.parametrize("plan", [straight, expert])
def test_episodes_are_those_of_the_policy(plan, k, robots):
    found = drawn(policy_explorer(plan), policy="one", k=k, wind=0.01, x=1.0, y=0.1)
    expected = by_hand(plan, k, robots, Pillar(0.01), (1.0, 0.1))
    assert len(found["arrive"]) + len(found["hit"]) == robots
    assert len(found["hit"]) == expected.hit.sum()
    assert found["words"].startswith(f"{expected.success:.0%} arrive")
    assert found["goal"] == ([1.0], [0.1])


def test_robots_that_have_arrived_rest():
    found = drawn(policy_explorer(expert), policy="one", k=1, wind=0.0, x=1.0, y=0.0)
    assert len(found["arrive"]) == 10
    distance = (found["arrive"] - torch.tensor([1.0, 0.0])).norm(dim=-1)
    arrival = (distance < Pillar.reach).double().argmax(1)
    for way, step in zip(found["arrive"], arrival.tolist(), strict=True):
        assert (way[step:] == way[step]).all()


def test_those_who_rest_are_not_asked():
    asked = []

    def watched(x):
        asked.append(x)
        return expert(x)

    explorer = policy_explorer(watched)
    asked.clear()
    drawn(explorer, policy="one", k=1, wind=0.0, x=1.0, y=0.0)
    first, *later = asked
    assert len(first) == 1
    assert len(later[0]) == 10 and len(later) < Pillar.steps
    assert all(((x[:, :2] - x[:, 2:]).norm(dim=1) >= Pillar.reach).all() for x in later)


def test_a_planner_is_made_for_every_picture():
    """So that it draws the same noise each time."""
    made = []
    explorer = widgets.lab10.explore_policy({"one": lambda: made.append(len(made)) or straight})
    for _ in range(2):
        drawn(explorer, policy="one", k=16, wind=0.0, x=1.0, y=0.0)
    assert made == [0, 1, 2]  # one for the first picture


def test_a_disc_is_put_into_the_world_and_counted():
    worlds = []

    def planner(world):
        worlds.append(world)
        return expert

    explorer = widgets.lab10.explore_guidance({"one": planner})
    found = drawn(explorer, way="one", x=0.0, y=0.5)
    assert worlds[-1].discs == (Disc(0.0, 0.5, widgets.lab10.RADIUS),)
    assert found["disc"] == {"center": (0.0, 0.5)}
    assert found["words"] == "0% arrive, 100% hit something, 100% the disc"
    away = drawn(explorer, way="one", x=0.0, y=-0.5)
    assert away["words"] == "100% arrive, 0% hit something, 0% the disc"
    assert len(away["arrive"]) == 20
    explorer._stage.picture(away)
    assert explorer._stage.parts["disc"].center == (0.0, -0.5)


def test_a_slider_needs_somebody_who_plans():
    with pytest.raises(ValueError, match="at least one policy"):
        widgets.lab10.explore_policy({})
    with pytest.raises(ValueError, match="at least one planner"):
        widgets.lab10.explore_guidance({})
