"""What a student may honestly do in a cell of one's own; each of it prints "here"."""

THREADS = """
import threading
from concurrent.futures import ThreadPoolExecutor
thread = threading.Thread(target=print, args=("he",), kwargs={"end": ""})
thread.start()
thread.join()
print(*ThreadPoolExecutor(2).map(str, ["re"]))
"""

PROCESSES = """
import multiprocessing
with multiprocessing.Pool(2) as pool:
    print(*pool.map(str, ["here"]))
"""

WORKERS = """
from torch.utils.data import DataLoader
for batch in DataLoader(["here"], num_workers=1):
    print(*batch)
"""

PROGRAMS = """
import os, subprocess
done = subprocess.run(["echo", "her"], capture_output=True, text=True)
print(done.stdout.strip() + os.popen("echo h | sed s/h/e/").read())
"""

FORK = """
import os
read, write = os.pipe()
if os.fork() == 0:
    os.write(write, b"here")
    os._exit(0)
os.wait()
print(os.read(read, 9).decode())
"""

FIGURES = """
import matplotlib.pyplot as plt
plt.plot([1, 2])
for kind in ("png", "pdf", "svg"):
    plt.savefig(f"/tmp/figure.{kind}")
plt.close()
print("here")
"""

ARRAYS = """
import numpy, scipy.linalg
numpy.savez("/tmp/a.npz", a=scipy.linalg.expm(numpy.random.rand(99, 99)))
numpy.memmap("/tmp/m", mode="w+", shape=(9,)).flush()
print("here" * len(numpy.load("/tmp/a.npz").files))
"""

TENSORS = """
import torch
torch.save(torch.rand(9, 9) @ torch.rand(9), "/tmp/t")
x = torch.load("/tmp/t").share_memory_()
print("here" * x.ndim)
"""

FILES = """
import pathlib, shutil, tempfile
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "a").write_text("here")
(folder / "a").chmod(0o600)
shutil.copytree(folder, f"{folder}-2")
(folder / "a").rename(folder / "b")
(folder / "c").symlink_to(folder / "b")
print((folder / "c").read_text())
shutil.rmtree(folder)
"""

DATABASE = """
import sqlite3
base = sqlite3.connect("/tmp/base")
base.execute("create table t (a)")
base.commit()
base.close()
print("here")
"""

ASYNCHRONOUS = """
import asyncio
async def later():
    program = await asyncio.create_subprocess_exec("true")
    await program.wait()
    await asyncio.sleep(0.01)
    print("here")
await later()
"""

LOCAL_SOCKET = """
import socket
ours, theirs = socket.socketpair()
ours.send(b"here")
print(theirs.recv(9).decode())
"""

MAGIC = """
%matplotlib inline
%timeit -n 1 -r 1 -q 1 + 1
print("here")
"""

HONEST = {name.lower(): source for name, source in list(globals().items()) if name.isupper()}
