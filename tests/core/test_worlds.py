"""The robots' worlds: the expert's law, the judge against loops, windows, and the arm's two ways to a place."""

import math
import re

import pytest
import torch

from course_utils.manifolds import Torus, wrap
from course_utils.worlds import Arm, Demonstrations, Disc, Pillar, windows

F64 = torch.float64


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def episode(*places, goal=(1.0, 0.0)):
    """States of one episode at these places, shape (steps + 1, 1, 4)."""
    return torch.tensor([[[x, y, *goal]] for x, y in places])


# the pillar


def test_starts_and_goals_lie_in_their_boxes():
    x = Pillar().start(20_000, generator())
    centre = torch.tensor([-1.0, 0.0, 1.0, 0.0])
    half = torch.tensor([0.1, 0.25, 0.1, 0.25])
    assert ((x - centre).abs() <= half).all()
    assert ((x - centre).mean(0).abs() < 5 * half / math.sqrt(3 * 20_000)).all()
    assert (Pillar().start(5, generator(), goal=(0.9, -0.4))[:, 2:] == torch.tensor([0.9, -0.4])).all()


def test_the_expert_keeps_its_law():
    """Of all that start in a strip of heights, as many go up as its logistic function says: within 5 sigma."""
    demos = Pillar().demonstrations(8000, generator())
    height = demos.states[0, :, 1]
    for low in (-0.25, -0.1, 0.1):
        inside = (height >= low) & (height < low + 0.1)
        law = 1 / (1 + (-3 * height[inside]).exp())
        error = (law * (1 - law)).sum().sqrt() / inside.sum()
        assert abs(demos.up[inside].float().mean() - law.mean()) < 5 * error
    torch.testing.assert_close(Pillar().probability_up(demos.states[0]), 1 / (1 + (-3 * height).exp()))


def test_demonstrations_arrive_on_the_side_that_was_chosen():
    pillar = Pillar()
    demos = pillar.demonstrations(2000, generator())
    found = pillar.judge(demos.states)
    assert found.success == 1 and torch.equal(found.up, demos.up)
    moved = demos.states.diff(dim=0)
    torch.testing.assert_close(moved[..., :2], pillar.longest * demos.actions, atol=1e-6, rtol=0)
    assert (moved[..., 2:] == 0).all()
    last = (demos.states[-1, :, 2:] - demos.states[-1, :, :2]).norm(dim=1)
    assert last.max() < 0.05 and demos.actions[-1].norm(dim=1).max() < 1


def test_the_experts_noise_has_its_spread():
    pillar = Pillar()
    demos = pillar.demonstrations(4000, generator())
    off = (demos.actions[0] - pillar.expert(demos.states[0], demos.up)) * pillar.longest
    assert (off.mean(0).abs() < 5 * 0.008 / math.sqrt(4000)).all()
    assert ((off.std(0) / 0.008 - 1).abs() < 5 / math.sqrt(2 * 4000)).all()


def test_a_step_is_shortened_and_blown_by_the_wind():
    x = torch.zeros(20_000, 4, dtype=F64)
    x[:, 2] = 1
    action = torch.tensor([3.0, 4.0], dtype=F64).expand(20_000, 2)
    torch.testing.assert_close(Pillar().step(x, action)[:, :2], 0.06 * action / 5)
    torch.testing.assert_close(Pillar().step(x, action / 10)[:, :2], 0.06 * action / 10)
    blown = Pillar(wind=0.01).step(x, action, generator())[:, :2] - 0.06 * action / 5
    assert ((blown.std(0) / 0.01 - 1).abs() < 5 / math.sqrt(2 * 20_000)).all()
    assert (blown.mean(0).abs() < 5 * 0.01 / math.sqrt(20_000)).all()


def test_the_judge_sees_what_happens_between_two_states():
    """From (-0.2, 0.26) to (0.2, 0.26) both ends are clear of the pillar, but not the middle."""
    pillar = Pillar()
    over = pillar.judge(episode((-0.2, 0.26), (0.2, 0.26), (1.0, 0.0)))
    assert over.hit.item() and over.arrived.item() and over.up.item() and over.success == 0
    clear = pillar.judge(episode((-0.2, -0.4), (0.2, -0.4), (1.0, 0.0)))
    assert not clear.hit.item() and not clear.up.item() and clear.success == 1


def test_what_comes_after_the_arrival_is_nothing():
    pillar = Pillar()
    back = pillar.judge(episode((0.5, 0.0), (0.95, 0.0), (0.0, 0.0)))
    assert back.arrived.item() and not back.hit.item()
    late = pillar.judge(episode((0.5, 0.0), (0.85, 0.0), (0.0, 0.0)))
    assert not late.arrived.item() and late.hit.item()


