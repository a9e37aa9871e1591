"""Writes the cases of this folder: one small model an operator and variant, with ONNX Runtime's answers.

Usage: python generate.py [FOLDER]          (needs onnx, onnxruntime, numpy; made with 1.23.2, 1.31.1, 2.4.6)
Writes cases.jsonl beside this script: a case a line, model and tensors as base64 of their protobufs. With FOLDER, the
same cases in the layout of ONNX's backend tests, for `swiftlet conformance`. Models are made from fixed seeds; a case that ONNX Runtime
does not take is left out, and said so.
"""
import base64, json, os, shutil, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as TP, helper as h, numpy_helper as nh

OUT = sys.argv[1] if len(sys.argv) > 1 else None
ML = "ai.onnx.ml"
KIND = {np.dtype(np.float32): TP.FLOAT, np.dtype(np.float64): TP.DOUBLE, np.dtype(np.int64): TP.INT64,
        np.dtype(np.int32): TP.INT32, np.dtype(np.int16): TP.INT16, np.dtype(object): TP.STRING}
written, skipped, lines = [], [], []
# Left out: ONNX Runtime writes only one of the two columns here (probit of a two-class model with one score), or takes
# TreeEnsemble's post_transform 1 for LOGISTIC and 2 for SOFTMAX, which the standard has the other way round.
EXCLUDED = ("binary_probit", "rbf_2_probit", "binary_mixed_0_probit", "binary_positive_0_probit", "binary_mixed_1_probit",
            "binary_positive_1_probit", "32_sum_softmax", "64_sum_softmax", "32_sum_logistic", "64_sum_logistic")


def case(name, op, inputs, outputs, version, domain=ML, opset=17, **attributes):
    """One node. inputs: arrays; outputs: element types."""
    if any(name.endswith(e) or e + "_base" in name for e in EXCLUDED):
        return
    names = [f"x{i}" for i in range(len(inputs))]
    node = h.make_node(op, names, [f"y{i}" for i in range(len(outputs))], domain=domain, name="n")
    for key, value in attributes.items():
        if value is None:
            continue
        if isinstance(value, np.ndarray):
            value = nh.from_array(value)
        a = onnx.AttributeProto()
        if isinstance(value, list) and not value:
            continue
        node.attribute.append(h.make_attribute(key, value))
    graph = h.make_graph(
        [node], "g",
        [h.make_tensor_value_info(n, KIND[x.dtype], ["n"] + list(x.shape[1:]) if x.ndim else []) for n, x in zip(names, inputs)],
        [h.make_tensor_value_info(f"y{i}", t, None) for i, t in enumerate(outputs)])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset), h.make_opsetid(domain, version)], ir_version=9)
    try:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        answers = session.run(None, dict(zip(names, inputs)))
    except Exception as e:
        skipped.append((name, str(e).splitlines()[0][:150]))
        return
    def protos(values, prefix):
        out = []
        for i, v in enumerate(values):
            v = np.asarray(v)
            out.append(nh.from_array(v.astype(object) if v.dtype.kind in "US" else v, f"{prefix}{i}").SerializeToString())
        return out

    parts = {"input": protos(inputs, "x"), "output": protos(answers, "y")}
    if OUT is None:
        text = lambda b: base64.b64encode(b).decode()
        lines.append(json.dumps({"name": name, "model": text(model.SerializeToString()),
                                 "inputs": [text(b) for b in parts["input"]], "outputs": [text(b) for b in parts["output"]]}))
    else:
        folder = os.path.join(OUT, name)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder + "/test_data_set_0")
        onnx.save(model, folder + "/model.onnx")
        for kind, values in parts.items():
            for i, v in enumerate(values):
                with open(f"{folder}/test_data_set_0/{kind}_{i}.pb", "wb") as f:
                    f.write(v)
    written.append(name)


TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]
INPUTS = {"f32": np.float32, "f64": np.float64, "i64": np.int64, "i32": np.int32}


def rows(seed, n, k, dtype=np.float32, scale=2.0):
    x = np.random.default_rng(seed).normal(size=(n, k)) * scale
    return (np.round(x * 3) if np.dtype(dtype).kind == "i" else x).astype(dtype)


