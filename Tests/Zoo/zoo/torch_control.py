"""Control flow: scripted loops and branches through the TorchScript exporter, torch.cond through the other."""

from typing import List

import torch
from torch import nn

from .torch_common import Entry, LOOSE, dynamo, noise, script  # noqa: F401
from generators import torch_common  # noqa: I001


def scripted(name, make, samples, inputs=("x",), outputs=("y",), free=None, opset=17) -> Entry:
    """A module that torch.jit.script compiles, so that its loops and branches stay."""
    recipe = torch_common.script(name, lambda: torch.jit.script(make()), samples, list(inputs), list(outputs), free, opset, **LOOSE)
    return Entry(recipe.name, recipe.build)


class SumLoop(nn.Module):
    def forward(self, x, n: torch.Tensor):
        total = torch.zeros_like(x)
        for i in range(int(n)):
            total = total + x * i
        return total


class WhileLoop(nn.Module):
    def forward(self, x):
        steps = 0
        while bool(x.sum() < 100):
            x = x * 2 + 1
            steps += 1
        return x, torch.tensor(steps)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.yes, self.no = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        if bool(x.sum() > 0):
            return torch.relu(self.yes(x))
        return torch.tanh(self.no(x))


class Nested(nn.Module):
    def forward(self, x):
        y = x
        for i in range(x.size(0)):
            if bool(x[i].sum() > 0):
                y = y + x[i]
            else:
                for j in range(2):
                    y = y - x[i] * float(j + 1)
        return y


class Collect(nn.Module):
    def forward(self, x):
        made: List[torch.Tensor] = []
        for i in range(x.size(0)):
            made.append(x[i] * float(i))
        return torch.stack(made)


class Greedy(nn.Module):
    """A decoder that writes one token after another until it has enough."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(12, 6)
        self.cell = nn.GRUCell(6, 6)
        self.head = nn.Linear(6, 12)

    def forward(self, start: torch.Tensor, count: torch.Tensor):
        state = torch.zeros(start.size(0), 6)
        token = start
        made = start.unsqueeze(1)
        for _ in range(int(count)):
            state = self.cell(self.words(token), state)
            token = self.head(state).argmax(1)
            made = torch.cat([made, token.unsqueeze(1)], 1)
        return made


class Unrolled(nn.Module):
    """A hand-written recurrence over a length that only the input knows."""

    def __init__(self):
        super().__init__()
        self.into, self.over = nn.Linear(4, 5), nn.Linear(5, 5, bias=False)

    def forward(self, x):
        state = torch.zeros(x.size(0), 5)
        made: List[torch.Tensor] = []
        for t in range(x.size(1)):
            state = torch.tanh(self.into(x[:, t]) + self.over(state))
            made.append(state)
        return torch.stack(made, 1)


class Chunks(nn.Module):
    def forward(self, x):
        parts = torch.split(x, 2, dim=1)
        made: List[torch.Tensor] = []
        for part in parts:
            made.append(part.sum(1))
        return torch.stack(made, 1)


class Early(nn.Module):
    def forward(self, x):
        y = x
        for i in range(10):
            y = y * 1.5
            if bool(y.abs().max() > 20):
                break
        return y


class Optional_(nn.Module):
    def forward(self, x, n: torch.Tensor):
        if int(n) == 0:
            y = x
        elif int(n) == 1:
            y = x * 2
        else:
            y = x.flip(0)
        return y + 1


class Cond(nn.Module):
    def __init__(self):
        super().__init__()
        self.yes, self.no = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, x):
        return torch.cond(x.sum() > 0, lambda x: self.yes(x).relu(), lambda x: self.no(x).sigmoid(), (x,))


class NestedCond(nn.Module):
    def forward(self, x):
        def inner(x):
            return torch.cond(x.max() > 1, lambda x: x * 2, lambda x: x + 1, (x,))

        return torch.cond(x.mean() > 0, inner, lambda x: x - 1, (x,))


class ScanLoop(nn.Module):
    def forward(self, x):
        from torch._higher_order_ops.scan import scan

        return scan(lambda carry, row: (carry * 0.5 + row, carry + row), torch.zeros(4), x)


def one(*shape, signs=(1, -1)):
    return lambda: [(noise(*shape).abs() * sign,) for sign in signs]


ENTRIES = [
    scripted("sum_loop", SumLoop, lambda: [(noise(2, 3), torch.tensor(4)), (noise(2, 3), torch.tensor(0))], ["x", "n"]),
    scripted("while_loop", WhileLoop, lambda: [(noise(2, 3).abs(),), (noise(2, 3) + 200,)], outputs=["y", "steps"]),
    scripted("branch", Branch, one(2, 4)),
    scripted("branch_opset11", Branch, one(2, 4), opset=11),
    scripted("nested", Nested, one(3, 4)),
    scripted("nested_free", Nested, lambda: [(noise(3, 4),), (noise(5, 4, seed=3),)], free={"x": {0: "rows"}, "y": {0: "rows"}}),
    scripted("collect", Collect, lambda: [(noise(3, 4),), (noise(5, 4),)], free={"x": {0: "rows"}, "y": {0: "rows"}}),
    scripted("greedy", Greedy, lambda: [(torch.tensor([1, 5]), torch.tensor(4)), (torch.tensor([1, 5]), torch.tensor(7))], ["start", "count"]),
    scripted("unrolled", Unrolled, lambda: [(noise(2, 3, 4),), (noise(2, 6, 4),)], free={"x": {1: "time"}, "y": {1: "time"}}),
    scripted("chunks", Chunks, lambda: [(noise(2, 6),), (noise(2, 10),)], free={"x": {1: "time"}, "y": {1: "time"}}),
    scripted("early", Early, one(2, 3)),
    scripted("optional", Optional_, lambda: [(noise(3, 2), torch.tensor(n)) for n in (0, 1, 2)], ["x", "n"]),
    *[scripted(f"sum_loop_opset{o}", SumLoop, lambda: [(noise(2, 3), torch.tensor(4))], ["x", "n"], opset=o) for o in (9, 11, 13, 16, 20)],
    *[scripted(f"unrolled_opset{o}", Unrolled, lambda: [(noise(2, 3, 4),)], opset=o) for o in (11, 13, 20)],
    dynamo("cond", Cond, one(2, 4)),
    dynamo("nested_cond", NestedCond, one(2, 4)),
    dynamo("scan", ScanLoop, lambda: [(noise(5, 4),)], outputs=["last", "all"]),
]
