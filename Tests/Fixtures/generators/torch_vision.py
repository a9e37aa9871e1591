"""Networks over vectors and pictures, all small, with random weights."""

import torch
import torch.nn.functional as F
from torch import nn

from .torch_common import both, noise, script

BATCH = {"x": {0: "batch"}, "y": {0: "batch"}}


class MLP(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 16), nn.SiLU(), nn.Linear(16, 5))

    def forward(self, x):
        return torch.softmax(super().forward(x), dim=-1)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 5, padding=2), nn.Conv2d(4, 8, 5)
        self.dense = nn.Sequential(nn.Linear(200, 32), nn.Tanh(), nn.Linear(32, 10))

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.first(x)), 2)
        x = F.avg_pool2d(torch.relu(self.second(x)), 2)
        return F.log_softmax(self.dense(torch.flatten(x, 1)), dim=1)


class Block(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outside),
        )
        plain = stride == 1 and inside == outside
        self.short = (
            nn.Identity()
            if plain
            else nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        )

    def forward(self, x):
        return torch.relu(self.main(x) + self.short(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 6, 7, 2, 3, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.blocks = nn.Sequential(Block(6, 6, 1), Block(6, 8, 2), Block(8, 10, 2))
        self.head = nn.Linear(10, 6)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


class Separable(nn.Module):
    """Depthwise convolutions, squeeze and excitation, hard activations: the parts of mobile networks."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish())
        self.deep = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 2, dilation=2, groups=8), nn.BatchNorm2d(8), nn.ReLU6())
        self.squeeze = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Hardsigmoid()
        )
        self.mix = nn.Sequential(nn.Conv2d(8, 12, 1, groups=2), nn.GroupNorm(3, 12), nn.LeakyReLU(0.1))
        self.head = nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(12, 4))

    def forward(self, x):
        x = self.deep(self.stem(x))
        return self.head(self.mix(x * self.squeeze(x)))


class UNet(nn.Module):
    """One way up by a transposed convolution, one by resizing, both joined with what came down."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([self.step(2, 6), self.step(6, 8), self.step(8, 12)])
        self.up = nn.ConvTranspose2d(12, 8, 2, stride=2)
        self.join = nn.ModuleList([self.step(16, 8), self.step(14, 6)])
        self.out = nn.Conv2d(6, 3, 1)

    @staticmethod
    def step(inside: int, outside: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inside, outside, 3, padding=1), nn.InstanceNorm2d(outside, affine=True), nn.PReLU()
        )

    def forward(self, x):
        first = self.down[0](x)
        second = self.down[1](F.max_pool2d(first, 2))
        deep = self.down[2](F.max_pool2d(second, 2))
        x = self.join[0](torch.cat([self.up(deep), second], 1))
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        return torch.sigmoid(self.out(self.join[1](torch.cat([x, first], 1))))


class Signal(nn.Module):
    """One-dimensional convolutions over a time series, with reflected borders."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(2, 8, 5, padding=2, padding_mode="reflect"),
            nn.BatchNorm1d(8),
            nn.ELU(),
            nn.AvgPool1d(2),
            nn.Conv1d(8, 6, 3, dilation=2),
            nn.Softplus(),
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        features = self.layers(x)
        return self.head(torch.cat([features.mean(-1, keepdim=True), features.amax(-1, keepdim=True)], -1).sum(-1))


class Pooled(nn.Module):
    """Pools whose last window, or only one, reaches beyond the picture."""

    def forward(self, x):
        one = F.avg_pool2d(x, 16, ceil_mode=True)
        return torch.cat([F.max_pool2d(x, 3, 2, ceil_mode=True).flatten(1), one.flatten(1)], 1)


class Enlarged(nn.Module):
    """Resizing by factors that give no whole numbers, with aligned corners and without."""

    def forward(self, x):
        return torch.cat(
            [
                F.interpolate(x, scale_factor=1.7, mode=mode, align_corners=aligned).flatten(1)
                for mode in ("bilinear", "bicubic")
                for aligned in (True, False)
            ],
            1,
        )


class Shifted(nn.Module):
    """A product to which rows of another batch are added."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(4, 3)

    def forward(self, x, r):
        return self.dense(x) + r


def vectors():
    return [(noise(4, 12),), (noise(1, 12, seed=1),)]


def pictures(channels: int, size: int):
    return lambda: [(noise(2, channels, size, size),), (noise(1, channels, size, size, seed=1),)]


RECIPES = [
    *both("mlp", MLP, vectors, ["x"], ["y"], BATCH),
    script("mlp_fixed_batch", MLP, lambda: [(noise(3, 12),)], ["x"], ["y"], opset=11),
    script("mlp_external_data", MLP, vectors, ["x"], ["y"], BATCH, external_data="weights.data"),
    *both("lenet", LeNet, pictures(1, 28), ["x"], ["y"], BATCH, opset=13),
    *both("residual", Residual, pictures(3, 32), ["x"], ["y"], BATCH, new_opset=20),
    *both("separable", Separable, pictures(3, 24), ["x"], ["y"], BATCH, opset=14, new_opset=21),
    *both("unet", UNet, pictures(2, 16), ["x"], ["y"], BATCH),
    *both("signal", Signal, lambda: [(noise(3, 2, 40),), (noise(1, 2, 40, seed=1),)], ["x"], ["y"], BATCH),
    *both("pooled", Pooled, pictures(2, 6), ["x"], ["y"], BATCH),
    *both("enlarged", Enlarged, pictures(2, 6), ["x"], ["y"], BATCH),
    # All free axes have one name: extents of that name differ all the same, as converters that know none write it.
    script(
        "shifted",
        Shifted,
        lambda: [(noise(1, 5, 4), noise(2, 5, 3)), (noise(2, 5, 4), noise(2, 5, 3))],
        ["x", "r"],
        ["y"],
        {"x": {0: "n"}, "r": {0: "n"}, "y": {0: "n"}},
    ),
]
