"""Judging many submissions at a time; the scheduling is Dask's."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

import dask
from dask.distributed import Client, Future, LocalCluster, Security, as_completed
from msgspec import structs

from course_grading import budget
from course_grading.bounded import Exceeded, ctrl_c_waits, limit_memory
from course_grading.intake.submission import Submission
from course_grading.model import Lab, Limits, Outcome, Shown
from course_grading.notebook import Notebook

Judge = Callable[..., Outcome]
"""Such as `judge.judge`: from a notebook and options to its outcome."""

LONGEST_REASON = 500
AGAIN = 2
"""How often a submission is judged again, alone."""

WORKER_MEMORY = 4 << 30
"""Bytes that a worker, which judges what submissions showed, may take; a submission in its box has less."""

FEW_LOGGED = {"distributed.admin.low-level-log-length": 10}
"""Dask keeps its last messages for developers, 1,000 of each kind by default, and a notebook is in each of them."""


@dataclass(frozen=True)
class Judged:
    """A submission, and what the judge found."""

    submission: Submission
    outcome: Outcome


@contextmanager
def workers(count: int, scheduler: str | None = None) -> Iterator[Client]:
    """Dask's workers: processes of this machine, which only this process can talk to, or those of a cluster.

    Raises:
        ValueError: If the scheduler does not answer, or talks TLS and no certificate is configured here.
    """
    with dask.config.set(FEW_LOGGED):
        if scheduler:
            with _connected(scheduler) as client:
                yield client
        else:
            with _local(count) as client:
                yield client


def _connected(scheduler: str) -> Client:
    """A client of a cluster; errors as for `workers`."""
    try:
        _check_certificate(scheduler)
        return Client(scheduler, timeout=20, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise ValueError(f"no Dask scheduler answers at {scheduler} ({error})") from error


@contextmanager
def _local(count: int) -> Iterator[Client]:
    """A client of so many processes of this machine."""
    pages = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}  # of the scheduler: none to speak of
    with ctrl_c_waits():
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
        client.run(limit_memory, WORKER_MEMORY)
    try:
        yield client
    finally:
        with ctrl_c_waits():
            client.close()
            cluster.close()


def _check_certificate(scheduler: str) -> None:
    """Refuse to talk TLS without a certificate.

    Raises:
        ValueError: If Dask's configuration names none.
    """
    if scheduler.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise ValueError("it talks TLS, and Dask's configuration here names no certificate: see docs/instructors.md")


def judge_all(
    found: Iterable[Submission], lab: Lab, client: Client, judge: Judge, limits: Limits, crowded: bool = True
) -> Iterator[Judged]:
    """Judge submissions; yields each as it is known, and the slow ones, which have a second run, after all others.

    Args:
        found: Submissions; at most two a thread of the workers, and two, are in memory at a time, and the slow ones.
        lab: The lab.
        client: The workers.
        judge: Called with a notebook, `student=` and `limits=`, on a worker.
        limits: What a submission may use.
        crowded: Whether many are handed out at a time; else one.
    """
    first, second = budget.part(limits, budget.FIRST), budget.part(limits, budget.SECOND)
    seconds = budget.processor_seconds(limits, budget.READ)
    waiting = []
    for one in _judge_once(_read(found, lab, seconds), lab, client, partial(judge, limits=first), crowded):
        if budget.is_slow(one.outcome, first):
            waiting.append(one)
        else:
            yield one
    taken = {one.submission.student: one.outcome.seconds for one in waiting}
    slow = _read((one.submission for one in waiting), lab, seconds)
    for one in _judge_once(slow, lab, client, partial(judge, limits=second), crowded):
        yield Judged(one.submission, budget.slow(one.outcome, taken[one.submission.student]))


def _read(found: Iterable[Submission], lab: Lab, seconds: int) -> Iterator[tuple[Submission, Notebook | Outcome]]:
    """Each submission with the code that runs; with its outcome where it cannot be read within bounds."""
    for one in found:
        try:
            yield one, one.code(seconds)
        except Exceeded as error:
            outcome = lab.ungraded(one.student, f"reading the file {error}", final=error.final)
            yield one, structs.replace(outcome, shown=Shown.NOT)


def _judge_once(
    found: Iterator[tuple[Submission, Notebook | Outcome]], lab: Lab, client: Client, judge: Judge, crowded: bool
) -> Iterator[Judged]:
    """One run of each submission."""
    handed = {}

    def more(count: int) -> list[Future]:
        futures = []
        for one, known in islice(found, count):
            future = client.submit(_judge_or_know, judge, known, one.student, pure=False)
            handed[future.key] = one
            futures.append(future)
        return futures

    running = as_completed(more(_room(client) if crowded else 1), loop=client.loop)
    for future in running:
        submission = handed.pop(future.key)
        yield Judged(submission, _outcome(future, submission, lab))
        future.release()
        running.update(more(max(_room(client) - len(handed), 0) if crowded else 1))


def _room(client: Client) -> int:
    """How many submissions may be handed out: two for each thread of the workers that are there now, and two."""
    return 2 * sum(client.nthreads().values()) + 2


def _judge_or_know(judge: Judge, known: Notebook | Outcome, student: str) -> Outcome:
    return known if isinstance(known, Outcome) else judge(known, student=student)


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
