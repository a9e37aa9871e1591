"""Many of PyTorch's functions, each alone, so that the graphs which exporters write for them are all met."""

import torch
import torch.nn.functional as F

from .torch_common import function, noise

X = noise(2, 3, 8, 8)
S = noise(2, 3, 17)
V = noise(2, 2, 4, 5, 6)
M = noise(4, 6)
N = noise(4, 6, seed=1)
POSITIVE = M.abs() + 0.1
I = torch.arange(24).reshape(4, 6) % 7  # noqa: E741
J = torch.tensor([[0, 2, 1, 5, 3, 4]] * 4)
B = M > 0
W = noise(6, 3, 3, 3, seed=2) / 5
GRID = noise(2, 4, 5, 2, seed=3).clamp(-1.2, 1.2)
GRID3 = noise(2, 2, 3, 4, 3, seed=3).clamp(-1, 1)
KERNELS = {shape: noise(*shape, seed=1) for shape in [(4, 3, 5), (4, 3, 3), (3, 1, 5), (3, 4, 4), (3, 2, 2, 3, 3), (2, 3, 2, 2, 2)]}
D = M.double()
H = M.half()

UNARY = """abs acos asin atan ceil cos cosh erf exp expm1 floor frac log log1p log2 log10 neg reciprocal relu round rsqrt
sigmoid sign sin sinh sqrt square tan tanh trunc erfc logit exp2 asinh atanh acosh sinc""".split()
ACTIVATIONS = {
    "celu": lambda x: F.celu(x, 0.7),
    "elu": lambda x: F.elu(x, 0.5),
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "glu": F.glu,
    "hardshrink": F.hardshrink,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 0.5),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "logsigmoid": F.logsigmoid,
    "mish": F.mish,
    "relu6": F.relu6,
    "selu": F.selu,
    "silu": F.silu,
    "softplus": lambda x: F.softplus(x, beta=2.0),
    "softshrink": F.softshrink,
    "softsign": F.softsign,
    "softmin": lambda x: F.softmin(x, dim=1),
    "tanhshrink": F.tanhshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 9.0),
    "log_softmax": lambda x: F.log_softmax(x, dim=0),
    "normalize": lambda x: F.normalize(x, p=2, dim=1),
}
PAIRS = {
    "add": torch.add,
    "add_scaled": lambda a, b: torch.add(a, b, alpha=2),
    "atan2": torch.atan2,
    "bitwise_and": lambda a, b: (a > 0).int() & (b > 0).int(),
    "copysign": torch.copysign,
    "cross_dist": lambda a, b: torch.cdist(a, b),
    "cross_dist_1": lambda a, b: torch.cdist(a, b, p=1.0),
    "cosine_similarity": lambda a, b: F.cosine_similarity(a, b, dim=1),
    "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"),
    "div_trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"),
    "dot": lambda a, b: torch.dot(a.flatten(), b.flatten()),
    "equal": lambda a, b: a.round() == b.round(),
    "floor_divide": lambda a, b: torch.floor_divide(a, b),
    "fmod": lambda a, b: torch.fmod(a, b),
    "remainder": lambda a, b: torch.remainder(a, b),
    "hypot": lambda a, b: torch.sqrt(a * a + b * b),
    "lerp": lambda a, b: torch.lerp(a, b, 0.3),
    "logaddexp": torch.logaddexp,
    "logical": lambda a, b: torch.logical_xor(a > 0, b > 0) | torch.logical_not(a > 1),
    "matmul_t": lambda a, b: a @ b.T,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "mse": F.mse_loss,
    "smooth_l1": F.smooth_l1_loss,
    "outer": lambda a, b: torch.outer(a[0], b[0]),
    "pow": lambda a, b: a.abs() ** b,
    "where": lambda a, b: torch.where(a > b, a, b * 2),
    "xlogy": lambda a, b: torch.xlogy(a.abs(), b.abs()),
    "stack": lambda a, b: torch.stack([a, b], dim=1),
    "cat": lambda a, b: torch.cat([a, b, a], dim=-1),
    "addmm": lambda a, b: torch.addmm(a[:, :4], a, b.T, beta=0.5, alpha=2.0),
    "bmm": lambda a, b: torch.bmm(a[None].repeat(3, 1, 1), b.T[None].repeat(3, 1, 1)),
    "einsum": lambda a, b: torch.einsum("ij,kj->ik", a, b),
    "einsum_batch": lambda a, b: torch.einsum("bhi,bhj->bij", a.view(2, 2, 6), b.view(2, 2, 6)),
    "einsum_diagonal": lambda a, b: torch.einsum("ii,jk->ik", a[:, :4], b[:, :4]),
    "kron": torch.kron,
    "isclose": lambda a, b: torch.isclose(a, b, atol=1.0),
    "tensordot": lambda a, b: torch.tensordot(a, b, dims=([0], [0])),
}
REDUCTIONS = {
    "all": lambda x: (x > -1).all(dim=1),
    "amax": lambda x: x.amax(dim=(0, 1)),
    "amin": lambda x: x.amin(dim=1, keepdim=True),
    "aminmax": lambda x: torch.aminmax(x, dim=1),
    "any": lambda x: (x > 1).any(),
    "argmax": lambda x: x.argmax(dim=1),
    "argmax_flat": lambda x: x.argmax(),
    "argmin": lambda x: x.argmin(dim=0, keepdim=True),
    "argsort": lambda x: x.argsort(dim=1, descending=True),
    "cumsum": lambda x: x.cumsum(dim=1),
    "cumprod": lambda x: x.cumprod(dim=1),
    "logsumexp": lambda x: x.logsumexp(dim=1),
    "max": lambda x: x.max(dim=1),
    "max_flat": lambda x: x.max(),
    "mean": lambda x: x.mean(dim=(0, 1)),
    "median": lambda x: x.median(dim=1).values,
    "min": lambda x: x.min(dim=0),
    "norm": lambda x: x.norm(dim=1),
    "norm_1": lambda x: x.norm(p=1, dim=0),
    "norm_inf": lambda x: torch.linalg.vector_norm(x, ord=float("inf"), dim=1),
    "prod": lambda x: x.prod(dim=1),
    "std": lambda x: x.std(dim=1),
    "std_mean": lambda x: torch.std_mean(x, dim=1, unbiased=False),
    "sum": lambda x: x.sum(dim=1, keepdim=True),
    "sum_all": lambda x: x.sum(),
    "var": lambda x: x.var(dim=0),
    "var_mean": lambda x: torch.var_mean(x, dim=(0, 1)),
    "sort": lambda x: torch.sort(x, dim=1),
    "topk": lambda x: torch.topk(x, 3, dim=1),
    "topk_smallest": lambda x: torch.topk(x, 2, dim=0, largest=False),
    "unique": lambda x: torch.unique(x.round()),
    "nonzero": lambda x: torch.nonzero(x > 0),
    "bincount": lambda x: torch.bincount((x.flatten().abs() * 2).long(), minlength=4),
    "histogram": lambda x: torch.histc(x, bins=5, min=-2.0, max=2.0),
}
SHAPES = {
    "as_strided": lambda x: x.as_strided((3, 3), (6, 1)),
    "chunk": lambda x: torch.chunk(x, 3, dim=1),
    "diagonal": lambda x: x.diagonal(),
    "diag": lambda x: torch.diag(x[0]),
    "expand": lambda x: x[:, None].expand(-1, 3, -1),
    "flip": lambda x: x.flip(0, 1),
    "flatten": lambda x: x.flatten(),
    "full_like": lambda x: torch.full_like(x, 2.5) + x,
    "meshgrid": lambda x: torch.meshgrid(x[0], x[1], indexing="ij"),
    "movedim": lambda x: x.view(2, 2, 6).movedim(0, 2),
    "narrow": lambda x: x.narrow(1, 1, 3),
    "permute": lambda x: x.view(2, 2, 3, 2).permute(3, 1, 0, 2),
    "repeat": lambda x: x.repeat(2, 1, 3),
    "repeat_interleave": lambda x: x.repeat_interleave(2, dim=1),
    "roll": lambda x: x.roll((1, -2), dims=(0, 1)),
    "rot90": lambda x: torch.rot90(x, 1, (0, 1)),
    "select": lambda x: x.select(1, 2),
    "slice": lambda x: x[1:, ::2],
    "slice_negative": lambda x: x[-3:-1, -4:],
    "split": lambda x: torch.split(x, [1, 2, 3], dim=1),
    "squeeze": lambda x: x[:, None, :, None].squeeze(),
    "squeeze_one": lambda x: x[:, None].squeeze(1),
    "take": lambda x: torch.take(x, torch.tensor([0, 5, 23])),
    "tile": lambda x: x.tile((2, 2)),
    "transpose": lambda x: x.t(),
    "tril": lambda x: x.tril(1),
    "triu": lambda x: x.triu(-1),
    "unbind": lambda x: x.unbind(0),
    "unflatten": lambda x: x.unflatten(1, (2, 3)),
    "unfold": lambda x: x.unfold(1, 3, 1),
    "view_as": lambda x: x.view(-1, 3),
    "index": lambda x: x[torch.tensor([0, 2]), torch.tensor([1, 5])],
    "index_rows": lambda x: x[torch.tensor([3, 0, 3])],
    "index_select": lambda x: x.index_select(1, torch.tensor([5, 0, 0])),
    "masked_fill": lambda x: x.masked_fill(x > 0, -1.0),
    "masked_select": lambda x: x.masked_select(x > 0),
    "set_slice": lambda x: torch.cat([x[:, :2] * 0, x[:, 2:]], 1),
    "ones_zeros": lambda x: torch.ones(x.shape) + torch.zeros_like(x),
    "arange": lambda x: torch.arange(x.shape[1]) + x,
    "arange_float": lambda x: torch.arange(0, 3, 0.5) + x,
    "linspace": lambda x: torch.linspace(0, 1, 6) * x,
    "eye": lambda x: torch.eye(4) @ x,
    "one_hot": lambda x: F.one_hot(x.abs().long(), 5),
    "bucketize": lambda x: torch.bucketize(x, torch.tensor([-1.0, 0.0, 1.0])),
    "clamp": lambda x: x.clamp(-0.5, 0.7),
    "clamp_min": lambda x: x.clamp(min=0.1),
    "nan_to_num": lambda x: torch.nan_to_num(torch.log(x)),
    "isnan": lambda x: torch.log(x).isnan(),
    "isfinite": lambda x: (1 / (x.round())).isfinite(),
    "to_int": lambda x: x.mul(10).to(torch.int32),
    "to_bool": lambda x: x.round().bool(),
    "to_half": lambda x: x.half() * 2,
    "to_double": lambda x: x.double().sin(),
    "to_uint8": lambda x: x.abs().mul(10).to(torch.uint8),
    "bfloat16": lambda x: x.to(torch.bfloat16).float() * 2,
    "shape": lambda x: torch.tensor(x.shape[0]) + x.sum(),
    "pixel_ids": lambda x: (x.argmax(1) + 1).clamp(max=3).float(),
}
PICTURES = {
    "adaptive_avg_pool": lambda x: F.adaptive_avg_pool2d(x, (2, 4)),
    "adaptive_avg_pool_1": lambda x: F.adaptive_avg_pool2d(x, 1),
    "adaptive_max_pool": lambda x: F.adaptive_max_pool2d(x, 2),
    "avg_pool": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "avg_pool_ceil": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "avg_pool_exclude": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "max_pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "max_pool_ceil": lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True),
    "max_pool_dilated": lambda x: F.max_pool2d(x, 2, 1, dilation=2),
    "max_pool_indices": lambda x: F.max_pool2d(x, 2, return_indices=True),
    "lp_pool": lambda x: F.lp_pool2d(x, 2, 3, 2),
    "pad_reflect": lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"),
    "pad_replicate": lambda x: F.pad(x, (1, 2, 3, 0), mode="replicate"),
    "pad_circular": lambda x: F.pad(x, (1, 2, 3, 0), mode="circular"),
    "pad_constant": lambda x: F.pad(x, (1, 2, 3, 0), value=2.0),
    "pad_negative": lambda x: F.pad(x, (-1, 2, -2, 0)),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: x.view(2, 3, 1, 8, 8).transpose(1, 2).reshape(2, 3, 8, 8),
    "interpolate_nearest": lambda x: F.interpolate(x, scale_factor=2.0),
    "interpolate_nearest_size": lambda x: F.interpolate(x, size=(5, 11)),
    "interpolate_nearest_exact": lambda x: F.interpolate(x, size=(5, 11), mode="nearest-exact"),
    "interpolate_bilinear": lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"),
    "interpolate_bilinear_corners": lambda x: F.interpolate(x, size=(13, 5), mode="bilinear", align_corners=True),
    "interpolate_bicubic": lambda x: F.interpolate(x, scale_factor=2.0, mode="bicubic"),
    "interpolate_bicubic_corners": lambda x: F.interpolate(x, size=(5, 12), mode="bicubic", align_corners=True),
    "interpolate_area": lambda x: F.interpolate(x, size=(4, 4), mode="area"),
    "interpolate_antialias": lambda x: F.interpolate(x, size=(5, 4), mode="bilinear", antialias=True),
    "group_norm": lambda x: F.group_norm(x, 3),
    "group_norm_1": lambda x: F.group_norm(x, 1),
    "instance_norm": lambda x: F.instance_norm(x),
    "layer_norm": lambda x: F.layer_norm(x, (8, 8)),
    "layer_norm_last": lambda x: F.layer_norm(x, (8,)),
    "rms_norm": lambda x: F.rms_norm(x, (8,)),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    "conv": lambda x: F.conv2d(x, W, padding=1),
    "conv_same": lambda x: F.conv2d(x, W, padding="same"),
    "conv_dilated": lambda x: F.conv2d(x, W, dilation=2, stride=2),
    "conv_grouped": lambda x: F.conv2d(x, W[:, :1], groups=3),
    "conv_transpose": lambda x: F.conv_transpose2d(x, W[:3], stride=2, padding=1, output_padding=1),
    "conv_transpose_grouped": lambda x: F.conv_transpose2d(x, W[:3], stride=2, groups=3, dilation=2),
    "unfold": lambda x: F.unfold(x, 3, padding=1),
    "grid_sample": lambda x: F.grid_sample(x, GRID, align_corners=False),
    "grid_sample_nearest": lambda x: F.grid_sample(
        x, GRID, mode="nearest", padding_mode="border", align_corners=True
    ),
    "grid_sample_cubic": lambda x: F.grid_sample(
        x, GRID, mode="bicubic", padding_mode="reflection", align_corners=False
    ),
    "softmax_channels": lambda x: torch.softmax(x, dim=1),
    "channel_mean": lambda x: x.mean((2, 3)),
    "upsample_then_crop": lambda x: F.interpolate(x, scale_factor=2)[:, :, 1:-1, 2:-3],
}
LINES = {
    "conv1d": lambda x: F.conv1d(x, KERNELS[4, 3, 5], stride=2, padding=2),
    "conv1d_causal": lambda x: F.conv1d(F.pad(x, (4, 0)), KERNELS[4, 3, 3], dilation=2),
    "conv1d_depthwise": lambda x: F.conv1d(x, KERNELS[3, 1, 5], groups=3),
    "conv_transpose1d": lambda x: F.conv_transpose1d(x, KERNELS[3, 4, 4], stride=3),
    "avg_pool1d": lambda x: F.avg_pool1d(x, 4, 3, 1),
    "max_pool1d": lambda x: F.max_pool1d(x, 3, 2),
    "interpolate_linear": lambda x: F.interpolate(x, size=29, mode="linear"),
    "adaptive1d": lambda x: F.adaptive_avg_pool1d(x, 1),
    "pad1d": lambda x: F.pad(x, (3, 1), mode="reflect"),
    "stft_real": lambda x: torch.view_as_real(torch.stft(x[:, 0], 8, 4, window=torch.hann_window(8), center=False, return_complex=True)),
    "rfft": lambda x: torch.view_as_real(torch.fft.rfft(x)),
    "fft_magnitude": lambda x: torch.fft.fft(x).abs(),
}
VOLUMES = {
    "conv3d": lambda x: F.conv3d(x, KERNELS[3, 2, 2, 3, 3], padding=1, stride=(1, 2, 2)),
    "conv_transpose3d": lambda x: F.conv_transpose3d(x, KERNELS[2, 3, 2, 2, 2], stride=2),
    "max_pool3d": lambda x: F.max_pool3d(x, 2),
    "avg_pool3d": lambda x: F.avg_pool3d(x, 2, padding=1),
    "interpolate_trilinear": lambda x: F.interpolate(x, size=(3, 7, 9), mode="trilinear"),
    "interpolate3d_nearest": lambda x: F.interpolate(x, scale_factor=2.0),
    "batch_norm3d": lambda x: F.batch_norm(x, torch.zeros(2), torch.ones(2)),
    "grid_sample3d": lambda x: F.grid_sample(x, GRID3, align_corners=False),
}
GATHERS = {
    "gather": lambda x, i: torch.gather(x, 1, i),
    "scatter": lambda x, i: torch.scatter(x, 1, i, x * 2),
    "scatter_value": lambda x, i: torch.scatter(x, 1, i, 7.0),
    "scatter_add": lambda x, i: torch.scatter_add(torch.zeros_like(x), 1, i, x),
    "scatter_reduce_amax": lambda x, i: torch.scatter_reduce(x, 1, i, x * 2, reduce="amax"),
    "scatter_reduce_mean": lambda x, i: torch.scatter_reduce(x, 1, i, x * 2, reduce="sum"),
    "index_put": lambda x, i: torch.index_put(x, (i[0, :4] % 4, i[1, :4]), x[0, :4]),
    "index_add": lambda x, i: torch.index_add(x, 1, i[0], x),
    "embedding": lambda x, i: F.embedding(i, x.T.contiguous()),
    "embedding_bag": lambda x, i: F.embedding_bag(i, x.T.contiguous(), mode="mean"),
    "take_along": lambda x, i: torch.take_along_dim(x, i, dim=1),
    "cross_entropy": lambda x, i: F.cross_entropy(x, i[:, 0]),
    "nll": lambda x, i: F.nll_loss(F.log_softmax(x, 1), i[:, 1], reduction="none"),
    "index_two": lambda x, i: x[:, i[0]][i[1, :3] % 4],
}