def test_a_disc_is_an_obstacle_for_the_judge_alone():
    way = episode((-0.3, 0.5), (0.3, 0.5), (1.0, 0.0))
    disc = Disc(0.0, 0.52, 0.12)
    assert Pillar().judge(way).success == 1
    found = Pillar(discs=(disc,)).judge(way)
    assert found.hit_disc.item() and found.hit.item() and found.success == 0
    assert torch.equal(Pillar(discs=(disc,)).start(5, generator()), Pillar().start(5, generator()))


def test_the_way_of_a_plan_is_the_sum_of_its_steps():
    x, plans = Pillar().start(7, generator()), torch.randn(7, 10, generator=generator(1))
    way = Pillar().way(x, plans)
    place = x[:, :2]
    for j in range(5):
        place = place + 0.06 * plans[:, 2 * j : 2 * j + 2]
        torch.testing.assert_close(way[:, j], place)


def test_clearance_is_minus_the_squared_depths():
    """By a loop; and its gradient leads out of the disc."""
    disc, x = Disc(-0.9, 0.1, 0.2), Pillar().start(5, generator()).double()
    plans = 0.7 + torch.randn(5, 32, dtype=F64, generator=generator(1))
    plans.requires_grad_()
    world = Pillar(discs=(disc,))
    rewards = world.clearance(x, plans, margin=0.06, pillar=0.3)
    for i in range(5):
        total = 0.0
        for place in world.way(x, plans)[i].detach():
            depth = 0.26 - math.dist(place.tolist(), (-0.9, 0.1))
            pillar = 0.32 - math.hypot(*place.tolist())
            total += max(depth, 0) ** 2 + 0.3 * max(pillar, 0) ** 2
        assert rewards[i].item() == pytest.approx(-total, abs=1e-12)
    [slope] = torch.autograd.grad(rewards.sum(), plans)
    assert (world.clearance(x, plans + 1e-3 * slope, pillar=0.3) >= rewards).all() and slope.abs().sum() > 0


@pytest.mark.parametrize("goal", [(1.7, 0.0), (0.9, -1.1), (0.1, 0.2), (math.nan, 0.0)])
def test_a_goal_outside_of_the_world_is_refused(goal, unchecked):
    with pytest.raises(ValueError, match=r"goals outside of the pillar with \|x\| <= 1.6 and \|y\| <= 1, got \("):
        Pillar().start(3, generator(), goal)
    with pytest.raises(ValueError, match="goals outside"):
        Pillar().judge(episode((0.0, 0.5), (0.0, 0.6), goal=goal))


def test_pillar_bad_input(unchecked):
    for wind in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"wind of at least 0, got {wind}"):
            Pillar(wind=wind)
    for radius in (0.0, -0.1, math.nan):
        with pytest.raises(ValueError, match=f"discs with a positive radius, got {radius}"):
            Pillar(discs=(Disc(0.0, 0.5, 0.1), Disc(0.0, -0.5, radius)))
    for states in (torch.zeros(3, 2), torch.ones(3, 4)):
        with pytest.raises(ValueError, match=r"states of shape \(times, n, 4\).*got \(3, "):
            Pillar().judge(states)
    with pytest.raises(ValueError, match=r"states of shape \(n, 4\) or \(times, n, 4\).*got \(4,\)"):
        Pillar().check(torch.ones(4))
    with pytest.raises(ValueError, match=r"a goal \(x, y\), got 3 numbers"):
        Pillar().start(3, generator(), goal=(0.9, 0.1, 0.2))
    for plans in (torch.zeros(3, 5), torch.zeros(2, 4), torch.zeros(3, 2, 2)):
        with pytest.raises(ValueError, match=r"plans of shape \(3, 2 H\), got"):
            Pillar().way(Pillar().start(3), plans)


@pytest.mark.parametrize("shape", [(3, 1), (1, 2), (2,), (3, 3), (3, 8, 2), (2, 2)])
def test_what_is_no_action_for_each_state_is_refused(shape, unchecked):
    """A single number, a single action or a whole plan would be broadcast in silence."""
    with pytest.raises(ValueError, match=f"equal shapes, got action {re.escape(str(shape))}, place .3, 2."):
        Pillar().step(Pillar().start(3), torch.ones(shape))


