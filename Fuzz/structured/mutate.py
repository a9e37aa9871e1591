#!/usr/bin/env python3
"""Writes models that are each one change away from a sound one, for the fuzz target `onnx` to load and run.

    Fuzz/structured/mutate.py OUT SOURCE... [--most 6000] [--part 0/1]

From each `model.onnx` of at most `--most` bytes below SOURCE: other ranks, extents and element types of every input; inputs
and constants of other shapes, with extreme contents; every attribute left out, shortened, or at its limits; inputs left out,
doubled or added; other opsets. `--part I/N` takes each Nth model, from the Ith on. Prints how many models were written.
"""

import argparse
import copy
import pathlib

import numpy
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

INTEGERS = [0, 1, -1, 2, 7, -9, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63), 1 << 40]
FLOATS = [0.0, -1.0, float("nan"), float("inf"), 1e30, 1e-30]
KINDS = [
    TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING, TensorProto.UINT8, TensorProto.FLOAT16,
    TensorProto.INT4]  # fmt: skip
SHAPES = [None, [], [0], [1], [3], [2, 2], [1, 0, 2], [2, 1, 3], [1, 2, 1, 3], [1, 1, 2, 3, 1], [2] * 7]
CONSTANT_SHAPES = [[], [0], [1], [2], [3], [5], [2, 2]]
OPSETS = [1, 5, 9, 12, 17, 28]


def nodes(graph):
    """Those of subgraphs, too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from nodes(attribute.g)


def contents(dtype):
    """Numbers that a constant may be full of."""
    if dtype.kind == "i":
        limits = numpy.iinfo(dtype)
        return sorted({min(max(number, limits.min), limits.max) for number in INTEGERS})
    return [0, 1, 200] if dtype.kind == "u" else FLOATS if dtype.kind == "f" else []


def inputs(model):
    weights = {tensor.name for tensor in model.graph.initializer}
    for at, value in enumerate(model.graph.input):
        if value.name in weights or value.type.WhichOneof("value") != "tensor_type":
            continue

        def other(change):
            made = copy.deepcopy(model)
            change(made.graph.input[at].type.tensor_type)
            return made

        def reshape(kind, shape):
            kind.ClearField("shape")
            if shape is not None:
                kind.shape.SetInParent()
                for extent in shape:
                    kind.shape.dim.add().dim_value = extent

        for shape in SHAPES:
            yield other(lambda kind: reshape(kind, shape))
        yield other(lambda kind: [setattr(extent, "dim_param", "n") for extent in kind.shape.dim])
        for axis in range(len(value.type.tensor_type.shape.dim)):
            for extent in (0, 1, 2, 5):
                yield other(lambda kind: setattr(kind.shape.dim[axis], "dim_value", extent))
        for element in KINDS:
            if element != value.type.tensor_type.elem_type:
                yield other(lambda kind: setattr(kind, "elem_type", element))
        element = value.type.tensor_type.elem_type
        if element in (TensorProto.STRING, TensorProto.UNDEFINED):
            continue
        dtype = helper.tensor_dtype_to_np_dtype(element)
        for shape in CONSTANT_SHAPES:
            for number in contents(dtype):
                made = copy.deepcopy(model)
                del made.graph.input[at]
                with numpy.errstate(all="ignore"):
                    constant = numpy.full(shape, number).astype(dtype)
                made.graph.initializer.append(numpy_helper.from_array(constant, value.name))
                yield made


def constants(model):
    for at, tensor in enumerate(model.graph.initializer):
        is_external = tensor.data_location == TensorProto.EXTERNAL
        if is_external or tensor.data_type == TensorProto.STRING or max([*tensor.dims, 1]) > 4096:
            continue
        array = numpy.array(numpy_helper.to_array(tensor))
        if array.size == 0:
            continue

        def other(values):
            made = copy.deepcopy(model)
            made.graph.initializer[at].CopyFrom(numpy_helper.from_array(values, tensor.name))
            return made

        dims = list(tensor.dims)
        for shape in ([], [0], [1], [array.size], dims[::-1], [1, *dims], dims[:-1]):
            yield other(numpy.resize(array, shape) if 0 not in shape else array.reshape(-1)[:0].reshape(shape))
        for number in contents(array.dtype):
            for place in {0, array.size - 1}:
                values = array.reshape(-1).copy()
                with numpy.errstate(all="ignore"):
                    values[place] = number
                yield other(values.reshape(array.shape))


def attributes(model):
    for at, node in enumerate(nodes(model.graph)):
        for index, attribute in enumerate(node.attribute):

            def other(change):
                made = copy.deepcopy(model)
                change(list(nodes(made.graph))[at].attribute[index])
                return made

            def listed(field, values):
                def change(attribute):
                    del getattr(attribute, field)[:]
                    getattr(attribute, field).extend(values)

                return other(change)

            without = copy.deepcopy(model)
            del list(nodes(without.graph))[at].attribute[index]
            yield without
            if attribute.type == AttributeProto.INT:
                for number in INTEGERS:
                    yield other(lambda a: setattr(a, "i", number))
            elif attribute.type == AttributeProto.FLOAT:
                for number in FLOATS:
                    yield other(lambda a: setattr(a, "f", number))
            elif attribute.type == AttributeProto.STRING:
                for text in (b"", b"x", b"\xff"):
                    yield other(lambda a: setattr(a, "s", text))
            elif attribute.type == AttributeProto.INTS:
                given = list(attribute.ints)
                for place in range(len(given)):
                    for number in INTEGERS:
                        yield listed("ints", [*given[:place], number, *given[place + 1 :]])
                for values in ([], given[:-1], [*given, 1], [0] * len(given)):
                    yield listed("ints", values)
            elif attribute.type == AttributeProto.FLOATS:
                given = list(attribute.floats)
                for values in ([], given[:-1], [*given, 1.0], [float("nan")] * len(given)):
                    yield listed("floats", values)
            elif attribute.type == AttributeProto.STRINGS:
                given = list(attribute.strings)
                for values in ([], given[:-1], [*given, b"x"]):
                    yield listed("strings", values)


def operands(model):
    for at, node in enumerate(nodes(model.graph)):

        def other(change):
            made = copy.deepcopy(model)
            change(list(nodes(made.graph))[at].input)
            return made

        for index, name in enumerate(node.input):
            yield other(lambda names: names.__setitem__(index, ""))
            if index and node.input[0] not in ("", name):
                yield other(lambda names: names.__setitem__(index, names[0]))
        if node.input:
            yield other(lambda names: names.pop())
            yield other(lambda names: names.append(names[0]))


def opsets(model):
    for version in OPSETS:
        made = copy.deepcopy(model)
        made.opset_import[0].version = version
        yield made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("sources", nargs="+", type=pathlib.Path)
    parser.add_argument("--most", type=int, default=6000, help="bytes of the largest model that is taken")
    parser.add_argument("--part", default="0/1")
    options = parser.parse_args()
    part, parts = map(int, options.part.split("/"))
    options.out.mkdir(parents=True, exist_ok=True)
    files = sorted(path for source in options.sources for path in source.rglob("model.onnx"))
    count = 0
    for path in [path for path in files if path.stat().st_size <= options.most][part::parts]:
        model = onnx.load(path, load_external_data=False)
        number = 0
        for make in (inputs, constants, attributes, operands, opsets):
            for made in make(model):
                (options.out / f"{path.parent.name}-{number:05}").write_bytes(made.SerializeToString())
                number += 1
        count += number
    print(count)


if __name__ == "__main__":
    main()
