#!/usr/bin/env python3
"""Tree ensembles on real rows: Swiftlet and ONNX Runtime in turn, in the same run.

    bench.py --bench PATH/tree-bench [--rounds 5] [--seconds 0.4] [--threads 1] [--models DIR]

Makes 500-tree XGBoost and LightGBM models of scikit-learn's breast cancer data and a random forest of its digits (once,
in DIR). ONNX Runtime is timed through its Python binding; the time of a model that only hands its input on is shown, as
what that costs. Needs onnxruntime, onnxmltools, skl2onnx, xgboost, lightgbm.
"""
import argparse, os, statistics, subprocess, time
import numpy as np


def make(folder):
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType
    from sklearn.datasets import load_breast_cancer, load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from skl2onnx import to_onnx
    import lightgbm, onnx, xgboost
    from onnx import TensorProto, helper
    os.makedirs(folder, exist_ok=True)
    data = load_breast_cancer()
    x, y = data.data.astype(np.float32), data.target
    np.random.default_rng(0).permutation(x).tofile(folder + "/breast.f32")
    kind = [("input", FloatTensorType([None, x.shape[1]]))]
    save = lambda name, model: open(f"{folder}/{name}.onnx", "wb").write(model.SerializeToString())
    save("xgboost", convert_xgboost(xgboost.XGBClassifier(
        n_estimators=500, max_depth=6, learning_rate=0.05, min_child_weight=0, reg_lambda=0.1, n_jobs=2, base_score=0.5).fit(x, y),
        initial_types=kind, target_opset=15))
    model = convert_lightgbm(lightgbm.LGBMClassifier(
        n_estimators=500, max_depth=6, num_leaves=63, min_child_samples=2, learning_rate=0.05, n_jobs=2, verbose=-1).fit(x, y),
        initial_types=kind, target_opset=15, zipmap=False)
    save("lightgbm", model)
    digits = load_digits()
    x, y = digits.data.astype(np.float32), digits.target
    np.random.default_rng(0).permutation(x).tofile(folder + "/digits.f32")
    forest = RandomForestClassifier(200, random_state=0, n_jobs=2).fit(x, y)
    save("forest", to_onnx(forest, x[:1], options={id(forest): {"zipmap": False}}, target_opset=17))
    linear = LogisticRegression(max_iter=1000).fit(x, y)
    save("logistic", to_onnx(linear, x[:1], options={id(linear): {"zipmap": False}}, target_opset=17))
    info = lambda n: helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", "k"])
    identity = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [info("x")], [info("y")])
    save("identity", helper.make_model(identity, opset_imports=[helper.make_opsetid("", 17)], ir_version=9))


MODELS = [("xgboost", "breast", 30), ("lightgbm", "breast", 30), ("forest", "digits", 64), ("logistic", "digits", 64), ("identity", "breast", 30)]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bench", required=True)
    p.add_argument("--models", default=".cache/tree-models")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=0.4)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--batches", default="1,8,64,1000")
    p.add_argument("--only", default="")
    a = p.parse_args()
    if not os.path.exists(a.models + "/identity.onnx"):
        make(a.models)
    import onnxruntime as ort
    ours = subprocess.Popen([a.bench], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(f"| model | batch | Swiftlet us | ONNX Runtime us | ratio |\n|---|---|---|---|---|")
    for name, rows, columns in MODELS:
        if a.only and name not in a.only:
            continue
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads, options.inter_op_num_threads = a.threads, 1
        path = os.path.abspath(f"{a.models}/{name}.onnx")
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        feed, outputs = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]
        data = np.fromfile(f"{a.models}/{rows}.f32", np.float32).reshape(-1, columns)
        for batch in map(int, a.batches.split(",")):
            windows = [data[(np.arange(batch) + i * batch) % len(data)] for i in range(min(64, max(1, 4096 // batch)))]
            mine, theirs = [], []
            for _ in range(a.rounds):
                ours.stdin.write(f"{path} {os.path.abspath(a.models)}/{rows}.f32 {columns} {batch} {a.threads} {a.seconds}\n")
                ours.stdin.flush()
                answer = ours.stdout.readline().strip()
                mine.append(float(answer) / 1e3 if answer.isdigit() else float("nan"))
                times, start, i = [], time.perf_counter(), 0
                while len(times) < 9 or time.perf_counter() - start < a.seconds:
                    t = time.perf_counter()
                    session.run(outputs, {feed: windows[i % len(windows)]})
                    times.append(time.perf_counter() - t)
                    i += 1
                theirs.append(statistics.median(times) * 1e6)
            m, t = statistics.median(mine), statistics.median(theirs)
            print(f"| {name} | {batch} | {m:.2f} | {t:.2f} | {statistics.median(x / y for x, y in zip(mine, theirs)):.3f} |", flush=True)
    ours.stdin.close()
    ours.wait()


if __name__ == "__main__":
    main()
