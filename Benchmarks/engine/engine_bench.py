#!/usr/bin/env python3
"""Latency of the engine and of ONNX Runtime on the same models, in turn, on the same number of threads.

    engine_bench.py --swiftlet PATH --models DIR --out DIR [--threads 1] [--rounds 3] [--seconds 2] [--only PATTERN]

DIR holds what Benchmarks/models/generate.py makes. ONNX Runtime runs in a child process of its own for every round.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys

CASES = [  # name, model, batch, shapes
    ("iris logistic regression", "iris", 1, {}),
    ("iris logistic regression", "iris", 1000, {}),
    ("digits MLP", "digits-mlp", 1, {}),
    ("digits MLP", "digits-mlp", 64, {}),
    ("breast cancer, XGBoost, 500 trees", "breast-cancer", 1, {}),
    ("breast cancer, XGBoost, 500 trees", "breast-cancer", 64, {}),
    ("breast cancer, XGBoost, 500 trees", "breast-cancer", 1000, {}),
    ("MiniLM, sequence 128", "minilm", 1, {}),
    ("MiniLM, sequence 128", "minilm", 8, {}),
    ("ResNet-18, 224x224", "resnet18", 1, {}),
]

PEER = r"""
import json, sys, time
import numpy as np, onnxruntime as ort
path, batch, threads, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
rng = np.random.default_rng(1)
feeds = {}
for i in session.get_inputs():
    shape = [d if isinstance(d, int) else (batch if axis == 0 else 128) for axis, d in enumerate(i.shape)]
    if "mask" in i.name:
        feeds[i.name] = np.ones(shape, np.int64)
    elif "int64" in i.type:
        feeds[i.name] = rng.integers(0, 2, shape)
    else:
        feeds[i.name] = rng.random(shape, np.float32)
until = time.perf_counter() + seconds / 10
while time.perf_counter() < until:
    session.run(None, feeds)
times, until = [], time.perf_counter() + seconds
while len(times) < 3 or time.perf_counter() < until:
    t = time.perf_counter()
    session.run(None, feeds)
    times.append(time.perf_counter() - t)
times.sort()
print(json.dumps({"median_s": times[len(times) // 2], "runs": len(times)}))
"""


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]}: {done.stderr[-600:]}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--swiftlet", required=True)
    parser.add_argument("--models", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    results = []
    for name, folder, batch, _ in CASES:
        path = pathlib.Path(arguments.models, folder, "model.onnx")
        if not re.search(arguments.only, f"{folder} {batch}") or not path.exists():
            continue
        ours, theirs = [], []
        for _ in range(arguments.rounds):
            common = [str(batch), str(arguments.threads), str(arguments.seconds)]
            ours.append(run([arguments.swiftlet, "bench", str(path), "--batch", common[0], "--threads", common[1],
                             "--seconds", common[2], "--json"])["median_s"])
            theirs.append(run([sys.executable, "-c", PEER, str(path), *common])["median_s"])
        one = {"name": name, "batch": batch, "threads": arguments.threads, "swiftlet_s": statistics.median(ours),
               "onnxruntime_s": statistics.median(theirs),
               "ratio": statistics.median(a / b for a, b in zip(ours, theirs))}
        results.append(one)
        print(f"{name}, batch {batch}: {one['swiftlet_s'] * 1e6:.1f} us, ONNX Runtime {one['onnxruntime_s'] * 1e6:.1f} us, "
              f"ratio {one['ratio']:.2f}", file=sys.stderr)
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / f"engine-{arguments.threads}.json").write_text(json.dumps(results, indent=1) + "\n")
    rows = [f"Medians of {arguments.rounds} interleaved rounds of {arguments.seconds:g} s, {arguments.threads} thread(s); the "
            "ratio is the median of the rounds' ratios, below 1 is faster than ONNX Runtime.", "",
            "| model | batch | Swiftlet us | ONNX Runtime us | ratio |", "|---|---|---|---|---|"]
    rows += [f"| {r['name']} | {r['batch']} | {r['swiftlet_s'] * 1e6:.1f} | {r['onnxruntime_s'] * 1e6:.1f} | {r['ratio']:.2f} |"
             for r in results]
    (out / f"engine-{arguments.threads}.md").write_text("\n".join(rows) + "\n")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
