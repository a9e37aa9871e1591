"""Tree ensembles, linear models, support vectors and the encoders of ai.onnx.ml."""

import numpy as np
from onnx import numpy_helper

from maker import ML, Skip

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
POST = [None, "NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]


def matrix(m, holes=False, dtypes=("float32", "float32", "float64", "int64", "int32")):
    rows = 0 if m.chance(0.02) else m.choice([1, 2, 3, 7, 20, 70])
    value = m.array(m.choice(dtypes), (rows, m.integer(1, 6)), -3, 3)
    if holes and value.dtype.kind == "f" and value.size:
        value[m.numpy.random_sample(value.shape) < 0.1] = np.nan
    return value


def grow(m, features, depth):
    """A tree as nested tuples: (mode, feature, value, missing, true, false), or a leaf's number."""
    if depth == 0 or m.chance(0.2):
        return None
    return [m.integer(0, features - 1), m.array("float32", (), -2, 2).item(), m.integer(0, 1), grow(m, features, depth - 1), grow(m, features, depth - 1)]


def ensemble(m, features):
    """Attributes of the nodes, and the leaves as (tree, node)."""
    made = {key: [] for key in ["treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true"]}
    leaves = []
    one = m.choice(MODES)
    mixed = m.chance(0.4)
    for tree in range(m.choice([1, 2, 3, 10])):
        counter = [0]

        def lay(node, tree=tree, counter=counter):
            number = counter[0]
            counter[0] += 1
            place = len(made["nodeids"])
            for key, value in [("treeids", tree), ("nodeids", number), ("modes", "LEAF"), ("featureids", 0), ("values", 0.0), ("truenodeids", 0), ("falsenodeids", 0), ("missing_value_tracks_true", 0)]:
                made[key].append(value)
            if node is None:
                leaves.append((tree, number))
                return number
            feature, value, missing, left, right = node
            made["modes"][place] = m.choice(MODES) if mixed else one
            made["featureids"][place], made["values"][place] = feature, value
            made["missing_value_tracks_true"][place] = missing
            made["truenodeids"][place] = lay(left)
            made["falsenodeids"][place] = lay(right)
            return number

        lay(grow(m, features, m.choice([0, 1, 2, 3, 5])))
    made = {f"nodes_{key}": value for key, value in made.items()}
    if m.chance(0.4):
        made["nodes_missing_value_tracks_true"] = None
    return made, leaves


def regressor(m):
    value = matrix(m, holes=m.chance(0.3))
    nodes, leaves = ensemble(m, value.shape[1])
    targets = m.choice([1, 1, 2, 3])
    # ONNX Runtime leaves the base value out where a target has no score at all.
    based = m.chance(0.4)
    rows = [(tree, node, target) for tree, node in leaves for target in range(targets) if based or targets == 1 or m.chance(0.7)]
    if not rows:
        raise Skip
    m.node("TreeEnsembleRegressor", [m.input(value)], domain=ML, n_targets=targets, **nodes,
           target_treeids=[r[0] for r in rows], target_nodeids=[r[1] for r in rows], target_ids=[r[2] for r in rows],
           target_weights=[float(v) for v in m.array("float32", (len(rows),))],
           aggregate_function=m.choice([None, "SUM", "AVERAGE", "MIN", "MAX"]),
           base_values=[float(v) for v in m.array("float32", (targets,))] if based else None,
           post_transform=m.choice([None, "NONE", "LOGISTIC", "SOFTMAX"]) if targets > 1 else None)


def classifier(m):
    value = matrix(m, holes=m.chance(0.3))
    nodes, leaves = ensemble(m, value.shape[1])
    classes = m.choice([2, 2, 3, 4])
    binary_short = classes == 2 and m.chance(0.5)
    used = [1] if binary_short and m.chance(0.5) else [0] if binary_short else range(classes)
    rows = [(tree, node, target) for tree, node in leaves for target in used if len(list(used)) == 1 or m.chance(0.8)]
    if not rows:
        raise Skip
    labels = {"classlabels_strings": ["a", "b", "é", "d"][:classes]} if m.chance(0.4) else {"classlabels_int64s": m.choice([list(range(classes)), [5, -2, 9, 7][:classes]])}
    low = 0.0 if m.chance(0.6) else -1.0
    (label, scores) = m.node("TreeEnsembleClassifier", [m.input(value)], 2, domain=ML, **nodes, **labels,
           class_treeids=[r[0] for r in rows], class_nodeids=[r[1] for r in rows], class_ids=[r[2] for r in rows],
           class_weights=[float(v) for v in m.array("float32", (len(rows),), low, 1)],
           base_values=[float(v) for v in m.array("float32", (classes,))] if m.chance(0.3) and not binary_short else None,
           post_transform=m.choice(POST[:5]))
    if m.chance(0.2) and m.get(scores).size:
        m.node("ZipMap", [scores], domain=ML, **labels)


def ensemble5(m):
    """TreeEnsemble of version 5, with set membership."""
    m.ml = 5
    value = matrix(m, dtypes=("float32", "float32", "float64"))
    kind = str(value.dtype)
    splits, leaves, roots = [], [], []

    def tensor(numbers, dtype=kind):
        return numpy_helper.from_array(np.array(numbers, dtype=dtype))

    members = []
    sets = m.chance(0.4)
    targets = m.choice([1, 2])

    def lay(depth):
        """(index, is a leaf) of what is laid."""
        if depth == 0 or m.chance(0.2):
            leaves.append((m.integer(0, targets - 1), m.array("float32", ()).item()))
            return len(leaves) - 1, 1
        place = len(splits)
        splits.append(None)
        mode = m.integer(0, 6 if sets else 5)
        if mode == 6:
            members.append([float(v) for v in m.array("float32", (m.integer(1, 3),), -3, 3).round()])
        split = [m.integer(0, value.shape[1] - 1), mode, m.array("float32", (), -2, 2).item()]
        splits[place] = (*split, lay(depth - 1), lay(depth - 1), m.integer(0, 1))
        return place, 0

    for _ in range(m.choice([1, 2, 4])):
        roots.append(len(splits))
        before = len(splits)
        for _ in range(20):
            if lay(m.choice([1, 2, 3]))[1] == 0:
                break
            leaves.pop()
        if len(splits) == before:
            raise Skip
    ordered = []
    # The sets follow the order of the nodes that ask for membership.
    flat = [part for one in members for part in [*one, np.nan]]
    del ordered
    m.node("TreeEnsemble", [m.input(value)], domain=ML, n_targets=targets, aggregate_function=m.choice([None, 0, 1, 2, 3]),
           post_transform=m.choice([None, 0]), tree_roots=roots,
           nodes_featureids=[s[0] for s in splits], nodes_modes=tensor([s[1] for s in splits], "uint8"),
           nodes_splits=tensor([s[2] for s in splits]), nodes_truenodeids=[s[3][0] for s in splits], nodes_trueleafs=[s[3][1] for s in splits],
           nodes_falsenodeids=[s[4][0] for s in splits], nodes_falseleafs=[s[4][1] for s in splits],
           nodes_missing_value_tracks_true=[s[5] for s in splits] if m.chance(0.5) else None,
           membership_values=tensor(flat) if members else None,
           leaf_targetids=[leaf[0] for leaf in leaves], leaf_weights=tensor([leaf[1] for leaf in leaves]))


def linear(m):
    value = matrix(m, dtypes=("float32", "float32", "float64", "int64"))
    features = value.shape[1]
    if m.chance(0.4):
        targets = m.integer(1, 3)
        m.node("LinearRegressor", [m.input(value.astype(np.float32))], domain=ML, targets=targets,
               coefficients=[float(v) for v in m.array("float32", (targets * features,))],
               intercepts=[float(v) for v in m.array("float32", (targets,))] if m.chance(0.7) else None,
               post_transform=m.choice([None, "NONE"]))
        return
    classes = m.choice([1, 2, 3])
    rows = max(2, classes) if m.chance(0.7) else classes
    labels = max(2, classes)
    named = {"classlabels_strings": ["a", "b", "é"][:labels]} if m.chance(0.4) else {"classlabels_ints": [4, -1, 7][:labels]}
    m.node("LinearClassifier", [m.input(value)], 2, domain=ML, **named, multi_class=m.choice([None, 0, 1]),
           coefficients=[float(v) for v in m.array("float32", (rows * features,))],
           intercepts=[float(v) for v in m.array("float32", (rows,))], post_transform=m.choice(POST[:5]))


def vectors(m):
    value = matrix(m, dtypes=("float32",))
    features = value.shape[1]
    kernel = m.choice(["LINEAR", "POLY", "RBF", "SIGMOID"])
    made = {"kernel_type": kernel, "kernel_params": [0.3, 0.5, 2.0]}
    if m.chance(0.5):
        count = m.integer(1, 5)
        m.node("SVMRegressor", [m.input(value)], domain=ML, **made, n_supports=count, one_class=m.choice([None, 0, 1]),
               coefficients=[float(v) for v in m.array("float32", (count,))], rho=[0.25],
               support_vectors=[float(v) for v in m.array("float32", (count * features,))])
        return
    classes = m.choice([2, 3, 4])
    per = [m.integer(1, 3) for _ in range(classes)]
    count, pairs = sum(per), classes * (classes - 1) // 2
    probability = m.chance(0.4)
    named = {"classlabels_strings": ["a", "b", "é", "d"][:classes]} if m.chance(0.4) else {"classlabels_ints": [4, -1, 7, 2][:classes]}
    m.node("SVMClassifier", [m.input(value)], 2, domain=ML, **made, **named, vectors_per_class=per,
           support_vectors=[float(v) for v in m.array("float32", (count * features,))],
           coefficients=[float(v) for v in m.array("float32", ((classes - 1) * count,))],
           rho=[float(v) for v in m.array("float32", (pairs,))], post_transform=m.choice([None, "NONE", "LOGISTIC", "SOFTMAX"]),
           prob_a=[float(v) for v in m.array("float32", (pairs,), -2, -0.25)] if probability else None,
           prob_b=[float(v) for v in m.array("float32", (pairs,))] if probability else None)


def preparation(m):
    op = m.choice(["Scaler", "Normalizer", "Binarizer", "Imputer", "FeatureVectorizer", "OneHotEncoder"])
    if op == "Scaler":
        value = matrix(m)
        size = m.choice([1, value.shape[1]])
        m.node(op, [m.input(value)], domain=ML, offset=[float(v) for v in m.array("float32", (size,))],
               scale=[float(v) for v in m.array("float32", (size,))])
    elif op == "Normalizer":
        m.node(op, [m.input(matrix(m))], domain=ML, norm=m.choice([None, "MAX", "L1", "L2"]))
    elif op == "Binarizer":
        m.node(op, [m.input(matrix(m, dtypes=("float32", "float64", "int64")))], domain=ML, threshold=m.choice([None, 0.5, -1.0]))
    elif op == "Imputer":
        value = matrix(m, holes=True, dtypes=("float32", "int64"))
        size = m.choice([1, value.shape[1]])
        if value.dtype.kind == "f":
            m.node(op, [m.input(value)], domain=ML, imputed_value_floats=[float(v) for v in m.array("float32", (size,))],
                   replaced_value_float=m.choice([float("nan"), 0.25]))
        else:
            m.node(op, [m.input(value)], domain=ML, imputed_value_int64s=[int(v) for v in m.array("int64", (size,))], replaced_value_int64=m.choice([None, 1]))
    elif op == "FeatureVectorizer":
        rows = m.integer(1, 4)
        kind = m.choice(["float32", "float64", "int64", "int32"])
        parts = [m.tensor(kind, (rows, m.integer(1, 3))) for _ in range(m.integer(1, 3))]
        m.node(op, parts, domain=ML, inputdimensions=[m.get(part).shape[1] for part in parts])
    else:
        words = m.chance(0.5)
        x = m.tensor("string", m.shape(high=2), words=["a", "b", "c"]) if words else m.tensor(m.choice(["int64", "float32", "int32"]), m.shape(high=2), low=0, high=3)
        named = {"cats_strings": ["a", "b", "é"]} if words else {"cats_int64s": [0, 1, 3]}
        zeros = m.choice([None, 1, 0])
        if zeros == 0:
            raise Skip
        m.node(op, [x], domain=ML, zeros=zeros, **named)


TREES = [regressor, regressor, classifier, classifier, ensemble5, linear, vectors, preparation]