# --- linear models -------------------------------------------------------------------------------------------------
def linear():
    r = np.random.default_rng(1)
    w = lambda *s: [float(np.float32(v)) for v in r.normal(size=s).ravel()]
    for t in TRANSFORMS:
        probit = 0.2 if t == "PROBIT" else 2.0
        case(f"linear_classifier_3_{t.lower()}", "LinearClassifier", [rows(2, 9, 4, scale=probit)], [TP.INT64, TP.FLOAT], 1,
             coefficients=w(3, 4), intercepts=w(3), classlabels_ints=[5, 7, 11], post_transform=t, multi_class=1)
        case(f"linear_classifier_binary_{t.lower()}", "LinearClassifier", [rows(3, 9, 4, scale=probit)], [TP.INT64, TP.FLOAT], 1,
             coefficients=w(1, 4), intercepts=w(1), classlabels_ints=[5, 7], post_transform=t)
        case(f"linear_classifier_two_{t.lower()}", "LinearClassifier", [rows(3, 9, 4, scale=probit)], [TP.INT64, TP.FLOAT], 1,
             coefficients=w(2, 4), intercepts=w(2), classlabels_ints=[5, 7], post_transform=t)
        case(f"linear_regressor_1_{t.lower()}", "LinearRegressor", [rows(4, 5, 3, scale=probit)], [TP.FLOAT], 1,
             coefficients=w(1, 3), intercepts=w(1), post_transform=t)
        case(f"linear_regressor_3_{t.lower()}", "LinearRegressor", [rows(4, 5, 3, scale=probit)], [TP.FLOAT], 1,
             coefficients=w(3, 3), intercepts=w(3), targets=3, post_transform=t)
    for name, d in INPUTS.items():
        case(f"linear_classifier_strings_{name}", "LinearClassifier", [rows(5, 9, 4, d)], [TP.STRING, TP.FLOAT], 1,
             coefficients=w(3, 4), intercepts=w(3), classlabels_strings=["a", "é", "c"], post_transform="SOFTMAX")
    case("linear_classifier_binary_strings", "LinearClassifier", [rows(5, 9, 4)], [TP.STRING, TP.FLOAT], 1,
         coefficients=w(1, 4), intercepts=w(1), classlabels_strings=["no", "yes"], post_transform="LOGISTIC")
    case("linear_classifier_one_label", "LinearClassifier", [rows(5, 9, 4)], [TP.INT64, TP.FLOAT], 1,
         coefficients=w(1, 4), intercepts=w(1), classlabels_ints=[3], post_transform="LOGISTIC")
    case("linear_classifier_vector", "LinearClassifier", [rows(5, 1, 4)[0]], [TP.INT64, TP.FLOAT], 1,
         coefficients=w(3, 4), intercepts=w(3), classlabels_ints=[0, 1, 2])
    case("linear_classifier_wide", "LinearClassifier", [rows(6, 33, 67)], [TP.INT64, TP.FLOAT], 1,
         coefficients=w(10, 67), intercepts=w(10), classlabels_ints=list(range(10)), post_transform="SOFTMAX")
    case("linear_regressor_no_intercept", "LinearRegressor", [rows(6, 5, 3)], [TP.FLOAT], 1, coefficients=w(1, 3))


