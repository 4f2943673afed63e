"""Quality of Lab 4's generator over seeds, beside the mixtures alone and the floor.

`python benchmarks/digit_quality.py` prints one Markdown row a model and guidance scale: mean and
range over the seeds. CPU-seconds count all threads.
"""

import argparse
import time

import torch

from course_utils import data, digits
from course_utils.digits import Plan


def rows(name: str, found: list[dict]) -> list[str]:
    """The judgements of one model, a run a seed, as rows of the table."""
    lines = []
    for at in zip(*(run["judgements"] for run in found), strict=True):
        accuracy, distance = (torch.tensor([row[key] for row in at]).double() for key in ("accuracy", "distance"))
        share = distance / found[0]["floor"]
        lines.append(
            f"| {name} | {at[0]['w']:g} | {accuracy.mean():.2%} ({accuracy.min():.2%} to {accuracy.max():.2%}) "
            f"| {distance.mean():.2f} | {share.mean():.2f} ({share.min():.2f} to {share.max():.2f}) |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="full", choices=("full", "offline"))
    parser.add_argument("--steps", type=int, default=Plan.steps)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 1.2])
    args = parser.parse_args()
    test, train = data.mnist("test", "full"), data.mnist("train", args.data)
    judge = lambda model: digits.judge(model, test, scales=args.guidance, n=args.n)  # noqa: E731
    trained, bases = [], []
    for seed in range(args.seeds):
        wall, cpu = time.perf_counter(), time.process_time()
        model, _ = digits.train(Plan(args.data, seed, args.steps))
        print(f"seed {seed}: {time.perf_counter() - wall:.0f} s, {time.process_time() - cpu:.0f} CPU-s with the fit")
        trained.append(judge(model))
        if seed == 0:
            bases.append(judge(digits.digit_model(train.images, train.labels).base))
    print(f"\n{train.source}; {args.steps:,} steps, {torch.get_num_threads()} threads, {args.seeds} seeds, ", end="")
    print(f"n = {bases[0]['n']:,}; floor of the Fréchet distance {bases[0]['floor']:.2f}\n")
    print("| model | w | label accuracy | Fréchet distance | times the floor |\n|---|---|---|---|---|")
    print(*rows("mixtures alone", bases), *rows("mixtures + U-Net", trained), sep="\n")


if __name__ == "__main__":
    main()
