"""Strings."""

import numpy as np

from maker import ML, WORDS, Skip

PATTERNS = ["[a-z]+", ".*", "a|b", "[0-9.-]+", "(ab)+c?", "[A-Z].*", "", r"\w+", r"\d", "x y", "a{1,2}b", "é", r"[^a]*", r"\s*\w+\s*"]


def concat(m):
    x = m.operand(["string"])
    m.node("StringConcat", [x, m.constant(m.array("string", m.broadcastable(m.get(x).shape)), 0.4)])


def split(m):
    words = ["a b c", "", " lead", "trail ", "a  b", "a,b,,c", ",", "one", "é,ü", "x--y--z"]
    x = m.tensor("string", m.shape(low=1, high=2, zero=0.03), words=words)
    m.node("StringSplit", [x], 2, delimiter=m.choice([None, "", " ", ",", "--"]), maxsplit=m.choice([None, 1, 2, 5]))


def normalise(m):
    x = m.tensor("string", m.choice([(m.integer(1, 6),), (1, m.integer(1, 6))]), words=[w for w in WORDS if w.isascii()])
    m.node("StringNormalizer", [x], case_change_action=m.choice([None, "NONE", "LOWER", "UPPER"]),
           is_case_sensitive=m.choice([None, 0, 1]), stopwords=m.choice([None, ["ab"], ["Ab", "x y"], ["a", "b", "1"]]),
           locale=m.choice([None, "C"]))


def regex(m):
    m.node("RegexFullMatch", [m.operand(["string"])], pattern=m.choice(PATTERNS))


def tf_idf(m):
    words = m.chance(0.5)
    pool = ["a", "b", "ab", "é"] if words else [1, 2, 3, 4]
    shape = m.choice([(m.integer(1, 7),), (m.integer(1, 3), m.integer(1, 7))])
    x = m.input(m.array("string", shape, words=pool) if words else m.array(m.choice(["int64", "int32"]), shape, 1, 4))
    longest = m.integer(1, 3)
    grams, starts = [], []
    for n in range(1, longest + 1):
        starts.append(len(grams))
        seen = set()
        for _ in range(m.integer(1, 3)):
            gram = tuple(m.choice(pool) for _ in range(n))
            if gram not in seen:
                seen.add(gram)
                grams += gram
    count = sum((end - start) // n for n, (start, end) in enumerate(zip(starts, [*starts[1:], len(grams)], strict=True), 1))
    shortest = m.integer(1, longest)
    m.node("TfIdfVectorizer", [x], mode=m.choice(["TF", "IDF", "TFIDF"]), min_gram_length=shortest, max_gram_length=longest,
           max_skip_count=m.integer(0, 2), ngram_counts=starts, ngram_indexes=list(range(count)),
           weights=[float(w) for w in m.array("float32", (count,), 0.25, 2)] if m.chance(0.6) else None,
           **({"pool_strings": grams} if words else {"pool_int64s": grams}))


def moved(m):
    """Strings through the operators that only move values."""
    x = m.operand(["string"], low=1)
    value = m.get(x)
    if not value.size:
        raise Skip
    kind = m.choice(["Gather", "Transpose", "Reshape", "Concat", "Slice", "Equal", "Where", "Expand", "Unique"])
    if kind == "Gather":
        m.node(kind, [x, m.constant(m.numpy.randint(0, value.shape[0], m.shape(high=2)).astype(np.int64))])
    elif kind == "Transpose":
        m.node(kind, [x])
    elif kind == "Reshape":
        m.node(kind, [x, m.constant(np.array([-1], dtype=np.int64))])
    elif kind == "Concat":
        m.node(kind, [x, x], axis=m.integer(0, value.ndim - 1))
    elif kind == "Slice":
        m.node(kind, [x, *(m.constant(np.array([v], dtype=np.int64)) for v in (0, 2))])
    elif kind == "Equal":
        m.node(kind, [x, m.constant(m.array("string", m.broadcastable(value.shape)))])
    elif kind == "Where":
        m.node(kind, [m.constant(m.array("bool", value.shape)), x, m.constant(m.array("string", (1,)))])
    elif kind == "Expand":
        m.node(kind, [x, m.constant(np.array([2, *value.shape], dtype=np.int64))])
    else:
        m.node(kind, [x], 4, sorted=m.choice([None, 0, 1]))


def labels(m):
    kinds = {"strings": ["a", "b", "ab", "é"], "int64s": [1, 2, 3, -4], "floats": [0.5, 1.5, -2.0, 3.0]}
    source, target = m.choice(kinds), m.choice(kinds)
    keys = m.random.sample(kinds[source], m.integer(1, 4))
    values = [m.choice(kinds[target]) for _ in keys]
    shape = m.shape(high=2)
    if source == "strings":
        x = m.tensor("string", shape, words=[*kinds[source], "zz", ""])
    elif source == "int64s":
        x = m.tensor("int64", shape, low=-5, high=5)
    else:
        x = m.input(np.array([m.choice([*kinds[source], 9.0]) for _ in range(int(np.prod(shape)))], dtype=np.float32).reshape(shape))
    default = {"strings": {"default_string": "none"}, "int64s": {"default_int64": 77}, "floats": {"default_float": -0.5}}[target]
    if m.ml < 2:
        raise Skip
    m.node("LabelEncoder", [x], domain=ML, **{f"keys_{source}": keys, f"values_{target}": values}, **(default if m.chance(0.7) else {}))


TEXT = [concat, split, normalise, regex, tf_idf, tf_idf, moved, moved, labels]
