#!/usr/bin/env python3
"""Makes the sample models and the sample requests, both committed.

    python -m venv .venv && .venv/bin/pip install -r Examples/models/requirements.txt
    .venv/bin/python Examples/models/generate.py

The models are fit on data that scikit-learn carries, and converted by skl2onnx:

    iris/model.onnx    four measurements of a flower -> its species, and the probability of each species
    digits/model.onnx  an 8x8 picture of a handwritten digit (0 to 16 a pixel) -> the digit, and ten probabilities

The requests go to local-test/payloads, with scikit-learn's own answers in expected.json. Their rows are taken from the
part of the data that the models were not fit on.
"""

import os
import sys

FIXED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
if __name__ == "__main__" and any(os.environ.get(name) != value for name, value in FIXED.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **FIXED})

import io  # noqa: E402
import json  # noqa: E402
import pathlib  # noqa: E402

import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
import skl2onnx  # noqa: E402
import sklearn  # noqa: E402
from skl2onnx.common.data_types import FloatTensorType  # noqa: E402
from sklearn.datasets import load_digits, load_iris  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import train_test_split  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import MinMaxScaler, StandardScaler  # noqa: E402

MODELS = pathlib.Path(__file__).resolve().parent
PAYLOADS = MODELS.parent.parent / "local-test" / "payloads"
OPSET = 17
IRIS_COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
DIGITS_COLUMNS = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]


def main() -> None:
    PAYLOADS.mkdir(parents=True, exist_ok=True)
    expected = {"iris": iris(), "digits": digits()}
    write_text("expected.json", json.dumps(expected, indent=1) + "\n")


def iris() -> dict:
    table = load_iris()
    species = np.array([str(name) for name in table.target_names], dtype=object)[table.target]
    X, X_rest, y, y_rest = split(table.data, species)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(X, y)
    rows = one_of_each(X_rest, y_rest)
    save("iris", pipeline, IRIS_COLUMNS, {"accuracy": accuracy(pipeline, X_rest, y_rest)}, X_rest)

    values = tidy(rows)
    write_text("iris.csv", csv(rows[:1]))
    write_text("iris-batch.csv", csv(rows))
    write_json("iris.json", {"instances": values})
    write_text("iris.jsonl", "".join(json.dumps(row) + "\n" for row in values))
    write_json("iris-dataframe_split.json", {"dataframe_split": {"columns": IRIS_COLUMNS, "data": values}})
    records = [dict(zip(IRIS_COLUMNS, row, strict=True)) for row in values]
    write_json("iris-dataframe_records.json", {"dataframe_records": records})
    npy = io.BytesIO()
    np.save(npy, rows, allow_pickle=False)
    (PAYLOADS / "iris.npy").write_bytes(npy.getvalue())
    return answers(pipeline, rows)


def digits() -> dict:
    table = load_digits()
    X, X_rest, y, y_rest = split(table.data, table.target)
    pipeline = make_pipeline(MinMaxScaler(), MLPClassifier((32,), max_iter=1000, random_state=0)).fit(X, y)
    rows = one_of_each(X_rest, y_rest)
    save("digits", pipeline, DIGITS_COLUMNS, {"accuracy": accuracy(pipeline, X_rest, y_rest)}, X_rest)
    write_text("digits.csv", csv(rows))
    return answers(pipeline, rows)


def split(data, labels):
    return train_test_split(data.astype(np.float32), labels, test_size=0.25, random_state=0, stratify=labels)


def one_of_each(X, y) -> np.ndarray:
    """The first row of every class, in the order of the classes."""
    return np.stack([X[np.argmax(y == label)] for label in np.unique(y)])


def accuracy(pipeline, X, y) -> float:
    return round(float(pipeline.score(X, y)), 4)


def save(name: str, pipeline, columns: list[str], facts: dict, X: np.ndarray) -> None:
    """Converts, records what a caller needs to know in the model's metadata, checks against ONNX Runtime, writes."""
    model = skl2onnx.convert_sklearn(
        pipeline,
        name=name,
        initial_types=[("X", FloatTensorType([None, len(columns)]))],
        target_opset=OPSET,
        options={id(pipeline.steps[-1][1]): {"zipmap": False}},
    )
    metadata = {
        "swiftlet.columns": json.dumps(columns),
        "swiftlet.classes": json.dumps(pipeline.classes_.tolist()),
        "swiftlet.source": f"scikit-learn {sklearn.__version__}, skl2onnx {skl2onnx.__version__}",
        "swiftlet.accuracy": str(facts["accuracy"]),
    }
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)

    label, probabilities = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"X": X})
    assert label.tolist() == pipeline.predict(X).tolist(), f"{name}: ONNX Runtime names other classes"
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(X), rtol=1e-4, atol=1e-5)
    folder = MODELS / name
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx").write_bytes(data)
    print(f"{name}/model.onnx: {len(data)} bytes, accuracy on the rows kept back {facts['accuracy']}")


def answers(pipeline, rows) -> dict:
    """What the model must say about the rows; the probabilities are scikit-learn's, unrounded."""
    return {
        "rows": len(rows),
        "classes": pipeline.classes_.tolist(),
        "label": pipeline.predict(rows).tolist(),
        "probabilities": [[float(value) for value in row] for row in pipeline.predict_proba(rows)],
    }


def tidy(rows) -> list[list[float]]:
    return [[float(f"{value:.6g}") for value in row] for row in rows]


def csv(rows) -> str:
    return "".join(",".join(f"{value:.6g}" for value in row) + "\n" for row in rows)


def write_json(name: str, value) -> None:
    write_text(name, json.dumps(value) + "\n")


def write_text(name: str, text: str) -> None:
    (PAYLOADS / name).write_text(text)


if __name__ == "__main__":
    main()
