"""Text through scikit-learn's vectorizers, which skl2onnx writes as StringNormalizer, Tokenizer and TfIdfVectorizer."""

import numpy as np
import onnx
from skl2onnx.common.data_types import StringTensorType
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from .cases import Recipe
from .sklearn_common import convert, fixture

SUBJECTS = {
    "weather": "rain sun wind cloudy storm cold warm sky umbrella snow drizzle",
    "cooking": "soup salt oven butter knife onions stew bread warm plate taste",
    "sailing": "wind sail rope harbour storm anchor mast deck sky knots tide",
}
FILLERS = "the a of and it was with in very some".split()


def sentences(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Invented sentences with their subjects: words in any case, punctuation, digits."""
    random = np.random.RandomState(seed)
    texts, labels = [], []
    for _ in range(count):
        subject = list(SUBJECTS)[random.randint(3)]
        words = random.choice(SUBJECTS[subject].split() + FILLERS, random.randint(1, 12)).tolist()
        words = [word.capitalize() if random.rand() < 0.2 else word for word in words]
        if random.rand() < 0.3:
            words.insert(0, str(random.randint(100)))
        text = words[0]
        for word in words[1:]:
            text += random.choice([" ", " ", " ", ", ", ". ", "  "]) + word
        texts.append(text)
        labels.append(subject)
    return np.array(texts, dtype=object), np.array(labels, dtype=object)


def without_locale(model):
    """The model for machines without the locale that ONNX Runtime takes where none is said, en_US.UTF-8."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    for node in copy.graph.node:
        if node.op_type == "StringNormalizer":
            node.attribute.append(onnx.helper.make_attribute("locale", "C.UTF-8"))
    return copy


def text_recipe(name: str, vectorizer, final=None, *, opset=17, separators=None, tokens=None, **details):
    """A case with one column of text. `separators`, `tokens`: how the converter is told that words are found."""

    def build():
        texts, labels = sentences(80, 0)
        estimator = make_pipeline(vectorizer, final) if final else vectorizer
        estimator.fit(texts, labels)
        options = {}
        if separators:
            options[id(vectorizer)] = {"separators": separators}
        if tokens:
            options[id(vectorizer)] = {"tokenexp": tokens}
        if final:
            options[id(final)] = {"zipmap": False}
        model = convert(name, estimator, [("text", StringTensorType([None, 1]))], opset, all_options=options)
        samples = [sentences(9, 1)[0], sentences(1, 2)[0], np.array(["entirely unknown words"], dtype=object)]
        if (
            vectorizer.analyzer == "char"
        ):  # scikit-learn makes runs of white space one character, the converter does not
            samples = [np.array([" ".join(text.split()) for text in sample], dtype=object) for sample in samples]
        inputs = [{"text": sample.reshape(-1, 1)} for sample in samples]

        def answers(estimator, sample):
            if final:
                return [estimator.predict(sample), estimator.predict_proba(sample)]
            return [estimator.transform(sample).toarray().astype(np.float32)]

        return fixture(estimator, model, inputs, samples, answers, stand_in=without_locale(model), **details)

    return Recipe(name, build)


WORDS = "[a-zA-Z0-9_]+"

RECIPES = [
    text_recipe(
        "text_tfidf_logistic",
        TfidfVectorizer(token_pattern=WORDS),
        LogisticRegression(max_iter=300),
        tokens=WORDS,
    ),
    text_recipe(
        "text_tfidf_pairs_logistic",
        TfidfVectorizer(token_pattern=WORDS, ngram_range=(1, 2), sublinear_tf=False, norm="l1"),
        LogisticRegression(max_iter=300),
        tokens=WORDS,
    ),
    text_recipe(
        "text_tfidf_stop_words_logistic",
        TfidfVectorizer(token_pattern=WORDS, stop_words=FILLERS, use_idf=False),
        LogisticRegression(max_iter=300),
        tokens=WORDS,
        opset=15,
    ),
    text_recipe("text_counts_bayes", CountVectorizer(token_pattern=WORDS), MultinomialNB(), tokens=WORDS),
    text_recipe("text_counts_binary", CountVectorizer(token_pattern=WORDS, binary=True), tokens=WORDS),
    text_recipe("text_tfidf_characters", TfidfVectorizer(analyzer="char", ngram_range=(1, 2), max_features=120)),
]
