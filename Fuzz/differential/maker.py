"""Builds one random graph, node by node; every node is answered by the oracle as it is added."""

import json
import pathlib
import random
import shutil

import numpy as np
import onnx
from onnx import helper

import oracle
from oracle import ML, element

FLOATS = ["float32", "float32", "float32", "float64", "float16"]
SIGNED = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS
ANY = [*NUMBERS, "bool", "string"]
WORDS = ["", "a", "b", "ab", "Ab", "abc", "é", "Straße", "東京", "1", "-2.5", "x y", " pad ", "ZZ"]
NEWEST, OLDEST = 23, 7


class Skip(Exception):
    """This choice makes no valid or no defined graph; try another."""


class Maker:
    """One graph under construction.

    `values` holds what every value of the graph is. A generator of a family calls `tensor` or `operand` for its
    inputs, `constant` for what is usually an initializer, and `node` to add the operator.
    """

    def __init__(self, seed: str, opset: int | None = None):
        self.random = random.Random(seed)
        self.numpy = np.random.RandomState(self.random.randrange(2**31))
        self.opset = opset or self.random.choice([*range(OLDEST, NEWEST + 1), 13, 17, 18, 20, 21, 23])
        self.ml = self.random.choice([1, 2, 3, 3, 3, 4, 5])
        self.values, self.inputs, self.initializers = {}, {}, {}
        self.nodes, self.sources, self.loose = [], set(), False
        self.produced = []

    # --- choices ---

    def choice(self, items):
        return self.random.choice(list(items))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def integer(self, low: int, high: int) -> int:
        return self.random.randint(low, high)

    def shape(self, rank=None, low=0, high=4, zero=0.04, limit=3000) -> tuple:
        """Mostly small extents, some past a vector's width, rarely zero."""
        rank = self.integer(low, high) if rank is None else rank
        made = []
        for _ in range(rank):
            extent = self.choice([1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 11, 16, 17, 19, 33])
            if self.chance(zero):
                extent = 0
            while extent > 1 and int(np.prod([one or 1 for one in made])) * extent > limit:
                extent = max(1, extent // 2)
            made.append(extent)
        return tuple(made)

    def broadcastable(self, shape: tuple) -> tuple:
        """Another shape that broadcasts with this one."""
        other = [1 if self.chance(0.3) else extent for extent in shape]
        return tuple(other[self.integer(0, len(other)) :]) if self.chance(0.4) else tuple(other)

    # --- values ---

    def array(self, dtype: str, shape, low=None, high=None, words=None, distinct=False) -> np.ndarray:
        """Random elements; half of the time floats are multiples of 1/4, so that ties and exact halves occur."""
        shape = tuple(shape)
        count = int(np.prod(shape))
        if dtype == "string":
            picked = [self.random.choice(words or WORDS) for _ in range(count)]
            return np.array(picked, dtype=object).reshape(shape)
        if dtype == "bool":
            return self.numpy.randint(0, 2, shape).astype(bool).reshape(shape)
        if distinct:
            ladder = self.numpy.permutation(count).astype(np.float64) - count // 2
            return cast(ladder / (4 if dtype.startswith(("float", "bfloat")) else 1), dtype).reshape(shape)
        whole = "int" in dtype
        low = (0 if dtype.startswith("u") else -6 if whole else -3) if low is None else low
        high = (9 if whole else 3) if high is None else high
        if whole:
            return cast(self.numpy.randint(low, high + 1, shape), dtype).reshape(shape)
        numbers = self.numpy.uniform(low, high, shape)
        if self.chance(0.5):
            numbers = np.clip(np.round(numbers * 4) / 4, low, high)
        if dtype.startswith("complex"):
            numbers = numbers + 1j * self.numpy.uniform(low, high, shape)
        return cast(numbers, dtype).reshape(shape)

    def fresh(self, prefix: str) -> str:
        return f"{prefix}{len(self.values)}"

    def tensor(self, dtype: str, shape=None, **details) -> str:
        """A new graph input (or, at times, an initializer)."""
        value = self.array(dtype, self.shape() if shape is None else shape, **details)
        return self.constant(value) if self.chance(0.15) else self.input(value)

    def input(self, value) -> str:
        name = self.fresh("x")
        self.values[name] = self.inputs[name] = value
        return name

    def constant(self, value, initializer: float = 0.8) -> str:
        """An initializer, or an input, as `initializer` has it."""
        value = np.asarray(value)
        if not self.chance(initializer):
            return self.input(value)
        name = self.fresh("c")
        self.values[name] = self.initializers[name] = value
        return name

    def operand(self, dtypes=FLOATS, low=0, high=4, share=0.5, check=None, **details) -> str:
        """A value that an earlier node made, where one fits, else a new tensor."""
        fitting = [name for name in self.produced if self.fits(name, dtypes, low, high) and (not check or check(name))]
        if fitting and self.chance(share):
            return self.choice(fitting)
        if check:
            raise Skip
        return self.tensor(self.choice(dtypes), self.shape(low=low, high=high), **details)

    def fits(self, name: str, dtypes, low: int, high: int) -> bool:
        value = self.values[name]
        if isinstance(value, list) or element(value) not in dtypes or not low <= value.ndim <= high:
            return False
        if value.dtype.kind in "fc":
            return bool(np.isfinite(value).all()) and (value.size == 0 or float(np.abs(value).max()) < 50)
        return value.dtype.kind not in "iu" or value.size == 0 or int(np.abs(value.astype(np.int64)).max()) < 100

    def get(self, name: str):
        return self.values[name]

    # --- nodes ---

    def node(self, op: str, inputs: list, outputs: int = 1, domain: str = "", drop=True, **attributes) -> list:
        """Adds a node. Attributes that this opset's version does not know are left out (or, without `drop`, skipped).

        - Raises Skip where the opset has no such operator or type, or no oracle answers.
        """
        while inputs and inputs[-1] == "":
            inputs = inputs[:-1]
        version = self.ml if domain == ML else self.opset
        try:
            schema = onnx.defs.get_schema(op, version, domain)
        except Exception as error:
            raise Skip from error
        if schema.deprecated or len(inputs) > schema.max_input or outputs > schema.max_output:
            raise Skip
        known = {key: value for key, value in attributes.items() if value is not None}
        if not drop and any(key not in schema.attributes for key in known):
            raise Skip
        known = {key: value for key, value in known.items() if key in schema.attributes}
        self.check_types(schema, inputs)
        names = [f"y{len(self.values)}_{index}" for index in range(outputs)]
        node = helper.make_node(op, inputs, names, domain=domain, **known)
        return self.append(node)

    def check_types(self, schema, inputs) -> None:
        bound = {}
        for index, name in enumerate(inputs):
            if not name:
                continue
            formal = schema.inputs[min(index, len(schema.inputs) - 1)]
            type_text = oracle.schema_type(self.values[name])
            if type_text not in formal.types:
                raise Skip
            heterogeneous = index >= len(schema.inputs) - 1 and not formal.is_homogeneous
            if not heterogeneous and bound.setdefault(formal.type_str, type_text) != type_text:
                raise Skip

    def append(self, node: onnx.NodeProto) -> list:
        """Adds a node that is ready, with its subgraphs' outer values."""
        outer = [name for name in self.values if name in uses(node)]
        feeds = {name: self.values[name] for name in outer}
        try:
            answers, source = oracle.run_node(node, feeds, self.opset, self.ml)
        except oracle.Unknown as error:
            raise Skip(str(error)) from error
        names = [name for name in node.output if name]
        if len(answers) != len(names):
            raise Skip
        for answer in answers:
            if not isinstance(answer, list) and answer.size > 20000:
                raise Skip
        self.nodes.append(node)
        self.sources.add(source)
        self.values.update(zip(names, answers, strict=True))
        self.produced += names
        return names

    # --- the whole ---

    def finish(self) -> onnx.ModelProto:
        """The model: outputs are all values that no node uses, and some that one does."""
        used = set().union(*(uses(node) for node in self.nodes))
        made = [name for node in self.nodes for name in node.output if name]
        self.outputs = [name for name in made if name not in used or self.chance(0.2)]
        return self.assemble(self.nodes, self.outputs)

    def assemble(self, nodes, outputs) -> onnx.ModelProto:
        used = set().union(*(uses(node) for node in nodes))
        made = {name for node in nodes for name in node.output}
        feeds = {
            name: value
            for name, value in self.values.items()
            if name in used and name not in made and name not in self.initializers
        }
        self.feeds = feeds
        weights = [oracle.proto(value, name) for name, value in self.initializers.items() if name in used]
        declared = [(name, self.values[name]) for name in outputs]
        model = oracle.model_of(nodes, {}, [], self.opset, self.ml, weights)
        style = self.random.choice(["static", "static", "symbols", "some", "free"])
        for name, value in feeds.items():
            model.graph.input.append(helper.make_value_info(name, oracle.type_proto(value, self.declare(value, style))))
        for name, value in declared:
            if isinstance(value, list) and value and isinstance(value[0], dict):
                model.graph.output.append(map_info(name, value))
            else:
                free = None if isinstance(value, list) else [None] * value.ndim
                model.graph.output.append(helper.make_value_info(name, oracle.type_proto(value, free)))
        # Older IR versions want initializers among the inputs.
        model.ir_version = 10 if self.opset >= 13 else 7
        return model

    def declare(self, value, style: str):
        if isinstance(value, list):
            return None
        if style == "free":
            return [None] * value.ndim
        extents = list(value.shape)
        if style == "symbols":
            return [f"d{extent}" for extent in extents]
        if style == "some":
            return [None if self.chance(0.5) else extent for extent in extents]
        return extents

    def tolerance(self) -> tuple[float, float]:
        """Wide enough for another order of summation, in the narrowest type that occurs."""
        kinds = {element(value) for value in self.values.values() if not isinstance(value, list)}
        numbers = [
            float(np.abs(value.astype(np.float64))[np.isfinite(value.astype(np.float64))].max(initial=0))
            for value in self.values.values()
            if not isinstance(value, list) and (value.dtype.kind == "f" or element(value) in oracle.ODD)
        ]
        if any(node.op_type.startswith(("QLinear", "QuantizeLinear", "DynamicQuantize")) for node in self.nodes):
            return 1e-3, 1.01  # a quotient in the middle falls to either side
        scale = min(max([1.0, *numbers]), 1e4)
        if any(kind in oracle.ODD or kind == "bfloat16" for kind in kinds):
            return 2e-2, 2e-2 * scale
        return (4e-3, 4e-3 * scale) if "float16" in kinds else (1e-4, 1e-5 * scale)

    def describe(self) -> str:
        parts = [f"{node.op_type}({', '.join(self.short(name) for name in node.input)})" for node in self.nodes]
        return f"opset {self.opset}: " + "; ".join(parts)

    def short(self, name: str) -> str:
        if not name or name not in self.values:
            return name or "_"
        value = self.values[name]
        return f"seq[{len(value)}]" if isinstance(value, list) else f"{element(value)}{list(value.shape)}"


def write(folder: pathlib.Path, maker: Maker, model: onnx.ModelProto, outputs: list, note: dict) -> dict:
    """Writes the case's folder; its line for index.json."""
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for index, (name, value) in enumerate(maker.feeds.items()):
        (data / f"input_{index}.pb").write_bytes(oracle.proto(value, name).SerializeToString())
    for index, name in enumerate(outputs):
        (data / f"output_{index}.pb").write_bytes(oracle.proto(maker.values[name], name).SerializeToString())
    rtol, atol = maker.tolerance()
    entry = {"name": folder.name, "rtol": rtol, "atol": atol, "sources": sorted(maker.sources), **note}
    (folder / "case.json").write_text(json.dumps(entry))
    return entry


def map_info(name: str, rows: list):
    value = onnx.ValueInfoProto(name=name)
    declared = value.type.sequence_type.elem_type.map_type
    declared.key_type = onnx.TensorProto.STRING if isinstance(next(iter(rows[0])), str) else onnx.TensorProto.INT64
    declared.value_type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return value


def uses(node: onnx.NodeProto) -> set:
    """The names that a node reads, those read inside its subgraphs too."""
    found = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                found |= uses(inner)
            found |= {output.name for output in graph.output}
    return found


def cast(numbers: np.ndarray, dtype: str) -> np.ndarray:
    if dtype in oracle.ODD:
        import ml_dtypes

        return np.asarray(numbers, dtype=np.float32).astype(getattr(ml_dtypes, dtype))
    return np.asarray(numbers).astype(dtype)