# --- support vector machines ---------------------------------------------------------------------------------------
def svm():
    r = np.random.default_rng(7)
    w = lambda *s: [float(np.float32(v)) for v in r.normal(size=s).ravel()]
    for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
        for classes in (2, 3, 4):
            per = [2, 3, 4, 2][:classes]
            nsv, pairs = sum(per), classes * (classes - 1) // 2
            for proba in (False, True):
                for t in (TRANSFORMS if kernel == "RBF" else ["NONE"]):
                    if (classes == 4 or t == "SOFTMAX_ZERO") and t != "NONE":
                        continue
                    case(f"svm_classifier_{kernel.lower()}_{classes}{'_proba' if proba else ''}_{t.lower()}", "SVMClassifier",
                         [rows(8, 7, 5, scale=0.7)], [TP.INT64, TP.FLOAT], 1, kernel_type=kernel, kernel_params=[0.3, 0.2, 3.0],
                         support_vectors=w(nsv, 5), vectors_per_class=per, coefficients=w(classes - 1, nsv), rho=w(pairs),
                         prob_a=[-abs(v) for v in w(pairs)] if proba else None, prob_b=w(pairs) if proba else None,
                         classlabels_ints=[4, 6, 8, 9][:classes], post_transform=t)
        case(f"svm_regressor_{kernel.lower()}", "SVMRegressor", [rows(9, 7, 5, scale=0.7)], [TP.FLOAT], 1, kernel_type=kernel,
             kernel_params=[0.3, 0.2, 3.0], support_vectors=w(6, 5), n_supports=6, coefficients=w(6), rho=w(1))
    for t in TRANSFORMS:
        for classes in (2, 3):
            case(f"svm_classifier_liblinear_{classes}_{t.lower()}", "SVMClassifier", [rows(10, 7, 5, scale=0.1)], [TP.INT64, TP.FLOAT], 1,
                 kernel_params=[0.1, 0.0, 3.0], coefficients=w(classes, 5), rho=[0.25], classlabels_ints=[4, 6, 8][:classes], post_transform=t)
    case("svm_classifier_positive_2", "SVMClassifier", [rows(8, 7, 5)], [TP.INT64, TP.FLOAT], 1, kernel_type="RBF", kernel_params=[0.3, 0.0, 3.0],
         support_vectors=w(5, 5), vectors_per_class=[2, 3], coefficients=[abs(v) for v in w(1, 5)], rho=[-0.4], classlabels_ints=[1, 2])
    for name, d in INPUTS.items():
        case(f"svm_classifier_strings_{name}", "SVMClassifier", [rows(8, 7, 5, d)], [TP.STRING, TP.FLOAT], 1, kernel_type="LINEAR", kernel_params=[0.1, 0.0, 3.0],
             support_vectors=w(5, 5), vectors_per_class=[1, 2, 2], coefficients=w(2, 5), rho=w(3), classlabels_strings=["x", "y", "z"])
    case("svm_regressor_one_class", "SVMRegressor", [rows(9, 7, 5)], [TP.FLOAT], 1, kernel_type="RBF", kernel_params=[0.1, 0.0, 3.0],
         support_vectors=w(6, 5), n_supports=6, coefficients=w(6), rho=[0.1], one_class=1)
    case("svm_regressor_liblinear", "SVMRegressor", [rows(9, 7, 5)], [TP.FLOAT], 1, kernel_params=[0.1, 0.0, 3.0], coefficients=w(5), rho=[0.5],
         n_supports=0)


# --- trees ---------------------------------------------------------------------------------------------------------
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def forest(r, trees, depth, features, modes, leaf, missing=False, integral=False, prune=0.25):
    """Node lists of a random forest; `leaf(tree)` gives [(target, weight)] of a leaf."""
    a = {k: [] for k in ("treeids", "nodeids", "truenodeids", "falsenodeids", "featureids", "modes", "values", "missing_value_tracks_true")}
    leaves = []
    for t in range(trees):
        nodes = []

        def grow(level):
            i = len(nodes)
            nodes.append(None)
            if level == depth or (level > 0 and r.random() < prune):
                nodes[i] = (0, 0, 0, "LEAF", 0.0, 0)
                for target, weight in leaf(t):
                    leaves.append((t, i, target, weight))
                return i
            mode = modes[r.integers(len(modes))]
            value = float(np.float32(r.normal()))
            if integral or mode in ("BRANCH_EQ", "BRANCH_NEQ"):
                value = float(round(value * 2))
            nodes[i] = [grow(level + 1), grow(level + 1), int(r.integers(features)), mode, value, int(missing and r.random() < 0.5)]
            return i

        grow(0)
        for i, (yes, no, f, m, v, tracks) in enumerate(nodes):
            for k, x in zip(a, (t, i, yes, no, f, m, v, tracks)):
                a[k].append(x)
    out = {"nodes_" + k: v for k, v in a.items()}
    if not missing:
        del out["nodes_missing_value_tracks_true"]
    return out, leaves


def weights(leaves, prefix, ids, tensor=None):
    out = {f"{prefix}_treeids": [l[0] for l in leaves], f"{prefix}_nodeids": [l[1] for l in leaves], ids: [l[2] for l in leaves]}
    if tensor is None:
        out[f"{prefix}_weights"] = [float(l[3]) for l in leaves]
    else:
        out[f"{prefix}_weights_as_tensor"] = np.array([l[3] for l in leaves], tensor)
    return out


