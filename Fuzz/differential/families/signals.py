"""Fourier transforms, windows, losses and non-maximum suppression."""

import numpy as np

from maker import Skip


def dft(m):
    if m.opset < 17:
        raise Skip
    rank = m.integer(1, 2)
    shape = (m.integer(1, 2), *[m.choice([1, 2, 3, 4, 5, 7, 8, 16, 12]) for _ in range(rank)], m.integer(1, 2))
    x = m.tensor(m.choice(["float32", "float64"]), shape)
    axis = m.integer(1, rank)
    length = [m.constant(np.array(m.choice([2, 4, 5, 8, 9]), dtype=np.int64))] if m.chance(0.4) else []
    one_sided = m.choice([None, 0, 1])
    inverse = None if one_sided else m.choice([None, 0, 1])
    if one_sided and shape[-1] == 2:
        raise Skip
    if m.opset < 20:
        m.node("DFT", [x, *length], axis=axis, onesided=one_sided, inverse=inverse)
    else:
        place = [m.constant(np.array(axis, dtype=np.int64))]
        m.node("DFT", [x, *(length or [""]), *place], onesided=one_sided, inverse=inverse)


def stft(m):
    if m.opset < 17:
        raise Skip
    frame = m.choice([4, 5, 8, 16])
    length = frame + m.integer(0, 20)
    x = m.tensor("float32", (m.integer(1, 2), length, 1))
    given = [x, m.constant(np.array(m.integer(1, 6), dtype=np.int64), 1.0)]
    if m.chance(0.6):
        given += [m.constant(m.array("float32", (frame,), 0.25, 1)), m.constant(np.array(frame, dtype=np.int64), 1.0)]
    else:
        given += ["", m.constant(np.array(frame, dtype=np.int64), 1.0)]
    m.node("STFT", given, onesided=m.choice([None, 0, 1]))


def window(m):
    if m.opset < 17:
        raise Skip
    kind = m.choice(["HannWindow", "HammingWindow", "BlackmanWindow"])
    m.node(kind, [m.constant(np.array(m.integer(2, 20), dtype=m.choice([np.int64, np.int32])), 0.5)], periodic=m.choice([None, 0, 1]),
           output_datatype=m.choice([None, 1, 11]))


def mel(m):
    if m.opset < 17:
        raise Skip
    numbers = [np.array(m.integer(2, 10), dtype=np.int64), np.array(m.choice([16, 32, 64]), dtype=np.int64), np.array(8000, dtype=np.int64),
               np.array(0.0, dtype=np.float32), np.array(m.choice([3000.0, 4000.0]), dtype=np.float32)]
    m.node("MelWeightMatrix", [m.constant(number) for number in numbers])


def loss(m):
    if m.opset < 12:
        raise Skip
    n, c = m.integer(1, 4), m.integer(1, 5)
    extra = [m.integer(1, 3) for _ in range(m.integer(0, 2))]
    x = m.tensor(m.choice(["float32", "float64"]), (n, c, *extra))
    labels = m.numpy.randint(0, c, (n, *extra)).astype(m.choice([np.int64, np.int32]))
    given = [x, m.input(labels)]
    if m.chance(0.4):
        given.append(m.constant(m.array(str(m.get(x).dtype), (c,), 0.25, 2)))
    made = {"reduction": m.choice([None, "none", "sum", "mean"])}
    if m.chance(0.3) and c > 1 and (labels != 0).any():
        made["ignore_index"] = 0
    if m.chance(0.5):
        m.node("NegativeLogLikelihoodLoss", given, **made)
    else:
        m.node("SoftmaxCrossEntropyLoss", given, m.integer(1, 2), **made)


def suppression(m):
    if m.opset < 10:
        raise Skip
    b, c, n = m.integer(1, 2), m.integer(1, 3), m.integer(1, 12)
    centre = m.chance(0.4)
    corners = m.array("float32", (b, n, 2), 0, 4)
    sides = m.array("float32", (b, n, 2), 0.5, 3)
    boxes = np.concatenate([corners, sides if centre else corners + sides], axis=-1)
    scores = (m.numpy.permutation(b * c * n).reshape(b, c, n) / (b * c * n)).astype(np.float32)
    given = [m.input(boxes), m.input(scores), m.constant(np.array([m.integer(0, 5)], dtype=np.int64)),
             m.constant(np.array([m.choice([0.0, 0.3, 0.5, 0.9])], dtype=np.float32)), m.constant(np.array([m.choice([0.0, 0.2, 0.5])], dtype=np.float32))]
    m.node("NonMaxSuppression", given[: m.integer(3, 5)], center_point_box=1 if centre else None)


SIGNALS = [dft, dft, stft, window, mel, loss, loss, suppression]
