"""Linear models, naive Bayes, neural networks of scikit-learn, and the outputs a classifier may have."""

import numpy as np
from sklearn import linear_model, naive_bayes, neural_network, svm
from sklearn.calibration import CalibratedClassifierCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from .sklearn_common import recipe


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def logistic():
    return scaled(linear_model.LogisticRegression(max_iter=500))


def raw_scores(estimator, X):
    return [estimator.predict(X), estimator.decision_function(X)]


def two_columns(estimator, X):
    """The converter writes a binary decision value as the scores of both classes."""
    score = estimator.decision_function(X).reshape(-1, 1)
    return [estimator.predict(X), np.concatenate([-score, score], axis=1)]


def one_column(estimator, X):
    return [estimator.predict(X), estimator.decision_function(X).reshape(-1, 1)]


def column_each(estimator, X):
    """`zipmap="columns"`: the label, then one output a class."""
    return [estimator.predict(X), *estimator.predict_proba(X).T]


RECIPES = [
    recipe("logistic_iris", logistic(), "iris"),
    recipe("logistic_iris_zipmap", logistic(), "iris", options={"zipmap": True}),
    recipe("logistic_iris_zipmap_names", logistic(), "iris_names", options={"zipmap": True}, opset=15),
    recipe("logistic_iris_names", logistic(), "iris_names", opset=21),
    recipe("logistic_iris_columns", logistic(), "iris", options={"zipmap": "columns"}, answers=column_each),
    recipe("logistic_breast_cancer", logistic(), "breast_cancer", opset=11),
    recipe("logistic_breast_cancer_zipmap", logistic(), "breast_cancer", options={"zipmap": True}, opset=13),
    recipe("logistic_iris_raw_scores", logistic(), "iris", options={"raw_scores": True}, answers=raw_scores),
    recipe("logistic_digits", scaled(linear_model.LogisticRegression(max_iter=50)), "digits"),
    recipe("one_vs_rest_wine", scaled(OneVsRestClassifier(linear_model.LogisticRegression())), "wine"),
    recipe("sgd_log_loss_iris", scaled(linear_model.SGDClassifier(loss="log_loss", random_state=0)), "iris"),
    recipe(
        "sgd_hinge_breast_cancer",
        scaled(linear_model.SGDClassifier(random_state=0)),
        "breast_cancer",
        answers=two_columns,
    ),
    recipe("ridge_classifier_wine", scaled(linear_model.RidgeClassifier()), "wine"),
    recipe("perceptron_wine", scaled(linear_model.Perceptron(random_state=0)), "wine"),
    # Not in a pipeline: the converter asks a pipeline's last step for ZipMap, which it does not know for LinearSVC.
    recipe("linear_svc_iris", svm.LinearSVC(random_state=0), "iris"),
    recipe("linear_svc_iris_two", svm.LinearSVC(random_state=0), "iris_two", answers=one_column),
    recipe("calibrated_sigmoid_wine", scaled(CalibratedClassifierCV(svm.LinearSVC(random_state=0), cv=3)), "wine"),
    recipe(
        "calibrated_isotonic_iris",
        scaled(CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2, method="isotonic")),
        "iris",
    ),
    recipe("linear_regression_diabetes", linear_model.LinearRegression(), "diabetes"),
    recipe(
        "linear_regression_diabetes_double", linear_model.LinearRegression(), "diabetes", element=np.float64, rtol=1e-6
    ),
    recipe("linear_regression_diabetes_two_targets", linear_model.LinearRegression(), "diabetes_two_targets"),
    recipe("ridge_diabetes", scaled(linear_model.Ridge()), "diabetes", opset=11),
    recipe("lasso_diabetes", scaled(linear_model.Lasso(alpha=0.5)), "diabetes", opset=21),
    recipe("elastic_net_diabetes", scaled(linear_model.ElasticNet()), "diabetes"),
    recipe("sgd_regressor_diabetes", scaled(linear_model.SGDRegressor(random_state=0)), "diabetes"),
    recipe("huber_diabetes", scaled(linear_model.HuberRegressor()), "diabetes"),
    recipe("poisson_diabetes", scaled(linear_model.PoissonRegressor()), "diabetes"),
    recipe("gaussian_nb_iris", naive_bayes.GaussianNB(), "iris"),
    recipe("bernoulli_nb_digits", naive_bayes.BernoulliNB(binarize=7.5), "digits"),
    recipe("multinomial_nb_digits", naive_bayes.MultinomialNB(), "digits", opset=11),
    recipe("complement_nb_digits", naive_bayes.ComplementNB(), "digits", rtol=1e-3),
    recipe(
        "mlp_classifier_digits",
        make_pipeline(
            MinMaxScaler(),
            neural_network.MLPClassifier((32, 16), max_iter=60, random_state=0),
        ),
        "digits",
    ),
    recipe(
        "mlp_classifier_breast_cancer_tanh",
        scaled(neural_network.MLPClassifier((12,), activation="tanh", max_iter=60, random_state=0)),
        "breast_cancer",
        options={"zipmap": True},
    ),
    recipe(
        "mlp_regressor_diabetes",
        scaled(
            neural_network.MLPRegressor(hidden_layer_sizes=(16,), activation="logistic", max_iter=200, random_state=0)
        ),
        "diabetes",
        opset=11,
    ),
]
