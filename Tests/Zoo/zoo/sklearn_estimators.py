"""Every estimator and transformer of scikit-learn that skl2onnx converts, alone, on the bundled tables.

`SUPPORTED` at the end names those that the table leaves out, and why.
"""

import numpy as np
from sklearn import (
    calibration,
    cluster,
    cross_decomposition,
    decomposition,
    discriminant_analysis,
    ensemble,
    feature_selection,
    gaussian_process,
    impute,
    linear_model,
    mixture,
    model_selection,
    multiclass,
    multioutput,
    naive_bayes,
    neighbors,
    neural_network,
    preprocessing,
    random_projection,
    svm,
    tree,
)
from sklearn.gaussian_process import kernels
from sklearn.pipeline import make_pipeline

from .sklearn_common import entry

SEED = {"random_state": 0}
FEW = {"n_estimators": 8, **SEED}


def scaled(estimator):
    return make_pipeline(preprocessing.StandardScaler(), estimator)


def classifier(name: str, estimator, source="wine", **details) -> list:
    """The same classifier with plain outputs, with maps, and on other labels and opsets."""
    return [
        entry(name, estimator, source, **details),
        entry(f"{name}_zipmap", estimator, "iris_names", options={"zipmap": True}, **details),
        entry(f"{name}_columns", estimator, "iris", options={"zipmap": "columns"}, opset=15, **details),
        entry(f"{name}_two_names", estimator, "iris_two_names", opset=12, **details),
        entry(f"{name}_two", estimator, "iris_two", opset=21, **details),
    ]


def both_elements(name: str, estimator, source="diabetes", **details) -> list:
    return [
        entry(name, estimator, source, **details),
        entry(f"{name}_double", estimator, source, element="float64", opset=13, **details),
    ]


