"""What the benchmarks of hosting share: models made by script, the client, the server and its memory."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import numpy
import onnx
from onnx import TensorProto, helper

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "Tests/BlackBox"))

import server as kit  # noqa: E402

INPUTS, OUTPUTS = 16, 4
RECORD = numpy.dtype([("began", "u8"), ("latency", "u4"), ("model", "u4"), ("distance", "u4"), ("status", "u2"),
                      ("slice", "u2")])
NEVER = 0xFFFFFFFF
ROW = b",".join(b"%.2f" % (0.25 * i - 1.5) for i in range(INPUTS)) + b"\n"


def model(number, hidden, random):
    """An MLP of one hidden layer whose first output is its own number, so that a client sees which one answered."""
    first = random.standard_normal((INPUTS, hidden), dtype=numpy.float32)
    second = random.standard_normal((hidden, OUTPUTS), dtype=numpy.float32)
    second[:, 0] = 0
    bias = random.standard_normal(OUTPUTS, dtype=numpy.float32)
    bias[0] = number

    def tensor(name, array):
        return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.tobytes(), raw=True)

    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w1"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
         helper.make_node("Gemm", ["b", "w2", "bias"], ["y"])],
        f"m{number}", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", OUTPUTS])],
        [tensor("w1", first), tensor("w2", second), tensor("bias", bias)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def make_models(folder, count, smallest=20_000, largest=200_000, seed=1):
    """`count` models m00000.onnx and so on, of sizes whose logarithms are even; those that are there stay."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"m{number:05}.onnx"
        if path.exists():
            continue
        random = numpy.random.default_rng([seed, number])
        size = smallest * (largest / smallest) ** random.random()
        data = model(number, max(1, int(size / 4 / (INPUTS + OUTPUTS))), random)
        partial = path.with_suffix(".partial")
        partial.write_bytes(data)
        partial.rename(path)
    return folder


def client(folder):
    """The client's program, built if it is not there."""
    program = pathlib.Path(folder, "load")
    source = HERE / "load.c"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-o", str(program), str(source), "-lm"], check=True)
    return str(program)


class Client:
    """A run of the client in the background."""

    def __init__(self, build, out, slices, *, zipf=1.0, models=1, connections=64, cycles=1, seed=1, row=ROW):
        self.out = out
        body = pathlib.Path(out + ".row")
        body.write_bytes(row)
        words = [client(build), out, str(body), str(seed), str(zipf), str(models), str(connections), str(cycles)]
        self.process = subprocess.Popen(words + slices, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def running(self):
        return self.process.poll() is None

    def wait(self):
        said, _ = self.process.communicate("" if self.process.poll() is None else None)
        if self.process.returncode != 0:
            raise RuntimeError(f"the client ended with {self.process.returncode}: {said}")
        self.said = said.strip()
        records = numpy.fromfile(self.out, RECORD)
        os.unlink(self.out)
        return records

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def memory_of(pid, folders):
    """Anonymous bytes of a process, and the resident bytes of the files below `folders` that it has mapped, by path.

    Pages of the program itself are left out: other processes run it, too.
    """
    anonymous, mapped = 0, {}
    path = None
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Anonymous:"):
                anonymous = int(line.split()[1]) * 1024
    with open(f"/proc/{pid}/maps") as maps:
        has_files = any(folder in line for line in maps for folder in folders)
    if has_files:
        with open(f"/proc/{pid}/smaps") as smaps:
            for line in smaps:
                head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)", line)
                if head:
                    path = head[1] if any(head[1].startswith(folder) for folder in folders) else None
                elif path and line.startswith("Rss:"):
                    mapped[path] = mapped.get(path, 0) + int(line.split()[1]) * 1024
    return anonymous, mapped


class MemoryWatch:
    """Samples what the workers have resident until it is stopped: (time, private, shared) in bytes."""

    def __init__(self, server, folders, pause=0.25):
        self.server, self.folders, self.pause = server, [str(f) for f in folders], pause
        self.samples, self.stopped = [], threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.workers = server.workers
        self.thread.start()

    def sample(self):
        private, shared = 0, {}
        for pid in self.workers:
            try:
                anonymous, mapped = memory_of(pid, self.folders)
            except (OSError, ProcessLookupError):
                self.workers = self.server.workers
                return None
            private += anonymous
            for path, size in mapped.items():
                shared[path] = max(shared.get(path, 0), size)
        return time.time(), private, sum(shared.values())

    def run(self):
        while not self.stopped.wait(self.pause):
            sample = self.sample()
            if sample:
                self.samples.append(sample)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return numpy.array(self.samples)


def metrics(server):
    """The samples of /metrics without labels, and the sums of those with."""
    status, _, body = server.get("/metrics")
    if status != 200:
        raise RuntimeError(f"/metrics answers {status}: {body[:300]}")
    found = {}
    for line in body.decode().splitlines():
        if line and line[0] != "#":
            name, value = line.rsplit(" ", 1)
            name = name.split("{")[0]
            found[name] = found.get(name, 0) + float(value)
    return found


def milliseconds(values, percent):
    return float(numpy.percentile(values, percent)) / 1000 if len(values) else float("nan")


def cpu_seconds(server):
    """Processor time of the server's processes so far, by what they are."""
    ticks = os.sysconf("SC_CLK_TCK")
    out = {}
    for pid in [server.process.pid] + server.family():
        try:
            name = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].split(b":")[0].decode()
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        name = "supervisor" if pid == server.process.pid else os.path.basename(name)
        out[name] = out.get(name, 0) + (int(fields[11]) + int(fields[12])) / ticks
    return out
