"""Run benchmarks in an environment that has the peers: `python course.py bench [NAME ...]`."""

import argparse
import importlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from course_setup import environment, packages

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PEERS = ROOT / ".venv-peers"
PACKAGES = [
    "torchsde>=0.2.6", "diffrax>=0.6", "torchdiffeq>=0.2.4", "diffusers>=0.30", "flow-matching>=1.0", "pot>=0.9",
]  # fmt: skip
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
"""To glibc; else page faults decide by chance which of two equal runs takes twice as long."""
WITHOUT_DEPENDENCIES = ["torchcfm>=1.0"]  # it would bring torchvision and a CUDA torch, and its networks need neither
BENCHMARKS = {
    "imports": "package",
    "sde": "simulation",
    "ode": "simulation",
    "board": "board",
    "distances": "distances",
    "throughput": "digits",
    "peak": "digits",
    "sampling": "sampling",
    "quality": "quality",
    "driven": "driven",
    "latents": "latents",
    "offline": "latents",
    "transformers": "transformers",
    "letters": "letters",
    "learned": "letters",
    "ratios": "letters",
    "maps": "maps",
    "board_maps": "board_maps",
    "few_steps": "few_steps",
    "rewards": "rewards",
    "tilted_digits": "tilted_digits",
    "hacking": "hacking",
    "fine_tuning": "fine_tuning",
    "preferences": "preferences",
    "half_digits": "half_digits",
    "plans": "robots",
    "inpainting": "inpainting",
    "holding": "holding",
    "robots": "robots",
    "discs": "robots",
    "arm": "arm",
    "ramachandran": "proteins",
    "fragments": "proteins",
    "turns": "turns",
    "amino_acids": "kinds",
    "handedness": "handedness",
    "frames": "frames",
    "finished": "finished",
    "names": "names",
    "name_knobs": "name_knobs",
    "name_uniform": "name_ways",
    "name_labels": "name_ways",
    "binary_digits": "binary_digits",
    "grids": "grids",
    "seams": "grids",
    "collapse": "collapse",
    "empirical": "fields",
    "growth": "growth",
    "grading": "grading",
    "thousands": "thousands",
    "notebooks": "package",
    "widgets": "widgets",
    "pages": "pages",
}
"""In which module the function of that name is: it takes `quick`, and yields rows and plots as they are found."""


def benchmark(name: str) -> Callable:
    """The function; only some environments hold what its module imports."""
    return getattr(importlib.import_module(f"benchmarks.{BENCHMARKS[name]}"), name)


def peers_python() -> Path:
    """Python of the environment with the peers, which sees the course's packages, too; made on first use."""
    wanted = "\n".join([sys.version, *PACKAGES, *WITHOUT_DEPENDENCIES])
    stamp = environment.stamp(PEERS)
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        print("Making the environment .venv-peers: this takes minutes.", file=sys.stderr, flush=True)
        environment.create(PEERS)
        scheme = {"base": str(PEERS), "platbase": str(PEERS)}
        (Path(sysconfig.get_path("purelib", "venv", scheme)) / "course.pth").write_text(sysconfig.get_path("purelib"))
        try:
            packages.pip(PEERS, "--quiet", *PACKAGES)
            packages.pip(PEERS, "--quiet", "--no-deps", *WITHOUT_DEPENDENCIES)
        except packages.PipFailed as failure:
            sys.exit(f"{failure}, then run the same command again.")
        stamp.write_text(wanted, "utf-8")
    return packages.python(PEERS)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The arguments, or an end with one sentence or the help."""
    parser = argparse.ArgumentParser(prog="python course.py bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"{', '.join(BENCHMARKS)}; every one by default")
    parser.add_argument("--json", action="store_true", help="print a list of rows instead of a table")
    parser.add_argument("--quick", action="store_true", help="shorten the long ones; each row says so")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for table.md and plots (benchmarks/results)")
    parser.add_argument("--against", type=Path, metavar="FOLDER",
                        help="of an earlier run: compare with it in second.md")  # fmt: skip
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.name if name not in BENCHMARKS]:
        print(f"error: expected benchmarks among {', '.join(BENCHMARKS)}, got {', '.join(unknown)}", file=sys.stderr)
        raise SystemExit(2)
    return args


def main(arguments: list[str]) -> int:
    """Run the benchmarks named; exit status 1 where a row does not hold."""
    args = parse(arguments)
    for variable in KEEP_MEMORY:
        os.environ.pop(variable, None)  # the labs and the grader are measured as they run elsewhere
    import torch

    from benchmarks.report import Report, read_rows

    try:
        earlier = read_rows(args.against) if args.against else None
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    report = Report(args.out, args.quick, earlier)
    try:
        for name in args.name or BENCHMARKS:
            print(f"{name} ...", file=sys.stderr, flush=True)
            report.take(name, benchmark(name)(args.quick))
    except KeyboardInterrupt:
        print(f"\nstopped: table.md and rows.json in {args.out} hold what was found so far; a new run begins anew",
              file=sys.stderr)  # fmt: skip
        return 130
    print(report.json() if args.json else report.text())
    print(f"written: table.md, rows.json and plots in {args.out}", file=sys.stderr)
    return 0 if report.holds else 1


def main_with_peers(arguments: list[str]) -> int:
    """`main` in the environment of the peers; what is wrong with the arguments is said before that is made."""
    parse(arguments)
    # JupyterLab needs its own prefix
    variables = dict(os.environ, PYTHONPATH=str(ROOT), COURSE_PYTHON=sys.executable, **KEEP_MEMORY)
    with subprocess.Popen([str(peers_python()), "-m", "benchmarks", *arguments], env=variables) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # reached that process, too, which says what is left
                continue


if __name__ == "__main__":
    inside = Path(sys.prefix).resolve() == PEERS.resolve()
    sys.exit(main(sys.argv[1:]) if inside else main_with_peers(sys.argv[1:]))
