#!/usr/bin/env python3
"""Runs the README's examples and compares what they print with what the README says they print.

    SWIFTLET_BIN=DIR scripts/check-readme.py README.md [OTHER.md ...]

An example is a fenced block marked `console`: lines that begin with `$ ` are commands (a trailing backslash continues
them), the lines after a command are its output, and a line `...` stands for any number of lines. The sample model is
served while the examples run, on a free port that takes the place of 8080; `swiftlet` and `serve` are those of
SWIFTLET_BIN. Blocks marked `sh` are not run.
"""

import difflib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def examples(text):
    """(line number, command, expected lines) of every console block."""
    found, block, number = [], None, 0
    for number, line in enumerate(text.splitlines(), 1):
        if block is None:
            if line.strip() == "```console":
                block = []
            continue
        if line.strip() == "```":
            block = None
            continue
        if block and block[-1] == "continued":
            found[-1][1] += "\n" + line
            block[-1] = "continued" if line.endswith("\\") else "output"
        elif line.startswith("$ "):
            found.append([number, line[2:], []])
            block.append("continued" if line.endswith("\\") else "output")
        elif found:
            found[-1][2].append(line)
    return found


def rounded(text):
    """Numbers to five digits: the last ones differ between instruction sets."""
    return re.sub(r"\d+\.\d{5,}(e[-+]\d+)?", lambda found: f"{float(found[0]):.5g}", text)


def matches(expected, printed):
    expected, printed = [rounded(line) for line in expected], rounded(printed)
    pattern = "\n".join("@@ANY@@" if line == "..." else re.escape(line) for line in expected)
    pattern = pattern.replace("@@ANY@@\n", "(?:.*\n)*?").replace("@@ANY@@", "(?:.*\n?)*")
    return re.fullmatch(pattern, printed) is not None


def main():
    binaries = os.environ.get("SWIFTLET_BIN")
    if not binaries or len(sys.argv) < 2:
        sys.exit(__doc__)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    # `serve` refuses variables that begin with SWIFTLET_ and are no settings.
    others = {k: v for k, v in os.environ.items() if not k.startswith("SWIFTLET_")}
    environment = {**others, "PATH": f"{binaries}:{os.environ['PATH']}"}
    server = subprocess.Popen(
        [os.path.join(binaries, "serve"), "Examples/models/iris", "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    passed = failed = 0
    try:
        for _ in range(500):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2)
                break
            except OSError:
                if server.poll() is not None:
                    sys.exit(f"the server ended with {server.returncode}")
                time.sleep(0.02)
        else:
            sys.exit("the server is not ready after 10 s")
        for name in sys.argv[1:]:
            for line, command, expected in examples((ROOT / name).read_text()):
                run = subprocess.run(
                    ["bash", "-c", command.replace("localhost:8080", f"localhost:{port}")], cwd=ROOT, env=environment,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
                printed = run.stdout.replace(str(port), "8080").rstrip("\n")
                wanted = "\n".join(expected).rstrip("\n").split("\n")
                if matches(wanted, printed):
                    passed += 1
                    continue
                failed += 1
                print(f"{name}:{line}: $ {command}")
                for row in difflib.unified_diff(wanted, printed.split("\n"), "README", "printed", lineterm=""):
                    print("  " + row)
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(35)
        except subprocess.TimeoutExpired:
            server.kill()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
