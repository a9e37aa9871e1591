"""Torch modules as zoo entries: one by each of PyTorch's exporters, answers from the module itself."""

from collections.abc import Callable

import torch
from torch import nn

from .common import Entry
from generators import torch_common  # noqa: I001
from generators.torch_common import noise, padding, tokens

# The encoder layer's fused kernel is no operator that could be exported.
torch.backends.mha.set_fastpath_enabled(False)

LOOSE = {"rtol": 1e-3, "atol": 1e-4}


class Function(nn.Module):
    """A module around a plain function of one tensor."""

    def __init__(self, function: Callable):
        super().__init__()
        self.function = function

    def forward(self, x0):
        return self.function(x0)


class FunctionOfTwo(Function):
    """A module around a plain function of two tensors."""

    def forward(self, x0, x1):
        return self.function(x0, x1)


def both(name, make, samples, inputs=("x",), outputs=("y",), free=None, opset=17, new_opset=18, **details) -> list[Entry]:
    details = LOOSE | details
    recipes = torch_common.both(name, make, samples, list(inputs), list(outputs), free, opset, new_opset, **details)
    return [Entry(recipe.name, recipe.build) for recipe in recipes]


def script(name, make, samples, inputs=("x",), outputs=("y",), free=None, opset=17, **details) -> Entry:
    recipe = torch_common.script(f"{name}_script", make, samples, list(inputs), list(outputs), free, opset, **(LOOSE | details))
    return Entry(recipe.name, recipe.build)


def dynamo(name, make, samples, inputs=("x",), outputs=("y",), free=None, opset=18, **details) -> Entry:
    recipe = torch_common.dynamo(f"{name}_dynamo", make, samples, list(inputs), list(outputs), free, opset, **(LOOSE | details))
    return Entry(recipe.name, recipe.build)


def function(name, call, *examples, opset=17, new_opset=18, free=False, **details) -> list[Entry]:
    """A function over example tensors, by both exporters. `free`: the first extent of each input is free."""
    inputs = [f"x{i}" for i in range(len(examples))]
    axes = {one: {0: "batch"} for one in inputs} if free else None

    kind = Function if len(examples) == 1 else FunctionOfTwo

    def build(which: int):
        answers = torch_common.flat(call(*examples))
        outputs = [f"y{i}" for i in range(len(answers))]
        made = both(name, lambda: kind(call), lambda: [examples], inputs, outputs, axes, opset, new_opset, **details)
        return made[which].build()

    return [Entry(f"{name}_script", lambda: build(0)), Entry(f"{name}_dynamo", lambda: build(1))]


__all__ = ["Entry", "Function", "both", "dynamo", "function", "noise", "padding", "script", "tokens"]
