"""What a zoo entry is, and how the framework's answers are matched with the exported model's outputs.

Builds on the fixtures' own modules (Tests/Fixtures/generators), which write the layout of ONNX's backend tests.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Fixtures"))

from generators import cases  # noqa: E402
from generators.cases import DataSet, Disagreement, Fixture  # noqa: E402


@dataclasses.dataclass
class Entry:
    """A model of the zoo, made only when it is asked for.

    `build` returns the fixture. `skip` says why the entry can't be made with the versions in requirements.txt.
    """

    name: str
    build: Callable[[], Fixture]
    skip: str = ""


class Candidates(list):
    """Several things that an output may be in the framework (`predict_proba`, `decision_function`, ...), named."""


def session(model: onnx.ModelProto | str) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    # The model as it is written: the optimiser's fused integer kernels round elsewhere.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def settle(name: str, fixture: Fixture) -> tuple[str, list[str]]:
    """Settles every output's expected value; what ONNX Runtime made of the model, and where it disagrees.

    Where an output has candidates, the one that ONNX Runtime's answer agrees with is taken. Where none agrees, the
    converter or ONNX Runtime computes something else than the framework: ONNX Runtime's answer is then expected, and
    the entry says so. Without ONNX Runtime's answer, the first candidate stands.
    """
    try:
        runtime = session(fixture.model)
        answers = [runtime.run(None, data_set.inputs) for data_set in fixture.data_sets]
    except Exception as error:
        for data_set in fixture.data_sets:
            pairs = zip(data_set.outputs, fixture.model.graph.output, strict=True)
            data_set.outputs = [first(output, declared) for output, declared in pairs]
        return f"refuses: {type(error).__name__}: {str(error)[:300]}", []
    disagreements = []
    for number, (data_set, got) in enumerate(zip(fixture.data_sets, answers, strict=True)):
        if len(data_set.outputs) != len(got):
            disagreements.append(f"{len(got)} outputs, the framework has {len(data_set.outputs)}")
            data_set.outputs = got
            continue
        for index, declared in enumerate(fixture.model.graph.output):
            where = f"data set {number}, output {declared.name}"
            wanted, why = match(where, data_set.outputs[index], got[index], fixture)
            data_set.outputs[index] = wanted
            if why:
                disagreements.append(why)
    return ("disagrees" if disagreements else "agrees"), disagreements


def first(output, declared):
    """The likeliest candidate, of the declared rank if there is one."""
    if not isinstance(output, Candidates):
        return output
    rank = len(declared.type.tensor_type.shape.dim) or 2
    return next((answer for _, answer in output if np.ndim(answer) == rank), output[0][1])


def as_declared(wanted, got):
    """Counts and truths as the element type that the converter gives them, if it is another."""
    numbers = isinstance(wanted, np.ndarray) and isinstance(got, np.ndarray) and wanted.dtype.kind in "bi"
    return wanted.astype(got.dtype) if numbers and got.dtype.kind in "fi" else wanted


def match(where: str, output, got, fixture: Fixture):
    """The expected value, and why it is not the framework's."""
    choices = output if isinstance(output, Candidates) else [("", output)]
    why = ""
    for _, wanted in choices:
        wanted = as_declared(wanted, got)
        try:
            cases.compare(where, wanted, got, fixture.rtol, fixture.atol)
            return wanted, ""
        except Disagreement as error:
            if not why or "shape" in why:
                why = str(error)[:400]
        except (TypeError, ValueError) as error:
            why = why or f"{where}: {error}"
    return got, why or f"{where}: no candidate"


__all__ = ["Candidates", "DataSet", "Disagreement", "Entry", "Fixture", "cases", "first", "np", "session", "settle"]
