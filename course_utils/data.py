"""Real data: the handwritten digits of MNIST, checked on every load, and mini-batches.

Environment variables: `COURSE_DATA` names a folder that already holds the four MNIST files (.gz or decompressed; read
in place, never written to); `COURSE_CACHE` a folder in whose `mnist` downloads are kept (default: the user's cache).
"""

import gzip
import hashlib
import io
import itertools
import math
import os
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor

FILES = {  # SHA-256 of the decompressed bytes
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FIRST_BYTE, STALL, TOTAL = 4.0, 10.0, 120.0  # seconds a file may take: to its first byte, between bytes, in all
LIMIT = 64 * 2**20  # bytes; no file is larger
FIVE_THOUSAND = Path(__file__).parent / "assets" / "mnist_5000.png"
"""Digits that need no network: one a row, row i shows i mod 10."""


@dataclass(frozen=True)
class Digits:
    """Handwritten digits.

    Attributes:
        images: Pixels in [-1, 1] (x / 127.5 - 1: background -1, ink 1), float32, shape (n, 1, 28, 28).
        labels: The digits written, 0 to 9, int64, shape (n,).
        source: Which data this is, in words.
    """

    images: Float[Tensor, "n 1 28 28"]
    labels: Int[Tensor, " n"]
    source: str

    def __len__(self) -> int:
        return len(self.labels)


def mnist(split: str = "train", source: str = "auto") -> Digits:
    """MNIST, pixels mapped to [-1, 1].

    The offline digits are the first 500 of each class of MNIST's training set: 450 of each are "train", 50 "test", and
    the classes take turns (0, 1, ..., 9, 0, ...). What was trained on the full training set has seen them all: never
    test it on the offline ones.

    Args:
        split: "train" (full 60,000, offline 4,500) or "test" (full 10,000, offline 500).
        source: "full": all of MNIST, from `COURSE_DATA`, the cache or a mirror. "offline": the 5,000 real digits that
            come with the course. "auto": full where all four files can be had, else offline; one printed line says
            which. Without a network that takes at most `FIRST_BYTE` seconds a mirror, 8 in all; a mirror that sends,
            but not a whole file in `TOTAL` seconds, is left too.

    Raises:
        ValueError: If `split` or `source` is unknown, or a file in `COURSE_DATA` is missing or broken.
        ConnectionError: If "full" is neither in the cache nor to be had from a mirror.

    Source: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
    """
    if split not in ("train", "test"):
        raise ValueError(f'expected split "train" or "test", got {split!r}')
    if source not in ("auto", "full", "offline"):
        raise ValueError(f'expected source "auto", "full" or "offline", got {source!r}')
    if source == "offline":
        return _offline(split)
    try:
        digits, other = _full(split), 'source="offline" gives the 5,000 digits that need no network'
    except ConnectionError:
        if source == "full":
            raise
        other = "no mirror could be used; for all 70,000 go online, or set COURSE_DATA to a folder with the four files"
        digits = _offline(split)
    if source == "auto":
        print(f"MNIST: {digits.source} ({other})")
    return digits


def batches(
    *data: Shaped[Tensor, "_ ..."],
    batch_size: int,
    generator: torch.Generator | None = None,
    steps: int | None = None,
) -> Iterator[tuple[Tensor, ...]]:
    """Shuffled mini-batches `(z,)` or `(z, y)`, reshuffled each epoch, without end unless `steps` is given.

    Every batch is full: the rows left over at the end of an epoch are skipped in that epoch.

    Args:
        data: Tensors of equal length, shapes (n, ...).
        batch_size: Rows of a batch, 1 to n.
        generator: Source of the shuffling, for reproducible batches.
        steps: Number of batches.

    Raises:
        ValueError: If there is no data, lengths differ, `batch_size` is outside 1 to n, or `steps` is negative.
    """
    sizes = {len(item) for item in data}
    if len(sizes) != 1 or sizes == {0}:
        raise ValueError(f"expected tensors of one length above 0, got lengths {[len(item) for item in data]}")
    (n,) = sizes
    if not 1 <= batch_size <= n:
        raise ValueError(f"expected a batch_size from 1 to {n}, the number of rows, got {batch_size}")
    if steps is not None and steps < 0:
        raise ValueError(f"expected steps of 0 or more, or None, got {steps}")
    device = generator.device if generator else None

    def epochs():
        while True:
            order = torch.randperm(n, generator=generator, device=device)
            for rows in order.split(batch_size)[: n // batch_size]:
                yield tuple(item[rows.to(item.device)] for item in data)

    return itertools.islice(epochs(), steps)


def parse_idx(content: bytes, ndim: int) -> np.ndarray:
    """The array of unsigned bytes in an IDX file: magic number 0x800 + ndim, the big-endian dimensions, the values.

    Raises:
        ValueError: If the magic number is another, or the number of values is not what the dimensions say.
    """
    start = 4 * (1 + ndim)
    magic, *shape = np.frombuffer(content[:start].ljust(start, b"\xff"), ">u4").tolist()
    if magic != 0x800 + ndim:
        raise ValueError(f"expected an IDX file of {ndim}-dimensional bytes (magic {0x800 + ndim:#x}), got {magic:#x}")
    values = np.frombuffer(content, np.uint8)[start:]
    if values.size != math.prod(shape):
        raise ValueError(f"expected {shape} values in an IDX file, as its header says, got {values.size}")
    return values.reshape(shape)


def _digits(pixels: UInt8[np.ndarray, "n 28 28"], labels: Shaped[np.ndarray, " m"], source: str) -> Digits:
    if len(pixels) != len(labels):
        raise ValueError(f"expected as many labels as images, got {len(labels)} and {len(pixels)}")
    images = torch.from_numpy(pixels.astype(np.float32)).unsqueeze(1).div_(127.5).sub_(1)
    return Digits(images, torch.from_numpy(labels.astype(np.int64)), source)


@cache
def _five_thousand() -> tuple[np.ndarray, np.ndarray]:
    from PIL import Image

    pixels = np.asarray(Image.open(FIVE_THOUSAND)).reshape(-1, 28, 28)
    return pixels, np.arange(len(pixels)) % 10


def _offline(split: str) -> Digits:
    rows = slice(4500) if split == "train" else slice(4500, None)
    pixels, labels = (array[rows] for array in _five_thousand())
    return _digits(pixels, labels, f"offline {split} split, {len(labels):,} of the 5,000 real digits of the course")


def _full(split: str) -> Digits:
    import pooch

    if folder := os.environ.get("COURSE_DATA"):
        contents, origin = {name: _read(Path(folder), name) for name in FILES}, "the COURSE_DATA folder"
    else:
        folder = Path(os.environ.get("COURSE_CACHE") or pooch.os_cache("course_utils"))
        contents, origin = _fetch(folder / "mnist"), "the download cache"
    prefix = "train" if split == "train" else "t10k"
    pixels = parse_idx(contents[f"{prefix}-images-idx3-ubyte"], 3)
    labels = parse_idx(contents[f"{prefix}-labels-idx1-ubyte"], 1)
    return _digits(pixels, labels, f"full {split} set, {len(labels):,} digits from {origin}")


def _read(folder: Path, name: str) -> bytes:
    """Checked content of a file of `folder`, stored as it is or as .gz; ValueError if none is good."""
    problem = f"expected {name} or {name}.gz in {folder}, found neither"
    for path in (folder / name, folder / f"{name}.gz"):
        try:
            return _checked(name, path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            problem = f"{path} is broken: {error}"
    raise ValueError(problem)


def _checked(name: str, content: bytes) -> bytes:
    """`content`, decompressed if need be, whose SHA-256 is the known one; else ValueError."""
    try:
        if content.startswith(b"\x1f\x8b"):
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(LIMIT)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"expected {name} as a whole gzip file, got a damaged one ({error})") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != FILES[name]:
        raise ValueError(f"expected {name} with SHA-256 {FILES[name]}, decompressed, got {digest}")
    return content


def _fetch(folder: Path) -> dict[str, bytes]:
    """All files, from the cache where whole, else from the mirrors in turn; only checked bytes reach the disk."""
    contents, problems = {}, []
    for name in FILES:
        with suppress(ValueError):
            contents[name] = _read(folder, name)
    for mirror in MIRRORS:
        for name in [name for name in FILES if name not in contents]:
            try:
                contents[name] = _checked(name, _download(f"{mirror}{name}.gz"))
                _store(folder / name, contents[name])
            except ValueError as error:
                problems.append(f"{mirror}: {error}")
            except OSError as error:  # refused or silent: leave this mirror
                problems.append(f"{mirror}: {error}")
                break
    if len(contents) < len(FILES):
        remedy = 'Set COURSE_DATA to a folder that holds the four files, or use source="offline".'
        raise ConnectionError("\n".join(["the full MNIST could not be fetched.", *problems, remedy]))
    return contents


def _download(url: str) -> bytes:
    """The bytes at `url`; a thread works, so that a name server or mirror that stalls cannot hold up the caller."""
    failures = []
    with io.BytesIO() as buffer:  # closed on the way out, which ends a thread that still runs

        def work():
            try:
                _stream(url, buffer)
            except Exception as error:
                failures.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(FIRST_BYTE)
        if thread.is_alive() and buffer.tell():
            thread.join(TOTAL - FIRST_BYTE)
        if thread.is_alive():
            raise TimeoutError(f"{url} stalled after {buffer.tell():,} bytes")
        if failures:
            raise failures[0]
        return buffer.getvalue()


def _stream(url: str, buffer: io.BytesIO) -> None:
    import requests
    from tqdm import tqdm

    with requests.get(url, stream=True, timeout=(FIRST_BYTE, STALL)) as response:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(desc=url.rsplit("/", 1)[1], total=size, unit="B", unit_scale=True, leave=False) as bar:
            for chunk in response.iter_content(2**14):
                bar.update(buffer.write(chunk))
                if buffer.tell() > LIMIT:
                    raise ValueError(f"{url} sends more than {LIMIT:,} bytes")


def _store(path: Path, content: bytes) -> None:
    """Put a whole file in the cache in one move; a cache that cannot be written to costs a download, nothing else."""
    temporary = path.with_name(f"{path.name}.{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob("*.part"):  # by a process that was killed while it wrote
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > 3600:
                    left.unlink()
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        print(f"{path} could not be written ({error}): it will be downloaded again next time")
    finally:
        with suppress(OSError):
            temporary.unlink()
