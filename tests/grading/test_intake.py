"""Whatever a platform or a student calls it, the right bytes end in the right folder, and nothing else anywhere."""

import json
import os
import stat
import zipfile

import pytest

from course_grading.intake.checkin import CheckedIn, check_in, submissions
from course_grading.intake.names import owner
from course_grading.notebook import MOST_BYTES
from tests.support.grading_class import LAB, put

LABS = ("lab1_simulation", "lab2_flow_matching")
A, B = b'{"cells": ["a"]}', b'{"cells": ["b"]}'


def zipped(path, files):
    """A zip of `name: bytes`; None makes a folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, b"" if data is None else data)
    return path


def laid_out(path, files):
    for name, data in files.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            place.mkdir()
        else:
            place.write_bytes(data)
    return path


def found(folder):
    return {one.student: one for one in submissions(folder, LAB, LABS)}


def everything(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


LAYOUTS = [
    {f"anna/{LAB}/{LAB}.ipynb": A, f"bo/{LAB}/{LAB}.ipynb": B},
    {f"submitted/anna/{LAB}/{LAB}.ipynb": A, f"submitted/bo/{LAB}/{LAB}.ipynb": B},
    {"anna.ipynb": A, "bo.ipynb": B},
    {f"class 7/anna_{LAB}.ipynb": A, f"class 7/{LAB}-bo.ipynb": B},
    {f"anna_12_assignsubmission_file_/{LAB}.ipynb": A, f"bo_34_assignsubmission_file_/{LAB}.ipynb": B},
    {f"anna_12_assignsubmission_file_{LAB}.ipynb": A, f"bo_34_assignsubmission_file_{LAB}.ipynb": B},
    {f"anna_LATE_12_99_{LAB}.ipynb": A, f"bo_34_98_{LAB}-1.ipynb": B},
    {f"HW 1_anna_attempt_2026-01-02-03-04-05_{LAB}.ipynb": A, "HW 1_bo_attempt_2026-01-02-03-04-06_x.ipynb": B},
    {f"HW 1/anna(a12)/Submission attachment(s)/{LAB}.ipynb": A, f"HW 1/bo(b3)/Submission attachment(s)/{LAB}.ipynb": B},
    {f"anna/{LAB}.ipynb": A, "anna/lab2_flow_matching.ipynb": B, f"bo/{LAB}.ipynb": B, "__MACOSX/._x.ipynb": A},
]


@pytest.mark.parametrize("files", LAYOUTS)
@pytest.mark.parametrize("make", [laid_out, lambda path, files: zipped(path.with_suffix(".zip"), files)])
def test_layouts_and_names_of_platforms(tmp_path, files, make):
    source = make(tmp_path / "source", files)
    assert check_in(source, tmp_path / "class", LAB, LABS) == CheckedIn(("anna", "bo"))
    assert {name: one.content for name, one in found(tmp_path / "class").items()} == {"anna": A, "bo": B}
    kept = tmp_path / "class" / "submitted"
    assert everything(kept) == [f"anna/{LAB}/{LAB}.ipynb", f"bo/{LAB}/{LAB}.ipynb"]


def test_late_is_flagged(tmp_path):
    check_in(laid_out(tmp_path / "s", LAYOUTS[6]), tmp_path / "class", LAB, LABS)
    assert [one.flags for one in found(tmp_path / "class").values()] == [("late",), ()]


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc", "_.._etc"),
        ("a/b\\c:d", "a_b_c_d"),
        ("  .hidden. ", "hidden"),
        ("x" * 300, "x" * 160),
        ("😀" * 99, "😀" * 40),
        ("tab\tline\n", "tab_line_"),
        ("Zoe\u0308", "Zoë"),
        ("\udcff", "_"),
        ("...", "unnamed"),
        ("=cmd()", "=cmd()"),
    ],
)
def test_names_are_safe_folder_names(given, safe):
    assert owner(given, LAB).name == safe


NAMELESS = [
    f"{LAB}.ipynb", f"{LAB} (1).ipynb", f"{LAB}(12).ipynb", f"{LAB}-1.ipynb", f"{LAB}_2.ipynb", f"{LAB}-Copy1.ipynb",
    f"{LAB} copy.ipynb", f"{LAB} copy 2.ipynb", f"{LAB} - Copy (2).ipynb", f"Copy of {LAB}.ipynb", "lab1.ipynb",
    f"{LAB.upper()}.IPYNB", "Lab1 (3).ipynb", "lab2_flow_matching.ipynb", "lab2_flow_matching (1).ipynb",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMELESS)
@pytest.mark.parametrize("make", [laid_out, lambda path, files: zipped(path.with_suffix(".zip"), files)])
def test_the_name_of_a_lab_is_no_student(tmp_path, name, make):
    """Not alone, not in a folder around it, not beside others, who are checked in."""
    for place in ("submissions", f"{LAB}/submissions"):
        files = {f"{place.removesuffix('submissions')}{name}": A}
        with pytest.raises(ValueError, match="expected notebooks.*found neither; left alone.*tells no student"):
            source = make(tmp_path / place.replace("/", " ") / "submissions", files)
            check_in(source, tmp_path / "class", LAB, LABS)
        assert not (tmp_path / "class").exists()
    seen = check_in(make(tmp_path / "several", {name: A, "anna.ipynb": B}), tmp_path / "class", LAB, LABS)
    assert seen == CheckedIn(("anna",), nameless=(name,))
    assert f"left alone, since the name tells no student: {name} (" in list(seen.sentences())[-1]
    assert {one.student: one.content for one in found(tmp_path / "class").values()} == {"anna": B}


def test_a_folder_with_the_name_of_a_lab_is_no_student(tmp_path):
    files = {f"{LAB}/{LAB}.ipynb": A, "lab2_flow_matching/lab2_flow_matching.ipynb": A, f"anna/{LAB}.ipynb": B}
    seen = check_in(laid_out(tmp_path / "s", files), tmp_path / "class", LAB, LABS)
    assert seen.nameless == (LAB, "lab2_flow_matching") and list(found(tmp_path / "class")) == ["anna"]


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("simulation", "simulation"),
        ("Simulation (a12)", "Simulation"),
        (f"{LAB}_20231234", "20231234"),
        (f"{LAB}-Li", "Li"),
        ("lab1_Copy Cat", "Copy Cat"),
        ("7", "7"),
    ],
)
def test_a_name_beside_the_labs_is_a_student(name, student):
    assert owner(name, LAB, LABS).name == student


def test_two_students_of_one_name_stay_two(tmp_path):
    files = {"Kim Lee_1_assignsubmission_file_/x.ipynb": A, "kim lee_2_assignsubmission_file_/x.ipynb": B}
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB)
    both = found(tmp_path / "class")
    assert {name: one.content for name, one in both.items()} == {"Kim Lee 1": A, "kim lee 2": B}
    assert all("another student has the same name" in one.flags for one in both.values())


def test_two_files_of_one_student_are_one_student(tmp_path):
    files = {
        f"anna_1_assignsubmission_file_{LAB}.ipynb": A, "anna_1_assignsubmission_file_draft.ipynb": B,
        "bo_2_assignsubmission_file_a.ipynb": A, "bo_2_assignsubmission_file_b.ipynb": B,
    }  # fmt: skip
    check_in(zipped(tmp_path / "s.zip", files), tmp_path / "class", LAB, LABS)
    both = found(tmp_path / "class")
    assert {name: one.content for name, one in both.items()} == {"anna": A, "bo": None}
    assert both["bo"].reason == "several notebooks: a.ipynb, b.ipynb"


def test_long_names_become_folders(tmp_path):
    names = [f"{'😀' * 50}_{i}_assignsubmission_file_/{'é' * 90}.ipynb" for i in range(3)]
    check_in(zipped(tmp_path / "s.zip", dict.fromkeys(names, A)), tmp_path / "class", LAB)
    assert len(found(tmp_path / "class")) == 3


def test_every_student_appears(tmp_path):
    source = laid_out(tmp_path / "s", {"anna": None, "bo/notes.txt": b"", f"cy/{LAB}": None, "di/a.ipynb": A})
    check_in(source, tmp_path / "class", LAB, LABS)
    reasons = {name: one.reason for name, one in found(tmp_path / "class").items()}
    assert reasons == {"anna": "no notebook", "bo": "no notebook, only notes.txt", "cy": "no notebook", "di": None}
    assert found(tmp_path / "class")["di"].flags == ("wrong file name: a.ipynb",)


def test_one_of_several_notebooks(tmp_path):
    laid_out(tmp_path / "submitted", {
        f"exact/{LAB}/{LAB}.ipynb": A, f"exact/{LAB}/copy.ipynb": B,
        f"alike/{LAB}/my {LAB} (1).ipynb": A, f"alike/{LAB}/scratch.ipynb": B,
        f"unclear/{LAB}/a.ipynb": A, f"unclear/{LAB}/b.ipynb": B,
        "other/lab2_flow_matching/lab2_flow_matching.ipynb": B,
    })  # fmt: skip
    all_ = found(tmp_path)
    assert [all_[name].content for name in ("exact", "alike", "unclear", "other")] == [A, A, None, None]
    assert all_["unclear"].reason == "several notebooks: a.ipynb, b.ipynb"
    assert all_["alike"].flags == (f"wrong file name: my {LAB} (1).ipynb",)


@pytest.mark.parametrize("checked_in", [True, False])
def test_links_pipes_and_giants_are_not_read(tmp_path, checked_in):
    secret = laid_out(tmp_path / "outside", {f"{LAB}/{LAB}.ipynb": b"secret"})
    source = tmp_path / ("source" if checked_in else "class/submitted")
    put(source, "good", A)
    for name in ("link", "pipe", "large"):
        put(source, name, A).unlink()
    (source / "link" / LAB / f"{LAB}.ipynb").symlink_to(secret / LAB / f"{LAB}.ipynb")
    os.mkfifo(source / "pipe" / LAB / f"{LAB}.ipynb")
    with (source / "large" / LAB / f"{LAB}.ipynb").open("wb") as file:
        file.truncate(50 << 20)
    (source / "whole").symlink_to(secret, target_is_directory=True)
    if checked_in:
        check_in(source, tmp_path / "class", LAB, LABS)
    all_ = found(tmp_path / "class")
    assert all_.pop("good").content == A
    assert all(one.content is None for one in all_.values())
    expected = {"link": "symbolic link", "pipe": "pipe", "large": "more than 20 MB", "whole": "symbolic link"}
    assert {name: text for name, text in expected.items() if text in all_[name].reason} == expected


def test_a_link_in_a_zip_is_no_notebook(tmp_path):
    link = zipfile.ZipInfo("bo.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        archive.writestr("anna.ipynb", A)
        archive.writestr(link, "/etc/passwd")
    check_in(tmp_path / "s.zip", tmp_path / "class", LAB)
    assert found(tmp_path / "class")["bo"].reason.startswith(f"{LAB}.ipynb is a symbolic link")
    assert found(tmp_path / "class")["anna"].content == A


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    archive = zipped(tmp_path / "s.zip", {"anna.ipynb": bytes(MOST_BYTES * 5), "bo.ipynb": B})
    read = []
    plain = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, n=-1: read.append(n) or plain(self, n))
    check_in(archive, tmp_path / "class", LAB)
    assert "more than 20 MB" in found(tmp_path / "class")["anna"].reason
    assert found(tmp_path / "class")["bo"].content == B
    assert all(0 < n <= MOST_BYTES + 1 for n in read)


def test_unreadable_sources(tmp_path):
    whole = zipped(tmp_path / "whole.zip", {"a.ipynb": A}).read_bytes()
    for name, data in {"not.zip": b"hello", "cut.zip": whole[:40]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name} cannot be read as a zip"):
            check_in(tmp_path / name, tmp_path / "class", LAB)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="which is empty"):
        check_in(tmp_path / "empty", tmp_path / "class", LAB)
    with pytest.raises(ValueError, match="found nothing at"):
        check_in(tmp_path / "missing", tmp_path / "class", LAB)
    with pytest.raises(ValueError, match="found neither"):
        check_in(laid_out(tmp_path / "files", {"readme.txt": b""}), tmp_path / "class", LAB)
    with pytest.raises(ValueError, match="which is missing: name their place with --from"):
        submissions(tmp_path / "class", LAB)
    assert not (tmp_path / "class").exists()


def test_handed_in_again(tmp_path):
    source, folder = tmp_path / "s", tmp_path / "class"
    put(source, "anna", A)
    put(source, "bo", A)
    check_in(source, folder, LAB)
    put(source, "anna", B)
    (source / "bo" / LAB / f"{LAB}.ipynb").unlink()
    assert check_in(source, folder, LAB) == CheckedIn(("anna", "bo"), empty=("bo",), replaced=("anna",))
    assert {name: one.content for name, one in found(folder).items()} == {"anna": B, "bo": A}
    assert found(folder)["bo"].flags == ("handed in again, but no notebook",)
    assert check_in(source, folder, LAB) == CheckedIn(("anna", "bo"), empty=("bo",))


def test_notes_that_somebody_changed_are_refused(tmp_path):
    source = laid_out(tmp_path / "s", {"bo.ipynb": A})
    check_in(source, tmp_path / "class", LAB)
    for text in ("{", "[]", '{"bo": {"flags": "late"}}', '{"bo": {"flag": []}}', '{"bo": 3}'):
        (tmp_path / "class" / "grading" / LAB / "intake.json").write_text(text)
        for again in (lambda: check_in(source, tmp_path / "class", LAB), lambda: found(tmp_path / "class")):
            with pytest.raises(ValueError, match="intake.json was changed by hand"):
                again()


def test_notes_are_private_to_the_class(tmp_path):
    check_in(laid_out(tmp_path / "s", {"bo": None}), tmp_path / "class", LAB)
    notes = json.loads((tmp_path / "class" / "grading" / LAB / "intake.json").read_text("utf-8"))
    known = {"keys": ["bo"], "numbered": False, "lasting": False, "attempt": ""}
    assert notes == {"bo": {"flags": [], "reason": "no notebook", **known}}


COPIES = {
    "beside the lab's name": ((f"{LAB}.ipynb", f"{LAB} (1).ipynb"), f"{LAB}.ipynb"),
    "in a folder below": ((f"{LAB}.ipynb", f"old/my {LAB}.ipynb"), f"{LAB}.ipynb"),
    "of higher numbers": ((f"{LAB} (2).ipynb", f"{LAB} (10).ipynb"), f"{LAB} (10).ipynb"),
}


@pytest.mark.parametrize("how", COPIES)
def test_of_several_copies_one_is_taken_and_all_are_named(how, tmp_path):
    (first, second), taken = COPIES[how]
    other = first if taken == second else second
    source = laid_out(tmp_path / "in", {f"bo/{taken}": A, f"bo/{other}": B, "anna/x.ipynb": A})
    check_in(source, tmp_path / "class", LAB, LABS)
    bo = found(tmp_path / "class")["bo"]
    assert bo.content == A and f"several notebooks of the lab: {taken} is taken, not {other.split('/')[-1]}" in bo.flags


def test_a_copy_with_the_same_bytes_and_a_notebook_of_another_name_are_no_matter(tmp_path):
    source = laid_out(tmp_path / "in", {f"bo/{LAB}.ipynb": A, f"bo/{LAB} (1).ipynb": A, "bo/notes.ipynb": B})
    check_in(source, tmp_path / "class", LAB, LABS)
    assert (found(tmp_path / "class")["bo"].content, found(tmp_path / "class")["bo"].flags) == (A, ())


def test_notebooks_of_one_name_in_several_folders_are_all_named(tmp_path):
    source = laid_out(tmp_path / "in", {f"bo/a/{LAB}.ipynb": A, f"bo/b/{LAB}.ipynb": B, "anna/x.ipynb": A})
    check_in(source, tmp_path / "class", LAB, LABS)
    assert found(tmp_path / "class")["bo"].reason == f"several notebooks: a/{LAB}.ipynb, b/{LAB}.ipynb"


USES = json.dumps(
    {"cells": [{"cell_type": "code", "source": "import torch\nfrom helpers import mean\n%run own.py"}]}
).encode()
HELPERS, DEEPER = b"from deeper import half\ndef mean(a, b): return half * (a + b)\n", b"half = 0.5\n"
BESIDE = {"helpers.py": HELPERS, "deeper.py": DEEPER, "own.py": b"", "unused.py": b"", "notes.txt": b"helpers"}
PLACES = {
    "a folder": lambda name: f"bo/{name}",
    "the lab's folder": lambda name: f"bo/{LAB}/{name}",
    "Moodle, flat": lambda name: f"bo_12_assignsubmission_file_{name}",
    "Canvas": lambda name: f"bo_34_9{len(name)}_{name}",
}


def modules(folder):
    return {path.name: path.read_bytes() for path in (folder / "submitted" / "bo" / LAB).glob("*.py")}


@pytest.mark.parametrize("how", PLACES)
def test_files_that_the_notebook_imports_come_with_it(how, tmp_path):
    files = {PLACES[how](name): data for name, data in (BESIDE | {f"{LAB}.ipynb": USES}).items()}
    source = laid_out(tmp_path / "in", files | {PLACES[how](f"{LAB}.ipynb").replace("bo", "anna", 1): A})
    check_in(source, tmp_path / "class", LAB, LABS)
    bo = found(tmp_path / "class")["bo"]
    wanted = {name: BESIDE[name] for name in ("helpers.py", "deeper.py", "own.py")}
    assert bo.content == USES and bo.modules == wanted == modules(tmp_path / "class")
    assert bo.flags == tuple(f"imports a file of its own: {name}" for name in sorted(wanted))


def test_an_outcome_holds_for_the_files_that_were_imported(tmp_path):
    known = []
    for helpers in (HELPERS, HELPERS, HELPERS + b"#", None):
        files = {f"bo/{LAB}.ipynb": USES, "anna/x.ipynb": A} | ({"bo/helpers.py": helpers} if helpers else {})
        source = laid_out(tmp_path / f"in {len(known)}", files)
        replaced = check_in(source, tmp_path / "class", LAB, LABS).replaced
        known.append((found(tmp_path / "class")["bo"].digest, "bo" in replaced))
    (first, _), (same, again), (other, changed), (alone, gone) = known
    assert first == same and not again and changed and gone and len({first, other, alone}) == 3
    assert modules(tmp_path / "class") == {}


ODD = {
    "large.py": (b"#" * 200_001, "20 files or 200 kB"),
    "own-2.py": (b"", "no name that can be imported"),
    "é.py": (b"", "no name that can be imported"),
}


@pytest.mark.parametrize("name", ODD)
def test_a_file_that_is_not_taken_is_named(name, tmp_path):
    data, why = ODD[name]
    uses = json.dumps({"cells": [], "x": f"import {name.removesuffix('.py')}"}, ensure_ascii=False).encode()
    source = laid_out(tmp_path / "in", {f"bo/{LAB}.ipynb": uses, f"bo/{name}": data, "anna/x.ipynb": A})
    check_in(source, tmp_path / "class", LAB, LABS)
    bo = found(tmp_path / "class")["bo"]
    assert bo.modules == {} and any(flag.startswith(f"left out: {name} ") and why in flag for flag in bo.flags)


def test_links_and_many_files_are_not_taken(tmp_path):
    names = [f"m{i}" for i in range(30)]
    uses = json.dumps({"cells": [], "x": "import secret\n" + "\n".join(f"import {name}" for name in names)}).encode()
    files = {f"bo/{LAB}.ipynb": uses, "anna/x.ipynb": A} | {f"bo/{name}.py": b"" for name in names}
    source = laid_out(tmp_path / "in", files)
    (source / "bo" / "secret.py").symlink_to("/etc/passwd")
    check_in(source, tmp_path / "class", LAB, LABS)
    bo = found(tmp_path / "class")["bo"]
    assert len(bo.modules) == 20 and "secret.py" not in bo.modules
    assert any("secret.py is a symbolic link" in flag for flag in bo.flags)
