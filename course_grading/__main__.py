"""What instructors run: `python course.py VERB`, or `python -m course_grading VERB` where everything is installed."""

import argparse
import os
import sys
from pathlib import Path

from course_utils import commands
from course_utils.commands import Verb, positive

ROOT = Path(__file__).resolve().parents[1]
CLASS: dict[str, dict] = {
    "--folder": {"type": Path, "default": ROOT, "help": "the class's folder: submitted/, grades.csv and all else"},
    "--db": {"metavar": "URL", "help": "the gradebook (default: sqlite, gradebook.db in the class's folder)"},
}


def release(args: argparse.Namespace) -> None:
    """Regenerate the student notebooks in labs/ from solutions/, and dist/student.zip."""
    from course_grading.release import release, strays

    for path in release(args.lab):
        print(f"written: {path}")
    for name in strays():
        print(f"no lab, left alone: {name}", file=sys.stderr)
    if args.zip:
        from course_grading.handout import write_student_zip

        print(f"written: {write_student_zip()}")


def grade(args: argparse.Namespace) -> None:
    """Grade what students handed in: gradebook, grades.csv, feedback, report."""
    from course_grading.classroom import Options, grade
    from course_grading.model import Limits

    limits = Limits(notebook_seconds=args.timeout, cell_seconds=min(20, args.timeout), unsafe=args.unsafe)
    chosen = {k: v for k, v in vars(args).items() if k not in ("verb", "lab", "timeout", "unsafe")}
    rows = grade(args.lab, Options(**chosen, limits=limits))
    came = [row.outcome for row in rows if not row.outcome.absent]
    absent = len(rows) - len(came)
    nothing = f"{absent} student{'s' * (absent > 1)} handed in nothing; " if absent else ""
    ungraded, waiting = sum(bool(one.reason) for one in came), sum(row.waiting for row in rows)
    print(
        f"{len(came)} submissions, {ungraded} of them not graded; {nothing}{waiting} answers to mark by hand: "
        f"run formgrader"
    )
    for name in ("grades.csv", f"report-{args.lab}.html", "feedback"):
        print(f"written: {args.folder / name}")


def export(args: argparse.Namespace) -> None:
    """Put points and feedback into the table that Canvas, Moodle or Blackboard wrote, for it to import."""
    from course_grading.platforms.export import Options, export

    chosen = {name: value for name, value in vars(args).items() if name not in ("verb", "lab")}
    paths, sentences = export(args.lab, Options(**chosen))
    for sentence in sentences:
        print(sentence)
    for path in paths:
        print(f"written: {path}")


def term(args: argparse.Namespace) -> None:
    """Statistics over all graded labs: exercises, mistakes, who stopped, totals."""
    from course_grading.pages.term import write

    for path in write(args.folder):
        print(f"written: {path}")


def gradescope(args: argparse.Namespace) -> None:
    """Write the autograder of a lab for Gradescope, a zip to upload there."""
    from course_grading.gradescope.archive import write_archive

    print(f"written: {write_archive(args.lab, args.out)}")


def formgrader(args: argparse.Namespace) -> None:
    """Mark answers in words by hand, in the browser; then run grade with --resume."""
    from course_grading.formgrader import start

    print("Ctrl-C ends the formgrader: every mark given is in the gradebook; then run grade with --resume.", flush=True)
    start(args.folder, args.db, [f"--port={args.port}", *(["--no-browser"] if args.no_browser else [])])


def book(args: argparse.Namespace) -> None:
    """Make the course as a book to read: a folder of web pages, dist/book/, without answers."""
    from course_grading.book import build

    print("making the book: half a minute, and some minutes a lab that has changed, which runs", flush=True)
    print(f"written: {build(instructors=args.instructors, stills=args.stills)}")


def contest(args: argparse.Namespace) -> None:
    """Judge entries of Lab 8's contest in the sandbox, on seeds that nobody knows: a row each, and the board."""
    from course_grading.contest.hearing import Day, hold

    chosen = {name: value for name, value in vars(args).items() if name != "verb"}
    hold(Day(**chosen))
    print(f"written: {args.folder / 'contest.html'}")


def copies(args: argparse.Namespace) -> None:
    """Compare submissions: pairs more alike than the exercises explain, for your eyes. Nothing of theirs is run."""
    from course_grading.copying.listing import copies

    reading = copies(args.lab, args.folder)
    print(f"{len(reading.group)} students compared, {len(reading.pairs)} pairs to look at; this is no verdict")
    print(f"written: {args.folder / f'copies-{args.lab}.html'}")


