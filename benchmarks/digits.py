"""Lab 4's training: images per CPU-second beside other networks, and where a step's time goes."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.peer_nets import DiffusersUNet, Padded, RecipeUNet, torchcfm_unet
from benchmarks.rows import Row, alone, compare, seconds
from course_utils import data, digits
from course_utils.digits.model import BATCH_SIZE

STEPS = 10
"""That a network makes at a time: in a training the caches hold its own data, after another's step they do not."""
SIDE = 2048
"""Of the square matrices whose product gives the machine's peak."""


class Clock:
    """CPU-seconds by part: `clock(part, call, ...)` calls and adds."""

    def __init__(self):
        self.spent: Counter[str] = Counter()

    def __call__(self, part: str, call: Callable, *args, **kwargs):
        start = time.process_time()
        answer = call(*args, **kwargs)
        self.spent[part] += time.process_time() - start
        return answer


def training_step(model: nn.Module, batch: int, clock: Clock | None = None) -> Callable[[], None]:
    """A call that makes a training step of that model on so many digits."""
    clock = clock or Clock()
    train = data.mnist("train", "full")
    generator = torch.Generator().manual_seed(0)
    scale = getattr(model, "scale", torch.ones_like)
    loss, optimizer = digits.digit_loss(scale, generator), torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
    batches = data.batches(train.images, train.labels, batch_size=batch, generator=generator)

    def step() -> None:
        optimizer.zero_grad()
        value = loss(model, *next(batches))
        clock("network, backward", value.backward)
        clock("optimiser", optimizer.step)

    return step


def repeated(step: Callable[[], None], times: int) -> Callable[[], None]:
    """A call that makes so many steps."""

    def steps() -> None:
        for _ in range(times):
            step()

    return steps


def throughput(quick: bool) -> list[Row]:
    """Training images per CPU-second, everything counted: mixtures, loss, optimiser."""
    train, rounds = data.mnist("train", "full"), 3 if quick else 9
    ours = repeated(training_step(digits.digit_model(train.images, train.labels), BATCH_SIZE), STEPS)
    rows = []
    for name, net, least in (
        ("lab recipe's U-Net, 32×32", Padded(RecipeUNet()), 15.0),
        ("torchcfm's example U-Net", torchcfm_unet(), 25.0),
        ("a U-Net of diffusers", DiffusersUNet(), None),
    ):
        peer = repeated(training_step(net, BATCH_SIZE), STEPS)
        size = sum(p.numel() for p in net.parameters())
        what = f"Lab 4: training images per CPU-second, batch {BATCH_SIZE}"
        rows.append(compare("throughput", what, ours, peer, f"{name}, {size / 1e6:.2f} M weights", least=least,
                            rounds=rounds, amount=STEPS * BATCH_SIZE, unit="images/CPU-s"))  # fmt: skip
    return rows


def peak(quick: bool) -> Iterator[Row]:
    """The share of the machine's peak that a training step reaches, and the share of time of each of its parts."""
    train, a = data.mnist("train", "full"), torch.randn(SIDE, SIDE)
    model = digits.digit_model(train.images, train.labels)
    step = training_step(model, BATCH_SIZE)
    step()
    with FlopCounterMode(display=False) as counter:
        step()
    flops = counter.get_total_flops()
    product = fastest_product(a)
    pairs = [(flops / seconds(step), 2 * SIDE**3 / seconds(product)) for _ in range(5 if quick else 15)]
    shares = sorted(own / most for own, most in pairs)
    own, most = (sorted(rates)[len(pairs) // 2] / 1e9 for rates in zip(*pairs, strict=True))
    what = f"share of the matrix-multiply peak in a training step of Lab 4, {flops / 1e9:.1f} GFLOP"
    yield Row("peak", what, own, most, f"{SIDE}×{SIDE} product", "GFLOP/CPU-s", shares[len(shares) // 2],
              (shares[0], shares[-1]))  # fmt: skip
    for part, share in parts(model, rounds=5 if quick else 20).items():
        yield alone("peak", f"of that step: {part}", 100 * share, "%")
    print(kernels(step, rounds=5), file=sys.stderr)


def fastest_product(a: torch.Tensor) -> Callable[[], object]:
    """a times its transpose by the faster of the two libraries that torch has: on some processors they differ much."""
    ways: list[Callable[[], object]] = [lambda: a @ a.T]
    if torch.backends.mkldnn.is_available():
        packed = a.to_mkldnn()
        ways.append(lambda: nn.functional.linear(packed, packed))
    for way in ways:
        way()
    return min(ways, key=seconds)


def parts(model: nn.Module, rounds: int) -> dict[str, float]:
    """Shares of a step's CPU time."""
    clock = Clock()
    step = training_step(model, BATCH_SIZE, clock)
    model.base = partial(clock, "mixtures", model.base)
    model.net.forward = partial(clock, "network, forward", model.net.forward)
    total = sum(seconds(step) for _ in range(rounds))
    rest = total - clock.spent.total()
    return {part: time / total for part, time in {**clock.spent, "batch, noise, loss": rest}.items()}


def kernels(step: Callable[[], None], rounds: int) -> str:
    """The table of torch's profiler: the dozen kernels that take most of the time."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(rounds):
            step()
    return found.key_averages().table(sort_by="self_cpu_time_total", row_limit=12, max_name_column_width=40)
