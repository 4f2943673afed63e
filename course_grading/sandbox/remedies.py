"""Why a system refuses the sandbox, and what to do about it."""

from pathlib import Path

SETTINGS = Path("/proc/sys")

INSTALL = (
    "Grading runs strangers' code in bubblewrap, which needs Linux: install it (`apt install bubblewrap`, "
    "`dnf install bubblewrap`), or grade in a Linux machine or container that may create namespaces. `--unsafe` runs "
    "submissions with all your rights."
)
APPARMOR = (
    "bubblewrap is installed, but AppArmor keeps ordinary users' programs from making namespaces, as Ubuntu does from "
    "23.10 on: give bwrap a profile that allows it (the instructors' guide has it in full, in `docs/instructors.md`), "
    "grade as root, or allow it to all programs: `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
)
FORBIDDEN = (
    "bubblewrap is installed, but this system keeps ordinary users from making namespaces: grade as root, or allow it: "
    "`sudo sysctl {}`."
)
CONTAINER = (
    "bubblewrap is installed, but may not make namespaces here, as in most containers: grade outside of it, or start "
    "it with `--security-opt seccomp=unconfined --security-opt systempaths=unconfined --cap-add SYS_ADMIN`."
)
REFUSALS = ("permission", "not permitted", "namespace")
"""Words of bubblewrap, in any case, where the kernel refuses what it needs."""

SWITCHES = {
    "kernel/apparmor_restrict_unprivileged_userns": ("1", APPARMOR),
    "kernel/unprivileged_userns_clone": ("0", FORBIDDEN.format("kernel.unprivileged_userns_clone=1")),
    "user/max_user_namespaces": ("0", FORBIDDEN.format("user.max_user_namespaces=10000")),
}
"""Settings of kernels that forbid namespaces: the value that does, and what to do."""


def remedy(said: str, root: bool, settings: Path = SETTINGS) -> str:
    """What to do where bubblewrap is installed and does not run.

    Args:
        said: Its last words.
        root: Whether root has started it, to whom the settings for ordinary users say nothing.
        settings: Where the kernel shows its settings.
    """
    if not any(word in said.lower() for word in REFUSALS):
        return INSTALL
    for name, (forbids, words) in SWITCHES.items():
        if not root and _value(settings / name) == forbids:
            return words
    return CONTAINER


def _value(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
