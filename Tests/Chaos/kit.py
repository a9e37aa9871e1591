"""What the scenarios share: models whose answers tell which generation they are, ways to spoil an artifact, an S3 server, a
proxy that misbehaves on demand, clients that remember what went wrong, and checks of a cache folder.

The program under test is what Tests/BlackBox/server.py finds (SERVE_UNDER_TEST names it). The S3 server is moto: of this
Python, or of the one that CHAOS_MOTO_PYTHON names.
"""

import contextlib
import gzip
import hashlib
import http.client
import importlib.util
import io
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import traceback
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "BlackBox"))

import server as blackbox  # noqa: E402
from server import alive, free_port, wait_until  # noqa: E402,F401

import numpy  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

FRONTS = ["direct"] + (["nginx"] if blackbox.HAS_NGINX else [])
BODY = b"0\n"


class Skipped(Exception):
    """A scenario, or a part of one, that this machine cannot run."""


class Failed(AssertionError):
    """A promise that was broken."""


class Options:
    """How long a scenario runs, and from which seed."""

    def __init__(self, smoke=False, minutes=None, seed=None):
        self.smoke = smoke
        self.minutes = minutes
        self.seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)

    def random(self, *more):
        return random.Random(repr((self.seed, *more)))

    def pick(self, smoke, full):
        return smoke if self.smoke else full


def say(*words):
    print(f"  {time.strftime('%H:%M:%S')}", *words, flush=True)


def check(condition, *what):
    if not condition:
        raise Failed(" ".join(str(w) for w in what)[:6000])


def every(parts):
    """Runs all parts, each a name and a function, and then tells which failed."""
    failed = []
    for name, part in parts:
        try:
            part()
        except Skipped as reason:
            say(f"SKIPPED {name}: {reason}")
        except Exception as error:  # noqa: BLE001
            if not isinstance(error, Failed):
                traceback.print_exc()
            say(f"FAILED {name}: {error}")
            failed.append(f"{name}: {str(error).splitlines()[0] if str(error) else repr(error)}")
    check(not failed, "; ".join(failed))


@contextlib.contextmanager
def scratch():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="swchaos"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- models ----------------------------------------------------------------------------------------------------------


def onnx_model(number, *, name="x", kind=TensorProto.FLOAT, weights=0, op="Add"):
    """A model that answers `x + number`. `weights` floats go along that have no effect on the answer for 0."""
    constant = numpy_helper.from_array(numpy.array([number], dtype=helper.tensor_dtype_to_np_dtype(kind)), "c")
    nodes, initializers, last = [], [constant], name
    if weights:
        # Zeros at the end, so that the answer for 0 stays the constant.
        width = max(1, weights // 300)
        rows = numpy.random.default_rng(number).random((300, width), dtype=numpy.float32)
        for key, value in ("a", numpy.ones((1, 300), numpy.float32)), ("w", rows), ("v", numpy.zeros((width, 1), numpy.float32)):
            initializers.append(numpy_helper.from_array(value, key))
        for left, right, out in (name, "a", "g"), ("g", "w", "h"), ("h", "v", "s"):
            nodes.append(helper.make_node("MatMul", [left, right], [out]))
        last = "s"
    nodes.append(helper.make_node(op, [last, "c"], ["y"]))
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(name, kind, ["n", 1])],
        [helper.make_tensor_value_info("y", kind, ["n", 1])], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return model.SerializeToString()


def number_of(body):
    """The number in a CSV answer."""
    return int(float(body.strip().splitlines()[-1]))


