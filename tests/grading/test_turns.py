"""Who writes what several gradings share waits for the others, and says so when it takes long."""

import threading
import time

from course_grading import turns


def test_two_that_write_one_file_do_so_in_turn_and_who_waits_for_long_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.05)
    inside, order = threading.Event(), []

    def first():
        with turns.in_turn(tmp_path / "new" / "table"):
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(60)
    with turns.in_turn(tmp_path / "new" / "table"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert f"waiting: another program is writing {tmp_path / 'new' / 'table'}" in capsys.readouterr().err


def test_who_need_not_wait_says_nothing(tmp_path, capsys):
    for _ in range(2):
        with turns.in_turn(tmp_path / "table"):
            pass
    assert capsys.readouterr() == ("", "")
