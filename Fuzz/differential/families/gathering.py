"""Gather and scatter, in all their forms."""

import numpy as np

from maker import ANY, ML, FLOATS, Skip

WIDE = [*ANY, "float32", "float32"]


def source(m, low=1, high=4):
    x = m.operand(WIDE, low=low, high=high)
    if 0 in m.get(x).shape and m.chance(0.9):
        raise Skip
    return x, m.get(x)


def places(m, extent, shape, negative=True):
    if extent == 0:
        raise Skip
    low = -extent if negative and m.opset >= 11 and m.chance(0.5) else 0
    return m.numpy.randint(low, extent, shape).astype(m.choice([np.int64, np.int64, np.int32]))


def gather(m):
    x, value = source(m)
    axis = m.integer(-value.ndim, value.ndim - 1)
    indices = places(m, value.shape[axis], m.shape(high=3))
    m.node("Gather", [x, m.constant(indices, 0.5)], axis=m.choice([axis, axis, None if indices.size and int(np.abs(indices).max()) < value.shape[0] else axis]))


def gather_elements(m):
    x, value = source(m)
    axis = m.integer(-value.ndim, value.ndim - 1)
    shape = [m.integer(1, extent) for extent in value.shape]
    shape[axis] = m.integer(0 if m.chance(0.1) else 1, 6)
    m.node("GatherElements", [x, m.constant(places(m, value.shape[axis], shape), 0.5)], axis=axis)


def gather_nd(m):
    x, value = source(m)
    batch = m.integer(0, value.ndim - 1) if m.opset >= 12 and m.chance(0.5) else 0
    depth = m.integer(1, value.ndim - batch)
    inner = m.shape(high=2, zero=0.02)
    columns = [m.numpy.randint(-value.shape[batch + d], value.shape[batch + d], (*value.shape[:batch], *inner)) for d in range(depth)]
    indices = np.stack(columns, axis=-1).astype(np.int64)
    if indices.ndim > 5:
        raise Skip
    m.node("GatherND", [x, m.constant(indices, 0.5)], batch_dims=batch or None)


def dtype_of(value):
    return "string" if value.dtype.kind == "O" else str(value.dtype)


def scatter_elements(m):
    x, value = source(m)
    axis = m.integer(-value.ndim, value.ndim - 1)
    shape = [m.integer(1, extent) for extent in value.shape]
    reduction = m.choice([None, None, "none", "add", "mul", "max", "min"]) if m.opset >= 16 else None
    if reduction in (None, "none"):  # the order of writes to one place is undefined
        count = shape[axis]
        order = np.moveaxis(np.zeros(shape, dtype=np.int64), axis, -1)
        flat = order.reshape(-1, count)
        for row in flat:
            row[:] = m.numpy.permutation(value.shape[axis])[:count]
        indices = np.moveaxis(flat.reshape(order.shape), -1, axis)
    else:
        indices = places(m, value.shape[axis], shape)
        if value.dtype.kind in "Ob":
            raise Skip
    updates = m.constant(m.array(dtype_of(value), indices.shape), 0.4)
    op = "Scatter" if m.opset < 11 else "ScatterElements"
    m.node(op, [x, m.constant(indices, 0.5), updates], axis=axis if m.opset >= 11 else axis % value.ndim, reduction=reduction)


def scatter_nd(m):
    x, value = source(m)
    depth = m.integer(1, value.ndim)
    reduction = m.choice([None, "none", "add", "mul", "max", "min"]) if m.opset >= 16 else None
    space = int(np.prod(value.shape[:depth]))
    count = m.integer(0 if m.chance(0.1) else 1, min(space, 6))
    if reduction in (None, "none"):
        flat = m.numpy.permutation(space)[:count]
    else:
        flat = m.numpy.randint(0, space, count)
        if value.dtype.kind in "Ob":
            raise Skip
    indices = np.stack(np.unravel_index(flat, value.shape[:depth]), axis=-1).astype(np.int64)
    if m.chance(0.3):
        indices = np.where(m.array("bool", indices.shape), indices - np.array(value.shape[:depth]), indices)
    if m.chance(0.3) and count % 2 == 0 and count:
        indices = indices.reshape(2, count // 2, depth)
    updates = m.array(dtype_of(value), (*indices.shape[:-1], *value.shape[depth:]))
    m.node("ScatterND", [x, m.constant(indices.astype(np.int64), 0.5), m.constant(updates, 0.4)], reduction=reduction)


def features(m):
    x = m.operand(["float32", "float64", "int64", "int32", "string"], low=1, high=3)
    value = m.get(x)
    if 0 in value.shape:
        raise Skip
    columns = m.numpy.randint(0, value.shape[-1], (1, m.integer(1, 5))).astype(np.int64)
    m.node("ArrayFeatureExtractor", [x, m.constant(columns)], domain=ML)


def embedding(m):
    """Ids, a table, and a sum with positions, as text models begin."""
    table = m.constant(m.array("float32", (m.integer(3, 20), m.integer(1, 17))), 1.0)
    ids = m.input(m.numpy.randint(0, m.get(table).shape[0], m.shape(rank=2, zero=0.05)).astype(np.int64))
    (rows,) = m.node("Gather", [table, ids])
    m.node("Add", [rows, m.constant(m.array("float32", m.get(rows).shape[1:]), 1.0)])


GATHERING = [gather, gather, gather_elements, gather_nd, scatter_elements, scatter_nd, features, embedding]
