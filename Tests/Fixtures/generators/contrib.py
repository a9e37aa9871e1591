"""Operators of ONNX Runtime's own domain, `com.microsoft`, one node a model, with the answers of ONNX Runtime itself.

Its optimiser writes most of these operators; skl2onnx writes `Tokenizer`. The optimiser is off while the answers are
made, so that the node is what runs.
"""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from .cases import DataSet, Fixture, Recipe

FRAMEWORK = {"onnxruntime": onnxruntime.__version__}
DOMAIN = "com.microsoft"
RECIPES = []


# --- one node --------------------------------------------------------------------------------------------------------


def element(array: np.ndarray) -> int:
    return TensorProto.STRING if array.dtype == object else helper.np_dtype_to_tensor_dtype(array.dtype)


def answer(model, feeds: list[dict]) -> list[list]:
    """What ONNX Runtime says for each feed, the node being run as it is."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [session.run(None, feed) for feed in feeds]


def extents(name: str, arrays: list) -> list:
    """The shape that several arrays share, with names for what differs."""
    shapes = [np.shape(array) for array in arrays]
    return [
        size if all(shape[axis] == size for shape in shapes) else f"{name}_{axis}"
        for axis, size in enumerate(shapes[0])
    ]


def add(
    operator, name, data_sets, outputs, *, weights=None, order=None, domain=DOMAIN, attributes=None, stand_in=None,
    unread=0, opset=17,
    **details,
):  # fmt: skip
    """A case of one node.

    `data_sets`: dictionaries of named inputs, in the operator's order; None leaves an optional one out. `weights`:
    inputs that are initializers. `order`: the operator's order where weights stand between inputs. `outputs`: the
    element type of each output, None for one that is not asked for. `unread`: how many more outputs the node names,
    which nobody reads. `opset`: the version of the standard. `stand_in`: nodes that ONNX Runtime runs where it has no kernel for the operator. What else is
    no part of a `Fixture` is an attribute; `attributes` are those whose names are taken.
    """
    kept = {key: details.pop(key) for key in ("rtol", "atol", "note") if key in details}

    def build() -> Fixture:
        sets, constants = list(data_sets), dict(weights or {})
        names = order or [*sets[0], *constants]
        values = {**sets[0], **constants}
        given = [key if values.get(key) is not None else "" for key in names]
        while given and not given[-1]:
            given.pop()
        results = [f"y{number}" if kind is not None else "" for number, kind in enumerate(outputs)]
        further = [f"unread{number}" for number in range(unread)]
        settings = {**details, **(attributes or {})}
        node = helper.make_node(operator, given, results + further, name="node", domain=domain, **settings)
        feeds = [{key: value for key, value in one.items() if value is not None} for one in sets]
        inputs = [
            helper.make_tensor_value_info(key, element(first), extents(key, [feed[key] for feed in feeds]))
            for key, first in feeds[0].items()
        ]
        stored = [numpy_helper.from_array(value, key) for key, value in constants.items() if value is not None]
        asked = [(result, kind) for result, kind in zip(results, outputs, strict=True) if result]

        def model(nodes, answers=None):
            shapes = [
                extents(result, [one[at] for one in answers]) if answers else None
                for at, (result, _) in enumerate(asked)
            ]
            declared = [
                helper.make_tensor_value_info(result, kind, shape)
                for (result, kind), shape in zip(asked, shapes, strict=True)
            ]
            graph = helper.make_graph(nodes, name, inputs, declared, stored)
            imports = [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, 1)]
            return helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="contrib")

        answers = answer(model(stand_in or [node]), feeds)
        return Fixture(
            model([node], answers),
            [DataSet(feed, one) for feed, one in zip(feeds, answers, strict=True)],
            FRAMEWORK,
            stand_in=model(stand_in) if stand_in else None,
            is_standard=domain == DOMAIN,
            **kept,
        )

    RECIPES.append(Recipe(name, build))


def numbers(*shape, seed=0, dtype=np.float32, scale=1.0) -> np.ndarray:
    return (scale * np.random.RandomState(seed + 7 * len(shape) + sum(shape)).standard_normal(shape)).astype(dtype)


def integers(*shape, seed=0, low=0, high=256, dtype=np.uint8) -> np.ndarray:
    return np.random.RandomState(seed + 3 * sum(shape)).randint(low, high, shape).astype(dtype)


def single(value, dtype=np.float32) -> np.ndarray:
    return np.array(value, dtype=dtype)


FLOAT, HALF, INT32, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT32, TensorProto.UINT8
LOOSE = {"rtol": 1e-2, "atol": 2e-3}  # float16: ONNX Runtime rounds at other places


# --- activations -----------------------------------------------------------------------------------------------------

for batch in [(2, 3, 8)]:
    x = {"x": numbers(*batch)}
    add("Gelu", "gelu", [x, {"x": numbers(1, 3, 8)}], [FLOAT])
    add("FastGelu", "fast_gelu", [x], [FLOAT])
    add("FastGelu", "fast_gelu_bias", [x], [FLOAT], weights={"bias": numbers(8)})
    add("BiasGelu", "bias_gelu", [x], [FLOAT], weights={"bias": numbers(8)})
    add("QuickGelu", "quick_gelu", [x], [FLOAT])
    add("QuickGelu", "quick_gelu_alpha", [x], [FLOAT], alpha=0.5)
# ONNX Runtime has kernels for the next three on GPUs only.
add(
    "BiasSplitGelu", "bias_split_gelu", [{"x": numbers(2, 3, 8)}], [FLOAT], weights={"bias": numbers(8)},
    stand_in=[
        helper.make_node("Add", ["x", "bias"], ["sum"]),
        helper.make_node("Split", ["sum"], ["left", "right"], axis=-1),
        helper.make_node("Gelu", ["right"], ["gate"], domain=DOMAIN),
        helper.make_node("Mul", ["left", "gate"], ["y0"]),
    ],
)  # fmt: skip
add(
    "BiasAdd", "bias_add", [{"x": numbers(2, 3, 4), "skip": numbers(2, 3, 4, seed=1)}], [FLOAT],
    weights={"bias": numbers(4)}, order=["x", "bias", "skip"],
    stand_in=[helper.make_node("Add", ["x", "bias"], ["sum"]), helper.make_node("Add", ["sum", "skip"], ["y0"])],
)  # fmt: skip

def group_norm(x, last, active):
    """The same in the standard's operators."""
    turned = [("Transpose", [x], "turned", {"perm": [0, 3, 1, 2]})] if last else []
    x = "turned" if last else x
    y = [("GroupNormalization", [x, "gamma", "beta"], "normal", {"num_groups": 3, "epsilon": 1e-5})]
    if active:
        y += [("Sigmoid", ["normal"], "gate", {}), ("Mul", ["normal", "gate"], "active", {})]
    name = "active" if active else "normal"
    y += [("Transpose", [name], "y0", {"perm": [0, 2, 3, 1]})] if last else [("Identity", [name], "y0", {})]
    return [helper.make_node(kind, inputs, [out], **details) for kind, inputs, out, details in turned + y]


