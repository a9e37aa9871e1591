"""What a node's outputs should be: ONNX Runtime's answer where it runs the node, else onnx.reference's."""

import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

warnings.simplefilter("ignore")
np.seterr(all="ignore")
onnxruntime.set_default_logger_severity(4)

ML = "ai.onnx.ml"
# Element types that NumPy has no kind of its own for, by name.
ELEMENTS = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
    "complex64": TensorProto.COMPLEX64,
    "complex128": TensorProto.COMPLEX128,
    "float8_e4m3fn": TensorProto.FLOAT8E4M3FN,
    "float8_e5m2": TensorProto.FLOAT8E5M2,
    "float8_e4m3fnuz": TensorProto.FLOAT8E4M3FNUZ,
    "float8_e5m2fnuz": TensorProto.FLOAT8E5M2FNUZ,
    "int4": TensorProto.INT4,
    "uint4": TensorProto.UINT4,
    "float4_e2m1fn": TensorProto.FLOAT4E2M1,
}
SCHEMA_NAMES = {
    "float32": "float", "float64": "double", "float8_e4m3fn": "float8e4m3fn", "float8_e5m2": "float8e5m2",
    "float8_e4m3fnuz": "float8e4m3fnuz", "float8_e5m2fnuz": "float8e5m2fnuz", "float4_e2m1fn": "float4e2m1",
}  # fmt: skip


# The opset from which on the reference is right. Its softmaxes know only the newest version; its LRN loops over the
# batch instead of the channels; its recurrences know no lengths, activations or clipping; its MaxPool knows no auto_pad
# and its ConvTranspose adds biases to the wrong groups.
NEVER = 1000
FAITHFUL = {
    "Softmax": 13, "LogSoftmax": 13, "Hardmax": 13, "LRN": NEVER, "LSTM": NEVER, "GRU": NEVER, "RNN": NEVER,
    "MaxPool": NEVER, "ConvTranspose": NEVER,
}  # fmt: skip


# ONNX Runtime leaves these results as the memory was when there is nothing to sum.
PRODUCTS = {"MatMul", "Gemm", "MatMulInteger", "QLinearMatMul"}


class Unknown(Exception):
    """Neither ONNX Runtime nor the reference gives an answer."""


def element(value) -> str:
    """The element type's name of an array, or of the first member of a sequence."""
    if isinstance(value, list):
        return element(value[0]) if value else "float32"
    return "string" if value.dtype.kind in "OUS" else str(value.dtype)


def schema_type(value) -> str:
    """`tensor(float)` or `seq(tensor(float))`, as operators' schemas write types."""
    name = element(value)
    text = f"tensor({SCHEMA_NAMES.get(name, name)})"
    return f"seq({text})" if isinstance(value, list) else text


def type_proto(value, shape=None) -> onnx.TypeProto:
    if isinstance(value, list):
        return helper.make_sequence_type_proto(helper.make_tensor_type_proto(ELEMENTS[element(value)], None))
    return helper.make_tensor_type_proto(ELEMENTS[element(value)], shape)


def proto(value, name: str):
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            return map_sequence(value, name)
        made = numpy_helper.from_list(value, name)
        if not value:
            made.elem_type = onnx.SequenceProto.TENSOR
        return made
    if element(value) == "string":
        return numpy_helper.from_array(np.asarray(value, dtype=object), name)
    return numpy_helper.from_array(np.ascontiguousarray(value).reshape(value.shape), name)


def map_sequence(rows: list, name: str) -> onnx.SequenceProto:
    """What ZipMap answers: a dictionary a row, of numbers by label."""
    sequence = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.MAP)
    for row in rows:
        words = isinstance(next(iter(row)), str)
        entry = sequence.map_values.add(key_type=TensorProto.STRING if words else TensorProto.INT64)
        if words:
            entry.string_keys.extend(key.encode() for key in row)
        else:
            entry.keys.extend(row)
        entry.values.elem_type = onnx.SequenceProto.TENSOR
        entry.values.tensor_values.extend(numpy_helper.from_array(np.float32(number)) for number in row.values())
    return sequence


