"""Convolution, pooling, resizing and sampling."""

import numpy as np

from maker import Skip

REAL = ["float32", "float32", "float32", "float32", "float64", "float16"]


def window(m, spatial, kernel, transposed=False):
    """Attributes of a sliding window, padded by hand or by rule."""
    rank = len(spatial)
    made = {
        "strides": [m.integer(1, 3) for _ in range(rank)] if m.chance(0.6) else None,
        "dilations": [m.integer(1, 2) for _ in range(rank)] if m.chance(0.4) else None,
    }
    rule = m.choice([None, None, None, "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"])
    if rule:
        made["auto_pad"] = rule
    if (rule or "").startswith("SAME"):
        made["dilations"] = None  # ONNX Runtime does not count them in
    if rule in (None, "NOTSET") and m.chance(0.7):
        made["pads"] = [m.integer(0, min(2, kernel[i % rank] - 1)) for i in range(2 * rank)]
    return made


def fits(spatial, kernel, made) -> bool:
    rank = len(spatial)
    dilations, pads = made.get("dilations") or [1] * rank, made.get("pads") or [0] * (2 * rank)
    same = (made.get("auto_pad") or "").startswith("SAME")
    return same or all(
        spatial[i] + pads[i] + pads[i + rank] >= (kernel[i] - 1) * dilations[i] + 1 for i in range(rank)
    )


def picture(m, most=12):
    rank = m.choice([1, 2, 2, 2, 3])
    spatial = [m.integer(1, most if rank < 3 else 6) for _ in range(rank)]
    kernel = [m.integer(1, min(4, extent)) for extent in spatial]
    return rank, spatial, kernel


