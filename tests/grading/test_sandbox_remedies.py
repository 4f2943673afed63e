"""A sandbox that cannot be started names its cause, and what helps."""

import re

import pytest

from course_grading.sandbox.remedies import remedy

UID_MAP = "bwrap: setting up uid map: Permission denied"
LOOPBACK = "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted"
NAMESPACE = "bwrap: No permissions to create new namespace, likely because the kernel does not allow it"


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor.*Ubuntu.*profile.*docs/instructors.md"),
        ("kernel/unprivileged_userns_clone", "0", "`sudo sysctl kernel.unprivileged_userns_clone=1`"),
        ("user/max_user_namespaces", "0", "`sudo sysctl user.max_user_namespaces=10000`"),
    ],
)
@pytest.mark.parametrize("said", [UID_MAP, LOOPBACK, NAMESPACE])
def test_what_forbids_namespaces_is_named_and_nobody_is_told_to_install_what_is_there(
    tmp_path, said, setting, value, words
):
    file = tmp_path / setting
    file.parent.mkdir(parents=True)
    file.write_text(f"{value}\n")
    found = remedy(said, root=False, settings=tmp_path)
    assert re.search(words, found) and "apt install" not in found
    file.write_text("2\n")
    for root in (True, False):
        assert "container" in remedy(said, root=root, settings=tmp_path)
    assert "container" in remedy(said, root=True, settings=tmp_path / "nowhere")


def test_other_words_say_what_grading_needs(tmp_path):
    assert "apt install bubblewrap" in remedy("bwrap: execvp python: No such file", root=False, settings=tmp_path)