def execute(args: argparse.Namespace) -> None:
    """Run solution notebooks and save them with their figures."""
    from course_grading.saving import execute

    execute(args.labs)


VERBS = {
    "release": Verb(
        release,
        {
            "lab": {"nargs": "?", "help": "name of one lab, such as lab1_simulation; every lab by default"},
            "--no-zip": {"dest": "zip", "action": "store_false", "help": "leave dist/student.zip as it is"},
        },
        "each file is whole, old or new; the same command makes all of them anew",
    ),
    "grade": Verb(
        grade,
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--from": {"dest": "source", "metavar": "DIR", "help": "folder or zip to check in; without it submitted/"},
            "--workers": {"type": positive, "default": os.cpu_count() or 1, "help": "processes (default: %(default)s)"},
            "--timeout": {"type": positive, "default": 120, "help": "seconds for a submission (default: %(default)s)"},
            "--resume": {"action": "store_true", "help": "judge only what is not judged yet; write everything anew"},
            "--only": {"action": "append", "default": [], "metavar": "STUDENT", "help": "judge anew, and nobody else"},
            "--seed": {"type": int, "help": "makes two gradings the same; by default random and secret"},
            "--scheduler": {"metavar": "ADDRESS", "help": "a Dask scheduler, to grade on a cluster"},
            "--unsafe": {"action": "store_true", "help": "without a sandbox: students' code can do what you can"},
            **CLASS,
        },
        "what is judged is kept; the same command with --resume goes on from here",
    ),
    "export": Verb(
        export,
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--for": {
                "dest": "platform",
                "choices": ("canvas", "moodle", "blackboard"),
                "required": True,
                "help": "whose",
            },
            "--table": {
                "type": Path,
                "required": True,
                "metavar": "FILE",
                "help": "what the platform let you download",
            },
            "--column": {"metavar": "NAME", "help": "its column for the points (default: the one that names the lab)"},
            "--missing": {
                "choices": ("keep", "zero"),
                "default": "keep",
                "help": "who handed in nothing (default: keep)",
            },
            "--scale": {"action": "store_true", "help": "multiply points where the platform's maximum is another"},
            "--unfinished": {"action": "store_true", "help": "although answers wait to be marked by hand"},
            "--folder": CLASS["--folder"],
        },
        "each file is whole, old or new; the same command makes them anew",
    ),
    "term": Verb(
        term, {"--folder": CLASS["--folder"]}, "each file is whole, old or new; the same command makes them anew"
    ),
    "gradescope": Verb(
        gradescope,
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--out": {"type": Path, "metavar": "FILE", "help": "where (default: dist/gradescope-LAB.zip)"},
        },
        "the file is whole, old or new; the same command makes it anew",
    ),
    "formgrader": Verb(
        formgrader,
        {
            "--port": {"type": positive, "default": 8890, "help": "of the server (default: %(default)s)"},
            "--no-browser": {"action": "store_true", "help": "only print the address"},
            **CLASS,
        },
        "every mark given is in the gradebook; the same command goes on",
    ),
    "book": Verb(
        book,
        {
            "--instructors": {"action": "store_true", "help": "with answers and guides: dist/book-instructors/"},
            "--stills": {"action": "store_true", "help": "with the saved figures, running nothing"},
        },
        "a book made earlier is left as it was; the same command begins anew",
    ),
    "contest": Verb(
        contest,
        {
            "files": {"nargs": "*", "type": Path, "metavar": "FILE", "help": "entries; the weights lie beside each"},
            "--retrain": {"action": "store_true", "help": "run their trainings again, or those of the first three"},
            "--pace": {"action": "store_true", "help": "entries of the second board, time to digits"},
            "--n": {"type": positive, "default": 2000, "help": "images a seed (default: %(default)s)"},
            "--data": {"dest": "source", "choices": ("auto", "full", "offline"), "default": "auto", "help": "digits"},
            "--folder": CLASS["--folder"],
        },
        "who is judged stands on the board; the same command goes on with the others if you name those",
    ),
    "copies": Verb(
        copies,
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--folder": CLASS["--folder"],
        },
        "the page is whole, old or new; the same command begins anew",
    ),
    "execute": Verb(
        execute,
        {"labs": {"nargs": "*", "metavar": "LAB", "help": "such as lab1_simulation; every lab by default"}},
        "a notebook is saved once all of it has run; the others are left as they were",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; see `course_utils.commands.run`."""
    return commands.run("course_grading", VERBS, argv)


if __name__ == "__main__":
    sys.exit(main())
