"""What a fixture is, how it is checked against ONNX Runtime, and how it is written.

A fixture is a model with inputs and the answers its framework gives for them. It is written in the layout of
ONNX's own backend tests, so that whatever can run those can run these:

    <family>/<case>/model.onnx
    <family>/<case>/test_data_set_<n>/{input_<i>.pb, output_<i>.pb}
    <family>/index.json

Nothing here computes an expected value. ONNX Runtime's answers are compared with the framework's and thrown away.
"""

import dataclasses
import json
import pathlib
import re
import shutil
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

# skl2onnx puts id(...) into some names.
ADDRESS = re.compile(r"\d{12,}")
LARGEST_FILE = 300_000

MapRows = list  # of dict: what ZipMap answers, one dictionary a row


@dataclasses.dataclass
class DataSet:
    """One call of the model: named inputs, and the framework's answers in the order of the model's outputs."""

    inputs: dict[str, np.ndarray]
    outputs: list


@dataclasses.dataclass
class Fixture:
    model: onnx.ModelProto
    data_sets: list[DataSet]
    framework: dict[str, str]
    rtol: float = 1e-4
    atol: float = 1e-5
    note: str = ""
    # Initializers to move into a file beside the model; the file's name.
    external_data: str | None = None
    # What ONNX Runtime runs where it has no kernel for the model: the same computation in other operators.
    stand_in: onnx.ModelProto | None = None
    # False where the model uses an operator that ONNX Runtime puts into the standard's domain.
    is_standard: bool = True


@dataclasses.dataclass
class Recipe:
    """A fixture that is made only when it is asked for."""

    name: str
    build: Callable[[], Fixture]


class Disagreement(Exception):
    """The framework and ONNX Runtime do not give the same answer, so the fixture would prove nothing."""


# --- types -----------------------------------------------------------------------------------------------------------


def type_text(type_proto) -> str:
    """`tensor(float)`, `seq(map(string,tensor(float)))`, as ONNX's operator documentation writes types."""
    kind = type_proto.WhichOneof("value")
    if kind == "tensor_type":
        return f"tensor({element_text(type_proto.tensor_type.elem_type)})"
    if kind == "sequence_type":
        return f"seq({type_text(type_proto.sequence_type.elem_type)})"
    if kind == "map_type":
        key = element_text(type_proto.map_type.key_type)
        return f"map({key},{type_text(type_proto.map_type.value_type)})"
    raise ValueError(f"no name for type {kind}")


def element_text(element: int) -> str:
    return TensorProto.DataType.Name(element).lower()


def proto_text(type_proto) -> str:
    return {"tensor_type": "TensorProto", "sequence_type": "SequenceProto"}[type_proto.WhichOneof("value")]


def graph_inputs(model: onnx.ModelProto) -> list:
    weights = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


# --- values ----------------------------------------------------------------------------------------------------------


def to_proto(value, declared):
    """The value as the proto its declaration asks for, cast to the declared element type."""
    kind = declared.type.WhichOneof("value")
    if kind == "tensor_type":
        return tensor_proto(value, declared.type.tensor_type.elem_type, declared.name)
    if kind == "sequence_type":
        return map_sequence_proto(value, declared.type.sequence_type.elem_type.map_type, declared.name)
    raise ValueError(f"{declared.name}: a fixture cannot hold a {kind}")


def tensor_proto(value, element: int, name: str) -> TensorProto:
    if element == TensorProto.STRING:
        return numpy_helper.from_array(np.asarray(value, dtype=object), name)
    return numpy_helper.from_array(np.asarray(value, dtype=helper.tensor_dtype_to_np_dtype(element), order="C"), name)


def map_sequence_proto(rows: MapRows, declared, name: str) -> onnx.SequenceProto:
    sequence = onnx.SequenceProto(name=name, elem_type=onnx.SequenceProto.MAP)
    for row in rows:
        entry = sequence.map_values.add(key_type=declared.key_type)
        if declared.key_type == TensorProto.STRING:
            entry.string_keys.extend(str(key).encode() for key in row)
        else:
            entry.keys.extend(int(key) for key in row)
        entry.values.elem_type = onnx.SequenceProto.TENSOR
        element = declared.value_type.tensor_type.elem_type
        entry.values.tensor_values.extend(tensor_proto(number, element, "") for number in row.values())
    return sequence


# --- checking --------------------------------------------------------------------------------------------------------


