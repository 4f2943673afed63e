"""What students run: `python course.py VERB`, or `python -m course_utils VERB` where the package is installed."""

import argparse
import shlex
import sys
from pathlib import Path

from course_utils import commands
from course_utils.commands import Verb

CARD = 50
MOST_SHOWN = 200
"""Digits of a picture, if no number is given; and of the largest."""

OPEN_PAGE = """Is it open in JupyterLab? What you had not saved is in that page alone: if you want it, save it there
under another name, by File, Save Notebook As. Then File, Reload Notebook from Disk shows what was put back."""


def train(args: argparse.Namespace) -> None:
    """Train Lab 4's generator of digits: a minute on two cores, and half a minute to judge it. --latent: Lab 6's."""
    from course_utils import digits
    from course_utils.storage import beside

    path = Path(args.out or digits.default_file(args.latent))
    asked = {name: getattr(args, name) for name in ("minutes", "data", "seed", "devices")}
    given = {{"data": "source"}.get(k, k): value for k, value in asked.items() if value is not None}
    if args.resume and given:
        raise ValueError(f"expected --resume alone: the plan of the stopped training is kept, got {', '.join(given)}")
    if (args.devices or 1) > 1:
        _launcher()
    plan = digits.prepare(path, latent=args.latent, resume=args.resume, **given)
    _train(plan, path, args.resume)
    print(beside(path, ".md").read_text("utf-8"))
    print(f"written: {path}")
    if beside(path, ".plan.json").exists():
        print(f"stopped before step {plan.steps:,}: {digits.standing(path)}")


def _train(plan, path: Path, resume: bool) -> None:
    from course_utils import digits

    if plan.devices == 1:
        digits.train_to_file(plan, path, resume=resume)
        return
    fabric = _launcher()(devices=plan.devices, strategy="ddp_spawn")
    fabric.launch(_train_process, plan, path, resume)


def _launcher():
    """What starts several processes.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        from lightning_fabric import Fabric
    except ModuleNotFoundError as error:
        raise ValueError("training on several devices needs the package lightning-fabric: install it by pip") from error
    return Fabric


def _train_process(fabric, plan, path, resume) -> None:
    from course_utils import digits

    digits.train_to_file(plan, path, resume=resume, fabric=fabric)


def generate(args: argparse.Namespace) -> None:
    """Draw digits with a trained model."""
    from course_utils import digits
    from course_utils.storage import check_writable

    out = Path(args.out)
    if out.suffix not in (".npz", ".png"):
        raise ValueError(f"expected --out to end in .npz or .png, got {out}")
    check_writable(out)
    path = Path(args.model) if args.model else digits.model_file(args.latent)
    model, card = digits.load(path, progress=True)
    options = {"guidance": args.guidance, "stochastic": args.stochastic, "seed": args.seed}
    n = args.n or (CARD if out.suffix == ".png" else 5000)
    images = digits.samples(model, n, progress=True, **options).cpu()
    if out.suffix == ".npz":
        _write_arrays(out, images)
    else:
        _write_card(out, images[:MOST_SHOWN], digits.caption(card, **options), _command_again(args, n))
    print(f"written: {out}")


def _write_arrays(path: Path, images) -> None:
    """All of the digits, uint8, ink 255, with their labels."""
    import numpy as np

    from course_utils.storage import replace_file

    def npz(part: Path) -> None:
        pixels = ((images[:, 0] + 1) * 127.5).round().numpy().astype(np.uint8)
        with part.open("wb") as file:
            np.savez_compressed(file, images=pixels, labels=np.arange(len(pixels)) % 10)

    replace_file(path, npz)


def _write_card(path: Path, images, lines: list[str], command: str) -> None:
    """A picture of the digits and what is said of them, which stands in the file as text, too."""
    from course_utils.figures.card import digit_card
    from course_utils.storage import replace_file

    fig = digit_card(images, lines, command)
    words = {"Title": "Generated handwritten digits", "Description": "\n".join([*lines, command])}
    replace_file(path, lambda part: fig.savefig(part, format="png", metadata=words))


def _command_again(args: argparse.Namespace, n: int) -> str:
    """The command that draws the same picture."""
    chosen = [*(["--latent"] if args.latent else []), *(["--stochastic"] if args.stochastic else [])]
    chosen += ["--model", Path(args.model).name] if args.model else []
    words = ["--n", str(n), "--guidance", f"{args.guidance:g}", "--seed", str(args.seed), *chosen]
    return shlex.join(["python", "course.py", "generate", *words, "--out", Path(args.out).name])


def classifier(args: argparse.Namespace) -> None:
    """Train the classifier that judges digits, on the full MNIST (a minute or two)."""
    from course_utils import data
    from course_utils.classifier import CLASSIFIER, save_classifier, train_classifier
    from course_utils.storage import check_writable

    path = Path(args.out or CLASSIFIER)
    check_writable(path)
    train, test = data.mnist("train", "full"), data.mnist("test", "full")
    trained = train_classifier(train.images, train.labels, steps=args.steps)
    accuracy = save_classifier(trained, test.images, test.labels, path)
    print(f"{accuracy:.2%} of {len(test):,} test digits are classified correctly; written: {path}")


def entry(args: argparse.Namespace) -> None:
    """Try an entry of your own for Lab 8's contest, on seeds that everybody knows."""
    from course_utils.contest import judge
    from course_utils.contest.judging import HEADER

    print(HEADER, judge(Path(args.file)).row(), sep="\n")


