#!/usr/bin/env python3
"""Makes the models that the benchmarks run, too large to commit.

    python Benchmarks/models/generate.py [--out DIR] [--only NAME ...]

Without --out they go to Benchmarks/models/build. Each is a folder with model.onnx and test_data_set_*, so that
`swiftlet conformance` can say that the model is right before `swiftlet bench` says that it is fast:

    iris           logistic regression, integer labels; also as model.pkl, for servers that run scikit-learn
    digits-mlp     64-256-128-10 network, PyTorch; also as model.pt (state_dict)
    breast-cancer  XGBoost, 500 trees of depth 6; also as model.ubj
    resnet18       the 18-layer residual network at 224x224, random weights
    minilm         the MiniLM sentence encoder (see Tests/Fixtures/minilm.py)

The tabular ones have one request, request.csv. Needs what Tests/Fixtures/requirements.txt lists.
"""

import os
import sys

FIXED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
if __name__ == "__main__" and any(os.environ.get(name) != value for name, value in FIXED.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **FIXED})

import argparse  # noqa: E402
import pathlib  # noqa: E402
import pickle  # noqa: E402
import subprocess  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "Tests" / "Fixtures"
sys.path.insert(0, str(FIXTURES))

import numpy as np  # noqa: E402
from generators import cases  # noqa: E402


def iris(folder: pathlib.Path) -> cases.Fixture:
    from generators import sklearn_common as common
    from sklearn.linear_model import LogisticRegression

    X, y = common.data("iris")
    model = LogisticRegression(max_iter=1000).fit(X, y)
    converted = common.convert("iris", model, [("input", common.FloatTensorType([None, 4]))], 17)
    samples = [X[::30], X[:1]]
    keep(folder / "model.pkl", pickle.dumps(model))
    keep(folder / "request.csv", row(X[0]))
    return common.fixture(model, converted, [{"input": sample} for sample in samples], samples)


def digits_mlp(folder: pathlib.Path) -> cases.Fixture:
    import torch
    from generators import sklearn_common, torch_common
    from torch import nn

    X, y = sklearn_common.data("digits")
    X = X / 16
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
    step = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(30):
        for chosen in torch.randperm(len(X)).split(64):
            step.zero_grad()
            nn.functional.cross_entropy(network(inputs[chosen]), labels[chosen]).backward()
            step.step()
    network.append(nn.Softmax(dim=-1))
    torch.save(network.state_dict(), place(folder) / "model.pt")
    keep(folder / "request.csv", row(X[0]))
    free = {"input": {0: "batch"}, "probabilities": {0: "batch"}}
    calls = lambda: [(inputs[:8],), (inputs[8:9],)]  # noqa: E731
    trained = network.eval()
    return torch_common.script("digits", lambda: trained, calls, ["input"], ["probabilities"], free).build()


def breast_cancer(folder: pathlib.Path) -> cases.Fixture:
    import xgboost
    from generators import boosting_models as boosting

    settings = {"learning_rate": 0.03, "min_child_weight": 0, "reg_lambda": 0.1, "subsample": 0.8}
    estimator = xgboost.XGBClassifier(n_estimators=500, max_depth=6, n_jobs=1, random_state=0, **settings)
    fixture = boosting.recipe("breast_cancer", estimator, "breast_cancer").build()
    estimator.save_model(place(folder) / "model.ubj")
    keep(folder / "request.csv", row(boosting.data("breast_cancer")[0][0]))
    return fixture


def resnet18(folder: pathlib.Path) -> cases.Fixture:
    from generators import torch_common
    from generators.torch_vision import Block
    from torch import nn

    class ResNet18(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
            strides = [1, 1, 2, 1, 2, 1, 2, 1]
            self.stem = nn.Sequential(
                nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
            )
            self.blocks = nn.Sequential(
                *(Block(*shape) for shape in zip(widths[:-1], widths[1:], strides, strict=True))
            )
            self.head = nn.Linear(512, 1000)
            # As at the start of training: a block adds little, so that eight of them do not overflow.
            for block in self.blocks:
                nn.init.constant_(block.main[4].weight, 0.2)

        def forward(self, x):
            return self.head(self.blocks(self.stem(x)).mean((2, 3)))

    free = {"input": {0: "batch"}, "logits": {0: "batch"}}
    calls = lambda: [(torch_common.noise(1, 3, 224, 224),)]  # noqa: E731
    made = torch_common.script("resnet18", ResNet18, calls, ["input"], ["logits"], free, rtol=1e-3, atol=1e-4)
    return made.build()


MAKERS = {"iris": iris, "digits-mlp": digits_mlp, "breast-cancer": breast_cancer, "resnet18": resnet18}


def place(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(path: pathlib.Path, content: bytes) -> None:
    (place(path.parent) / path.name).write_bytes(content)


def row(values: np.ndarray) -> bytes:
    return (",".join(f"{value:.6g}" for value in values) + "\n").encode()


def make(name: str, out: pathlib.Path) -> None:
    started = time.perf_counter()
    folder = out / name
    if name == "minilm":
        # In a process of its own: it wants other settings of the environment.
        subprocess.run([sys.executable, str(FIXTURES / "minilm.py"), str(out)], check=True)
    else:
        extras = out / f".{name}"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fixture = MAKERS[name](extras)
            entry = cases.write(out, name, fixture, largest_file=None)
        for path in extras.iterdir() if extras.exists() else []:
            path.rename(folder / path.name)
        if extras.exists():
            extras.rmdir()
        cases.check(name, fixture, folder / "model.onnx")
        cases.write_index(out, list((cases.read_index(out) | {name: entry}).values()))
    size = (folder / "model.onnx").stat().st_size
    print(f"{name}: {size} bytes, {time.perf_counter() - started:.1f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "build", metavar="DIR")
    names = [*MAKERS, "minilm"]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help="make only these")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only:
        make(name, arguments.out)


if __name__ == "__main__":
    main()
