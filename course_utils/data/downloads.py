"""The files of MNIST: from a folder, the cache or a mirror, checked on every load."""

import gzip
import hashlib
import io
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path

from course_utils.storage import folder_from, replace_file

__all__ = ["FILES", "MIRRORS", "mnist_files"]

FILES = {  # SHA-256 of the decompressed bytes
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FIRST_BYTE, STALL, TOTAL = 4.0, 10.0, 120.0  # seconds a file may take: to its first byte, between bytes, in all
LIMIT = 64 * 2**20  # bytes; no file is larger


def mnist_files() -> tuple[dict[str, bytes], str]:
    """The checked contents of the four files of MNIST by their names, and where they were, in words.

    Raises:
        ValueError: If a file in `COURSE_DATA` is missing or broken.
        ConnectionError: If they are neither in the cache nor to be had from a mirror.
    """
    import pooch

    given = folder_from("COURSE_DATA")
    if given:
        return {name: _read(given, name) for name in FILES}, "the COURSE_DATA folder"
    cache = folder_from("COURSE_CACHE") or Path(pooch.os_cache("course_utils"))
    return _fetch(cache / "mnist"), "the download cache"


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
    contents: dict[str, bytes] = {}
    problems = []
    for name in FILES:
        with suppress(ValueError):
            contents[name] = _read(folder, name)
    for mirror in MIRRORS:
        for name in [name for name in FILES if name not in contents]:
            try:
                contents[name] = _checked(name, _download(f"{mirror}{name}.gz"))
                _store(folder / name, contents[name])
            except (ValueError, OSError) as error:
                problems.append(f"{mirror}: {error}")
                if isinstance(error, OSError):  # refused or silent: leave this mirror
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
    """Put a whole file in the cache; a cache that cannot be written to costs a download, nothing else."""
    try:
        replace_file(path, lambda temporary: temporary.write_bytes(content))
        for left in path.parent.glob("*.part"):  # by a process that was killed while it wrote
            with suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > 3600:
                    left.unlink()
    except OSError as error:
        print(f"{path} could not be written ({error}): it will be downloaded again next time")
