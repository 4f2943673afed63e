"""Judging many submissions at a time; the scheduling is Dask's."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import resource_tracker

from dask.distributed import Client, Future, LocalCluster, as_completed

from course_grading.intake.submission import Submission
from course_grading.model import Lab, Outcome
from course_grading.notebook import Notebook

Judge = Callable[..., Outcome]
"""Such as `judge.judge`: from a notebook and options to its outcome."""

LONGEST_REASON = 500
AGAIN = 2
"""How often a submission is judged again, alone."""


@dataclass(frozen=True)
class Judged:
    """A submission, its notebook, and what the judge found."""

    submission: Submission
    notebook: Notebook
    outcome: Outcome


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
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # of the scheduler: none to speak of
    with _ctrl_c_waits():
        cluster = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            silence_logs=50,
            security=True,
            scheduler_kwargs=pages,
            dashboard_address="127.0.0.1:0",
        )
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


def judge_all(found: Iterable[Submission], lab: Lab, client: Client, judge: Judge, window: int) -> Iterator[Judged]:
    """Judge submissions; yields each as it is known.

    Args:
        found: Submissions; at most `window` of them are in memory at a time.
        lab: The lab.
        client: The workers.
        judge: Called with a notebook and `student=`, on a worker.
        window: How many are handed out at a time.
    """
    waiting = iter(found)
    handed = {}

    def more(count: int) -> list[Future]:
        futures = []
        for one in islice(waiting, count):
            notebook = one.notebook()
            run = replace(notebook, cells=notebook.code)
            future = client.submit(judge, run, student=one.student, pure=False)
            handed[future.key] = one, notebook
            futures.append(future)
        return futures

    running = as_completed(more(window), loop=client.loop)
    for future in running:
        submission, notebook = handed.pop(future.key)
        yield Judged(submission, notebook, _outcome(future, submission, lab))
        future.release()
        running.update(more(1))


def _outcome(future: Future, submission: Submission, lab: Lab) -> Outcome:
    """What the judge found; where the judge itself failed, an outcome that is not final."""
    error = future.exception()
    if error is not None:
        reason = f"the grader itself failed ({type(error).__name__}: {error}); run it again with --resume"
        return lab.ungraded(submission.student, reason[:LONGEST_REASON], final=False)
    outcome = future.result()
    if (outcome.student, outcome.lab) != (submission.student, lab.name):
        raise ValueError(f"expected the outcome of {submission.student}, got the one of {outcome.student}")
    return outcome


def without_doubt(
    found: Iterable[Submission], judge_them: Callable[[Iterable[Submission], bool], Iterator[Judged]]
) -> Iterator[Judged]:
    """Judge submissions; what others may have caused is judged again when these are done, alone, at most twice.

    Args:
        found: Submissions.
        judge_them: Judges some, many at a time (True) or one at a time (False).
    """
    doubtful: list[Judged] = []
    for crowded in (True, *[False] * AGAIN):
        doubtful = []
        for one in judge_them(found, crowded):
            if one.outcome.final:
                yield one
            else:
                doubtful.append(one)
        found = [one.submission for one in doubtful]
    yield from doubtful
