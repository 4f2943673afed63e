"""Lab 6's generators beside Lab 4's: distance to real digits, label accuracy and CPU time, over three seeds.

Each is judged by 5,000 digits at w = 1 and 1.2, with eight midpoint steps; distances are in floors, real digits against
other real ones. The autoencoder is the lab's: 32 numbers, 210,000 weights, 1,300 steps of 128. What a digit costs to
draw is measured on a tenth of the digits.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.plots import Plot
from benchmarks.rows import Row, over_seeds
from course_utils import data, digits
from course_utils.digits.latent import latent_digits
from course_utils.distributions.pca_mixture import clusters_for
from course_utils.losses import vae_loss
from course_utils.networks import MLP, Autoencoder, Residual, ResidualScale, Transformer, UNet
from course_utils.training import fit

SCALES = (1.0, 1.2)
STEPS = 1300
OURS, LAB_4 = "latent mixtures", "pixel mixtures + U-Net"
LIMITS = {OURS: (4.5, 3.2, 0.983, 0.993)}
"""Distances and accuracies at both scales that have to be kept."""


class Made(NamedTuple):
    """A generator, and the CPU-seconds that it took: of all trainings and fits."""

    model: torch.nn.Module
    seconds: float


class Found(NamedTuple):
    """What its digits are like at one guidance scale, and the CPU time of drawing one."""

    accuracy: float
    floors: float
    milliseconds: float


def trained_autoencoder(train: data.Digits, seed: int, steps: int, dim: int = 32) -> Autoencoder:
    """The lab's autoencoder."""
    torch.manual_seed(seed)
    model = Autoencoder(dim)
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(train.images, batch_size=128, generator=torch.Generator().manual_seed(seed))
    fit(model, lambda m, x: vae_loss(m, x, generator=noise), batches, steps=steps, progress=False)
    return model.eval()


