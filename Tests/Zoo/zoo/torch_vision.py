"""Networks over pictures, volumes and signals, all small, with random weights."""

import torch
import torch.nn.functional as F
from torch import nn

from .torch_common import both, dynamo, noise, script

FREE = {"x": {0: "batch"}, "y": {0: "batch"}}
SIZES = {"x": {0: "batch", 2: "height", 3: "width"}, "y": {0: "batch"}}


def pictures(*shape, batches=(2, 1)):
    return lambda: [(noise(batch, *shape, seed=batch),) for batch in batches]


class LeNet(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
            nn.Flatten(), nn.Linear(400, 40), nn.Tanh(), nn.Linear(40, 10), nn.Softmax(1),
        )  # fmt: skip


class Bottleneck(nn.Module):
    def __init__(self, inside, middle, stride=1, groups=1):
        super().__init__()
        outside = middle * 2
        self.main = nn.Sequential(
            nn.Conv2d(inside, middle, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU(True),
            nn.Conv2d(middle, middle, 3, stride, 1, groups=groups, bias=False), nn.BatchNorm2d(middle), nn.ReLU(True),
            nn.Conv2d(middle, outside, 1, bias=False), nn.BatchNorm2d(outside),
        )  # fmt: skip
        self.short = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))

    def forward(self, x):
        return F.relu(self.main(x) + self.short(x))


class Residual(nn.Sequential):
    def __init__(self, groups=1):
        super().__init__(
            nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
            Bottleneck(8, 8, groups=groups), Bottleneck(16, 8, 2, groups), Bottleneck(16, 16, 2, groups),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 7),
        )  # fmt: skip


class Squeeze(nn.Module):
    """Channel attention."""

    def __init__(self, width):
        super().__init__()
        self.down, self.up = nn.Conv2d(width, 2, 1), nn.Conv2d(2, width, 1)

    def forward(self, x):
        return x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))


class Inverted(nn.Module):
    def __init__(self, width, stride, activation):
        super().__init__()
        self.same = stride == 1
        self.main = nn.Sequential(
            nn.Conv2d(width, width * 4, 1, bias=False), nn.BatchNorm2d(width * 4), activation(),
            nn.Conv2d(width * 4, width * 4, 3, stride, 1, groups=width * 4, bias=False), nn.BatchNorm2d(width * 4),
            activation(), Squeeze(width * 4), nn.Conv2d(width * 4, width, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip

    def forward(self, x):
        return x + self.main(x) if self.same else self.main(x)


class Mobile(nn.Sequential):
    def __init__(self, activation=nn.Hardswish):
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), activation(), Inverted(8, 1, activation),
            Inverted(8, 2, activation), Inverted(8, 1, activation), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(),
            nn.Linear(8, 5),
        )  # fmt: skip


class UNet(nn.Module):
    def __init__(self, up="transpose"):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        if up == "transpose":
            self.up1, self.up2 = nn.ConvTranspose2d(8, 8, 2, 2), nn.ConvTranspose2d(8, 4, 2, 2)
        else:
            bilinear = nn.Upsample(scale_factor=2, mode=up, align_corners=None if up == "nearest" else True)
            self.up1, self.up2 = bilinear, nn.Sequential(bilinear, nn.Conv2d(8, 4, 1))
        self.d, self.e = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        a = F.relu(self.a(x))
        b = F.relu(self.b(F.max_pool2d(a, 2)))
        c = F.relu(self.c(F.max_pool2d(b, 2)))
        d = F.relu(self.d(torch.cat([self.up1(c), b], 1)))
        return torch.sigmoid(self.e(torch.cat([self.up2(d), a], 1)))


