"""Operators that move, cut, join and shape."""

import numpy as np

from maker import ANY, FLOATS, Skip

WIDE = [*ANY, "float32", "float32"]


def ints(m, values, share=0.85):
    return m.constant(np.array(values, dtype=np.int64), share)


def reshape(m):
    x = m.operand(WIDE, high=5)
    value = m.get(x)
    count = value.size
    target = []
    left = count
    for _ in range(m.integer(0, 3)):
        divisors = [d for d in range(1, left + 1) if left % d == 0] if left else [0, 1, 2]
        target.append(m.choice(divisors))
        left = left // target[-1] if target[-1] else 0
    target.append(left)
    if 0 not in value.shape and m.chance(0.5):
        target[m.integer(0, len(target) - 1)] = -1
    if m.chance(0.3) and len(target) <= value.ndim:
        same = [i for i in range(len(target)) if target[i] == value.shape[i]]
        if same:
            target[m.choice(same)] = 0
    if 0 in target and 0 in value.shape and (m.opset < 14 or -1 in target):
        raise Skip
    m.node("Reshape", [x, ints(m, target)], allowzero=1 if 0 in value.shape else None)


def flatten(m):
    x = m.operand(WIDE, high=5)
    rank = m.get(x).ndim
    m.node("Flatten", [x], axis=m.choice([None, m.integer(-rank if m.opset >= 11 else 0, rank)]))


def squeeze(m):
    shape = [1 if m.chance(0.5) else extent for extent in m.shape(high=5)]
    x = m.tensor(m.choice(WIDE), shape)
    axes = [axis for axis, extent in enumerate(shape) if extent == 1 and m.chance(0.6)]
    if m.opset >= 11:
        axes = [axis - len(shape) if m.chance(0.4) else axis for axis in axes]
    if m.opset >= 13:
        m.node("Squeeze", [x, ints(m, axes)] if axes else [x])
    else:
        m.node("Squeeze", [x], axes=axes or None)


def unsqueeze(m):
    x = m.operand(WIDE, high=3)
    rank = m.get(x).ndim
    count = m.integer(1, 2)
    axes = m.random.sample(range(rank + count), count)
    if m.opset >= 11:
        axes = [axis - rank - count if m.chance(0.4) else axis for axis in axes]
    else:
        axes.sort()
    if m.opset >= 13:
        m.node("Unsqueeze", [x, ints(m, axes)])
    else:
        m.node("Unsqueeze", [x], axes=axes)


def transpose(m):
    x = m.operand(WIDE, high=6)
    axes = list(range(m.get(x).ndim))
    m.random.shuffle(axes)
    m.node("Transpose", [x], perm=axes if axes and m.chance(0.8) else None)


def concat(m):
    x = m.operand(WIDE, low=1)
    value = m.get(x)
    axis = m.integer(0, value.ndim - 1)
    parts = [x]
    for _ in range(m.integer(0, 3)):
        shape = list(value.shape)
        shape[axis] = m.choice([0, 1, 2, 3, 5]) if m.opset > 10 else m.choice([1, 2, 3])
        dtype = "string" if value.dtype.kind == "O" else str(value.dtype)
        parts.append(m.constant(m.array(dtype, shape), 0.3))
    m.random.shuffle(parts)
    m.node("Concat", parts, axis=axis - value.ndim if m.opset >= 11 and m.chance(0.4) else axis)


def split(m):
    x = m.operand(WIDE, low=1)
    value = m.get(x)
    axis = m.integer(0, value.ndim - 1)
    extent = value.shape[axis]
    pieces = m.integer(1, 4)
    if pieces > extent:
        raise Skip
    signed = axis - value.ndim if m.opset >= 11 and m.chance(0.4) else axis
    if m.chance(0.4):
        if m.opset >= 18:
            m.node("Split", [x], pieces, axis=signed, num_outputs=pieces)
        elif extent % pieces == 0:
            m.node("Split", [x], pieces, axis=signed)
        else:
            raise Skip
        return
    cuts = sorted(m.random.choices(range(extent + 1), k=pieces - 1))
    sizes = np.diff([0, *cuts, extent]).tolist()
    if m.opset >= 13:
        m.node("Split", [x, ints(m, sizes)], pieces, axis=signed)
    else:
        m.node("Split", [x], pieces, axis=signed, split=sizes)


