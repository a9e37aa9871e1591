"""Operators that work element by element, with one operand or broadcasting several."""

import numpy as np

from maker import FLOATS, INTEGERS, NUMBERS, SIGNED, Skip

PLAIN = """Abs Neg Exp Sin Cos Atan Sinh Cosh Asinh Sigmoid Tanh Relu Softplus Softsign HardSwish Mish Erf Floor Ceil
Round Sign Identity Selu Sqrt Log Acosh Atanh Asin Acos Tan Reciprocal""".split()
WITH_ATTRIBUTES = {
    "LeakyRelu": lambda m: {"alpha": m.choice([None, 0.0, 0.25, -0.5])},
    "Elu": lambda m: {"alpha": m.choice([None, 0.5, 2.0])},
    "Selu": lambda m: {"alpha": m.choice([None, 1.5]), "gamma": m.choice([None, 0.5])},
    "Celu": lambda m: {"alpha": m.choice([None, 0.5, 2.0])},
    "HardSigmoid": lambda m: {"alpha": m.choice([None, 0.5]), "beta": m.choice([None, 0.25])},
    "ThresholdedRelu": lambda m: {"alpha": m.choice([None, 0.5, -1.0])},
    "Shrink": lambda m: {"lambd": m.choice([None, 1.0]), "bias": m.choice([None, 0.5])},
    "Gelu": lambda m: {"approximate": m.choice([None, "none", "tanh"])},
    "IsInf": lambda m: {"detect_negative": m.choice([None, 0, 1]), "detect_positive": m.choice([None, 0, 1])},
}
BINARY = ["Add", "Sub", "Mul", "Div", "Pow", "Mod", "PRelu"]
COMPARE = ["Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"]
LOGIC = ["And", "Or", "Xor"]
BITS = ["BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift"]
VARIADIC = ["Min", "Max", "Mean", "Sum"]


def unary(m):
    op = m.choice(PLAIN)
    m.node(op, [m.operand(FLOATS if op == "Erf" else [*FLOATS, *FLOATS, *SIGNED])])


def unary_with_attributes(m):
    op = m.choice(WITH_ATTRIBUTES)
    x = m.operand(FLOATS)
    m.node(op, [x], **WITH_ATTRIBUTES[op](m))


def predicates(m):
    value = m.array(m.choice(["float32", "float64", "float16"]), m.shape())
    flat = value.reshape(-1)
    for index in range(0, len(flat), 3):
        flat[index] = m.choice([np.nan, np.inf, -np.inf, 0.0, -0.0])
    x = m.input(value)
    op = m.choice(["IsNaN", "IsInf", "IsInf", "Abs", "Neg", "Relu", "Sigmoid", "Tanh", "Exp", "Floor", "Ceil", "Round"])
    m.node(op, [x], **(WITH_ATTRIBUTES[op](m) if op == "IsInf" else {}))


def negation(m):
    if m.chance(0.5):
        m.node("Not", [m.operand(["bool"])])
    else:
        m.node("BitwiseNot", [m.operand(INTEGERS)])


def pair(m, dtypes, low=None, high=None, nonzero=False):
    """Two operands of one type that broadcast."""
    x = m.operand(dtypes)
    value = m.get(x)
    shape = value.shape if m.chance(0.4) else m.broadcastable(value.shape)
    if m.chance(0.15):  # the second is the larger
        shape = (m.integer(1, 3), *value.shape)[: 5]
    second = m.array(str(value.dtype) if value.dtype.kind not in "O" else "string", shape, low, high)
    if nonzero:
        second = np.where(second == 0, np.ones((), second.dtype), second).astype(second.dtype)
    y = m.constant(second, 0.4)
    return x, y