class Pyramid(nn.Module):
    """A feature pyramid: sizes taken from other maps at run time."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1)
        self.side = nn.Conv2d(4, 4, 1)

    def forward(self, x):
        a = F.relu(self.one(x))
        b = F.relu(self.two(a))
        return self.side(a) + F.interpolate(b, size=a.shape[-2:], mode="nearest"), b


class Atrous(nn.Module):
    """Dilated branches side by side and a global one, as segmentation heads have them."""

    def __init__(self):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(3, 4, 3, padding=d, dilation=d) for d in (1, 2, 3))
        self.pool = nn.Conv2d(3, 4, 1)
        self.head = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        parts = [branch(x) for branch in self.branches]
        whole = self.pool(F.adaptive_avg_pool2d(x, 1))
        parts.append(F.interpolate(whole, size=x.shape[-2:], mode="bilinear", align_corners=False))
        return self.head(torch.cat(parts, 1)).argmax(1)


class Dense(nn.Module):
    """Dense connections."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(4 + 3 * i), nn.ReLU(), nn.Conv2d(4 + 3 * i, 3, 3, padding=1)) for i in range(3)
        )

    def forward(self, x):
        maps = [x]
        for layer in self.layers:
            maps.append(layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1)


class Generator(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Linear(6, 8 * 16), nn.Unflatten(1, (8, 4, 4)), nn.ConvTranspose2d(8, 6, 4, 2, 1, bias=False), nn.BatchNorm2d(6),
            nn.ReLU(), nn.ConvTranspose2d(6, 3, 4, 2, 1), nn.Tanh(),
        )  # fmt: skip


class SuperResolution(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 8, 5, padding=2), nn.PReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.PReLU(8), nn.Conv2d(8, 9, 3, padding=1),
            nn.PixelShuffle(3),
        )  # fmt: skip


class StyleTransfer(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.ReflectionPad2d(3), nn.Conv2d(3, 4, 7), nn.InstanceNorm2d(4, affine=True), nn.ReLU(),
            nn.ReplicationPad2d(1), nn.Conv2d(4, 4, 3, stride=2), nn.GroupNorm(2, 4), nn.ELU(),
            nn.Upsample(scale_factor=2), nn.ZeroPad2d(1), nn.Conv2d(4, 3, 3), nn.Tanh(),
        )  # fmt: skip


class ConvNext(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 4, 4)
        self.deep = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(torch.rand(width))

    def forward(self, x):
        x = self.stem(x)
        y = self.norm(self.deep(x).permute(0, 2, 3, 1))
        y = self.scale * self.down(F.gelu(self.up(y)))
        return (x + y.permute(0, 3, 1, 2)).mean((2, 3))


class VisionTransformer(nn.Module):
    def __init__(self, width=16, patch=4, side=16):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, (side // patch) ** 2 + 1, width))
        layer = nn.TransformerEncoderLayer(width, 4, 32, 0.1, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 5))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.head(self.layers(x)[:, 0])


