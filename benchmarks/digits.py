"""Lab 4's training and sampling: images per CPU-second, evaluations, and the share of the machine's peak."""

import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.rows import Row, alone, compare
from course_utils import data, digits
from course_utils.digits.model import BATCH_SIZE
from course_utils.guidance import classifier_free
from course_utils.simulators import midpoint_step, rk4_step, simulate

CPU = time.process_time


class RecipeBlock(nn.Module):
    """A residual layer of the well-known lab: two convolutions with BatchNorm, time and label added in between."""

    def __init__(self, channels: int, size: int):
        super().__init__()
        self.first = nn.Sequential(nn.SiLU(), nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, padding=1))
        self.second = nn.Sequential(nn.SiLU(), nn.BatchNorm2d(channels), nn.Conv2d(channels, channels, 3, padding=1))
        self.time, self.label = (
            nn.Sequential(nn.Linear(size, size), nn.SiLU(), nn.Linear(size, channels)) for _ in range(2)
        )

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        h = self.first(x) + self.time(t)[..., None, None] + self.label(y)[..., None, None]
        return x + self.second(h)


class RecipeUNet(nn.Module):
    """The well-known lab's network, from its description: 32×32, channels 32-64-128, two residual layers a level."""

    def __init__(self, channels: tuple[int, ...] = (32, 64, 128), size: int = 40):
        super().__init__()
        self.frequencies = nn.Parameter(torch.randn(size // 2))
        self.labels = nn.Embedding(11, size)
        first, last = channels[0], channels[-1]
        pairs = list(zip(channels, channels[1:], strict=False))
        layers = lambda c: nn.ModuleList(RecipeBlock(c, size) for _ in range(2))  # noqa: E731
        self.inward = nn.Sequential(nn.Conv2d(1, first, 3, padding=1), nn.BatchNorm2d(first), nn.SiLU())
        self.down = nn.ModuleList(layers(a) for a, _ in pairs)
        self.smaller = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairs)
        self.middle = layers(last)
        up = [(b, a) for a, b in reversed(pairs)]
        self.larger = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(a, b, 3, padding=1)) for a, b in up
        )
        self.up = nn.ModuleList(layers(b) for _, b in up)
        self.outward = nn.Conv2d(first, 1, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        y = torch.full((len(x),), 10) if y is None else y
        angle = 2 * torch.pi * torch.as_tensor(t).expand(len(x))[:, None] * self.frequencies
        t, y = 2**0.5 * torch.cat([angle.sin(), angle.cos()], 1), self.labels(y)
        h, skips = self.inward(x), []
        for layers, smaller in zip(self.down, self.smaller, strict=True):
            for layer in layers:
                h = layer(h, t, y)
            skips.append(h)
            h = smaller(h)
        for layer in self.middle:
            h = layer(h, t, y)
        for larger, layers in zip(self.larger, self.up, strict=True):
            h = larger(h) + skips.pop()
            for layer in layers:
                h = layer(h, t, y)
        return self.outward(h)


class Padded(nn.Module):
    """A network of 32×32 images, called with 28×28 ones."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        return self.net(F.pad(x, (2, 2, 2, 2), value=-1.0), t, y)[..., 2:-2, 2:-2]


def torchcfm_unet() -> nn.Module:
    """The network of torchcfm's conditional MNIST example, with its settings; called as (x, t, y)."""
    from torchcfm.models.unet import UNetModel

    net = UNetModel(dim=(1, 28, 28), num_channels=32, num_res_blocks=1, num_classes=10, class_cond=True)
    return _Called(net)


class _Called(nn.Module):
    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, x, t, y=None):
        return self.net(torch.as_tensor(t).expand(len(x)), x, y.clamp(max=9))


def training_step(model: nn.Module, batch: int):
    """A call that makes one training step of that model on so many digits."""
    train = data.mnist("train", "full")
    generator = torch.Generator().manual_seed(0)
    scale = getattr(model, "scale", torch.ones_like)
    loss, optimizer = digits.digit_loss(scale, generator), torch.optim.AdamW(model.parameters(), 1e-3)
    batches = data.batches(train.images, train.labels, batch_size=batch, generator=generator)

    def step():
        optimizer.zero_grad()
        loss(model, *next(batches)).backward()
        optimizer.step()

    return step


def throughput(quick: bool) -> list[Row]:
    """Training images per CPU-second, everything counted: mixtures, loss, optimiser."""
    train, rounds = data.mnist("train", "full"), 3 if quick else 9
    ours = training_step(digits.digit_model(train.images, train.labels), BATCH_SIZE)
    rows = []
    for name, net, least in (
        ("lab recipe's U-Net, 32×32", Padded(RecipeUNet()), 15.0),
        ("torchcfm's example U-Net", torchcfm_unet(), 25.0),
    ):
        peer = training_step(net, BATCH_SIZE)
        size = sum(p.numel() for p in net.parameters())
        what = f"Lab 4: training images per CPU-second, batch {BATCH_SIZE}, {torch.get_num_threads()} threads"
        rows.append(compare("throughput", what, ours, peer, f"{name}, {size / 1e6:.2f} M weights", least=least,
                            rounds=rounds, amount=BATCH_SIZE, unit="images/CPU-s", clock=CPU))  # fmt: skip
    return rows


def peak(quick: bool) -> list[Row]:
    """The share of the machine's matrix-multiply peak that the network's forward and backward pass reaches."""
    from torch.utils.flop_counter import FlopCounterMode

    a = torch.randn(2048, 2048)
    train = data.mnist("train", "full")
    model = digits.digit_model(train.images, train.labels)
    step = training_step(model, BATCH_SIZE)
    step()
    with FlopCounterMode(display=False) as counter:
        step()
    flops, rounds = counter.get_total_flops(), 3 if quick else 15
    step_rate = flops / statistics.median(_timed(step) for _ in range(rounds))
    peak_rate = 2 * 2048**3 / statistics.median(_timed(lambda: a @ a) for _ in range(rounds))
    what = f"share of the matrix-multiply peak in a training step of Lab 4, {flops / 1e9:.1f} GFLOP"
    row = Row("peak", what, step_rate / 1e9, peak_rate / 1e9, "2048×2048 product", "GFLOP/s", step_rate / peak_rate,
              (step_rate / peak_rate,) * 2)  # fmt: skip
    return [row]


def _timed(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def sampling(quick: bool) -> list[Row]:
    """1,000 guided digits by a trained model, and how near ten evaluations come to a fine solution."""
    model, _ = digits.load(digits.default_file())
    start = CPU()
    digits.samples(model, 1000)
    took = CPU() - start
    count = 10 if quick else 100
    x0, y = torch.randn(count, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(count) % 10
    field = classifier_free(model, y, 1.0)
    fine = simulate(field, x0, torch.linspace(0, 1, 25), rk4_step, save_every=24).end
    five = simulate(field, x0, torch.linspace(0, 1, 6), midpoint_step, save_every=5).end
    error = (five - fine).square().mean().sqrt().item()
    return [
        alone("sampling", "1,000 guided digits (w = 1.2, 24 evaluations each)", took, "CPU-s", most=20),
        alone("sampling", "10 evaluations (5 midpoint steps) against 24 RK4 steps, RMS", error, "", most=0.03),
    ]
