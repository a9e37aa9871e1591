"""Pipelines over tables of mixed columns and over texts, as scikit-learn's own guides build them."""

import numpy as np
from skl2onnx.common.data_types import BooleanTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn import ensemble, feature_extraction, linear_model, naive_bayes, neighbors, preprocessing, svm, tree
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, SelectPercentile, chi2
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

from .common import Entry
from .sklearn_common import convert, entry, fixture
from generators.sklearn_preprocessing import passengers  # noqa: I001

SEED = {"random_state": 0}
COLUMNS = {
    "port": StringTensorType([None, 1]),
    "deck": StringTensorType([None, 1]),
    "age": FloatTensorType([None, 1]),
    "fare": FloatTensorType([None, 1]),
    "siblings": Int64TensorType([None, 1]),
}
WORDS, NUMBERS, COUNTS = ["port", "deck"], ["age", "fare"], ["siblings"]


def columns(name, transformers, final=None, *, use=None, holes=False, strangers=False, opset=18, **details) -> Entry:
    """An entry with one input a column. `holes`: ages are missing; `strangers`: rows with unseen categories."""

    def build():
        data, survived = passengers()
        used = use or [*WORDS, *NUMBERS, *COUNTS]
        data = data[used].copy()
        if holes:
            data.loc[data.index % 5 == 0, "age"] = np.nan
        steps = ColumnTransformer([(f"{i}", t if isinstance(t, str) else clone(t), c) for i, (t, c) in enumerate(transformers)], sparse_threshold=0)
        model = make_pipeline(steps, clone(final)) if final is not None else make_pipeline(steps)
        target = (survived == "yes").astype(np.float32) if final is not None and final.__class__.__name__ in REGRESSORS else survived
        model.fit(data, target)
        proto = convert(name, model, [(column, COLUMNS[column]) for column in used], opset, details.pop("options", None))
        samples = [data.sample(count, random_state=count) for count in (9, 1)]
        if strangers:
            samples[0] = samples[0].copy()
            samples[0].iloc[-1, samples[0].columns.get_loc("port")] = "Belfast"
        feeds = [{column: sample[[column]].to_numpy() for column in used} for sample in samples]
        return fixture(model, proto, feeds, samples, rtol=1e-3, atol=1e-4, **details)

    return Entry(name, build)


REGRESSORS = {"Ridge", "RandomForestRegressor", "HistGradientBoostingRegressor"}

SENTENCES = [
    "The boats leave the harbour before the sun rises.",
    "Nets are mended and bread is baked, every morning!",
    "The lighthouse keeper writes down the weather",
    "A harbour town wakes: boats, nets, bread.",
    "it's a dog's life, isn't it? U.S. boats & co",
    "Rain again. Rain, rain -- and more rain",
    "écoute, l'été à Québec; naïve café",
    "ÜBER straße 東京 タワー",
    "numbers 12 and 3.14 and 2026-11-26",
    "",
    "the the the the",
    "e-mail: someone@example.org (urgent)",
]


def texts(name, vectorizer, final=None, *, options=None, sentences=None, opset=18, skip="", **details) -> Entry:
    """An entry whose input is one column of text."""

    def build():
        corpus = np.array(sentences or SENTENCES[:6] + SENTENCES[8:9] + SENTENCES[10:])
        y = np.arange(len(corpus)) % 2
        model = make_pipeline(clone(vectorizer), clone(final)) if final is not None else make_pipeline(clone(vectorizer))
        model.fit(corpus, y)
        proto = convert(name, model, [("text", StringTensorType([None]))], opset, options)
        samples = [corpus, np.array(["boats and nets and rain", "nothing known here"]), np.array(["rain"])]
        feeds = [{"text": sample.astype(object)} for sample in samples]
        return fixture(model, proto, feeds, samples, rtol=1e-3, atol=1e-5, **details)

    return Entry(name, build, skip)