class Windows(nn.Module):
    """Attention in shifted windows, as Swin has it."""

    def __init__(self, width=8, window=4):
        super().__init__()
        self.window = window
        self.mix = nn.Linear(width, 3 * width)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, 2))
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        apart = (place[:, :, None] - place[:, None, :]).permute(1, 2, 0) + window - 1
        self.register_buffer("index", apart[..., 0] * (2 * window - 1) + apart[..., 1])

    def forward(self, x):
        b, h, w, c = x.shape
        n = self.window
        x = torch.roll(x, (-2, -2), (1, 2))
        x = x.view(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, n * n, c)
        q, k, v = self.mix(x).reshape(-1, n * n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.table[self.index.flatten()].view(n * n, n * n, 2).permute(2, 0, 1)
        y = ((q @ k.transpose(-2, -1)) * (c // 2) ** -0.5 + bias).softmax(-1) @ v
        y = y.transpose(1, 2).reshape(b, h // n, w // n, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return torch.roll(y, (2, 2), (1, 2))


class Detector(nn.Module):
    """A one-stage detector's head with its decoding: anchors, sigmoid offsets, exponent sizes, the best boxes."""

    def __init__(self, keep=10):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.LeakyReLU(0.1), nn.Conv2d(8, 3 * 7, 1))
        self.register_buffer("anchors", torch.tensor([[8.0, 8.0], [12.0, 6.0], [6.0, 12.0]]))
        self.keep = keep

    def forward(self, x):
        y = self.body(x)
        b, _, h, w = y.shape
        y = y.view(b, 3, 7, h, w).permute(0, 1, 3, 4, 2).contiguous()
        rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((columns, rows), -1).to(y.dtype)
        centre = (torch.sigmoid(y[..., :2]) * 2 - 0.5 + grid) * 2
        size = (torch.sigmoid(y[..., 2:4]) * 2) ** 2 * self.anchors.view(1, 3, 1, 1, 2)
        boxes = torch.cat([centre - size / 2, centre + size / 2], -1).reshape(b, -1, 4)
        scores, labels = torch.sigmoid(y[..., 4:]).reshape(b, -1, 3).max(-1)
        best, place = torch.topk(scores, self.keep, dim=1)
        return torch.gather(boxes, 1, place.unsqueeze(-1).expand(-1, -1, 4)), best, torch.gather(labels, 1, place)


class Heatmap(nn.Module):
    """Key points as peaks: a local maximum is where max pooling changes nothing."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, x):
        heat = torch.sigmoid(self.body(x))
        heat = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
        score, place = heat.flatten(1).topk(5)
        side = x.shape[-1]
        return score, torch.div(place, side, rounding_mode="floor") % x.shape[-2], place % side


class Volume(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(4, 4, (1, 3, 3), groups=2),
            nn.ReLU(), nn.ConvTranspose3d(4, 2, 2, 2), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
        )  # fmt: skip


class TemporalConv(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(4, 4, 3, dilation=d) for d in (1, 2, 4))

    def forward(self, x):
        for layer in self.layers:
            x = x + torch.relu(layer(F.pad(x, (2 * layer.dilation[0], 0))))
        return x


class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.value, self.skip = nn.Conv1d(2, 6, 3, padding=2, dilation=2), nn.Conv1d(2, 6, 3, padding=2, dilation=2), nn.Conv1d(6, 2, 1)

    def forward(self, x):
        return x + self.skip(torch.tanh(self.value(x)) * torch.sigmoid(self.gate(x)))


class SpatialTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.where = nn.Sequential(nn.Flatten(), nn.Linear(64, 6))

    def forward(self, x):
        turn = self.where(x).view(-1, 2, 3) * 0.2 + torch.tensor([[1.0, 0, 0], [0, 1, 0]])
        return F.grid_sample(x, F.affine_grid(turn, [x.shape[0], 1, 8, 8], align_corners=False), align_corners=False)


class Mixer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.norms = nn.ModuleList(nn.LayerNorm(8) for _ in range(2))
        self.tokens, self.channels = nn.Sequential(nn.Linear(16, 20), nn.GELU(), nn.Linear(20, 16)), nn.Sequential(nn.Linear(8, 20), nn.GELU(), nn.Linear(20, 8))

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        return (x + self.channels(self.norms[1](x))).mean(1)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, 2, 1), nn.GELU(), nn.Conv2d(4, 8, 3, 2, 1), nn.Flatten(), nn.Linear(128, 6))
        self.up = nn.Sequential(nn.Linear(3, 128), nn.Unflatten(1, (8, 4, 4)), nn.ConvTranspose2d(8, 4, 3, 2, 1, 1), nn.GELU(), nn.ConvTranspose2d(4, 1, 3, 2, 1, 1))

    def forward(self, x):
        mean, log = self.down(x).chunk(2, 1)
        return torch.sigmoid(self.up(mean + torch.exp(0.5 * log) * 0.1)), mean


class Half(nn.Module):
    """A module in half precision."""

    def __init__(self, make):
        super().__init__()
        self.inner = make().half()

    def forward(self, x):
        return self.inner(x)


def half_pictures(*shape):
    return lambda: [(noise(batch, *shape, seed=batch).half(),) for batch in (2, 1)]


ENTRIES = [
    *both("lenet", LeNet, pictures(1, 28, 28), free=FREE),
    *both("residual", Residual, pictures(3, 32, 32), free=FREE),
    *both("residual_sizes", Residual, lambda: [(noise(2, 3, 32, 32),), (noise(1, 3, 40, 48),)], free=SIZES),
    *both("residual_grouped", lambda: Residual(4), pictures(3, 32, 32), free=FREE),
    *both("mobile", Mobile, pictures(3, 32, 32), free=FREE),
    *both("mobile_silu", lambda: Mobile(nn.SiLU), pictures(3, 32, 32), free=FREE),
    *both("mobile_relu6", lambda: Mobile(nn.ReLU6), pictures(3, 32, 32), free=FREE),
    *both("unet_transpose", UNet, pictures(2, 16, 16), free=FREE),
    *both("unet_nearest", lambda: UNet("nearest"), pictures(2, 16, 16), free=FREE),
    *both("unet_bilinear", lambda: UNet("bilinear"), pictures(2, 16, 16), free=FREE),
    *both("pyramid", Pyramid, pictures(3, 16, 16), outputs=["y", "z"], free={"x": {0: "batch"}, "y": {0: "batch"}, "z": {0: "batch"}}),
    *both("pyramid_odd", Pyramid, pictures(3, 15, 13, batches=(2,)), outputs=["y", "z"]),
    *both("atrous", Atrous, pictures(3, 12, 10), free=FREE),
    *both("dense", Dense, pictures(4, 8, 8), free=FREE),
    *both("generator", Generator, pictures(6), free=FREE),
    *both("super_resolution", SuperResolution, pictures(1, 9, 11), free=FREE),
    *both("style_transfer", StyleTransfer, pictures(3, 12, 12), free=FREE),
    *both("convnext", ConvNext, pictures(3, 16, 16), free=FREE),
    *both("vision_transformer", VisionTransformer, pictures(3, 16, 16, batches=(2,))),
    script("vision_transformer_free", VisionTransformer, pictures(3, 16, 16), free=FREE),
    *both("windows", Windows, pictures(8, 8, 8), free=FREE),
    *both("detector", Detector, pictures(3, 16, 16), outputs=["boxes", "scores", "labels"], free={"x": {0: "batch"}}),
    *both("heatmap", Heatmap, pictures(3, 12, 12), outputs=["scores", "rows", "columns"], free={"x": {0: "batch"}}),
    *both("volume", Volume, pictures(1, 6, 8, 8), free=FREE),
    *both("temporal", TemporalConv, lambda: [(noise(2, 4, 20),), (noise(1, 4, 9),)], free={"x": {0: "batch", 2: "time"}, "y": {0: "batch"}}),
    *both("wavenet", WaveNet, pictures(2, 16), free=FREE),
    *both("spatial_transformer", SpatialTransformer, pictures(1, 8, 8), free=FREE, opset=20, new_opset=20),
    *both("mixer", Mixer, pictures(3, 16, 16), free=FREE),
    *both("autoencoder", Autoencoder, pictures(1, 16, 16), outputs=["y", "z"], free=FREE),
    *both("half_residual", lambda: Half(Residual), half_pictures(3, 32, 32), free=FREE, rtol=2e-2, atol=2e-2),
    *both("half_mobile", lambda: Half(Mobile), half_pictures(3, 32, 32), free=FREE, rtol=2e-2, atol=2e-2),
    *both("half_unet", lambda: Half(UNet), half_pictures(2, 16, 16), free=FREE, rtol=2e-2, atol=2e-2),
    *both("half_convnext", lambda: Half(ConvNext), half_pictures(3, 16, 16), free=FREE, rtol=2e-2, atol=2e-2),
    *[script(f"residual_opset{opset}", Residual, pictures(3, 32, 32), free=FREE, opset=opset) for opset in (9, 11, 13, 15, 20)],
    *[script(f"unet_opset{opset}", lambda: UNet("bilinear"), pictures(2, 16, 16, batches=(2,)), opset=opset) for opset in (11, 13, 16, 19)],
    *[dynamo(f"mobile_opset{opset}", Mobile, pictures(3, 32, 32), free=FREE, opset=opset) for opset in (19, 20, 21, 22, 23)],
    *[dynamo(f"style_transfer_opset{opset}", StyleTransfer, pictures(3, 12, 12, batches=(2,)), opset=opset) for opset in (20, 21, 23)],
    dynamo("residual_unoptimised", Residual, pictures(3, 32, 32), free=FREE, optimize=False),
    dynamo("vision_transformer_opset23", VisionTransformer, pictures(3, 16, 16, batches=(2,)), opset=23),
]
