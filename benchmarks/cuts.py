"""Lab 11's slider: what flows on the torus and in the plane make of one residue, with the cut in five places.

`python -m benchmarks.cuts FILE` trains thirty times and writes samples and figures, `course_utils/assets/cuts.npz`. The
cuts go in even steps from the usual names of angles to those that have the helix on the seam. All are judged in the
usual names, so that the cells of the histograms are the same.
"""

import sys

import numpy as np
import torch
from torch import Tensor

from benchmarks.proteins import ANGLES, HELIX_CUT, judged, made, parts, trained
from course_utils.manifolds import wrap

FLOWS = {"torus": "torus", "plane": "plane, normal source"}
"""From the names in the file to those of `ANGLES`."""

STEPS, SEEDS, KEPT = 2000, 3, 1500
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def cut_run(flow: str, taken: Tensor, seed: int, steps: int = STEPS) -> tuple[Tensor, float, float]:
    """One training on angles less those taken: samples as they come, total variation, percentage outside."""
    train, test = (part.angles() for part in parts())
    model, _ = trained(ANGLES[FLOWS[flow]], wrap(train - taken), seed, steps, 512)
    x = made(ANGLES[FLOWS[flow]], model, 4 * len(test), seed)
    outside = 100 * (x.abs() > torch.pi).any(1).double().mean().item()
    return x[:KEPT], judged(wrap(x + taken), test).variation, outside


def stored(steps: int = STEPS, seeds: int = SEEDS) -> dict[str, np.ndarray]:
    """The cuts in degrees, and of each flow samples of the first seed, in tenths of a degree, and figures of all."""
    taken = torch.tensor(SHARES)[:, None] * HELIX_CUT
    found: dict[str, np.ndarray] = {"taken": torch.rad2deg(taken).numpy()}
    for flow in FLOWS:
        runs = [[cut_run(flow, cut, seed, steps) for seed in range(seeds)] for cut in taken]
        found[flow] = (10 * torch.rad2deg(torch.stack([first[0] for first, *_ in runs]))).round().short().numpy()
        for i, figure in enumerate(("variation", "outside"), 1):
            found[f"{flow}_{figure}"] = np.array([[run[i] for run in same] for same in runs], np.float32)
            print(flow, figure, found[f"{flow}_{figure}"].round(3).tolist(), flush=True)
    return found


if __name__ == "__main__":
    np.savez_compressed(sys.argv[1], **stored())
