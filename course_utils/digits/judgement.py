"""How good a generator of digits is."""

from collections.abc import Sequence
from typing import Any

import torch

from course_utils import data
from course_utils.classifier import digit_classifier
from course_utils.digits.sampling import MIDPOINT_STEPS, samples
from course_utils.metrics import frechet_distance, in_chunks, label_accuracy

__all__ = ["judge"]


def judge(
    model, test: data.Digits, *, scales: Sequence[float] = (1.0, 1.2), n: int = 2000, progress: bool = True
) -> dict[str, Any]:
    """Label accuracy and Fréchet distance at guidance scales, with n and the floor: real digits against real ones.

    Args:
        model: A generator, as for `samples`.
        test: Digits that the model was not trained on; half of them, n at most, are compared with as many others.
        scales: Guidance scales w.
        n: Number of samples a scale.
        progress: Whether to show a progress bar.

    Returns:
        `{"n", "steps", "floor", "judgements": [{"w", "accuracy", "distance"}, ...]}`, with the steps of the sampler.

    Raises:
        ValueError: If n is less than 2 or there are fewer than four digits.

    Example:
        >>> found = digits.judge(networks.UNet(10), data.mnist("test", "offline"), scales=[1.0], n=2, progress=False)
        >>> found["n"], found["steps"]
        (2, 8)
    """
    from tqdm.auto import tqdm

    n = min(n, len(test) // 2)
    if n < 2:
        raise ValueError(f"expected at least 2 samples and 4 digits to judge by, got n = {n} and {len(test)} digits")
    classifier = digit_classifier()
    order = torch.randperm(len(test), generator=torch.Generator().manual_seed(0))  # MNIST's test set begins with ease
    real = in_chunks(classifier.features, test.images[order[: 2 * n]])
    labels = torch.arange(n) % 10
    judgements = []
    for w in tqdm(scales, desc="judge", unit="scale", disable=not progress):
        images = samples(model, n, guidance=w).to(test.images)
        distance = frechet_distance(in_chunks(classifier.features, images), real[:n])
        judgements.append({"w": w, "accuracy": label_accuracy(classifier, images, labels), "distance": distance})
    floor = frechet_distance(real[:n], real[n:])
    return {"n": n, "steps": MIDPOINT_STEPS, "floor": floor, "judgements": judgements}