def model_of(nodes, feeds: dict, outputs: list, opset: int, ml: int, initializers=()) -> onnx.ModelProto:
    """A model whose inputs have the types and shapes of `feeds`; outputs are (name, value or None) pairs."""
    inputs = [helper.make_value_info(name, type_proto(v, getattr(v, "shape", None))) for name, v in feeds.items()]
    declared = [
        onnx.ValueInfoProto(name=name) if value is None else helper.make_value_info(name, type_proto(value))
        for name, value in outputs
    ]
    graph = helper.make_graph(list(nodes), "g", inputs, declared, initializer=list(initializers))
    imports = [helper.make_opsetid("", opset)]
    if any(node.domain == ML for node in nodes):
        imports.append(helper.make_opsetid(ML, ml))
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def run_node(node: onnx.NodeProto, feeds: dict, opset: int, ml: int) -> tuple[list, str]:
    """The node's outputs and who says so: `ort` or `reference`."""
    outputs = [(name, None) for name in node.output if name]
    model = model_of([node], feeds, outputs, opset, ml)
    if node.op_type in PRODUCTS and any(0 in value.shape for value in feeds.values()):
        return run_reference(model, feeds), "reference"
    if node.op_type == "TreeEnsemble" and any(attribute.name == "membership_values" for attribute in node.attribute):
        return [ensemble_with_sets(node, next(iter(feeds.values())))], "written out"
    try:
        return run_ort(model, feeds), "ort"
    except Exception as error:
        refused = error
    if opset < FAITHFUL.get(node.op_type, 0):
        raise Unknown(f"{node.op_type}: {str(refused)[:200]}")
    try:
        return run_reference(model, feeds), "reference"
    except Exception as error:
        raise Unknown(f"{node.op_type}: {str(refused)[:200]}; reference: {type(error).__name__} {str(error)[:200]}") from error


def ensemble_with_sets(node: onnx.NodeProto, rows: np.ndarray) -> np.ndarray:
    """TreeEnsemble written out: ONNX Runtime mixes up the sets of several nodes that ask for membership."""
    given = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    modes, splits, weights, members = (
        numpy_helper.to_array(given[name]) for name in ("nodes_modes", "nodes_splits", "leaf_weights", "membership_values")
    )
    ends = np.flatnonzero(np.isnan(members))
    sets = dict(zip(np.flatnonzero(modes == 6), np.split(members, ends + 1)[:-1], strict=True))
    missing = given.get("nodes_missing_value_tracks_true", [0] * len(modes))
    made = np.zeros((len(rows), given["n_targets"]))

    def leaf(row, at: int) -> int:
        while True:
            value, split = row[given["nodes_featureids"][at]], splits[at]
            holds = [value <= split, value < split, value >= split, value > split, value == split, value != split,
                     value in sets.get(at, ())][modes[at]]  # fmt: skip
            side = "true" if holds or (np.isnan(value) and missing[at]) else "false"
            is_leaf, at = given[f"nodes_{side}leafs"][at], given[f"nodes_{side}nodeids"][at]
            if is_leaf:
                return at

    how = [lambda w: sum(w) / len(given["tree_roots"]), sum, min, max][given.get("aggregate_function", 1)]
    for number, row in enumerate(rows):
        found = [leaf(row, root) for root in given["tree_roots"]]
        for target in range(given["n_targets"]):
            scores = [weights[one] for one in found if given["leaf_targetids"][one] == target]
            made[number, target] = how(scores) if scores else 0
    return made.astype(rows.dtype)


def run_ort(model: onnx.ModelProto, feeds: dict, optimised: bool = False) -> list:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_ALL if optimised else level.ORT_DISABLE_ALL
    for name, value in feeds.items():
        if not isinstance(value, list) and (value.dtype.kind == "V" or element(value) in ODD):
            raise Unknown(f"{name}: ONNX Runtime's Python interface does not take {value.dtype}")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    if any(any(word in output.type for word in ODD_ORT) for output in session.get_outputs()):
        raise Unknown("ONNX Runtime's Python interface does not give this element type")
    return [tidy(value) for value in session.run(None, feeds)]


ODD = {name for name in ELEMENTS if name.startswith(("bfloat", "float8", "int4", "uint4", "float4"))}
ODD_ORT = ("bfloat16", "float8", "int4", "float4")


def run_reference(model: onnx.ModelProto, feeds: dict) -> list:
    return [tidy(value) for value in ReferenceEvaluator(model).run(None, feeds)]


def tidy(value):
    if value is None:
        raise Unknown("an absent optional")
    if isinstance(value, (list, tuple)):
        return [one if isinstance(one, dict) else tidy(one) for one in value]
    value = np.asarray(value)
    return value.astype(object) if value.dtype.kind in "US" else value