CLASSIFIERS = {
    "ada_boost": ensemble.AdaBoostClassifier(n_estimators=6, **SEED),
    "bagging": ensemble.BaggingClassifier(n_estimators=4, **SEED),
    "bagging_features": ensemble.BaggingClassifier(linear_model.LogisticRegression(), 4, max_features=3, **SEED),
    "bernoulli_nb": naive_bayes.BernoulliNB(binarize=3.0),
    "multinomial_nb": naive_bayes.MultinomialNB(),
    "complement_nb": naive_bayes.ComplementNB(norm=True),
    "gaussian_nb": naive_bayes.GaussianNB(),
    "calibrated_sigmoid": calibration.CalibratedClassifierCV(naive_bayes.GaussianNB(), cv=2),
    "calibrated_isotonic": calibration.CalibratedClassifierCV(
        tree.DecisionTreeClassifier(max_depth=3, **SEED), method="isotonic", cv=2
    ),
    "calibrated_svc": calibration.CalibratedClassifierCV(svm.LinearSVC(**SEED), cv=2),
    "decision_tree": tree.DecisionTreeClassifier(**SEED),
    "extra_tree": tree.ExtraTreeClassifier(**SEED),
    "extra_trees": ensemble.ExtraTreesClassifier(max_depth=5, **FEW),
    "random_forest": ensemble.RandomForestClassifier(max_depth=5, **FEW),
    "gradient_boosting": ensemble.GradientBoostingClassifier(max_depth=3, **FEW),
    "gradient_boosting_zero": ensemble.GradientBoostingClassifier(max_depth=2, init="zero", **FEW),
    "hist_gradient_boosting": ensemble.HistGradientBoostingClassifier(max_iter=8, **SEED),
    "gaussian_process": gaussian_process.GaussianProcessClassifier(kernels.RBF(2.0), optimizer=None),
    "knn": neighbors.KNeighborsClassifier(5),
    "knn_manhattan": neighbors.KNeighborsClassifier(3, p=1),
    "knn_minkowski3": neighbors.KNeighborsClassifier(3, p=3),
    "knn_distance": neighbors.KNeighborsClassifier(3, weights="distance"),
    "radius_neighbors": scaled(neighbors.RadiusNeighborsClassifier(4.0)),
    "linear_discriminant": discriminant_analysis.LinearDiscriminantAnalysis(),
    "quadratic_discriminant": discriminant_analysis.QuadraticDiscriminantAnalysis(reg_param=0.1),
    "logistic": linear_model.LogisticRegression(max_iter=200),
    "logistic_cv": linear_model.LogisticRegressionCV(Cs=3, cv=2, max_iter=100, scoring="accuracy"),
    "mlp": scaled(neural_network.MLPClassifier((8,), max_iter=40, **SEED)),
    "mlp_logistic": scaled(neural_network.MLPClassifier((6, 5), activation="logistic", max_iter=40, **SEED)),
    "mlp_identity": scaled(neural_network.MLPClassifier((6,), activation="identity", max_iter=40, **SEED)),
    "one_vs_rest_logistic": multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=200)),
    "one_vs_rest_forest": multiclass.OneVsRestClassifier(ensemble.RandomForestClassifier(max_depth=3, **FEW)),
    "one_vs_one": multiclass.OneVsOneClassifier(linear_model.LogisticRegression(max_iter=200)),
    "passive_aggressive": scaled(linear_model.PassiveAggressiveClassifier(max_iter=20, **SEED)),
    "perceptron": scaled(linear_model.Perceptron(**SEED)),
    "ridge_classifier": linear_model.RidgeClassifier(),
    "ridge_classifier_cv": linear_model.RidgeClassifierCV(),
    "sgd_hinge": scaled(linear_model.SGDClassifier(loss="hinge", **SEED)),
    "sgd_log": scaled(linear_model.SGDClassifier(loss="log_loss", **SEED)),
    "sgd_modified_huber": scaled(linear_model.SGDClassifier(loss="modified_huber", **SEED)),
    "linear_svc": svm.LinearSVC(**SEED),
    "svc_rbf": scaled(svm.SVC(**SEED)),
    "svc_rbf_ovo": scaled(svm.SVC(decision_function_shape="ovo", **SEED)),
    "svc_rbf_probability": scaled(svm.SVC(probability=True, **SEED)),
    "svc_linear_probability": scaled(svm.SVC(kernel="linear", probability=True, **SEED)),
    "svc_poly": scaled(svm.SVC(kernel="poly", degree=2, coef0=0.5, **SEED)),
    "svc_sigmoid": scaled(svm.SVC(kernel="sigmoid", gamma=0.1, **SEED)),
    "nu_svc": scaled(svm.NuSVC(nu=0.2, **SEED)),
    "nu_svc_probability": scaled(svm.NuSVC(nu=0.2, probability=True, **SEED)),
    "stacking": ensemble.StackingClassifier(
        [("bayes", naive_bayes.GaussianNB()), ("tree", tree.DecisionTreeClassifier(max_depth=3, **SEED))],
        linear_model.LogisticRegression(),
        cv=2,
    ),
    "stacking_passthrough": ensemble.StackingClassifier(
        [("bayes", naive_bayes.GaussianNB()), ("knn", neighbors.KNeighborsClassifier(3))],
        linear_model.LogisticRegression(),
        cv=2,
        passthrough=True,
    ),
    "voting_soft": ensemble.VotingClassifier(
        [("bayes", naive_bayes.GaussianNB()), ("tree", tree.DecisionTreeClassifier(max_depth=3, **SEED))],
        voting="soft",
        flatten_transform=False,
        weights=np.array([1, 3]),
    ),
    "voting_hard": ensemble.VotingClassifier(
        [
            ("bayes", naive_bayes.GaussianNB()),
            ("tree", tree.DecisionTreeClassifier(max_depth=3, **SEED)),
            ("logistic", linear_model.LogisticRegression(max_iter=200)),
        ],
        flatten_transform=False,
    ),
    "grid_search": model_selection.GridSearchCV(
        linear_model.LogisticRegression(max_iter=200), {"C": [0.1, 1.0]}, cv=2
    ),
}

