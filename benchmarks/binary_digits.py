"""Digits in black and white by masking pixels: letters of two kinds, 784 a word, with Lab 4's U-Net as the network.

Beside it the finished generators of Labs 4 and 6, whose digits are made black and white in the same way: ink where a
pixel is above 0. The judge is the course's classifier; 1,000 digits each, beside real digits against other real ones.
"""

import time
from collections.abc import Iterator
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from benchmarks.rows import Row, alone
from course_utils import classifier, data, digits, guidance, losses, metrics, networks, training, words

SHAPE = (1, 28, 28)
PIXELS = 784
PATH = words.MaskPath(2)
STEPS = 900
N = 1000
SAMPLERS = ((10, 1.0), (30, 1.0), (100, 1.0), (30, 1.5))
"""Steps and guidance scales."""


class PixelModel(nn.Module):
    """A U-Net that sees paper, ink and mask as -1, 1 and 0, and the share of seen pixels as the time.

    Its answer is added to what each pixel's share of ink says.
    """

    letters = 2

    def __init__(self, ink: Float[Tensor, " pixels"], num_classes: int = 10):
        super().__init__()
        self.net = networks.UNet(num_classes=num_classes)
        self.register_buffer("base", ink.logit())

    def forward(self, x: Int[Tensor, "batch pixels"], t=None, y: Tensor | None = None) -> Tensor:
        seen = x != PATH.mask
        image = torch.where(seen, 2.0 * x - 1, 0.0).reshape(-1, *SHAPE)
        ink = self.base + self.net(image, seen.float().mean(1), y).flatten(1)
        return torch.stack([torch.zeros_like(ink), ink], -1)


def as_words(images: Tensor) -> Tensor:
    """0 for paper, 1 for ink, shape (n, 784)."""
    return (images > 0).long().flatten(1)


def as_images(x: Tensor) -> Tensor:
    """Paper -1, ink 1."""
    return 2.0 * x.reshape(-1, *SHAPE) - 1


def trained(seed: int, steps: int) -> tuple[nn.Module, float]:
    """The model, and the CPU-seconds of its training."""
    train = data.mnist("train", "full")
    z = as_words(train.images)
    torch.manual_seed(seed)
    model = PixelModel(z.float().mean(0).clamp(0.002, 0.998))
    noise = torch.Generator().manual_seed(seed + 7)
    batches = data.batches(z, train.labels, batch_size=64, generator=torch.Generator().manual_seed(seed))

    def loss(model: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        y = losses.drop_labels(y, 0.1, null=10, generator=noise)
        return losses.counted_masked_loss(model, z, y, generator=noise)

    start = time.process_time()
    training.fit(model, loss, batches, steps=steps, lr=3e-3, recipe=training.Recipe(average=0.07), progress=False)
    return model, time.process_time() - start


def masked_digits(model: nn.Module, n: int, steps: int, scale: float, seed: int = 1) -> Tensor:
    """n digits, the labels in turn."""
    ts = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    noise = torch.Generator().manual_seed(seed)
    parts = []
    for y in (torch.arange(n) % 10).split(250):
        guided = guidance.classifier_free(model, y, scale)
        start = PATH.start((len(y), PIXELS))
        parts.append(words.generate_words(guided, PATH, start, ts, generator=noise, save_every=steps).end)
    return as_images(torch.cat(parts))


@cache
def real_digits() -> data.Digits:
    """Two times N, black and white, in random order: the test set begins with ease."""
    test = data.mnist("test", "full")
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))[: 2 * N]
    return data.Digits(as_images(as_words(test.images[order])), test.labels[order], "black and white")


def judged(what: str, images: Tensor, labels: Tensor | None = None) -> Row:
    """Distance to real digits, with the label accuracy in the words of the row."""
    labels = torch.arange(len(images)) % 10 if labels is None else labels
    judge = classifier.digit_classifier()
    accuracy = metrics.label_accuracy(judge, images, labels)
    made, real = (metrics.in_chunks(judge.features, x) for x in (images, real_digits().images[:N]))
    distance = metrics.frechet_distance(made, real)
    return alone("binary_digits", f"{what}: label accuracy {accuracy:.1%}, distance", distance, "")


def binary_digits(quick: bool) -> Iterator[Row]:
    """Pixels under masks, pixels and latents that flow: one judge."""
    real = real_digits()
    yield judged("floor, other real digits", real.images[N:], real.labels[N:])
    model, seconds = trained(0, 20 if quick else STEPS)
    ink = (torch.rand(N, PIXELS, generator=torch.Generator().manual_seed(0)) < model.base.sigmoid()).long()
    yield judged("pixels independent", as_images(ink))
    for steps, scale in SAMPLERS[:1] if quick else SAMPLERS:
        start = time.process_time()
        images = masked_digits(model, N, steps, scale)
        spent = time.process_time() - start
        yield judged(f"masked pixels, {seconds:.0f} CPU-s, {steps} steps of {spent:.0f} CPU-s, w = {scale:g}", images)
    for name, file in (("Lab 4's", digits.FINISHED_PIXELS), ("Lab 6's", digits.FINISHED)):
        finished, _ = digits.load(file)
        for scale in (1.0, 1.2):
            images = as_images(as_words(digits.samples(finished, N, guidance=scale)))
            yield judged(f"{name} finished generator, w = {scale:g}", images)
