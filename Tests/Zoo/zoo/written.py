"""Models written with ONNX operators by hand, as vendors' scripts write them; the expected values come from NumPy.

Post-processing of detectors, string outputs, lookups, audio, beam search and the like: what no exporter makes whole.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .common import DataSet, Entry, Fixture

FLOAT, INT64, INT32, BOOL, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.STRING


class Graph:
    """A graph under construction; `add` returns the name of the new node's first output."""

    def __init__(self, opset=17, ml=3):
        self.nodes, self.weights, self.opset, self.ml = [], [], opset, ml
        self.inputs, self.outputs = [], []

    def input(self, name, kind, shape):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def weight(self, value, dtype=None):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(value, dtype=dtype), name))
        return name

    def add(self, op, inputs, outputs=1, domain="", name=None, **attributes):
        names = [name or f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def output(self, name, kind, shape):
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def model(self):
        graph = helper.make_graph(self.nodes, "written", self.inputs, self.outputs, self.weights)
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid("ai.onnx.ml", self.ml)]
        return helper.make_model(graph, opset_imports=imports, ir_version=9)


def entry(name, write, feeds, expected, rtol=1e-4, atol=1e-5) -> Entry:
    """`write(graph)` adds nodes; `expected(**feed)` says in NumPy what comes out."""

    def build() -> Fixture:
        graph = Graph()
        write(graph)
        model = graph.model()
        onnx.checker.check_model(model, full_check=True)
        data_sets = [DataSet(feed, list(expected(**feed))) for feed in feeds()]
        return Fixture(model, data_sets, {"numpy": np.__version__}, rtol, atol)

    return Entry(name, build)


def overlap(a, b):
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    inside = np.prod(np.maximum(high - low, 0))
    return inside / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


def boxes_feeds():
    made = []
    for seed, count in ((0, 20), (1, 7)):
        random = np.random.RandomState(seed)
        corner = random.uniform(0, 6, (1, count, 2))
        boxes = np.concatenate([corner, corner + random.uniform(1, 4, (1, count, 2))], -1).astype(np.float32)
        scores = random.permutation(count * 2).reshape(1, 2, count).astype(np.float32) / (2 * count)
        made.append({"boxes": boxes, "scores": scores})
    return made


def write_nms(g: Graph):
    g.input("boxes", FLOAT, [1, "n", 4])
    g.input("scores", FLOAT, [1, 2, "n"])
    picked = g.add("NonMaxSuppression", ["boxes", "scores", g.weight([5], np.int64), g.weight([0.4], np.float32), g.weight([0.2], np.float32)])
    which = g.add("Gather", [picked, g.weight(2, np.int64)], axis=1)
    label = g.add("Gather", [picked, g.weight(1, np.int64)], axis=1, name="labels")
    g.add("GatherND", [g.add("Squeeze", ["boxes", g.weight([0], np.int64)]), g.add("Unsqueeze", [which, g.weight([1], np.int64)])], name="kept")
    g.add("GatherND", ["scores", picked], name="best")
    g.output("kept", FLOAT, ["k", 4])
    g.output("best", FLOAT, ["k"])
    g.output(label, INT64, ["k"])


def expect_nms(boxes, scores):
    kept = []
    for label in range(2):
        chosen = []
        for at in np.argsort(-scores[0, label]):
            if scores[0, label, at] > 0.2 and len(chosen) < 5 and all(overlap(boxes[0, at], boxes[0, c]) <= 0.4 for c in chosen):
                chosen.append(at)
        kept += [(label, at) for at in chosen]
    labels, places = np.array([k[0] for k in kept]), np.array([k[1] for k in kept])
    return boxes[0, places], scores[0, labels, places], labels.astype(np.int64)


def write_label_names(g: Graph):
    g.input("x", FLOAT, ["n", 4])
    y = g.add("Softmax", [g.add("MatMul", ["x", g.weight(np.random.RandomState(0).randn(4, 3), np.float32)])], axis=-1, name="scores")
    best = g.add("ArgMax", [y], axis=1, keepdims=0)
    g.add("LabelEncoder", [best], domain="ai.onnx.ml", keys_int64s=[0, 1, 2], values_strings=["cat", "dog", "étoile"], name="label")
    g.output("label", STRING, ["n"])
    g.output("scores", FLOAT, ["n", 3])


