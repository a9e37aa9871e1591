"""Operators between `DequantizeLinear` and `QuantizeLinear`, as quantisers write them, answered by ONNX Runtime with its
optimiser off: every node runs as it is written.

The engine computes them on integers. Outputs are quantised, and as the order of float additions is free, sums that land
beside a tie may differ by one: inputs are such that none does.
"""

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from .cases import DataSet, Fixture, Recipe
from .contrib import FRAMEWORK, answer, element, extents, numbers

RECIPES = []
TYPES = {"uint8": np.uint8, "int8": np.int8}


class Builder:
    """Nodes and initializers of a graph that is written down in order."""

    def __init__(self, spells=False):
        """`spells`: what has one scale is dequantised by Cast, Sub and Mul, of which ONNX Runtime makes nothing else."""
        self.nodes, self.stored, self.spells = [], [], spells

    def store(self, value, dtype) -> str:
        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, operator, *inputs, **attributes) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=f"{operator}_{name}", **attributes))
        return name

    def unit(self, kind, scale, zero) -> list[str]:
        return [self.store(scale, np.float32), self.store(zero, TYPES[kind])]

    def quantize(self, x, unit) -> str:
        return self.node("QuantizeLinear", x, *unit)

    def dequantize(self, x, unit, **attributes) -> str:
        if self.spells:
            x, zero = (self.node("Cast", value, to=TensorProto.FLOAT) for value in (x, unit[1]))
            return self.node("Mul", self.node("Sub", x, zero), unit[0])
        return self.node("DequantizeLinear", x, *unit, **attributes)

    def weights(self, w, by=None, kind="int8") -> tuple[str, np.ndarray]:
        """A quantised constant with one scale, or one for each index of an axis; its float and its scales."""
        axes = tuple(axis for axis in range(w.ndim) if axis != by)
        top = 127 if kind == "int8" else 100
        scales = (np.abs(w).max(axes if by is not None else None) / top).astype(np.float32)
        spread = scales.reshape([-1 if axis == by else 1 for axis in range(w.ndim)]) if by is not None else scales
        zero = 0 if kind == "int8" else 117
        values = np.rint(w / spread) + zero
        zeros = np.full(scales.shape, zero, TYPES[kind])
        unit = [self.store(scales, np.float32), self.store(zeros, TYPES[kind])]
        details = {} if by is None else {"axis": by}
        return self.dequantize(self.store(values, TYPES[kind]), unit, **details), scales

    def bias(self, values, scales) -> str:
        """A bias in units of the sums."""
        stored = self.store(np.rint(values / scales), np.int32)
        scales = np.broadcast_to(scales, values.shape)
        zero = self.store(np.zeros(values.shape), np.int32)
        return self.dequantize(stored, [self.store(scales, np.float32), zero], axis=0)


def case(name, write, shapes, *, opset=17, checks_spelled=False, **details):
    """`write(builder, x)` writes the graph behind the input and returns its outputs' names. `checks_spelled`: ONNX Runtime's
    optimiser makes something else of the nodes; what agrees is the same with `DequantizeLinear` spelled."""

    def build() -> Fixture:
        builder = Builder()
        results = write(builder, "x")
        spelled = Builder(spells=True)
        others = write(spelled, "x") if checks_spelled else []
        feeds = [{"x": numbers(*shape, seed=seed)} for seed, shape in enumerate(shapes)]
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, extents("x", [feed["x"] for feed in feeds]))]

        def model(outputs, builder=builder):
            graph = helper.make_graph(builder.nodes, name, inputs, outputs, builder.stored)
            return helper.make_model(
                graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="quantized"
            )

        answers = answer(model([ValueInfoProto(name=result) for result in results]), feeds)
        declared = [
            helper.make_tensor_value_info(result, element(first), extents(result, [one[at] for one in answers]))
            for at, (result, first) in enumerate(zip(results, answers[0], strict=True))
        ]
        same = [ValueInfoProto(name=other, type=one.type) for other, one in zip(others, declared)]
        return Fixture(
            model(declared), [DataSet(feed, one) for feed, one in zip(feeds, answers, strict=True)], FRAMEWORK,
            stand_in=model(same, spelled) if checks_spelled else None, **{"rtol": 0, "atol": 0, **details},
        )  # fmt: skip

    RECIPES.append(Recipe(name, build))