def progress(args: argparse.Namespace) -> None:
    """Show how your exercises stand: right, wrong at the last try, not tried. Nothing of it leaves this machine."""
    from course_utils import checks

    checks.progress()


def reset(args: argparse.Namespace) -> None:
    """Put back a lab, or one exercise's cells, as it was handed out; what you had is kept beside it."""
    from course_utils import notebooks
    from course_utils.notebooks.files import shown

    done = notebooks.reset(args.lab, args.exercise, notebooks.course_folder())
    if not done.written:
        print(f"{shown(done.notebook)} is as it was handed out: nothing is changed")
        return
    if done.others:
        print(f"left alone, in the same folder: {', '.join(done.others)}")
    if done.kept:
        print(f"kept: {shown(done.kept)}, what was saved before")
    print(f"written: {shown(done.notebook)}")
    print(OPEN_PAGE)


def start(args: argparse.Namespace) -> None:
    """Bring the start page, labs/start.ipynb, up to date: what is done, what is left, where to go on."""
    from course_utils import notebooks
    from course_utils import progress as store
    from course_utils.notebooks.files import shown

    print(f"written: {shown(notebooks.write_start(notebooks.course_folder(), store.recall()))}")


def hand_in(args: argparse.Namespace) -> None:
    """Say what a lab's file lacks, and write the copy to hand in. Nothing is run: its last cell does that."""
    from course_utils import notebooks
    from course_utils import progress as store
    from course_utils.notebooks.files import shown

    root = notebooks.course_folder()
    name = notebooks.find(args.lab, root)
    lab = notebooks.lab_of(name, notebooks.fresh_lab(name, root))
    path = args.file or notebooks.lab_file(name, root)
    notebook = notebooks.read(path)
    found = notebooks.standing(lab, notebook)
    print(f"{shown(path)}: nothing is run here; the notebook's last cell, hand_in(), runs every check")
    print(*notebooks.exercises_report(lab, found, store.recall()), sep="\n")
    print(*notebooks.questions_report(found), sep="\n")
    print(notebooks.copy_to_hand_in(name, notebook, root))