def tar_gz(files, extra=()):
    """An archive of `files` (name to bytes) and of `extra` TarInfos."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for info in extra:
            archive.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), 1)


def artifact(number, *, padding=0, weights=0, seed=0):
    """A whole `model.tar.gz` of the generation `number`."""
    files = {"model.onnx": onnx_model(number, weights=weights)}
    if padding:
        files["notes.bin"] = random.Random(repr((seed, number))).randbytes(padding)
    return tar_gz(files)


def _info(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    if kind in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        info.devmajor, info.devminor = 1, 3
    return info


def truncated(number, rng):
    whole = artifact(number, padding=20_000)
    return whole[: rng.randrange(20, len(whole) - 20)]


def bit_flipped(number, rng):
    whole = bytearray(artifact(number, padding=2000))
    # Beyond the ten bytes of gzip's header, some of whose bits mean nothing.
    for _ in range(rng.randrange(1, 4)):
        whole[rng.randrange(10, len(whole))] ^= 1 << rng.randrange(8)
    return bytes(whole)


def escaping(number, rng):
    name = rng.choice(["../escaped.onnx", "/tmp/swiftlet-chaos-escaped.onnx", "a/../../escaped.onnx"])
    return tar_gz({name: onnx_model(number), "model.onnx": onnx_model(number)})


def linking(number, rng):
    target = rng.choice(["/etc/passwd", "../../../../etc/passwd"])
    kind = rng.choice([tarfile.SYMTYPE, tarfile.LNKTYPE])
    return tar_gz({"model.onnx": onnx_model(number)}, [_info("link", kind, target)])


def device(number, rng):
    kind = rng.choice([tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
    return tar_gz({"model.onnx": onnx_model(number)}, [_info("device", kind)])


def unloadable(number, rng):
    data = rng.choice([
        lambda: rng.randbytes(3000), lambda: onnx_model(number, op="NoSuchOperator"), lambda: b"",
        lambda: onnx_model(number)[:-9],
    ])()
    return tar_gz({"model.onnx": data})


def modelless(number, rng):
    return tar_gz({"README": b"no model here"})


def resigned(number, rng):
    data = rng.choice([
        lambda: onnx_model(number, name="other"), lambda: onnx_model(number, kind=TensorProto.INT64),
    ])()
    return tar_gz({"model.onnx": data})


# Every way to spoil an artifact, by name.
CORRUPTIONS = {
    "truncated": truncated, "bit-flipped": bit_flipped, "path escape": escaping, "link": linking, "device": device,
    "does not load": unloadable, "no model": modelless, "other signature": resigned,
}


def replace(path, data):
    """A file's bytes, exchanged at once."""
    path = pathlib.Path(path)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    os.rename(beside, path)


# --- S3 --------------------------------------------------------------------------------------------------------------


def moto_python():
    named = os.environ.get("CHAOS_MOTO_PYTHON")
    if named:
        return named
    if importlib.util.find_spec("moto") and importlib.util.find_spec("flask"):
        return sys.executable
    raise Skipped("no S3 server: install moto[server], or set CHAOS_MOTO_PYTHON")