@cache
def latent_mixtures(seed: int, steps: int, dim: int = 32, source: str = "full") -> Made:
    """Class mixtures of latents, as many as the lab takes, and the autoencoder beneath."""
    train = data.mnist("train", source)
    start = time.process_time()
    autoencoder = trained_autoencoder(train, seed, steps, dim)
    model = latent_digits(autoencoder, train.images, train.labels, seed, clusters_for(len(train) // 10))
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


def pixel_network(net: Callable[[], torch.nn.Module], seed: int, steps: int, lr: float, source: str = "full") -> Made:
    """Lab 4's generator with one network or another on its mixtures."""
    train = data.mnist("train", source)
    start = time.process_time()
    beneath = digits.digit_model(train.images, train.labels, seed)
    torch.manual_seed(seed)
    model = Residual(beneath.base, ResidualScale(beneath.base.mixtures[None].spectrum), net(), beneath.start)
    loss = digits.digit_loss(model.scale, torch.Generator().manual_seed(seed))
    batches = data.batches(train.images, train.labels, batch_size=64, generator=torch.Generator().manual_seed(seed))
    fit(model, loss, batches, steps=steps, lr=lr, progress=False)
    return Made(model, time.process_time() - start)


def pixel_mixtures(seed: int) -> Made:
    """The mixtures of pixels, without any network."""
    train = data.mnist("train", "full")
    start = time.process_time()
    base = digits.digit_model(train.images, train.labels, seed).base
    return Made(base, time.process_time() - start)


def judged(model, n: int) -> list[Found]:
    """What the digits at each guidance scale are like."""
    whole = digits.judge(model, data.mnist("test", "full"), scales=SCALES, n=n, progress=False)
    found = []
    for row in whole["judgements"]:
        found.append(Found(row["accuracy"], row["distance"] / whole["floor"], milliseconds(model, n // 10, row["w"])))
    return found


def reconstructions(autoencoder: Callable[[Tensor], Tensor], n: int) -> float:
    """How far the reconstructions of test digits are from other test digits, in floors."""
    from course_utils.classifier import digit_classifier
    from course_utils.metrics import frechet_distance, in_chunks

    test, classifier = data.mnist("test", "full"), digit_classifier()
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))
    first, second = (test.images[rows] for rows in order[: 2 * n].split(n))
    with torch.no_grad():
        again = torch.cat([autoencoder(part) for part in second.split(500)])
    real, other, made = (in_chunks(classifier.features, images) for images in (first, second, again))
    return frechet_distance(made, real) / frechet_distance(other, real)


def unet() -> UNet:
    """Lab 4's network."""
    return UNet(10, margin=2)


def contestants(quick: bool) -> dict[str, Callable[[int], Made]]:
    """From a name to what makes the generator of a seed."""
    share = 20 if quick else 1

    def transformer() -> Transformer:
        return Transformer((1, 28, 28), patch=4, num_classes=10, margin=2)

    return {
        OURS: lambda seed: latent_mixtures(seed, STEPS // share),
        "latent network": lambda seed: latent_network(latent_mixtures(seed, STEPS // share), seed, 1600 // share),
        "pixel mixtures": pixel_mixtures,
        LAB_4: lambda seed: pixel_network(unet, seed, 830 // share, 3e-3),
        "pixel mixtures + transformer": lambda seed: pixel_network(transformer, seed, 330 // share, 2e-3),
    }


def latents(quick: bool) -> Iterator[Row | Plot]:
    """Rows of every generator as it is judged, then the plot of distance against CPU-seconds."""
    n, seeds = (200, 1) if quick else (5000, 3)
    lines, kept = {}, {}
    for name, make in contestants(quick).items():
        made = [make(seed) for seed in range(seeds)]
        runs = [judged(each.model, n) for each in made]
        yield over_seeds("latents", f"{name}: training and fit", [each.seconds for each in made], "CPU-s")
        yield from rows(name, runs, n)
        if name == OURS:
            values = [reconstructions(each.model.latents.autoencoder, n) for each in made]
            yield over_seeds(
                "latents", "reconstructions, the floor of all latent generators", values, "× floor", most=2.4
            )
        kept[name] = [each.model for each in made]
        lines[name] = line(made, runs, n)
    for w in SCALES:
        yield side_by_side(kept[OURS], kept[LAB_4], w, n // 10)
    for dim in (16, 64):
        model = latent_mixtures(0, STEPS // (20 if quick else 1), dim).model
        yield over_seeds(
            "latents",
            f"latents of {dim} numbers, seed 0: reconstructions",
            [reconstructions(model.latents.autoencoder, n)],
            "× floor",
        )
        yield from rows(f"mixtures of {dim} numbers, seed 0", [judged(model, n)], n)
    said = "; ".join(f"{name} {min(values):.1f}" for name, (_, values) in lines.items())
    alt = f"Fréchet distance in floors against CPU-seconds of training, fit and {n} digits, w = 1 and 1.2: {said}."
    yield Plot("latents", alt, "CPU-seconds", f"Fréchet distance / floor, n = {n}", lines, ("real digits", 1.0))


def line(made: list[Made], runs: list[list[Found]], n: int) -> tuple[list[float], list[float]]:
    """Means over seeds at each guidance scale: CPU-seconds of all the work and of n digits, and distances in floors."""
    spent = statistics.mean(each.seconds for each in made)
    scales = range(len(SCALES))
    seconds = [spent + n / 1000 * statistics.mean(run[i].milliseconds for run in runs) for i in scales]
    return seconds, [statistics.mean(run[i].floors for run in runs) for i in scales]


def milliseconds(model, n: int, w: float) -> float:
    """CPU time of drawing one digit, in a batch of n."""
    start = time.process_time()
    digits.samples(model, n, guidance=w)
    return 1000 * (time.process_time() - start) / n


def in_turn(first, second, w: float, n: int) -> tuple[float, float]:
    """What a digit costs either generator: medians of five times, one after the other."""
    pairs = [(milliseconds(first, n, w), milliseconds(second, n, w)) for _ in range(5)]
    ours, theirs = zip(*pairs, strict=True)
    return statistics.median(ours), statistics.median(theirs)


def side_by_side(ours: list, theirs: list, w: float, n: int) -> Row:
    """How many times as long Lab 4's generator draws, seed by seed."""
    costs = [in_turn(a, b, w, n) for a, b in zip(ours, theirs, strict=True)]
    ratios = [b / a for a, b in costs]
    ratio, spread = statistics.mean(ratios), (min(ratios), max(ratios))
    a, b = (statistics.mean(each) for each in zip(*costs, strict=True))
    what = f"w = {w:g}: one digit"
    return Row("latents", what, a, b, LAB_4, "CPU-ms", ratio, spread, "at least 10×", ratio >= 10)


def rows(name: str, runs: list[list[Found]], n: int) -> Iterator[Row]:
    """Distance, accuracy and CPU time of one generator at both guidance scales, over its seeds."""
    limits = LIMITS.get(name, (None, None, None, None))
    for i, w in enumerate(SCALES):
        at = [run[i] for run in runs]
        what = f"{name}, w = {w:g}, n = {n}"
        yield over_seeds("latents", f"{what}: distance", [f.floors for f in at], "× floor", most=limits[i])
        yield over_seeds("latents", f"{what}: label right", [f.accuracy for f in at], "", least=limits[2 + i])
        yield over_seeds("latents", f"{what}: one digit", [f.milliseconds for f in at], "CPU-ms")


def offline(quick: bool) -> Iterator[Row]:
    """Rows of both labs' generators that learned from the 4,500 digits which need no network, as long as the others."""
    n, seeds, share = (200, 1, 20) if quick else (5000, 3, 1)
    contestants = {
        OURS: lambda seed: latent_mixtures(seed, STEPS // share, source="offline"),
        LAB_4: lambda seed: pixel_network(unet, seed, 830 // share, 3e-3, "offline"),
    }
    for name, make in contestants.items():
        made = [make(seed).model for seed in range(seeds)]
        yield from rows(f"{name} of the offline digits", [judged(model, n) for model in made], n)
        if name == OURS:
            values = [reconstructions(model.latents.autoencoder, n) for model in made]
            yield over_seeds("latents", "reconstructions by an autoencoder of the offline digits", values, "× floor")