def slice_(m):
    x = m.operand(WIDE, low=1, high=5)
    value = m.get(x)
    axes = m.random.sample(range(value.ndim), m.integer(1, value.ndim))
    starts, ends, steps = [], [], []
    far = [-(2**63), 2**63 - 1, 1000, -1000, 2**31 - 1]
    for axis in axes:
        extent = value.shape[axis]
        starts.append(m.choice([m.integer(-extent - 2, extent + 2), m.choice(far)]) if m.chance(0.3) else m.integer(-extent, extent))
        ends.append(m.choice(far) if m.chance(0.3) else m.integer(-extent - 2, extent + 2))
        steps.append(m.choice([1, 1, 2, 3, -1, -1, -2, -7]))
    if m.opset < 10:
        m.node("Slice", [x], starts=starts, ends=ends, axes=axes)
        return
    if m.chance(0.3):
        axes = [axis - value.ndim for axis in axes]
    kind = m.choice([np.int64, np.int64, np.int32])
    if kind is np.int32:
        starts, ends = (np.clip(v, -(2**31), 2**31 - 1).tolist() for v in (starts, ends))
    given = [m.constant(np.array(one, dtype=kind)) for one in (starts, ends, axes, steps)]
    if m.chance(0.3):
        given = given[:3]
    if sorted(axes) == list(range(len(axes))) and axes == sorted(axes) and m.chance(0.3):
        given = given[:2] if len(given) == 3 else [given[0], given[1], "", given[3]]
    m.node("Slice", [x, *given])


def pad(m):
    x = m.operand([*FLOATS, "int32", "int64", "uint8", "int8", "bool"], low=1)
    value = m.get(x)
    mode = m.choice(["constant", "constant", "reflect", "edge", "wrap" if m.opset >= 19 else "edge"])
    rank = value.ndim
    if mode != "constant" and 0 in value.shape:
        raise Skip
    axes = sorted(m.random.sample(range(rank), m.integer(1, rank))) if m.opset >= 18 and m.chance(0.4) else list(range(rank))
    low, high = [], []
    for axis in axes:
        extent = value.shape[axis]
        most = 3 if mode in ("constant", "edge") else max(0, extent - 1)
        least = -min(1, extent - 1) if mode == "constant" and m.chance(0.3) and extent else 0
        low.append(m.integer(least, min(most, 3)))
        high.append(m.integer(least, min(most, 3)))
        if extent + low[-1] + high[-1] < 0:
            raise Skip
    if m.opset < 11:
        m.node("Pad", [x], pads=low + high, mode=mode, value=m.choice([None, 1.5]))
        return
    given = [x, ints(m, low + high)]
    fill = mode == "constant" and m.chance(0.6)
    named = len(axes) < rank or (m.opset >= 18 and m.chance(0.2))
    if fill or named:
        given.append(m.constant(m.array(str(value.dtype), ())) if fill else "")
    if named:
        given.append(ints(m, [axis - rank if m.chance(0.3) else axis for axis in axes]))
    m.node("Pad", given, mode=mode if m.chance(0.8) or mode != "constant" else None)


def tile(m):
    x = m.operand(["float32", "float64", "float16", "int32", "int64", "uint8", "bool", "string"])
    m.node("Tile", [x, ints(m, [m.integer(0 if m.chance(0.1) else 1, 3) for _ in m.get(x).shape])])


def expand(m):
    x = m.operand(WIDE, high=3)
    shape = list(m.get(x).shape)
    target = [m.integer(1, 4) if extent == 1 else m.choice([extent, 1]) for extent in shape]
    target = [m.integer(1, 3) for _ in range(m.integer(0, 2))] + target[m.integer(0, len(target)) if m.chance(0.2) else 0 :]
    m.node("Expand", [x, ints(m, target)])


def depth(m):
    block = m.integer(1, 3)
    if m.chance(0.5):
        shape = (m.integer(1, 2), block * block * m.integer(1, 3), m.integer(1, 4), m.integer(1, 4))
        x = m.tensor(m.choice(["float32", "float64", "float16", "uint8"]), shape)
        m.node("DepthToSpace", [x], blocksize=block, mode=m.choice([None, "DCR", "CRD"]))
    else:
        shape = (m.integer(1, 2), m.integer(1, 3), block * m.integer(1, 3), block * m.integer(1, 3))
        m.node("SpaceToDepth", [m.tensor(m.choice(["float32", "float64"]), shape)], blocksize=block)


def shape_of(m):
    x = m.operand(WIDE)
    if m.chance(0.3):
        m.node("Size", [x])
    else:
        m.node("Shape", [x], start=m.choice([None, m.integer(-5, 5)]), end=m.choice([None, m.integer(-5, 5)]))


def shape_arithmetic(m):
    """A reshape whose target is computed from another value's shape, as exporters write it."""
    x = m.operand(FLOATS, low=2, high=4)
    value = m.get(x)
    if 0 in value.shape:
        raise Skip
    (shape,) = m.node("Shape", [x])
    (first,) = m.node("Gather", [shape, m.constant(np.array([0], dtype=np.int64), 1.0)], axis=0)
    (target,) = m.node("Concat", [first, m.constant(np.array([-1], dtype=np.int64), 1.0)], axis=0)
    m.node("Reshape", [x, target])


