"""Every exercise of every lab: right answers pass, each listed mistake fails with its own sentence, mutants fail."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from course_utils import checks
from course_utils.checks import CheckFailed
from course_utils.checks.calling import called
from course_utils.checks.comparing import agree
from course_utils.checks.exercise import CHECK_SEEDS
from course_utils.checks.families import build
from course_utils.checks.observers import AnswerError
from tests.support.mutants import mutants, replaced_arguments

EXERCISES = [(lab, e) for lab in checks.LABS for e in checks.exercises(lab).values()]
LAB1 = checks.exercises("lab1")
FOLDER = Path(checks.__file__).parent
WITH_INPUTS = [(lab, e) for lab, e in EXERCISES if e.draw(1)]
each = pytest.mark.parametrize("lab, exercise", EXERCISES, ids=[e.name for _, e in EXERCISES])
each_with_inputs = pytest.mark.parametrize("lab, exercise", WITH_INPUTS, ids=[e.name for _, e in WITH_INPUTS])
SEEDS = range(1000, 1200)
SIX = 6  # consecutive seeds that draw all kinds of cases, as check and grader do

# Mutants that compute the same as the original, with the reason.
EQUAL: dict[str, set[str]] = {
    "train": {"(loss) + 0.125 told in `torch.autograd.grad(loss, parameters)`"},  # a constant has no gradient
}


def judged(exercise, fn, seed):
    case = exercise.draw(seed)
    return exercise.judge(case, exercise.observe(fn, case))


@each
def test_the_definition_is_complete(lab, exercise):
    assert exercise.number.startswith(lab.removeprefix("lab") + ".")
    assert getattr(getattr(checks, lab), exercise.name) is exercise
    assert exercise.points > 0 and exercise.why and len(exercise.mistakes) >= 3
    assert list(inspect.signature(exercise.oracle).parameters) == list(exercise.draw(1))
    for words in ([m.name for m in exercise.mistakes], [m.message for m in exercise.mistakes]):
        assert len(set(words)) == len(words)


@each_with_inputs
def test_the_inputs_are_data_and_depend_on_the_seed_alone(lab, exercise):
    def flat(value):
        if isinstance(value, dict):
            return [x for v in value.values() for x in flat(v)]
        assert isinstance(value, torch.Tensor | int | float | str)
        return [value.tolist() if isinstance(value, torch.Tensor) else value]

    assert flat(exercise.draw(7)) == flat(exercise.draw(7)) != flat(exercise.draw(8))


@each
@pytest.mark.slow
def test_the_reference_passes_for_many_seeds(lab, exercise):
    for seed in SEEDS:
        assert judged(exercise, exercise.oracle, seed).right, seed


def shown(exercise, fn, case):
    """What an answer shows, or None if it raises."""
    try:
        return called(fn, build(case), exercise.sees)
    except (AnswerError, NotImplementedError):
        return None


@each
@pytest.mark.slow
def test_every_mistake_is_told_from_all_others_by_cases_of_all_kinds(lab, exercise):
    def alike(a, b):
        return a is not None and b is not None and agree(a, b, exercise.rtol, exercise.single)

    for start in range(1000, 1042, SIX):
        cases = [exercise.draw(seed) for seed in range(start, start + SIX)]
        right = [shown(exercise, exercise.oracle, case) for case in cases]
        wrong = {m.name: [shown(exercise, m.wrong, case) for case in cases] for m in exercise.mistakes}
        for name, values in wrong.items():
            differs = [i for i in range(SIX) if values[i] is not None and not alike(values[i], right[i])]
            same = [other for other in wrong if all(alike(wrong[other][i], values[i]) for i in differs)]
            assert differs and same[0] == name, (name, start, same)


@each
def test_every_mistake_fails_with_its_own_sentence(lab, exercise):
    for mistake in exercise.mistakes:
        with pytest.raises(CheckFailed, match="(?s)The call: .*Likely cause: ") as failure:
            exercise.check(mistake.wrong)
        assert str(failure.value).endswith(f"Likely cause: {mistake.message}")


@each_with_inputs  # without any, an oracle is a number and has no parts to change
@pytest.mark.parametrize("kind", [mutants, replaced_arguments])
def test_mutants_of_the_reference_fail(lab, exercise, kind):
    cases = [exercise.draw(seed) for seed in CHECK_SEEDS]
    expected = [(case, shown(exercise, exercise.oracle, case)) for case in cases]

    def gives_the_same(mutant):
        values = ((shown(exercise, mutant, case), right) for case, right in expected)
        return all(v is not None and agree(v, right, exercise.rtol, exercise.single) for v, right in values)

    def passes(mutant):
        return all(judged(exercise, mutant, seed).right for seed in CHECK_SEEDS)

    survivors, count = [], 0
    for what, mutant in kind(exercise.oracle):
        count += 1
        if gives_the_same(mutant) and passes(mutant):
            survivors.append(what)
    assert count >= 2
    assert set(survivors) <= EQUAL.get(exercise.name, set()), survivors


def ignores_its_second(x, y):
    return x + 0 * y


def test_an_argument_that_does_not_matter_would_be_seen():
    kept = [what for what, mutant in replaced_arguments(ignores_its_second) if mutant(2, 3) == 2]
    assert {"x for y in `y`", "(0 * y) for y in `y`"} <= set(kept) and "y for x in `x`" not in kept


@each
def test_one_line_when_right_and_one_when_not_done(lab, exercise, capsys):
    def stub(*arguments):
        raise NotImplementedError

    exercise.check(exercise.oracle)
    exercise.check(stub)
    right, todo = capsys.readouterr().out.splitlines()
    assert right.startswith(exercise.number) and "right" in right
    assert todo.startswith(exercise.number) and "not done yet" in todo


def explode(*arguments):
    return [][1]


def leave(*arguments):
    raise SystemExit(1)


def _missing():
    raise NotImplementedError("no power")


BROKEN = {
    "raised IndexError": explode,
    "raised SystemExit": leave,
    "got None": lambda *a: None,
    "raised NotImplementedError.*no power": lambda *a: _missing(),
    "got a str": lambda *a: "0.5",
}


@each
@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_answer_is_named_and_never_crashes_the_check(lab, exercise, words):
    with pytest.raises(CheckFailed, match=words):
        exercise.check(BROKEN[words])


@each_with_inputs
def test_an_answer_that_takes_no_arguments_is_told_so(lab, exercise):
    with pytest.raises(CheckFailed, match=r"your function takes \(\), but the exercise calls it with \("):
        exercise.check(lambda: 0)


@each_with_inputs
def test_changed_inputs_randomness_nan_and_dtype_are_refused(lab, exercise):
    def wrap(change):
        def answer(*arguments):
            return change(exercise.oracle(*arguments), arguments)

        return answer

    def on_floats(change):
        def apply(out, arguments):
            if isinstance(out, tuple):
                return tuple(apply(o, arguments) for o in out)
            return change(out) if out.is_floating_point() else out + 1

        return apply

    def spoil(out, arguments):
        next(a for a in arguments if isinstance(a, torch.Tensor)).zero_()
        return out

    changes = (
        lambda o: o * torch.nan,
        lambda o: o * torch.inf,
        lambda o: o.float(),
        lambda o: o + 1e-3 * torch.rand_like(o),
        lambda o: o.unsqueeze(0).unsqueeze(0),
    )
    wrong = [on_floats(change) for change in changes]
    if any(isinstance(v, torch.Tensor) for v in build(exercise.draw(1)).values()):
        wrong.append(spoil)
    for change in wrong:
        with pytest.raises(CheckFailed):
            exercise.check(wrap(change))


def test_every_exercise_of_a_lab_has_a_file_of_its_name():
    for lab in checks.LABS:
        files = [path.stem for path in (FOLDER / lab).glob("*.py") if path.stem != "__init__"]
        assert set(files) >= set(checks.exercises(lab)) == set(getattr(checks, lab).__all__)
        assert all(e.oracle.__module__ == f"course_utils.checks.{lab}.{e.name}" for e in checks.exercises(lab).values())


def test_exercises_come_in_the_order_of_their_numbers():
    for lab in checks.LABS:
        numbers = [int(e.number.split(".")[1]) for e in checks.exercises(lab).values()]
        assert numbers == list(range(1, len(numbers) + 1))


def test_an_unknown_lab_is_refused():
    for ask in (checks.exercises, checks.sources):
        for lab in ("lab99", "exercise", "../lab1", ""):
            with pytest.raises(ValueError, match="expected one of lab1, "):
                ask(lab)
    assert not hasattr(checks, "lab99")


def test_labs_are_listed_and_imported_when_used():
    assert set(checks.LABS) < set(dir(checks))
    code = "import sys; from course_utils import checks; print([m for m in sys.modules if '.lab' in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_lab_depends_on_its_own_folder_and_on_what_all_labs_share():
    for lab in checks.LABS:
        files = {path.relative_to(FOLDER).as_posix() for path in checks.sources(lab)}
        assert {"calling.py", "families.py", "mistakes.py", "observers.py", f"{lab}/__init__.py"} <= files
        assert {name.split("/")[0] for name in files if "/" in name} == {lab}
        assert all(
            not re.search(rf"course_utils\.checks\.{other}\b", path.read_text("utf-8"))  # lab1 is no part of lab10
            for path in checks.sources(lab)
            for other in checks.LABS
            if other != lab
        )


MODULES = sorted(FOLDER.rglob("*.py"))


def _lines_of_code(function: ast.FunctionDef) -> int:
    """Of its body, without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return body[-1].end_lineno - body[0].lineno + 1


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_module_says_what_it_is_and_what_is_public_and_its_functions_are_short(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree)
    assert any(isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__" for node in tree.body)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if _lines_of_code(node) >= 30] == []


def test_the_example_of_the_guide_is_an_exercise(tmp_path, monkeypatch, capsys):
    guide = (Path(__file__).parents[2] / "docs" / "add_a_lab.md").read_text("utf-8")
    (tmp_path / "euler_step.py").write_text(guide.split("```python\n")[1].split("```")[0], "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    exercise = importlib.import_module("euler_step").euler_step
    exercise(lambda field, x, t, h: torch.add(x, field(x, t), alpha=h))
    assert capsys.readouterr().out == "6.1 Euler step: right ✓\n"
    for mistake in exercise.mistakes:
        with pytest.raises(CheckFailed, match=re.escape(mistake.message)):
            exercise(mistake.wrong)


def test_numbers_of_exercises_are_unique_and_points_whole():
    numbers = [e.number for _, e in EXERCISES]
    assert len(set(numbers)) == len(numbers)
    assert all(isinstance(e.points, int) for _, e in EXERCISES)


def test_the_line_that_failed_is_shown():
    exercise = LAB1["euler"]
    with pytest.raises(CheckFailed, match=r"in your line \d+, `return \[\]\[1\]`"):
        exercise.check(explode)


def test_a_loop_that_sums_the_time_makes_a_step_too_many():
    def answer(field, x0, n):
        x, t, xs = x0, 0.0, [x0]
        while t < 1:
            x = x + field(x, t) / n
            xs.append(x)
            t = t + 1 / n
        return torch.stack(xs)

    with pytest.raises(CheckFailed, match=r"n=10\)(?s:.*)one step too many"):
        LAB1["euler"].check(answer)


def test_a_list_of_one_tensor_that_changes_is_recognised():
    def euler(field, x0, n):
        x, xs = x0.clone(), [x0]
        for i in range(n):
            x += field(x, i / n) / n
            xs.append(x)
        return torch.stack(xs)

    def brownian(eps, h):
        w, ws = torch.zeros_like(eps[0]), []
        for e in eps:
            w += h**0.5 * e
            ws.append(w)
        return torch.stack(ws)

    for name, answer in {"euler": euler, "brownian_motion": brownian}.items():
        with pytest.raises(CheckFailed, match="one and the same tensor, changed in"):
            LAB1[name].check(answer)


FIRST = r"ValueError: the states come first, then the time: "
SLIPS = {
    FIRST + r"field\(x, t\)": [
        ("euler", lambda field, x0, n: field(0.0, x0)),
        ("euler", lambda field, x0, n: field(torch.tensor(0.0), x0)),
        ("heun_step", lambda field, x, t, h: field(t, x)),
        ("heun_step", lambda field, x, t, h: field(t.expand(len(x)), x)),
    ],
    FIRST + r"drift\(x, t\)": [("euler_maruyama_step", lambda sde, x, t, h, dw: sde.drift(t, x))],
    FIRST + r"diffusion\(x, t\)": [("euler_maruyama_step", lambda sde, x, t, h, dw: sde.diffusion(t, x))],
    r"of shape \(\) or \(4,\).*got \(4, 1\)": [("heun_step", lambda field, x, t, h: field(x, t.expand(4, 1)))],
    "got a list; torch.stack makes": [("euler", lambda field, x0, n: [x0])],
    "got a tuple; return one tensor": [("euler", lambda field, x0, n: (x0, x0))],
    "an ndarray.*; all values must stay torch tensors": [
        ("euler", lambda field, x0, n: x0.numpy()),
        ("euler", lambda field, x0, n: field(x0.numpy(), 0.0)),
    ],
    r"; for a number, use math\.sqrt": [("brownian_motion", lambda eps, h: torch.sqrt(h) * eps)],
    "; a function is used without its brackets": [
        ("euler", lambda field, x0, n: field / n),
        ("euler_maruyama_step", lambda sde, x, t, h, dw: h * sde.drift),
        ("langevin_drift", lambda score, x, sigma: torch.log(score)),
    ],
    r"; in Python a power is `\*\*`": [("langevin_drift", lambda score, x, sigma: score(x) ^ 2)],
    r"may be random here\. Is something drawn anew that is given \(dw\)": [
        ("euler_maruyama_step", lambda sde, x, t, h, dw: x + torch.randn_like(x)),
    ],
    r"received nan\. \(The root or logarithm": [("langevin_drift", lambda score, x, sigma: score(x).sqrt())],
}


@pytest.mark.parametrize("words", SLIPS)
def test_errors_of_python_are_followed_by_a_hint(words):
    for name, answer in SLIPS[words]:
        with pytest.raises(CheckFailed, match=words):
            LAB1[name].check(answer)


@pytest.mark.parametrize("name, argument", [("euler", "field"), ("langevin_drift", "score")])
def test_a_function_that_is_given_has_a_plain_name(name, argument):
    assert build(LAB1[name].draw(1))[argument].__qualname__ == argument


def test_a_wrong_entry_is_shown_with_expected_and_received():
    exercise = LAB1["langevin_drift"]

    def answer(score, x, sigma):
        out = sigma**2 / 2 * score(x)
        return out + torch.nn.functional.one_hot(torch.tensor([1, 0, 0, 0]), 2)

    case = exercise.draw(CHECK_SEEDS[0])
    want = exercise.oracle(**build(case))
    gap = torch.nn.functional.one_hot(torch.tensor([1, 0, 0, 0]), 2)
    at = tuple(int(i) for i in torch.unravel_index((gap + 0 * want).argmax(), gap.shape))
    with pytest.raises(CheckFailed) as failure:
        exercise.check(answer)
    assert f"at index {at}: expected {want[at].item():.6g}, received {want[at].item() + 1:.6g}" in str(failure.value)
