"""A class of thousands: a report that stays readable, and a cluster on which nothing is lost or counted twice."""

import base64
import contextlib
import gc
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import dask
import pytest
from dask.distributed import LocalCluster, Security
from msgspec.structs import replace

from course_grading import classroom, outcomes
from course_grading.classroom import Options
from course_grading.intake.submission import Submission
from course_grading.marks import Mark
from course_grading.model import Limits
from course_grading.notebook import Notebook
from course_grading.pages.report import PAGE, report
from course_grading.workers import judge_all, workers
from tests.support import browser
from tests.support.class_of_thousands import class_of_thousands, is_hostile, submission
from tests.support.grading_class import FULL, LAB, ROOT, fake_judge, unhurried_judge
from tests.support.pages import ASKED, HOSTILE, Seen, dangers, judged, row
from tests.support.secured import secure, written

SAVE = outcomes.Run.save

# the report


def class_report(count: int, flag="odd") -> str:
    """The report of a class in which every second one is flagged."""
    one = judged().outcome
    flagged = [replace(one, student=f"s{i:04}", flags=(f"{flag} {i}",) if i % 2 else ()) for i in range(count)]
    return report(ASKED, [row(each, Mark(1.0)) for each in flagged])


def lists(page: str) -> list[list[tuple[str, int]]]:
    """Of each long list its pages: what they say of themselves, and how many lines they have."""
    sections = re.findall(r'<section class="long".*?</section>', page, re.S)
    pages = [re.findall(r"<summary>(.*?)</summary>(.*?)</details>", section, re.S) for section in sections]
    return [[(said, text.count("<tr>") - 1) for said, text in found] for found in pages]


def test_long_lists_have_pages():
    flagged, everybody = lists(class_report(250))
    assert [lines for _, lines in flagged] == [PAGE, 25] and [lines for _, lines in everybody] == [PAGE, PAGE, 50]
    assert [said for said, _ in everybody] == [
        "1 to 100 of 250: s0000 to s0099", "101 to 200 of 250: s0100 to s0199", "201 to 250 of 250: s0200 to s0249"
    ]  # fmt: skip
    page = class_report(250)
    assert page.count("<details open>") == 2 and page.count("<details") == 5


@pytest.mark.parametrize(("count", "long"), [(1, 0), (PAGE, 0), (PAGE + 1, 1), (2 * PAGE, 1), (2 * PAGE + 2, 2)])
def test_short_lists_are_tables_and_run_nothing(count, long):
    page = class_report(count)
    assert len(lists(page)) == long
    assert page.count("<script") == (long > 0) and ("script-src" in page) == (long > 0)
    assert page.count(f"<td>s{count - 1:04}</td>") == 1 + (count - 1) % 2


def test_a_report_runs_its_own_script_alone_and_loads_nothing():
    page = class_report(250, flag="</details></section><script>alert(1)</script>")
    [script] = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    [policy] = [attributes["content"] for tag, attributes in Seen(page).tags if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none';") and policy.endswith(f"; script-src 'sha256-{digest}'")
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "") and "innerHTML" not in script
    assert [tag for tag, _ in Seen(page).tags if tag in ("link", "iframe", "object")] == []
    assert not any("src" in attributes for tag, attributes in Seen(page).tags if tag != "img")


def test_hostile_names_in_long_lists():
    one = judged().outcome
    rows = [row(replace(one, student=text, flags=(text,)), Mark(1.0)) for text in HOSTILE for _ in range(3)]
    assert set(dangers(report(ASKED, rows))) == set(dangers(class_report(250)))
    assert report(ASKED, rows).count("<script") == 1


@pytest.mark.browser
def test_pages_open_without_scripts_and_the_search_finds(tmp_path):
    file = tmp_path / "report.html"
    file.write_text(class_report(3000), "utf-8")
    shown = "() => [...document.querySelectorAll('tr')].filter(r => r.checkVisibility()).length"
    with browser.started() as chromium:
        for scripts in (False, True):
            page = chromium.new_context(java_script_enabled=scripts, offline=True).new_page()
            errors = []
            page.on("console", lambda said, errors=errors: errors.append(said.text))
            page.goto(file.as_uri())
            everybody = page.locator(".long").last
            everybody.locator("summary").nth(29).click()
            assert everybody.get_by_text("s2950", exact=True).is_visible()
            assert not everybody.get_by_text("s1500", exact=True).is_visible()
            assert page.locator("input").count() == 2 * scripts and errors == []
        before = page.evaluate(shown)
        page.get_by_label("Search everybody").fill("S15")
        assert everybody.locator("output").inner_text() == "100 of 3000"
        assert everybody.get_by_text("s1500", exact=True).is_visible()
        page.get_by_label("Search everybody").fill("s1500 x")
        assert everybody.locator("output").inner_text() == "0 of 3000" and page.evaluate(shown) < before
        page.get_by_label("Search what is to look at").fill("odd 2999")
        assert page.locator(".long").first.locator("output").inner_text() == "1 of 1500"


# the class


