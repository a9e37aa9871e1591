"""XGBoost and LightGBM, converted by onnxmltools.

Both libraries compare float32 inputs; LightGBM's thresholds are doubles, which the converter rounds to float32, so rows
that would fall between the two are not used.
"""

import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common import _container
from onnxmltools.convert.common.data_types import FloatTensorType

from .cases import DataSet, Fixture, Recipe
from .sklearn_common import data, integers_for_booleans, some_rows

XGBOOST = {"xgboost": xgboost.__version__, "onnxmltools": onnxmltools.__version__}
LIGHTGBM = {"lightgbm": lightgbm.__version__, "onnxmltools": onnxmltools.__version__}

_container.helper.make_node = integers_for_booleans(_container.helper.make_node)


def recipe(name: str, estimator, table: str, *, holes: float = 0.0, opset=15, zipmap=None, rows=(20, 1), **details):
    """`zipmap`: for LightGBM, whether the probabilities come as maps."""

    def build() -> Fixture:
        X, y = data(table)
        if holes:
            X = X.copy()
            X[np.random.RandomState(1).random_sample(X.shape) < holes] = np.nan
        boosted = isinstance(estimator, xgboost.XGBModel)
        estimator.fit(X, y)
        declared = [("input", FloatTensorType([None, X.shape[1]]))]
        if boosted:
            model = onnxmltools.convert_xgboost(estimator, name, declared, target_opset=opset)
        else:
            options = {} if zipmap is None else {"zipmap": zipmap}
            model = onnxmltools.convert_lightgbm(estimator, name, declared, target_opset=opset, **options)
        data_sets = []
        for seed, count in enumerate(rows):
            sample = some_rows(X, count, seed)
            data_sets.append(DataSet({"input": sample}, answers(estimator, sample, bool(zipmap))))
        return Fixture(model, data_sets, XGBOOST if boosted else LIGHTGBM, **details)

    return Recipe(name, build)


def answers(estimator, X, zipmap: bool) -> list:
    label = estimator.predict(X)
    if not hasattr(estimator, "predict_proba"):
        return [label.reshape(-1, 1)]
    probabilities = estimator.predict_proba(X)
    if zipmap:
        return [label, [dict(zip(estimator.classes_.tolist(), row, strict=True)) for row in probabilities]]
    return [label, probabilities]


def xgb(kind, **details):
    return kind(n_estimators=12, max_depth=4, learning_rate=0.3, n_jobs=1, random_state=0, **details)


def lgbm(kind, **details):
    fixed = {"n_estimators": 12, "max_depth": 4, "num_leaves": 10, "min_child_samples": 5, "verbose": -1}
    steady = {"n_jobs": 1, "random_state": 0, "deterministic": True, "force_row_wise": True}
    return kind(**fixed, **steady, **details)


def categories_recipe(name: str, estimator, **details) -> Recipe:
    """A column of category codes (0 to 5) and two of numbers; the splits ask whether the code is one of a set."""

    def build() -> Fixture:
        random = np.random.RandomState(3)
        codes = random.randint(0, 6, 400)
        numbers = random.standard_normal((400, 2)).astype(np.float32)
        effect = np.array([2.0, -1.0, 0.5, -2.0, 1.0, 0.0])
        y = effect[codes] * numbers[:, 0] + effect[::-1][codes] + 0.3 * numbers[:, 1]
        X = np.column_stack([codes, numbers]).astype(np.float32)
        if isinstance(estimator, xgboost.XGBModel):
            estimator.fit(X, y)
            model = onnxmltools.convert_xgboost(
                estimator, name, [("input", FloatTensorType([None, 3]))], target_opset=15
            )
            framework = XGBOOST
        else:
            estimator.fit(X, y, categorical_feature=[0])
            model = onnxmltools.convert_lightgbm(
                estimator, name, [("input", FloatTensorType([None, 3]))], target_opset=15
            )
            framework = LIGHTGBM
        samples = [X[:20], X[20:21]]
        data_sets = [DataSet({"input": sample}, answers(estimator, sample, False)) for sample in samples]
        return Fixture(model, data_sets, framework, **details)

    return Recipe(name, build)


RECIPES = [
    recipe("xgboost_binary_breast_cancer", xgb(xgboost.XGBClassifier), "breast_cancer"),
    recipe("xgboost_binary_missing", xgb(xgboost.XGBClassifier), "breast_cancer", holes=0.1, opset=11),
    recipe("xgboost_binary_base_score", xgb(xgboost.XGBClassifier, base_score=0.3), "iris_two"),
    recipe("xgboost_softprob_iris", xgb(xgboost.XGBClassifier), "iris"),
    recipe("xgboost_softprob_wine_missing", xgb(xgboost.XGBClassifier), "wine", holes=0.1),
    recipe("xgboost_regression_diabetes", xgb(xgboost.XGBRegressor), "diabetes"),
    recipe("xgboost_regression_missing", xgb(xgboost.XGBRegressor), "diabetes", holes=0.1, opset=13),
    recipe("xgboost_poisson_diabetes", xgb(xgboost.XGBRegressor, objective="count:poisson"), "diabetes"),
    categories_recipe(
        "xgboost_categories_one_hot",
        xgb(xgboost.XGBRegressor, feature_types=["c", "q", "q"], enable_categorical=True, max_cat_to_onehot=10),
    ),
    categories_recipe(
        "xgboost_categories_sets",
        xgb(xgboost.XGBRegressor, feature_types=["c", "q", "q"], enable_categorical=True, max_cat_to_onehot=1),
    ),
    recipe("lightgbm_binary_breast_cancer", lgbm(lightgbm.LGBMClassifier), "breast_cancer", zipmap=False),
    recipe("lightgbm_binary_zipmap", lgbm(lightgbm.LGBMClassifier), "iris_two", zipmap=True, opset=13),
    recipe("lightgbm_binary_missing", lgbm(lightgbm.LGBMClassifier), "breast_cancer", holes=0.1, zipmap=False),
    recipe("lightgbm_multiclass_wine", lgbm(lightgbm.LGBMClassifier), "wine", zipmap=False),
    recipe("lightgbm_multiclass_iris_names", lgbm(lightgbm.LGBMClassifier), "iris_names", zipmap=True, opset=11),
    recipe("lightgbm_regression_diabetes", lgbm(lightgbm.LGBMRegressor), "diabetes"),
    recipe("lightgbm_poisson_diabetes", lgbm(lightgbm.LGBMRegressor, objective="poisson"), "diabetes", rtol=1e-3),
    categories_recipe("lightgbm_categories", lgbm(lightgbm.LGBMRegressor)),
]
