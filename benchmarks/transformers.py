"""What each part of Lab 6's transformer buys: variants trained for as many CPU-seconds, without mixtures beneath.

The loss is that of 1,000 test digits at ten times from 0.3 on, with the same noise for all, weighted as in training.
"""

import time
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.rows import Row, alone
from course_utils import data, digits
from course_utils.losses import flow_matching_loss
from course_utils.networks import ResidualScale, Transformer, UNet
from course_utils.paths import GaussianPath
from course_utils.training import fit

WIDTH = 64


class Unchanged(nn.Module):
    """In the place of attention: tokens learn nothing of one another."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Normalised(nn.Module):
    """Attention whose queries and keys are normalised (QK-norm)."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        size = WIDTH // attention.heads
        self.q, self.k = nn.RMSNorm(size), nn.RMSNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.attention.split(x)
        looked = F.scaled_dot_product_attention(self.q(q), self.k(k), v)
        return self.attention.outward(looked.transpose(1, 2).flatten(2))


def transformer(patch: int = 7) -> Transformer:
    """The one that is varied."""
    return Transformer((1, 28, 28), patch, WIDTH, 3, 4, num_classes=10, size=64)


def without_attention() -> Transformer:
    net = transformer()
    for block in net.blocks:
        block.attention = Unchanged()
    return net


def with_normalised_attention() -> Transformer:
    net = transformer()
    for block in net.blocks:
        block.attention = Normalised(block.attention)
    return net


def without_places() -> Transformer:
    net = transformer()
    net.places.zero_()
    return net


def with_random_modulation() -> Transformer:
    """Modulation that does not start at zero: an untrained block changes its tokens."""
    net = transformer()
    for block in net.blocks:
        block.modulation.reset_parameters()
    return net


VARIANTS: dict[str, Callable[[], nn.Module]] = {
    "adaLN-Zero": transformer,
    "modulation that does not start at 0": with_random_modulation,
    "no places": without_places,
    "queries and keys normalised": with_normalised_attention,
    "patches of 4 instead of 7": lambda: transformer(4),
    "no attention at all": without_attention,
    "Lab 4's U-Net": lambda: UNet(10),
}


def held_out(net: nn.Module, scale: ResidualScale) -> float:
    """The loss on test digits, a pixel."""
    test = data.mnist("test", "full")
    t = 0.3 + 0.7 * (torch.arange(1000) % 10 + 0.5) / 10
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        loss = flow_matching_loss(
            net, test.images[5000:6000], test.labels[5000:6000],
            path=GaussianPath(), t=t, weight=1 / scale(t) ** 2, generator=generator,
        )  # fmt: skip
    return loss.item() / 784


def trained(
    make: Callable[[], nn.Module], seed: int, cpu_seconds: float, scale: ResidualScale
) -> tuple[nn.Module, int]:
    """A variant after so many CPU-seconds, and its steps: as many as ten of them, measured before, foretell."""
    train = data.mnist("train", "full")

    def run(steps: int):
        torch.manual_seed(seed)
        net = make()
        loss = digits.digit_loss(scale, torch.Generator().manual_seed(seed), start=0.0)
        batches = data.batches(train.images, train.labels, batch_size=64, generator=torch.Generator().manual_seed(seed))
        fit(net, loss, batches, steps=steps, lr=3e-3 if isinstance(net, UNet) else 2e-3, progress=False)
        return net.eval()

    run(2)
    start = time.process_time()
    run(10)
    steps = max(1, round(10 * cpu_seconds / (time.process_time() - start)))
    return run(steps), steps


def transformers(quick: bool) -> Iterator[Row]:
    """A row a variant: the first with three seeds, whose spread says which differences mean something."""
    seconds = 2 if quick else 12
    train = data.mnist("train", "full")
    scale = ResidualScale(torch.linalg.eigvalsh(train.images.flatten(1).T.cov().double()).clamp(min=1e-3).float())
    for name, make in VARIANTS.items():
        for seed in range(1 if quick or name != "adaLN-Zero" else 3):
            net, steps = trained(make, seed, seconds, scale)
            what = f"{name}, seed {seed}: loss after {seconds} CPU-s, {steps} steps"
            yield alone("transformers", what, held_out(net, scale), "")
