#!/usr/bin/env python3
"""The course's one command: `python course.py VERB` installs what the verb needs, once, in .venv, and runs it there."""

import contextlib
import difflib
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from course_setup import environment, packages

ROOT = Path(__file__).resolve().parent
PYTHON_FLOOR = (3, 11)


class Verb(NamedTuple):
    """One verb: what it does, the folder of this repository that it belongs to, and the extra that it needs."""

    name: str
    does: str
    home: str
    extra: str = ""


VERBS = {
    "students": [
        Verb("lab", "open the labs in JupyterLab, at the start page", "labs"),
        Verb("train", "train Lab 4's generator of digits", "course_utils"),
        Verb("generate", "draw digits with a trained generator", "course_utils"),
        Verb("entry", "try your entry for Lab 8's contest", "course_utils"),
        Verb("progress", "show which exercises are right and which are left", "course_utils"),
        Verb("start", "bring the start page of the labs up to date, as `lab` does", "course_utils"),
        Verb("hand-in", "say what a lab lacks, and write the copy to hand in", "course_utils"),
        Verb("check", "run a lab's file and say which exercises are right", "course_utils"),
        Verb("reset", "put back a lab or an exercise, keeping yours beside it", "course_utils"),
    ],
    "instructors": [
        Verb("release", "make labs/ and dist/student.zip from the solutions", "course_grading", "grade"),
        Verb("grade", "grade what students handed in: table, feedback, report, gradebook", "course_grading", "grade"),
        Verb("export", "put points into the gradebook of Canvas, Moodle, Blackboard", "course_grading", "grade"),
        Verb("term", "statistics over all graded labs, and everybody's total", "course_grading", "grade"),
        Verb("gradescope", "make the autograder of a lab for Gradescope", "course_grading", "grade"),
        Verb("copies", "list submissions that are alike, for your eyes", "course_grading", "grade"),
        Verb("contest", "judge entries for Lab 8's contest, on hidden seeds", "course_grading", "grade"),
        Verb("formgrader", "mark answers in words by hand, in the browser", "course_grading", "grade"),
        Verb("book", "make the course as web pages to read", "course_grading", "book"),
    ],
    "contributors": [
        Verb("test", "run every test and every solution, or what pytest's options name", "tests", "test"),
        Verb("execute", "run solution notebooks and save them with their figures", "course_grading", "book"),
        Verb("classifier", "train the classifier that judges digits", "course_utils"),
        Verb("bench", "measure speed beside other libraries", "benchmarks", "test"),
        Verb("constraints", "test the newest versions of all packages and pin them", "tests", "test"),
    ],
}


# Before anything is installed


def usable(verb: Verb) -> bool:
    """Whether this copy of the course has what the verb belongs to: students' copies hold less."""
    return (ROOT / verb.home).is_dir()


def overview() -> str:
    """The text of --help."""
    lines = ["usage: python course.py VERB [option ...], such as: python course.py lab"]
    for group, verbs in VERBS.items():
        shown = [f"  {verb.name:<12} {verb.does}" for verb in verbs if usable(verb)]
        lines += ["", f"for {group}:", *shown] if shown else []
    lines += [
        "",
        "`python course.py VERB --help` says more about one, --version the course's version. What a verb needs is",
        "installed in the folder .venv on first use: that takes a network, some minutes and up to 4 GB of disk.",
    ]
    return "\n".join(lines)


def version() -> str:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'^version = "(.*)"', project, re.MULTILINE)[0]


def find(word: str) -> Verb:
    """The verb of that name; stops with a sentence where there is none."""
    known = {verb.name: verb for verbs in VERBS.values() for verb in verbs}
    if word in known and usable(known[word]):
        return known[word]
    if word in known:
        problem = f"`{word}` needs the whole repository of the course, with the folder {known[word].home}"
    else:
        near = difflib.get_close_matches(word, known, 1, 0.5)
        problem = f"`{word}` is no verb" + (f"; did you mean `{near[0]}`?" if near else "")
    print(f"error: {problem} (python course.py --help lists them)", file=sys.stderr)
    raise SystemExit(2)


# Running it


def side_by_side(verb: Verb, rest: list) -> bool:
    """Whether this is a run of many tests: no file or folder is named."""
    return verb.name == "test" and not any(Path(word.split("::")[0]).exists() for word in rest)