def binary(m):
    op = m.choice(BINARY)
    if op == "Pow":
        if m.chance(0.4):
            base = m.array(m.choice(["int32", "int64", "float32"]), m.shape(), -4, 4)
            power = m.array(m.choice(["int32", "int64", "float32"]), m.broadcastable(base.shape), 0, 3)
            power = np.round(power).astype(power.dtype)
        else:
            base = m.array(m.choice(FLOATS), m.shape(), 0.25, 3)
            power = m.array(m.choice(["float32", "float64", str(base.dtype)]), m.broadcastable(base.shape), -2, 2)
        m.node("Pow", [m.input(base), m.constant(power, 0.6)])
        return
    if op == "Mod":
        x, y = pair(m, [*SIGNED, "uint8", "uint32", "uint64", "float32", "float64"], nonzero=True)
        floats = m.get(x).dtype.kind == "f"
        m.node("Mod", [x, y], fmod=1 if floats else m.choice([0, 0, 1]))
        return
    if op == "PRelu":
        x = m.operand(FLOATS, low=1)
        value = m.get(x)
        slope = m.choice([value.shape, value.shape[-1:], (1,), (value.shape[0], *[1] * (value.ndim - 1))])
        m.node("PRelu", [x, m.constant(m.array(str(value.dtype), slope), 0.8)])
        return
    x, y = pair(m, NUMBERS if op != "Div" else [*FLOATS, *INTEGERS], nonzero=op == "Div")
    unsigned = m.get(x).dtype.kind == "u"
    if unsigned and op == "Sub":
        raise Skip
    m.node(op, [y, x] if m.chance(0.3) and op != "Div" else [x, y])


def comparison(m):
    op = m.choice(COMPARE)
    x, y = pair(m, [*NUMBERS, "bool", "string"] if op == "Equal" else NUMBERS)
    m.node(op, [x, y])


def logic(m):
    m.node(m.choice(LOGIC), pair(m, ["bool"]))


def bits(m):
    op = m.choice(BITS)
    if op == "BitShift":
        x, y = pair(m, ["uint8", "uint16", "uint32", "uint64"], 0, 7)
        m.node(op, [x, y], direction=m.choice(["LEFT", "RIGHT"]))
    else:
        m.node(op, pair(m, INTEGERS))


def variadic(m):
    op = m.choice(VARIADIC)
    x, y = pair(m, NUMBERS if op in ("Min", "Max") else FLOATS)
    value = m.get(x)
    more = [m.constant(m.array(str(value.dtype), m.broadcastable(value.shape)), 0.4) for _ in range(m.integer(0, 2))]
    m.node(op, [x, y, *more][: m.integer(1, 4)])


def clip(m):
    x = m.operand([*FLOATS, *INTEGERS])
    dtype = str(m.get(x).dtype)
    low, high = sorted([m.array(dtype, ()), m.array(dtype, ())], key=float)
    if m.opset < 11:
        m.node("Clip", [x], min=float(low), max=float(high))
        return
    bounds = [m.constant(low) if m.chance(0.7) else "", m.constant(high) if m.chance(0.7) else ""]
    m.node("Clip", [x, *bounds])


def where(m):
    x, y = pair(m, [*NUMBERS, "bool", "string"])
    shape = np.broadcast_shapes(m.get(x).shape, m.get(y).shape)
    condition = m.constant(m.array("bool", m.broadcastable(shape)), 0.3)
    m.node("Where", [condition, x, y])


def chain(m):
    """What the optimiser fuses: an activation after arithmetic, GELU written out, swish."""
    x = m.operand(["float32", "float32", "float16", "float64"], low=1)
    dtype = str(m.get(x).dtype)

    def number(value):
        return m.constant(np.array(value, dtype=dtype), 1.0)

    kind = m.choice(["gelu", "swish", "tanh_gelu", "square"])
    if kind == "gelu":
        (a,) = m.node("Div", [x, number(2**0.5)])
        (b,) = m.node("Erf", [a])
        (c,) = m.node("Add", [b, number(1.0)])
        (d,) = m.node("Mul", [x, c])
        m.node("Mul", [d, number(0.5)])
    elif kind == "swish":
        m.node("Mul", [x, m.node("Sigmoid", [x])[0]])
    elif kind == "tanh_gelu":
        (cube,) = m.node("Pow", [x, number(3.0)])
        (a,) = m.node("Add", [x, m.node("Mul", [cube, number(0.044715)])[0]])
        (t,) = m.node("Tanh", [m.node("Mul", [a, number(0.7978845608)])[0]])
        m.node("Mul", [m.node("Mul", [x, number(0.5)])[0], m.node("Add", [t, number(1.0)])[0]])
    else:
        m.node("Sub", [m.node("Mul", [x, x])[0], x])


ELEMENTWISE = [unary, unary, unary_with_attributes, predicates, negation, clip, chain]
BROADCASTING = [binary, binary, binary, comparison, logic, bits, variadic, where]