REGRESSORS = {
    "ada_boost_regressor": ensemble.AdaBoostRegressor(n_estimators=5, **SEED),
    "ard": linear_model.ARDRegression(),
    "bagging_regressor": ensemble.BaggingRegressor(n_estimators=4, **SEED),
    "bayesian_ridge": linear_model.BayesianRidge(),
    "decision_tree_regressor": tree.DecisionTreeRegressor(max_depth=6, **SEED),
    "elastic_net": linear_model.ElasticNet(alpha=0.01),
    "elastic_net_cv": linear_model.ElasticNetCV(cv=2),
    "extra_tree_regressor": tree.ExtraTreeRegressor(max_depth=6, **SEED),
    "extra_trees_regressor": ensemble.ExtraTreesRegressor(max_depth=5, **FEW),
    "gradient_boosting_regressor": ensemble.GradientBoostingRegressor(max_depth=3, **FEW),
    "gradient_boosting_huber": ensemble.GradientBoostingRegressor(loss="huber", max_depth=3, **FEW),
    "hist_gradient_boosting_regressor": ensemble.HistGradientBoostingRegressor(max_iter=8, **SEED),
    "huber": linear_model.HuberRegressor(),
    "lars": linear_model.Lars(n_nonzero_coefs=4),
    "lars_cv": linear_model.LarsCV(cv=2),
    "lasso": linear_model.Lasso(alpha=0.1),
    "lasso_cv": linear_model.LassoCV(cv=2),
    "lasso_lars": linear_model.LassoLars(alpha=0.1),
    "lasso_lars_cv": linear_model.LassoLarsCV(cv=2),
    "lasso_lars_ic": linear_model.LassoLarsIC(),
    "linear_regression": linear_model.LinearRegression(),
    "linear_svr": svm.LinearSVR(**SEED),
    "mlp_regressor": neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=40, **SEED),
    "mlp_regressor_tanh": neural_network.MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", max_iter=40, **SEED),
    "orthogonal_matching_pursuit": linear_model.OrthogonalMatchingPursuit(n_nonzero_coefs=4),
    "orthogonal_matching_pursuit_cv": linear_model.OrthogonalMatchingPursuitCV(cv=2),
    "passive_aggressive_regressor": linear_model.PassiveAggressiveRegressor(max_iter=20, **SEED),
    "pls": cross_decomposition.PLSRegression(3),
    "quantile": linear_model.QuantileRegressor(alpha=0.001),
    "random_forest_regressor": ensemble.RandomForestRegressor(max_depth=5, **FEW),
    "ransac": linear_model.RANSACRegressor(**SEED),
    "ridge": linear_model.Ridge(),
    "ridge_cv": linear_model.RidgeCV(),
    "sgd_regressor": linear_model.SGDRegressor(**SEED),
    "stacking_regressor": ensemble.StackingRegressor(
        [("ridge", linear_model.Ridge()), ("tree", tree.DecisionTreeRegressor(max_depth=3, **SEED))], cv=2
    ),
    "svr_rbf": svm.SVR(C=50.0),
    "svr_linear": svm.SVR(kernel="linear"),
    "svr_poly": svm.SVR(kernel="poly", coef0=1.0, degree=2),
    "svr_sigmoid": svm.SVR(kernel="sigmoid"),
    "nu_svr": svm.NuSVR(C=50.0),
    "theil_sen": linear_model.TheilSenRegressor(max_subpopulation=200, **SEED),
    "voting_regressor": ensemble.VotingRegressor(
        [("ridge", linear_model.Ridge()), ("tree", tree.DecisionTreeRegressor(max_depth=3, **SEED))], weights=np.array([2, 1])
    ),
    "knn_regressor": neighbors.KNeighborsRegressor(5),
    "knn_regressor_distance": neighbors.KNeighborsRegressor(5, weights="distance"),
    "knn_regressor_chebyshev": neighbors.KNeighborsRegressor(3, metric="chebyshev"),
    "radius_neighbors_regressor": neighbors.RadiusNeighborsRegressor(0.2),
    "grid_search_regressor": model_selection.GridSearchCV(linear_model.Ridge(), {"alpha": [0.1, 1.0]}, cv=2),
    "gp_rbf": gaussian_process.GaussianProcessRegressor(
        kernels.RBF(0.5) + kernels.WhiteKernel(0.5), optimizer=None, normalize_y=True
    ),
    "gp_constant_rbf": gaussian_process.GaussianProcessRegressor(
        kernels.ConstantKernel(2.0) * kernels.RBF(0.5), alpha=0.5, optimizer=None
    ),
    "gp_dot": gaussian_process.GaussianProcessRegressor(kernels.DotProduct(1.0), alpha=1.0, optimizer=None),
    "gp_matern": gaussian_process.GaussianProcessRegressor(kernels.Matern(0.5, nu=1.5), alpha=0.5, optimizer=None),
    "gp_rational": gaussian_process.GaussianProcessRegressor(
        kernels.RationalQuadratic(0.5, 1.5), alpha=0.5, optimizer=None
    ),
    "gp_periodic": gaussian_process.GaussianProcessRegressor(
        kernels.ExpSineSquared(1.0, 2.0), alpha=0.5, optimizer=None
    ),
}

