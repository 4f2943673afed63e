"""Calls that cost too much, in a module that imports next to nothing."""

import json
import os
import signal
import time

from course_grading.bounded import LARGEST

MB = 1 << 20


def takes_memory():
    return sum(len(part) for part in [bytes(100 * MB) for _ in range(20)])


def takes_time():
    while True:
        pass


def gives_much():
    return bytes(LARGEST + 1)


def goes_deep():
    return json.loads("[" * 10**6)


def ends():
    os._exit(0)


def is_killed():
    os.kill(os.getpid(), signal.SIGKILL)


KEPT = []


def keeps_memory():
    KEPT.append(bytes(600 * MB))


def needs_memory():
    return len(bytes(600 * MB))


def works(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return os.getpid()
