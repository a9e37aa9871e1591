#!/usr/bin/env python3
"""Writes the backend tests that come inside the `onnx` package as folders that `swiftlet conformance` runs.

    Tests/Conformance/export.py FOLDER

One folder a case: model.onnx, test_data_set_K/input_I.pb and output_I.pb; FOLDER/index.json holds each case's
tolerances, the operator that it is about, and whether its expected numbers are random. Inputs and outputs are those of
the package; only the nine networks of the kind "real" come without inputs, and get what the package's own runner feeds
them: 0, 1/n, 2/n, ... The package's version is pinned in Tests/Fixtures/requirements.txt, for it is the yardstick.
"""

import json
import pathlib
import shutil
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

KINDS = ["node", "simple", "pytorch-converted", "pytorch-operator", "real"]

# The expected values of these come from NumPy's random numbers, which the standard does not prescribe.
RANDOM = ("test_bernoulli", "test_training_dropout_default", "test_training_dropout_mask", "test_training_dropout")


def draws(name):
    return name.startswith(RANDOM) and "zero_ratio" not in name


def encoded(value, info):
    """The bytes of a value of a node case: an array, a list, None or a message, by the declared type."""
    kind = info.type.WhichOneof("value")
    if isinstance(value, onnx.TensorProto):
        message = value
    elif kind == "sequence_type":
        message = numpy_helper.from_list(list(value), info.name)
        if not value:
            message.elem_type = onnx.SequenceProto.TENSOR
    elif kind == "optional_type":
        message = numpy_helper.from_optional(value, info.name)
    elif kind == "map_type":
        message = numpy_helper.from_dict(value, info.name)
    else:
        message = numpy_helper.from_array(np.asarray(value), info.name)
    return message.SerializeToString()


def of_node(case):
    graph = case.model.graph
    sets = [([encoded(v, i) for v, i in zip(inputs, graph.input)], [encoded(v, i) for v, i in zip(outputs, graph.output)])
            for inputs, outputs in case.data_sets]
    return case.model.SerializeToString(), sets


def of_folder(case):
    folder = pathlib.Path(case.model_dir)
    sets = []
    for data in sorted(folder.glob("test_data_set_*")):
        number = lambda path: int(path.stem.rsplit("_", 1)[1])
        sets.append(tuple([path.read_bytes() for path in sorted(data.glob(f"{stem}_*.pb"), key=number)]
                          for stem in ("input", "output")))
    return (folder / "model.onnx").read_bytes(), sets


def of_network(case):
    path = pathlib.Path(onnx.__file__).parent.parent / case.url
    data = path.read_bytes()
    graph = onnx.load_from_string(data).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = []
    for info in (i for i in graph.input if i.name not in weights):
        shape = [d.dim_value or 1 for d in info.type.tensor_type.shape.dim]
        count = int(np.prod(shape))
        inputs.append(encoded((np.arange(count).reshape(shape) / count).astype(np.float32), info))
    return data, [(inputs, [path.with_name(path.stem + "_output_0.pb").read_bytes()])]


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    shutil.rmtree(out, ignore_errors=True)
    index = []
    for kind in KINDS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the cases overflow and divide by zero on purpose
            cases = load_model_tests(kind=kind)
        for case in cases:
            convert = {"node": of_node, "real": of_network}.get(kind, of_folder)
            data, sets = convert(case)
            folder = out / kind / case.name
            folder.mkdir(parents=True)
            (folder / "model.onnx").write_bytes(data)
            for number, (inputs, outputs) in enumerate(sets):
                place = folder / f"test_data_set_{number}"
                place.mkdir()
                for stem, values in (("input", inputs), ("output", outputs)):
                    for position, value in enumerate(values):
                        (place / f"{stem}_{position}.pb").write_bytes(value)
            nodes = onnx.load_from_string(data).graph.node
            index.append({
                "name": case.name, "path": f"{kind}/{case.name}", "rtol": case.rtol, "atol": case.atol,
                "op": f"{nodes[0].domain}/{nodes[0].op_type}" if kind == "node" and len(nodes) == 1 else None,
                "random": draws(case.name)})
    (out / "index.json").write_text(json.dumps({"onnx": onnx.__version__, "cases": index}, indent=1) + "\n")
    print(f"{len(index)} cases")


if __name__ == "__main__":
    main()
