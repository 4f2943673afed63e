"""Command line of the course: `python -m course_utils VERB`, also reached as `python course.py VERB`."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Verb(NamedTuple):
    """One verb: what it does, its arguments as given to `add_argument`, and the function that gets them parsed."""

    help: str
    arguments: dict[str, dict]
    run: Callable[[argparse.Namespace], None]


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def release(args: argparse.Namespace) -> None:
    from course_utils.grading.release import release, strays

    for path in release(args.lab):
        print(f"written: {path}")
    for path in strays():
        print(f"no lab, left alone: {path}", file=sys.stderr)
    if args.zip:
        from course_utils.grading.handout import write_student_zip

        print(f"written: {write_student_zip()}")


def grade(args: argparse.Namespace) -> None:
    from course_utils.grading.grade import Options, grade
    from course_utils.grading.results import Limits

    limits = Limits(notebook_seconds=args.timeout, cell_seconds=min(20, args.timeout), unsafe=args.unsafe)
    chosen = {k: v for k, v in vars(args).items() if k not in ("verb", "lab", "timeout", "unsafe")}
    rows = grade(args.lab, Options(**chosen, limits=limits))
    ungraded, waiting = sum(bool(row.outcome.reason) for row in rows), sum(row.waiting for row in rows)
    print(f"{len(rows)} submissions, {ungraded} of them not graded; {waiting} answers to mark by hand: run formgrader")
    for name in ("grades.csv", f"report-{args.lab}.html", "feedback"):
        print(f"written: {args.folder / name}")


def formgrader(args: argparse.Namespace) -> None:
    from course_utils.grading.formgrader import start

    start(args.folder, args.db, [f"--port={args.port}", *(["--no-browser"] if args.no_browser else [])])


def classifier(args: argparse.Namespace) -> None:
    from course_utils import data, metrics

    train, test = data.mnist("train", "full"), data.mnist("test", "full")
    trained = metrics.train_classifier(train.images, train.labels, steps=args.steps)
    path = args.out or metrics.CLASSIFIER
    accuracy = metrics.save_classifier(trained, test.images, test.labels, path)
    print(f"{accuracy:.2%} of {len(test):,} test digits are classified correctly; written: {path}")


ROOT = Path(__file__).resolve().parents[1]
CLASS = {
    "--folder": {"type": Path, "default": ROOT, "help": "the class's folder: submitted/, grades.csv and all else"},
    "--db": {"metavar": "URL", "help": "the gradebook (default: sqlite, gradebook.db in the class's folder)"},
}
VERBS = {
    "classifier": Verb(
        "train the classifier that judges digits, on the full MNIST (a minute or two)",
        {
            "--steps": {"type": int, "default": 4000, "help": "optimiser steps (default 4000)"},
            "--out": {"help": "file to write; by default the one that the course uses"},
        },
        classifier,
    ),
    "release": Verb(
        "regenerate the student notebooks in labs/ from solutions/, and dist/student.zip",
        {
            "lab": {"nargs": "?", "help": "name of one lab, such as lab1_simulation; every lab by default"},
            "--no-zip": {"dest": "zip", "action": "store_false", "help": "leave dist/student.zip as it is"},
        },
        release,
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
    "formgrader": Verb(
        "mark answers in words by hand, in the browser; then run grade with --resume",
        {
            "--port": {"type": positive, "default": 8890, "help": "of the server (default: %(default)s)"},
            "--no-browser": {"action": "store_true", "help": "only print the address"},
            **CLASS,
        },
        formgrader,
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
        VERBS[args.verb].run(args)
    except (ValueError, OSError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped: the same command goes on from here (grade: with --resume)", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