def test_a_class_is_the_beginning_of_a_larger_one(tmp_path):
    few, more = class_of_thousands(tmp_path / "a", 3), class_of_thousands(tmp_path / "b", 5)
    assert few.items() <= more.items() and len(more) == 5
    for student in few:
        assert (tmp_path / "a" / student / LAB).is_dir()
        one, other = ((tmp_path / each / student / LAB / f"{LAB}.ipynb").read_bytes() for each in "ab")
        assert one == other
    assert sum(map(is_hostile, range(3000))) == 60
    points = [submission(number)[1] for number in range(100)]
    assert points[49] <= FULL and len(set(points)) > 5 and 0.5 * FULL < sum(points) / 100 < FULL


# memory


@pytest.mark.slow
def test_of_notebooks_that_are_judged_few_stay_in_memory():
    content = json.dumps(submission(0)[0]).encode()
    handed_in = (Submission(f"s{number}", content) for number in range(60))
    judge = partial(fake_judge, lab=LAB, seed=0)
    with workers(1) as client:
        for number, _ in enumerate(judge_all(handed_in, ASKED, client, judge, Limits())):
            alive = notebooks_in_memory() if number == 54 else None
            assert alive is None or 0 < alive <= 40


def notebooks_in_memory() -> int:
    """How many there are."""
    gc.collect()
    return sum(type(each) is Notebook for each in gc.get_objects())


# the cluster


@pytest.fixture(scope="module")
def secured(tmp_path_factory) -> dict[str, str]:
    """The variables of a machine of the cluster, as the guide makes them."""
    return secure(tmp_path_factory.mktemp("keys"))


@contextlib.contextmanager
def settings(variables: dict[str, str]):
    """Dask's configuration as a machine with these variables has it."""
    [own] = dask.config.collect_yaml([variables["DASK_CONFIG"]])
    with dask.config.set({"distributed.comm": dask.config.merge(dask.config.config, own)["distributed"]["comm"]}):
        yield


@pytest.fixture(scope="module")
def scheduler(secured):
    """A scheduler of this process that talks TLS, without workers."""
    with settings(secured):
        security = Security()
    options = {"n_workers": 0, "processes": False, "protocol": "tls://", "dashboard_address": None}
    with LocalCluster(security=security, **options) as cluster:
        yield cluster


@contextlib.contextmanager
def two_workers(cluster, secured, log: Path):
    """Workers that are programs of their own, as on other machines."""
    line = [sys.executable, "-m", "dask", "worker", cluster.scheduler_address, "--nthreads", "1", "--no-nanny",
            "--no-dashboard"]  # fmt: skip
    env = {**os.environ, **secured, "FAKE_JUDGE_LOG": str(log)}
    started = [subprocess.Popen(line, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) for _ in range(2)]
    try:
        yield started
    finally:
        for one in started:
            one.kill()
            one.wait()


def test_the_guides_key_is_for_all_and_nobody_else_is_heard(secured, scheduler, tmp_path):
    folder = Path(secured["DASK_CONFIG"]).parent
    assert (folder / "cluster.key").stat().st_mode & 0o77 == 0
    assert written("yaml", "distributed:").count("/path/to/cluster.key") == 3
    stranger = secure(tmp_path / "other")
    for variables, said in ((None, "names no certificate: see docs"), (stranger, "")):
        with (
            settings(variables) if variables else contextlib.nullcontext(),
            dask.config.set({"distributed.comm.timeouts.connect": 2}),
            pytest.raises(ValueError, match=f"no Dask scheduler answers at tls://.*{said}"),
            workers(1, scheduler.scheduler_address),
        ):
            pass


def noted(kept: list[str], then=lambda: None):
    """`Run.save` that notes whose outcome it keeps; after the eighth something happens."""

    def save(run, submission, outcome):
        SAVE(run, submission, outcome)
        kept.append(submission.student)
        if len(kept) == 8:
            then()

    return save


@pytest.mark.slow
def test_a_worker_that_is_lost_loses_nothing(secured, scheduler, tmp_path, monkeypatch):
    one, many, count = tmp_path / "one", tmp_path / "many", 24
    rows = []
    with settings(secured), two_workers(scheduler, secured, tmp_path / "judged.log") as started:
        for folder, address, end in (
            (one, None, lambda: None),
            (many, scheduler.scheduler_address, started[0].kill),
        ):
            kept: list[str] = []
            monkeypatch.setattr(outcomes.Run, "save", noted(kept, end))
            class_of_thousands(folder / "submitted", count)
            options = Options(folder=folder, workers=1, scheduler=address, seed=1)
            rows.append(classroom.grade(LAB, options, unhurried_judge if address else fake_judge))
            assert sorted(kept) == [f"s{number:05}" for number in range(count)]
        assert started[0].wait(5) == -signal.SIGKILL and started[1].poll() is None
    assert rows[0] == rows[1]
    assert set((tmp_path / "judged.log").read_text().split()) == set(kept)
    for file in ("grades.csv", f"report-{LAB}.html"):
        assert (one / file).read_bytes() == (many / file).read_bytes()
