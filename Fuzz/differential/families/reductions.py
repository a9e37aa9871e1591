"""Reductions, ArgMax, TopK, cumulative sums and softmax."""

import numpy as np

from maker import FLOATS, Skip

REDUCE = "Sum Mean Max Min Prod L1 L2 LogSum LogSumExp SumSquare".split()
REAL = [*FLOATS, "int32", "int64"]


def reduce(m):
    kind = m.choice(REDUCE)
    low = 0.25 if kind == "LogSum" else None
    dtypes = FLOATS if kind.startswith("Log") else [*REAL, "int8", "uint8"] if kind in ("Max", "Min") else REAL
    x = m.tensor(m.choice(dtypes), m.shape(high=5), low=low, high=2)
    value = m.get(x)
    axes = m.random.sample(range(value.ndim), m.integer(0, value.ndim)) if value.ndim else []
    axes = [axis - value.ndim if m.chance(0.3) else axis for axis in axes]
    taken = [axis % value.ndim for axis in axes] or list(range(value.ndim))
    if kind in ("Max", "Min", "Mean") and 0 in [value.shape[axis] for axis in taken]:
        raise Skip  # no standard before opset 20, and ONNX Runtime refuses
    if any(axis < 0 for axis in axes) and m.opset < 11:
        raise Skip
    keep = m.choice([None, 0, 1])
    op = f"Reduce{kind}"
    if m.opset >= (13 if kind == "Sum" else 18):
        empty = m.choice([None, 0, 1])
        given = [x]
        if axes or m.chance(0.4):
            given.append(m.constant(np.array(axes, dtype=np.int64)))
        m.node(op, given, keepdims=keep, noop_with_empty_axes=empty)
    else:
        m.node(op, [x], keepdims=keep, axes=axes or None)


def arg(m):
    shape = m.shape(low=1, zero=0)
    x = m.tensor(m.choice(["float32", "float64", "float16", "int32", "int8", "uint8", "int64"]), shape)
    axis = m.integer(0, len(shape) - 1)
    if m.opset >= 11 and m.chance(0.4):
        axis -= len(shape)
    m.node(m.choice(["ArgMax", "ArgMin"]), [x], axis=m.choice([axis, axis, None]), keepdims=m.choice([None, 0, 1]),
           select_last_index=m.choice([None, 0, 1]))


def top_k(m):
    shape = m.shape(low=1, zero=0)
    axis = m.integer(0, len(shape) - 1)
    k = m.integer(0 if m.opset >= 10 else 1, shape[axis])
    x = m.input(m.array(m.choice(["float32", "float64", "float16", "int32", "int64"]), shape, distinct=m.chance(0.8)))
    if m.opset < 10:
        m.node("TopK", [x], 2, k=k, axis=axis)
        return
    largest, in_order = m.choice([None, 0, 1]), m.choice([None, 1])
    m.node("TopK", [x, m.constant(np.array([k], dtype=np.int64))], 2, axis=axis - len(shape) * m.integer(0, 1),
           largest=largest, sorted=in_order)


def cumulative(m):
    x = m.operand(["float32", "float64", "int32", "int64"], low=1)
    rank = m.get(x).ndim
    axis = np.array(m.integer(-rank, rank - 1), dtype=m.choice([np.int64, np.int32]))
    op = m.choice(["CumSum", "CumSum", "CumProd"])
    m.node(op, [x, m.constant(axis)], exclusive=m.choice([None, 0, 1]), reverse=m.choice([None, 0, 1]))


def softmax(m):
    x = m.operand(["float32", "float32", "float64", "float16"], low=1)
    rank = m.get(x).ndim
    if 0 in m.get(x).shape:
        raise Skip
    axis = m.integer(0 if m.opset < 11 else -rank, rank - 1)
    m.node(m.choice(["Softmax", "LogSoftmax", "Hardmax"]), [x], axis=m.choice([axis, axis, None]))


def masked_softmax(m):
    """Softmax of an addition, as attention has it."""
    shape = m.shape(rank=m.integer(2, 4), zero=0)
    x = m.tensor("float32", shape)
    mask = np.where(m.array("bool", m.broadcastable(shape)), 0, m.choice([-1e4, -3.4028235e38])).astype(np.float32)
    (y,) = m.node("Add", [x, m.constant(mask)])
    m.node("Softmax", [y], axis=len(shape) - 1)


REDUCTIONS = [reduce, reduce, reduce, arg, top_k, cumulative, softmax, masked_softmax]
