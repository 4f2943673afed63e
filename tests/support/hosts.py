"""Hosts that are network namespaces of this machine, on a switch of their own. Linux, as root.

What runs on a host has the host's address and no other network; the switch is a namespace, too, so that nothing of this
machine's own network is touched. A cable can be pulled and put back.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NETWORK = "10.77.0"


def can_be_made() -> bool:
    """Whether this machine lets us."""
    return os.name == "posix" and os.geteuid() == 0 and all(map(shutil.which, ("ip", "nsenter")))


@dataclass(frozen=True)
class Host:
    """One of them.

    Attributes:
        name: Of its namespace.
        address: Its address.
        cable: The switch's end of its cable.
        switch: Namespace of the switch.
    """

    name: str
    address: str
    cable: str
    switch: str

    def start(self, *command: object, **options) -> subprocess.Popen:
        """Start a program on it; options are those of `subprocess.Popen`."""
        inside = ["nsenter", f"--net=/run/netns/{self.name}", "--"]
        return subprocess.Popen([*inside, *map(str, command)], **options)

    def cut(self) -> None:
        """Pull its cable."""
        _ip("-n", self.switch, "link", "set", self.cable, "down")

    def mend(self) -> None:
        """Put its cable back."""
        _ip("-n", self.switch, "link", "set", self.cable, "up")


@contextlib.contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts that reach each other; they are gone at the end, and nothing that runs there has a network then."""
    mark = f"course{os.getpid()}"
    switch = f"{mark}-switch"
    made = [Host(f"{mark}-{i}", f"{NETWORK}.{i}", f"port{i}", switch) for i in range(1, count + 1)]
    try:
        _ip("netns", "add", switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        for host in made:
            _plug_in(host)
        yield made
    finally:
        for name in (*(host.name for host in made), switch):
            if Path("/run/netns", name).exists():
                _ip("netns", "delete", name)


def _plug_in(host: Host) -> None:
    """Make a host, and a cable from it to the switch."""
    _ip("netns", "add", host.name)
    _ip("-n", host.switch, "link", "add", host.cable, "type", "veth", "peer", "name", "eth0", "netns", host.name)
    _ip("-n", host.switch, "link", "set", host.cable, "master", "bridge", "up")
    _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
    for device in ("lo", "eth0"):
        _ip("-n", host.name, "link", "set", device, "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