@pytest.mark.parametrize("method", ["step", "way", "expert", "probability_up"])
def test_what_are_no_states_is_refused(method, unchecked):
    others = {"step": [torch.ones(3, 2)], "way": [torch.ones(3, 4)], "expert": [torch.ones(3, dtype=torch.bool)]}
    for x in (torch.zeros(3, 2), torch.zeros(5, 3, 4)):
        with pytest.raises(ValueError, match=r"states of shape \(n, 4\): x, y, goal x, goal y; got"):
            getattr(Pillar(), method)(x, *others.get(method, []))
    with pytest.raises(ValueError, match=r"equal shapes, got up \(2,\), height \(3,\)"):
        Pillar().expert(Pillar().start(3), torch.ones(2, dtype=torch.bool))


# windows


def test_windows_against_a_loop():
    states = torch.randn(8, 3, 4, generator=generator())
    actions = torch.randn(7, 3, 2, generator=generator(1))
    demos = Demonstrations(states, actions, torch.ones(3, dtype=torch.bool))
    plans, seen = windows(demos, length=4, first=6)
    assert plans.shape == (18, 8) and seen.shape == (18, 4)
    for i in range(3):
        for j in range(6):
            rest = [actions[j + m, i] if j + m < 7 else torch.zeros(2) for m in range(4)]
            assert torch.equal(plans[6 * i + j], torch.cat(rest))
            assert torch.equal(seen[6 * i + j], states[j, i])
    assert windows(demos, 7)[0].shape == (21, 14)


def test_windows_bad_input(unchecked):
    demos = Pillar().demonstrations(2, generator())
    for length, first in ((0, None), (61, None), (16, 61), (16, 0)):
        with pytest.raises(ValueError, match="from 1 to 60, got"):
            windows(demos, length, first)
    with pytest.raises(ValueError, match=r"steps \+ 1 states"):
        Demonstrations(demos.states[1:], demos.actions, demos.up)
    with pytest.raises(ValueError, match=r"ways of shape \(2,\), got \(1,\)"):
        Demonstrations(demos.states, demos.actions, demos.up[:1])


# the arm


def test_both_poses_reach_the_goal_on_their_sides():
    """The elbow lies at the upper arm's length, left of the line to the hand or right of it."""
    arm, x = Arm(), Arm().start(500, generator()).double()
    goal = x[:, 2:]
    for up in (True, False):
        pose = arm.pose(goal, torch.full((500,), up))
        torch.testing.assert_close(arm.hand(pose), goal, atol=1e-12, rtol=0)
        elbow = arm.elbow(pose)
        torch.testing.assert_close(elbow.norm(dim=1), torch.ones(500, dtype=F64))
        left = goal[:, 0] * elbow[:, 1] - goal[:, 1] * elbow[:, 0] > 0
        assert (left == up).all()
        torch.testing.assert_close((goal - elbow).norm(dim=1), torch.full((500,), 0.8, dtype=F64))


def test_the_hand_at_known_poses():
    poses = torch.tensor([[0.0, 0.0], [math.pi / 2, 0.0], [0.0, math.pi / 2], [math.pi / 2, math.pi / 2]], dtype=F64)
    expected = torch.tensor([[1.8, 0.0], [0.0, 1.8], [1.0, 0.8], [-0.8, 1.0]], dtype=F64)
    torch.testing.assert_close(Arm().hand(poses), expected, atol=1e-15, rtol=0)


def test_movements_are_the_shortest_and_even():
    arm, x = Arm(), Arm().start(300, generator()).double()
    pose = arm.pose(x[:, 2:], torch.rand(300, generator=generator(1)) < 0.5)
    movement = arm.movement(x, pose, steps=5)
    assert movement.shape == (6, 300, 2)
    torch.testing.assert_close(wrap(movement[-1] - pose), torch.zeros(300, 2, dtype=F64))
    turns = wrap(movement.diff(dim=0))
    torch.testing.assert_close(turns, (wrap(pose - x[:, :2]) / 5).expand(5, 300, 2), atol=1e-12, rtol=0)


def test_the_arm_keeps_its_law():
    """It is the logistic function of the difference of two lengths on the torus; demonstrations follow it."""
    arm, x = Arm(), Arm().start(4000, generator())
    side = torch.ones(4000, dtype=torch.bool)
    lengths = [wrap(arm.pose(x[:, 2:], up) - x[:, :2]).norm(dim=1) for up in (side, ~side)]
    law = 1 / (1 + (lengths[0] - lengths[1]).exp())
    torch.testing.assert_close(arm.probability_up(x), law)
    poses, seen = arm.demonstrations(4000, generator())  # begins with the same states
    assert torch.equal(seen, arm.observe(x))
    up = poses[:, 1] < 0
    error = (law * (1 - law)).sum().sqrt() / 4000
    sharp = law > 0.7
    assert abs(up.float().mean() - law.mean()) < 5 * error
    assert abs(up[sharp].float().mean() - law[sharp].mean()) < 5 * (law * (1 - law))[sharp].sum().sqrt() / sharp.sum()