def expect_label_names(x):
    z = x @ np.random.RandomState(0).randn(4, 3).astype(np.float32)
    e = np.exp(z - z.max(1, keepdims=True))
    return np.array(["cat", "dog", "étoile"], dtype=object)[z.argmax(1)], e / e.sum(1, keepdims=True)


def write_zip(g: Graph):
    """Text in, text out: joined, looked up, with a default."""
    g.input("a", STRING, ["n"])
    g.input("b", STRING, [1])
    joined = g.add("LabelEncoder", ["a"], domain="ai.onnx.ml", keys_strings=["x", "y", "ü"], values_int64s=[1, 2, 3], default_int64=-1, name="ids")
    g.add("Equal", [joined, g.weight(-1, np.int64)], name="unknown")
    g.add("Where", ["unknown", "b", "a"], name="text")
    g.output("ids", INT64, ["n"])
    g.output("unknown", BOOL, ["n"])
    g.output("text", STRING, ["n"])


def expect_zip(a, b):
    ids = np.array([{"x": 1, "y": 2, "ü": 3}.get(one, -1) for one in a], dtype=np.int64)
    return ids, ids == -1, np.where(ids == -1, b[0], a).astype(object)


def write_spectrum(g: Graph):
    """Frames, window, Fourier transform, power, mel filters: with the standard's own operators."""
    g.input("x", FLOAT, ["n", "t"])
    window = g.add("HannWindow", [g.weight(16, np.int64)])
    signal = g.add("Unsqueeze", ["x", g.weight([2], np.int64)])
    spectrum = g.add("STFT", [signal, g.weight(8, np.int64), window, g.weight(16, np.int64)], onesided=1)
    power = g.add("ReduceSumSquare", [spectrum], axes=[-1], keepdims=0)
    mel = g.add("MelWeightMatrix", [g.weight(4, np.int64), g.weight(16, np.int64), g.weight(8000, np.int64), g.weight(0.0, np.float32), g.weight(4000.0, np.float32)])
    g.add("Log", [g.add("Add", [g.add("MatMul", [power, mel]), g.weight(1e-6, np.float32)])], name="y")
    g.output("y", FLOAT, ["n", "frames", 4])


