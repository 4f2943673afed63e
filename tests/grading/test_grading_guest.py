"""What lies in the box: it stands alone, and reads the sources and tensors that it is given."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import torch

from course_grading.sandbox import box
from course_grading.sandbox.guest import syntax, wire
from course_utils import checks
from course_utils.checks.exercise import CHECK_SEEDS
from course_utils.checks.families import FAMILIES
from course_utils.notebooks import statements

MODULES = sorted(box.GUEST.glob("*.py"))
MAY_IMPORT = {
    "course_utils",
    "course_utils.checks.calling",
    "course_utils.checks.observers",
    "course_utils.contest",
    "course_utils.contest.entries",
    "course_utils.notebooks.statements",
}
"""What the guest takes of the course: what it warms, what calls an answer, notes an entry, and reads statements."""


def imported(path: Path) -> set[str]:
    """Absolute modules that a file imports; relative imports have to stay in the folder."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{path.name} reaches out of the guest"
            if node.level == 0:
                found.add(node.module)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_guest_imports_nothing_of_the_host(path: Path):
    of_course = {name for name in imported(path) if name.split(".")[0] in ("course_grading", "course_utils", "tests")}
    assert of_course <= MAY_IMPORT


def test_the_copied_folder_runs_by_itself(tmp_path: Path):
    box.copy_course(tmp_path)
    code = (
        "import importlib, pathlib, sys\n"
        f"for path in pathlib.Path({str(tmp_path / 'guest')!r}).glob('*.py'):\n"
        "    module = importlib.import_module('guest' if path.stem == '__init__' else f'guest.{path.stem}')\n"
        "    assert pathlib.Path(module.__file__) == path\n"
        "import course_utils\n"
        f"assert pathlib.Path(course_utils.__file__).is_relative_to({str(tmp_path)!r})\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] == 'course_grading'))"
    )
    command = [sys.executable, "-s", "-B", "-c", code]
    done = subprocess.run(command, env=box.variables(str(tmp_path)), cwd="/", capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_of_the_checks_only_what_calls_an_answer_is_copied(tmp_path: Path):
    """Whatever form they have: a module or a folder for each lab, and whatever else stands beside."""
    checks = tmp_path / "checks"
    for name in (
        "calling.py",
        "families.py",
        "layers.py",
        "observers.py",
        "plans.py",
        "results.py",
        "__init__.py",
        "lab1.py",
        "lab2/__init__.py",
        "lab2/euler.py",
        "mistakes.py",
    ):
        (checks / name).parent.mkdir(parents=True, exist_ok=True)
        (checks / name).write_text(f"secret = {name!r}")
    (checks / "__pycache__").mkdir()
    (checks / "notes.txt").write_text("secret")
    box._stub_checks(checks, tmp_path / "copy")
    found = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    files = {path.relative_to(tmp_path / "copy").as_posix(): path.read_text() for path in found}
    stub = (box.GUEST / "checks_stub.py").read_text()
    kept = {name: f"secret = {name!r}" for name in box.SPOKEN}
    others = ("__init__.py", "lab1.py", "lab2/__init__.py", "lab2/euler.py", "mistakes.py")
    assert files == kept | dict.fromkeys(others, stub)


def test_all_that_an_answer_is_called_with_can_be_built_in_the_box(tmp_path: Path):
    box.copy_course(tmp_path)
    code = "from course_utils.checks.families import FAMILIES\nprint(*sorted(FAMILIES), sep='\\n')"
    command = [sys.executable, "-s", "-B", "-c", code]
    done = subprocess.run(command, env=box.variables(str(tmp_path)), cwd="/", capture_output=True, text=True)
    assert done.stdout.splitlines() == sorted(FAMILIES), done.stderr


@pytest.mark.parametrize("lab", checks.LABS)
def test_all_inputs_of_exercises_can_be_sent(lab: str):
    decode = msgspec.json.Decoder(wire.Group).decode
    for exercise in checks.exercises(lab).values():
        for seed in CHECK_SEEDS:
            case = exercise.draw(seed)
            got = wire.unpack(decode(msgspec.json.encode(wire.pack(case))))
            assert list(got) == list(case) and msgspec.json.encode(wire.pack(got)) == msgspec.json.encode(
                wire.pack(case)
            )


@pytest.mark.parametrize("name", get_args(wire.Dtype))
def test_tensors_arrive_as_they_were_sent(name: str):
    decode = msgspec.json.Decoder(wire.Group).decode
    for shape in ((), (0,), (3,), (2, 0, 4), (2, 3, 4)):
        sent = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 3).to(getattr(torch, name))
        sent = sent.transpose(0, -1) if sent.ndim else sent
        got = wire.unpack(decode(msgspec.json.encode(wire.pack({"a": {"b": sent}, "c": 1.5, "d": "e", "f": 3}))))
        assert got["a"]["b"].dtype == sent.dtype and (got["c"], got["d"], got["f"]) == (1.5, "e", 3)
        assert type(got["f"]) is int and got["a"]["b"].shape == sent.shape and torch.equal(got["a"]["b"], sent)


def test_a_tensor_that_arrived_has_numbers_of_its_own():
    packed = wire.pack_tensor(torch.ones(3))
    wire.unpack_tensor(packed).add_(1)
    assert torch.equal(wire.unpack_tensor(packed), torch.ones(3))


