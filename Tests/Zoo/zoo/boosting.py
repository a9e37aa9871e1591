"""XGBoost and LightGBM through onnxmltools: objectives, boosters, missing values, categories, base scores."""

import lightgbm
import numpy as np
import onnxmltools
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

from .common import Candidates, DataSet, Entry, Fixture
from .sklearn_common import table
from generators.boosting_models import LIGHTGBM, XGBOOST  # noqa: I001
from generators.sklearn_common import some_rows


def boosted(name, estimator, source="wine", *, holes=0.0, opset=15, groups=None, weights=None, skip="", **options):
    """An entry over one float matrix. `groups`: sizes of the queries, for rankers."""

    def build():
        X, y = table(source)
        if holes:
            X = X.copy()
            X[np.random.RandomState(1).random_sample(X.shape) < holes] = np.nan
        if groups:
            X, y = X[: sum(groups)], y[: sum(groups)]
            y = np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])) if y.dtype.kind == "f" else y
            estimator.fit(X, y, group=groups)
        else:
            estimator.fit(X, y)
        declared = [("input", FloatTensorType([None, X.shape[1]]))]
        is_xgboost = isinstance(estimator, xgboost.XGBModel)
        convert = onnxmltools.convert_xgboost if is_xgboost else onnxmltools.convert_lightgbm
        model = convert(estimator, name, declared, target_opset=opset, **options)
        samples = [some_rows(X, count, seed) for seed, count in enumerate((20, 1))]
        data_sets = [DataSet({"input": sample}, answers(estimator, sample, model)) for sample in samples]
        return Fixture(model, data_sets, XGBOOST if is_xgboost else LIGHTGBM, rtol=1e-3, atol=1e-4)

    return Entry(name, build, skip)


def answers(estimator, X, model) -> list:
    label = np.asarray(estimator.predict(X))
    if not hasattr(estimator, "predict_proba"):
        choices = Candidates([("predict", label), ("predict column", label.reshape(len(X), -1))])
        return [choices for _ in model.graph.output]
    scores = np.asarray(estimator.predict_proba(X))
    if model.graph.output[-1].type.WhichOneof("value") == "sequence_type":
        scores = [dict(zip(np.asarray(estimator.classes_).tolist(), row, strict=True)) for row in scores]
    labels = Candidates([("predict", label), ("predict integers", label.astype(np.int64) if label.dtype.kind == "f" else label)])
    return [labels, scores]


def xgb(kind, **details):
    return kind(**{"n_estimators": 10, "max_depth": 4, "learning_rate": 0.3, "n_jobs": 1, "random_state": 0, **details})


def lgbm(kind, **details):
    fixed = {"n_estimators": 10, "num_leaves": 9, "min_child_samples": 5, "verbose": -1, "n_jobs": 1, "random_state": 0}
    return kind(**{**fixed, "deterministic": True, "force_row_wise": True, **details})


XC, XR, XK = xgboost.XGBClassifier, xgboost.XGBRegressor, xgboost.XGBRanker
LC, LR, LK = lightgbm.LGBMClassifier, lightgbm.LGBMRegressor, lightgbm.LGBMRanker
GROUPS = [40, 30, 50, 20]


def categories(name, estimator, **details) -> Entry:
    """Two columns of category codes (0 to 40, so that a bit set needs two words) and two of numbers."""

    def build():
        random = np.random.RandomState(3)
        codes = random.randint(0, 41, (600, 2))
        numbers = random.standard_normal((600, 2)).astype(np.float32)
        effect = random.standard_normal(41)
        y = effect[codes[:, 0]] * numbers[:, 0] + effect[::-1][codes[:, 1]] + 0.2 * numbers[:, 1]
        classifier = hasattr(estimator, "predict_proba")
        y = np.digitize(y, [-0.5, 0.5]) if classifier else y
        X = np.column_stack([codes, numbers]).astype(np.float32)
        declared = [("input", FloatTensorType([None, 4]))]
        if isinstance(estimator, xgboost.XGBModel):
            estimator.fit(X, y)
            model = onnxmltools.convert_xgboost(estimator, name, declared, target_opset=15)
        else:
            estimator.fit(X, y, categorical_feature=[0, 1])
            model = onnxmltools.convert_lightgbm(estimator, name, declared, target_opset=15, **details)
        samples = [X[:40], X[40:41]]
        data_sets = [DataSet({"input": sample}, answers(estimator, sample, model)) for sample in samples]
        return Fixture(model, data_sets, XGBOOST if isinstance(estimator, xgboost.XGBModel) else LIGHTGBM, 1e-3, 1e-4)

    return Entry(name, build)