def trees():
    r = np.random.default_rng(11)
    f32 = lambda v: float(np.float32(v))
    with_nan = rows(12, 21, 6)
    with_nan[::4, 1] = np.nan
    with_nan[5, :] = np.nan
    whole = np.round(rows(13, 21, 6)).astype(np.float32)
    one = lambda t: [(0, f32(r.normal()))]
    for mode in MODES:
        for missing in (False, True):
            a, l = forest(r, 9, 3, 6, [mode], one, missing)
            case(f"tree_regressor_{mode[7:].lower()}{'_missing' if missing else ''}", "TreeEnsembleRegressor", [np.concatenate([with_nan, whole])],
                 [TP.FLOAT], 1, n_targets=1, **a, **weights(l, "target", "target_ids"))
    a, l = forest(r, 9, 4, 6, MODES, one, True)
    case("tree_regressor_mixed_modes", "TreeEnsembleRegressor", [np.concatenate([with_nan, whole])], [TP.FLOAT], 1, n_targets=1,
         **a, **weights(l, "target", "target_ids"))
    for agg in ("SUM", "AVERAGE", "MIN", "MAX"):
        for targets in (1, 3):
            leaf = one if targets == 1 else (lambda t: [(int(k), f32(r.normal())) for k in sorted(r.choice(3, int(r.integers(1, 4)), replace=False))])
            a, l = forest(r, 5, 3, 6, ["BRANCH_LEQ"], leaf)
            for base in (None, [0.5] if targets == 1 else [0.5, -0.25, 1.0]):
                case(f"tree_regressor_{agg.lower()}_{targets}{'_base' if base else ''}", "TreeEnsembleRegressor", [rows(14, 19, 6)], [TP.FLOAT], 1,
                     n_targets=targets, aggregate_function=agg, base_values=base, **a, **weights(l, "target", "target_ids"))
    for t in TRANSFORMS:
        for targets in (1, 3):
            leaf = lambda tr: [(k, f32(abs(r.normal()) * 0.05)) for k in range(targets)]
            a, l = forest(r, 4, 3, 6, ["BRANCH_LT"], leaf)
            case(f"tree_regressor_{t.lower()}_{targets}", "TreeEnsembleRegressor", [rows(15, 9, 6)], [TP.FLOAT], 1, n_targets=targets,
                 post_transform=t, **a, **weights(l, "target", "target_ids"))
    for name, d in INPUTS.items():
        a, l = forest(r, 5, 3, 6, ["BRANCH_LEQ"], one)
        case(f"tree_regressor_input_{name}", "TreeEnsembleRegressor", [rows(16, 25, 6, d)], [TP.FLOAT], 1, n_targets=1, **a, **weights(l, "target", "target_ids"))
        a, l = forest(r, 6, 3, 6, ["BRANCH_LT", "BRANCH_GT"], lambda t: [(t % 3, f32(r.normal()))])
        case(f"tree_classifier_input_{name}", "TreeEnsembleClassifier", [rows(16, 25, 6, d)], [TP.INT64, TP.FLOAT], 1, classlabels_int64s=[0, 1, 2],
             post_transform="SOFTMAX", **a, **weights(l, "class", "class_ids"))
    for n in (1, 2, 7, 8, 9, 15, 16, 17, 64, 65, 130):
        a, l = forest(r, 9, 4, 6, ["BRANCH_LEQ", "BRANCH_GT"], one)
        case(f"tree_regressor_rows_{n}", "TreeEnsembleRegressor", [rows(17, n, 6)], [TP.FLOAT], 1, n_targets=1, **a, **weights(l, "target", "target_ids"))
    a, l = forest(r, 3, 9, 6, ["BRANCH_LEQ"], one, prune=0.15)
    case("tree_regressor_deep", "TreeEnsembleRegressor", [rows(17, 40, 6)], [TP.FLOAT], 1, n_targets=1, **a, **weights(l, "target", "target_ids"))
    # Version 3: doubles.
    a, l = forest(r, 9, 4, 6, ["BRANCH_LEQ"], lambda t: [(0, r.normal())])
    a["nodes_values_as_tensor"] = np.array([v + 1e-9 for v in a.pop("nodes_values")])
    for name in ("f64",):
        case(f"tree_regressor_doubles_{name}", "TreeEnsembleRegressor", [rows(18, 25, 6, INPUTS[name])], [TP.FLOAT], 3, n_targets=1,
             base_values_as_tensor=np.array([0.1]), **a, **weights(l, "target", "target_ids", np.float64))
    # Classifiers: which classes have weights, sign of the weights, base values, transforms.
    for sign in ("mixed", "positive"):
        value = lambda: f32(r.normal() if sign == "mixed" else abs(r.normal()) * 0.1)
        for only in (0, 1):
            a, l = forest(r, 5, 3, 6, ["BRANCH_LEQ"], lambda t: [(only, value())])
            for base in (None, [0.3], [0.3, 0.2]):
                for t in TRANSFORMS:
                    if base and t not in ("NONE", "LOGISTIC") or t == "SOFTMAX_ZERO":
                        continue
                    case(f"tree_classifier_binary_{sign}_{only}_{t.lower()}_base{len(base or [])}", "TreeEnsembleClassifier", [rows(19, 11, 6)],
                         [TP.INT64, TP.FLOAT], 1, classlabels_int64s=[3, 8], post_transform=t, base_values=base, **a, **weights(l, "class", "class_ids"))
        for base in (None, [0.3], [0.3, 0.2]):
            a, l = forest(r, 5, 3, 6, ["BRANCH_LEQ"], lambda t: [(0, value()), (1, value())])
            for t in ("NONE", "LOGISTIC", "SOFTMAX"):
                case(f"tree_classifier_two_{sign}_{t.lower()}_base{len(base or [])}", "TreeEnsembleClassifier", [rows(19, 11, 6)], [TP.INT64, TP.FLOAT], 1,
                     classlabels_int64s=[3, 8], post_transform=t, base_values=base, **a, **weights(l, "class", "class_ids"))
        a, l = forest(r, 1, 3, 6, ["BRANCH_LEQ"], lambda t: [(int(r.integers(2)), value())])
        case(f"tree_classifier_two_{sign}_either", "TreeEnsembleClassifier", [rows(19, 11, 6)], [TP.INT64, TP.FLOAT], 1,
             classlabels_int64s=[3, 8], **a, **weights(l, "class", "class_ids"))
        for t in TRANSFORMS:
            for base in (None, [0.3, 0.2, -0.1]):
                a, l = forest(r, 6, 3, 6, ["BRANCH_LEQ"], lambda t: [(k, value()) for k in range(3)])
                case(f"tree_classifier_3_{sign}_{t.lower()}_base{len(base or [])}", "TreeEnsembleClassifier", [rows(20, 11, 6)], [TP.INT64, TP.FLOAT], 1,
                     classlabels_int64s=[3, 8, 9], post_transform=t, base_values=base, **a, **weights(l, "class", "class_ids"))
        a, l = forest(r, 2, 3, 6, ["BRANCH_LEQ"], lambda t: [(int(r.integers(4)), value())])
        case(f"tree_classifier_4_{sign}_sparse", "TreeEnsembleClassifier", [rows(20, 21, 6)], [TP.INT64, TP.FLOAT], 1, classlabels_int64s=[0, 1, 2, 3],
             **a, **weights(l, "class", "class_ids"))
    a, l = forest(r, 6, 3, 6, ["BRANCH_LEQ"], lambda t: [(t % 3, f32(r.normal()))], True)
    case("tree_classifier_strings", "TreeEnsembleClassifier", [with_nan], [TP.STRING, TP.FLOAT], 1, classlabels_strings=["a", "b", "ç"],
         post_transform="SOFTMAX", **a, **weights(l, "class", "class_ids"))
    a, l = forest(r, 6, 3, 6, ["BRANCH_LEQ"], lambda t: [(0, f32(r.normal()))])
    case("tree_classifier_binary_strings", "TreeEnsembleClassifier", [rows(20, 11, 6)], [TP.STRING, TP.FLOAT], 1, classlabels_strings=["a", "b"],
         post_transform="LOGISTIC", **a, **weights(l, "class", "class_ids"))
    a, l = forest(r, 6, 3, 6, ["BRANCH_LEQ"], lambda t: [(0, f32(r.normal()))])
    case("tree_classifier_one_label", "TreeEnsembleClassifier", [rows(20, 11, 6)], [TP.INT64, TP.FLOAT], 1, classlabels_int64s=[7],
         **a, **weights(l, "class", "class_ids"))
    a, l = forest(r, 3, 0, 6, ["BRANCH_LEQ"], one)
    case("tree_regressor_only_leaves", "TreeEnsembleRegressor", [rows(20, 11, 6)], [TP.FLOAT], 1, n_targets=1, **a, **weights(l, "target", "target_ids"))