def activation(builder, x, kind):
    if kind == "relu":
        return builder.node("Relu", x)
    if kind == "clip":
        return builder.node("Clip", x, builder.store(-0.5, np.float32), builder.store(0.75, np.float32))
    return x


def conv(kind, *, group=1, channels=8, by=None, bias=True, weights="int8", then=None, zero=None, twice=False, **window):
    def write(b, x):
        zero_in = 121 if kind == "uint8" else -7
        unit = b.unit(kind, 0.02, zero_in)
        w, scales = b.weights(numbers(channels, 6 // group, 3, 3, seed=3), by, weights)
        inputs = [b.dequantize(b.quantize(x, unit), unit), w]
        if bias:
            inputs.append(b.bias(numbers(channels, seed=4), np.float32(0.02) * scales))
        y = activation(b, b.node("Conv", *inputs, group=group, **window), then)
        out = b.unit(kind, 0.07, (100 if kind == "uint8" else -20) if zero is None else zero)
        return [b.quantize(y, out)] + ([b.node("Abs", y)] if twice else [])

    return write


IMAGES = [(2, 6, 9, 7), (1, 6, 9, 7)]
case("conv_unsigned", conv("uint8", pads=[1, 1, 1, 1]), IMAGES)
case("conv_signed", conv("int8", strides=[2, 1], pads=[1, 0, 1, 2]), IMAGES)
case("conv_unsigned_weights", conv("uint8", weights="uint8", bias=False, dilations=[2, 1]), IMAGES)
case("conv_by_channel", conv("int8", by=0, auto_pad="SAME_UPPER"), IMAGES)
case("conv_groups", conv("uint8", group=2, by=0), IMAGES)
case("conv_depthwise", conv("uint8", group=6, channels=6, by=0, pads=[1, 1, 1, 1]), IMAGES)
case("conv_relu_at_the_end_of_the_range", conv("uint8", then="relu", zero=0), IMAGES)
case("conv_relu_within_the_range", conv("int8", then="relu"), IMAGES)
case("conv_clip", conv("int8", then="clip", by=0), IMAGES)
case("conv_read_twice", conv("uint8", twice=True), IMAGES, atol=1e-5)


def conv_of_units(scales, bias, at_zero=False):
    """A bias that is no multiple of the sums' unit, or a unit that no float32 holds."""

    def write(b, x):
        unit, weight = b.unit("uint8", scales[0], 128), b.unit("int8", scales[1], 0)
        kernel = np.arange(-9, 9).reshape(2, 1, 3, 3)
        w = b.dequantize(b.store(kernel, np.int8), weight)
        if at_zero:
            x = b.node("Mul", x, b.store(0, np.float32))
        inputs = [b.dequantize(b.quantize(x, unit), unit), w]
        if bias is not None:
            inputs.append(b.store(bias, np.float32))
        return [b.quantize(b.node("Conv", *inputs), b.unit("uint8", scales[2], 100))]

    return write


for name, written in [
    ("bias_between_units", conv_of_units((1, 1, 0.1), [0.4, 4.6])),
    ("bias_a_little_between_units", conv_of_units((0.5, 0.5, 0.125), [0.12, 0.11])),
    ("unit_without_end", conv_of_units((1e20, 1e20, 1e20), None, at_zero=True)),
    ("unit_without_end_in_the_output", conv_of_units((1e15, 1e15, 1e-15), None, at_zero=True)),
]:
    case(f"conv_{name}", written, [(1, 1, 5, 5)], checks_spelled=True)


def matmul(kind, *, by=None, bias=None, then=None, quantizes=True, weights="int8"):
    def write(b, x):
        unit = b.unit(kind, 0.015, 130 if kind == "uint8" else 3)
        w, scales = b.weights(numbers(19, 21, seed=5), by, weights)
        y = b.node("MatMul", b.dequantize(b.quantize(x, unit), unit), w)
        if bias is not None:
            y = b.node("Add", b.store(numbers(*bias, seed=6), np.float32), y)
        y = activation(b, y, then)
        return [b.quantize(y, b.unit(kind, 0.11, 140 if kind == "uint8" else -9)) if quantizes else y]

    return write


ROWS = [(2, 5, 19), (1, 1, 19)]
case("matmul_unsigned", matmul("uint8"), ROWS)
case("matmul_signed", matmul("int8", bias=[21]), ROWS)
case("matmul_by_column", matmul("uint8", by=1, bias=[1, 21], then="relu"), ROWS)
case("matmul_unsigned_weights", matmul("uint8", by=1, weights="uint8"), ROWS)
case("matmul_one_bias", matmul("int8", bias=[], then="clip"), ROWS)
case("matmul_to_float", matmul("uint8", by=1, bias=[21], quantizes=False), ROWS, rtol=1e-5, atol=1e-5)
case("matmul_bias_by_row", matmul("uint8", bias=[2, 5, 1]), ROWS[:1])
case("matmul_bias_of_higher_rank", matmul("uint8", bias=[1, 1, 1, 21]), ROWS)
case("matmul_of_a_vector", matmul("int8", bias=[1, 21]), [(19,)])


def plain_product(b, x):
    """The same in floats."""
    y = b.node("MatMul", x, b.store(numbers(19, 21, seed=5), np.float32))
    return [b.node("Add", y, b.store(numbers(1, 21, seed=6), np.float32))]


case("matmul_of_a_vector_in_floats", plain_product, [(19,)], rtol=1e-5, atol=1e-5)


def gemm(kind, *, by=None, transposed=False, bias=True, quantizes=True, **attributes):
    def write(b, x):
        unit = b.unit(kind, 0.015, 126 if kind == "uint8" else 0)
        matrix = numbers(13, 10, seed=7)
        w, scales = b.weights(matrix.T if transposed else matrix, by)
        inputs = [b.dequantize(b.quantize(x, unit), unit), w]
        if bias:
            inputs.append(b.bias(numbers(10, seed=8), np.float32(0.015) * scales))
        y = b.node("Gemm", *inputs, transB=int(transposed), **attributes)
        return [b.quantize(y, b.unit(kind, 0.09, 118 if kind == "uint8" else 5)) if quantizes else y]

    return write


case("gemm_unsigned", gemm("uint8"), [(4, 13), (1, 13)])
case("gemm_transposed_by_row", gemm("int8", by=0, transposed=True), [(4, 13), (1, 13)])
case("gemm_scaled", gemm("uint8", alpha=0.5, beta=2.0), [(4, 13)])
case("gemm_to_float", gemm("int8", by=1, bias=False, quantizes=False), [(4, 13)], rtol=1e-5, atol=1e-5)


def movement(other=None):
    """Movement between two units that are one, or two units."""

    def write(b, x):
        unit = b.unit("uint8", 0.03, 120)
        to = unit if other is None else b.unit("uint8", *other)

        turned = b.quantize(b.node("Transpose", b.dequantize(b.quantize(x, unit), unit), perm=[0, 2, 1]), to)
        return [turned, b.quantize(b.node("Flatten", b.dequantize(turned, to)), to)]

    return write


case("movement_within_one_unit", movement(), [(3, 4, 5), (1, 4, 5)])
case("movement_to_another_unit", movement((0.05, 100)), [(3, 4, 5), (1, 4, 5)])