def check(name: str, fixture: Fixture, model_path: pathlib.Path) -> float:
    """Raises unless the model is valid and ONNX Runtime agrees with the framework; the largest error over tolerance."""
    if fixture.is_standard:
        onnx.checker.check_model(str(model_path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    model = fixture.stand_in.SerializeToString() if fixture.stand_in else str(model_path)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for number, data_set in enumerate(fixture.data_sets):
        answers = session.run(None, data_set.inputs)
        if len(answers) != len(data_set.outputs):
            raise Disagreement(f"{name}: {len(answers)} outputs, {len(data_set.outputs)} expected")
        for declared, want, got in zip(fixture.model.graph.output, data_set.outputs, answers, strict=True):
            where = f"{name}, data set {number}, output {declared.name}"
            worst = max(worst, compare(where, want, got, fixture.rtol, fixture.atol))
    return worst


def compare(where: str, want, got, rtol: float, atol: float) -> float:
    if isinstance(want, list):
        if len(want) != len(got):
            raise Disagreement(f"{where}: {len(got)} rows, {len(want)} expected")
        worst = 0.0
        for wanted, gotten in zip(want, got, strict=True):
            if list(wanted) != list(gotten):
                raise Disagreement(f"{where}: keys {list(gotten)}, {list(wanted)} expected")
            values = np.array(list(wanted.values())), np.array(list(gotten.values()))
            worst = max(worst, compare(where, *values, rtol, atol))
        return worst
    want, got = np.asarray(want), np.asarray(got)
    if want.shape != got.shape:
        raise Disagreement(f"{where}: shape {got.shape}, {want.shape} expected")
    if want.dtype.kind in "OUS" or want.dtype.kind in "biu":
        same = [str(item) for item in want.ravel()] == [str(item) for item in got.ravel()]
        if not same:
            raise Disagreement(f"{where}: {got.tolist()} where the framework says {want.tolist()}")
        return 0.0
    want, got = want.astype(np.float64), got.astype(np.float64)
    if want.size == 0:
        return 0.0
    if not np.array_equal(np.isnan(want), np.isnan(got)):
        raise Disagreement(f"{where}: NaN in different places")
    with np.errstate(invalid="ignore"):
        excess = np.abs(got - want) / (atol + rtol * np.abs(want))
    worst = float(np.nanmax(np.where(got == want, 0.0, excess)))
    if worst > 1:
        at = np.unravel_index(np.nanargmax(excess), excess.shape)
        at = tuple(int(index) for index in at)
        raise Disagreement(
            f"{where}: {got[at]} where the framework says {want[at]} at {at}, {worst:.1f} times tolerance"
        )
    return worst


# --- writing ---------------------------------------------------------------------------------------------------------


def write(folder: pathlib.Path, name: str, fixture: Fixture, largest_file: int | None = LARGEST_FILE) -> dict:
    """Writes the case and returns its entry for the family's index."""
    case = folder / name
    shutil.rmtree(case, ignore_errors=True)
    case.mkdir(parents=True)
    tidy(fixture.model)
    model = case / "model.onnx"
    if fixture.external_data:
        onnx.save_model(
            fixture.model,
            str(model),
            save_as_external_data=True,
            location=fixture.external_data,
            size_threshold=256,
        )
        fixture.model = onnx.load(str(model), load_external_data=False)
    else:
        model.write_bytes(fixture.model.SerializeToString(deterministic=True))

    inputs, outputs = graph_inputs(fixture.model), fixture.model.graph.output
    for number, data_set in enumerate(fixture.data_sets):
        place = case / f"test_data_set_{number}"
        place.mkdir()
        for index, declared in enumerate(inputs):
            write_proto(place / f"input_{index}.pb", to_proto(data_set.inputs[declared.name], declared))
        for index, declared in enumerate(outputs):
            write_proto(place / f"output_{index}.pb", to_proto(data_set.outputs[index], declared))
    for path in case.rglob("*"):
        if largest_file and path.is_file() and path.stat().st_size > largest_file:
            raise ValueError(f"{path} has {path.stat().st_size} bytes; a fixture's file may have {largest_file}")

    entry = {
        "name": name,
        "path": name,
        "rtol": fixture.rtol,
        "atol": fixture.atol,
        "framework": fixture.framework,
        "opset_imports": {entry.domain or "ai.onnx": entry.version for entry in fixture.model.opset_import},
        "data_sets": len(fixture.data_sets),
        "inputs": [describe(declared, f"input_{index}.pb") for index, declared in enumerate(inputs)],
        "outputs": [describe(declared, f"output_{index}.pb") for index, declared in enumerate(outputs)],
    }
    if fixture.note:
        entry["note"] = fixture.note
    return entry


def describe(declared, file: str) -> dict:
    return {"name": declared.name, "file": file, "type": type_text(declared.type), "proto": proto_text(declared.type)}


def write_proto(path: pathlib.Path, proto) -> None:
    path.write_bytes(proto.SerializeToString(deterministic=True))


def tidy(model: onnx.ModelProto) -> None:
    """Takes out what says where and when the model was made: stack traces, paths, addresses used as names."""
    model.doc_string = ""
    addresses = {}

    def steady(name: str) -> str:
        return ADDRESS.sub(lambda match: str(addresses.setdefault(match.group(), len(addresses))), name)

    def clean(graph):
        graph.doc_string = ""
        del graph.metadata_props[:]
        for part in [*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer]:
            part.doc_string = ""
            del part.metadata_props[:]
        for node in graph.node:
            node.name = steady(node.name)
            node.input[:] = [steady(name) for name in node.input]
            node.output[:] = [steady(name) for name in node.output]
            for attribute in node.attribute:
                attribute.doc_string = ""
                if attribute.HasField("g"):
                    clean(attribute.g)
                for inner in attribute.graphs:
                    clean(inner)

    clean(model.graph)
    for function in model.functions:
        function.doc_string = ""
        del function.metadata_props[:]
        for node in function.node:
            node.doc_string = ""
            del node.metadata_props[:]


def read_index(folder: pathlib.Path) -> dict[str, dict]:
    """The entries by name; none where there is no index yet."""
    index = folder / "index.json"
    return {entry["name"]: entry for entry in json.loads(index.read_text())["cases"]} if index.exists() else {}


def write_index(folder: pathlib.Path, entries: list[dict]) -> None:
    """One line a case, so that a difference between two indexes shows the cases that differ."""
    lines = ",\n".join(json.dumps(entry) for entry in sorted(entries, key=lambda entry: entry["name"]))
    (folder / "index.json").write_text(f'{{"cases": [\n{lines}\n]}}\n')
