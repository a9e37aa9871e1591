#!/usr/bin/env python3
"""A fleet of models in one endpoint against an endpoint of one model: latency of hits, errors, memory.

    Benchmarks/fleet/bench.py --serve PATH [--models 10000] [--minutes 10 | --seconds S] [--budget 48MB] [--check]
                              [--out FILE.md] [--folder DIR] [--zipf 1.0] [--rate 300] [--workers 2]

Makes `--models` distinct ONNX models of 20 to 200 kB (in `--folder`, kept for the next run), of which about 200 fit into the
budget, and asks for them by a Zipf distribution over 64 kept connections. A second server has one model of the same kind.
The same client asks both in turn, in slices of a few seconds, so that a busy machine slows both alike:

- paced: `--rate` requests a second with exponential gaps at both servers. Latency is then what a request takes; this is what
  the target holds for.
- full: every connection sends its next request at once. Latency is then connections over throughput, and what loading the
  other models costs counts against the hits.

A request is a hit when fewer distinct models were asked for since its model was last than 0.7 of those that are loaded, a
miss from 1.4 of them on; what lies between is left out of both. The server's own counts stand beside that.
Memory is the anonymous memory of the workers and the mapped pages of model files, less what the workers had when they had
answered the same traffic for one model each.

Targets (with --check the exit code is 1 when one is missed): p50 of paced hits at most 1.2 times the single model's; no
wrong answer and no 5xx but 503 and 507; memory of models never more than 1.1 times the budget.

Needs nginx, a C compiler, numpy and onnx (`.cache/venv/bin/python`). Everything listens on loopback.
"""

import argparse
import http.client
import os
import pathlib
import platform
import sys
import tempfile
import threading
import time

import numpy

import fleet
from fleet import kit

CONNECTIONS = 64
HIT_RATIO, MEMORY_RATIO = 1.2, 1.1


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve")
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--budget", default="48MB")
    parser.add_argument("--zipf", type=float, default=1.0)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", default=str(fleet.ROOT / ".cache/fleet"))
    parser.add_argument("--out")
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


class Reads:
    """/metrics every second, beside the traffic."""

    def __init__(self, server):
        self.server, self.stopped, self.seen = server, threading.Event(), []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(1):
            try:
                self.seen.append((time.time(), fleet.metrics(self.server)))
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                print(f"/metrics: {error}", file=sys.stderr)

    def stop(self):
        self.stopped.set()
        self.thread.join()
        return self.seen


def main():
    options = arguments()
    if options.serve:
        os.environ["SERVE_UNDER_TEST"] = options.serve
    seconds = options.seconds or options.minutes * 60
    print("making models ...", file=sys.stderr)
    models = fleet.make_models(os.path.join(options.folder, "models"), options.models)
    single = fleet.make_models(os.path.join(options.folder, "single"), 1)
    budget = amount(options.budget)
    build = os.path.join(options.folder, "build")
    with tempfile.TemporaryDirectory(prefix="fleet") as run:
        cache = os.path.join(run, "cache")
        with kit.Server("--models", str(models), "--memory-budget", options.budget, "--cache-dir", cache, model=None,
                        workers=options.workers) as server, \
                kit.Server(model=str(single / "m00000.onnx"), workers=options.workers) as alone:
            failed = measure(options, seconds, budget, server, alone, build, run, [models, cache])
            if server.process.poll() is not None or alone.process.poll() is not None:
                failed.append("a server ended")
            log = [line for line in server.log.splitlines() if " info " not in line and " notice " not in line]
            if log:
                print(f"{len(log)} lines in the server's log, the first: {log[:3]}", file=sys.stderr)
    for reason in failed:
        print(f"missed: {reason}", file=sys.stderr)
    return 1 if failed and options.check else 0


def amount(text):
    for unit, factor in [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("KB", 1e3), ("kB", 1e3), ("MB", 1e6),
                         ("GB", 1e9), ("B", 1), ("", 1)]:
        if text.endswith(unit):
            return int(float(text[: len(text) - len(unit)]) * factor)


def measure(options, seconds, budget, server, alone, build, run, folders):
    # The same traffic for a few models: buffers get the size that they keep.
    for port in (server.port, alone.port):
        kind = "f" if port == server.port else "s"
        client = fleet.Client(build, f"{run}/warm", [f"{kind}:{port}:3:0"], models=4, zipf=0.5, connections=CONNECTIONS)
        records = client.wait()
        if not (records["status"] == 200).all():
            raise RuntimeError(f"warm-up: {numpy.unique(records['status'], return_counts=True)}")
    watch = fleet.MemoryWatch(server, folders)
    time.sleep(1)
    base_private, base_shared = watch.sample()[1:]
    base_private -= fleet.metrics(server)["swiftlet_model_memory_bytes"]
    before, cpu_before = fleet.metrics(server), fleet.cpu_seconds(server)
    watch.samples.clear()
    reads = Reads(server)
    slices = [f"s:{alone.port}:2:{options.rate}", f"f:{server.port}:6:{options.rate}", f"s:{alone.port}:1:0",
              f"f:{server.port}:3:0"]
    period = 12
    cycles = max(1, round(seconds / period))
    began = time.time()
    client = fleet.Client(build, f"{run}/records", slices, models=options.models, zipf=options.zipf,
                          connections=CONNECTIONS, cycles=cycles, seed=options.seed)
    try:
        records = client.wait()
    finally:
        client.kill()
        memory = watch.stop()
        seen = reads.stop()
    after, cpu = fleet.metrics(server), fleet.cpu_seconds(server)
    if os.environ.get("FLEET_RECORDS"):
        numpy.savez(os.environ["FLEET_RECORDS"], records=records, memory=memory, base=base_private)
    return report(options, budget, began, records, memory, base_private, seen, before, after, cpu_before, cpu, client.said)


