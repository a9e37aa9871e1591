"""Support vectors, neighbours and clusters of scikit-learn: models that keep points of their training data."""

import numpy as np
from sklearn import cluster, neighbors, svm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .sklearn_common import recipe


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def svc(kernel: str, **details):
    return scaled(svm.SVC(kernel=kernel, random_state=0, **details))


def score_and_opposite(estimator, X):
    """A binary SVC without probabilities: ONNX's operator answers the decision value, then its opposite."""
    score = estimator.decision_function(X).reshape(-1, 1)
    return [estimator.predict(X), np.concatenate([score, -score], axis=1)]


RECIPES = [
    recipe("svc_rbf_iris", svc("rbf"), "iris"),
    recipe("svc_rbf_iris_probability", svc("rbf", probability=True), "iris"),
    recipe("svc_linear_breast_cancer", svc("linear"), "breast_cancer", answers=score_and_opposite),
    recipe("svc_linear_breast_cancer_probability", svc("linear", probability=True), "breast_cancer", opset=11),
    recipe("svc_poly_wine", svc("poly", degree=3, coef0=1.0), "wine"),
    recipe("svc_poly_wine_probability", svc("poly", degree=2, probability=True), "wine", options={"zipmap": True}),
    recipe("svc_sigmoid_iris_names", svc("sigmoid", gamma=0.1), "iris_names"),
    recipe("nu_svc_wine", scaled(svm.NuSVC(nu=0.2, random_state=0)), "wine"),
    recipe("svr_rbf_diabetes", scaled(svm.SVR(C=50.0)), "diabetes", fit_rows=120),
    recipe("svr_linear_diabetes", scaled(svm.SVR(kernel="linear")), "diabetes", fit_rows=120, opset=11),
    recipe("nu_svr_poly_diabetes", scaled(svm.NuSVR(kernel="poly", coef0=1.0)), "diabetes", fit_rows=120),
    recipe("linear_svr_diabetes", scaled(svm.LinearSVR(random_state=0)), "diabetes"),
    recipe("one_class_svm_wine", scaled(svm.OneClassSVM(nu=0.1)), "wine"),
    recipe("knn_classifier_iris", neighbors.KNeighborsClassifier(5), "iris"),
    # From opset 11 on the converter gives every neighbour the same weight.
    recipe(
        "knn_classifier_iris_distance",
        neighbors.KNeighborsClassifier(4, weights="distance"),
        "iris",
        jitter=0.1,
        opset=10,
        rtol=1e-3,
    ),
    recipe("knn_classifier_iris_manhattan", neighbors.KNeighborsClassifier(3, p=1), "iris_names", opset=11),
    recipe("knn_regressor_diabetes", neighbors.KNeighborsRegressor(5), "diabetes", fit_rows=120),
    recipe("k_means_iris", cluster.KMeans(3, n_init=2, random_state=0), "iris", rtol=1e-3),
    recipe("mini_batch_k_means_wine", scaled(cluster.MiniBatchKMeans(4, n_init=2, random_state=0)), "wine", opset=11),
    recipe(
        "gaussian_process_diabetes",
        GaussianProcessRegressor(RBF(0.5) + WhiteKernel(0.5), optimizer=None),
        "diabetes",
        fit_rows=120,
    ),
]
