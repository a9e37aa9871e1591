"""Branches, loops, scans, sequences and optionals."""

import numpy as np
from onnx import TensorProto, helper

import oracle
from maker import Skip


def info(value, name, shape=None):
    return helper.make_value_info(name, oracle.type_proto(value, shape))


def nameless(name):
    import onnx

    return onnx.ValueInfoProto(name=name)


def conditional(m):
    x = m.operand(["float32", "int64", "float64"], high=3)
    value = m.get(x)
    tag = f"b{len(m.values)}"
    ops = m.random.sample(["Neg", "Abs", "Identity", "Add", "Mul", "Transpose"], 2)
    graphs = []
    for place, op in enumerate(ops):
        given = [x, x] if op in ("Add", "Mul") else [x]
        nodes = [helper.make_node(op, given, [f"{tag}_{place}"])]
        if m.chance(0.4):
            nodes.append(helper.make_node("Identity", [f"{tag}_{place}"], [f"{tag}_{place}i"]))
        out = nodes[-1].output[0]
        graphs.append(helper.make_graph(nodes, f"g{place}", [], [info(value, out)]))
    condition = m.constant(np.array(m.chance(0.5)) if m.chance(0.8) else np.array([m.chance(0.5)]), 0.3)
    m.append(helper.make_node("If", [condition], [f"y{len(m.values)}"], then_branch=graphs[0], else_branch=graphs[1]))


def loop(m):
    """Carries a value and a counter, reads an outer value, and collects what each turn gives."""
    x = m.operand(["float32", "int64"], high=3)
    value = m.get(x)
    dtype = str(value.dtype)
    tag = f"l{len(m.values)}"
    turns, stop = m.integer(0, 5), m.integer(0, 5)
    start = m.input(m.array(dtype, value.shape))
    counted = m.chance(0.7)
    nodes = [
        helper.make_node("Add", [f"{tag}_in", x], [f"{tag}_out"]),
        helper.make_node("Less", [f"{tag}_i", f"{tag}_stop"], [f"{tag}_go"]),
        helper.make_node(m.choice(["Neg", "Abs", "Identity"]), [f"{tag}_out"], [f"{tag}_scan"]),
    ]
    limit = helper.make_tensor(f"{tag}_stop", TensorProto.INT64, [], [stop])
    scans = m.chance(0.6)
    inputs = [
        helper.make_tensor_value_info(f"{tag}_i", TensorProto.INT64, []),
        helper.make_tensor_value_info(f"{tag}_c", TensorProto.BOOL, []),
        info(value, f"{tag}_in"),
    ]
    outputs = [helper.make_tensor_value_info(f"{tag}_go", TensorProto.BOOL, []), info(value, f"{tag}_out")]
    if scans:
        outputs.append(info(value, f"{tag}_scan"))
    body = helper.make_graph(nodes, "body", inputs, outputs, initializer=[limit])
    count = m.constant(np.array(turns, dtype=np.int64), 0.5) if counted else ""
    go = m.constant(np.array(m.chance(0.85)), 0.5) if not counted or m.chance(0.5) else ""
    if m.opset < 9:
        raise Skip
    names = [f"y{len(m.values)}_{k}" for k in range(2 if scans else 1)]
    m.append(helper.make_node("Loop", [count, go, start], names, body=body))


def loop_sequence(m):
    """A loop that grows a sequence, then joins it."""
    if m.opset < 13:
        raise Skip
    x = m.tensor("float32", m.shape(low=1, high=2, zero=0))
    tag = f"s{len(m.values)}"
    (empty,) = m.node("SequenceConstruct", [x])
    sequence_type = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    body = helper.make_graph(
        [
            helper.make_node("Identity", [f"{tag}_c"], [f"{tag}_go"]),
            helper.make_node("Cast", [f"{tag}_i"], [f"{tag}_f"], to=TensorProto.FLOAT),
            helper.make_node("Add", [x, f"{tag}_f"], [f"{tag}_v"]),
            helper.make_node("SequenceInsert", [f"{tag}_s", f"{tag}_v"], [f"{tag}_t"]),
        ],
        "body",
        [
            helper.make_tensor_value_info(f"{tag}_i", TensorProto.INT64, []),
            helper.make_tensor_value_info(f"{tag}_c", TensorProto.BOOL, []),
            helper.make_value_info(f"{tag}_s", sequence_type),
        ],
        [
            helper.make_tensor_value_info(f"{tag}_go", TensorProto.BOOL, []),
            helper.make_value_info(f"{tag}_t", sequence_type),
        ],
    )
    count = m.constant(np.array(m.integer(0, 4), dtype=np.int64), 0.5)
    (made,) = m.append(helper.make_node("Loop", [count, m.constant(np.array(True)), empty], [f"y{len(m.values)}"], body=body))
    m.node("ConcatFromSequence", [made], axis=0, new_axis=m.choice([None, 0, 1]))


