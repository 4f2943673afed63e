"""From which time on Lab 4's network should add to the mixtures: trainings of equal length that start there.

`python benchmarks/network_start.py` prints one Markdown row a start; CPU-seconds of all threads. A network
that was trained on the whole path is judged a second time without its answers before t = 0.3.
"""

import argparse
import time

import torch

from course_utils import data, digits
from course_utils.digits import Plan
from course_utils.digits.model import BATCH_SIZE, START
from course_utils.training import fit


def trained(start: float, steps: int):
    """Lab 4's model whose network adds to the mixtures from `start` on."""
    train, noise = data.mnist("train", "full"), torch.Generator().manual_seed(1)
    model = digits.digit_model(train.images, train.labels)
    model.start = start
    order = torch.Generator().manual_seed(0)
    batches = data.batches(train.images, train.labels, batch_size=BATCH_SIZE, generator=order)
    fit(model, digits.digit_loss(model.scale, noise, start), batches, steps=steps)
    return model


def row(name: str, model, n: int) -> str:
    began = time.process_time()
    found = digits.judge(model, data.mnist("test", "full"), n=n)
    seconds = time.process_time() - began
    figures = [f"{at['accuracy']:.2%} | {at['distance'] / found['floor']:.2f}" for at in found["judgements"]]
    return f"| {name} | {' | '.join(figures)} | {seconds:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--n", type=int, default=2000)
    args = parser.parse_args()
    rows = []
    for start in (0.0, START, 0.5):
        model = trained(start, args.steps)
        rows.append(row(f"{start:g}", model, args.n))
        if start == 0:
            model.start = START
            rows.append(row(f"{start:g}, unused before {START:g}", model, args.n))
    print("| network from t = | label accuracy, w = 1 | in floors | w = 1.2 | in floors | CPU-s to judge |")
    print("|---|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