def two_texts(name, **details) -> Entry:
    """Two text columns of one matrix, each with a vectorizer of its own, then a classifier."""

    def build():
        corpus = np.array([[a, b] for a, b in zip(SENTENCES[:6], SENTENCES[2:6] + SENTENCES[:2], strict=True)])
        y = np.array([0, 1, 0, 1, 0, 1])
        model = make_pipeline(
            ColumnTransformer([("a", TfidfVectorizer(), 0), ("b", CountVectorizer(ngram_range=(1, 2)), 1)]),
            linear_model.LogisticRegression(),
        ).fit(corpus, y)
        proto = convert(name, model, [("text", StringTensorType([None, 2]))])
        feeds = [{"text": corpus.astype(object)}, {"text": corpus[:1].astype(object)}]
        return fixture(model, proto, feeds, [corpus, corpus[:1]], **details)

    return Entry(name, build)


def single_string(name, transformer, *, opset=18, strangers=True, columns_of=2, **details) -> Entry:
    """A transformer over a matrix of text."""

    def build():
        data, survived = passengers()
        X = data[WORDS[:columns_of]].to_numpy()
        model = clone(transformer).fit(X, survived == "yes")
        proto = convert(name, model, [("X", StringTensorType([None, columns_of]))], opset, details.pop("options", None))
        samples = [X[:9].copy(), X[9:10]]
        if strangers:
            samples[0][3, 0] = "Belfast"
        return fixture(model, proto, [{"X": sample} for sample in samples], samples, **details)

    return Entry(name, build)


def integer_columns(name, transformer, *, kind=Int64TensorType, dtype=np.int64, opset=18, **details) -> Entry:
    def build():
        random = np.random.RandomState(5)
        X = random.randint(0, 4, (60, 3)).astype(dtype)
        y = (X[:, 0] + X[:, 1] > 3).astype(np.int64)
        model = clone(transformer).fit(X, y)
        proto = convert(name, model, [("X", kind([None, 3]))], opset)
        samples = [X[:9], X[9:10]]
        return fixture(model, proto, [{"X": sample} for sample in samples], samples, **details)

    return Entry(name, build)


def labels(name, transformer, values, kind) -> Entry:
    """LabelEncoder and LabelBinarizer, which take a vector."""

    def build():
        y = np.array(values)
        model = clone(transformer).fit(y)
        proto = convert(name, model, [("y", kind([None]))])
        sample = y.astype(object) if y.dtype.kind == "U" else y
        return fixture(model, proto, [{"y": sample}, {"y": sample[:1]}], [y, y[:1]])

    return Entry(name, build)


def one_hot(**details):
    return preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False, **details)


ordinal = preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
filled = make_pipeline(SimpleImputer(strategy="median"), preprocessing.StandardScaler())
MIXED = [(one_hot(), WORDS), (preprocessing.StandardScaler(), NUMBERS), ("passthrough", COUNTS)]
ORDINAL = [(ordinal, WORDS), ("passthrough", NUMBERS)]
FINALS = {
    "logistic": linear_model.LogisticRegression(),
    "forest": ensemble.RandomForestClassifier(6, max_depth=5, **SEED),
    "boosting": ensemble.GradientBoostingClassifier(n_estimators=6, **SEED),
    "hist": ensemble.HistGradientBoostingClassifier(max_iter=6, **SEED),
    "svc": svm.SVC(probability=True, **SEED),
    "knn": neighbors.KNeighborsClassifier(5),
    "bayes": naive_bayes.GaussianNB(),
    "tree": tree.DecisionTreeClassifier(max_depth=6, **SEED),
    "ridge": linear_model.Ridge(),
    "forest_regressor": ensemble.RandomForestRegressor(6, max_depth=5, **SEED),
    "sgd": linear_model.SGDClassifier(loss="log_loss", **SEED),
}


