"""What a submission costs is told: the processor time of all that it starts, also of what ends with it."""

import subprocess
import sys

import pytest

from course_grading.judge import close_sandbox
from course_grading.sandbox import box
from tests.support.attacks import grade
from tests.support.honest_class import ANSWER, BUSY, RIGHT, SIGNATURE, Sheet

BURN = """
import os, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
"""
CHILD_OF_A_COPY = f"""{BURN}
{SIGNATURE}if os.fork() == 0:
        burn(0.1)
        time.sleep(1000)
    time.sleep(0.2)
    return {RIGHT}
"""
LEFT_BEHIND = f"""{BURN}
if os.fork() == 0:
    os.setsid()
    burn(1000)
time.sleep(1.5)
"""
CALLS = 2 * 8
"""Of a right answer: two for each case of the check and each hidden one."""

COSTLY = {
    "functions that are asked": (Sheet().write(BUSY), CALLS * 0.15),
    "what they start": (Sheet().write(CHILD_OF_A_COPY).drop("ex-1-2-check"), CALLS * 0.1),
    "what a cell leaves behind": (Sheet().below(ANSWER, LEFT_BEHIND), 0.4),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", COSTLY)
def test_the_time_of_all_processes_counts(what: str):
    sheet, least = COSTLY[what]
    try:
        assert grade(sheet.packed()).cpu_seconds > least
    finally:
        close_sandbox()


def test_a_process_in_large_pages_holds_what_it_held():
    code = (
        "import os\nfrom guest.memory import in_large_pages\nheld = [str(i) for i in range(10**6)]\nin_large_pages()\n"
        "assert held == [str(i) for i in range(10**6)]\nif os.fork() == 0:\n    held[7] = 'seven'\n    os._exit(0)\n"
        "os.wait()\nprint(held[7], len(held))"
    )
    place = {"PYTHONPATH": str(box.GUEST.parent)}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=place, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("7 1000000\n", "")
