"""Normalisations, recurrent layers and attention."""

import numpy as np

from maker import Skip

REAL = ["float32", "float32", "float32", "float64", "float16"]


def picture(m, dtype, zero=0.0):
    rank = m.integer(1, 3)
    return m.tensor(dtype, (m.integer(1, 3), m.integer(1, 8), *[m.integer(1, 6) for _ in range(rank)]))


def batch(m):
    dtype = m.choice(REAL)
    x = picture(m, dtype) if m.chance(0.8) else m.tensor(dtype, (m.integer(1, 4), m.integer(1, 8)))
    channels = m.get(x).shape[1]
    four = [m.constant(m.array(dtype, (channels,), 0.25, 2), 0.8) for _ in range(4)]
    m.node("BatchNormalization", [x, *four], epsilon=m.choice([None, 1e-2]), momentum=m.choice([None, 0.5]))


def instance(m):
    dtype = m.choice(REAL)
    x = picture(m, dtype)
    channels = m.get(x).shape[1]
    m.node("InstanceNormalization", [x, *(m.constant(m.array(dtype, (channels,)), 0.8) for _ in range(2))], epsilon=m.choice([None, 1e-2]))


def layer(m):
    dtype = m.choice(REAL)
    x = m.tensor(dtype, m.shape(low=1, zero=0.01))
    value = m.get(x)
    axis = m.integer(-value.ndim, value.ndim - 1)
    shape = value.shape[axis:] if axis < 0 else value.shape[axis:]
    given = [x, m.constant(m.array(dtype, shape), 0.8)]
    op = m.choice(["LayerNormalization", "LayerNormalization", "RMSNormalization"])
    if op == "LayerNormalization" and m.chance(0.6):
        given.append(m.constant(m.array(dtype, shape), 0.8))
    if 0 in value.shape:
        raise Skip
    outputs = m.choice([1, 1, 1, 3]) if op == "LayerNormalization" else 1
    m.node(op, given, outputs, axis=axis, epsilon=m.choice([None, 1e-3]))


def layer_written_out(m):
    x = m.tensor("float32", m.shape(low=2, high=3, zero=0))
    size = m.get(x).shape[-1]
    axes = {"axes": [-1]} if m.opset < 18 else {}
    more = [] if m.opset < 18 else [m.constant(np.array([-1], dtype=np.int64), 1.0)]
    if m.opset < 11:
        raise Skip
    (mean,) = m.node("ReduceMean", [x, *more], keepdims=1, **axes)
    (d,) = m.node("Sub", [x, mean])
    (sq,) = m.node("Pow", [d, m.constant(np.array(2, dtype=np.float32), 1.0)])
    (var,) = m.node("ReduceMean", [sq, *more], keepdims=1, **axes)
    (s,) = m.node("Sqrt", [m.node("Add", [var, m.constant(np.array(1e-5, dtype=np.float32), 1.0)])[0]])
    (n,) = m.node("Div", [d, s])
    (y,) = m.node("Mul", [n, m.constant(m.array("float32", (size,)), 1.0)])
    m.node("Add", [y, m.constant(m.array("float32", (size,)), 1.0)])


def group(m):
    dtype = m.choice(["float32", "float32", "float16", "float64"])
    groups = m.integer(1, 3)
    channels = groups * m.integer(1, 4)
    x = m.tensor(dtype, (m.integer(1, 3), channels, *[m.integer(1, 5) for _ in range(m.integer(1, 2))]))
    size = channels if m.opset >= 21 else groups
    m.node("GroupNormalization", [x, *(m.constant(m.array(dtype, (size,)), 0.8) for _ in range(2))], num_groups=groups,
           epsilon=m.choice([None, 1e-2]))


def others(m):
    op = m.choice(["LRN", "LpNormalization", "MeanVarianceNormalization"])
    if op == "LRN":
        x = m.tensor("float32", (m.integer(1, 2), m.integer(1, 7), m.integer(1, 4), m.integer(1, 4)))
        m.node(op, [x], size=m.choice([1, 3, 5]), alpha=m.choice([None, 0.1]), beta=m.choice([None, 0.5]), bias=m.choice([None, 2.0]))
    elif op == "LpNormalization":
        x = m.tensor(m.choice(["float32", "float64"]), m.shape(low=1, zero=0), low=0.25)
        rank = m.get(x).ndim
        m.node(op, [x], axis=m.choice([None, m.integer(-rank, rank - 1)]), p=m.choice([None, 1, 2]))
    else:
        x = m.tensor("float32", [m.integer(2, 4) for _ in range(4)])
        m.node(op, [x], axes=m.choice([None, [0, 2, 3], [1], [2, 3], [-1]]))