def trees5():
    r = np.random.default_rng(31)
    for kind in (np.float32, np.float64):
        for agg in range(4):
            for post in (range(5) if agg == 1 else [0]):
                n_targets = 3
                nodes = {k: [] for k in ("featureids", "truenodeids", "falsenodeids", "trueleafs", "falseleafs", "missing_value_tracks_true")}
                modes, splits, members, targets, values, roots = [], [], [], [], [], []

                def leaf():
                    targets.append(int(r.integers(n_targets)))
                    values.append(r.normal() * 0.1 if post != 4 else abs(r.normal()) * 0.05)
                    return len(targets) - 1, 1

                def grow(level):
                    if level >= 3 or (level > 0 and r.random() < 0.2):
                        return leaf()
                    i = len(modes)
                    for v in nodes.values():
                        v.append(None)
                    mode = int(r.integers(7))
                    modes.append(mode)
                    splits.append(float(np.round(r.normal())) if mode in (4, 5) else r.normal())
                    if mode == 6:
                        members.extend([float(v) for v in r.choice(9, 3, replace=False) - 4] + [float("nan")])
                    # ONNX Runtime cuts what it looks up in a set to an integer: sets are tested on whole numbers only.
                    nodes["featureids"][i] = 4 if mode == 6 else int(r.integers(5))
                    nodes["missing_value_tracks_true"][i] = int(r.integers(2))
                    nodes["truenodeids"][i], nodes["trueleafs"][i] = grow(level + 1)
                    nodes["falsenodeids"][i], nodes["falseleafs"][i] = grow(level + 1)
                    return i, 0

                for _ in range(6):
                    roots.append(grow(0)[0])
                x = np.concatenate([rows(32, 9, 5, kind), np.round(rows(33, 9, 5, kind))])
                x[:, 4] = np.round(x[:, 4])
                x[3, 2] = np.nan
                case(f"tree_ensemble_{np.dtype(kind).name}_{('average', 'sum', 'min', 'max')[agg]}_{('none', 'softmax', 'logistic', 'softmax_zero', 'probit')[post]}",
                     "TreeEnsemble", [x], [KIND[np.dtype(kind)]], 5, tree_roots=roots, n_targets=n_targets, aggregate_function=agg, post_transform=post,
                     nodes_modes=np.array(modes, np.uint8), nodes_splits=np.array(splits, kind), leaf_targetids=targets,
                     leaf_weights=np.array(values, kind), membership_values=np.array(members, kind) if members else None,
                     **{"nodes_" + k: v for k, v in nodes.items()})