def conv(m):
    rank, spatial, kernel = picture(m, 20)
    groups = m.choice([1, 1, 1, 2, 3, "depth"])
    channels = m.integer(1, 9)
    if groups == "depth":
        groups, inside, outside = channels, channels, channels * m.integer(1, 2)
    else:
        inside, outside = groups * m.integer(1, 9), groups * m.integer(1, 9)
    made = window(m, spatial, kernel)
    if not fits(spatial, kernel, made):
        raise Skip
    dtype = m.choice(REAL)
    x = m.tensor(dtype, (0 if m.chance(0.02) else m.integer(1, 3), inside, *spatial))
    given = [x, m.constant(m.array(dtype, (outside, inside // groups, *kernel)), 0.8)]
    if m.chance(0.6):
        given.append(m.constant(m.array(dtype, (outside,)), 0.9))
    (y,) = m.node("Conv", given, group=groups if groups > 1 or m.chance(0.5) else None,
                  kernel_shape=kernel if m.chance(0.7) else None, **made)
    after = m.choice(["none", "none", "relu", "norm", "add"])
    if after == "relu":
        m.node(m.choice(["Relu", "Sigmoid", "LeakyRelu", "HardSwish"]), [y])
    elif after == "norm":
        four = [m.constant(m.array(dtype, (outside,), 0.25, 2), 1.0) for _ in range(4)]
        (z,) = m.node("BatchNormalization", [y, *four], epsilon=m.choice([None, 1e-3]))
        if m.chance(0.6):
            m.node("Relu", [z])
    elif after == "add" and m.get(y).size:
        (z,) = m.node("Add", [y, m.tensor(dtype, m.get(y).shape)])
        m.node("Relu", [z])


def conv_transpose(m):
    rank, spatial, kernel = picture(m, 7)
    groups = m.choice([1, 1, 2, 3])
    inside, outside = groups * m.integer(1, 4), groups * m.integer(1, 4)
    made = window(m, spatial, kernel)
    strides = made["strides"] or [1] * rank
    dtype = m.choice(["float32", "float32", "float64", "float16"])
    x = m.tensor(dtype, (m.integer(1, 2), inside, *spatial))
    given = [x, m.constant(m.array(dtype, (inside, outside // groups, *kernel)), 0.8)]
    if m.chance(0.5):
        given.append(m.constant(m.array(dtype, (outside,)), 0.9))
    if m.chance(0.4):
        made["output_padding"] = [m.integer(0, max(stride - 1, 0)) for stride in strides]
    if (made.get("auto_pad") or "").startswith("SAME") and any(k < s for k, s in zip(kernel, strides, strict=True)):
        raise Skip  # the padding would be negative, which ONNX Runtime takes for 0
    m.node("ConvTranspose", given, group=groups if groups > 1 else None, kernel_shape=kernel if m.chance(0.6) else None, **made)


def pool(m):
    op = m.choice(["MaxPool", "MaxPool", "AveragePool", "AveragePool", "LpPool"])
    rank, spatial, kernel = picture(m)
    made = window(m, spatial, kernel)
    if (op == "AveragePool" and m.opset < 19) or (op == "LpPool" and m.opset < 18) or m.opset < 10:
        made["dilations"] = None
    if not fits(spatial, kernel, made):
        raise Skip
    if m.opset >= 10 and op != "LpPool":
        made["ceil_mode"] = m.choice([None, 0, 1])
    if op == "AveragePool":
        made["count_include_pad"] = m.choice([None, 0, 1])
    if op == "LpPool":
        made["p"] = m.choice([None, 1, 2, 3])
    if (made.get("auto_pad") or "").startswith("SAME") and any(k < s for k, s in zip(kernel, made["strides"] or kernel, strict=True)):
        raise Skip  # the padding would be negative, and ONNX Runtime starts inside the picture
    dtype = m.choice(["float32", "float32", "float64", "float16", "uint8", "int8"] if op == "MaxPool" else REAL)
    x = m.input(m.array(dtype, (m.integer(1, 2), m.integer(1, 5), *spatial), distinct=op == "MaxPool" and "int" not in dtype))
    outputs = m.integer(1, 2) if op == "MaxPool" and m.opset >= 8 else 1
    if op == "MaxPool" and m.chance(0.2):
        made["storage_order"] = m.integer(0, 1)
    m.node(op, [x], outputs, kernel_shape=kernel, **made)


def global_pool(m):
    _, spatial, _ = picture(m)
    x = m.tensor(m.choice(REAL), (m.integer(1, 3), m.integer(1, 5), *spatial))
    m.node(m.choice(["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]), [x])


def resize(m):
    rank = m.choice([1, 2, 2, 3])
    spatial = [m.integer(1, 7) for _ in range(rank)]
    shape = [m.integer(1, 2), m.integer(1, 3), *spatial]
    mode = m.choice(["nearest", "linear", "linear", "cubic"])
    if mode == "cubic" and rank != 2:
        raise Skip
    dtype = m.choice(["float32", "float32", "float64", "uint8", "int8"] if mode == "nearest" else ["float32", "float64"])
    x = m.tensor(dtype, shape)
    scales = [m.choice([0.5, 1.0, 1.5, 2.0, 3.0, 0.75, 0.6]) for _ in range(rank)]
    sizes = [max(1, int(extent * scale)) for extent, scale in zip(spatial, scales, strict=True)]
    if any(int(extent * scale) < 1 for extent, scale in zip(spatial, scales, strict=True)):
        raise Skip
    if m.opset < 10:
        if mode == "cubic" or min(scales) < 1:
            raise Skip
        if m.opset == 7:
            m.node("Upsample", [x], mode=mode, scales=[1.0, 1.0, *scales])
        else:
            m.node("Upsample", [x, m.constant(np.array([1, 1, *scales], dtype=np.float32), 1.0)], mode=mode)
        return
    factors = m.constant(np.array([1, 1, *scales], dtype=np.float32), 1.0)
    if m.opset == 10:
        if mode == "cubic":
            raise Skip
        m.node("Resize", [x, factors], mode=mode)
        return
    how = m.choice([None, "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric", "tf_half_pixel_for_nn"])
    if how == "half_pixel_symmetric" and m.opset < 19:
        how = None
    if how == "tf_half_pixel_for_nn" and m.opset > 11:
        how = None
    if how in ("align_corners", "pytorch_half_pixel") and dtype == "float64":
        raise Skip  # only the reference has it, which takes the input's length times the scale for the result's length
    made = {"mode": mode, "coordinate_transformation_mode": how}
    if mode == "nearest":
        made["nearest_mode"] = m.choice([None, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    if mode == "cubic":
        made["cubic_coeff_a"] = m.choice([None, -0.5])
        made["exclude_outside"] = m.choice([None, 0, 1])
    if m.opset >= 18 and min(scales) < 1 and mode != "nearest":
        made["antialias"] = m.choice([None, 1])
    empty = m.constant(np.zeros(0, dtype=np.float32), 1.0) if m.opset < 13 else ""
    if m.chance(0.5):
        m.node("Resize", [x, empty, factors], **made)
    elif m.opset >= 18 and m.chance(0.5):
        axes = list(range(2, 2 + rank))
        given = [x, empty, "", m.constant(np.array(sizes, dtype=np.int64), 1.0)]
        m.node("Resize", given, axes=axes, keep_aspect_ratio_policy=m.choice([None, "stretch", "not_larger", "not_smaller"]), **made)
    else:
        given = [x, empty, empty, m.constant(np.array([*shape[:2], *sizes], dtype=np.int64), 1.0)]
        m.node("Resize", given, **made)


def crop_and_resize(m):
    shape = [1, m.integer(1, 2), m.integer(2, 7), m.integer(2, 7)]
    x = m.tensor("float32", shape)
    region = np.array([0, 0, 0.11, 0.23, 1, 1, 0.71, 1.31], dtype=np.float32)
    sizes = np.array([*shape[:2], m.integer(1, 6), m.integer(1, 6)], dtype=np.int64)
    if m.opset < 11 or sizes[2] == shape[2] or sizes[3] == shape[3]:
        raise Skip  # ONNX Runtime takes a scale of 1 for a copy, wherever the region lies
    empty = m.constant(np.zeros(0, dtype=np.float32), 1.0) if m.opset < 13 else ""
    m.node("Resize", [x, m.constant(region, 1.0), empty, m.constant(sizes, 1.0)], mode=m.choice(["nearest", "linear"]),
           coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=m.choice([None, 2.5]))


def grid_sample(m):
    rank = m.choice([2, 2, 3])
    spatial = [m.integer(1, 6) for _ in range(rank)]
    n = m.integer(1, 2)
    x = m.tensor(m.choice(["float32", "float64"]), (n, m.integer(1, 3), *spatial))
    grid = m.array(str(m.get(x).dtype), (n, *[m.integer(1, 4) for _ in range(rank)], rank), -1.4, 1.4) + 0.013
    mode = m.choice(["linear", "nearest", "cubic"]) if m.opset >= 20 else m.choice(["bilinear", "nearest", "bicubic"])
    if rank == 3 and (m.opset < 20 or mode == "cubic"):
        raise Skip
    m.node("GridSample", [x, m.constant(grid.astype(m.get(x).dtype), 0.3)], mode=mode, align_corners=m.choice([None, 0, 1]),
           padding_mode=m.choice([None, "zeros", "border", "reflection"]))


def integer_conv(m):
    rank, spatial, kernel = 2, [m.integer(2, 8), m.integer(2, 8)], [m.integer(1, 2), m.integer(1, 2)]
    groups = m.choice([1, 1, 2])
    inside, outside = groups * m.integer(1, 3), groups * m.integer(1, 3)
    made = window(m, spatial, kernel)
    if not fits(spatial, kernel, made):
        raise Skip
    x = m.tensor("uint8", (m.integer(1, 2), inside, *spatial), low=0, high=255)
    kind = m.choice(["uint8", "int8"])
    w = m.constant(m.array(kind, (outside, inside // groups, *kernel), low=-100 if kind == "int8" else 0, high=100), 0.9)
    if m.chance(0.5):
        zero = m.constant(m.array("uint8", (), 0, 9), 1.0)
        given = [x, w, zero] if m.chance(0.7) else [x, w]
        if len(given) == 3 and m.chance(0.5):
            given.append(m.constant(m.array(kind, (), 0, 5), 1.0))
        m.node("ConvInteger", given, group=groups, **made)
        return
    per_channel = (outside,) if m.chance(0.4) else ()

    def scale(shape=()):
        return m.constant(m.array("float32", shape, 0.005, 0.1), 1.0)

    given = [x, scale(), m.constant(m.array("uint8", (), 0, 9), 1.0), w, scale(per_channel),
             m.constant(np.zeros(per_channel, dtype=kind), 1.0), scale(), m.constant(m.array("uint8", (), 0, 100), 1.0)]
    if m.chance(0.5):
        given.append(m.constant(m.array("int32", (outside,), -500, 500), 1.0))
    m.node("QLinearConv", given, group=groups, **made)


WINDOWS = [conv, conv, conv, conv_transpose, pool, pool, pool, global_pool, resize, resize, crop_and_resize, grid_sample, integer_conv]
