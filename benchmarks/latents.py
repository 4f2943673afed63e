"""Lab 6's generators beside Lab 4's: distance to real digits, label accuracy and CPU time, over three seeds.

Each is judged by 5,000 digits at w = 1 and 1.2, with eight midpoint steps; distances are in floors, real digits against
other real ones. The autoencoder is the lab's: 32 numbers, 210,000 weights, 1,300 steps of 128.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from benchmarks.plots import Plot
from benchmarks.rows import Row
from course_utils import data, digits
from course_utils.digits.latent import LatentDigits, latent_digits
from course_utils.losses import vae_loss
from course_utils.networks import MLP, Autoencoder, Residual, ResidualScale, Transformer
from course_utils.training import fit

SCALES = (1.0, 1.2)
STEPS = 1300
LIMITS = {"latent mixtures": (4.5, 3.2, 0.983, 0.993)}
"""Distances and accuracies at both scales that have to be kept."""


class Made(NamedTuple):
    """A generator, and the CPU-seconds that it took: of all trainings and fits."""

    model: torch.nn.Module
    seconds: float


class Found(NamedTuple):
    """What its digits are like at one guidance scale, and the CPU-seconds that they took."""

    accuracy: float
    floors: float
    seconds: float


def trained_autoencoder(seed: int, steps: int, dim: int = 32, weight: float = 0.1) -> Autoencoder:
    """The lab's autoencoder."""
    train = data.mnist("train", "full")
    torch.manual_seed(seed)
    model = Autoencoder(dim)
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(train.images, batch_size=128, generator=torch.Generator().manual_seed(seed))
    fit(model, lambda m, x: vae_loss(m, x, weight=weight, generator=noise), batches, steps=steps, progress=False)
    return model.eval()


def latent_mixtures(seed: int, steps: int, dim: int = 32) -> Made:
    """Class mixtures of latents, and the autoencoder beneath."""
    train = data.mnist("train", "full")
    start = time.process_time()
    model = latent_digits(trained_autoencoder(seed, steps, dim), train.images, train.labels, seed)
    return Made(model, time.process_time() - start)


