"""Casts between all element types, and quantisation."""

import numpy as np

import oracle
from maker import Skip

PLAIN = ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
SMALL = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"]
FOURS = ["int4", "uint4"]


def source(m, to):
    """Values that every target can hold, so that nothing undefined is asked."""
    dtype = m.choice([*PLAIN, *PLAIN, "bfloat16", "string", *SMALL, *FOURS])
    shape = m.shape(high=3)
    if dtype == "string":
        words = ["0", "1", "2", "7"] if "int" in to or to == "bool" else ["0", "-1.5", "2.25", "1e2", "NaN", "-INF", "3"]
        if to == "string":
            words = None
        if to.startswith(("float8", "bfloat", "float4")) or to in FOURS:
            words = ["0", "1", "-2.5", "4"] if "int" not in to else ["0", "1", "3"]
        return m.array(dtype, shape, words=words)
    unsigned = to.startswith("u") or to == "string" and False
    low = 0 if unsigned or dtype.startswith("u") else -7
    value = m.array(dtype, shape, low, 7)
    if not unsigned and dtype in ("float32", "float64", "float16") and m.chance(0.3) and not ("int" in to or to in ("bool", "string")):
        flat = value.reshape(-1)
        for index in range(0, len(flat), 4):
            flat[index] = m.choice([np.inf, -np.inf, np.nan, -0.0, 1e-5])
    return value


def cast(m):
    to = m.choice([*PLAIN, *PLAIN, "bfloat16", "string", *SMALL, *FOURS])
    value = source(m, to)
    if to == "string" and value.dtype.kind not in "iub" and oracle.element(value) != "string":
        if value.dtype.kind != "f" or value.dtype == np.float16:
            raise Skip
        value = np.round(value).astype(value.dtype)  # how a fraction is written is the library's
    x = m.input(value)
    odd = to in SMALL or oracle.element(value) in SMALL
    m.node("Cast", [x], to=oracle.ELEMENTS[to], saturate=m.choice([None, 0, 1]) if odd else None)


def cast_saturating(m):
    """Large floats to 8 bits of float, with and without saturation."""
    value = m.array(m.choice(["float32", "float16", "bfloat16"]), m.shape(high=2), -900, 900)
    m.node("Cast", [m.input(value)], to=oracle.ELEMENTS[m.choice(SMALL)], saturate=m.choice([None, 0, 1]), drop=False)


def cast_wide(m):
    """Integers to narrower integers: the low bits are kept."""
    value = m.array(m.choice(["int32", "int64", "int16"]), m.shape(high=2), -30000, 30000)
    m.node("Cast", [m.input(value)], to=oracle.ELEMENTS[m.choice(["int8", "uint8", "int16", "uint16", "int32", "float32", "float16", "bool"])])


def cast_chain(m):
    x = m.operand(["float32", "int32", "int64", "uint8", "float64"])
    m.node("Cast", [x], to=oracle.ELEMENTS[m.choice(["float32", "float64", "int64", "int32", "float32"])])


def cast_like(m):
    to = m.choice([*PLAIN, "bfloat16", *SMALL])
    value = source(m, to)
    if oracle.element(value) == "string" or oracle.element(value) in FOURS:
        raise Skip
    m.node("CastLike", [m.input(value), m.constant(m.array(to, (1,)), 0.5)])


def quantise(m):
    x = m.array(m.choice(["float32", "float32", "float16"]), m.shape(low=1, zero=0.02), -4, 4)
    kind = m.choice(["uint8", "int8", "uint8", "int8", "int16", "uint16", "int4", "uint4", *SMALL])
    scale, zero, made = parameters(m, x.shape, str(x.dtype), kind)
    given = [m.input(x), scale]
    if zero:
        given.append(zero)
    elif m.opset >= 21 and m.chance(0.5):
        made["output_dtype"] = oracle.ELEMENTS[kind]
    m.node("QuantizeLinear", given, **made)


def dequantise(m):
    kind = m.choice(["uint8", "int8", "int32", "int16", "uint16", "int4", "uint4", *SMALL])
    x = m.array(kind, m.shape(low=1, zero=0.02), None if kind[0] == "u" else -7, 7)
    scale, zero, made = parameters(m, x.shape, m.choice(["float32", "float32", "float16"]), kind)
    if kind == "int32":
        zero = ""
    m.node("DequantizeLinear", [m.input(x), scale, zero] if zero else [m.input(x), scale], **made)


def parameters(m, shape, dtype, kind):
    how = m.choice(["all", "all", "axis", "block"])
    made = {}
    axis = m.integer(0, len(shape) - 1)
    if how == "all" or m.opset < 13 or 0 in shape:
        size = () if m.chance(0.7) else (1,)
    elif how == "axis" or m.opset < 21:
        size = (shape[axis],)
        made["axis"] = axis - len(shape) if m.chance(0.4) else axis
    else:
        block = m.choice([extent for extent in range(1, shape[axis] + 1) if shape[axis] % extent == 0])
        size = tuple(extent // block if place == axis else extent for place, extent in enumerate(shape))
        made |= {"axis": axis, "block_size": block}
    scale = m.array(dtype, size, 0.05, 0.5)
    scale = np.maximum(scale, np.array(0.05, dtype=dtype)).astype(dtype)
    zero = ""
    if m.chance(0.7):
        value = m.array(kind, size, 0, 5)
        if kind in SMALL:
            value = np.zeros(size, dtype=value.dtype)
        zero = m.constant(value, 0.9)
    return m.constant(scale, 0.9), zero, made


def quantise_and_back(m):
    x = m.operand(["float32"], low=1)
    if m.opset < 13:
        raise Skip
    scale = m.constant(np.array(m.choice([0.1, 0.05, 0.25]), dtype=np.float32), 1.0)
    zero = m.constant(m.array(m.choice(["uint8", "int8"]), (), 0, 9), 1.0)
    (q,) = m.node("QuantizeLinear", [x, scale, zero])
    m.node("DequantizeLinear", [q, scale, zero])


def dynamic(m):
    x = m.operand(["float32"], low=1)
    if 0 in m.get(x).shape:
        raise Skip
    m.node("DynamicQuantizeLinear", [x], 3)


CASTING = [cast, cast, cast, cast_saturating, cast_wide, cast_chain, cast_like, quantise, quantise, dequantise, dequantise, quantise_and_back, dynamic]