class S3:
    """moto's S3, spoken to without signatures by the test and with them by the program."""

    def __init__(self, folder, bucket="models"):
        self.folder, self.bucket = pathlib.Path(folder), bucket
        self.port = free_port()
        self.python = moto_python()
        self.process = subprocess.Popen(
            [self.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=open(self.folder / "moto.log", "ab"), stderr=subprocess.STDOUT)
        try:
            if not wait_until(self.answers, 60):
                raise RuntimeError("moto does not start")
            self.call("PUT", f"/{bucket}")
        except BaseException:
            self.stop()
            raise

    def answers(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/", timeout=5).read()
            return True
        except OSError:
            return False

    def call(self, method, path, data=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data=data, method=method,
            headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request",
                     "Content-Type": "application/octet-stream"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.read()

    def put(self, key, data):
        self.call("PUT", f"/{self.bucket}/{key}", data)

    def delete(self, key):
        self.call("DELETE", f"/{self.bucket}/{key}")

    def stop(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def s3_environment(port, folder):
    """The environment of a `serve` whose S3 server is on that port of this machine."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(folder),
        "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1",
    }


class Proxy:
    """Forwards HTTP to a port, and misbehaves as it is told: `fault(method, path, headers)` gives nil or a fault's name with
    its parameters. Every fault is counted."""

    def __init__(self, target):
        self.target = target
        self.port = free_port()
        self.fault = lambda method, path, headers: None
        self.rate = None
        self.requests = 0
        self.counts = {}
        self.listener = None
        self.sockets = set()
        self.lock = threading.Lock()
        self.up()

    def up(self):
        if self.listener:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        self.listener = listener
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def down(self):
        """Refuses connections and cuts those that are open."""
        listener, self.listener = self.listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        with self.lock:
            sockets, self.sockets = self.sockets, set()
        for s in sockets:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.down()

    def accept(self, listener):
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            with self.lock:
                self.sockets.add(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = s.makefile("rb")
            while self.one(s, reader):
                pass
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            with self.lock:
                self.sockets.discard(s)
            with contextlib.suppress(OSError):
                s.close()

    def one(self, s, reader):
        line = reader.readline()
        if not line.strip():
            return False
        method, path, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while (line := reader.readline().strip()):
            name, value = line.decode("latin-1").split(":", 1)
            headers[name.lower()] = value.strip()
        body = reader.read(int(headers.get("content-length", 0)))
        self.requests += 1
        fault = self.fault(method, path, headers)
        kind, parameters = (fault[0], fault[1:]) if fault else (None, ())
        if kind:
            with self.lock:
                self.counts[kind] = self.counts.get(kind, 0) + 1
        if kind == "status":
            return self.answer(s, method, *parameters)
        if kind == "redirect":
            s.sendall(
                f"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{self.port}{path}\r\n"
                "Content-Length: 0\r\n\r\n".encode())
            return True
        if kind == "hang":
            time.sleep(parameters[0])
            return False
        if kind == "close":
            return False
        upstream = http.client.HTTPConnection("127.0.0.1", self.target, timeout=60)
        try:
            upstream.request(method, path, body or None, {k: v for k, v in headers.items() if k != "connection"})
            response = upstream.getresponse()
            data = response.read()
        finally:
            upstream.close()
        length = int(response.headers.get("Content-Length", len(data)) if method == "HEAD" else len(data))
        kept = [(k, v) for k, v in response.headers.items()
                if k.lower() not in ("content-length", "connection", "transfer-encoding")]
        if kind == "length":
            length += parameters[0]
        if kind == "flip" and data:
            spoiled = bytearray(data)
            spoiled[len(data) // 2] ^= 0x10
            data = bytes(spoiled)
        if kind == "checksum":
            kept = [(k, v) for k, v in kept if not k.lower().startswith("x-amz-checksum")]
            kept.append(("x-amz-checksum-sha256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="))
        head = f"HTTP/1.1 {response.status} {response.reason}\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in kept) + f"Content-Length: {max(0, length)}\r\n\r\n"
        s.sendall(head.encode("latin-1"))
        if method == "HEAD":
            return True
        if kind == "cut":
            s.sendall(data[: int(len(data) * parameters[0])])
            return False
        rate = parameters[0] if kind == "slow" else self.rate
        if rate and len(data) > 4096:
            step = max(1024, rate // 50)
            for at in range(0, len(data), step):
                s.sendall(data[at: at + step])
                time.sleep(step / rate)
        else:
            s.sendall(data)
        return kind != "length"

    @staticmethod
    def answer(s, method, status, code):
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code} of the proxy</Message></Error>".encode()
        head = f"HTTP/1.1 {status} Fault\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        s.sendall(head.encode() + (b"" if method == "HEAD" else body))
        return True


# --- clients ---------------------------------------------------------------------------------------------------------


class Client:
    """One kept connection."""

    def __init__(self, port, timeout=30):
        self.port, self.timeout, self.socket, self.reader = port, timeout, None, None

    def close(self):
        if self.socket:
            with contextlib.suppress(OSError):
                self.reader.close()
                self.socket.close()
        self.socket = None

    def post(self, path, body=BODY, headers=()):
        """Status and body; raises what went wrong on the wire."""
        if not self.socket:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.reader = self.socket.makefile("rb")
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nAccept: text/csv\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in headers) + f"Content-Length: {len(body)}\r\n\r\n"
        try:
            self.socket.sendall(head.encode() + body)
            line = self.reader.readline()
            if not line:
                raise ConnectionError("closed without an answer")
            status, length, closes = int(line.split()[1]), 0, False
            while (line := self.reader.readline()) not in (b"\r\n", b""):
                low = line.lower()
                if low.startswith(b"content-length:"):
                    length = int(low.split(b":")[1])
                if low.startswith(b"connection:") and b"close" in low:
                    closes = True
            data = self.reader.read(length)
            if len(data) != length:
                raise ConnectionError("cut in the body of an answer")
        except BaseException:
            self.close()
            raise
        if closes:
            self.close()
        return status, data


class Load:
    """Clients that predict until they are stopped. `floor` is the oldest generation that may answer a request that starts
    now: `committed` raises it."""

    def __init__(self, port, clients=6, pause=0.0):
        self.port, self.pause = port, pause
        self.floor, self.ceiling = 0, 1 << 40
        self.stopped = threading.Event()
        self.lock = threading.Lock()
        self.failures, self.stale, self.wrong = [], [], []
        self.seen = {}
        self.slowest = 0.0
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    @property
    def answers(self):
        return sum(self.seen.values())

    def committed(self, number):
        self.floor = number

    def run(self):
        client = Client(self.port)
        while not self.stopped.is_set():
            floor, began = self.floor, time.monotonic()
            try:
                status, data = client.post("/invocations")
                took = time.monotonic() - began
                if status != 200:
                    raise RuntimeError(f"{status} {data[:300]!r}")
                number = number_of(data)
            except Exception as error:  # noqa: BLE001
                with self.lock:
                    self.failures.append((round(began, 3), round(time.monotonic() - began, 3), repr(error)))
                time.sleep(0.02)
                continue
            with self.lock:
                self.seen[number] = self.seen.get(number, 0) + 1
                self.slowest = max(self.slowest, took)
                if number < floor:
                    self.stale.append((number, floor))
                if number > self.ceiling:
                    self.wrong.append((number, self.ceiling))
            if self.pause:
                time.sleep(self.pause)
        client.close()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(40)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def check(self, server=None, minimum=1):
        log = f"\n{server.log[-3000:]}" if server else ""
        check(not self.failures, f"{len(self.failures)} failed requests of {self.answers}:", self.failures[:5], log)
        check(not self.stale, f"{len(self.stale)} answers of an older generation after a commit:", self.stale[:10], log)
        check(not self.wrong, "answers of generations that were never given:", self.wrong[:10], log)
        check(self.answers >= minimum, "too few answers:", self.answers)


# --- servers ---------------------------------------------------------------------------------------------------------


class Server(blackbox.Server):
    """A `serve` whose TMPDIR is `temporary`, if it is not to be a folder of the server's own."""

    def __init__(self, *flags, temporary=None, env=None, ready=True, **more):
        self.temporary = temporary
        with changed_environment(temporary):
            super().__init__(*flags, env=env, ready=False, **more)
        if ready:
            try:
                self.wait_ready(60)
            except BaseException:
                self.close()
                raise


@contextlib.contextmanager
def changed_environment(temporary):
    """Makes the harness give its server another TMPDIR."""
    original = blackbox.clean_environment
    if temporary:
        blackbox.clean_environment = lambda **extra: original(**{**extra, "TMPDIR": str(temporary)})
    try:
        yield
    finally:
        blackbox.clean_environment = original


def call(server, method, path, timeout=60):
    """Status and JSON of a management call."""
    status, _, body = server.request(method, path, timeout=timeout)
    try:
        return status, json.loads(body)
    except ValueError:
        return status, {"text": body.decode(errors="replace")}


def refresh(server, name="model", timeout=60):
    return call(server, "POST", f"/models/{name}/refresh", timeout)


def ping(server):
    return call(server, "GET", "/ping", 10)


def reason_of(answer):
    error = answer.get("error", {})
    return error.get("message", str(answer)) if isinstance(error, dict) else str(error)


def code_of(answer):
    error = answer.get("error", {})
    return error.get("code") if isinstance(error, dict) else None


def metric(server, name, **labels):
    """The value of one sample of /metrics; 0 where there is none."""
    _, _, body = server.request("GET", "/metrics")
    for line in body.decode().splitlines():
        found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if found and found[1] == name:
            have = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            if all(have.get(k) == v for k, v in labels.items()):
                return float(found[3])
    return 0.0


def resident_bytes(pids):
    """VmRSS of processes in all, without what they map from files."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            text = pathlib.Path("/proc", str(pid), "status").read_text()
            total += int(re.search(r"RssAnon:\s+(\d+)", text)[1]) * 1024
    return total


def server_pids(server):
    """The processes that hold models."""
    return server.workers or [server.process.pid]


def answer_of(server, timeout=30):
    status, _, body = server.predict(BODY, timeout=timeout)
    check(status == 200, "a prediction failed:", status, body[:300], server.log[-2000:])
    return number_of(body)


def has_ended(server, seconds):
    try:
        server.process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False


def kill_all(server, rng=None):
    """The machine's power goes: all processes of the server at once."""
    pids = [server.process.pid, *server.family()]
    if rng:
        rng.shuffle(pids)
    groups = set()
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            groups.add(os.getpgid(pid))
            os.kill(pid, signal.SIGKILL)
    # What nginx began after it was looked at is in its group.
    for group in groups - {os.getpgrp()}:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    server.process.wait()
    return pids


# --- caches ----------------------------------------------------------------------------------------------------------


def check_cache(cache):
    """Every visible entry is whole, byte by byte; returns how many there are."""
    artifacts = pathlib.Path(cache, "artifacts")
    entries = [e for e in artifacts.iterdir()] if artifacts.is_dir() else []
    for entry in entries:
        manifest = json.loads((entry / "manifest.json").read_text())
        check(entry.name.startswith(manifest["digest"]), "a misnamed cache entry:", entry)
        for file in manifest["files"]:
            data = (entry / "content" / file["path"]).read_bytes()
            check(len(data) == file["size"], "a cut file in the cache:", entry, file)
            check(hashlib.sha256(data).hexdigest() == file["sha256"], "a damaged file in the cache:", entry, file)
    for record in pathlib.Path(cache, "sources").glob("*.json"):
        json.loads(record.read_text())
    return len(entries)


def folder_bytes(folder):
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(root, name)).st_size
    return total
