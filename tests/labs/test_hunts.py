"""Bug hunts: each function makes the mistake it is named after and none of the others, and no hunt shows an oracle."""

import ast
import inspect
import re
import subprocess
import sys

import pytest

from course_utils import checks
from course_utils.checks import CheckFailed, hunts
from course_utils.checks.comparing import agree
from course_utils.checks.exercise import CHECK_SEEDS

LABS = {lab: getattr(checks, lab).bug_hunt for lab in checks.LABS}
HUNTS = [pytest.param(h, id=f"{lab}-{h.number}") for lab, bug_hunt in LABS.items() for h in bug_hunt.hunts]
each = pytest.mark.parametrize("hunt", HUNTS)
SEEDS = range(1, 21)
bug_hunt = checks.lab1.bug_hunt


@pytest.mark.parametrize("lab", checks.LABS)
def test_a_lab_has_at_least_five_hunts_and_their_numbers_or_none_and_says_so(lab, capsys):
    numbers = [hunt.number for hunt in LABS[lab].hunts]
    assert numbers == list(range(1, len(numbers) + 1)) and (not numbers or len(numbers) >= 5)
    LABS[lab]()
    assert f"there are {len(numbers) or 'none'} in this lab" in capsys.readouterr().out
    assert {hunt.exercise.key.split(".")[0] for hunt in LABS[lab].hunts} <= {lab}


@each
def test_the_exercise_names_exactly_this_mistake(hunt):
    exercise = hunt.exercise
    seen = [(case, exercise.observe(hunt.wrong, case)) for case in map(exercise.draw, SEEDS)]
    assert all(not one.changed and one.repeatable for _, one in seen)
    rights = [exercise.shown(exercise.oracle, case) for case, _ in seen]
    pairs = zip(seen, rights, strict=True)
    wrong = [one for one, right in pairs if not agree(one[1].values, right, exercise.rtol, exercise.single)]
    assert wrong and exercise.cause(wrong) is hunt.mistake
    with pytest.raises(CheckFailed) as failure:
        exercise.check(hunt.wrong)
    assert str(failure.value).endswith(f"Likely cause: {hunt.mistake.message}")


@each
def test_no_other_choice_gives_the_values_of_the_function(hunt):
    def values(fn):
        return [hunt.exercise.shown(fn, hunt.exercise.draw(seed)) for seed in CHECK_SEEDS]

    own = values(hunt.wrong)
    assert len({mistake.name for mistake in hunt.choices}) == 4 and hunt.choices[hunt.answer - 1] is hunt.mistake
    for other in hunt.others:
        pairs = [pair for pair in zip(values(other.wrong), own, strict=True) if pair[0] is not None]
        assert not all(agree(*pair, hunt.exercise.rtol, hunt.exercise.single) for pair in pairs)
        assert " this function gives " in hunt.beside(other) and "that mistake would give " in hunt.beside(other)


@each
def test_what_is_shown_is_a_whole_short_function_of_torch_alone(hunt):
    tree = ast.parse(hunt.source)
    (function,) = tree.body
    assert function.name == hunt.exercise.name
    assert [a.arg for a in function.args.args] == list(inspect.signature(hunt.exercise.oracle).parameters)
    assert 1 <= len(hunt.source.splitlines()) - 1 <= 12
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    made = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    python = {"len", "range"}
    assert used <= made | {a.arg for a in function.args.args} | {"torch"} | python


@each
def test_what_is_printed_never_holds_the_oracle_nor_the_likely_cause(hunt, capsys):
    lab = hunt.exercise.key.split(".")[0]
    LABS[lab](hunt.number)
    out = capsys.readouterr().out
    body = [line.strip() for line in inspect.getsource(hunt.exercise.oracle).splitlines() if line.startswith("    ")]
    shown = hunt.source.split("\n", 1)[1]
    assert "\n".join(body) not in "\n".join(line.strip() for line in out.splitlines())
    assert "Likely cause" not in out and "oracle" not in out and "\n@" not in out and shown in out
    assert re.search(rf"The call: {hunt.exercise.name}\(", out) and re.search("expected .*, received ", out)
    flat = " ".join(out.split()).lower()
    assert all(" ".join(choice.message.split()).lower() in flat for choice in hunt.choices)
    assert max(map(len, out.split("What is wrong?")[1].splitlines())) <= 120


@each
def test_every_choice_is_answered(hunt, capsys):
    for number in range(1, 5):
        LABS[hunt.exercise.key.split(".")[0]](hunt.number, number)
        out = capsys.readouterr().out
        assert ("right ✓" in out) == (number == hunt.answer)
        assert ("That mistake would have given other numbers" in out) == (number != hunt.answer)


