"""The real `serve` as a subprocess, and the few requests that the tests make.

SERVE_UNDER_TEST names the program (default: `serve` in the folder SWIFTLET_BIN, else the newest build), MODEL_UNDER_TEST the model (default: the
iris sample), ROW_UNDER_TEST a CSV body that it takes, ANSWER_UNDER_TEST what the CSV answer holds.
"""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program():
    named = os.environ.get("SERVE_UNDER_TEST")
    if named:
        return named
    if os.environ.get("SWIFTLET_BIN"):
        return os.path.join(os.environ["SWIFTLET_BIN"], "serve")
    built = [p for p in (ROOT / ".build/release/serve", ROOT / ".build/debug/serve") if p.exists()]
    if not built:
        raise RuntimeError("no `serve`: run `swift build -c release --product serve`, or set SERVE_UNDER_TEST")
    return str(max(built, key=lambda p: p.stat().st_mtime))


MODEL = os.environ.get("MODEL_UNDER_TEST", str(ROOT / "Examples/models/iris/model.onnx"))
ROW = os.environ.get("ROW_UNDER_TEST", "5.1,3.5,1.4,0.2\n").encode()
ANSWER = os.environ.get("ANSWER_UNDER_TEST", "setosa").encode()
HAS_NGINX = bool(shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def clean_environment(**extra):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SWIFTLET_", "SAGEMAKER_"))}
    return {**kept, **extra}


class Server:
    """A running `serve`; leaves nothing behind when the `with` block ends."""

    def __init__(self, *flags, model=MODEL, front="nginx", workers=2, env=None, ready=True):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="sw")
        words = [program()] + ([model] if model else [])
        words += ["--host", "127.0.0.1", "--port", str(self.port), "--front", front]
        if front == "nginx":
            words += ["--workers", str(workers)]
        self.log_path = pathlib.Path(self.folder, "log")
        self.log_file = open(self.log_path, "wb")
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            words + list(flags), stdout=self.log_file, stderr=self.log_file,
            env=clean_environment(TMPDIR=self.folder, **(env or {})))
        if ready:
            try:
                self.wait_ready()
            except BaseException:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_ready(self, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"serve ended with {self.process.returncode}: {self.log}")
            try:
                if self.get("/ping")[0] == 200:
                    return
            except OSError:
                pass
            except http.client.HTTPException:
                pass
            time.sleep(0.005)
        raise RuntimeError(f"not ready: {self.log}")

    def close(self):
        descendants = self.family()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in descendants:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.log_file.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def family(self):
        """Process ids of all descendants, oldest first."""
        found, wanted = [], [self.process.pid]
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                if fields[0] != "Z":
                    parents.setdefault(int(fields[1]), []).append(int(entry))
        while wanted:
            for child in sorted(parents.get(wanted.pop(0), [])):
                found.append(child)
                wanted.append(child)
        return found

    def pids(self, name):
        """Descendants whose command line begins with `name`."""
        out = []
        for pid in self.family():
            try:
                command = pathlib.Path("/proc", str(pid), "cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(name.encode()):
                out.append(pid)
        return out

    @property
    def workers(self):
        return self.pids("swiftlet-worker")

    @property
    def nginx_master(self):
        return self.pids("nginx: master")

    def wait_for_one(self, processes, limit=10):
        """What `processes` gives, once that is one process: one just forked still bears its parent's name."""
        end = time.monotonic() + limit
        while len(found := processes()) != 1 and time.monotonic() < end:
            time.sleep(0.02)
        return found

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def predict(self, body=ROW, timeout=30, **headers):
        return self.request(
            "POST", "/invocations", body, {"Content-Type": "text/csv", "Accept": "text/csv", **headers}, timeout)

    def raw(self, data, timeout=10):
        """Everything that comes back for raw bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            s.sendall(data)
            out = b""
            while True:
                try:
                    part = s.recv(65536)
                except socket.timeout:
                    return out
                if not part:
                    return out
                out += part


class Load:
    """Clients that predict over kept connections until they are told to stop, and remember every failure."""

    def __init__(self, server, clients=8):
        self.server, self.stop, self.failures, self.answers = server, threading.Event(), [], 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        connection = self.server.connect(timeout=20)
        while not self.stop.is_set():
            try:
                connection.request(
                    "POST", "/invocations", ROW, {"Content-Type": "text/csv", "Accept": "text/csv"})
                response = connection.getresponse()
                body = response.read()
                if response.status != 200 or ANSWER not in body:
                    raise RuntimeError(f"{response.status} {body[:200]}")
                with self.lock:
                    self.answers += 1
            except Exception as error:
                with self.lock:
                    self.failures.append((time.monotonic(), repr(error)))
                connection.close()
                connection = self.server.connect(timeout=20)
        connection.close()

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
        return self.failures


def alive(pid):
    try:
        state = pathlib.Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def error_of(body):
    return json.loads(body)["error"]