def report(options, budget, began, records, memory, base, seen, before, after, cpu_before, cpu, said):
    loaded = [values["swiftlet_model_loaded"] for _, values in seen]
    # Until the budget is full, nothing is evicted: what has been called is loaded.
    full_at = next((when for when, values in seen if values["swiftlet_model_evictions_total"] > 0), None)
    capacity = min([n for (when, _), n in zip(seen, loaded) if full_at and when >= full_at], default=max(loaded, default=1))
    distance = records["distance"].astype(numpy.float64)
    is_fleet = numpy.isin(records["slice"], (1, 3))
    hit = is_fleet & (distance < 0.7 * capacity) & (records["status"] == 200)
    miss = is_fleet & (distance >= 1.4 * capacity) & (records["status"] == 200)
    counted = {k: after.get(k, 0) - before.get(k, 0) for k in after}
    hits, misses = counted["swiftlet_model_cache_hits_total"], counted["swiftlet_model_cache_misses_total"]
    lines, failed = [], []

    def row(*cells):
        lines.append("| " + " | ".join(str(c) for c in cells) + " |")

    lines.append(f"{options.models} models of 20 to 200 kB, Zipf {options.zipf}, {CONNECTIONS} connections, "
                 f"{options.workers} workers, budget {options.budget}, {time.time() - began:.0f} s, {platform.machine()}, "
                 f"{os.cpu_count()} cores.\n")
    row("", "requests", "a second", "p50 ms", "p90 ms", "p99 ms", "p50 to single", "p99 to single")
    row(*["---"] * 8)
    for pace, alone_slice, fleet_slice, length in (("paced", 0, 1, (2, 6)), ("full", 2, 3, (1, 3))):
        cycles = max(1, round((time.time() - began) / 12))
        alone = records["latency"][(records["slice"] == alone_slice) & (records["status"] == 200)]
        whole = records["slice"] == fleet_slice
        basis = [fleet.milliseconds(alone, p) for p in (50, 99)]
        for name, values, share in [(f"single, {pace}", alone, length[0]),
                                    (f"hits, {pace}", records["latency"][whole & hit], length[1]),
                                    (f"misses, {pace}", records["latency"][whole & miss], length[1]),
                                    (f"fleet, {pace}", records["latency"][whole], length[1])]:
            p50, p90, p99 = (fleet.milliseconds(values, p) for p in (50, 90, 99))
            row(name, len(values), f"{len(values) / share / cycles:.0f}", f"{p50:.2f}", f"{p90:.2f}", f"{p99:.2f}",
                f"{p50 / basis[0]:.2f}", f"{p99 / basis[1]:.2f}")
            if name == "hits, paced" and not p50 <= HIT_RATIO * basis[0]:
                failed.append(f"p50 of hits is {p50 / basis[0]:.2f} of a single model's, not {HIT_RATIO}")
    lines.append("")
    row("status", "single", "fleet")
    row("---", "---", "---")
    names = {0: "connection broken", 999: "200 of another model"}
    for status in numpy.unique(records["status"]):
        of = records["status"] == status
        row(names.get(status, status), int((of & ~is_fleet).sum()), int((of & is_fleet).sum()))
        if status in names or status >= 500 and status not in (503, 507) or 400 <= status < 500:
            failed.append(f"{int(of.sum())} requests with {names.get(status, f'status {status}')}")
    models = (memory[:, 1] - base + memory[:, 2]) / budget
    settled = models[memory[:, 0] >= (full_at or 0)]
    lines.append("")
    row("memory of models", "part of the budget")
    row("---", "---")
    for name, value in [("most, at any time", models.max()), ("mean once full", settled.mean() if len(settled) else models[-1]),
                        ("least once full", settled.min() if len(settled) else models[-1]),
                        ("what the server counts, most",
                         max((v["swiftlet_model_memory_bytes"] for _, v in seen), default=0) / budget)]:
        row(name, f"{value:.2f}")
    if models.max() > MEMORY_RATIO:
        failed.append(f"models take {models.max():.2f} of the budget, not {MEMORY_RATIO}")
    used = {name: cpu[name] - cpu_before.get(name, 0) for name in cpu}
    lines.append(
        f"\nLoaded at a time: {min(loaded, default=0):.0f} to {max(loaded, default=0):.0f}, taken as {capacity:.0f}. The server "
        f"counts {hits:.0f} hits, {misses:.0f} misses ({hits / max(1, hits + misses):.0%} hits), "
        f"{counted['swiftlet_model_evictions_total']:.0f} evictions, "
        f"{counted['swiftlet_model_load_seconds_sum'] / max(1, counted['swiftlet_model_load_seconds_count']) * 1000:.2f} ms a "
        f"load; left out as neither: {1 - (hit.sum() + miss.sum()) / max(1, is_fleet.sum()):.0%}. "
        f"Workers without models: {base / 1e6:.1f} MB; samples of memory: {len(memory)}. Processor seconds: "
        + ", ".join(f"{name} {value:.0f}" for name, value in sorted(used.items())) + f". Client: {said}.")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        pathlib.Path(options.out).write_text(text)
    return failed


if __name__ == "__main__":
    sys.exit(main())
