"""Preprocessing steps of scikit-learn, and tables with columns of several types."""

import numpy as np
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn import decomposition, feature_selection, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline

from .cases import Recipe
from .sklearn_common import convert, fixture, recipe

TYPES = {
    "port": StringTensorType([None, 1]),
    "deck": StringTensorType([None, 1]),
    "age": FloatTensorType([None, 1]),
    "fare": FloatTensorType([None, 1]),
    "siblings": Int64TensorType([None, 1]),
}
PORTS, DECKS = ["Cherbourg", "Queenstown", "Southampton"], ["A", "B", "C", "É"]


def passengers(count: int = 200):
    """A table of invented passengers: two columns of text, two of float32, one of int64, and who survived."""
    import pandas

    random = np.random.RandomState(7)
    table = pandas.DataFrame(
        {
            "port": np.array(PORTS, dtype=object)[random.randint(0, 3, count)],
            "deck": np.array(DECKS, dtype=object)[random.randint(0, 4, count)],
            "age": random.randint(1, 80, count).astype(np.float32),
            "fare": np.round(random.gamma(2.0, 15.0, count), 2).astype(np.float32),
            "siblings": random.randint(0, 5, count).astype(np.int64),
        }
    ).astype({"port": object, "deck": object})
    odds = 0.03 * table.fare - 0.02 * table.age + (table.port == "Cherbourg") - 0.3 * table.siblings
    survived = np.where(odds + random.standard_normal(count) > 0, "yes", "no").astype(object)
    return table, survived


def table_recipe(name: str, make, columns: list[str], *, opset=17, options=None, strangers=False, rows=(9, 1)):
    """A case with one input a column. `strangers`: the last rows hold categories the model has never seen."""

    def build():
        table, survived = passengers()
        table = table[columns]
        estimator = make().fit(table, survived)
        model = convert(name, estimator, [(column, TYPES[column]) for column in columns], opset, options)
        samples = [table.sample(count, random_state=count) for count in rows]
        if strangers:
            samples[0] = samples[0].copy()
            samples[0].iloc[-1, samples[0].columns.get_loc("port")] = "Belfast"
        inputs = [{column: sample[[column]].to_numpy() for column in columns} for sample in samples]
        return fixture(estimator, model, inputs, samples)

    return Recipe(name, build)


def columns_one_hot(final, **encoder):
    def make():
        steps = ColumnTransformer(
            [
                ("words", preprocessing.OneHotEncoder(handle_unknown="ignore", **encoder), ["port", "deck"]),
                ("numbers", preprocessing.StandardScaler(), ["age", "fare"]),
                ("counts", "passthrough", ["siblings"]),
            ]
        )
        return make_pipeline(steps, final)

    return make


def columns_ordinal(final):
    def make():
        words = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        steps = ColumnTransformer([("words", words, ["port", "deck"]), ("numbers", "passthrough", ["age", "fare"])])
        return make_pipeline(steps, final)

    return make


def before(*steps):
    return make_pipeline(*steps, LinearRegression())


FULL = ["port", "deck", "age", "fare", "siblings"]
KINDS_OF_BIN = {"subsample": None, "quantile_method": "linear"}

RECIPES = [
    recipe("pca_digits", decomposition.PCA(8, random_state=0), "digits", atol=1e-4),
    recipe("pca_whiten_wine", make_pipeline(preprocessing.StandardScaler(), decomposition.PCA(4, whiten=True)), "wine"),
    recipe("truncated_svd_digits", decomposition.TruncatedSVD(5, random_state=0), "digits", opset=11, atol=1e-4),
    recipe("min_max_scaler_wine", preprocessing.MinMaxScaler((-1, 1), clip=True), "wine"),
    recipe("max_abs_scaler_diabetes", before(preprocessing.MaxAbsScaler()), "diabetes"),
    recipe("robust_scaler_wine", preprocessing.RobustScaler(), "wine"),
    recipe("standard_scaler_only_mean", preprocessing.StandardScaler(with_std=False), "wine", opset=11),
    recipe("normalizer_l1_wine", preprocessing.Normalizer("l1"), "wine"),
    recipe("normalizer_l2_wine", preprocessing.Normalizer("l2"), "wine"),
    recipe("normalizer_max_iris", preprocessing.Normalizer("max"), "iris"),
    recipe("binarizer_digits", preprocessing.Binarizer(threshold=4.5), "digits"),
    recipe("simple_imputer_mean_wine", before(SimpleImputer()), "wine", holes=0.1),
    recipe("simple_imputer_median_diabetes", before(SimpleImputer(strategy="median")), "diabetes", holes=0.1, opset=11),
    recipe("simple_imputer_constant_wine", SimpleImputer(strategy="constant", fill_value=-1.0), "wine", holes=0.2),
    recipe("polynomial_features_iris", preprocessing.PolynomialFeatures(2), "iris"),
    recipe(
        "polynomial_features_ridge_diabetes",
        make_pipeline(preprocessing.PolynomialFeatures(2, interaction_only=True, include_bias=False), Ridge()),
        "diabetes",
    ),
    recipe("bins_ordinal_wine", preprocessing.KBinsDiscretizer(4, encode="ordinal", **KINDS_OF_BIN), "wine"),
    recipe(
        "bins_one_hot_iris",
        before(preprocessing.KBinsDiscretizer(3, encode="onehot-dense", **KINDS_OF_BIN)),
        "iris",
    ),
    recipe("power_transformer_wine", preprocessing.PowerTransformer(), "wine", rtol=1e-3, atol=1e-4),
    recipe("variance_threshold_digits", feature_selection.VarianceThreshold(10.0), "digits"),
    recipe("select_k_best_wine", make_pipeline(feature_selection.SelectKBest(k=5), LinearRegression()), "wine"),
    recipe(
        "feature_union_iris",
        make_pipeline(
            FeatureUnion([("scaled", preprocessing.StandardScaler()), ("pca", decomposition.PCA(2))]),
            LogisticRegression(max_iter=300),
        ),
        "iris_names",
    ),
    recipe(
        "imputer_scaler_logistic_breast_cancer",
        make_pipeline(SimpleImputer(), preprocessing.StandardScaler(), LogisticRegression(max_iter=300)),
        "breast_cancer",
        holes=0.1,
    ),
    table_recipe("columns_one_hot_logistic", columns_one_hot(LogisticRegression()), FULL, strangers=True),
    table_recipe(
        "columns_one_hot_logistic_zipmap",
        columns_one_hot(LogisticRegression()),
        FULL,
        opset=15,
        options={"zipmap": True},
    ),
    table_recipe(
        "columns_one_hot_drop_forest",
        columns_one_hot(RandomForestClassifier(8, max_depth=5, random_state=0), drop="first"),
        FULL,
        opset=21,
        options={"zipmap": True},
    ),
    table_recipe(
        "columns_ordinal_forest",
        columns_ordinal(RandomForestClassifier(8, max_depth=5, random_state=0)),
        ["port", "deck", "age", "fare"],
    ),
    table_recipe("one_hot_only", lambda: preprocessing.OneHotEncoder(sparse_output=False), ["port", "deck"], opset=11),
    table_recipe("ordinal_only", lambda: preprocessing.OrdinalEncoder(), ["port", "deck"]),
    table_recipe(
        "one_hot_numbers",
        lambda: preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore"),
        ["siblings"],
    ),
]