def make() -> list:
    made = []
    for name in UNARY:
        call = getattr(torch, name)
        example = torch.sigmoid(M) if name in ("acos", "asin", "logit", "atanh") else POSITIVE + 1 if name == "acosh" else POSITIVE if name.startswith(("log", "sqrt", "rsqrt", "recip")) else M
        made += function(name, call, example)
    for table, examples in [
        (ACTIVATIONS, (M,)), (PAIRS, (M, N)), (REDUCTIONS, (M,)), (SHAPES, (M,)), (PICTURES, (X,)), (LINES, (S,)),
        (VOLUMES, (V,)), (GATHERS, (M, J)),
    ]:  # fmt: skip
        for name, call in table.items():
            made += function(f"{table_name(table)}_{name}", call, *examples)
    for name in ("gelu", "silu", "softplus", "log_softmax", "mish"):
        made += function(f"half_{name}", ACTIVATIONS[name], H, rtol=1e-2, atol=1e-2)
        made += function(f"double_{name}", ACTIVATIONS[name], D)
    for name in ("mean", "var", "argmax", "topk", "cumsum", "logsumexp"):
        made += function(f"double_{name}", REDUCTIONS[name], D)
    for name in ("interpolate_bilinear", "interpolate_bicubic", "avg_pool", "group_norm", "conv"):
        made += function(f"free_{name}", PICTURES[name], X, free=True)
        made += function(f"newest_{name}", PICTURES[name], X, opset=20, new_opset=22)
    for name in ("layer_norm", "rms_norm", "group_norm"):
        made += function(f"opset23_{name}", PICTURES[name], X, opset=20, new_opset=23)
    integers = {
        "floor_div": lambda i: i // 3,
        "remainder": lambda i: i % 3,
        "remainder_negative": lambda i: (i - 4) % 3,
        "shift": lambda i: (i << 2) + (i >> 1),
        "bits": lambda i: (i & 3) | (i ^ 5),
        "pow": lambda i: i**2,
        "sum": lambda i: i.sum(1),
        "mean": lambda i: i.float().mean(1),
        "cumsum": lambda i: i.cumsum(0),
        "max": lambda i: i.max(1),
        "sort": lambda i: i.sort(dim=1, stable=True).values,
        "compare": lambda i: (i >= 3) & (i != 5),
        "true_divide": lambda i: i / 4,
        "bitwise_not": lambda i: ~i,
        "abs_neg": lambda i: (-i).abs(),
        "clamp": lambda i: i.clamp(1, 4),
    }
    for name, call in integers.items():
        made += function(f"integers_{name}", call, I)
        made += function(f"int32_{name}", call, I.int())
    return made


def table_name(table) -> str:
    return next(name for name, value in globals().items() if value is table).lower()


ENTRIES = make()
