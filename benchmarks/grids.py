"""A transformer where large generators have theirs, on a grid of latents; and what attention buys, on pixels.

Latents of 4 numbers at each of 7×7 places (35 CPU-s, 59,000 weights), scaled a channel; on them class mixtures, a
transformer of 49 tokens after 120 CPU-s, and both. Then, on pixels in 16 patches of 7×7, transformers with and without
attention after equal CPU time: how much larger the jumps between neighbouring pixels are across the edges of patches
than within them, beside the same of real digits.
"""

import time
from collections.abc import Callable, Iterator

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.latents import reconstructions
from benchmarks.rows import Row, alone
from benchmarks.transformers import transformer, without_attention
from course_utils import data, digits
from course_utils.digits.mixtures import ClassMixtures
from course_utils.distributions import fit_class_mixtures
from course_utils.losses import vae_loss
from course_utils.networks import Autoencoder, Residual, ResidualScale, Transformer
from course_utils.training import fit

SHAPE, PATCH = (4, 7, 7), 7


class GridAutoencoder(nn.Module):
    """The lab's autoencoder without its two linear layers: a latent is a grid of (4, 7, 7)."""

    def __init__(self):
        super().__init__()
        vector = Autoencoder(32)
        self.encoder = nn.Sequential(*vector.encoder[:-2], nn.Conv2d(32, 2 * SHAPE[0], 1))
        self.decoder = nn.Sequential(nn.Conv2d(SHAPE[0], 32, 3, padding=1), *vector.decoder[2:])

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.encoder(x).chunk(2, 1)
        return mean, log_var

    def decode(self, h: Tensor) -> Tensor:
        return self.decoder(h)

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self.decode(self.encode(x)[0]).sigmoid() - 1