def filled(m):
    kind = m.choice(["ConstantOfShape", "Range", "EyeLike", "Trilu"])
    if kind == "ConstantOfShape":
        shape = m.shape(zero=0.15)
        dtype = m.choice(["float32", "int64", "bool", "uint8", "float64", "int32", "float16"])
        import oracle

        value = oracle.proto(m.array(dtype, (1,)), "v") if m.chance(0.8) else None
        m.node(kind, [ints(m, shape)], value=value)
    elif kind == "Range":
        dtype = m.choice(["float32", "float64", "int32", "int64", "int16"])
        start, delta = m.integer(-5, 5), m.choice([-2, -1, 1, 2, 3])
        limit = start + delta * m.integer(-2, 7)
        scale = 0.5 if dtype.startswith("float") else 1
        m.node(kind, [m.constant(np.array(one * scale, dtype=dtype), 0.5) for one in (start, limit, delta)])
    elif kind == "EyeLike":
        x = m.tensor(m.choice(["float32", "int32", "float64", "int64"]), m.shape(rank=2))
        m.node(kind, [x], k=m.choice([None, m.integer(-4, 4)]), dtype=m.choice([None, 1, 6, 7, 9, 11]))
    else:
        x = m.operand(["float32", "float64", "int64", "int32", "bool"], low=2)
        given = [x, m.constant(np.array(m.integer(-6, 6), dtype=np.int64))] if m.chance(0.6) else [x]
        m.node(kind, given, upper=m.choice([None, 0, 1]))


def crop(m):
    x = m.operand(["float32", "int64", "float64"], low=1)
    rank = m.get(x).ndim
    axes = m.random.sample(range(rank), m.integer(1, rank))
    shape = [m.integer(1, 9) for _ in axes]
    m.node("CenterCropPad", [x, ints(m, shape)], axes=axes)


def reverse(m):
    shape = m.shape(rank=m.integer(2, 4), zero=0)
    time = m.integer(0, 1)
    x = m.tensor(m.choice(["float32", "int64", "string", "float64"]), shape)
    lengths = [m.integer(1, shape[time]) for _ in range(shape[1 - time])]
    m.node("ReverseSequence", [x, ints(m, lengths)], time_axis=time, batch_axis=1 - time)


def one_hot(m):
    depth = m.integer(1, 6)
    kind = m.choice(["int64", "int32", "float32", "uint8"])
    low = -depth if kind in ("int64", "int32") and m.opset >= 11 else 0
    indices = np.round(m.array(kind, m.shape(high=3), low, depth + m.choice([-1, -1, 1]))).astype(kind)
    x = m.input(indices)
    d = m.constant(np.array(depth if m.chance(0.5) else [depth], dtype=m.choice([np.int64, np.int32, np.float32])))
    values = m.constant(m.array(m.choice(["float32", "int64", "int32", "string", "bool"]), (2,)))
    rank = indices.ndim + 1
    m.node("OneHot", [x, d, values], axis=m.choice([None, m.integer(-rank, rank - 1)]))


def found(m):
    kind = m.choice(["NonZero", "Compress", "Unique"])
    if kind == "NonZero":
        m.node(kind, [m.operand(["float32", "int32", "int64", "bool", "uint8"])])
    elif kind == "Compress":
        x = m.operand(WIDE, low=1)
        value = m.get(x)
        axis = m.choice([None, m.integer(-value.ndim if m.opset >= 11 else 0, value.ndim - 1)])
        most = value.size if axis is None else value.shape[axis]
        m.node(kind, [x, m.constant(m.array("bool", (m.integer(0, most),)), 0.4)], axis=axis)
    else:
        shape = m.shape(low=1, zero=0)
        x = m.input(np.round(m.array(m.choice(["float32", "int64", "float64", "int8", "string"]), shape, words=["a", "b", "é"]))
                    if False else m.array(m.choice(["int64", "int8", "float32", "float64"]), shape, 0, 2).round())
        axis = m.choice([None, m.integer(-len(shape), len(shape) - 1)])
        m.node(kind, [x], m.integer(1, 4), axis=axis, sorted=m.choice([None, 0, 1]))


SHAPES = [
    reshape, reshape, flatten, squeeze, unsqueeze, transpose, transpose, concat, split, slice_, slice_, pad, pad, tile,
    expand, depth, shape_of, shape_arithmetic, filled, crop, reverse, one_hot, found,
]  # fmt: skip