GROUPS = {"gamma": numbers(6, seed=1), "beta": numbers(6, seed=2)}
for last in (True, False):
    shape = (2, 4, 3, 6) if last else (2, 6, 4, 3)
    name = "last" if last else "first"
    add(
        "GroupNorm", f"group_norm_channels_{name}", [{"x": numbers(*shape)}], [FLOAT], weights=GROUPS, opset=21,
        groups=3, channels_last=int(last), activation=int(last), stand_in=group_norm("x", last, last),
    )  # fmt: skip
    spread = [1, 2] if last else [2, 3]
    add(
        "SkipGroupNorm", f"skip_group_norm_channels_{name}", [{"x": numbers(*shape)}], [FLOAT, FLOAT], opset=21,
        weights={
            **GROUPS, "skip": numbers(2, 6), "bias": numbers(6, seed=3), "axes": np.array(spread, np.int64),
            "flat": np.array([1, 6, 1, 1] if not last else [1, 1, 1, 6], np.int64),
        },
        order=["x", "gamma", "beta", "skip", "bias"], groups=3, channels_last=int(last), activation=1 - int(last),
        stand_in=[
            helper.make_node("Unsqueeze", ["skip", "axes"], ["wide"]), helper.make_node("Add", ["x", "wide"], ["sum"]),
            helper.make_node("Reshape", ["bias", "flat"], ["row"]), helper.make_node("Add", ["sum", "row"], ["y1"]),
            *group_norm("y1", last, not last),
        ],
    )  # fmt: skip
BIASED = [helper.make_node("Add", ["data", "bias"], ["sum"]), helper.make_node("Softmax", ["sum"], ["y0"], axis=-1)]
add(
    "BiasSoftmax", "bias_softmax", [{"data": numbers(2, 3, 4, 5), "bias": numbers(2, 1, 1, 5)}], [FLOAT],
    axis=3, is_inner_broadcast=1, stand_in=BIASED,
)  # fmt: skip
add(
    "BiasSoftmax", "bias_softmax_outer", [{"data": numbers(2, 3, 4, 5), "bias": numbers(1, 1, 4, 5)}], [FLOAT],
    axis=3, is_inner_broadcast=0, stand_in=BIASED,
)  # fmt: skip


# --- products --------------------------------------------------------------------------------------------------------

add("FusedMatMul", "fused_mat_mul", [{"a": numbers(2, 3, 4), "b": numbers(2, 4, 5)}], [FLOAT], alpha=0.25)
add("FusedMatMul", "fused_mat_mul_transposed_b", [{"a": numbers(2, 3, 4), "b": numbers(2, 5, 4)}], [FLOAT], transB=1)
add(
    "FusedMatMul", "fused_mat_mul_transposed", [{"a": numbers(2, 4, 3), "b": numbers(5, 4)}], [FLOAT],
    transA=1, transB=1, alpha=2.0,
)  # fmt: skip
add("FusedMatMul", "fused_mat_mul_vector", [{"a": numbers(4), "b": numbers(5, 4)}], [FLOAT], transA=1, transB=1)
add(
    "FusedMatMul", "fused_mat_mul_batch", [{"a": numbers(3, 2, 6, 4), "b": numbers(4, 2, 6, 5)}], [FLOAT],
    transBatchA=1, transBatchB=1,
)  # fmt: skip
add(
    "FusedMatMul", "fused_mat_mul_batch_transposed", [{"a": numbers(4, 2, 6, 3), "b": numbers(5, 2, 6, 4)}], [FLOAT],
    transBatchA=1, transBatchB=1, transA=1, transB=1,
)  # fmt: skip
add("TransposeMatMul", "transpose_mat_mul", [{"a": numbers(4, 3), "b": numbers(4, 5)}], [FLOAT], transA=1, alpha=0.5)
for activation, parameters in {
    "Relu": {}, "Tanh": {}, "Sigmoid": {}, "LeakyRelu": {"activation_alpha": 0.3},
    "HardSigmoid": {"activation_alpha": 0.3, "activation_beta": 0.4}, "Elu": {"activation_alpha": 0.7},
}.items():  # fmt: skip
    add(
        "FusedGemm", f"fused_gemm_{activation.lower()}", [{"a": numbers(3, 4)}], [FLOAT],
        weights={"b": numbers(5, 4), "c": numbers(5)}, transB=1, alpha=0.5, activation=activation, **parameters,
    )  # fmt: skip
for activation, parameters in {
    "Relu": [], "Tanh": [], "Sigmoid": [], "LeakyRelu": [0.2], "Clip": [-0.5, 0.75], "HardSigmoid": [0.3, 0.4],
}.items():  # fmt: skip
    details = {"activation_params": [float(value) for value in parameters]} if parameters else {}
    add(
        "FusedConv", f"fused_conv_{activation.lower()}", [{"x": numbers(2, 4, 6, 5)}], [FLOAT],
        weights={"w": numbers(6, 2, 3, 3), "b": numbers(6)}, group=2, pads=[1, 1, 1, 1], strides=[2, 1],
        kernel_shape=[3, 3], activation=activation, **details,
    )  # fmt: skip