TWO_TARGETS = {
    "linear_two_targets": linear_model.LinearRegression(),
    "ridge_two_targets": linear_model.Ridge(),
    "tree_two_targets": tree.DecisionTreeRegressor(max_depth=4, **SEED),
    "forest_two_targets": ensemble.RandomForestRegressor(max_depth=4, **FEW),
    "knn_two_targets": neighbors.KNeighborsRegressor(4),
    "mlp_two_targets": neural_network.MLPRegressor(hidden_layer_sizes=(6,), max_iter=30, **SEED),
    "multi_task_lasso": linear_model.MultiTaskLasso(alpha=0.1),
    "multi_task_lasso_cv": linear_model.MultiTaskLassoCV(cv=2),
    "multi_task_elastic_net": linear_model.MultiTaskElasticNet(alpha=0.1),
    "multi_task_elastic_net_cv": linear_model.MultiTaskElasticNetCV(cv=2),
    "multi_output_regressor": multioutput.MultiOutputRegressor(linear_model.Ridge()),
    "multi_output_regressor_trees": multioutput.MultiOutputRegressor(
        ensemble.GradientBoostingRegressor(max_depth=2, **FEW)
    ),
    "pls_two_targets": cross_decomposition.PLSRegression(2),
}

POSITIVE = {
    "poisson": linear_model.PoissonRegressor(),
    "gamma": linear_model.GammaRegressor(),
    "tweedie": linear_model.TweedieRegressor(power=1.5),
    "tweedie_normal": linear_model.TweedieRegressor(power=0, link="identity"),
    "hist_gradient_boosting_poisson": ensemble.HistGradientBoostingRegressor(loss="poisson", max_iter=8),
    "hist_gradient_boosting_gamma": ensemble.HistGradientBoostingRegressor(loss="gamma", max_iter=8),
}