# --- preprocessing -------------------------------------------------------------------------------------------------
def preprocessing():
    for name, d in INPUTS.items():
        x = rows(21, 6, 4, d)
        case(f"scaler_{name}", "Scaler", [x], [TP.FLOAT], 1, offset=[0.5, -1.0, 0.0, 2.0], scale=[2.0, 0.5, -1.0, 3.0])
        case(f"scaler_scalar_{name}", "Scaler", [x], [TP.FLOAT], 1, offset=[0.5], scale=[2.0])
        for norm in ("MAX", "L1", "L2"):
            y = x.copy()
            y[2] = 0
            y[3] = -np.abs(y[3]) - 1
            case(f"normalizer_{norm.lower()}_{name}", "Normalizer", [y], [TP.FLOAT], 1, norm=norm)
        z = x.copy()
        z[::2, 1] = 0
        kind = {"imputed_value_floats": [1.0, 2.0, 3.0, 4.0], "replaced_value_float": 0.0} if z.dtype.kind == "f" else {"imputed_value_int64s": [1, 2, 3, 4], "replaced_value_int64": 0}
        case(f"imputer_{name}", "Imputer", [z], [KIND[z.dtype]], 1, **kind)
        if z.dtype.kind == "f":
            z[::2, 1] = np.nan
            case(f"imputer_nan_{name}", "Imputer", [z], [KIND[z.dtype]], 1, imputed_value_floats=[9.0], replaced_value_float=float("nan"))
        case(f"binarizer_{name}", "Binarizer", [x], [KIND[x.dtype]], 1, threshold=0.5)
        case(f"one_hot_{name}", "OneHotEncoder", [x], [TP.FLOAT], 1, cats_int64s=[0, 2, -1, 5], zeros=1)
        case(f"array_feature_extractor_{name}", "ArrayFeatureExtractor", [x, np.array([2, 0, 2], np.int64)], [KIND[x.dtype]], 1)
        case(f"feature_vectorizer_{name}", "FeatureVectorizer", [x, x[:, :2].copy()], [TP.FLOAT], 1, inputdimensions=[3, 4])
    text = np.array([["a", "b"], ["c", "é"]], dtype=object)
    case("one_hot_strings", "OneHotEncoder", [text], [TP.FLOAT], 1, cats_strings=["b", "é", "a"], zeros=1)
    case("array_feature_extractor_strings", "ArrayFeatureExtractor", [text, np.array([[1]], np.int64)], [TP.STRING], 1)
    case("array_feature_extractor_vector", "ArrayFeatureExtractor", [rows(1, 1, 5)[0], np.array([4, 0], np.int64)], [TP.FLOAT], 1)
    case("array_feature_extractor_3d", "ArrayFeatureExtractor", [rows(1, 4, 6).reshape(2, 2, 6), np.array([4, 0], np.int64)], [TP.FLOAT], 1)
    whole = np.array([[0, 1, 2, 7], [3, -1, 2, 2]], np.int64)
    floats = np.array([0.5, np.nan, 1.0, 3.0, -0.0], np.float32)
    case("label_encoder_1_string", "LabelEncoder", [text], [TP.INT64], 1, classes_strings=["c", "a"], default_int64=-7)
    case("label_encoder_1_int", "LabelEncoder", [whole], [TP.STRING], 1, classes_strings=["c", "a", "z"], default_string="none")
    keys = {"strings": ["a", "é", "c"], "int64s": [2, 3, 7], "floats": [0.5, 1.0, 0.0]}
    values = {"strings": ["x", "y", "z"], "int64s": [20, 30, 70], "floats": [0.25, 4.0, -1.5]}
    inputs = {"strings": text, "int64s": whole, "floats": floats}
    kinds = {"strings": TP.STRING, "int64s": TP.INT64, "floats": TP.FLOAT}
    for version in (2, 4):
        for k in keys:
            for v in values:
                case(f"label_encoder_{version}_{k}_{v}", "LabelEncoder", [inputs[k]], [kinds[v]], version, **{"keys_" + k: keys[k], "values_" + v: values[v]})
    case("label_encoder_2_defaults", "LabelEncoder", [whole], [TP.FLOAT], 2, keys_int64s=[1], values_floats=[2.0], default_float=9.5)
    case("label_encoder_4_nan", "LabelEncoder", [floats], [TP.INT64], 4, keys_floats=[float("nan"), 3.0], values_int64s=[1, 2], default_int64=0)
    for k in (np.int64, np.int32, np.int16, np.float32, np.float64):
        for v in (np.int64, np.int32, np.int16, np.float32, np.float64):
            case(f"label_encoder_4_tensors_{np.dtype(k).name}_{np.dtype(v).name}", "LabelEncoder", [np.array([1, 2, 3, 9], k)], [KIND[np.dtype(v)]], 4,
                 keys_tensor=np.array([3, 1], k), values_tensor=np.array([5, 6], v), default_tensor=np.array([4], v))
    case("category_mapper_string", "CategoryMapper", [text], [TP.INT64], 1, cats_strings=["c", "b"], cats_int64s=[10, 20], default_int64=-3)
    case("category_mapper_int", "CategoryMapper", [whole], [TP.STRING], 1, cats_strings=["c", "b"], cats_int64s=[7, 2], default_string="none")
    for kind in (np.float32, np.float64):
        for metric in ("sqeuclidean", "euclidean"):
            case(f"cdist_{metric}_{np.dtype(kind).name}", "CDist", [rows(1, 5, 3, kind), rows(2, 7, 3, kind)], [KIND[np.dtype(kind)]], 1,
                 domain="com.microsoft", metric=metric)


for part in (linear, svm, trees, trees5, preprocessing):
    part()
if OUT is None:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.jsonl"), "w") as f:
        f.write("\n".join(lines) + "\n")
print(len(written), "written;", len(skipped), "not taken by ONNX Runtime:")
for name, why in skipped:
    print(" ", name, why)
