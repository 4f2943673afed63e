"""Code of strangers in a container that allows no namespaces: another user, and no more than that, keeps it in.

The container is made here as theirs is documented, with the rights that Docker leaves root; only root can make it.
"""

import json
import os
import socket
from pathlib import Path

import pytest

from course_grading.gradescope.archive import archive
from course_grading.gradescope.results import failed
from course_grading.sandbox.host import APART, NO_CGROUP
from tests.support import container
from tests.support.attacks import EARLY, LAB, LIMITS, submission
from tests.support.gradescope_class import SEARCH, TELLING, judge_all
from tests.support.grading_class import FULL
from tests.support.honest_class import Sheet

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="only root can make the container")]

NAMES = (
    *("the grader's folder", "other processes", "processes that stay", "files that stay", "printing hidden inputs"),
    *("fork bomb", "daemon", "memory of many", "kill", "the network", "rights", "limits", "nothing of others"),
)
"""The last looks at what the others left."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """By name, what came out of the container; the network attack tries a server of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        folder = tmp_path_factory.mktemp("container")
        found = judge_all([f"attack: {name}" for name in NAMES], folder, server.getsockname()[1])
        with pytest.raises(TimeoutError):
            server.accept()
    return {name.removeprefix("attack: "): told for name, told in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_an_attack_costs_no_honest_point(judged: dict, name: str):
    told = judged[name]
    assert [answer["status"] for answer in told["answers"]] == ["right"] * 7
    assert told["reason"] is None and told["final"]
    assert told["warnings"] == [APART, NO_CGROUP]


def said(judged: dict, name: str) -> list[str]:
    return judged[name]["printed"]["mine"].split()


def test_the_graders_folder_cannot_be_looked_into_or_changed(judged: dict):
    assert {*said(judged, "the grader's folder")} == {"refused"}


def test_of_other_processes_there_is_no_memory_no_file_and_no_number_to_be_had(judged: dict):
    lines = judged["other processes"]["printed"]["mine"].splitlines()
    assert len(lines) >= 3 and {*lines} == {"numbers []"}  # the judge, the warm process and the shell at least


def test_no_network_no_rights_no_more_than_the_limits(judged: dict):
    assert said(judged, "the network") == ["refused"] * 6
    assert judged["rights"]["printed"]["mine"].splitlines() == ["[0, 0, 0, 0, 0]", "1 2 True", *["refused"] * 8]
    bounds = [(n, n) for n in (LIMITS.processes, LIMITS.file_bytes, LIMITS.open_files, 0)]
    assert judged["limits"]["printed"]["mine"].splitlines() == [str(bounds), *["refused"] * 7]


def test_nothing_stays_of_who_was_there_before(judged: dict):
    assert judged["nothing of others"]["printed"]["mine"].splitlines() == ["[]", "True"]


def test_hidden_inputs_are_printed_nowhere(judged: dict):
    assert "told" not in json.dumps(judged["printing hidden inputs"])


def test_a_submission_on_the_documented_way(tmp_path: Path):
    """From `run_autograder` to `results.json`, with an attack on that file in the notebook."""
    hostile = Sheet().write(TELLING).below("setup", SEARCH).packed()
    place = container.lay_out(tmp_path, archive(LAB), {f"{LAB}.ipynb": hostile})
    done = container.run(place)
    found = container.results(place)
    assert found["score"] == FULL and "told" not in json.dumps(found), done.stdout + done.stderr
    assert APART in found["tests"][-1]["output"]
    closed = (place, *(place / name for name in ("source", "submission", "results", "results/results.json")))
    assert all(path.stat().st_mode & 0o77 == 0 for path in closed)


def test_a_grader_that_is_killed_leaves_word_of_it(tmp_path: Path):
    place = container.lay_out(tmp_path, archive(LAB), {f"{LAB}.ipynb": submission(EARLY, "")})
    (place / "source" / "course_grading" / "judge.py").write_text("import os\nos.kill(os.getpid(), 9)")
    container.run(place)
    assert container.results(place) == failed()


def test_the_image_leaves_no_other_folder_in_which_everybody_may_write(tmp_path: Path):
    place = container.lay_out(tmp_path, archive(LAB), {})
    _, _, closing = (place / "source" / "setup.sh").read_text().partition("# Where everybody may write")
    before = "mkdir -m 1777 /opt/open && install -m 666 /dev/null /opt/file && mkdir -m 1777 /tmp/own\n#"
    after = "stat -c %a /opt/open /opt/file /tmp /tmp/own /var/tmp /dev/null /autograder/source"
    done = container.run(place, "bash", "-ec", f"{before}{closing}\n{after}")
    assert done.stdout.split() == ["1775", "664", "1777", "1777", "1777", "666", "700"], done.stderr
