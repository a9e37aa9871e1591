"""Trees and ensembles of scikit-learn.

The converted thresholds are float32, and so are the inputs: scikit-learn itself compares float32 inputs.
"""

import numpy as np
from sklearn import ensemble, tree
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .sklearn_common import recipe

SEED = {"random_state": 0}


def small(depth: int) -> dict:
    return {"n_estimators": 10, "max_depth": depth, **SEED}


RECIPES = [
    recipe("decision_tree_classifier_wine", tree.DecisionTreeClassifier(**SEED), "wine", rows=(40, 1)),
    recipe("decision_tree_regressor_diabetes", tree.DecisionTreeRegressor(max_depth=6, **SEED), "diabetes", opset=11),
    recipe("extra_tree_classifier_iris", tree.ExtraTreeClassifier(**SEED), "iris_names", options={"zipmap": True}),
    recipe("decision_tree_digits_int64", tree.DecisionTreeClassifier(max_depth=6, **SEED), "digits", element=np.int64),
    recipe("random_forest_iris", ensemble.RandomForestClassifier(**small(6)), "iris", rows=(40, 1)),
    recipe("random_forest_breast_cancer", ensemble.RandomForestClassifier(**small(8)), "breast_cancer", opset=11),
    recipe(
        "random_forest_iris_zipmap_names",
        ensemble.RandomForestClassifier(**small(5)),
        "iris_names",
        options={"zipmap": True},
        opset=15,
    ),
    recipe("random_forest_digits", ensemble.RandomForestClassifier(**small(4)), "digits", opset=21),
    recipe("random_forest_regressor_diabetes", ensemble.RandomForestRegressor(**small(4)), "diabetes", rows=(40, 1)),
    recipe(
        "random_forest_regressor_diabetes_two_targets",
        ensemble.RandomForestRegressor(**small(4)),
        "diabetes_two_targets",
    ),
    recipe("extra_trees_wine", ensemble.ExtraTreesClassifier(**small(6)), "wine"),
    recipe("extra_trees_regressor_diabetes", ensemble.ExtraTreesRegressor(**small(4)), "diabetes"),
    recipe("gradient_boosting_iris", ensemble.GradientBoostingClassifier(**small(3)), "iris"),
    recipe(
        "gradient_boosting_breast_cancer", ensemble.GradientBoostingClassifier(**small(3)), "breast_cancer", opset=11
    ),
    recipe("gradient_boosting_regressor_diabetes", ensemble.GradientBoostingRegressor(**small(3)), "diabetes"),
    recipe(
        "hist_gradient_boosting_breast_cancer",
        ensemble.HistGradientBoostingClassifier(max_iter=15, max_leaf_nodes=8, **SEED),
        "breast_cancer",
        holes=0.05,
    ),
    recipe(
        "hist_gradient_boosting_iris",
        ensemble.HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=6, **SEED),
        "iris",
    ),
    recipe(
        "hist_gradient_boosting_regressor_diabetes",
        ensemble.HistGradientBoostingRegressor(max_iter=15, max_leaf_nodes=8, **SEED),
        "diabetes",
        holes=0.05,
        opset=21,
    ),
    recipe("ada_boost_iris", ensemble.AdaBoostClassifier(n_estimators=8, **SEED), "iris"),
    recipe("ada_boost_regressor_diabetes", ensemble.AdaBoostRegressor(n_estimators=6, **SEED), "diabetes"),
    recipe("bagging_wine", ensemble.BaggingClassifier(n_estimators=5, **SEED), "wine"),
    recipe(
        "bagging_regressor_diabetes",
        ensemble.BaggingRegressor(Ridge(), n_estimators=4, **SEED),
        "diabetes",
    ),
    recipe(
        "voting_soft_iris",
        ensemble.VotingClassifier(
            [
                ("logistic", make_pipeline(StandardScaler(), LogisticRegression())),
                ("bayes", GaussianNB()),
                ("tree", tree.DecisionTreeClassifier(max_depth=3, **SEED)),
            ],
            voting="soft",
            flatten_transform=False,
        ),
        "iris",
    ),
    recipe(
        "voting_regressor_diabetes",
        ensemble.VotingRegressor(
            [("linear", LinearRegression()), ("tree", tree.DecisionTreeRegressor(max_depth=3, **SEED))]
        ),
        "diabetes",
    ),
    recipe(
        "stacking_breast_cancer",
        ensemble.StackingClassifier(
            [("bayes", GaussianNB()), ("tree", tree.DecisionTreeClassifier(max_depth=3, **SEED))],
            LogisticRegression(),
            cv=2,
        ),
        "breast_cancer",
    ),
    recipe("one_vs_rest_tree_iris", OneVsRestClassifier(tree.DecisionTreeClassifier(max_depth=3, **SEED)), "iris"),
    recipe(
        "isolation_forest_wine",
        ensemble.IsolationForest(n_estimators=3, max_samples=64, **SEED),
        "wine",
        opset={"": 17, "ai.onnx.ml": 3},
    ),
]
