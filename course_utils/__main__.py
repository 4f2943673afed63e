"""Command line of the course: `python -m course_utils VERB`, also reached as `python course.py VERB`."""

import argparse
import sys
from collections.abc import Callable
from typing import NamedTuple


class Verb(NamedTuple):
    """One verb: what it does, its arguments as given to `add_argument`, and the function that gets them parsed."""

    help: str
    arguments: dict[str, dict]
    run: Callable[[argparse.Namespace], None]


def release(args: argparse.Namespace) -> None:
    from course_utils.grading.release import release, strays

    for path in release(args.lab):
        print(f"written: {path}")
    for path in strays():
        print(f"no lab, left alone: {path}", file=sys.stderr)


def classifier(args: argparse.Namespace) -> None:
    from course_utils import data, metrics

    train, test = data.mnist("train", "full"), data.mnist("test", "full")
    trained = metrics.train_classifier(train.images, train.labels, steps=args.steps)
    path = args.out or metrics.CLASSIFIER
    accuracy = metrics.save_classifier(trained, test.images, test.labels, path)
    print(f"{accuracy:.2%} of {len(test):,} test digits are classified correctly; written: {path}")


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
        "regenerate the student notebooks in labs/ from solutions/",
        {"lab": {"nargs": "?", "help": "name of one lab, such as lab1_simulation; every lab by default"}},
        release,
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