def check(args: argparse.Namespace) -> int:
    """Run what a lab's file defines and say which exercises are right: exit code 0 if all are, 1 if not."""
    from course_utils.checks.reports import check_labs, summarise

    right = True
    for found in check_labs(args.lab, args.file, seed=args.seed, seconds=args.timeout):
        print(found.json() if args.json else found.text(), flush=True)
        summarise(found)
        right = right and found.right
    return 0 if right else 1


def _train_left(args: argparse.Namespace) -> str:
    from course_utils import digits

    return digits.standing(Path(args.out or digits.default_file(args.latent)))


VERBS = {
    "train": Verb(
        train,
        {
            "--minutes": {"type": float, "metavar": "M", "help": "length of the training"},
            "--data": {"choices": ("full", "offline"), "help": "which digits; by default all of MNIST if it is there"},
            "--seed": {"type": int, "help": "of everything random (0)"},
            "--latent": {"action": "store_true", "help": "Lab 6's generator, in latent space, and not Lab 4's"},
            "--devices": {"type": int, "help": "number of processes, one a GPU; needs lightning-fabric (1)"},
            "--resume": {"action": "store_true", "help": "go on with a training that was stopped"},
            "--out": {
                "metavar": "FILE",
                "help": "file to write (models/digits.safetensors, or latent.safetensors there)",
            },
        },
        _train_left,
    ),
    "generate": Verb(
        generate,
        {
            "--model": {"metavar": "FILE", "help": "made by `train`; by default yours, or else the course's"},
            "--latent": {"action": "store_true", "help": "yours of `train --latent`, or else the course's"},
            "--n": {
                "type": commands.positive,
                "help": "number of digits, 0, 1, ..., 9, 0, ... (5000; for a picture 50)",
            },
            "--guidance": {"type": float, "default": 1.2, "metavar": "W", "help": "guidance scale (1.2)"},
            "--stochastic": {"action": "store_true", "help": "solve the SDE with the same marginals: 4 times the work"},
            "--seed": {"type": int, "default": 0, "help": "of the noise (0)"},
            "--out": {"required": True, "help": "digits.npz (images uint8, labels), or a picture to share, card.png"},
        },
        "{out} is left as it was; the same command begins anew",
    ),
    "entry": Verb(
        entry,
        {"file": {"metavar": "FILE", "help": "a Python file with sample(y, generator); its weights lie beside it"}},
        "nothing is kept; the same command begins anew",
    ),
    "progress": Verb(progress, {}, "nothing was changed"),
    "start": Verb(start, {}, "the page is whole, old or new"),
    "hand-in": Verb(
        hand_in,
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--file": {"type": Path, "help": "its notebook, if that has another name or place"},
        },
        "a copy made earlier is left as it was; the same command begins anew",
    ),
    "check": Verb(
        check,
        {
            "lab": {
                "nargs": "?",
                "help": "name of the lab; every lab that is begun by default",
            },
            "file": {"nargs": "?", "type": Path, "help": "its notebook, if that has another name or place"},
            "--json": {"action": "store_true", "help": "one JSON object a lab: lab, points, max, exercises"},
            "--seed": {"type": commands.positive, "default": 1, "help": "of the inputs (1, those of the notebook)"},
            "--timeout": {"type": commands.positive, "default": 300, "help": "seconds for a notebook (300)"},
        },
        "no file is changed; the same command begins anew",
    ),
    "reset": Verb(
        reset,
        {
            "lab": {"help": "name of the lab, such as lab1_simulation"},
            "--exercise": {"metavar": "N.M", "help": "number of one exercise, such as 1.4; the whole lab by default"},
        },
        "each file is whole, old or new; the same command goes on",
    ),
    "classifier": Verb(
        classifier,
        {
            "--steps": {"type": int, "default": 4000, "help": "optimiser steps (default 4000)"},
            "--out": {"help": "file to write; by default the one that the course uses"},
        },
        "the classifier in use is left as it was; the same command begins anew",
    ),
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; see `commands.run`."""
    return commands.run("course_utils", VERBS, argv)


if __name__ == "__main__":
    sys.exit(main())