def command(verb: Verb, rest: list, python: str) -> list:
    """The program line that `course.py VERB rest` stands for."""
    if verb.name == "lab":
        as_root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        given = {option.split("=")[0] for option in rest}
        page = "/start.ipynb" if (ROOT / "labs" / "start.ipynb").is_file() else ""
        usual = {
            "--ServerApp.root_dir": ROOT,
            "--LabApp.default_url": f"/lab/tree/labs{page}",
        }  # labs show docs' pictures
        folder = [f"{n}={value}" for n, value in usual.items() if not given & {n, "--ServerApp.root_dir"}]
        return [python, "-m", "jupyterlab", *folder, *as_root, *rest]
    if verb.name == "test":
        many = ["-n", str(min(4, os.cpu_count() or 1))] if side_by_side(verb, rest) else []
        return [python, "-m", "pytest", *many, *rest]
    return [python, "-m", verb.home, *([] if verb.home == "benchmarks" else [verb.name]), *rest]


def variables(verb: Verb, rest: list) -> dict:
    """Its environment variables: .venv's programs and, but for students, this repository's modules come first."""
    chosen = dict(os.environ, VIRTUAL_ENV=str(ROOT / ".venv"))
    chosen["PATH"] = os.pathsep.join([str(packages.scripts(ROOT / ".venv")), chosen.get("PATH", os.defpath)])
    chosen.pop("PYTHONHOME", None)
    if verb.name != "lab":
        chosen["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), chosen.get("PYTHONPATH")]))
    if side_by_side(verb, rest):
        chosen.setdefault("OMP_NUM_THREADS", "1")
    return chosen


def become(line: list, environ: dict) -> None:
    """Run that program in the place of this one: its exit code is ours, and Ctrl-C is its own affair."""
    if os.name == "posix":
        os.execve(line[0], line, environ)
    with subprocess.Popen(line, env=environ) as process:
        while process.poll() is None:
            with contextlib.suppress(KeyboardInterrupt):
                process.wait()
    sys.exit(process.returncode)


def constraints(rest: list) -> None:
    """Make .venv anew from the newest versions that pyproject.toml allows, test it, and pin them if all is well."""
    if {"-h", "--help"} & set(rest):
        print(f"usage: python course.py constraints [option of pytest ...]\n\n{constraints.__doc__}")
        return
    test = find("test")
    with environment.alone(ROOT):
        environment.install(ROOT, test.extra, renew=True)
    line = command(test, rest, str(packages.python(ROOT / ".venv")))
    if subprocess.call(line, cwd=str(ROOT), env=variables(test, rest)):
        sys.exit("Some tests fail with the newest versions: constraints.txt is left as it is.")
    print(f"written: {packages.pin(ROOT)}")
    environment.finished(ROOT, test.extra)


def run(verb: Verb, rest: list) -> None:
    """Install what the verb needs, then become it; its own --help needs nothing installed where it is ours."""
    if verb.home not in ("labs", "tests") and {"-h", "--help"} & set(rest):
        become(command(verb, rest, sys.executable), variables(verb, rest))
    if verb.name == "constraints":
        constraints(rest)
        return
    environment.ensure(ROOT, verb.extra)
    if verb.name in ("lab", "test"):
        os.chdir(str(ROOT))
    if verb.name == "lab":
        start = find("start")
        subprocess.call(command(start, [], str(packages.python(ROOT / ".venv"))), env=variables(start, []))
        print("Ctrl-C ends the labs: what is saved stays, what was computed in an open notebook is lost.", flush=True)
    become(command(verb, rest, str(packages.python(ROOT / ".venv"))), variables(verb, rest))


def main(arguments: list) -> None:
    if sys.version_info < PYTHON_FLOOR:
        floor = ".".join(map(str, PYTHON_FLOOR))
        sys.exit(
            f"The course needs Python {floor} or newer and this is {platform.python_version()}: install one "
            f"from python.org and run course.py with it."
        )
    word = arguments[0] if arguments else "--help"
    if word in ("-h", "--help", "help"):
        print(overview())
        return
    if word == "--version":
        print(version())
        return
    try:
        run(find(word), arguments[1:])
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the same command makes anew what is unfinished.")
    except OSError as error:
        sys.exit(f"Cannot install in {ROOT} ({error}): make the folder writable or the disk less full, then try again.")


if __name__ == "__main__":
    main(sys.argv[1:])
