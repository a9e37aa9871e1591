"""From a torch module to fixtures: one export by each of PyTorch's two exporters, answers from the module itself."""

import io

import numpy as np
import onnx
import torch

from .cases import DataSet, Fixture, Recipe

FRAMEWORK = {"torch": torch.__version__.split("+")[0]}

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)


def seeded(make):
    """The module with weights from a fixed seed, batch statistics as if it had been trained, ready to infer."""
    torch.manual_seed(0)
    module = make()
    for layer in module.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.normal_(layer.running_mean, std=0.2)
            torch.nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return module.eval()


def both(name: str, make, samples, inputs, outputs, free=None, opset=17, new_opset=18, **details) -> list[Recipe]:
    """`<name>_script` from the TorchScript exporter, `<name>_dynamo` from the one built on torch.export."""
    return [
        script(f"{name}_script", make, samples, inputs, outputs, free, opset, **details),
        dynamo(f"{name}_dynamo", make, samples, inputs, outputs, free, new_opset, **details),
    ]


def script(name: str, make, samples, inputs, outputs, free=None, opset=17, **details) -> Recipe:
    def build() -> Fixture:
        module, calls = seeded(make), samples()
        file = io.BytesIO()
        with torch.no_grad():
            torch.onnx.export(
                module,
                calls[0],
                file,
                input_names=inputs,
                output_names=outputs,
                dynamic_axes=free,
                opset_version=opset,
                dynamo=False,
            )
        return fixture(module, onnx.load_from_string(file.getvalue()), calls, inputs, **details)

    return Recipe(name, build)


def dynamo(name: str, make, samples, inputs, outputs, free=None, opset=18, optimize=True, **details) -> Recipe:
    def build() -> Fixture:
        module, calls = seeded(make), samples()
        symbols = {}
        shapes = tuple(
            {
                axis: symbols.setdefault(symbol, torch.export.Dim(symbol))
                for axis, symbol in (free or {}).get(one, {}).items()
            }
            for one in inputs
        )
        with torch.no_grad():
            program = torch.onnx.export(
                module,
                calls[0],
                input_names=inputs,
                output_names=outputs,
                dynamic_shapes=shapes if free else None,
                opset_version=opset,
                optimize=optimize,
                dynamo=True,
                verbose=False,
            )
        return fixture(module, program.model_proto, calls, inputs, **details)

    return Recipe(name, build)


def fixture(module, model, calls, inputs, **details) -> Fixture:
    data_sets = []
    for call in calls:
        with torch.no_grad():
            answer = module(*call)
        answers = flat(answer)
        feed = {one: value.numpy() for one, value in zip(inputs, call, strict=True)}
        data_sets.append(DataSet(feed, [np.asarray(value) for value in answers]))
    return Fixture(model, data_sets, FRAMEWORK, **details)


def flat(answer) -> list:
    if isinstance(answer, torch.Tensor):
        return [answer]
    return [tensor for part in answer for tensor in flat(part)]


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tokens(batch: int, length: int, vocabulary: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, vocabulary, (batch, length), generator=torch.Generator().manual_seed(seed))


def padding(*lengths: int) -> torch.Tensor:
    """The attention mask of sentences of these lengths, padded to the longest."""
    return torch.tensor([[int(place < length) for place in range(max(lengths))] for length in lengths])
