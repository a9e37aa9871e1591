#!/usr/bin/env python3
"""What a new generation of a model does to the latency of the requests that go on meanwhile.

    Benchmarks/fleet/swap.py --serve PATH [--minutes 5 | --seconds S] [--megabytes 0.1] [--every 5] [--rate 0] [--check]
                             [--workers 2] [--out FILE.md] [--folder DIR]

One server of one model, 64 kept connections that send their next request at once (or `--rate` requests a second). Quiet
stretches and stretches with a new generation every `--every` seconds take turns, 20 s each, so that a busy machine slows
both alike. A generation is a model of `--megabytes` that answers with its own number: after the answer to its
`POST /models/model/refresh` no request may be answered by the one before.

Target (with --check the exit code is 1 when it is missed): p99 of the stretches with swaps at most 2 times that of the
quiet ones, every request answered with 200, every refresh committed.

Needs nginx, a C compiler, numpy and onnx (`.cache/venv/bin/python`). Everything listens on loopback.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import tempfile
import time

import numpy
from onnx import TensorProto, helper

import fleet
from fleet import kit

STRETCH, RATIO = 20, 2.0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--megabytes", type=float, default=0.1)
    parser.add_argument("--every", type=float, default=5)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", default=str(fleet.ROOT / ".cache/fleet"))
    parser.add_argument("--out")
    parser.add_argument("--check", action="store_true")
    return parser.parse_args()


def generation(number, megabytes):
    """A table of `megabytes` of which a request reads one row: large to load, cheap to call."""
    rows = max(1, int(megabytes * 1e6 / 4 / fleet.OUTPUTS))
    table = numpy.random.default_rng(number).standard_normal((rows, fleet.OUTPUTS), dtype=numpy.float32)
    table[0, 0] = number

    def tensor(name, kind, array):
        return helper.make_tensor(name, kind, array.shape, array.tobytes(), raw=True)

    graph = helper.make_graph(
        [helper.make_node("ReduceMax", ["x"], ["most"], axes=[1], keepdims=0),
         helper.make_node("Mul", ["most", "zero"], ["nought"]),
         helper.make_node("Cast", ["nought"], ["index"], to=TensorProto.INT64),
         helper.make_node("Gather", ["table", "index"], ["y"])],
        f"generation{number}", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", fleet.INPUTS])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", fleet.OUTPUTS])],
        [tensor("zero", TensorProto.FLOAT, numpy.zeros((), numpy.float32)), tensor("table", TensorProto.FLOAT, table)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def main():
    options = arguments()
    if options.serve:
        os.environ["SERVE_UNDER_TEST"] = options.serve
    seconds = options.seconds or options.minutes * 60
    with tempfile.TemporaryDirectory(prefix="swap") as run:
        path = pathlib.Path(run, "model.onnx")
        path.write_bytes(generation(0, options.megabytes))
        with kit.Server("--cache-dir", f"{run}/cache", "--cache-size", "1GB", model=str(path),
                        workers=options.workers) as server:
            failed = measure(options, seconds, path, server, run)
            if os.environ.get("SWAP_LOG"):
                pathlib.Path(os.environ["SWAP_LOG"]).write_text(server.log)
    for reason in failed:
        print(f"missed: {reason}", file=sys.stderr)
    return 1 if failed and options.check else 0


def answered(server):
    status, _, body = server.predict(fleet.ROW)
    return int(float(body.split(b",")[0])) if status == 200 else f"status {status}"


def measure(options, seconds, path, server, run):
    client = fleet.Client(os.path.join(options.folder, "build"), f"{run}/records",
                          [f"s:{server.port}:1:{options.rate}"], cycles=0)
    swaps, failed, number = [], [], 0
    try:
        time.sleep(2)
        began = time.time()
        end = began + seconds
        while (now := time.time()) < end and client.running():
            if int((now - began) / STRETCH) % 2 == 0:
                time.sleep(0.05)
                continue
            number += 1
            fresh = path.with_name("next")
            fresh.write_bytes(generation(number, options.megabytes))
            os.replace(fresh, path)
            start = time.time()
            status, _, body = server.request("POST", "/models/model/refresh", timeout=60)
            swaps.append((start, time.time()))
            answer = json.loads(body)
            if status != 200 or answer.get("result") != "committed":
                failed.append(f"refresh {number} was answered {status} {body[:200]}")
            elif any((got := answered(server)) != number for _ in range(4)):
                failed.append(f"after refresh {number} the answer came from {got}")
            time.sleep(max(0, now + options.every - time.time()))
        stopped = time.time()
        records = client.wait()
    finally:
        client.kill()
    return failed + report(options, records, swaps, began, stopped, client.said)


def report(options, records, swaps, began, stopped, said):
    when = records["began"] / 1e6
    inside = (when >= began) & (when < stopped)
    records, when = records[inside], when[inside]
    done = when + records["latency"] / 1e6
    swapping = ((when - began) / STRETCH).astype(int) % 2 == 1
    during = numpy.zeros(len(records), bool)
    for start, end in swaps:
        during |= (done >= start) & (when <= end)
    lines = [f"Model of {options.megabytes} MB, 64 connections, "
             + (f"{options.rate:.0f} requests a second" if options.rate else "full load")
             + f", {options.workers} workers, {stopped - began:.0f} s, {platform.machine()}, {os.cpu_count()} cores.\n",
             "| | requests | a second | p50 ms | p99 ms | p99.9 ms | most ms | p99 to quiet |", "|" + " --- |" * 8]
    quiet = fleet.milliseconds(records["latency"][~swapping], 99)
    took = [end - start for start, end in swaps]
    quiet_seconds = sum(max(0, min(STRETCH, stopped - began - i * STRETCH)) for i in range(0, 10_000, 2))
    for name, rows, length in [("quiet", ~swapping, quiet_seconds),
                               (f"a swap every {options.every:g} s", swapping, stopped - began - quiet_seconds),
                               ("of these, while a refresh was under way", during, sum(took))]:
        values = records["latency"][rows]
        p50, p99, p999 = (fleet.milliseconds(values, p) for p in (50, 99, 99.9))
        most = values.max() / 1000 if len(values) else float("nan")
        lines.append(f"| {name} | {len(values)} | {len(values) / max(length, 1e-9):.0f} | {p50:.2f} | {p99:.2f} | {p999:.2f} | "
                     f"{most:.2f} | {p99 / quiet:.2f} |")
    failed = []
    ratio = fleet.milliseconds(records["latency"][swapping], 99) / quiet
    if not ratio <= RATIO:
        failed.append(f"p99 with swaps is {ratio:.2f} of the quiet one, not {RATIO}")
    bad = records["status"] != 200
    if bad.any():
        failed.append(f"{int(bad.sum())} requests were not answered with 200: {sorted(set(records['status'][bad].tolist()))}")
    lines.append(f"\n{len(swaps)} refreshes, {numpy.median(took or [0]) * 1000:.0f} ms in the median, "
                 f"{max(took or [0]) * 1000:.0f} ms at most. Client: {said}.")
    text = "\n".join(lines) + "\n"
    print(text)
    if options.out:
        pathlib.Path(options.out).write_text(text)
    return failed


if __name__ == "__main__":
    sys.exit(main())
