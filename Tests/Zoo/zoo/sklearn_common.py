"""From a scikit-learn estimator to an entry: fit, convert, and collect all that the outputs may be in scikit-learn."""

import numpy as np
import skl2onnx
from skl2onnx.common.data_types import BooleanTensorType, DoubleTensorType, FloatTensorType, Int64TensorType
from sklearn.base import clone, is_classifier
from sklearn.pipeline import Pipeline

from .common import Candidates, DataSet, Entry, Fixture
from generators.sklearn_common import FRAMEWORK, SPECIES, data, some_rows  # noqa: I001

TYPES = {
    "float32": FloatTensorType,
    "float64": DoubleTensorType,
    "int64": Int64TensorType,
    "bool": BooleanTensorType,
}


def table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A bundled table, or one derived from it."""
    if name == "diabetes_positive":  # targets for the generalised linear models
        X, y = data("diabetes")
        return X, y / 100
    if name == "digits_small":
        X, y = data("digits")
        keep = y < 4
        return X[keep], y[keep]
    if name == "digits_counts":
        X, y = data("digits")
        return X.astype(np.int64), y
    if name == "iris_multilabel":
        X, y = data("iris")
        return X, np.stack([(y == 0) | (X[:, 0] > 6), y == 2], axis=1).astype(np.int64)
    if name == "iris_two_labels":  # two targets of several classes
        X, y = data("iris")
        return X, np.stack([y, (X[:, 0] > 5.5).astype(np.int64)], axis=1)
    if name == "iris_two_names":
        X, y = data("iris")
        return X[y > 0], SPECIES[y[y > 0]]
    if name == "iris_categories":  # columns of small integers
        X, y = data("iris")
        return np.floor(X).astype(np.int64), y
    if name == "iris_big_labels":
        X, y = data("iris")
        return X, y * 1000 - 7
    return data(name)


def entry(
    name,
    estimator,
    source="iris",
    *,
    rows=(9, 1),
    fit_rows=None,
    holes=0.0,
    opset=18,
    ml=3,
    options=None,
    element="float32",
    jitter=0.0,
    rtol=1e-3,
    atol=1e-4,
    fit_element=None,
    skip="",
) -> Entry:
    """An entry over one matrix `X`. `options` apply to the last step. `fit_element`: what the model is fit on."""

    def build() -> Fixture:
        X, y = table(source)
        if holes:
            X = X.copy()
            X[np.random.RandomState(1).random_sample(X.shape) < holes] = np.nan
        if fit_element or element == "float64":
            X = X.astype(fit_element or element)
        model = clone(estimator)
        model.fit(X[:fit_rows], y[:fit_rows])
        proto = convert(name, model, [("X", TYPES[element]([None, X.shape[1]]))], opset, options, ml)
        samples = [some_rows(X, count, seed) for seed, count in enumerate(rows)]
        if jitter:
            random = np.random.RandomState(2)
            samples = [sample + jitter * X.std(axis=0) * random.standard_normal(sample.shape) for sample in samples]
        samples = [sample.astype(element) for sample in samples]
        return fixture(model, proto, [{"X": sample} for sample in samples], samples, rtol=rtol, atol=atol)

    return Entry(name, build, skip)


def convert(name, model, initial_types, opset=18, options=None, ml=3):
    """Converts; a classifier's maps are off unless `options` ask for them, where its converter knows of them."""
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    target = opset if isinstance(opset, dict) else ({"": opset, "ai.onnx.ml": ml} if opset >= 15 else opset)

    def attempt(chosen):
        return skl2onnx.convert_sklearn(
            model,
            name=name,
            initial_types=initial_types,
            target_opset=target,
            options={id(last): chosen} if chosen else None,
        )

    if options is None and is_classifier(last):
        try:
            return attempt({"zipmap": False})
        except (NameError, ValueError) as error:
            if "zipmap" not in str(error):
                raise
    return attempt(options)


def fixture(model, proto, inputs, samples, **details) -> Fixture:
    data_sets = []
    for feed, sample in zip(inputs, samples, strict=True):
        answers = all_answers(model, sample)
        outputs = [choices_for(output, answers, model, index) for index, output in enumerate(proto.graph.output)]
        data_sets.append(DataSet(feed, outputs))
    return Fixture(model=proto, data_sets=data_sets, framework=FRAMEWORK, **details)


def choices_for(output, answers: dict, model, index: int) -> Candidates:
    """All that this output may be: every answer of the right kind, likeliest first."""
    if output.type.WhichOneof("value") == "sequence_type":
        names = np.asarray(model.classes_).tolist()
        maps = [(n, a) for n, a in answers.items() if getattr(a, "ndim", 0) == 2 and a.shape[1] == len(names)]
        return Candidates((n, [dict(zip(names, row, strict=True)) for row in a]) for n, a in maps)
    label = "label" in output.name or output.name in ("variable", "predictions")
    order = sorted(answers.items(), key=lambda item: item[0].startswith("predict:") != label)
    shaped = Candidates()
    if index and output.name.startswith("i") and not output.name.startswith("in"):  # zipmap="columns"
        scores = {name: answers[name] for name in ("proba", "decision", "decision both") if name in answers}
        return Candidates((name, a[:, index - 1]) for name, a in scores.items() if a.ndim == 2 and index <= a.shape[1])
    for name, answer in order:
        if getattr(answer, "dtype", None) is None:
            continue
        shaped.append((name, answer))
        if answer.ndim == 1:
            shaped.append((name + " column", answer.reshape(-1, 1)))
        if answer.ndim == 3:
            shaped.append((name + " stacked", answer.transpose(1, 0, 2)))
        if answer.ndim == 2 and answer.shape[1] == 1:
            shaped.append((name + " flat", answer[:, 0]))
    return shaped


METHODS = {
    "proba": "predict_proba",
    "decision": "decision_function",
    "transform": "transform",
    "scores": "score_samples",
    "apply": "apply",
    "path": "decision_path",
}


def all_answers(model, X) -> dict[str, np.ndarray]:
    """What the estimator's methods say, with the variants that the converters are known to use."""
    found = {}
    if hasattr(model, "predict"):
        answer = model.predict(X)
        found["predict:"] = np.asarray(answer)
    for short, method in METHODS.items():
        try:
            answer = getattr(model, method)(X)
        except Exception:
            continue
        if isinstance(answer, list):
            try:
                answer = np.stack(answer)
            except ValueError:
                continue
        if hasattr(answer, "toarray"):
            answer = answer.toarray()
        if hasattr(answer, "to_numpy"):
            answer = answer.to_numpy()
        if isinstance(answer, np.ndarray):
            found[short] = answer
    if "decision" in found and found["decision"].ndim == 1:
        d = found["decision"].reshape(-1, 1)
        found["decision both"] = np.concatenate([-d, d], axis=1)
        found["decision reversed"] = np.concatenate([d, -d], axis=1)
        found["decision label"] = (d > 0).astype(np.int64)
    if "proba" in found and found["proba"].ndim == 3:
        found["proba second"] = found["proba"][:, :, 1].T
    if hasattr(model, "kneighbors"):
        distances, indices = model.kneighbors(X)
        found["distances"], found["indices"] = distances, indices
    return found
