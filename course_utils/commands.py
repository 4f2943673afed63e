"""What the course's command lines have in common: verbs, their arguments, one line where something is wrong."""

import argparse
import signal
import sys
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Verb", "parser", "positive", "run"]


class Verb(NamedTuple):
    """One verb.

    Attributes:
        act: What it does with its parsed arguments; returns an exit code, or None for 0. Its docstring is the help.
        arguments: As given to `add_argument`, by name.
        stopped: What Ctrl-C leaves and how to go on: a text, in which arguments may stand as `{name}`, or a function.
    """

    act: Callable[[argparse.Namespace], int | None]
    arguments: dict[str, dict]
    stopped: str | Callable[[argparse.Namespace], str]

    def after_ctrl_c(self, args: argparse.Namespace) -> str:
        return self.stopped(args) if callable(self.stopped) else self.stopped.format(**vars(args))


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def parser(package: str, verbs: dict[str, Verb]) -> argparse.ArgumentParser:
    """The parser of a package's verbs."""
    made = argparse.ArgumentParser(prog=f"python -m {package}")
    subparsers = made.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in verbs.items():
        words = verb.act.__doc__ or ""
        subparser = subparsers.add_parser(name, help=words.split("\n")[0], description=words)
        for argument, options in verb.arguments.items():
            subparser.add_argument(argument, **options)
    return made


def run(package: str, verbs: dict[str, Verb], argv: list[str] | None = None) -> int:
    """Run the verb that the arguments name.

    Args:
        package: What `python -m` is given.
        verbs: The verbs, by name.
        argv: The arguments; by default those of the program.

    Returns:
        Exit code: 2 after bad input or where a package is missing, 130 after Ctrl-C; each is one line on stderr.
    """
    args = parser(package, verbs).parse_args(argv)
    verb = verbs[args.verb]
    try:
        return verb.act(args) or 0
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] == package:
            raise
        words = f"`{args.verb}` needs {error.name}, which is not installed: python course.py {args.verb} installs it"
    except (ValueError, OSError) as error:
        words = " ".join(str(error).split())
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would disturb the end
        print("\nstopped:", verb.after_ctrl_c(args), file=sys.stderr)
        return 130
    print("error:", words, file=sys.stderr)
    return 2