ENTRIES = [
    *[columns(f"mixed_{name}", MIXED, final, strangers=True) for name, final in FINALS.items()],
    *[columns(f"ordinal_{name}", ORDINAL, final, use=[*WORDS, *NUMBERS], opset=15) for name, final in FINALS.items()],
    *[
        columns(f"filled_{name}", [(one_hot(), WORDS), (filled, NUMBERS)], final, use=[*WORDS, *NUMBERS], holes=True)
        for name, final in FINALS.items()
    ],
    columns("only_one_hot", [(one_hot(), WORDS)], use=WORDS, strangers=True),
    columns("one_hot_drop_binary", [(preprocessing.OneHotEncoder(drop="if_binary"), WORDS)], use=WORDS),
    columns("one_hot_infrequent", [(one_hot(min_frequency=40), WORDS)], use=WORDS),
    columns("one_hot_counts", [(one_hot(), COUNTS)], use=COUNTS),
    columns("one_hot_counts_and_words", [(one_hot(), COUNTS), (one_hot(), WORDS)], use=[*WORDS, *COUNTS]),
    columns("ordinal_counts", [(preprocessing.OrdinalEncoder(), COUNTS)], use=COUNTS),
    columns("scaled_then_bins", [(preprocessing.KBinsDiscretizer(3, encode="onehot-dense", quantile_method="linear"), NUMBERS)], use=NUMBERS),
    columns("polynomials", [(preprocessing.PolynomialFeatures(2), NUMBERS), (preprocessing.MinMaxScaler(), COUNTS)],
            use=[*NUMBERS, *COUNTS]),
    columns("imputed_words", [(make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot()), WORDS)], use=WORDS),
    columns("imputed_words_constant",
            [(make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), one_hot()), WORDS)], use=WORDS),
    columns("imputed_indicator", [(SimpleImputer(add_indicator=True), NUMBERS)], use=NUMBERS, holes=True),
    columns("knn_imputed", [(KNNImputer(n_neighbors=2), NUMBERS)], use=NUMBERS, holes=True),
    columns("target_encoder", [(preprocessing.TargetEncoder(target_type="binary", **SEED), WORDS)], use=WORDS),
    columns("nested", [(make_pipeline(one_hot(), PCA(3)), WORDS),
                       (FeatureUnion([("a", preprocessing.StandardScaler()), ("b", preprocessing.RobustScaler())]), NUMBERS)],
            linear_model.LogisticRegression(), use=[*WORDS, *NUMBERS]),
    columns("select_chi2", [(one_hot(), WORDS), (preprocessing.MinMaxScaler(), NUMBERS)],
            Pipeline([("pick", SelectKBest(chi2, k=4)), ("fit", linear_model.LogisticRegression())]),
            use=[*WORDS, *NUMBERS]),
    columns("remainder", [(one_hot(), WORDS), ("drop", COUNTS), ("passthrough", NUMBERS)], FINALS["logistic"]),
    columns("mixed_zipmap", MIXED, FINALS["forest"], options={"zipmap": True}),
    columns("stacking_mixed", MIXED, ensemble.StackingClassifier(
        [("f", FINALS["forest"]), ("b", FINALS["bayes"])], linear_model.LogisticRegression(), cv=2)),
    columns("voting_mixed", MIXED, ensemble.VotingClassifier(
        [("f", FINALS["forest"]), ("l", FINALS["logistic"])], voting="soft", flatten_transform=False)),
    single_string("strings_one_hot", one_hot()),
    single_string("strings_one_hot_int", one_hot(dtype=np.int64)),
    single_string("strings_one_hot_opset9", one_hot(), opset=9),
    single_string("strings_ordinal", ordinal),
    single_string("strings_ordinal_plain", preprocessing.OrdinalEncoder(), strangers=False),
    single_string("strings_imputer", SimpleImputer(strategy="most_frequent"), strangers=False),
    single_string("strings_target", preprocessing.TargetEncoder(target_type="binary", **SEED), strangers=False),
    single_string("strings_one_hot_tree", make_pipeline(one_hot(), tree.DecisionTreeClassifier(**SEED))),
    integer_columns("integers_one_hot", one_hot()),
    integer_columns("integers_ordinal", preprocessing.OrdinalEncoder()),
    integer_columns("integers_scaler", preprocessing.StandardScaler()),
    integer_columns("integers_binarizer", preprocessing.Binarizer(threshold=1)),
    integer_columns("integers_polynomial", preprocessing.PolynomialFeatures(2)),
    integer_columns("integers_min_max", preprocessing.MinMaxScaler()),
    integer_columns("integers_one_hot_floats", one_hot(), kind=FloatTensorType, dtype=np.float32),
    integer_columns("booleans_tree", tree.DecisionTreeClassifier(**SEED), kind=BooleanTensorType, dtype=bool),
    labels("label_encoder_words", preprocessing.LabelEncoder(), ["b", "a", "é", "c", "a"], StringTensorType),
    labels("label_encoder_integers", preprocessing.LabelEncoder(), [4, 2, -7, 4], Int64TensorType),
    labels("label_binarizer_integers", preprocessing.LabelBinarizer(), [4, 2, -7, 4], Int64TensorType),
    labels("label_binarizer_values", preprocessing.LabelBinarizer(neg_label=-1, pos_label=2), [4, 2, -7, 4], Int64TensorType),
    # Texts.
    texts("count", CountVectorizer()),
    texts("count_bigrams", CountVectorizer(ngram_range=(1, 2))),
    texts("count_only_bigrams", CountVectorizer(ngram_range=(2, 2))),
    texts("count_trigrams", CountVectorizer(ngram_range=(1, 3))),
    texts("count_binary", CountVectorizer(binary=True)),
    texts("count_stop_words", CountVectorizer(stop_words="english")),
    texts("count_stop_list", CountVectorizer(stop_words=["the", "and"])),
    texts("count_keep_case", CountVectorizer(lowercase=False)),
    texts("count_max_features", CountVectorizer(max_features=8)),
    texts("count_pattern_words", CountVectorizer(token_pattern="[a-zA-Z]+")),
    texts("count_pattern_digits", CountVectorizer(token_pattern=r"\b[a-zA-Z0-9]+\b")),
    texts("count_chars", CountVectorizer(analyzer="char", ngram_range=(1, 2))),
    texts("count_char_wb", CountVectorizer(analyzer="char_wb", ngram_range=(2, 3))),
    texts("count_unicode", CountVectorizer(), sentences=SENTENCES[:8]),
    texts("tfidf", TfidfVectorizer()),
    texts("tfidf_bigrams", TfidfVectorizer(ngram_range=(1, 2))),
    texts("tfidf_sublinear", TfidfVectorizer(sublinear_tf=True)),
    texts("tfidf_no_idf", TfidfVectorizer(use_idf=False)),
    texts("tfidf_no_norm", TfidfVectorizer(norm=None)),
    texts("tfidf_l1", TfidfVectorizer(norm="l1")),
    texts("tfidf_no_smooth", TfidfVectorizer(smooth_idf=False)),
    texts("tfidf_pattern", TfidfVectorizer(token_pattern="[a-zA-Z0-9_]+")),
    texts("tfidf_double", TfidfVectorizer(dtype=np.float64)),
    texts("tfidf_separators", TfidfVectorizer(), options=None, opset=15),
    texts("tfidf_logistic", TfidfVectorizer(), linear_model.LogisticRegression()),
    texts("tfidf_bayes", TfidfVectorizer(), naive_bayes.MultinomialNB()),
    texts("tfidf_svc", TfidfVectorizer(), svm.SVC(**SEED)),
    texts("tfidf_forest", TfidfVectorizer(), FINALS["forest"]),
    texts("tfidf_svd", TfidfVectorizer(), TruncatedSVD(3, **SEED)),
    texts("tfidf_select", TfidfVectorizer(), SelectPercentile(chi2, percentile=50)),
    texts("count_tfidf_sgd", CountVectorizer(), make_pipeline(TfidfTransformer(), linear_model.SGDClassifier(**SEED))),
    texts("hashing", feature_extraction.text.HashingVectorizer(n_features=16), skip="skl2onnx has no converter"),
    two_texts("two_texts"),
    entry("poly_ridge", make_pipeline(preprocessing.PolynomialFeatures(2), linear_model.Ridge()), "diabetes", atol=1e-2),
    entry("pca_logistic", make_pipeline(PCA(10, **SEED), linear_model.LogisticRegression(max_iter=100)), "digits"),
    entry("bins_bayes", make_pipeline(
        preprocessing.KBinsDiscretizer(4, encode="ordinal", quantile_method="linear"), naive_bayes.MultinomialNB())),
    entry("spline_like_union", make_pipeline(
        FeatureUnion([("p", preprocessing.PolynomialFeatures(2)), ("b", preprocessing.Binarizer(threshold=3)),
                      ("pca", PCA(2, **SEED))]), linear_model.LogisticRegression(max_iter=500))),
    entry("imputer_union_forest", make_pipeline(
        FeatureUnion([("m", SimpleImputer()), ("d", SimpleImputer(strategy="median"))]), FINALS["forest"]), holes=0.1),
    entry("chain_of_scalers", make_pipeline(
        preprocessing.MinMaxScaler(), preprocessing.StandardScaler(), preprocessing.Normalizer(),
        preprocessing.MaxAbsScaler(), svm.LinearSVR(**SEED)), "diabetes"),
]