add(
    "FusedConv", "fused_conv_sum", [{"x": numbers(1, 3, 5, 5), "z": numbers(1, 4, 5, 5)}], [FLOAT],
    weights={"w": numbers(4, 3, 3, 3), "b": numbers(4)}, order=["x", "w", "b", "z"], pads=[1, 1, 1, 1],
    activation="Relu",
)  # fmt: skip
# ONNX Runtime has a kernel for GPUs only. X and W have their channels last.
for name, group, details in [
    ("nhwc_conv", 1, {"pads": [1, 1, 1, 1]}),
    ("nhwc_conv_groups", 2, {"pads": [0, 1, 1, 0], "strides": [2, 1], "dilations": [1, 2]}),
    ("nhwc_conv_same", 1, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
]:
    bias = numbers(6) if group == 2 else None
    known = {"kernel_shape": [3, 2], "group": group, **details}
    add(
        "NhwcConv", name, [{"x": numbers(2, 7, 5, 4)}, {"x": numbers(1, 7, 5, 4, seed=1)}], [FLOAT],
        weights={"w": numbers(6, 3, 2, 4 // group), "b": bias},
        stand_in=[
            helper.make_node("Transpose", ["x"], ["x_first"], perm=[0, 3, 1, 2]),
            helper.make_node("Transpose", ["w"], ["w_first"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["x_first", "w_first"] + (["b"] if group == 2 else []), ["y_first"], **known),
            helper.make_node("Transpose", ["y_first"], ["y0"], perm=[0, 2, 3, 1]),
        ], **known,
    )  # fmt: skip


# --- normalisations --------------------------------------------------------------------------------------------------

GAMMA, BETA, ROW_BIAS = numbers(8, seed=1), numbers(8, seed=2), numbers(8, seed=3)
TWO_ROWS = [
    {"x": numbers(2, 3, 8), "skip": numbers(2, 3, 8, seed=4)},
    {"x": numbers(1, 5, 8), "skip": numbers(1, 5, 8, seed=4)},
]
add(
    "SkipLayerNormalization", "skip_layer_normalization", TWO_ROWS, [FLOAT],
    weights={"gamma": GAMMA, "beta": BETA}, epsilon=1e-5,
)  # fmt: skip
add(
    "SkipLayerNormalization", "skip_layer_normalization_sum", TWO_ROWS, [FLOAT, None, None, FLOAT],
    weights={"gamma": GAMMA, "beta": BETA, "bias": ROW_BIAS},
)  # fmt: skip
add(
    "SkipLayerNormalization", "skip_layer_normalization_broadcast",
    [{"x": numbers(2, 3, 8), "skip": numbers(1, 3, 8, seed=4)}], [FLOAT], weights={"gamma": GAMMA, "beta": None},
)  # fmt: skip
add(
    "SkipLayerNormalization", "skip_layer_normalization_half",
    [{key: value.astype(np.float16) for key, value in TWO_ROWS[0].items()}], [HALF],
    weights={"gamma": GAMMA.astype(np.float16), "beta": BETA.astype(np.float16)}, **LOOSE,
)  # fmt: skip
add(
    "SkipSimplifiedLayerNormalization", "skip_simplified_layer_normalization", TWO_ROWS,
    [FLOAT, None, None, FLOAT], weights={"gamma": GAMMA}, epsilon=1e-5,
)  # fmt: skip
add(
    "SkipSimplifiedLayerNormalization", "skip_simplified_layer_normalization_bias", TWO_ROWS, [FLOAT],
    weights={"gamma": GAMMA, "bias": ROW_BIAS},
)  # fmt: skip
add(
    "SimplifiedLayerNormalization", "simplified_layer_normalization", [{"x": numbers(2, 3, 8)}], [FLOAT],
    weights={"scale": GAMMA}, domain="", axis=-1, epsilon=1e-6,
)  # fmt: skip
WORDS = {"word": numbers(20, 8), "position": numbers(10, 8, seed=5), "segment": numbers(2, 8, seed=6)}
IDS = [
    {
        "ids": integers(batch, length, high=20, dtype=np.int32),
        "segments": integers(batch, length, high=2, dtype=np.int32),
        "mask": (np.arange(length)[None, :] < np.arange(length, length - batch, -1)[:, None]).astype(np.int32),
    }
    for batch, length in [(2, 4), (3, 6)]
]
EMBED_ORDER = ["ids", "segments", "word", "position", "segment", "gamma", "beta", "mask"]
add(
    "EmbedLayerNormalization", "embed_layer_normalization", IDS, [FLOAT, INT32],
    weights={**WORDS, "gamma": GAMMA, "beta": BETA}, order=EMBED_ORDER,
)  # fmt: skip
add(
    "EmbedLayerNormalization", "embed_layer_normalization_sum", [{"ids": one["ids"]} for one in IDS],
    [FLOAT, INT32, FLOAT],
    weights={**WORDS, "segment": None, "segments": None, "gamma": GAMMA, "beta": BETA}, order=EMBED_ORDER[:-1],
    epsilon=1e-6,
)  # fmt: skip
add(
    "EmbedLayerNormalization", "embed_layer_normalization_places",
    [{**IDS[0], "places": integers(2, 4, high=10, dtype=np.int32)}], [FLOAT, INT32],
    weights={**WORDS, "gamma": GAMMA, "beta": BETA}, order=[*EMBED_ORDER, "places"],
)  # fmt: skip


TABLES = {
    "word": integers(20, 8), "position": integers(10, 8, seed=5), "segment": integers(2, 8, seed=6),
    "gamma": integers(8, seed=7), "beta": integers(8, seed=8),
}  # fmt: skip
SCALES = {f"{key}_scale": np.array(0.01 * (at + 1), np.float32) for at, key in enumerate(TABLES)}
ZEROS = {f"{key}_zero": np.array(120 + at, np.uint8) for at, key in enumerate(TABLES)}
add(
    "QEmbedLayerNormalization", "q_embed_layer_normalization", IDS, [FLOAT, INT32],
    weights={**TABLES, **SCALES, **ZEROS}, order=["ids", "segments", *TABLES, "mask", *SCALES, *ZEROS],
)  # fmt: skip


# --- attention -------------------------------------------------------------------------------------------------------

HEADS, SIZE, HIDDEN = 2, 4, 8
PROJECTION = {"w": numbers(6, 3 * HIDDEN, scale=0.5), "b": numbers(3 * HIDDEN, seed=9)}
ATTENTION_ORDER = ["x", "w", "b", "mask", "past", "bias"]


def attention(name, sets, outputs=(FLOAT,), weights=None, **details):
    add(
        "Attention", f"attention_{name}", sets, list(outputs), weights=weights or PROJECTION, order=ATTENTION_ORDER,
        **{"num_heads": HEADS, **details},
    )  # fmt: skip


attention("plain", [{"x": numbers(2, 3, 6)}, {"x": numbers(1, 5, 6)}])
attention("causal", [{"x": numbers(2, 3, 6)}], unidirectional=1)
attention("scaled", [{"x": numbers(2, 3, 6)}], scale=0.75)
attention("mask", [{"x": numbers(2, 4, 6), "mask": np.array([[1, 1, 1, 0], [0, 1, 1, 1]], np.int32)}])
attention("mask_lengths", [{"x": numbers(2, 4, 6), "mask": np.array([4, 2], np.int32)}])
attention("mask_ends_and_starts", [{"x": numbers(2, 4, 6), "mask": np.array([4, 3, 1, 0], np.int32)}])
attention("mask_by_query", [{"x": numbers(2, 3, 6), "mask": integers(2, 3, 3, high=2, dtype=np.int32)}])
attention(
    "mask_filter",
    [{"x": numbers(2, 4, 6), "mask": np.array([[1, 1, 0, 0], [0, 1, 1, 1]], np.int32)}],
    mask_filter_value=-5.0,
    unidirectional=1,
)
attention(
    "past",
    [
        {"x": numbers(2, 2, 6), "past": numbers(2, 2, HEADS, 3, SIZE)},
        {"x": numbers(1, 1, 6), "past": numbers(2, 1, HEADS, 5, SIZE)},
    ],
    [FLOAT, FLOAT],
    unidirectional=1,
)
attention("bias", [{"x": numbers(2, 3, 6), "bias": numbers(1, HEADS, 3, 3)}])
attention(
    "sizes",
    [{"x": numbers(2, 3, 6)}],
    weights={"w": numbers(6, 8 + 8 + 12, scale=0.5), "b": numbers(28)},
    qkv_hidden_sizes=[8, 8, 12],
)


def heads(name, sets, outputs=(FLOAT,), **details):
    order = ["q", "k", "v", "b", "mask", "bias", "past_k", "past_v"]
    add(
        "MultiHeadAttention", f"multi_head_attention_{name}", sets, list(outputs), order=order,
        **{"num_heads": HEADS, **details},
    )  # fmt: skip


def operands(batch, length, keys, width=HIDDEN):
    return {
        "q": numbers(batch, length, HIDDEN), "k": numbers(batch, keys, HIDDEN, seed=1),
        "v": numbers(batch, keys, width, seed=2),
    }  # fmt: skip


heads("plain", [operands(2, 3, 5), operands(1, 4, 2)])
heads("wide_values", [operands(2, 3, 5, 12)])
heads("projection_bias", [{**operands(2, 3, 5), "b": numbers(3 * HIDDEN)}])
heads("causal", [operands(2, 4, 4)], unidirectional=1, scale=0.4)
heads("mask", [{**operands(2, 3, 4), "mask": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)}])
heads("mask_lengths", [{**operands(2, 3, 4), "mask": np.array([3, 2], np.int32)}])
heads("mask_by_query", [{**operands(2, 3, 4), "mask": integers(2, 3, 4, high=2, dtype=np.int32)}])
heads(
    "bias",
    [{**operands(2, 3, 4), "bias": numbers(1, HEADS, 3, 4)}, {**operands(1, 2, 6), "bias": numbers(1, HEADS, 2, 6)}],
)
heads(
    "past",
    [
        {**operands(2, 1, 1), "past_k": numbers(2, HEADS, 3, SIZE), "past_v": numbers(2, HEADS, 3, SIZE, seed=1)},
        {**operands(1, 1, 1), "past_k": numbers(1, HEADS, 5, SIZE), "past_v": numbers(1, HEADS, 5, SIZE, seed=1)},
    ],
    [FLOAT, FLOAT, FLOAT],
)
heads(
    "scores",
    [{**operands(2, 3, 4), "mask": np.array([[1, 1, 1, 0], [1, 0, 0, 1]], np.int32), "bias": numbers(1, HEADS, 3, 4)}],
    [FLOAT, FLOAT, FLOAT, FLOAT],
)
heads(
    "cross",
    [{"q": numbers(2, 3, HIDDEN), "k": numbers(2, HEADS, 5, SIZE), "v": numbers(2, HEADS, 5, SIZE, seed=1)}],
)

ANGLES = np.arange(16)[:, None] / 10 ** (np.arange(8)[None, :] / 2)
COSINES, SINES = np.cos(ANGLES).astype(np.float32), np.sin(ANGLES).astype(np.float32)
GROUP = 16  # ONNX Runtime wants multiples of 16 where it rotates


def grouped(name, sets, *, rotary=False, group_heads=1, outputs=(FLOAT, FLOAT, FLOAT), **details):
    order = ["q", "k", "v", "past_k", "past_v", "lengths", "total", "cos", "sin", "places", "bias", "sink"]
    weights = {"cos": COSINES, "sin": SINES} if rotary else {}
    add(
        "GroupQueryAttention", f"group_query_attention_{name}", sets, list(outputs), order=order, weights=weights,
        num_heads=HEADS, kv_num_heads=group_heads, **({"do_rotary": 1} if rotary else {}), **details,
    )  # fmt: skip


def group_inputs(batch, length, past, lengths=None, groups=1, capacity=None):
    total = past + length
    inputs = {
        "q": numbers(batch, length, HEADS * GROUP), "k": numbers(batch, length, groups * GROUP, seed=1),
        "v": numbers(batch, length, groups * GROUP, seed=2),
        "past_k": numbers(batch, groups, past if capacity is None else capacity, GROUP, seed=3),
        "past_v": numbers(batch, groups, past if capacity is None else capacity, GROUP, seed=4),
        "lengths": np.array(lengths or [total - 1] * batch, np.int32), "total": np.array([total], np.int32),
    }  # fmt: skip
    return inputs


grouped("prompt", [group_inputs(2, 4, 0), group_inputs(1, 3, 0)])
grouped("decode", [group_inputs(2, 1, 4), group_inputs(1, 1, 6)])
# What the cache holds behind a sample's last key is not said, and so not asked. ONNX Runtime needs the outputs.
grouped("decode_ragged", [group_inputs(2, 1, 4, [4, 2])], outputs=[FLOAT], unread=2)
grouped("decode_shared_buffer", [group_inputs(2, 1, 4, capacity=8)], outputs=[FLOAT], unread=2)
grouped("chunk", [group_inputs(1, 3, 4)])
grouped("heads", [group_inputs(2, 1, 3, groups=2)], group_heads=2, scale=0.3)
grouped("rotary_prompt", [group_inputs(2, 4, 0)], rotary=True)
grouped("rotary_decode", [group_inputs(2, 1, 4, [4, 2])], rotary=True, outputs=[FLOAT], unread=2)
grouped("rotary_interleaved", [group_inputs(1, 3, 2)], rotary=True, rotary_interleaved=1)
grouped("window", [group_inputs(1, 5, 0), group_inputs(1, 1, 6)], local_window_size=3)
# What a cache of a window's last places holds behind the kept ones is not said, either; full ones are compared.
for name, sets in [
    ("full", [group_inputs(1, 1, 4, capacity=4)]), ("over", [group_inputs(2, 1, 11, capacity=4)]),
    ("slack", [group_inputs(1, 1, 8, capacity=6)]), ("chunk", [group_inputs(1, 3, 9, capacity=6)]),
    ("chunk_over_capacity", [group_inputs(1, 8, 7, capacity=6)]), ("first_full", [group_inputs(2, 6, 0, capacity=6)]),
]:  # fmt: skip
    grouped(f"window_cache_{name}", sets, rotary=True, local_window_size=4, sliding_window_cache=1)
for name, sets in [
    ("ragged", [group_inputs(2, 1, 9, [9, 4], capacity=6)]), ("first", [group_inputs(2, 3, 0, capacity=6)]),
    ("behind", [group_inputs(1, 1, 9, capacity=6)]), ("short", [group_inputs(1, 1, 2, capacity=6)]),
]:  # fmt: skip
    grouped(
        f"window_cache_{name}", sets, rotary=True, outputs=[FLOAT], unread=2, local_window_size=4,
        sliding_window_cache=1,
    )  # fmt: skip
grouped("softcap", [group_inputs(2, 3, 0)], softcap=2.0)
grouped("smooth_softmax", [group_inputs(2, 3, 0)], smooth_softmax=1)
grouped("sink", [{**group_inputs(2, 3, 0), "sink": numbers(HEADS)}])
for mode, what in [(1, "scores"), (2, "probabilities")]:
    grouped(
        what,
        [{**group_inputs(1, 3, 4), "bias": numbers(1, HEADS, 3, 7)}],
        outputs=[FLOAT] * 4,
        qk_output=mode,
        softcap=2.0,
    )
grouped("bias", [{**group_inputs(2, 3, 0), "bias": numbers(1, HEADS, 3, 3)}])
grouped(
    "packed",
    [
        {
            **group_inputs(2, 3, 0),
            "q": numbers(2, 3, HEADS * GROUP + 2 * GROUP),
            "k": None,
            "v": None,
        }
    ],
    rotary=True,
)

for name, sets, details in [
    ("first", [{"x": numbers(2, 3, 16), "places": np.array([2], np.int64)}], {}),
    ("places", [{"x": numbers(2, 3, 16), "places": integers(2, 3, high=16, dtype=np.int64)}], {"interleaved": 1}),
    ("heads", [{"x": numbers(2, 2, 3, 8), "places": integers(2, 3, high=16, dtype=np.int64)}], {}),
    (
        "part",
        [{"x": numbers(2, 3, 24), "places": integers(2, 3, high=16, dtype=np.int64)}],
        {"num_heads": 2, "rotary_embedding_dim": 8},
    ),
]:
    add(
        "RotaryEmbedding",
        f"rotary_embedding_{name}",
        sets,
        [FLOAT],
        weights={"cos": COSINES[:, :4].copy(), "sin": SINES[:, :4].copy()},
        **details,
    )


# --- quantised numbers -----------------------------------------------------------------------------------------------

QUANTIZED = {"rtol": 0, "atol": 1, "note": "ONNX Runtime's vector kernels round ties otherwise: one step is allowed."}


def zero(value, dtype=np.uint8):
    return np.array(value, dtype=dtype)


for kind, dtype, code in [("unsigned", np.uint8, UINT8), ("signed", np.int8, TensorProto.INT8)]:
    low, high = (0, 256) if dtype == np.uint8 else (-128, 128)
    middle = 120 if dtype == np.uint8 else -3

    def q(*shape, seed=0, low=low, high=high, dtype=dtype):
        return integers(*shape, seed=seed, low=low, high=high, dtype=dtype)

    pair = {
        "a_scale": single(0.03), "a_zero": zero(middle, dtype), "b_scale": single(0.05),
        "b_zero": zero(middle + 5, dtype), "c_scale": single(0.07), "c_zero": zero(middle - 4, dtype),
    }  # fmt: skip
    pair_order = ["a", "a_scale", "a_zero", "b", "b_scale", "b_zero", "c_scale", "c_zero"]
    for operator, scale in [("QLinearAdd", 0.07), ("QLinearMul", 0.13)]:
        name = "q_linear_" + operator[7:].lower()
        weights = {**pair, "c_scale": single(scale)}
        add(
            operator, f"{name}_{kind}",
            [{"a": q(2, 3, 5), "b": q(2, 3, 5, seed=1)}, {"a": q(1, 3, 5), "b": q(1, 3, 5, seed=1)}], [code],
            weights=weights, order=pair_order, **QUANTIZED,
        )  # fmt: skip
        add(
            operator, f"{name}_broadcast_{kind}", [{"a": q(2, 3, 5), "b": q(5, seed=1)}], [code], weights=weights,
            order=pair_order, **QUANTIZED,
        )  # fmt: skip
    one = {
        "x_scale": single(0.04), "x_zero": zero(middle, dtype), "y_scale": single(0.05),
        "y_zero": zero(middle + 7, dtype),
    }  # fmt: skip
    small = {**one, "y_scale": single(1 / 256), "y_zero": zero(low, dtype)}
    add("QLinearSigmoid", f"q_linear_sigmoid_{kind}", [{"x": q(3, 7)}], [code], weights=small, **QUANTIZED)
    add(
        "QLinearLeakyRelu", f"q_linear_leaky_relu_{kind}", [{"x": q(3, 7)}], [code], weights=one, alpha=0.2, **QUANTIZED
    )
    for version in (13, 12):
        add(
            "QLinearSoftmax", f"q_linear_softmax_{version}_{kind}", [{"x": q(2, 3, 4)}], [code], weights=small, axis=1,
            attributes={"opset": version}, **QUANTIZED,
        )  # fmt: skip
    add(
        "QLinearAveragePool", f"q_linear_average_pool_{kind}", [{"x": q(2, 3, 6, 5)}], [code], weights=one,
        kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], **QUANTIZED,
    )  # fmt: skip
    add(
        "QLinearAveragePool", f"q_linear_average_pool_last_{kind}", [{"x": q(2, 6, 5, 3)}], [code], weights=one,
        kernel_shape=[3, 2], channels_last=1, count_include_pad=1, pads=[1, 0, 1, 1], **QUANTIZED,
    )  # fmt: skip
    add(
        "QLinearGlobalAveragePool", f"q_linear_global_average_pool_{kind}", [{"x": q(2, 3, 6, 5)}], [code], weights=one,
        **QUANTIZED,
    )  # fmt: skip
    add(
        "QLinearGlobalAveragePool", f"q_linear_global_average_pool_last_{kind}", [{"x": q(2, 6, 5, 3)}], [code],
        weights=one, channels_last=1, **QUANTIZED,
    )  # fmt: skip
    add(
        "QLinearConcat", f"q_linear_concat_{kind}", [{"a": q(2, 3), "b": q(2, 4)}], [code], weights=pair,
        order=["c_scale", "c_zero", "a", "a_scale", "a_zero", "b", "b_scale", "b_zero"], axis=1, **QUANTIZED,
    )  # fmt: skip
    add(
        "QLinearWhere", f"q_linear_where_{kind}",
        [{"c": integers(2, 3, high=2, dtype=np.bool_), "a": q(2, 3), "b": q(2, 3, seed=1)}], [code], weights=pair,
        order=["c", "a", "a_scale", "a_zero", "b", "b_scale", "b_zero", "c_scale", "c_zero"], **QUANTIZED,
    )  # fmt: skip
    add(
        "NhwcMaxPool", f"nhwc_max_pool_{kind}", [{"x": q(2, 6, 5, 3)}], [code], kernel_shape=[3, 2], strides=[2, 1],
        pads=[1, 0, 1, 1],
    )  # fmt: skip
    add(
        "DequantizeLinear", f"dequantize_linear_{kind}", [{"x": q(2, 3)}], [FLOAT],
        weights={"scale": single(0.1), "zero": zero(middle, dtype)},
    )  # fmt: skip
    add(
        "QuantizeLinear", f"quantize_linear_axis_{kind}", [{"x": numbers(2, 3, scale=3)}], [code],
        weights={"scale": numbers(3) ** 2 + single(0.1), "zero": q(3)}, axis=1,
    )  # fmt: skip

    product = {"b": q(6, 4, seed=2), "b_scale": single(0.02), "b_zero": zero(middle, dtype)}
    columns = {**product, "b_scale": (numbers(4) ** 2 / 50 + 0.01).astype(np.float32), "b_zero": q(4, seed=3)}
    for spread, weights in [("", product), ("_columns", columns)]:
        add(
            "DynamicQuantizeMatMul", f"dynamic_quantize_mat_mul{spread}_{kind}",
            [{"a": numbers(2, 3, 6)}, {"a": numbers(1, 2, 6)}], [FLOAT], weights={**weights, "bias": numbers(4)},
            order=["a", "b", "b_scale", "b_zero", "bias"],
        )  # fmt: skip
        add(
            "MatMulIntegerToFloat", f"mat_mul_integer_to_float{spread}_{kind}", [{"a": integers(2, 3, 6)}], [FLOAT],
            weights={**weights, "a_scale": single(0.03), "a_zero": zero(130), "bias": numbers(4)},
            order=["a", "b", "a_scale", "b_scale", "a_zero", "b_zero", "bias"],
        )  # fmt: skip
    gemm = {
        **{key: value.T.copy() if key == "b" else value for key, value in product.items()}, "a_scale": single(0.03),
        "a_zero": zero(130), "c": integers(4, low=-500, high=500, dtype=np.int32),
    }  # fmt: skip
    gemm_order = ["a", "a_scale", "a_zero", "b", "b_scale", "b_zero", "c", "y_scale", "y_zero"]
    add(
        "QGemm", f"q_gemm_{kind}", [{"a": integers(3, 6)}], [UINT8], order=gemm_order, transB=1, alpha=0.5,
        weights={**gemm, "y_scale": single(0.1), "y_zero": zero(100)}, **QUANTIZED,
    )  # fmt: skip
    add(
        "QGemm", f"q_gemm_float_{kind}", [{"a": integers(3, 6)}], [FLOAT], order=gemm_order[:-2], transB=1, weights=gemm
    )
    projection = {
        "w": q(6, 3 * HIDDEN, seed=4), "b": numbers(3 * HIDDEN), "x_scale": single(0.02), "w_scale": single(0.01),
        "x_zero": zero(120), "w_zero": zero(middle, dtype),
    }  # fmt: skip
    add(
        "QAttention", f"q_attention_{kind}",
        [{"x": integers(2, 4, 6), "mask": np.array([[1, 1, 1, 0], [1, 1, 1, 1]], np.int32)}], [FLOAT],
        order=["x", "w", "b", "x_scale", "w_scale", "mask", "x_zero", "w_zero"], weights=projection, num_heads=HEADS,
    )  # fmt: skip

add(
    "QAttention", "q_attention_past", [{"x": integers(2, 1, 6), "past": numbers(2, 2, HEADS, 3, SIZE)}], [FLOAT, FLOAT],
    order=["x", "w", "b", "x_scale", "w_scale", "mask", "x_zero", "w_zero", "past"],
    weights={**projection, "mask": None}, num_heads=HEADS, unidirectional=1,
)  # fmt: skip


for last in (0, 1):
    x = integers(2, 6, 5, 4) if last else integers(2, 4, 6, 5)
    add(
        "QLinearConv", f"q_linear_conv_{'last' if last else 'first'}", [{"x": x}], [UINT8],
        weights={
            "w": integers(6, 2, 3, 3, low=-128, high=128, dtype=np.int8), "x_scale": single(0.02), "x_zero": zero(120),
            "w_scale": (numbers(6) ** 2 / 50 + 0.01).astype(np.float32), "w_zero": np.zeros(6, np.int8),
            "y_scale": single(0.05), "y_zero": zero(110), "b": integers(6, low=-300, high=300, dtype=np.int32),
        },
        order=["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "b"], channels_last=last,
        group=2, pads=[1, 1, 1, 1], strides=[2, 1], **QUANTIZED,
    )  # fmt: skip


# --- weights of a few bits -------------------------------------------------------------------------------------------

for bits in (2, 4, 8):
    for block, rows in [(16, 32), (32, 40)]:
        count = -(-rows // block)
        packed = integers(5, count, block * bits // 8, seed=bits)
        scales = (numbers(5 * count, seed=bits) / 10).astype(np.float32)
        x = [{"a": numbers(2, 3, rows)}, {"a": numbers(1, 1, rows)}]
        known = {"N": 5, "K": rows, "block_size": block, "bits": bits}
        order = ["a", "b", "scales", "zeros", "groups", "bias"]
        add(
            "MatMulNBits", f"mat_mul_{bits}_bits_{block}", x, [FLOAT], weights={"b": packed, "scales": scales},
            order=order, **known,
        )  # fmt: skip
        zeros = integers(5 * -(-count * bits // 8), seed=bits + 1)
        add(
            "MatMulNBits", f"mat_mul_{bits}_bits_{block}_zeros", x, [FLOAT],
            weights={"b": packed, "scales": scales, "zeros": zeros, "groups": None, "bias": numbers(5)}, order=order,
            **known,
        )  # fmt: skip
add(
    "MatMulNBits", "mat_mul_4_bits_float_zeros", [{"a": numbers(3, 32)}], [FLOAT],
    weights={
        "b": integers(5, 2, 8), "scales": numbers(5, 2) / single(10), "zeros": numbers(5, 2, seed=1) + single(8),
    }, N=5, K=32, block_size=16, bits=4,
)  # fmt: skip


for kind, what in enumerate(["fp4", "nf4"]):
    for rows, block in [(32, 16), (24, 32)]:
        count = -(-rows * 5 // block)
        add(
            "MatMulBnb4", f"mat_mul_{what}_{rows}", [{"a": numbers(2, 3, rows)}, {"a": numbers(1, 1, rows)}], [FLOAT],
            weights={"b": integers(rows * 5 // 2, seed=kind), "scales": np.abs(numbers(count, seed=rows))},
            N=5, K=rows, block_size=block, quant_type=kind,
        )  # fmt: skip


for bits in (2, 4, 8):
    table, factors = integers(10, 48 * bits // 8, seed=bits), (numbers(10, 3, seed=bits) / 10).astype(np.float32)
    at = [{"at": integers(2, 3, high=10, dtype=np.int64)}, {"at": integers(1, 4, high=10, dtype=np.int64)}]
    known = {"block_size": 16, "bits": bits, "quantize_axis": 1, "gather_axis": 0}
    order = ["table", "at", "scales", "zeros"]
    for name, zeros in [("", None), ("_zeros", integers(10, -(-3 * bits // 8), seed=bits))]:
        add(
            "GatherBlockQuantized", f"gather_block_{bits}_bits{name}", at, [FLOAT],
            weights={"table": table, "scales": factors, "zeros": zeros}, order=order, **known,
        )  # fmt: skip


# --- strings ---------------------------------------------------------------------------------------------------------

TEXTS = np.array(["Hello world, again", "", "one", "a--b  c", "Ünïcode wörds 123"], dtype=object)
for name, texts, details in [
    ("words", TEXTS, {"separators": [" "], "mark": 0, "mincharnum": 1}),
    ("words_marked", TEXTS, {"separators": [" ", ","], "mark": 1, "mincharnum": 2}),
    ("pattern_separators", TEXTS, {"separators": ["[ ,]+", "-"], "mark": 0, "mincharnum": 1}),
    ("expression", TEXTS, {"tokenexp": "[a-zA-Z0-9_]+", "mark": 0, "mincharnum": 1}),
    ("expression_long", TEXTS, {"tokenexp": "o|one|wor|world", "mark": 0, "mincharnum": 1}),
    ("expression_short", TEXTS, {"tokenexp": r"\w\w+", "mark": 1, "mincharnum": 4}),
    ("characters", TEXTS, {"separators": [""], "mark": 0, "mincharnum": 1}),
    ("characters_expression", TEXTS[:1].reshape(1, 1), {"tokenexp": ".", "mark": 1, "mincharnum": 1}),
    ("table", np.concatenate([TEXTS, TEXTS[:1]]).reshape(3, 2), {"separators": [" "], "mark": 0, "mincharnum": 1}),
]:
    add("Tokenizer", f"tokenizer_{name}", [{"x": texts}], [TensorProto.STRING], pad_value="#", **details)


# --- what the standard has, too --------------------------------------------------------------------------------------

add("Trilu", "trilu", [{"x": numbers(2, 3, 4)}], [FLOAT], weights={"k": np.array(1, np.int64)}, upper=0)
add(
    "Unique", "unique", [{"x": np.array([2, 1, 1, 3, 4, 3], np.float32)}], [FLOAT, TensorProto.INT64, TensorProto.INT64]
)
add(
    "Pad",
    "pad",
    [{"x": numbers(2, 3)}],
    [FLOAT],
    weights={"pads": np.array([[0, 1, 2, 0]], np.int64), "value": single([9])},
)
add("Pad", "pad_edge", [{"x": numbers(2, 3)}], [FLOAT], weights={"pads": np.array([1, 1, 0, 2], np.int64)}, mode="edge")
add("Range", "range", [{"start": single([1]), "limit": single([4.5])}], [FLOAT], weights={"delta": single([0.75])})
add("Range", "range_no_step", [{"start": np.array(3, np.int32), "limit": np.array(8, np.int32)}], [INT32])
add("ExpandDims", "expand_dims", [{"x": numbers(2, 3)}], [FLOAT], weights={"axis": np.array(-2, np.int32)})
add("Inverse", "inverse", [{"x": numbers(2, 3, 3)}, {"x": numbers(1, 3, 3, seed=1)}], [FLOAT], rtol=1e-3)
BOXES = np.array([[0.1, 0.2, 0.9, 0.7], [0, 0, 1, 1], [-0.2, 0.5, 1.1, 1.4]], np.float32)
for mode in ("bilinear", "nearest"):
    for size in [(3, 4), (1, 2)]:
        add(
            "CropAndResize", f"crop_and_resize_{mode}_{size[0]}",
            [{"x": numbers(2, 3, 6, 5), "rois": BOXES, "images": np.array([0, 1, 1], np.int32)}], [FLOAT],
            weights={"size": np.array(size, np.int32)}, mode=mode, extrapolation_value=-1.0,
        )  # fmt: skip
add("GatherND", "gather_nd", [{"x": numbers(2, 3, 4)}], [FLOAT], weights={"at": np.array([[0, 1], [1, 2]], np.int64)})


# --- what the standard dropped early ---------------------------------------------------------------------------------

EARLY = {"domain": "", "opset": 6}
IMAGE = [{"x": numbers(2, 3, 6, 5)}, {"x": numbers(1, 3, 6, 5, seed=1)}]
add("Affine", "early_affine", [{"x": numbers(2, 3)}], [FLOAT], alpha=1.5, beta=-0.25, **EARLY)
add("Scale", "early_scale", [{"x": numbers(2, 3)}], [FLOAT], attributes={"scale": 1.5}, **EARLY)
add("ParametricSoftplus", "early_parametric_softplus", [{"x": numbers(2, 3)}], [FLOAT], alpha=1.5, beta=2.0, **EARLY)
add("ScaledTanh", "early_scaled_tanh", [{"x": numbers(2, 3)}], [FLOAT], alpha=1.5, beta=2.0, **EARLY)
add("ThresholdedRelu", "early_thresholded_relu", [{"x": numbers(2, 3)}], [FLOAT], alpha=0.5, **EARLY)
add("ImageScaler", "early_image_scaler", IMAGE, [FLOAT], bias=[1.0, -2.0, 0.5], attributes={"scale": 0.25}, **EARLY)
add("Crop", "early_crop", IMAGE, [FLOAT], border=[1, 2, 0, 1], **EARLY)
add("Crop", "early_crop_sized", IMAGE, [FLOAT], border=[1, 2, 0, 0], attributes={"scale": [3, 2]}, **EARLY)
for across in (0, 1):
    for divides in (0, 1):
        add(
            "MeanVarianceNormalization", f"early_mean_variance_{across}_{divides}", IMAGE, [FLOAT],
            across_channels=across, normalize_variance=divides, **EARLY,
        )  # fmt: skip
add(
    "DynamicSlice", "early_dynamic_slice", [{"x": numbers(4, 4), "from": np.array([1, 0]), "to": np.array([3, -1])}],
    [FLOAT], **EARLY,
)  # fmt: skip


# --- sizes that frameworks reckon in float32 -------------------------------------------------------------------------

for mode, coordinates, scale in [
    ("nearest", "asymmetric", 5 / 3), ("linear", "half_pixel", 7 / 3), ("linear", "align_corners", 1.5),
    ("cubic", "align_corners", 1.3), ("cubic", "half_pixel", 0.7),
]:  # fmt: skip
    name = f"resize_{mode}_{coordinates}_{scale:.2f}".replace(".", "_")
    add(
        "Resize", name, [{"x": numbers(1, 2, 3, 9)}, {"x": numbers(1, 2, 6, 10, seed=1)}], [FLOAT],
        weights={"roi": None, "scales": np.array([1, 1, scale, scale], np.float32)}, domain="", mode=mode,
        coordinate_transformation_mode=coordinates, rtol=1e-3, atol=1e-4,
        **({"nearest_mode": "floor"} if mode == "nearest" else {}),
    )  # fmt: skip
# Of fixed extents, with an empty list of scales, as PyTorch writes it.
add(
    "Resize", "resize_sizes_of_a_request", [{"x": numbers(1, 2, 3, 9), "sizes": np.array([1, 2, 6, 5], np.int64)}],
    [FLOAT], weights={"roi": np.zeros(0, np.float32), "scales": np.zeros(0, np.float32)},
    order=["x", "roi", "scales", "sizes"], domain="", mode="nearest",
)  # fmt: skip
for alpha in (0.5, -0.5):
    add(
        "ThresholdedRelu", f"thresholded_relu_{'above' if alpha > 0 else 'below'}",
        [{"x": np.array([[np.nan, 0.5, -0.5, np.inf, -np.inf, 0.75]], np.float32)}], [FLOAT], domain="", alpha=alpha,
    )  # fmt: skip


# --- recurrences and hashes ------------------------------------------------------------------------------------------

LINEAR = {
    "q": numbers(2, 3, 8), "k": numbers(2, 3, 8, seed=1) / 4, "v": numbers(2, 3, 12, seed=2),
    "past": numbers(2, 2, 4, 6), "decay": -(numbers(2, 3, 2) ** 2), "beta": integers(2, 3, 2, high=100) / single(100),
}  # fmt: skip
for rule, unused in [("linear", ("decay", "beta")), ("gated", ("beta",)), ("delta", ("decay",)), ("gated_delta", ())]:
    add(
        "LinearAttention", f"linear_attention_{rule}",
        [{key: None if key in unused else value.astype(np.float32) for key, value in LINEAR.items()}], [FLOAT, FLOAT],
        update_rule=rule, q_num_heads=2, kv_num_heads=2,
    )  # fmt: skip
add(
    "CausalConvWithState", "causal_conv_with_state",
    [{"x": numbers(2, 4, 5), "past": numbers(2, 4, 2)}, {"x": numbers(1, 4, 1), "past": numbers(1, 4, 2)}],
    [FLOAT, FLOAT], weights={"w": numbers(4, 1, 3), "b": numbers(4)}, order=["x", "w", "b", "past"], activation="silu",
)  # fmt: skip
for name, values in [
    ("strings", TEXTS), ("int32", integers(5, high=1 << 30, dtype=np.int32)), ("double", numbers(5, dtype=np.float64)),
]:  # fmt: skip
    add("MurmurHash3", f"murmur_hash_{name}", [{"x": values}], [TensorProto.UINT32], seed=42)
add("MurmurHash3", "murmur_hash_signed", [{"x": TEXTS}], [INT32], positive=0)
for name, directions, columns, setting in [("", 1, 1, "forward"), ("_columns", 2, 16, "bidirectional")]:
    spread = (directions,) if columns == 1 else (directions, columns)
    add(
        "DynamicQuantizeLSTM", f"dynamic_quantize_lstm{name}",
        [{"x": numbers(5, 2, 6)}, {"x": numbers(3, 1, 6)}], [FLOAT, FLOAT, FLOAT],
        weights={
            "w": integers(directions, 6, 16), "r": integers(directions, 4, 16, seed=1),
            "b": (numbers(directions, 32) / 10).astype(np.float32),
            "w_scale": np.full(spread, 0.006, np.float32), "w_zero": np.full(spread, 127, np.uint8),
            "r_scale": np.full(spread, 0.004, np.float32), "r_zero": np.full(spread, 125, np.uint8),
        },
        order=["x", "w", "r", "b", "lengths", "h", "c", "p", "w_scale", "w_zero", "r_scale", "r_zero"],
        hidden_size=4, direction=setting, rtol=0.02, atol=0.02,
        note="ONNX Runtime quantises X and the hidden state to 8 bits.",
    )  # fmt: skip


# --- 16-bit floats, which are computed in float32 and rounded once -----------------------------------------------------

HALF = TensorProto.FLOAT16
SMALL = {"dtype": np.float16}
for operator, name, inputs, details in [
    ("MaxPool", "max_pool", {"x": numbers(2, 3, 8, 9, **SMALL)}, {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    ("AveragePool", "average_pool", {"x": numbers(2, 3, 8, 9, **SMALL)}, {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("GlobalAveragePool", "global_average_pool", {"x": numbers(2, 3, 8, 9, **SMALL)}, {}),
    ("Softmax", "softmax", {"x": numbers(3, 37, **SMALL)}, {}),
    ("ReduceMean", "reduce_mean", {"x": numbers(3, 4, 5, **SMALL)}, {"axes": [1]}),
    ("Einsum", "einsum", {"x": numbers(2, 3, 4, **SMALL), "y": numbers(2, 4, 5, **SMALL)}, {"equation": "bij,bjk->bik"}),
    ("ConvTranspose", "conv_transpose", {"x": numbers(1, 3, 5, 6, **SMALL), "w": numbers(3, 2, 4, 4, **SMALL)}, {"strides": [2, 2]}),
    ("InstanceNormalization", "instance_normalization",
     {"x": numbers(2, 3, 20, **SMALL), "scale": numbers(3, **SMALL), "b": numbers(3, seed=1, **SMALL)}, {}),
]:  # fmt: skip
    add(operator, f"half_{name}", [inputs], [HALF], domain="", rtol=2e-3, atol=2e-3, **details)
