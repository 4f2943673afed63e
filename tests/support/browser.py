"""JupyterLab and a real browser for `test_browser`: start the server, open a notebook, run it, look at it."""

import contextlib
import io
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "no Chromium found, which these tests need: sudo apt-get install chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
    "notebook-extension/tracker": '{"windowingMode": "none"}',  # every cell in the page, not only those in view
    "docmanager-extension/plugin": '{"autosave": false}',
}

KERNEL_READY = """() => {
    const bar = document.querySelector(".jp-NotebookPanel-toolbar");
    const name = bar?.querySelector(".jp-Toolbar-kernelName")?.textContent;
    const state = bar?.querySelector(".jp-Notebook-ExecutionIndicator")?.dataset.status;
    return name && name !== "No Kernel" && state === "idle";
}"""  # before there is a kernel the indicator says idle, too
STARTED = """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].some(
    prompt => /\\[(\\d+|\\*)\\]:/.test(prompt.textContent))"""
ALL_RUN = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
    const texts = prompts.filter(prompt => !prompt.closest(".jp-Placeholder")).map(prompt => prompt.textContent);
    const stopped = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
    return texts.length && (stopped || texts.every(text => /\\[\\d+\\]:/.test(text)));
}"""  # a folded cell has a prompt without a number


def chromium() -> str | None:
    """Path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextlib.contextmanager
def started():
    """A running Chromium that is told to stay off the network."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        raise FileNotFoundError(MISSING)
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, args=OPTIONS)
        yield running
        running.close()


def violations(page, context=None) -> dict[str, list[str]]:
    """What axe finds wrong, by rule: the first elements. The colours of templates do not count."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=context).response["violations"]
    rules = {rule["id"]: [node["html"][:200] for node in rule["nodes"]][:3] for rule in found}
    rules.pop("color-contrast", None)
    return rules


def plays(page, player) -> None:
    """The player goes from the last frame to the first and on when told to, and stands still again."""
    last = player.evaluate("figure => figure.querySelector('img').src")
    player.get_by_role("button", name="Play").click()
    moved = """([figure, last]) => figure.querySelector("img").src !== last
        && !figure.querySelector("output").textContent.startsWith("1 of ")"""
    page.wait_for_function(moved, arg=[player.element_handle(), last], timeout=10_000)
    player.get_by_role("button", name="Pause").click()
    assert player.get_by_role("button", name="Play").count() == 1


def darkness(page, handle, half: int = 4) -> float:
    """Share of black in the middle of an element, as the browser shows it."""
    box = handle.bounding_box()
    left, top = box["x"] + box["width"] / 2 - half, box["y"] + box["height"] / 2 - half
    shot = page.screenshot(clip={"x": left, "y": top, "width": 2 * half, "height": 2 * half})
    return (np.asarray(Image.open(io.BytesIO(shot)).convert("L")) < 60).mean()


@contextlib.contextmanager
def jupyterlab(folder: Path, scratch: Path):
    """JupyterLab on `folder`; yields the address of a notebook as a function of its path in there."""
    for name, text in SETTINGS.items():
        file = scratch / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    places = {
        "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
        "JUPYTER_RUNTIME_DIR": str(scratch / "runtime"),
    }
    course = {"COURSE_BUDGET": "small", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    python = os.environ.get("COURSE_PYTHON", sys.executable)  # benchmarks run in an environment of their own
    command = [
        python, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}",
    ]  # fmt: skip
    with (scratch / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=os.environ | places | course, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait(f"http://127.0.0.1:{port}/api/status?token={token}", server, scratch / "server.log")
            yield lambda path: f"http://127.0.0.1:{port}/lab/tree/{path}?token={token}&reset"
        finally:
            server.terminate()
            server.wait(30)


def _wait(address: str, server: subprocess.Popen, log: Path, seconds: float = 120) -> None:
    end = time.time() + seconds
    while True:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError as error:
            if server.poll() is not None or time.time() > end:
                raise RuntimeError(f"JupyterLab did not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.3)


def open_and_run(page, address: str, minutes: float = 8) -> None:
    """Open a notebook and run all of its cells by the menu; returns when the last has run, or one has stopped."""
    page.goto(address)
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=90_000)
    page.wait_for_function(KERNEL_READY, timeout=90_000)
    _run_all(page)
    page.wait_for_function(ALL_RUN, timeout=minutes * 60_000)


def _run_all(page, tries: int = 3) -> None:
    """Choose Run All Cells; again if no cell has begun after 20 s, since a menu that is not ready yet does nothing."""
    from playwright.sync_api import TimeoutError

    for left in reversed(range(tries)):
        page.click("#jp-MainMenu >> text=Run")
        page.click(".lm-Menu-item:not(.lm-mod-disabled) >> text=/^Run All Cells$/")
        try:
            return page.wait_for_function(STARTED, timeout=20_000)
        except TimeoutError:
            if not left:
                raise
            page.keyboard.press("Escape")  # a menu that is still open would be closed by the next click


def errors(page) -> list[str]:
    """The errors that stand below cells."""
    found = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
    return [found.nth(i).inner_text() for i in range(found.count())]


def cell_with(page, text: str):
    """The first code cell whose source holds a text."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=text)).first


def replace_source(page, cell, source: str) -> None:
    """Type another source into a cell and run it."""
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")
