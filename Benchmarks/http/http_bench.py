#!/usr/bin/env python3
"""Requests per second, latency, start time and memory of Swiftlet and of the stacks it replaces, side by side.

Every round starts each target in turn, waits for its first right answer, warms it, loads it with wrk and stops it, so
that drift of the machine touches all alike. Everything listens on loopback and stops by itself.

    http_bench.py --serve PATH --model MODEL.onnx --pickle MODEL.pkl --venv VENV --out DIR [--rounds 3] [--seconds 5]
"""

import argparse
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent

WRK_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "text/csv"
wrk.headers["Accept"] = "text/csv"
wrk.body = %s
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max,
    e.status + e.read + e.write + e.connect + e.timeout))
end
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def request(port, method, path, body=None, headers=None, timeout=10):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


class Target:
    """A server under measurement: its processes are those of its session."""

    def __init__(self, name, command, env=None, setup=None):
        self.name, self.command, self.env, self.setup = name, command, env or {}, setup

    def start(self, port, run):
        if self.setup:
            self.setup(port, run)
        text = [part.replace("@PORT@", str(port)).replace("@RUN@", run) for part in self.command]
        log = open(os.path.join(run, "log"), "wb")
        env = {**os.environ, **self.env}
        self.process = subprocess.Popen(text, stdout=log, stderr=log, env=env, start_new_session=True)

    def pids(self):
        """The process and its descendants."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
                parents[int(pid)] = int(fields[1])
            except OSError:
                pass
        tree, grew = {self.process.pid}, True
        while grew:
            new = {p for p, q in parents.items() if q in tree and p not in tree}
            tree |= new
            grew = bool(new)
        return tree

    def memory(self):
        total = 0
        for pid in self.pids():
            try:
                text = open(f"/proc/{pid}/smaps_rollup").read()
            except OSError:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
        return total / 1024

    def stop(self):
        pids = self.pids()
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process.wait()
        return time.monotonic() - began


def wait_for_answer(target, port, path, body, expect, limit=40):
    """Seconds from now to the first right answer."""
    began = time.monotonic()
    last = None
    while time.monotonic() - began < limit:
        if target.process.poll() is not None:
            raise RuntimeError(f"{target.name} ended with {target.process.returncode}")
        try:
            status, answer = request(port, "POST", path, body, {"Content-Type": "text/csv", "Accept": "text/csv"})
            last = (status, answer[:200])
            if status == 200:
                if not re.match(expect, answer.decode()):
                    raise RuntimeError(f"{target.name} answered {last}")
                return time.monotonic() - began
        except OSError as error:
            last = error
        time.sleep(0.002)
    raise RuntimeError(f"{target.name} is not ready after {limit} s: {last}")


def load(port, body, connections, seconds, run):
    script = os.path.join(run, "wrk.lua")
    pathlib.Path(script).write_text(WRK_SCRIPT % json.dumps(body))
    out = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script,
         f"http://127.0.0.1:{port}/invocations"], capture_output=True, text=True, timeout=seconds + 60).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", out)
    if not found:
        raise RuntimeError("wrk: " + out[-400:])
    requests, micros, p50, p99, slowest, errors = map(int, found.groups())
    return {"rps": requests / micros * 1e6, "p50_ms": p50 / 1e3, "p99_ms": p99 / 1e3, "max_ms": slowest / 1e3,
            "errors": errors}


def ping_under_load(port, body, seconds, run):
    """The slowest of the health checks made ten times a second while wrk keeps every worker busy, in milliseconds."""
    worst, failures, stop = [0.0], [0], threading.Event()

    def probe():
        while not stop.is_set():
            began = time.monotonic()
            try:
                status, _ = request(port, "GET", "/ping", timeout=5)
                failures[0] += status != 200
            except OSError:
                failures[0] += 1
            worst[0] = max(worst[0], (time.monotonic() - began) * 1e3)
            stop.wait(0.1)

    thread = threading.Thread(target=probe)
    thread.start()
    load(port, body, 64, seconds, run)
    stop.set()
    thread.join()
    return worst[0], failures[0]


def targets(arguments):
    def nginx(port, run, processes=2, trivial=False):
        text = (HERE / "peer_nginx.conf.in").read_text()
        upstream = "server { listen unix:@RUN@/app.sock; access_log off; keepalive_requests 1000000; " \
                   "location / { return 200 'setosa\\n'; } }" if trivial else ""
        for key, value in (("@TRIVIAL@", upstream), ("@KEEPALIVE@", "keepalive 16;" if trivial else ""),
                           ("@RUN@", run), ("@PORT@", str(port)), ("@PROCESSES@", str(processes))):
            text = text.replace(key, value)
        pathlib.Path(run, "nginx.conf").write_text(text)

    nginx_command = ["nginx", "-p", "@RUN@", "-e", "@RUN@/error.log", "-c", "@RUN@/nginx.conf"]
    gunicorn = os.path.join(arguments.venv, "bin", "gunicorn")
    flask = ("trap 'kill $(jobs -p); wait' TERM; " + gunicorn + " --chdir " + str(HERE)
             + " -w 2 -b unix:@RUN@/app.sock peer_app:app & " + " ".join(nginx_command) + " & wait")
    found = [
        Target("nginx + trivial upstream", nginx_command, setup=lambda p, r: nginx(p, r, trivial=True)),
        Target("nginx + gunicorn + Flask, 2 workers", ["bash", "-c", flask], {"PEER_MODEL": arguments.pickle},
               setup=lambda p, r: nginx(p, r)),
        Target("swiftlet, nginx, 2 workers",
               [arguments.serve, arguments.model, "--front", "nginx", "--workers", "2", "--host", "127.0.0.1",
                "--port", "@PORT@"]),
        Target("swiftlet, direct",
               [arguments.serve, arguments.model, "--front", "direct", "--host", "127.0.0.1", "--port", "@PORT@"]),
    ]
    return [t for t in found if not arguments.only or re.search(arguments.only, t.name)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--pickle", required=True)
    parser.add_argument("--venv", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--row", default="5.1,3.5,1.4,0.2")
    parser.add_argument("--expect", default=r"(Iris-)?setosa\s*$|0\s*$")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    for name in ("serve", "model", "pickle", "venv"):
        setattr(arguments, name, os.path.abspath(getattr(arguments, name)))
    body = arguments.row + "\n"
    results = {}
    for number in range(arguments.rounds):
        for target in targets(arguments):
            run = tempfile.mkdtemp(prefix="swiftlet-bench.")
            os.chmod(run, 0o755)  # nginx started by root serves as another user
            one = {}
            port = free_port()
            try:
                target.start(port, run)
                one["first_prediction_s"] = wait_for_answer(target, port, "/invocations", body, arguments.expect)
                time.sleep(0.5)
                one["idle_pss_mib"] = target.memory()
                load(port, body, 16, 1, run)
                one["c1"] = load(port, body, 1, 2, run)
                one["c16"] = load(port, body, 16, arguments.seconds, run)
                if target.name.startswith("swiftlet"):
                    one["ping_worst_ms"], one["ping_failures"] = ping_under_load(port, body, 2, run)
                one["loaded_pss_mib"] = target.memory()
            finally:
                one["stop_s"] = target.stop()
            shutil.rmtree(run, ignore_errors=True)
            results.setdefault(target.name, []).append(one)
            print(f"round {number + 1}  {target.name}: {one['c16']['rps']:.0f} req/s, p99 {one['c16']['p99_ms']:.2f} ms, "
                  f"first prediction {one['first_prediction_s'] * 1e3:.0f} ms", file=sys.stderr)
    write(arguments, results)


def write(arguments, results):
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "http.json").write_text(json.dumps(results, indent=1) + "\n")

    def median(name, *path):
        values = []
        for one in results[name]:
            for key in path:
                one = one.get(key) if isinstance(one, dict) else None
            if one is not None:
                values.append(one)
        return statistics.median(values) if values else None

    base = next((n for n in results if "Flask" in n), None)
    ceiling = next((n for n in results if "trivial" in n), None)
    rows = ["| target | req/s (c16) | x Flask | x trivial | p50 ms | p99 ms | p50 ms (c1) | first prediction ms | "
            "idle PSS MiB | worst /ping ms | errors |", "|---" * 11 + "|"]
    for name in results:
        rps = median(name, "c16", "rps")
        over = lambda other: f"{rps / median(other, 'c16', 'rps'):.2f}" if other else "-"
        ping = median(name, "ping_worst_ms")
        rows.append(
            f"| {name} | {rps:.0f} | {over(base)} | {over(ceiling)} | {median(name, 'c16', 'p50_ms'):.2f} | "
            f"{median(name, 'c16', 'p99_ms'):.2f} | {median(name, 'c1', 'p50_ms'):.2f} | "
            f"{median(name, 'first_prediction_s') * 1e3:.0f} | {median(name, 'idle_pss_mib'):.0f} | "
            f"{'-' if ping is None else f'{ping:.1f}'} | {sum(r['c16']['errors'] for r in results[name])} |")
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")
    text = "\n".join(
        [f"Medians of {arguments.rounds} interleaved rounds of {arguments.seconds} s, `wrk -t1 -c16`, one CSV row per "
         f"request; {os.cpu_count()} cores, {cpu}, {platform.platform()}.", ""] + rows) + "\n"
    (out / "http.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