def test_the_judge_of_poses():
    """Both poses reach; what lies between the two of them misses by how much longer a straighter arm is."""
    arm, x = Arm(), Arm().start(500, generator()).double()
    up = torch.rand(500, generator=generator(1)) < 0.5
    poses = [arm.pose(x[:, 2:], side) for side in (up, ~up)]
    found = arm.judge(x, poses[0])
    assert found.success == 1 and torch.equal(found.up, up) and found.miss.max() < 1e-12
    middle = arm.torus.geodesic(*poses, 0.5)
    reached = arm.judge(x, middle)
    folded = middle[:, 1].abs() > 1  # the short way from one elbow to the other leads over a folded arm
    torch.testing.assert_close(middle[~folded, 1], torch.zeros_like(middle[~folded, 1]), atol=1e-12, rtol=0)
    long = torch.where(folded, 0.2, 1.8 * torch.ones(500, dtype=F64))
    off = (arm.hand(middle).norm(dim=1) - long).abs()
    assert off.max() < 1e-12 and reached.success < 0.2
    expected = (reached.miss <= 0.1).double().mean().item()
    assert reached.success == expected


def test_goals_are_uniform_in_a_ring():
    x = Arm().start(20_000, generator())
    squares = x[:, 2:].square().sum(1)
    assert squares.min() >= 0.25 - 1e-6 and squares.max() <= 2.56 + 1e-5
    assert abs(squares.mean() - (0.25 + 2.56) / 2) < 5 * (2.56 - 0.25) / math.sqrt(12 * 20_000)
    Torus(2).check(x[:, :2])


def test_arm_bad_input(unchecked):
    arm, up = Arm(), torch.ones(1, dtype=torch.bool)
    for goal in ([0.1, 0.0], [1.9, 0.0], [math.nan, 0.0]):
        with pytest.raises(ValueError, match="distances from 0.2 to 1.8, got"):
            arm.pose(torch.tensor([goal]), up)
    with pytest.raises(ValueError, match="radians within -pi to pi"):
        arm.observe(torch.tensor([[90.0, 0.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match=r"shape \(n, 4\).*got \(1, 2\)"):
        arm.observe(torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"shape \(..., 2\)"):
        arm.judge(arm.start(1), torch.zeros(1, 3))
    with pytest.raises(ValueError, match="radians within"):
        arm.movement(arm.start(1), torch.full((1, 2), 57.0))
    with pytest.raises(ValueError, match="radians within"):
        arm.judge(arm.start(1), torch.full((1, 2), -90.0))
    for wrong in (torch.ones(2, dtype=torch.bool), torch.ones(1)):
        with pytest.raises(ValueError, match=r"booleans of shape \(1,\) as up, got"):
            arm.pose(torch.tensor([[1.0, 0.0]]), wrong)
    with pytest.raises(ValueError, match="at least 1 step, got 0"):
        arm.movement(arm.start(1), torch.zeros(1, 2), steps=0)


@pytest.mark.parametrize("method", ["judge", "movement"])
def test_one_pose_for_several_states_is_refused(method, unchecked):
    """It would be broadcast in silence, and one elbow be counted for all."""
    with pytest.raises(ValueError, match=r"equal shapes, got pose \(1, 2\), now \(3, 2\)"):
        getattr(Arm(), method)(Arm().start(3), torch.zeros(1, 2))


@pytest.mark.parametrize("method", ["hand", "elbow"])
def test_poses_of_another_number_of_angles_are_refused(method, unchecked):
    for pose in (torch.zeros(3, 3), torch.zeros(3, 1), torch.zeros(())):
        with pytest.raises(ValueError, match=r"poses of shape \(..., 2\): two angles; got"):
            getattr(Arm(), method)(pose)


def test_a_goal_out_of_reach_is_refused_wherever_a_state_is_looked_at(unchecked):
    arm, x = Arm(), Arm().start(3)
    x[1, 2:] = torch.tensor([3.0, 0.0])
    pose = torch.zeros(3, 2)
    for look in (arm.observe, arm.probability_up, lambda x: arm.judge(x, pose), lambda x: arm.movement(x, pose)):
        with pytest.raises(ValueError, match=r"goals at distances from 0.2 to 1.8, got some from .* to 3$"):
            look(x)