def recurrent(m):
    op, gates = m.choice([("LSTM", 4), ("GRU", 3), ("RNN", 1)])
    direction = m.choice([None, "forward", "reverse", "bidirectional"])
    ways = 2 if direction == "bidirectional" else 1
    t, b, i, h = m.integer(1, 5), m.integer(1, 3), m.integer(1, 9), m.integer(1, 9)
    dtype = m.choice(["float32", "float32", "float32", "float64"])
    layout = m.choice([None, 0, 1]) if m.opset >= 14 else None
    x = m.tensor(dtype, (b, t, i) if layout == 1 else (t, b, i))
    w = m.constant(m.array(dtype, (ways, gates * h, i), -1, 1), 0.9)
    r = m.constant(m.array(dtype, (ways, gates * h, h), -1, 1), 0.9)
    given = [x, w, r]
    given.append(m.constant(m.array(dtype, (ways, 2 * gates * h), -1, 1), 0.9) if m.chance(0.7) else "")
    given.append(m.constant(np.array([m.integer(1, t) for _ in range(b)], dtype=np.int32), 0.5) if m.chance(0.3) else "")
    state = (b, ways, h) if layout == 1 else (ways, b, h)
    given.append(m.tensor(dtype, state) if m.chance(0.4) else "")
    made = {"hidden_size": h, "direction": direction, "layout": layout, "clip": m.choice([None, None, 1.5])}
    if op == "LSTM":
        given.append(m.tensor(dtype, state) if m.chance(0.4) else "")
        given.append(m.constant(m.array(dtype, (ways, 3 * h), -1, 1), 0.9) if m.chance(0.3) else "")
        made["input_forget"] = m.choice([None, None, 0, 1])
    if op == "GRU":
        made["linear_before_reset"] = m.choice([None, 0, 1])
    if m.chance(0.3):
        per = {"LSTM": 3, "GRU": 2, "RNN": 1}[op]
        made["activations"] = [m.choice(["Sigmoid", "Tanh", "Softsign", "HardSigmoid"]) for _ in range(per * ways)]
    if made["clip"] is not None and m.chance(0.5):
        made["clip"] = None
    m.node(op, given, m.integer(1, 3 if op == "LSTM" else 2), **made)


def attention(m):
    if m.opset < 23:
        m.opset = 23
        if m.nodes:
            raise Skip
    b, h, s, t = m.integer(1, 2), m.choice([1, 2, 4]), m.integer(1, 6), m.integer(1, 7)
    kv = m.choice([h, 1, h])
    d, e = m.choice([4, 8, 16]), m.choice([4, 8, 16])
    flat = m.chance(0.4)
    dtype = m.choice(["float32", "float32", "float16"])

    def part(heads, length, size):
        return m.tensor(dtype, (b, length, heads * size) if flat else (b, heads, length, size))

    past = m.integer(1, 4) if m.chance(0.3) else 0
    given = [part(h, s, d), part(kv, t, d), part(kv, t, e)]
    total = t + past
    if m.chance(0.5):
        shape = m.choice([(s, total), (b, 1, s, total), (1, 1, s, total), (b, h, s, total)])
        kind = m.choice(["bool", dtype])
        mask = m.array(kind, shape)
        if kind == "bool":
            mask[..., 0] = True
        given.append(m.constant(mask, 0.3))
    elif past:
        given.append("")
    causal = m.choice([None, 0, 1]) if not past else None
    made = {"is_causal": causal, "scale": m.choice([None, 0.3]), "softcap": m.choice([None, None, 2.0])}
    if flat:
        made |= {"q_num_heads": h, "kv_num_heads": kv}
    outputs = 1
    if past:
        given += [m.tensor(dtype, (b, kv, past, d)), m.tensor(dtype, (b, kv, past, e))]
        outputs = 3
    m.node("Attention", given, outputs, **made)


def rotary(m):
    if m.opset < 23:
        m.opset = 23
        if m.nodes:
            raise Skip
    b, h, s, d = m.integer(1, 2), m.integer(1, 3), m.integer(1, 5), m.choice([4, 8, 16])
    part = m.choice([None, 0, d // 2])
    half = (part or d) // 2
    flat = m.chance(0.4)
    x = m.tensor("float32", (b, s, h * d) if flat else (b, h, s, d))
    if m.chance(0.6):
        tables = [m.constant(m.array("float32", (9, half)), 0.8) for _ in range(2)]
        ids = m.input(m.numpy.randint(0, 9, (b, s)).astype(np.int64))
        given = [x, *tables, ids]
    else:
        given = [x, *(m.constant(m.array("float32", (b, s, half)), 0.8) for _ in range(2))]
    m.node("RotaryEmbedding", given, interleaved=m.choice([None, 0, 1]), num_heads=h if flat else None, rotary_embedding_dim=part)


NORMALISATION = [batch, instance, layer, layer, layer_written_out, group, others]
RECURRENT = [recurrent]
ATTENTION = [attention, attention, rotary]
