"""Which operators a folder of fixtures needs: the answer to "can the engine run them all?"."""

import collections
import pathlib

import onnx


def used_in(folder: pathlib.Path) -> dict[tuple[str, str, int], int]:
    """(domain, operator, version since which it has its present meaning) -> number of models that use it."""
    counts = collections.Counter()
    for path in sorted(folder.glob("*/*/model.onnx")):
        counts.update(operators(onnx.load(str(path), load_external_data=False)))
    return dict(sorted(counts.items()))


def operators(model: onnx.ModelProto) -> set[tuple[str, str, int]]:
    imports = {entry.domain: entry.version for entry in model.opset_import}
    local = {(function.domain, function.name) for function in model.functions}
    found = set()

    def walk(nodes, imports):
        for node in nodes:
            if (node.domain, node.op_type) not in local:
                found.add((node.domain, node.op_type, since(node, imports)))
            for attribute in node.attribute:
                for graph in [attribute.g, *attribute.graphs]:
                    walk(graph.node, imports)

    walk(model.graph.node, imports)
    for function in model.functions:
        walk(function.node, {entry.domain: entry.version for entry in function.opset_import})
    return found


def since(node: onnx.NodeProto, imports: dict[str, int]) -> int:
    domain = "" if node.domain == "ai.onnx" else node.domain
    opset = imports.get(node.domain, imports.get(domain, 1))
    try:
        return onnx.defs.get_schema(node.op_type, max_inclusive_version=opset, domain=domain).since_version
    except onnx.defs.SchemaError:
        return opset
