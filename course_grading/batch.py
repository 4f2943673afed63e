"""Running the judge on a class, many submissions at a time; the scheduling is Dask's.

Each outcome is a file as soon as it is known, so that nothing is lost however the run ends, and the next one goes on.
"""

import json
import secrets
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path

from dask.distributed import Client, Future, LocalCluster, as_completed

from course_grading.intake import Submission
from course_grading.model import Lab, Limits, Outcome, from_json, to_json
from course_grading.notebook import read
from course_utils.storage import write_file

Judge = Callable[..., Outcome]
PRIVATE = 0o600


@dataclass(frozen=True)
class Run:
    """One grading of a lab.

    Attributes:
        folder: Where its files are, `grading/<lab>`.
        seed: What the inputs of the exercises are drawn from; secret.
        rules: Hash of the lab's notebook and checks.
    """

    folder: Path
    seed: int
    rules: str

    def file(self, student: str) -> Path:
        """Where the outcome of a student is kept."""
        long = len(student.encode("utf-8")) > 200
        name = f"{student[:50]}-{sha256(student.encode()).hexdigest()[:16]}" if long else student
        return self.folder / "outcomes" / f"{name}.json"

    def save(self, submission: Submission, outcome: Outcome) -> None:
        write_file(self.file(submission.student), f"{self._key(submission)}\n{to_json(outcome)}\n", PRIVATE)

    def load(self, submission: Submission) -> Outcome | None:
        """The outcome of exactly this submission by these rules and this seed, if it is there."""
        try:
            key, _, outcome = self.file(submission.student).read_text("utf-8").partition("\n")
            return from_json(outcome, Outcome) if key == self._key(submission) else None
        except (FileNotFoundError, UnicodeDecodeError, ValueError):
            return None

    def _key(self, submission: Submission) -> str:
        return json.dumps({"submission": submission.digest, "rules": self.rules, "seed": self.seed}, sort_keys=True)


def start(folder: str | Path, lab: Lab, *, seed: int | None = None, resume: bool = False) -> Run:
    """A new run, or the earlier one when it is resumed.

    Args:
        folder: The class's folder.
        lab: The lab.
        seed: Makes runs repeatable; secret and random by default.
        resume: Go on with the earlier run, if there was one.
    """
    place = Path(folder) / "grading" / lab.name
    place.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o700)
    file = place / "run.json"
    if seed is None and resume and file.is_file():
        seed = json.loads(file.read_text("utf-8"))["seed"]
    elif seed is None:
        seed = secrets.randbits(62)
    write_file(file, json.dumps({"lab": lab.name, "seed": seed}) + "\n", PRIVATE)
    if not resume:
        for old in (place / "outcomes").glob("*.json"):
            old.unlink()
    return Run(place, seed, lab.rules)


@contextmanager
def workers(count: int, scheduler: str | None = None) -> Iterator[Client]:
    """Dask's workers: processes of this machine, which only this process can talk to, or those of a cluster.

    Raises:
        ValueError: If the scheduler does not answer.
    """
    if scheduler:
        try:
            client = Client(scheduler, timeout=20, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise ValueError(f"no Dask scheduler answers at {scheduler} ({error})") from error
        with client:
            yield client
        return
    options = {"n_workers": count, "threads_per_worker": 1, "processes": True, "memory_limit": 0, "silence_logs": 50}
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # of the scheduler: none to speak of
    options |= {"security": True, "scheduler_kwargs": pages, "dashboard_address": "127.0.0.1:0"}
    with _ctrl_c_waits():
        cluster = LocalCluster(**options)
        client = Client(cluster, set_as_default=False)
    try:
        yield client
    finally:
        with _ctrl_c_waits():
            client.close()
            cluster.close()


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C is heard at the end of this block; processes that are started in it never hear it."""
    resource_tracker.ensure_running()  # when it starts by itself, it lets the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def judge_all(
    found: Iterable[Submission], lab: Lab, run: Run, client: Client, judge: Judge, limits: Limits, window: int
) -> Iterator[Outcome]:
    """Judge submissions; yields each outcome as it is known, and saved.

    Args:
        found: Submissions; at most `window` of them are in memory at a time.
        lab: The lab.
        run: Where outcomes are kept.
        client: The workers.
        judge: `judging.judge_notebook`.
        limits: What one submission may use.
        window: How many are handed out at a time.
    """
    waiting, handed = iter(found), {}

    def more(count: int) -> list[Future]:
        futures = []
        for one in islice(waiting, count):
            options = {"student": one.student, "lab": lab.name, "seed": run.seed, "limits": limits}
            future = client.submit(judge, read(one.notebook), **options, pure=False)
            handed[future.key] = one
            futures.append(future)
        return futures

    running = as_completed(more(window), loop=client.loop)
    for future in running:
        yield _finished(future, handed.pop(future.key), lab, run)
        future.release()
        running.update(more(1))


def _finished(future: Future, submission: Submission, lab: Lab, run: Run) -> Outcome:
    """The outcome, saved unless the grader or the machine failed, so that the next run tries again."""
    error = future.exception()
    if error is not None:
        reason = f"the grader itself failed ({type(error).__name__}: {error}); run it again with --resume"
        return lab.ungraded(submission.student, reason[:500], final=False).flagged(submission.flags)
    outcome = future.result()
    if (outcome.student, outcome.lab) != (submission.student, lab.name):
        raise ValueError(f"expected the outcome of {submission.student}, got the one of {outcome.student}")
    if outcome.final:
        run.save(submission, outcome)
    return outcome.flagged(submission.flags)