def mel_weights(bands, size, rate, low, high):
    bins = np.floor((size + 1) * (700 * (10 ** ((np.linspace(0, bands + 1, bands + 2) * ((2595 * np.log10(1 + high / 700) - 2595 * np.log10(1 + low / 700)) / (bands + 2)) + 2595 * np.log10(1 + low / 700)) / 2595) - 1)) / rate).astype(int)
    made = np.zeros((size // 2 + 1, bands), dtype=np.float32)
    for band in range(bands):
        left, centre, right = bins[band : band + 3]
        if centre == left:
            made[centre, band] = 1
        else:
            for i in range(left, centre + 1):
                made[i, band] = (i - left) / (centre - left)
        if right > centre:
            for i in range(centre, right):
                made[i, band] = (right - i) / (right - centre)
    return made


def expect_spectrum(x):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(16) / 16)
    frames = np.stack([x[:, s : s + 16] * window for s in range(0, x.shape[1] - 15, 8)], 1)
    power = np.abs(np.fft.rfft(frames, axis=-1)) ** 2
    return (np.log(power @ mel_weights(4, 16, 8000, 0.0, 4000.0) + 1e-6).astype(np.float32),)


def write_letterbox(g: Graph):
    """A picture of bytes to a normalised, resized, padded tensor."""
    g.input("x", TensorProto.UINT8, ["h", "w", 3])
    x = g.add("Cast", ["x"], to=FLOAT)
    x = g.add("Div", [g.add("Sub", [x, g.weight([120.0, 115.0, 100.0], np.float32)]), g.weight([58.0, 57.0, 59.0], np.float32)])
    x = g.add("Unsqueeze", [g.add("Transpose", [x], perm=[2, 0, 1]), g.weight([0], np.int64)])
    x = g.add("Resize", [x, "", g.weight([1, 1, 2, 2], np.float32)], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    g.add("Pad", [x, g.weight([0, 0, 1, 2, 0, 0, 1, 2], np.int64), g.weight(0.5, np.float32)], name="y")
    g.output("y", FLOAT, [1, 3, "rows", "columns"])


def expect_letterbox(x):
    y = (x.astype(np.float32) - np.array([120, 115, 100], np.float32)) / np.array([58, 57, 59], np.float32)
    y = y.transpose(2, 0, 1)[None].repeat(2, 2).repeat(2, 3)
    return (np.pad(y, ((0, 0), (0, 0), (1, 1), (2, 2)), constant_values=0.5).astype(np.float32),)


def write_beam(g: Graph):
    """One step of beam search: scores added, the best of all, and where they came from."""
    g.input("logits", FLOAT, ["b", "k", "v"])
    g.input("scores", FLOAT, ["b", "k"])
    total = g.add("Add", [g.add("LogSoftmax", ["logits"], axis=-1), g.add("Unsqueeze", ["scores", g.weight([2], np.int64)])])
    flat = g.add("Reshape", [total, g.weight([0, -1], np.int64)])
    best, place = g.add("TopK", [flat, g.weight([3], np.int64)], 2, axis=1)
    size = g.add("Gather", [g.add("Shape", ["logits"]), g.weight(2, np.int64)], axis=0)
    g.add("Div", [place, size], name="beam")
    g.add("Mod", [place, size], name="token")
    g.add("Identity", [best], name="new")
    for name, kind in (("new", FLOAT), ("beam", INT64), ("token", INT64)):
        g.output(name, kind, ["b", 3])


def expect_beam(logits, scores):
    z = logits - logits.max(-1, keepdims=True)
    flat = (z - np.log(np.exp(z).sum(-1, keepdims=True)) + scores[..., None]).reshape(len(logits), -1)
    place = np.argsort(-flat, axis=1, kind="stable")[:, :3]
    return np.take_along_axis(flat, place, 1), place // logits.shape[2], place % logits.shape[2]


def write_crf(g: Graph):
    """The best score of a chain, by a Scan over time."""
    body = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["state", "last"], ["column"]),
            helper.make_node("Add", ["column", "moves"], ["paths"]),
            helper.make_node("ReduceMax", ["paths"], ["best"], axes=[0], keepdims=0),
            helper.make_node("ArgMax", ["paths"], ["from"], axis=0, keepdims=0),
            helper.make_node("Add", ["best", "step"], ["next"]),
        ],
        "body",
        [helper.make_tensor_value_info("state", FLOAT, [4]), helper.make_tensor_value_info("step", FLOAT, [4])],
        [helper.make_tensor_value_info("next", FLOAT, [4]), helper.make_tensor_value_info("from", INT64, [4])],
        [numpy_helper.from_array(np.array([1], dtype=np.int64), "last"), numpy_helper.from_array(MOVES, "moves")],
    )
    g.input("x", FLOAT, ["t", 4])
    g.nodes.append(helper.make_node("Scan", [g.weight(np.zeros(4), np.float32), "x"], ["final", "trace"], num_scan_inputs=1, body=body))
    g.output("final", FLOAT, [4])
    g.output("trace", INT64, ["t", 4])


MOVES = np.random.RandomState(4).randn(4, 4).astype(np.float32)


def expect_crf(x):
    state, trace = np.zeros(4, np.float32), []
    for step in x:
        paths = state[:, None] + MOVES
        trace.append(paths.argmax(0))
        state = paths.max(0) + step
    return state, np.stack(trace)


