"""Command line of the course: `python -m course_utils VERB`, also reached as `python course.py VERB`."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
CLASS = {
    "--folder": {"type": Path, "default": ROOT, "help": "the class's folder: submitted/, grades.csv and all else"},
    "--db": {"metavar": "URL", "help": "the gradebook (default: sqlite, gradebook.db in the class's folder)"},
}


class Verb(NamedTuple):
    """One verb: what it does, its arguments as given to `add_argument`, and the function that gets them parsed."""

    help: str
    arguments: dict[str, dict]
    run: Callable[[argparse.Namespace], int | None]


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def release(args: argparse.Namespace) -> None:
    from course_grading.release import release, strays

    for path in release(args.lab):
        print(f"written: {path}")
    for path in strays():
        print(f"no lab, left alone: {path}", file=sys.stderr)
    if args.zip:
        from course_grading.handout import write_student_zip

        print(f"written: {write_student_zip()}")


def grade(args: argparse.Namespace) -> None:
    from course_grading.grade import Options, grade
    from course_grading.results import Limits

    limits = Limits(notebook_seconds=args.timeout, cell_seconds=min(20, args.timeout), unsafe=args.unsafe)
    chosen = {k: v for k, v in vars(args).items() if k not in ("verb", "lab", "timeout", "unsafe")}
    rows = grade(args.lab, Options(**chosen, limits=limits))
    ungraded, waiting = sum(bool(row.outcome.reason) for row in rows), sum(row.waiting for row in rows)
    print(f"{len(rows)} submissions, {ungraded} of them not graded; {waiting} answers to mark by hand: run formgrader")
    for name in ("grades.csv", f"report-{args.lab}.html", "feedback"):
        print(f"written: {args.folder / name}")


def formgrader(args: argparse.Namespace) -> None:
    from course_grading.formgrader import start

    start(args.folder, args.db, [f"--port={args.port}", *(["--no-browser"] if args.no_browser else [])])


def book(args: argparse.Namespace) -> None:
    from course_grading.book import build

    print("making the book: half a minute, and some minutes a lab that has changed, which runs", flush=True)
    print(f"written: {build(instructors=args.instructors, stills=args.stills)}")


def classifier(args: argparse.Namespace) -> None:
    from course_utils import data, metrics

    train, test = data.mnist("train", "full"), data.mnist("test", "full")
    trained = metrics.train_classifier(train.images, train.labels, steps=args.steps)
    path = args.out or metrics.CLASSIFIER
    accuracy = metrics.save_classifier(trained, test.images, test.labels, path)
    print(f"{accuracy:.2%} of {len(test):,} test digits are classified correctly; written: {path}")


def bench(args: argparse.Namespace) -> int:
    options = [f"--{name}" for name in ("json", "quick") if getattr(args, name)]
    options += ["--out", str(args.out.resolve())] if args.out else []
    return subprocess.call([sys.executable, "-m", "benchmarks", *args.name, *options], cwd=ROOT)


def train(args: argparse.Namespace) -> None:
    from course_utils import digits

    path = Path(args.out or digits.default_file())
    asked = {name: getattr(args, name) for name in ("minutes", "data", "seed", "devices")}
    given = {{"data": "source"}.get(k, k): value for k, value in asked.items() if value is not None}
    if args.resume and given:
        raise ValueError(f"expected --resume alone: the plan of the stopped training is kept, got {', '.join(given)}")
    plan = digits.prepare(path, resume=args.resume, **given)
    if plan.devices > 1:
        from lightning_fabric import Fabric

        Fabric(devices=plan.devices, strategy="ddp_spawn").launch(_train_process, plan, path, args.resume)
    else:
        digits.train_to_file(plan, path, resume=args.resume)
    print(path.with_suffix(".md").read_text("utf-8"))
    print(f"written: {path}")
    if path.with_suffix(".plan.json").exists():
        print(f"stopped before step {plan.steps:,}; `python course.py train --resume` goes on")


def _train_process(fabric, plan, path, resume) -> None:
    from course_utils import digits

    digits.train_to_file(plan, path, resume=resume, fabric=fabric)


def generate(args: argparse.Namespace) -> None:
    from course_utils import digits

    out = Path(args.out)
    if out.suffix not in (".npz", ".png"):
        raise ValueError(f"expected --out to end in .npz or .png, got {out}")
    model, _ = digits.load(Path(args.model or digits.default_file()), progress=True)
    options = {"guidance": args.guidance, "stochastic": args.stochastic, "seed": args.seed}
    images = digits.samples(model, args.n, progress=True, **options).cpu()
    _write_images(out, images)
    print(f"written: {out}")


def _write_images(path: Path, images) -> None:
    """All of the digits as .npz (uint8, ink 255, with their labels), or the first 200 as a picture."""
    import numpy as np
    from torch.nn.functional import pad

    from course_utils.plotting import digit_grid
    from course_utils.storage import replace_file

    def npz(part: Path) -> None:
        pixels = ((images[:, 0] + 1) * 127.5).round().numpy().astype(np.uint8)
        with part.open("wb") as file:
            np.savez_compressed(file, images=pixels, labels=np.arange(len(pixels)) % 10)

    def png(part: Path) -> None:
        shown = images[:200]
        rows = pad(shown, (0, 0, 0, 0, 0, 0, 0, -len(shown) % 10), value=-1.0)
        digit_grid(rows, column_titles=list("0123456789")).savefig(part, format="png")

    replace_file(path, npz if path.suffix == ".npz" else png)


VERBS = {
    "bench": Verb(
        "measure speed beside other libraries, in an environment of its own that is made on first use",
        {
            "name": {"nargs": "*", "help": "benchmarks to run, such as sde; every one by default"},
            "--json": {"action": "store_true", "help": "a list of rows instead of a table"},
            "--quick": {"action": "store_true", "help": "shorten the long ones"},
            "--out": {"type": Path, "metavar": "DIR", "help": "for table.md and plots (default: benchmarks/results)"},
        },
        bench,
    ),
    "book": Verb(
        "the course as a book to read: a folder of web pages, dist/book/, without answers",
        {
            "--instructors": {"action": "store_true", "help": "with answers and guides: dist/book-instructors/"},
            "--stills": {"action": "store_true", "help": "with the saved figures, running nothing"},
        },
        book,
    ),
    "classifier": Verb(
        "train the classifier that judges digits, on the full MNIST (a minute or two)",
        {
            "--steps": {"type": int, "default": 4000, "help": "optimiser steps (default 4000)"},
            "--out": {"help": "file to write; by default the one that the course uses"},
        },
        classifier,
    ),
    "formgrader": Verb(
        "mark answers in words by hand, in the browser; then run grade with --resume",
        {
            "--port": {"type": positive, "default": 8890, "help": "of the server (default: %(default)s)"},
            "--no-browser": {"action": "store_true", "help": "only print the address"},
            **CLASS,
        },
        formgrader,
    ),
    "generate": Verb(
        "digits from a trained model",
        {
            "--model": {"metavar": "FILE", "help": "made by `train`; by default the one that it makes"},
            "--n": {"type": int, "default": 5000, "help": "number of digits, labels 0, 1, ..., 9, 0, ... (5000)"},
            "--guidance": {"type": float, "default": 1.2, "metavar": "W", "help": "guidance scale (1.2)"},
            "--stochastic": {"action": "store_true", "help": "solve the SDE with the same marginals: 4 times the work"},
            "--seed": {"type": int, "default": 0, "help": "of the noise (0)"},
            "--out": {"required": True, "help": "digits.npz (images uint8, labels) or a grid, grid.png"},
        },
        generate,
    ),
    "grade": Verb(
        "grade what students handed in: gradebook, grades.csv, feedback, report",
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--from": {"dest": "source", "metavar": "DIR", "help": "folder or zip to check in; without it submitted/"},
            "--workers": {"type": positive, "default": os.cpu_count() or 1, "help": "processes (default: %(default)s)"},
            "--timeout": {"type": positive, "default": 120, "help": "seconds for a notebook (default: %(default)s)"},
            "--resume": {"action": "store_true", "help": "judge only what is not judged yet; write everything anew"},
            "--seed": {"type": int, "help": "makes two gradings the same; by default random and secret"},
            "--scheduler": {"metavar": "ADDRESS", "help": "a Dask scheduler, to grade on a cluster"},
            "--unsafe": {"action": "store_true", "help": "without a sandbox: students' code can do what you can"},
            **CLASS,
        },
        grade,
    ),
    "release": Verb(
        "regenerate the student notebooks in labs/ from solutions/, and dist/student.zip",
        {
            "lab": {"nargs": "?", "help": "name of one lab, such as lab1_simulation; every lab by default"},
            "--no-zip": {"dest": "zip", "action": "store_false", "help": "leave dist/student.zip as it is"},
        },
        release,
    ),
    "train": Verb(
        "train Lab 4's generator of digits: a minute on two cores, and half a minute to judge it",
        {
            "--minutes": {"type": float, "metavar": "M", "help": "length of the training"},
            "--data": {"choices": ("full", "offline"), "help": "which digits; by default all of MNIST if it is there"},
            "--seed": {"type": int, "help": "of everything random (0)"},
            "--devices": {"type": int, "help": "number of processes, one a GPU; needs lightning-fabric (1)"},
            "--resume": {"action": "store_true", "help": "go on with a training that was stopped"},
            "--out": {"metavar": "FILE", "help": "file to write (models/digits.safetensors)"},
        },
        train,
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; bad input is one line on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m course_utils", description="Commands of the course.")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        subparser = subparsers.add_parser(name, help=verb.help, description=verb.help)
        for argument, options in verb.arguments.items():
            subparser.add_argument(argument, **options)
    args = parser.parse_args(argv)
    try:
        return VERBS[args.verb].run(args) or 0
    except (ValueError, OSError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would disturb the end
        print("\nstopped: the same command goes on from here (grade: with --resume)", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
