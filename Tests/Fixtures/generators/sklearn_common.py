"""From an estimator to a fixture: fit on bundled data, convert with skl2onnx, ask scikit-learn for the answers."""

import functools

import numpy as np
import skl2onnx
import sklearn
from skl2onnx.common import _container
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType
from sklearn import datasets
from sklearn.base import is_classifier, is_outlier_detector, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from .cases import DataSet, Fixture, Recipe

FRAMEWORK = {"sklearn": sklearn.__version__, "skl2onnx": skl2onnx.__version__}

ELEMENTS = {np.float32: FloatTensorType, np.float64: DoubleTensorType, np.int64: Int64TensorType}

SPECIES = np.array(["setosa", "versicolor", "virginica"], dtype=object)


def integers_for_booleans(make_node):
    """The converters hand Python booleans to integer attributes, which protobuf no longer takes."""

    @functools.wraps(make_node)
    def wrapped(*arguments, **attributes):
        for key, value in attributes.items():
            if isinstance(value, list) and any(isinstance(item, bool) for item in value):
                attributes[key] = [int(item) for item in value]
        return make_node(*arguments, **attributes)

    return wrapped


_container.make_node = integers_for_booleans(_container.make_node)


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The bundled table as float32, which is what a caller of the converted model sends."""
    loaders = {
        "iris": datasets.load_iris,
        "digits": datasets.load_digits,
        "breast_cancer": datasets.load_breast_cancer,
        "diabetes": datasets.load_diabetes,
        "wine": datasets.load_wine,
    }
    if name == "iris_names":
        X, y = data("iris")
        return X, SPECIES[y]
    if name == "iris_two":  # two classes only
        X, y = data("iris")
        return X[y > 0], y[y > 0] - 1
    if name == "diabetes_two_targets":
        X, y = data("diabetes")
        return np.delete(X, 2, axis=1), np.stack([y, 1000 * X[:, 2]], axis=1)
    table = loaders[name]()
    return table.data.astype(np.float32), table.target


def some_rows(X: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    return X[np.sort(np.random.RandomState(seed).permutation(len(X))[:count])]


def recipe(
    name: str,
    estimator,
    table: str,
    *,
    rows=(9, 1),
    fit_rows: int | None = None,
    holes: float = 0.0,
    jitter: float = 0.0,
    element=np.float32,
    opset=17,
    options=None,
    **details,
):
    """A case over one float matrix `X`.

    `fit_rows` bounds the rows that the model is fit on, for models that keep them. `holes` is the share of values
    replaced by NaN; `jitter` moves the samples off the rows that the model was fit on, by that share of each column's
    spread.
    """

    def build() -> Fixture:
        X, y = data(table)
        if holes:
            X = X.copy()
            X[np.random.RandomState(1).random_sample(X.shape) < holes] = np.nan
        estimator.fit(X[:fit_rows], y[:fit_rows])
        declared = ELEMENTS[element]([None, X.shape[1]])
        model = convert(name, estimator, [("X", declared)], opset, options)
        samples = [some_rows(X, count, seed).astype(element) for seed, count in enumerate(rows)]
        if jitter:
            random = np.random.RandomState(2)
            samples = [
                (sample + jitter * X.std(axis=0) * random.standard_normal(sample.shape)).astype(np.float32)
                for sample in samples
            ]
        return fixture(estimator, model, [{"X": sample} for sample in samples], samples, **details)

    return Recipe(name, build)


def convert(name: str, estimator, initial_types, opset, options=None, all_options=None):
    """`options` apply to the last step; `zipmap` is off unless asked for. `all_options`: by the step's identity."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    chosen = {}
    if is_classifier(last) and not isinstance(last, LinearSVC):  # which has no such option
        chosen["zipmap"] = False
    chosen.update(options or {})
    return skl2onnx.convert_sklearn(
        estimator,
        name=name,
        initial_types=initial_types,
        target_opset=opset,
        options=all_options or ({id(last): chosen} if chosen else None),
    )


def fixture(estimator, model, inputs: list[dict], samples: list, answers=None, **details) -> Fixture:
    answers = answers or standard_answers
    zipmap = model.graph.output[-1].type.WhichOneof("value") == "sequence_type"
    data_sets = []
    for feed, sample in zip(inputs, samples, strict=True):
        outputs = answers(estimator, sample)
        if zipmap:
            outputs[1] = [dict(zip(estimator.classes_.tolist(), row, strict=True)) for row in outputs[1]]
        data_sets.append(DataSet(feed, outputs))
    return Fixture(model=model, data_sets=data_sets, framework=FRAMEWORK, **details)


def standard_answers(estimator, X) -> list:
    """What the converted model's outputs are called in scikit-learn."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    if is_classifier(last):
        scores = estimator.predict_proba(X) if hasattr(estimator, "predict_proba") else estimator.decision_function(X)
        return [estimator.predict(X), scores]
    if is_outlier_detector(last):
        return [estimator.predict(X).reshape(-1, 1), estimator.decision_function(X).reshape(-1, 1)]
    if is_regressor(last):
        return [np.reshape(estimator.predict(X), (len(X), -1))]
    if hasattr(last, "predict"):  # clusters: the label, and the distance to each centre
        return [estimator.predict(X), estimator.transform(X)]
    return [estimator.transform(X)]