def test_the_order_of_sentences_is_fixed_by_the_number_and_is_not_always_the_same(capsys):
    bug_hunt(3)
    first = capsys.readouterr().out
    bug_hunt(3)
    assert capsys.readouterr().out == first
    places = [hunt.values[0].answer for hunt in HUNTS]
    assert all(places.count(place) >= len(places) // 8 for place in range(1, 5))


def test_a_repaired_function_is_checked_by_its_exercise(capsys):
    hunt = bug_hunt.hunts[0]
    bug_hunt(1, hunt.exercise.oracle)
    assert capsys.readouterr().out == "1.2 Heun step: right ✓\n"
    with pytest.raises(CheckFailed, match=re.escape(hunt.mistake.message)):
        bug_hunt(1, hunt.wrong)


@pytest.mark.parametrize("number", [0, 99, -1, 1.0, True, "1", [1]])
def test_what_is_no_hunt_is_refused(number):
    with pytest.raises(ValueError, match=r"expected the number of a bug hunt; .*bug_hunt\(1\) to .*Got "):
        bug_hunt(number)


@pytest.mark.parametrize("answer", [0, 5, -1, 2.0, True, "2"])
def test_what_is_no_sentence_is_refused(answer):
    with pytest.raises(ValueError, match="expected the number of a sentence, from 1 to 4, or a repaired function, got"):
        bug_hunt(1, answer)


def test_mistakes_are_known_by_name():
    with pytest.raises(KeyError, match="old stat"):

        @hunts.Hunts().of(checks.lab1.heun_step, "old stat", "midpoint", "euler")
        def old_time(field, x, t, h):
            return x


def test_a_function_that_is_right_and_a_choice_that_is_no_other_would_be_seen():
    own = hunts.Hunts()
    heun = checks.lab1.heun_step

    @own.of(heun, "old time", "midpoint", "euler")
    def old_state(field, x, t, h):
        return x + h * (field(x, t) + field(x + h * field(x, t), t + h)) / 2

    with pytest.raises(LookupError, match="passes the check"):
        own.hunts[0].failure()
    euler = next(mistake for mistake in heun.mistakes if mistake.name == "euler")
    twice = hunts.Hunt(1, heun, euler.wrong, euler, (euler,))
    with pytest.raises(LookupError, match="also makes this mistake: euler"):
        twice.beside(euler)


def test_a_lab_without_hunts_has_none():
    empty = hunts.Hunts()
    with pytest.raises(ValueError, match=r"there are none in this lab\. Got 1"):
        empty(1)


def test_every_lab_has_its_hunts_whichever_way_it_is_reached():
    for first in ("checks.progress()", "checks.exercises('lab2')", "checks.lab2"):
        code = f"from course_utils import checks; {first}; checks.lab2.bug_hunt()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "in this lab" in done.stdout, done.stderr


# what is wrong: the first hunt of a lab as an exercise

ASKED = [pytest.param(lab, checks.exercises(lab)["what_is_wrong"], id=lab) for lab in checks.LABS if LABS[lab].hunts]
each_asked = pytest.mark.parametrize("lab, exercise", ASKED)


@each_asked
def test_what_is_wrong_is_the_last_exercise_and_has_the_choices_of_the_first_hunt(lab, exercise):
    first = LABS[lab].hunts[0]
    assert list(checks.exercises(lab)).index("what_is_wrong") == len(checks.exercises(lab)) - 1
    assert (exercise.title, exercise.points, exercise.key) == ("Bug hunt", 1, f"{lab}.what_is_wrong")
    assert exercise.oracle() == first.answer
    assert [m.name for m in exercise.mistakes] == [m.name for m in first.choices if m is not first.mistake]
    assert [m.wrong() for m in exercise.mistakes] == [k for k in range(1, 5) if k != first.answer]


@each_asked
def test_what_is_said_of_a_wrong_choice_never_tells_the_right_one(lab, exercise):
    for mistake in exercise.mistakes:
        with pytest.raises(CheckFailed) as failure:
            exercise.check(mistake.wrong)
        said = str(failure.value).removeprefix(f"{exercise.number} Bug hunt")
        assert said.endswith(f"Likely cause: {mistake.message}") and str(exercise.oracle()) not in re.findall(
            r"\d+", said
        )
        assert "expected" not in said


@pytest.mark.parametrize("number", [0, 5, 7, 2.5, -2])
def test_a_number_that_is_none_of_the_sentences_is_told_so(number):
    with pytest.raises(CheckFailed, match="Expected the number of a sentence, from 1 to 4") as failure:
        checks.lab1.what_is_wrong(lambda: number)
    assert "times" not in str(failure.value)
    with pytest.raises(CheckFailed, match="Two calls with the same inputs gave different results"):
        checks.lab1.what_is_wrong(iter([1, 2, 3, 4] * 10).__next__)


def test_the_right_numbers_of_the_labs_are_not_all_the_same():
    assert len({exercise.values[1].oracle() for exercise in ASKED}) >= 3
