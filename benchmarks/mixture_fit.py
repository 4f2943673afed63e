"""How many clusters, directions and how much shrinkage: the loss of the exact field on digits not fitted to.

`python benchmarks/mixture_fit.py` prints the loss at five times, a row a fit, as a difference to the first.
"""

import torch

from course_utils import data
from course_utils.distributions import PCAMixture
from course_utils.paths import GaussianPath, marginal

TIMES = (0.1, 0.2, 0.3, 0.4, 0.5)
FITS = ((16, 64, 1.0), (62, 64, 0.3), (62, 64, 1.0), (62, 96, 0.3), (128, 64, 0.3), (62, 128, 0.3))


@torch.no_grad()
def losses(field, images, labels) -> torch.Tensor:
    """Flow matching loss of a labelled field at each of the times, from the same noise."""
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(6))
    found = []
    for t in TIMES:
        sample = GaussianPath().sample(images, t, noise)
        found.append((field(sample.x, t, labels) - sample.velocity).square().flatten(1).sum(1).mean())
    return torch.stack(found)


def main() -> None:
    train, test = data.mnist("train", "full"), data.mnist("test", "full")
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(5))[:3000]
    first = None
    print("| clusters a digit | directions | shrinkage |", *[f"t = {t:g} |" for t in TIMES])
    print("|---|---|---|" + "---|" * len(TIMES))
    for clusters, rank, shrinkage in FITS:
        generator = torch.Generator().manual_seed(0)
        fits = {
            digit: PCAMixture.fit(train.images[train.labels == digit], clusters, rank, shrinkage=shrinkage,
                                  generator=generator)
            for digit in range(10)
        }  # fmt: skip
        field = marginal(GaussianPath(), fits | {None: fits[0]}).velocity
        found = losses(field, test.images[chosen], test.labels[chosen])
        shown = [f"{v:.2f} |" for v in found] if first is None else [f"{v:+.2f} |" for v in found - first]
        first = found if first is None else first
        print(f"| {clusters} | {rank} | {shrinkage:g} |", *shown, flush=True)


if __name__ == "__main__":
    main()