def test_numbers_that_cannot_be_sent_are_refused():
    for value in (float("nan"), float("inf"), {"a": {"b": -float("inf")}}):
        with pytest.raises(ValueError, match="expected a finite number, got"):
            wire.pack(value)
    assert wire.unpack(wire.pack(torch.tensor(torch.inf))) == torch.inf
    for tensor in (torch.zeros(2, dtype=torch.complex64), torch.zeros(wire.LARGEST + 1)):
        with pytest.raises(ValueError, match="expected at most 10000 numbers of a type out of float64"):
            wire.pack(tensor)


@pytest.mark.parametrize(
    ("shape", "data"), [([2], bytes(7)), ([2], bytes(9)), ([0], b"x"), ([10**18, 10**18], b""), ([-1], b"")]
)
def test_bytes_that_do_not_fit_the_shape_are_refused(shape: list[int], data: bytes):
    with pytest.raises(ValueError):
        wire.unpack_tensor(wire.Packed("float32", shape, data))


@pytest.mark.parametrize(
    "odd",
    [
        '{"dtype": "object", "shape": [1], "data": "AAAAAAAAAAA="}',
        '{"dtype": "complex64", "shape": [1], "data": "AAAAAAAAAAA="}',
        '{"dtype": "float64", "shape": [-1], "data": ""}',
        '{"dtype": "float64", "shape": [true], "data": ""}',
        '{"dtype": "float64", "shape": [1e300], "data": ""}',
        '{"dtype": "float64", "shape": [1.5], "data": ""}',
        '{{"dtype": "float64", "shape": [{}], "data": ""}}'.format(", ".join("1" * 17)),
        '{"dtype": "float64", "shape": [0], "data": "é"}',
        '{"dtype": "float64", "shape": [1], "data": "AAA"}',
    ],
)
def test_what_is_no_tensor_cannot_be_read(odd: str):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(odd.replace("{", '{"type": "tensor", ', 1), type=wire.Packed)


def test_syntax_says_what_a_cell_defines_and_uses():
    source = (
        "import a.b as c\nfrom d import e as f\nx, (y, *z) = 1, (2, 3)\n"
        "if x:\n    def g(u, w=c.one):\n        v = 1\n        return f(u) + c.two.three\nelse:\n    class h: k = 1\n"
        "try:\n    m = 1\nexcept E as n:\n    o = 2\nwith p as q: pass\nfor r in s: pass\nh.attribute = 1"
    )
    said = syntax.describe(source, "m = 1")
    assert {"c", "f", "x", "y", "z", "g", "h", "m", "o", "q", "r"} <= set(said.defines)
    assert not {"k", "u", "v", "attribute"} & set(said.defines)
    assert {"f", "c.two.three", "c.one"} <= set(said.uses["g"]) and "u" not in said.uses["g"]
    assert syntax.resolve("c.two.three", syntax.flat(said.aliases)) == "a.b.two.three"
    assert syntax.resolve("a.b", syntax.flat({"a": "b", "b": "a"})) in ("a.b", "b.b")
    assert said.definitions.startswith("import a.b as c\n\nfrom d import e as f")
    assert syntax.describe(source).definitions == ""


def test_of_a_changed_cell_definitions_and_own_statements_are_told_apart():
    given = "import a\nx = f(1)\nshow(x)"
    said = syntax.describe("import a\nx = f(1)\ny = 2\nchecks.lab1.euler(euler)\nshow(x, y)\ndef g(): pass", given)
    assert said.definitions == "import a\n\nchecks.lab1.euler(euler)\n\ndef g():\n    pass"
    assert said.own == ["y = 2", "show(x, y)"]


def test_a_check_of_another_name_defines_the_exercise():
    assert syntax.describe("checks.lab1.euler(euler)").defines == []
    assert syntax.describe("cu.checks.lab1.euler(mine.other)").uses["euler"] == ["mine", "mine.other"]
    assert syntax.describe("checks.lab1.euler(lambda x: f(x))").uses["euler"] == ["f"]


@pytest.mark.parametrize("top", ["", "%%time\n", "\n%%capture out --no-stderr\n", "%%time\n%%capture\n"])
def test_magics_on_top_leave_python(top: str):
    assert syntax.without_magics_on_top(f"{top}x = 1\n%%time\n") == "x = 1\n%%time\n"
    assert syntax.without_magics_on_top("%%writefile a.py\nx = 1") == "%%writefile a.py\nx = 1"


def test_of_a_released_cell_definitions_and_constants_run_quickly():
    source = "import a\nA, b = 3.0, (1, 2)\nc: int = A * 2\nd = f(1)\nprint(d)\ndef g(x=A): return f(x)"
    assert statements.quick_parts(source) == [
        "import a\n\ndef g(x=A):\n    return f(x)",
        "A, b = (3.0, (1, 2))",
        "c: int = A * 2",
    ]
    assert statements.quick_parts("%%time\nx = 1") == []
    assert statements.only_checks("checks.lab1.euler(euler)\nchecks.lab1.heun_step(heun_step)")
    assert not statements.only_checks("checks.lab1.euler(euler)\nprint(1)") and not statements.only_checks("%time 1")


def test_a_chain_of_aliases_costs_what_its_length_costs():
    """Each alias is followed once, and a name does not grow on its way."""
    long = {f"a{i}": f"a{i + 1}.{'x' * 10_000}" for i in range(1000)}
    chain = {f"b{i}": f"b{i + 1}" for i in range(100_000)} | {"b100000": "course_utils.simulators"}
    flat = syntax.flat(long | chain)
    assert len(flat) == len(long) + len(chain) and max(map(len, flat.values())) == syntax.LONGEST_NAME
    assert syntax.resolve("b0.euler_step", flat) == "course_utils.simulators.euler_step"
