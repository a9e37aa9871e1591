#!/usr/bin/env python3
"""Peak memory of loading models whose weights are nearly all of the file, against a program that reads the file.

    Tests/Loading/peak_memory.py SWIFTLET [--megabytes 100] [--limit 1.2]

Each model is written twice: as ONNX's own library writes it, and with a name that moves its weights by one byte, so that the
file holds them where no typed pointer may point. `swiftlet inspect` loads it, Python reads it, and the peaks of their resident
memory are compared; with more than `--limit` times Python's the exit code is 1. Times are shown, too: the best of three of each,
by turns.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def peak(command):
    """What a child takes at most, in bytes, and how long it takes. The system counts what this process had when it began the child, so this one stays small:
    models are made by children, too."""
    began = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"failed: {command}")
    return usage.ru_maxrss * 1024, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("swiftlet")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--limit", type=float, default=1.2)
    parser.add_argument("--write", nargs=3, metavar=("KIND", "SHIFT", "PATH"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        import models

        kind, shift, path = options.write
        return models.write(kind, options.megabytes << 20, int(shift), path)
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.onnx")
        for kind in ("convolutions", "embedding", "products", "transformer", "recurrent"):
            for shift in ("0", "1"):
                subprocess.run(
                    [sys.executable, __file__, options.swiftlet, "--megabytes", str(options.megabytes), "--write", kind,
                     shift, path], check=True)
                commands = [options.swiftlet, "inspect", path], [sys.executable, "-c", f"open({str(path)!r}, 'rb').read()"]
                rounds = [[peak(command) for command in commands] for _ in range(3)]
                (ours, seconds), (read, reading) = (
                    (max(memory for memory, _ in runs), min(time for _, time in runs)) for runs in zip(*rounds))
                size = path.stat().st_size
                print(
                    f"{kind:12} shifted by {shift}: peak {ours / size:.2f} of the file, reading it {read / size:.2f}: "
                    f"{ours / read:.2f}; {seconds:.2f} s and {reading:.2f} s", flush=True)
                if ours > options.limit * read:
                    failures.append(f"{kind} shifted by {shift}")
    if failures:
        sys.exit(f"more than {options.limit} of reading it: {', '.join(failures)}")


if __name__ == "__main__":
    main()