BINS = {"subsample": None, "quantile_method": "linear"}
TRANSFORMERS = {
    "binarizer": preprocessing.Binarizer(threshold=2.0),
    "fast_ica_pca": decomposition.PCA(3, **SEED),
    "pca_whiten": decomposition.PCA(3, whiten=True, **SEED),
    "pca_share": decomposition.PCA(0.95, svd_solver="full"),
    "incremental_pca": decomposition.IncrementalPCA(3),
    "kernel_pca_rbf": decomposition.KernelPCA(2, kernel="rbf", gamma=0.01),
    "kernel_pca_poly": decomposition.KernelPCA(2, kernel="poly", degree=2),
    "kernel_pca_cosine": decomposition.KernelPCA(2, kernel="cosine"),
    "kernel_pca_linear": decomposition.KernelPCA(2),
    "kernel_pca_sigmoid": decomposition.KernelPCA(2, kernel="sigmoid", gamma=0.001),
    "truncated_svd": decomposition.TruncatedSVD(3, **SEED),
    "gaussian_projection": random_projection.GaussianRandomProjection(3, **SEED),
    "bins_ordinal": preprocessing.KBinsDiscretizer(4, encode="ordinal", **BINS),
    "bins_one_hot": preprocessing.KBinsDiscretizer(3, encode="onehot-dense", **BINS),
    "bins_one_hot_sparse": preprocessing.KBinsDiscretizer(3, encode="onehot", **BINS),
    "bins_uniform": preprocessing.KBinsDiscretizer(5, encode="ordinal", strategy="uniform", subsample=None),
    "bins_k_means": preprocessing.KBinsDiscretizer(3, encode="ordinal", strategy="kmeans", subsample=None),
    "max_abs": preprocessing.MaxAbsScaler(),
    "min_max": preprocessing.MinMaxScaler((-2, 3)),
    "min_max_clip": preprocessing.MinMaxScaler(clip=True),
    "standard": preprocessing.StandardScaler(),
    "standard_only_std": preprocessing.StandardScaler(with_mean=False),
    "robust": preprocessing.RobustScaler(),
    "robust_no_centre": preprocessing.RobustScaler(with_centering=False, quantile_range=(10, 90)),
    "normalizer_l1": preprocessing.Normalizer("l1"),
    "normalizer_l2": preprocessing.Normalizer("l2"),
    "normalizer_max": preprocessing.Normalizer("max"),
    "polynomial_2": preprocessing.PolynomialFeatures(2),
    "polynomial_3": preprocessing.PolynomialFeatures(3),
    "polynomial_interactions": preprocessing.PolynomialFeatures(3, interaction_only=True, include_bias=False),
    "power_yeo": preprocessing.PowerTransformer(),
    "power_yeo_plain": preprocessing.PowerTransformer(standardize=False),
    "power_box_cox": preprocessing.PowerTransformer("box-cox"),
    "quantile_transformer": preprocessing.QuantileTransformer(n_quantiles=20, **SEED),
    "quantile_transformer_normal": preprocessing.QuantileTransformer(n_quantiles=20, output_distribution="normal", **SEED),
    "variance_threshold": feature_selection.VarianceThreshold(0.6),
    "select_k_best": feature_selection.SelectKBest(k=2),
    "select_percentile": feature_selection.SelectPercentile(percentile=50),
    "select_fdr": feature_selection.SelectFdr(),
    "select_fpr": feature_selection.SelectFpr(),
    "select_fwe": feature_selection.SelectFwe(),
    "select_generic": feature_selection.GenericUnivariateSelect(mode="k_best", param=2),
    "select_from_model": feature_selection.SelectFromModel(linear_model.LogisticRegression(max_iter=200)),
    "rfe": feature_selection.RFE(linear_model.LogisticRegression(max_iter=200), n_features_to_select=2),
    "rfecv": feature_selection.RFECV(linear_model.LogisticRegression(max_iter=200), cv=2),
    "random_trees_embedding": ensemble.RandomTreesEmbedding(4, max_depth=3, sparse_output=False, **SEED),
    "nca": neighbors.NeighborhoodComponentsAnalysis(2, **SEED),
    "knn_transformer": neighbors.KNeighborsTransformer(n_neighbors=3),
    "function_identity": preprocessing.FunctionTransformer(),
    "linear_discriminant_transform": make_pipeline(
        preprocessing.StandardScaler(), discriminant_analysis.LinearDiscriminantAnalysis()
    ),
}

HOLES = {
    "imputer_mean": impute.SimpleImputer(),
    "imputer_median": impute.SimpleImputer(strategy="median"),
    "imputer_frequent": impute.SimpleImputer(strategy="most_frequent"),
    "imputer_constant": impute.SimpleImputer(strategy="constant", fill_value=-3.5),
    "imputer_knn": impute.KNNImputer(n_neighbors=3),
    "imputer_knn_distance": impute.KNNImputer(n_neighbors=3, weights="distance"),
}

CLUSTERS = {
    "k_means": cluster.KMeans(3, n_init=2, **SEED),
    "mini_batch_k_means": cluster.MiniBatchKMeans(4, n_init=2, **SEED),
    "gaussian_mixture": mixture.GaussianMixture(3, **SEED),
    "gaussian_mixture_tied": mixture.GaussianMixture(3, covariance_type="tied", **SEED),
    "gaussian_mixture_diag": mixture.GaussianMixture(3, covariance_type="diag", **SEED),
    "gaussian_mixture_spherical": mixture.GaussianMixture(3, covariance_type="spherical", **SEED),
    "bayesian_gaussian_mixture": mixture.BayesianGaussianMixture(n_components=3, max_iter=200, **SEED),
    "isolation_forest": ensemble.IsolationForest(n_estimators=4, max_samples=64, **SEED),
    "isolation_forest_features": ensemble.IsolationForest(n_estimators=4, max_samples=32, max_features=2, **SEED),
    "local_outlier_factor": neighbors.LocalOutlierFactor(8, novelty=True),
    "one_class_svm": svm.OneClassSVM(nu=0.1),
    "one_class_svm_poly": svm.OneClassSVM(nu=0.2, kernel="poly", degree=2),
    "sgd_one_class": linear_model.SGDOneClassSVM(**SEED),
    "nearest_neighbors": neighbors.NearestNeighbors(n_neighbors=3),
}

