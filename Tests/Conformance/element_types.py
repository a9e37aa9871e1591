"""Which element types an operator takes, found by running it: the suite's own one-node cases with another type.

A case is taken as it is, but for the element type of the first input and of all that must have the same type by the
standard's schema. A type is refused when no such case loads and runs; what it answers is not looked at.
"""

import collections
import json
import pathlib
import shutil
import subprocess

import numpy as np
import onnx
import onnx.defs
from onnx import TensorProto, helper, numpy_helper

# What a case's other inputs, attributes or graphs say decides which types go with them.
BOUND = {"BitCast", "LabelEncoder", "Scan", "TfIdfVectorizer"}
CASES_EACH = 3


def code(name: str) -> int | None:
    """The number of an element type such as `double`, nil where this engine's formats do not have it."""
    number = getattr(TensorProto, name.upper(), None)
    return number if number is not None and number <= TensorProto.INT2 else None


def newest(domain: str, name: str):
    versions = [s for s in onnx.defs.get_all_schemas_with_history() if (s.domain, s.name) == (domain, name)]
    return max(versions, key=lambda s: s.since_version, default=None)


def tensor_types(schema) -> list[str]:
    """The tensors' element types that the first input may have."""
    variable = schema.inputs[0].type_str
    constraints = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    return [name[7:-1] for name in constraints.get(variable, [variable]) if name.startswith("tensor(")]


def converted(tensor: TensorProto, element: int) -> TensorProto:
    """The tensor with elements of another type, as near as they come."""
    array = numpy_helper.to_array(tensor)
    dtype = helper.tensor_dtype_to_np_dtype(element)
    if element == TensorProto.STRING:
        array = array.astype(np.float64).astype(str).astype(object)
    elif tensor.data_type == TensorProto.STRING:
        array = np.zeros(array.shape, dtype)
    else:
        array = np.nan_to_num(array.astype(np.complex128), posinf=1, neginf=-1)
        if element not in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
            array = np.abs(array.real) if dtype.name.startswith("uint") else array.real
            array = array.astype(np.float32)
        with np.errstate(all="ignore"):  # what does not fit becomes something else
            array = array.astype(dtype)
    return numpy_helper.from_array(array, tensor.name)


def variant(case: pathlib.Path, schema, element: int, to: pathlib.Path) -> bool:
    """Writes the case with another element type; false where that cannot be done."""
    model = onnx.load(case / "model.onnx")
    if len(model.graph.node) != 1 or model.graph.initializer:
        return False
    node, variable = model.graph.node[0], schema.inputs[0].type_str
    changed = set()
    for values, names, ports in [
        (model.graph.input, node.input, schema.inputs),
        (model.graph.output, node.output, schema.outputs),
    ]:
        formal = {name: ports[min(at, len(ports) - 1)].type_str for at, name in enumerate(names)}
        for value in values:
            if formal.get(value.name) == variable:
                if value.type.WhichOneof("value") != "tensor_type":
                    return False
                value.type.tensor_type.elem_type = element
                changed.add(value.name)
    if not changed:
        return False
    folder = to / "test_data_set_0"
    folder.mkdir(parents=True)
    for at, value in enumerate(model.graph.input):
        source = case / f"test_data_set_0/input_{at}.pb"
        if value.name in changed:
            tensor = TensorProto.FromString(source.read_bytes())
            if tensor.data_type != element:
                tensor = converted(tensor, element)
            (folder / source.name).write_bytes(tensor.SerializeToString())
        else:
            shutil.copy(source, folder / source.name)
    onnx.save(model, to / "model.onnx")
    return True


def probe(swiftlet: str, suite: pathlib.Path, passing: set[str]) -> dict[str, dict[str, bool]]:
    """By operator (`/Abs`), by element type: whether it is taken. Operators without a case that tells are left out."""
    work = suite.parent / "element-types"
    shutil.rmtree(work, ignore_errors=True)
    cases = collections.defaultdict(list)
    for case in json.loads((suite / "index.json").read_text())["cases"]:
        if case["op"] and case["name"] in passing:
            cases[case["op"]].append(suite / case["path"])
    folders = {}
    for operator, paths in sorted(cases.items()):
        domain, name = operator.split("/")
        schema = newest(domain, name)
        if name in BOUND or schema is None or not schema.inputs:
            continue
        for kind in tensor_types(schema):
            element, made = code(kind), 0
            for path in sorted(paths, key=lambda path: ((path / "model.onnx").stat().st_size, path)):
                folder = work / f"{len(folders)}"
                try:
                    if element is not None and made < CASES_EACH and variant(path, schema, element, folder):
                        folders[folder.name], made = (operator, kind), made + 1
                except (TypeError, ValueError):  # NumPy has no such conversion
                    shutil.rmtree(folder, ignore_errors=True)
    report = work / "report.json"
    subprocess.run([swiftlet, "conformance", work, "--json", report], stdout=subprocess.DEVNULL)
    taken = collections.defaultdict(dict)
    for outcome in json.loads(report.read_text())["cases"]:
        operator, kind = folders[outcome["name"]]
        # Without an expected output a case that loads and runs ends with that.
        ran = "no output_*.pb" in outcome["message"]
        taken[operator][kind] = taken[operator].get(kind, False) or ran
    shutil.rmtree(work)
    return taken