def write_bag(g: Graph):
    """Word counts of a text: split, looked up, counted by a one-hot sum."""
    g.opset = 20
    g.input("text", STRING, ["n"])
    lower = g.add("StringNormalizer", ["text"], case_change_action="LOWER", locale="C")
    parts, _ = g.add("StringSplit", [lower], 2)
    ids = g.add("LabelEncoder", [parts], domain="ai.onnx.ml", keys_strings=["a", "sea", "town"], values_int64s=[0, 1, 2], default_int64=3)
    hot = g.add("OneHot", [ids, g.weight(4, np.int64), g.weight([0, 1], np.float32)])
    total = g.add("ReduceSum", [hot, g.weight([1], np.int64)], keepdims=0)
    g.add("Slice", [total, g.weight([0], np.int64), g.weight([3], np.int64), g.weight([1], np.int64)], name="y")
    g.output("y", FLOAT, ["n", 3])


def expect_bag(text):
    return (np.array([[line.lower().split().count(w) for w in ("a", "sea", "town")] for line in text], dtype=np.float32),)


def write_greedy(g: Graph):
    """CTC: the best label a step, repeats and blanks dropped."""
    g.input("x", FLOAT, ["t", 5])
    best = g.add("ArgMax", ["x"], axis=1, keepdims=0)
    before = g.add("Slice", [best, g.weight([0], np.int64), g.weight([-1], np.int64)])
    before = g.add("Concat", [g.weight([-1], np.int64), before], axis=0)
    fresh = g.add("Not", [g.add("Equal", [best, before])])
    solid = g.add("Not", [g.add("Equal", [best, g.weight(0, np.int64)])])
    g.add("Compress", [best, g.add("And", [fresh, solid])], axis=0, name="y")
    g.output("y", INT64, ["n"])


def expect_greedy(x):
    best = x.argmax(1)
    return (np.array([b for i, b in enumerate(best) if b and (i == 0 or best[i - 1] != b)], dtype=np.int64),)


def write_quantile(g: Graph):
    """Ranks and quantiles by sorting."""
    g.input("x", FLOAT, ["n"])
    count = g.add("Shape", ["x"])
    ordered, _ = g.add("TopK", ["x", count], 2, largest=0)
    at = g.add("Cast", [g.add("Floor", [g.add("Mul", [g.add("Cast", [g.add("Sub", [count, g.weight([1], np.int64)])], to=FLOAT), g.weight([0.0, 0.25, 0.5, 1.0], np.float32)])])], to=INT64)
    g.add("Gather", [ordered, at], name="y")
    g.output("y", FLOAT, [4])


def expect_quantile(x):
    return (np.sort(x)[np.floor((len(x) - 1) * np.array([0, 0.25, 0.5, 1.0], dtype=np.float32)).astype(int)],)


def random(*shape, seed=0):
    return np.random.RandomState(seed).randn(*shape).astype(np.float32)


def words(*texts):
    return np.array(texts, dtype=object)


ENTRIES = [
    entry("nms", write_nms, boxes_feeds, expect_nms),
    entry("label_names", write_label_names, lambda: [{"x": random(5, 4)}, {"x": random(1, 4)}], expect_label_names),
    entry("lookup", write_zip, lambda: [{"a": words("x", "q", "ü", ""), "b": words("?")}], expect_zip),
    entry("spectrum", write_spectrum, lambda: [{"x": random(2, 64)}, {"x": random(1, 40)}], expect_spectrum, 1e-3, 1e-3),
    entry("letterbox", write_letterbox, lambda: [{"x": np.random.RandomState(0).randint(0, 256, (4, 5, 3)).astype(np.uint8)}], expect_letterbox),
    entry("beam", write_beam, lambda: [{"logits": random(2, 3, 7), "scores": random(2, 3, seed=1)}], expect_beam),
    entry("chain", write_crf, lambda: [{"x": random(6, 4)}, {"x": random(1, 4)}], expect_crf),
    entry("word_counts", write_bag, lambda: [{"text": words("A town by the sea", "sea SEA a", "none")}], expect_bag),
    entry("ctc_greedy", write_greedy, lambda: [{"x": random(12, 5)}, {"x": random(3, 5, seed=5)}], expect_greedy),
    entry("quantiles", write_quantile, lambda: [{"x": random(11)}, {"x": random(4)}], expect_quantile),
]