def scan(m):
    if m.opset < 9:
        raise Skip
    tag = f"n{len(m.values)}"
    steps, width = m.integer(1, 5), m.integer(1, 5)
    axis = m.integer(0, 1)
    x = m.tensor("float32", (steps, width) if axis == 0 else (width, steps))
    state = m.tensor("float32", (width,))
    body = helper.make_graph(
        [
            helper.make_node("Add", [f"{tag}_s", f"{tag}_x"], [f"{tag}_t"]),
            helper.make_node("Mul", [f"{tag}_t", f"{tag}_x"], [f"{tag}_y"]),
        ],
        "body",
        [helper.make_tensor_value_info(f"{tag}_s", TensorProto.FLOAT, [width]),
         helper.make_tensor_value_info(f"{tag}_x", TensorProto.FLOAT, [width])],
        [helper.make_tensor_value_info(f"{tag}_t", TensorProto.FLOAT, [width]),
         helper.make_tensor_value_info(f"{tag}_y", TensorProto.FLOAT, [width])],
    )
    made = {"num_scan_inputs": 1, "body": body}
    if axis:
        made["scan_input_axes"] = [m.choice([1, -1]) if m.opset >= 11 else 1]
    if m.chance(0.4):
        made["scan_output_axes"] = [m.integer(-2 if m.opset >= 11 else 0, 1)]
    if m.chance(0.4):
        made["scan_input_directions"] = [m.integer(0, 1)]
    if m.chance(0.4):
        made["scan_output_directions"] = [m.integer(0, 1)]
    m.append(helper.make_node("Scan", [state, x], [f"y{len(m.values)}_{k}" for k in range(2)], **made))


def sequence(m):
    dtype = m.choice(["float32", "int64", "string"])
    shape = m.shape(low=1, high=3)
    members = [m.tensor(dtype, shape if m.chance(0.5) else m.shape(rank=len(shape))) for _ in range(m.integer(1, 4))]
    (made,) = m.node("SequenceConstruct", members)
    count = len(members)
    for _ in range(m.integer(1, 3)):
        if m.chance(0.4):
            place = [m.constant(np.array(m.integer(-count, count), dtype=m.choice([np.int64, np.int32])))] if m.chance(0.6) else []
            (made,) = m.node("SequenceInsert", [made, m.tensor(dtype, shape), *place])
            count += 1
        elif count > 1 and m.chance(0.5):
            place = [m.constant(np.array(m.integer(-count, count - 1), dtype=np.int64))] if m.chance(0.6) else []
            (made,) = m.node("SequenceErase", [made, *place])
            count -= 1
    if m.chance(0.5):
        m.node("SequenceLength", [made])
    if m.chance(0.7):
        m.node("SequenceAt", [made, m.constant(np.array(m.integer(-count, count - 1), dtype=np.int64))])


def split_and_join(m):
    x = m.operand(["float32", "int64", "float64"], low=1, high=3)
    value = m.get(x)
    axis = m.integer(-value.ndim, value.ndim - 1)
    extent = value.shape[axis]
    if not extent:
        raise Skip
    how = m.choice(["each", "size", "sizes"])
    keep = None
    if how == "each":
        keep = m.choice([None, 0, 1])
        (made,) = m.node("SplitToSequence", [x], axis=axis, keepdims=keep)
    elif how == "size":
        (made,) = m.node("SplitToSequence", [x, m.constant(np.array(m.integer(1, extent), dtype=np.int64))], axis=axis)
    else:
        cut = m.integer(0, extent)
        (made,) = m.node("SplitToSequence", [x, m.constant(np.array([cut, extent - cut], dtype=np.int64))], axis=axis)
    new = 1 if how == "each" and keep == 0 else m.choice([None, 0])
    m.node("ConcatFromSequence", [made], axis=axis, new_axis=new)


def optional(m):
    if m.opset < 18:
        raise Skip
    x = m.operand(["float32", "int64"])
    (made,) = m.node("OptionalHasElement", [x])
    m.node("OptionalGetElement", [x])


def sequence_map(m):
    if m.opset < 17:
        raise Skip
    shape = m.shape(low=1, high=2, zero=0)
    members = [m.tensor("float32", shape) for _ in range(m.integer(1, 3))]
    (made,) = m.node("SequenceConstruct", members)
    extra = m.tensor("float32", shape)
    tag = f"p{len(m.values)}"
    body = helper.make_graph(
        [helper.make_node("Add", [f"{tag}_a", f"{tag}_b"], [f"{tag}_c"])],
        "body",
        [helper.make_tensor_value_info(f"{tag}_a", TensorProto.FLOAT, None), helper.make_tensor_value_info(f"{tag}_b", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info(f"{tag}_c", TensorProto.FLOAT, None)],
    )
    m.append(helper.make_node("SequenceMap", [made, extra], [f"y{len(m.values)}"], body=body))


CONTROL = [conditional, conditional, loop, loop, loop_sequence, scan, sequence, sequence, split_and_join, optional, sequence_map]