def latent_network(mixtures: Made, seed: int, steps: int) -> Made:
    """A plain network in the same latent space, without mixtures beneath."""
    train = data.mnist("train", "full")
    start = time.process_time()
    h = mixtures.model.latents.encode(train.images, torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    net = MLP(mixtures.model.event_shape[0], hidden=256, depth=3, num_classes=10)
    loss = digits.digit_loss(torch.ones_like, torch.Generator().manual_seed(seed), start=0.0)
    batches = data.batches(h, train.labels, batch_size=512, generator=torch.Generator().manual_seed(seed))
    fit(net, loss, batches, steps=steps, progress=False)
    net.event_shape, net.decode = mixtures.model.event_shape, mixtures.model.decode
    return Made(net, mixtures.seconds + time.process_time() - start)


def pixel_network(net: Callable[[], torch.nn.Module], seed: int, steps: int, lr: float) -> Made:
    """Lab 4's generator with one network or another on its mixtures."""
    train = data.mnist("train", "full")
    start = time.process_time()
    beneath = digits.digit_model(train.images, train.labels, seed)
    torch.manual_seed(seed)
    model = Residual(beneath.base, ResidualScale(beneath.base.mixtures[None].spectrum), net(), beneath.start)
    loss = digits.digit_loss(model.scale, torch.Generator().manual_seed(seed))
    batches = data.batches(train.images, train.labels, batch_size=64, generator=torch.Generator().manual_seed(seed))
    fit(model, loss, batches, steps=steps, lr=lr, progress=False)
    return Made(model, time.process_time() - start)


def judged(model, n: int) -> list[Found]:
    """What the digits at each guidance scale are like."""
    found = []
    for w in SCALES:
        start = time.process_time()
        digits.samples(model, n, guidance=w)
        spent = time.process_time() - start
        whole = digits.judge(model, data.mnist("test", "full"), scales=[w], n=n, progress=False)
        row = whole["judgements"][0]
        found.append(Found(row["accuracy"], row["distance"] / whole["floor"], spent))
    return found


def reconstructions(model: LatentDigits, n: int) -> float:
    """How far the reconstructions of test digits are from other test digits, in floors."""
    from course_utils.classifier import digit_classifier
    from course_utils.metrics import frechet_distance, in_chunks

    test, classifier = data.mnist("test", "full"), digit_classifier()
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    first, second = (test.images[rows] for rows in order[: 2 * n].split(n))
    with torch.no_grad():
        again = torch.cat([model.latents.autoencoder(part) for part in second.split(500)])
    real, other, made = (in_chunks(classifier.features, images) for images in (first, second, again))
    return frechet_distance(made, real) / frechet_distance(other, real)


def contestants(quick: bool) -> dict[str, Callable[[int], Made]]:
    """From a name to what makes the generator of a seed."""
    share = 20 if quick else 1

    def transformer() -> Transformer:
        return Transformer((1, 28, 28), patch=4, num_classes=10, margin=2)

    def unet():
        from course_utils.networks import UNet

        return UNet(10, margin=2)

    return {
        "latent mixtures": lambda seed: latent_mixtures(seed, STEPS // share),
        "latent network": lambda seed: latent_network(latent_mixtures(seed, STEPS // share), seed, 1600 // share),
        "pixel mixtures + U-Net": lambda seed: pixel_network(unet, seed, 830 // share, 3e-3),
        "pixel mixtures + transformer": lambda seed: pixel_network(transformer, seed, 330 // share, 2e-3),
    }


def latents(quick: bool) -> Iterator[Row | Plot]:
    """Rows of every generator as it is judged, then the plot of distance against CPU-seconds."""
    n, seeds = (200, 1) if quick else (5000, 3)
    lines = {}
    for name, make in contestants(quick).items():
        made = [make(seed) for seed in range(seeds)]
        runs = [judged(each.model, n) for each in made]
        yield from rows(name, runs, n)
        if name == "latent mixtures":
            values = [reconstructions(each.model, n) for each in made]
            yield row("reconstructions, the floor of all latent generators", values, "× floor", most=2.4)
        spent = statistics.mean(each.seconds for each in made)
        points = [statistics.mean(run[i].seconds for run in runs) + spent for i in range(len(SCALES))]
        lines[name] = (points, [statistics.mean(run[i].floors for run in runs) for i in range(len(SCALES))])
    for dim in (16, 64):
        model = latent_mixtures(0, STEPS // (20 if quick else 1), dim).model
        yield row(f"latents of {dim} numbers, seed 0: reconstructions", [reconstructions(model, n)], "× floor")
        yield from rows(f"mixtures of {dim} numbers, seed 0", [judged(model, n)], n)
    said = "; ".join(f"{name} {min(values):.1f}" for name, (_, values) in lines.items())
    alt = f"Fréchet distance in floors against CPU-seconds of training, fit and {n} digits, w = 1 and 1.2: {said}."
    yield Plot("latents", alt, "CPU-seconds", f"Fréchet distance / floor, n = {n}", lines, ("real digits", 1.0))


def rows(name: str, runs: list[list[Found]], n: int) -> Iterator[Row]:
    """Distance, accuracy and CPU time of one generator at both guidance scales, over its seeds."""
    limits = LIMITS.get(name, (None, None, None, None))
    for i, w in enumerate(SCALES):
        at = [run[i] for run in runs]
        what = f"{name}, w = {w:g}, n = {n}"
        yield row(f"{what}: distance", [f.floors for f in at], "× floor", most=limits[i])
        yield row(f"{what}: label right", [f.accuracy for f in at], "", least=limits[2 + i])
        yield row(f"{what}: digits drawn", [f.seconds for f in at], "CPU-s")


def row(what: str, values: list[float], unit: str, *, most: float | None = None, least: float | None = None) -> Row:
    """The mean over seeds, with the least and the most, and the limit that the mean has to keep."""
    mean = statistics.mean(values)
    holds = (most is None or mean <= most) and (least is None or mean >= least)
    must = f"at most {most:g}" if most is not None else f"at least {least:g}" if least is not None else ""
    return Row("latents", what, mean, None, "", unit, mean, (min(values), max(values)), must, holds)