class GridDigits(nn.Module):
    """Digits drawn as grids: any velocity of scaled latents, and the decoder."""

    event_shape = SHAPE

    def __init__(self, field: Callable, autoencoder: GridAutoencoder, mean: Tensor, scale: Tensor):
        super().__init__()
        self.field, self.autoencoder, self.mean, self.scale = field, autoencoder, mean, scale

    def forward(self, h: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        return self.field(h, t, y)

    @torch.no_grad()
    def decode(self, h: Tensor) -> Tensor:
        parts = (h * self.scale + self.mean).split(1000)
        return torch.cat([2 * self.autoencoder.decode(part).sigmoid() - 1 for part in parts])


def trained_for(cpu_seconds: float, run: Callable[[int], object]) -> int:
    """How many steps `run` makes in so many CPU-seconds: as many as ten of them, measured before, foretell."""
    run(2)
    start = time.process_time()
    run(10)
    return max(1, round(10 * cpu_seconds / (time.process_time() - start)))


def grid_autoencoder(steps: int) -> GridAutoencoder:
    """Trained like the lab's."""
    train = data.mnist("train", "full")
    torch.manual_seed(0)
    model, noise = GridAutoencoder(), torch.Generator().manual_seed(7)
    batches = data.batches(train.images, batch_size=128, generator=torch.Generator().manual_seed(0))
    fit(model, lambda m, x: vae_loss(m, x, generator=noise), batches, steps=steps, progress=False)
    return model.eval()


@torch.no_grad()
def encoded(model: GridAutoencoder, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One draw of each latent, scaled to mean 0 and variance 1 a channel; the mean and the scale."""
    parts = [model.encode(part) for part in images.split(1000)]
    mean, spread = torch.cat([m for m, _ in parts]), torch.cat([(v / 2).exp() for _, v in parts])
    h = mean + spread * torch.randn(mean.shape, generator=torch.Generator().manual_seed(0))
    centre, scale = h.mean((0, 2, 3), keepdim=True), h.std((0, 2, 3), keepdim=True)
    return (h - centre) / scale, centre, scale


def trained_field(model: nn.Module, scale: Callable, h: Tensor, labels: Tensor, cpu_seconds: float, lr: float) -> int:
    """Train a velocity of latents or pixels for so many CPU-seconds; the number of its steps."""
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    def run(steps: int) -> None:
        model.load_state_dict(kept)
        loss = digits.digit_loss(scale, torch.Generator().manual_seed(0), start=0.0)
        batches = data.batches(h, labels, batch_size=64, generator=torch.Generator().manual_seed(0))
        fit(model, loss, batches, steps=steps, lr=lr, progress=False)

    steps = trained_for(cpu_seconds, run)
    run(steps)
    model.eval()
    return steps


def judged(bench: str, name: str, model: nn.Module, n: int) -> Iterator[Row]:
    """Rows of distance and accuracy at w = 1 and 1.2."""
    found = digits.judge(model, data.mnist("test", "full"), n=n, progress=False)
    for at in found["judgements"]:
        what = f"{name}, w = {at['w']:g}, n = {found['n']}, seed 0"
        yield alone(bench, f"{what}: distance", at["distance"] / found["floor"], "× floor")
        yield alone(bench, f"{what}: label right", at["accuracy"], "")


def grids(quick: bool) -> Iterator[Row]:
    """Generators of grids, one after the other."""
    seconds, n, steps = (2, 100, 20) if quick else (120, 2000, 1300)
    train = data.mnist("train", "full")
    autoencoder = grid_autoencoder(steps)
    h, centre, spread = encoded(autoencoder, train.images)
    mixtures = fit_class_mixtures(h, train.labels, generator=torch.Generator().manual_seed(0))
    exact, scale = ClassMixtures(mixtures), ResidualScale(mixtures[None].spectrum)
    yield alone("grids", f"4×7×7: reconstructions, n = {n}", reconstructions(autoencoder, n), "× floor")
    yield from judged("grids", "4×7×7: class mixtures", GridDigits(exact, autoencoder, centre, spread), n)
    for name in ("transformer", "mixtures + transformer"):
        torch.manual_seed(0)
        net = Transformer(SHAPE, patch=1, num_classes=10)
        model = net if name == "transformer" else Residual(exact, scale, net)
        made = trained_field(model, scale, h, train.labels, seconds, 2e-3)
        what = f"4×7×7: {name}, {seconds} CPU-s, {made} steps"
        yield from judged("grids", what, GridDigits(model, autoencoder, centre, spread), n)


def jumps(images: Tensor, patch: int = PATCH) -> float:
    """Mean square of the jump between neighbours across the edges of patches, over that within patches."""
    across = torch.arange(images.shape[-1] - 1) % patch == patch - 1
    right, down = images.diff(dim=-1).square(), images.diff(dim=-2).mT.square()
    edges, insides = (
        torch.cat([part[..., places].flatten() for part in (right, down)]) for places in (across, ~across)
    )
    return (edges.mean() / insides.mean()).item()


def seams(quick: bool) -> Iterator[Row]:
    """Jumps at the edges of patches, with attention and without; `seams.png` beside the table shows a row of each."""
    from benchmarks.__main__ import RESULTS

    seconds, n = (2, 20) if quick else (120, 1000)
    train, test = data.mnist("train", "full"), data.mnist("test", "full")
    scale = ResidualScale(torch.linalg.eigvalsh(train.images.flatten(1).T.cov().double()).clamp(min=1e-3).float())
    yield alone(
        "seams", f"real digits, n = {n}: jumps at the edges of patches over jumps within", jumps(test.images[:n]), ""
    )
    shown = {"real": test.images[torch.stack([(test.labels == y).nonzero()[0, 0] for y in range(10)])]}
    for name, make in {"with attention": transformer, "without attention": without_attention}.items():
        torch.manual_seed(0)
        net = make()
        steps = trained_field(net, scale, train.images, train.labels, seconds, 2e-3)
        made = digits.samples(net, n, guidance=1.0)
        yield alone(
            "seams", f"{name}, {seconds} CPU-s, {steps} steps: jumps at the edges over jumps within", jumps(made), ""
        )
        yield from judged("seams", f"{name}, {seconds} CPU-s", net, n)
        shown[name] = made[:10]
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = torch.stack([images[:, 0] for images in shown.values()])
    ink = (127.5 * (rows.clamp(-1, 1) + 1)).round().byte()
    Image.fromarray(ink.transpose(1, 2).reshape(28 * len(rows), -1).numpy()).save(RESULTS / "seams.png")
