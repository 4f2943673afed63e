"""Run benchmarks in an environment that has the peers: `python course.py bench [NAME ...]`."""

import argparse
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PEERS = ROOT / ".venv-peers"
PACKAGES = [
    "torchsde>=0.2.6", "diffrax>=0.6", "torchdiffeq>=0.2.4", "diffusers>=0.30", "flow-matching>=1.0", "pot>=0.9",
]  # fmt: skip
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**33)}
"""To glibc; else page faults decide by chance which of two equal runs takes twice as long."""
WITHOUT_DEPENDENCIES = ["torchcfm>=1.0"]  # it would bring torchvision and a CUDA torch, and its networks need neither


def benchmarks() -> dict[str, Callable]:
    """From name to a function of `quick` that yields rows and plots as they are found."""
    from benchmarks import (
        board,
        digits,
        distances,
        fields,
        grading,
        growth,
        package,
        quality,
        sampling,
        simulation,
        widgets,
    )

    return {
        "imports": package.imports,
        "sde": simulation.sde,
        "ode": simulation.ode,
        "board": board.board,
        "distances": distances.distances,
        "throughput": digits.throughput,
        "peak": digits.peak,
        "sampling": sampling.sampling,
        "quality": quality.quality,
        "empirical": fields.empirical,
        "growth": growth.growth,
        "grading": grading.grading,
        "notebooks": package.notebooks,
        "widgets": widgets.sliders,
    }


def peers_python() -> Path:
    """Python of the environment with the peers, which sees the course's packages, too; made on first use."""
    python = PEERS / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = PEERS / "ready"
    wanted = "\n".join([sys.version, *PACKAGES, *WITHOUT_DEPENDENCIES])
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        print("Making the environment .venv-peers: this takes minutes.", file=sys.stderr, flush=True)
        venv.create(PEERS, with_pip=True, clear=True)
        scheme = {"base": str(PEERS), "platbase": str(PEERS)}
        (Path(sysconfig.get_path("purelib", "venv", scheme)) / "course.pth").write_text(sysconfig.get_path("purelib"))
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for packages in ([*PACKAGES], ["--no-deps", *WITHOUT_DEPENDENCIES]):
            subprocess.run([*install, *packages], check=True, stdout=sys.stderr)
        stamp.write_text(wanted, "utf-8")
    return python


def main(arguments: list[str]) -> int:
    """Run the benchmarks named; exit status 1 where a row does not hold."""
    names = benchmarks()
    parser = argparse.ArgumentParser(prog="python course.py bench", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"{', '.join(names)}; every one by default")
    parser.add_argument("--json", action="store_true", help="print a list of rows instead of a table")
    parser.add_argument("--quick", action="store_true", help="shorten the long ones; each row says so")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for table.md and plots (benchmarks/results)")
    parser.add_argument("--against", type=Path, metavar="FOLDER",
                        help="of an earlier run: compare with it in second.md")  # fmt: skip
    args = parser.parse_args(arguments)
    if unknown := [name for name in args.name if name not in names]:
        print(f"error: expected benchmarks among {', '.join(names)}, got {', '.join(unknown)}", file=sys.stderr)
        return 2
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
    for name in args.name or names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        report.take(name, names[name](args.quick))
    print(report.json() if args.json else report.text())
    print(f"written: table.md, rows.json and plots in {args.out}", file=sys.stderr)
    return 0 if report.holds else 1


if __name__ == "__main__":
    if Path(sys.prefix).resolve() == PEERS.resolve():
        sys.exit(main(sys.argv[1:]))
    # JupyterLab needs its own prefix
    variables = dict(os.environ, PYTHONPATH=str(ROOT), COURSE_PYTHON=sys.executable, **KEEP_MEMORY)
    sys.exit(subprocess.call([str(peers_python()), "-m", "benchmarks", *sys.argv[1:]], env=variables))