# What the names that end in `_zipmap` and so on can't have: the converter takes no such option.
NO_ZIPMAP = {"linear_svc", "one_vs_one"}


def raw(name: str, estimator, source="iris", **details):
    return entry(f"{name}_raw_{source}", estimator, source, options={"raw_scores": True, "zipmap": False}, **details)


def make() -> list:
    made = []
    for name, estimator in CLASSIFIERS.items():
        variants = classifier(name, estimator)
        made += [variants[0], *variants[3:]] if name in NO_ZIPMAP else variants
    for name, estimator in REGRESSORS.items():
        made += both_elements(name, estimator, fit_rows=120, atol=1e-2 if name.startswith("gp") else 1e-3)
    made += [entry(name, one, "diabetes_two_targets", fit_rows=120, atol=1e-3) for name, one in TWO_TARGETS.items()]
    made += [entry(name, one, "diabetes_positive", fit_rows=120) for name, one in POSITIVE.items()]
    for name, one in TRANSFORMERS.items():
        made += both_elements(name, one, "iris")
    for name, one in HOLES.items():
        made += both_elements(name, one, "iris", holes=0.15)
    for name, one in CLUSTERS.items():
        made += both_elements(name, one, "iris")
    made += [
        raw("logistic", linear_model.LogisticRegression(max_iter=200)),
        raw("logistic", linear_model.LogisticRegression(max_iter=200), "iris_two"),
        raw("random_forest", ensemble.GradientBoostingClassifier(max_depth=3, **FEW)),
        raw("mlp", neural_network.MLPClassifier((5,), max_iter=30, **SEED)),
        raw("gaussian_nb", naive_bayes.GaussianNB()),
        raw("sgd", linear_model.SGDClassifier(loss="log_loss", **SEED)),
        raw("svc", svm.SVC(**SEED)),
        raw("lda", discriminant_analysis.LinearDiscriminantAnalysis()),
        raw("gradient_boosting", ensemble.GradientBoostingClassifier(max_depth=3, **FEW), "iris_two"),
        entry("multilabel_forest", ensemble.RandomForestClassifier(max_depth=3, **FEW), "iris_multilabel"),
        entry("multilabel_tree", tree.DecisionTreeClassifier(max_depth=3, **SEED), "iris_multilabel"),
        entry("multilabel_knn", neighbors.KNeighborsClassifier(3), "iris_multilabel"),
        entry("multilabel_mlp", neural_network.MLPClassifier((6,), max_iter=30, **SEED), "iris_multilabel"),
        entry(
            "multilabel_one_vs_rest",
            multiclass.OneVsRestClassifier(linear_model.LogisticRegression(max_iter=200)),
            "iris_multilabel",
        ),
        entry(
            "multi_output_classifier",
            multioutput.MultiOutputClassifier(linear_model.LogisticRegression(max_iter=200)),
            "iris_two_labels",
        ),
        entry("two_outputs_tree", tree.DecisionTreeClassifier(max_depth=3, **SEED), "iris_two_labels"),
        entry("categorical_nb", naive_bayes.CategoricalNB(min_categories=10), "iris_categories", element="int64"),
        entry("tree_int64", tree.DecisionTreeClassifier(max_depth=5, **SEED), "digits_counts", element="int64"),
        entry("forest_int64", ensemble.RandomForestClassifier(max_depth=4, **FEW), "digits_counts", element="int64"),
        entry("logistic_int64", linear_model.LogisticRegression(max_iter=50), "digits_counts", element="int64"),
        entry("tree_bool", tree.DecisionTreeClassifier(max_depth=5, **SEED), "digits_counts", element="bool",
              fit_element="bool"),
        entry("logistic_big_labels", linear_model.LogisticRegression(max_iter=200), "iris_big_labels"),
        entry("forest_big_labels", ensemble.RandomForestClassifier(max_depth=3, **FEW), "iris_big_labels"),
        entry("svc_big_labels", scaled(svm.SVC(**SEED)), "iris_big_labels"),
        entry("gp_return_std", REGRESSORS["gp_rbf"], "diabetes", fit_rows=60, options={"return_std": True}, atol=1e-2),
        entry("gp_return_cov", REGRESSORS["gp_rbf"], "diabetes", fit_rows=60, options={"return_cov": True}, atol=1e-2),
        entry("gp_return_std_double", REGRESSORS["gp_rbf"], "diabetes", fit_rows=60, options={"return_std": True},
              element="float64"),
        entry("tree_path", tree.DecisionTreeClassifier(max_depth=3, **SEED),
              options={"decision_path": True, "zipmap": False}),
        entry("tree_leaf", tree.DecisionTreeClassifier(max_depth=3, **SEED),
              options={"decision_leaf": True, "zipmap": False}),
        entry("forest_path", ensemble.RandomForestClassifier(3, max_depth=3, **SEED),
              options={"decision_path": True, "zipmap": False}),
        entry("forest_leaf", ensemble.RandomForestRegressor(3, max_depth=3, **SEED), "diabetes",
              options={"decision_leaf": True}),
        entry("isolation_forest_scores", CLUSTERS["isolation_forest"], options={"score_samples": True}),
        entry("gaussian_mixture_scores", CLUSTERS["gaussian_mixture"], options={"score_samples": True}),
        entry("local_outlier_scores", CLUSTERS["local_outlier_factor"], options={"score_samples": True}),
        entry("knn_cdist", neighbors.KNeighborsClassifier(3), options={"optim": "cdist", "zipmap": False}),
        entry("gp_cdist", REGRESSORS["gp_rbf"], "diabetes", fit_rows=60, options={"optim": "cdist"}, atol=1e-2),
        entry("knn_imputer_cdist", HOLES["imputer_knn"], holes=0.15, options={"optim": "cdist"}),
        entry("hist_boosting_missing", ensemble.HistGradientBoostingClassifier(max_iter=8, **SEED), holes=0.15),
        entry("hist_boosting_regressor_missing", ensemble.HistGradientBoostingRegressor(max_iter=8, **SEED),
              "diabetes", holes=0.15),
        entry("forest_missing", ensemble.RandomForestClassifier(max_depth=4, **FEW), holes=0.15),
        entry("tree_missing", tree.DecisionTreeClassifier(max_depth=4, **SEED), holes=0.15),
        entry("tree_regressor_missing", tree.DecisionTreeRegressor(max_depth=4, **SEED), "diabetes", holes=0.15),
        entry("k_means_wide", cluster.KMeans(6, n_init=1, **SEED), "digits", atol=1e-2),
        entry("svc_digits", svm.SVC(**SEED), "digits_small", fit_rows=200),
        entry("mlp_digits", neural_network.MLPClassifier((12,), max_iter=20, **SEED), "digits"),
        entry("tuned_threshold", model_selection.TunedThresholdClassifierCV(
            linear_model.LogisticRegression(max_iter=300), cv=2), "iris_two"),
        entry("kernel_centerer", preprocessing.KernelCenterer(), "iris", fit_rows=4),
        # The ensemble operator of ai.onnx.ml 5.
        entry("random_forest_ml5", ensemble.RandomForestClassifier(max_depth=4, **FEW), opset=21, ml=5),
        entry("random_forest_regressor_ml5", ensemble.RandomForestRegressor(max_depth=4, **FEW), "diabetes", opset=21,
              ml=5),
        entry("gradient_boosting_ml5", ensemble.GradientBoostingClassifier(max_depth=3, **FEW), opset=21, ml=5),
        entry("hist_gradient_boosting_ml5", ensemble.HistGradientBoostingRegressor(max_iter=8, **SEED), "diabetes",
              opset=21, ml=5, holes=0.1),
        entry("extra_trees_double_ml5", ensemble.ExtraTreesRegressor(max_depth=4, **FEW), "diabetes", opset=21, ml=5,
              element="float64"),
    ]
    for opset in (9, 10, 11, 12, 14, 16, 17, 19, 20, 22, 23):
        made.append(entry(f"logistic_opset{opset}", linear_model.LogisticRegression(max_iter=200), opset=opset))
        made.append(entry(f"knn_opset{opset}", neighbors.KNeighborsClassifier(3), opset=opset))
        made.append(entry(f"gp_opset{opset}", REGRESSORS["gp_rbf"], "diabetes", fit_rows=40, opset=opset, atol=1e-2))
    return made


ENTRIES = make()
