"""An entry noted as a program: done again it gives what the entry gives, and its work is what one counts by hand."""

import copy
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_utils import networks
from course_utils.contest.programs import Program, record
from course_utils.contest.replaying import Replay
from course_utils.contest.rules import RULES

Y = torch.arange(10)
MATRIX = torch.linspace(-1, 1, 16).reshape(4, 4)
Sample = Callable[[Tensor, torch.Generator], Tensor]


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def filled(module: nn.Module) -> nn.Module:
    """A module with weights that come from no chance."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((torch.arange(parameter.numel()).reshape(parameter.shape) * 0.7).cos() * 0.1)
    return module.eval()


def plain() -> Sample:
    return lambda y, generator: (noise(generator, len(y), 4) @ MATRIX + y[:, None]).tanh()


def in_place() -> Sample:
    def sample(y, generator):
        x = noise(generator, len(y), 4)
        for k in range(200):  # memory of tensors that are gone is used again
            half = x[:, :2]
            half.mul_(0.9).add_(k / 100)
            x = x + 0.1 * x.flip(1)
        x[y > 4] = 1.0
        return x

    return sample


def copied() -> Sample:
    net = copy.deepcopy(filled(nn.Linear(4, 4)))
    return lambda y, generator: net(noise(generator, len(y), 4))


def replaced() -> Sample:
    """`.data =` gives a parameter other memory, and no operation tells of it."""
    net = nn.Linear(4, 4)
    net.weight.data = torch.eye(4)
    copies = copy.deepcopy(filled(net))
    return lambda y, generator: copies(noise(generator, len(y), 4))


def channels_last() -> Sample:
    net = copy.deepcopy(filled(networks.UNet(10, margin=2)))
    return lambda y, generator: net(noise(generator, len(y), 1, 28, 28), 0.5, y)


def rewarded() -> Sample:
    """A gradient, as for guidance by a reward."""

    def sample(y, generator):
        x = noise(generator, len(y), 4).requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad((x @ MATRIX).sigmoid().sum(), x)
        return x.detach() + slope

    return sample


@pytest.mark.parametrize("load", [plain, in_place, copied, replaced, channels_last, rewarded])
def test_a_program_done_again_gives_the_same_images_bit_for_bit(load: Callable[[], Sample]):
    program, images = record(load, {}, Y, seed=5)
    replay = Replay(Program.unpacked(program.packed()), {}, Y)
    with torch.no_grad():
        expected = load()(Y, seeded(9))
    assert replay.draw(seeded(6)).equal(images)  # the second call of a recording has the next seed
    assert replay.draw(seeded(9)).equal(expected)
    assert not expected.equal(images)


def test_numbers_of_the_file_of_weights_are_not_sent():
    weights = {"own/matrix": MATRIX.clone()}
    program, _ = record(plain, weights, Y, seed=5)
    assert program.constants == []
    assert len(record(plain, {}, Y, seed=5)[0].constants) == 1
    doubled = Replay(program, {"own/matrix": 2 * MATRIX}, Y).draw(seeded(9))
    assert doubled.equal((noise(seeded(9), 10, 4) @ (2 * MATRIX) + Y[:, None]).tanh())


# Work


def work(sample: Sample, **weights: Tensor) -> float:
    """Work of one call."""
    replay = Replay(record(lambda: sample, weights, Y, seed=5)[0], weights, Y)
    replay.draw(seeded(0))
    return replay.work


def test_work_is_what_one_counts_by_hand():
    draw = 10 * 4
    assert work(lambda y, g: noise(g, 10, 4)) == draw
    assert work(lambda y, g: noise(g, 10, 4) @ MATRIX) == draw + 10 * 4 * 4
    assert work(lambda y, g: noise(g, 10, 4).sin() + 1) == 3 * draw
    assert work(lambda y, g: noise(g, 10, 4).T.unsqueeze(0)[:, 1:]) == draw, "a view is free"
    kernel = torch.ones(5, 1, 3, 3)
    convolved = work(lambda y, g: torch.conv2d(noise(g, 2, 1, 8, 8), kernel, padding=1))
    assert convolved == 2 * 64 + 2 * 64 * 5 * 9
    spread = torch.eye(4).expand(10, 4, 4)
    assert work(lambda y, g: torch.linalg.inv(noise(g, 10, 4, 4) + spread)) == 2 * 160 + 160 * 4


def test_work_grows_with_the_calls_and_what_is_done_once_is_free():
    def load():
        big = MATRIX @ MATRIX
        return lambda y, g: noise(g, 10, 4) @ big

    replay = Replay(record(load, {}, Y, seed=5)[0], {}, Y)
    for _ in range(3):
        replay.draw(seeded(0))
    assert replay.work == 3 * (40 + 160)


# What is no program of operations


def recorded_and_drawn(sample: Sample) -> Tensor:
    program, _ = record(lambda: sample, {}, Y, seed=5)
    return Replay(Program.unpacked(program.packed()), {}, Y).draw(seeded(9))


def by_turns() -> Sample:
    calls = []

    def sample(y, generator):
        calls.append(1)
        return noise(generator, 10, 4).sin() if len(calls) == 3 else noise(generator, 10, 4).cos()

    return sample


def by_chance(y: Tensor, generator: torch.Generator) -> Tensor:
    x = noise(generator, 10, 4)
    return x if x.sum() > 0 else x.sin()


def hidden(y: Tensor, generator: torch.Generator) -> Tensor:
    return torch.from_numpy(np.sin(noise(generator, 10, 4).numpy())) + 1


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (by_turns(), "each call of `sample` to do the same operations.* one call does aten.cos.default, the next aten"),
        (hidden, "some that come neither from the file of weights nor from the generator"),
        (lambda y, g: torch.randn(10, 4), "all noise to come from the generator"),
        (lambda y, g: torch.randn(10, 4, generator=seeded(g.initial_seed())), "all noise to come from the generator"),
        (lambda y, g: torch.special.bessel_j0(noise(g, 10, 4)), "operations that the contest knows, got aten.spec"),
    ],
    ids=["by turns", "outside of torch", "no generator", "reads the seed", "unknown"],
)
def test_what_the_judge_cannot_do_again_is_refused(sample: Sample, said: str):
    with pytest.raises(ValueError, match=said):
        recorded_and_drawn(sample)


def test_what_depends_on_the_noise_by_a_condition_is_refused_or_done_as_noted():
    """A way that was not noted is not gone: the judge does the same operations with any noise."""
    try:
        program, images = record(lambda: by_chance, {}, Y, seed=5)
    except ValueError as error:
        assert "same operations" in str(error)
    else:
        assert Replay(program, {}, Y).draw(seeded(6)).equal(images)


def test_too_many_numbers_from_nowhere_are_refused():
    many = torch.linspace(0, 1, RULES.constants_bytes // 4 + 10)
    program, _ = record(lambda: lambda y, g: noise(g, len(many)) + many, {}, Y, seed=5)
    with pytest.raises(ValueError, match="expected at most 100,000 bytes of numbers that come neither"):
        Program.unpacked(program.packed())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no zip", "expected a program of `packed`"),
        (zlib.compress(b"[]"), "expected a program of `record`"),
        (zlib.compress(b'{"setup": []}'), "expected a program of `record`"),
        (zlib.compress(bytes(50_000_000)), "expected at most 4,000,000 bytes of operations"),
    ],
    ids=["no zip", "a list", "incomplete", "a bomb"],
)
def test_what_is_no_program_is_refused(data: bytes, said: str):
    with pytest.raises(ValueError, match=said):
        Program.unpacked(data)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["aten.from_file.default", ["/etc/passwd"], {}, [1]], "operations that the contest knows"),
        (["os.system.default", ["true"], {}, [1]], "operations that the contest knows"),
        (["aten.sin.default", [{"tensor": 7}], {}, [1]], "cannot be done with other noise"),
        (["aten.sin.default", [{"strange": "object"}], {}, [1]], "expected tensors, numbers and words"),
        (["weights", "own/none", "float32", [2], 1], "cannot be done with other noise"),
        (["constant", 3, 1], "cannot be done with other noise"),
    ],
)
def test_a_forged_line_is_refused(line: list, said: str):
    with pytest.raises(ValueError, match=said):
        Replay(Program([], [line], 1, []), {}, Y).draw(seeded(0))