CODES = {"feature_types": ["c", "c", "q", "q"], "enable_categorical": True}

ENTRIES = [
    boosted("xgb_binary", xgb(XC), "breast_cancer"),
    boosted("xgb_binary_deep", xgb(XC, n_estimators=60, max_depth=8), "breast_cancer"),
    boosted("xgb_binary_missing", xgb(XC), "breast_cancer", holes=0.15),
    boosted("xgb_binary_base_score", xgb(XC, base_score=0.2), "breast_cancer"),
    boosted("xgb_binary_logitraw", xgb(XC, objective="binary:logitraw"), "breast_cancer"),
    boosted("xgb_binary_hinge", xgb(XC, objective="binary:hinge"), "breast_cancer"),
    boosted("xgb_multiclass", xgb(XC), "wine"),
    boosted("xgb_multiclass_missing", xgb(XC), "wine", holes=0.1),
    boosted("xgb_multiclass_softmax", xgb(XC, objective="multi:softmax"), "wine"),
    boosted("xgb_multiclass_base_score", xgb(XC, base_score=0.7), "wine"),
    boosted("xgb_digits", xgb(XC, n_estimators=5), "digits"),
    boosted("xgb_dart", xgb(XC, booster="dart", rate_drop=0.3), "breast_cancer"),
    boosted("xgb_dart_multiclass", xgb(XC, booster="dart", rate_drop=0.3), "wine"),
    boosted("xgb_dart_regression", xgb(XR, booster="dart", rate_drop=0.3), "diabetes"),
    boosted("xgb_gblinear", xgb(XR, booster="gblinear"), "diabetes"),
    boosted("xgb_gblinear_binary", xgb(XC, booster="gblinear"), "breast_cancer"),
    boosted("xgb_regression", xgb(XR), "diabetes"),
    boosted("xgb_regression_missing", xgb(XR), "diabetes", holes=0.2),
    boosted("xgb_regression_base_score", xgb(XR, base_score=100.0), "diabetes"),
    boosted("xgb_regression_lossguide", xgb(XR, grow_policy="lossguide", max_leaves=12, tree_method="hist"), "diabetes"),
    boosted("xgb_regression_two_targets", xgb(XR), "diabetes_two_targets"),
    boosted("xgb_regression_vector_leaf", xgb(XR, multi_strategy="multi_output_tree"), "diabetes_two_targets"),
    boosted("xgb_logistic_regression", xgb(XR, objective="reg:logistic"), "iris_two"),
    boosted("xgb_poisson", xgb(XR, objective="count:poisson"), "diabetes"),
    boosted("xgb_gamma", xgb(XR, objective="reg:gamma"), "diabetes_positive"),
    boosted("xgb_tweedie", xgb(XR, objective="reg:tweedie"), "diabetes_positive"),
    boosted("xgb_squared_log", xgb(XR, objective="reg:squaredlogerror"), "diabetes_positive"),
    boosted("xgb_absolute", xgb(XR, objective="reg:absoluteerror"), "diabetes"),
    boosted("xgb_pseudo_huber", xgb(XR, objective="reg:pseudohubererror"), "diabetes_positive"),
    boosted("xgb_quantile", xgb(XR, objective="reg:quantileerror", quantile_alpha=0.3), "diabetes"),
    boosted("xgb_ranker", xgb(XK), "diabetes", groups=GROUPS),
    boosted("xgb_ranker_pairwise", xgb(XK, objective="rank:pairwise"), "diabetes", groups=GROUPS),
    boosted("xgb_forest", xgb(xgboost.XGBRFRegressor), "diabetes"),
    boosted("xgb_forest_binary", xgb(xgboost.XGBRFClassifier), "breast_cancer"),
    boosted("xgb_subsample", xgb(XC, subsample=0.5, colsample_bytree=0.5), "wine"),
    boosted("xgb_monotone", xgb(XR, monotone_constraints="(1,0,0,0,0,0,0,0,0,0)"), "diabetes"),
    boosted("xgb_early_stop", xgb(XR, n_estimators=30), "diabetes"),
    boosted("xgb_one_tree", xgb(XR, n_estimators=1), "diabetes"),
    boosted("xgb_stumps", xgb(XR, max_depth=1), "diabetes"),
    boosted("xgb_opset9", xgb(XC), "wine", opset=9),
    boosted("xgb_opset12", xgb(XR), "diabetes", opset=12),
    categories("xgb_categories_one_hot", xgb(XR, max_cat_to_onehot=64, **CODES)),
    categories("xgb_categories_sets", xgb(XR, max_cat_to_onehot=1, **CODES)),
    categories("xgb_categories_classes", xgb(XC, max_cat_to_onehot=4, **CODES)),
    boosted("lgbm_binary", lgbm(LC), "breast_cancer", zipmap=False),
    boosted("lgbm_binary_zipmap", lgbm(LC), "breast_cancer"),
    boosted("lgbm_binary_missing", lgbm(LC), "breast_cancer", holes=0.15, zipmap=False),
    boosted("lgbm_zero_as_missing", lgbm(LC, zero_as_missing=True), "digits", zipmap=False),
    boosted("lgbm_no_missing", lgbm(LC, use_missing=False), "breast_cancer", zipmap=False),
    boosted("lgbm_multiclass", lgbm(LC), "wine", zipmap=False),
    boosted("lgbm_multiclass_zipmap", lgbm(LC), "iris_names"),
    boosted("lgbm_multiclass_columns", lgbm(LC), "iris", zipmap="columns"),
    boosted("lgbm_digits", lgbm(LC, n_estimators=4), "digits", zipmap=False),
    boosted("lgbm_two_names", lgbm(LC), "iris_two_names", zipmap=False),
    boosted("lgbm_regression", lgbm(LR), "diabetes"),
    boosted("lgbm_regression_split", lgbm(LR, n_estimators=30), "diabetes", split=7),
    boosted("lgbm_regression_missing", lgbm(LR), "diabetes", holes=0.2),
    boosted("lgbm_dart", lgbm(LR, boosting_type="dart"), "diabetes"),
    boosted("lgbm_goss", lgbm(LR, data_sample_strategy="goss"), "diabetes"),
    boosted("lgbm_linear_trees", lgbm(LR, linear_tree=True), "diabetes"),
    boosted("lgbm_poisson", lgbm(LR, objective="poisson"), "diabetes"),
    boosted("lgbm_gamma", lgbm(LR, objective="gamma"), "diabetes_positive"),
    boosted("lgbm_tweedie", lgbm(LR, objective="tweedie"), "diabetes_positive"),
    boosted("lgbm_huber", lgbm(LR, objective="huber"), "diabetes"),
    boosted("lgbm_l1", lgbm(LR, objective="regression_l1"), "diabetes"),
    boosted("lgbm_quantile", lgbm(LR, objective="quantile", alpha=0.3), "diabetes"),
    boosted("lgbm_mape", lgbm(LR, objective="mape"), "diabetes"),
    boosted("lgbm_cross_entropy", lgbm(LR, objective="cross_entropy"), "iris_two"),
    boosted("lgbm_ranker", lgbm(LK), "diabetes", groups=GROUPS),
    boosted("lgbm_rank_xendcg", lgbm(LK, objective="rank_xendcg"), "diabetes", groups=GROUPS),
    boosted("lgbm_stumps", lgbm(LR, max_depth=1), "diabetes"),
    boosted("lgbm_one_tree", lgbm(LR, n_estimators=1), "diabetes"),
    boosted("lgbm_opset9", lgbm(LC), "wine", zipmap=False, opset=9),
    categories("lgbm_categories", lgbm(LR)),
    categories("lgbm_categories_classes", lgbm(LC), zipmap=False),
]
