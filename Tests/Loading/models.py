"""Models whose weights are nearly all of the file."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = numpy.random.default_rng(1)


def floats(*shape):
    return rng.standard_normal(shape, numpy.float32) * numpy.float32(0.02)


def model(nodes, weights, inputs, outputs, shift):
    graph = helper.make_graph(
        nodes, "g" + "x" * shift,
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def convolutions(size, shift):
    """3x3 convolutions with batch normalisations, as a ResNet has them."""
    channels, nodes, weights, last = 512, [], {}, "x"
    for i in range(max(1, size // (channels * channels * 9 * 4))):
        weights[f"w{i}"] = floats(channels, channels, 3, 3)
        for name in ("scale", "shift", "mean", "var"):
            weights[f"{name}{i}"] = numpy.abs(floats(channels)) + numpy.float32(0.5)
        nodes.append(helper.make_node("Conv", [last, f"w{i}"], [f"c{i}"], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node(
            "BatchNormalization", [f"c{i}", f"scale{i}", f"shift{i}", f"mean{i}", f"var{i}"], [f"n{i}"]))
        nodes.append(helper.make_node("Relu", [f"n{i}"], [f"r{i}"]))
        last = f"r{i}"
    return model(nodes, weights, [("x", TensorProto.FLOAT, ["n", channels, 8, 8])], [last], shift)


def embedding(size, shift):
    """A table that rows are gathered from, and a small product."""
    width = 256
    weights = {"table": floats(size // (width * 4), width), "w": floats(width, 16)}
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]), helper.make_node("MatMul", ["rows", "w"], ["y"]),
    ]
    return model(nodes, weights, [("ids", TensorProto.INT64, ["n"])], ["y"], shift)


def products(size, shift):
    """One product with most of the weights, and a transposed one."""
    width = 1024
    half = size // (width * 8)
    weights = {"a": floats(width, half), "b": floats(width, half)}
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["t"]),
        helper.make_node("Gemm", ["t", "b"], ["y"], transB=1),
    ]
    return model(nodes, weights, [("x", TensorProto.FLOAT, ["n", width])], ["y"], shift)


def transformer(size, shift):
    """Square products, as the layers of a transformer have them."""
    width, nodes, weights, last = 1024, [], {}, "x"
    for i in range(max(1, size // (width * width * 4))):
        weights[f"w{i}"] = floats(width, width)
        weights[f"b{i}"] = floats(width)
        nodes += [
            helper.make_node("MatMul", [last, f"w{i}"], [f"m{i}"]),
            helper.make_node("Add", [f"m{i}", f"b{i}"], [f"a{i}"]), helper.make_node("Relu", [f"a{i}"], [f"r{i}"]),
        ]
        last = f"r{i}"
    return model(nodes, weights, [("x", TensorProto.FLOAT, ["n", width])], [last], shift)


def recurrent(size, shift):
    """LSTMs, one after the other."""
    width, nodes, weights, last = 512, [], {}, "x"
    for i in range(max(1, size // (width * width * 32))):
        weights[f"w{i}"] = floats(1, 4 * width, width)
        weights[f"r{i}"] = floats(1, 4 * width, width)
        weights[f"axes{i}"] = numpy.array([1], numpy.int64)
        nodes += [
            helper.make_node("LSTM", [last, f"w{i}", f"r{i}"], [f"y{i}"], hidden_size=width),
            helper.make_node("Squeeze", [f"y{i}", f"axes{i}"], [f"s{i}"]),
        ]
        last = f"s{i}"
    return model(nodes, weights, [("x", TensorProto.FLOAT, ["t", "n", width])], [last], shift)


def write(kind, size, shift, path):
    makers = (convolutions, embedding, products, transformer, recurrent)
    onnx.save(next(make for make in makers if make.__name__ == kind)(size, shift), path)
