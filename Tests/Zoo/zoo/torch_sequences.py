"""Networks over sequences: recurrent layers, transformers, decoders with a cache of keys and values, audio."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .torch_common import both, dynamo, noise, script, tokens

TIME = {"x": {0: "batch", 1: "length"}, "y": {0: "batch", 1: "length"}}
BATCH = {"x": {0: "batch"}, "y": {0: "batch"}}


class Recurrent(nn.Module):
    """A recurrent layer and a head; `states` also returns the last hidden state."""

    def __init__(self, kind, states=False, **details):
        super().__init__()
        self.layer = kind(5, 7, batch_first=True, **details)
        ways = 2 if details.get("bidirectional") else 1
        self.head = nn.Linear(details.get("proj_size", 0) or 7 * ways, 3)
        self.states = states

    def forward(self, x):
        y, state = self.layer(x)
        if self.states:
            return self.head(y), state[0] if isinstance(state, tuple) else state
        return self.head(y)


class Carried(nn.Module):
    """A recurrent step whose state comes from outside, as streaming serves it."""

    def __init__(self, kind):
        super().__init__()
        self.layer = kind(5, 6, 2, batch_first=True)

    def forward(self, x, h):
        return self.layer(x, h)


class CarriedLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.LSTM(5, 6, 2, batch_first=True)

    def forward(self, x, h, c):
        y, (h, c) = self.layer(x, (h, c))
        return y, h, c


class Cells(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.cell = kind(4, 5)

    def forward(self, x):
        state = None
        made = []
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
            made.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(made, 1)


class TextClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30, 8, padding_idx=0)
        self.layer = nn.GRU(8, 6, bidirectional=True, batch_first=True)
        self.head = nn.Linear(12, 4)

    def forward(self, x):
        y, _ = self.layer(self.words(x))
        mask = (x != 0).unsqueeze(-1)
        y = y.masked_fill(~mask, -1e9).max(1).values
        return torch.softmax(self.head(y), -1), torch.argmax(self.head(y), -1)


class ConvText(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30, 8)
        self.convs = nn.ModuleList(nn.Conv1d(8, 4, size) for size in (2, 3, 4))
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = self.words(x).transpose(1, 2)
        return self.head(torch.cat([F.relu(conv(x)).amax(2) for conv in self.convs], 1))


class Transformer(nn.Module):
    def __init__(self, **details):
        super().__init__()
        self.words = nn.Embedding(30, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 32, 0.1, batch_first=True, **details)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x):
        return self.layers(self.words(x) * 4)


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.layers(self.words(x), mask=mask, is_causal=True) @ self.words.weight.T


class Translator(nn.Module):
    """Encoder, decoder, cross attention."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(30, 16)
        self.inner = nn.Transformer(16, 2, 1, 1, 32, batch_first=True)

    def forward(self, source, target):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        return self.inner(self.words(source), self.words(target), tgt_mask=mask) @ self.words.weight.T


class CachedLayer(nn.Module):
    """One layer of a decoder that takes earlier keys and values and gives them back longer."""

    def __init__(self, width=16, heads=4, groups=2, fused=True):
        super().__init__()
        self.heads, self.groups, self.fused = heads, groups, fused
        size = width // heads
        self.query, self.key, self.value = nn.Linear(width, width), nn.Linear(width, groups * size), nn.Linear(width, groups * size)
        self.out, self.norm = nn.Linear(width, width), nn.LayerNorm(width)
        self.register_buffer("rates", 1.0 / 10000 ** (torch.arange(0, size, 2) / size))

    def turned(self, x, start: int):
        place = torch.arange(x.shape[2]) + start
        angle = torch.outer(place.to(x.dtype), self.rates)
        angle = torch.cat([angle, angle], -1)
        half = x.shape[-1] // 2
        return x * angle.cos() + torch.cat([-x[..., half:], x[..., :half]], -1) * angle.sin()

    def forward(self, x, past_key, past_value):
        b, t, w = x.shape
        size = w // self.heads
        y = self.norm(x)
        past = past_key.shape[2]
        q = self.turned(self.query(y).view(b, t, self.heads, size).transpose(1, 2), past)
        k = self.turned(self.key(y).view(b, t, self.groups, size).transpose(1, 2), past)
        v = self.value(y).view(b, t, self.groups, size).transpose(1, 2)
        key, value = torch.cat([past_key, k], 2), torch.cat([past_value, v], 2)
        wide_key = key.repeat_interleave(self.heads // self.groups, 1)
        wide_value = value.repeat_interleave(self.heads // self.groups, 1)
        row, column = torch.arange(t) + past, torch.arange(key.shape[2])
        mask = column[None, :] <= row[:, None]
        if self.fused:
            y = F.scaled_dot_product_attention(q, wide_key, wide_value, attn_mask=mask)
        else:
            scores = (q @ wide_key.transpose(-1, -2)) / math.sqrt(size)
            y = torch.softmax(scores.masked_fill(~mask, float("-inf")), -1) @ wide_value
        return x + self.out(y.transpose(1, 2).reshape(b, t, w)), key, value


class CachedDecoder(nn.Module):
    def __init__(self, fused=True):
        super().__init__()
        self.words = nn.Embedding(30, 16)
        self.one, self.two = CachedLayer(fused=fused), CachedLayer(fused=fused)

    def forward(self, ids, k0, v0, k1, v1):
        x = self.words(ids)
        x, k0, v0 = self.one(x, k0, v0)
        x, k1, v1 = self.two(x, k1, v1)
        return x @ self.words.weight.T, k0, v0, k1, v1


def cached_calls():
    def cache(batch, past):
        return [noise(batch, 2, past, 4, seed=i) for i in range(4)]

    return [(tokens(2, 3, 30), *cache(2, 5)), (tokens(1, 1, 30), *cache(1, 9)), (tokens(1, 6, 30), *cache(1, 1))]


CACHE_IN = ["ids", "k0", "v0", "k1", "v1"]
CACHE_OUT = ["logits", "nk0", "nv0", "nk1", "nv1"]
CACHE_FREE = {"ids": {0: "batch", 1: "length"}} | {name: {0: "batch", 2: "past"} for name in CACHE_IN[1:]}


class Mixture(nn.Module):
    """Two of four experts a token."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, 4)
        self.up, self.down = nn.Parameter(torch.randn(4, 8, 12) / 4), nn.Parameter(torch.randn(4, 12, 8) / 4)

    def forward(self, x):
        weight, chosen = torch.topk(torch.softmax(self.gate(x), -1), 2, dim=-1)
        weight = weight / weight.sum(-1, keepdim=True)
        every = torch.einsum("btd,edh->bteh", x, self.up)
        every = torch.einsum("bteh,ehd->bted", F.silu(every), self.down)
        index = chosen.unsqueeze(-1).expand(-1, -1, -1, x.shape[-1])
        return (torch.gather(every, 2, index) * weight.unsqueeze(-1)).sum(2)


class StateSpace(nn.Module):
    """A gated linear recurrence, unrolled as a product of a triangular matrix."""

    def __init__(self):
        super().__init__()
        self.decay, self.mix = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x):
        a = torch.log(torch.sigmoid(self.decay(x)))
        total = torch.cumsum(a, 1)
        weight = torch.exp(total[:, :, None] - total[:, None, :])
        weight = torch.tril(weight.permute(0, 3, 1, 2))
        return torch.einsum("bdts,bsd->btd", weight, self.mix(x))


class Alibi(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(8, 24)
        self.register_buffer("slopes", torch.tensor([0.5, 0.25]))

    def forward(self, x):
        b, t, w = x.shape
        q, k, v = self.mix(x).view(b, t, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        place = torch.arange(t)
        bias = -self.slopes[:, None, None] * (place[:, None] - place[None, :]).abs()
        return (torch.softmax(q @ k.transpose(-1, -2) / 2 + bias, -1) @ v).transpose(1, 2).flatten(2)


class Relative(nn.Module):
    """Buckets of distances, as T5 has them."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 2)

    def forward(self, x):
        place = torch.arange(x.shape[1])
        apart = place[None, :] - place[:, None]
        side = (apart > 0).long() * 4
        far = apart.abs()
        big = 2 + (torch.log(far.clamp(min=1).float() / 2) / math.log(4) * 2).long()
        bucket = side + torch.where(far < 2, far, big.clamp(max=3))
        return x + self.table(bucket).mean(1)


class MelFrontEnd(nn.Module):
    """A spectrogram by convolution with a Fourier basis, mel filters, logarithm: what speech models begin with."""

    def __init__(self, size=32, hop=16, bands=6):
        super().__init__()
        grid = torch.arange(size // 2 + 1)[:, None] * torch.arange(size)[None] * 2 * math.pi / size
        window = torch.hann_window(size)
        self.register_buffer("basis", torch.cat([grid.cos() * window, grid.sin() * window])[:, None])
        self.register_buffer("filters", torch.rand(bands, size // 2 + 1))
        self.hop = hop

    def forward(self, x):
        y = F.conv1d(F.pad(x[:, None], (16, 16), mode="reflect"), self.basis, stride=self.hop)
        real, imaginary = y.chunk(2, 1)
        mel = self.filters @ (real**2 + imaginary**2)
        log = torch.clamp(mel, min=1e-10).log10()
        return (torch.maximum(log, log.amax((1, 2), keepdim=True) - 8) + 4) / 4


class TrueSTFT(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("window", torch.hann_window(16))
        self.register_buffer("filters", torch.rand(5, 9))

    def forward(self, x):
        spectrum = torch.stft(x, 16, 8, window=self.window, center=True, pad_mode="reflect", return_complex=True)
        return torch.log1p(self.filters @ (torch.view_as_real(spectrum) ** 2).sum(-1))


class Conformer(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inside, self.deep, self.outside = nn.Conv1d(width, 2 * width, 1), nn.Conv1d(width, width, 5, padding=2, groups=width), nn.Conv1d(width, width, 1)
        self.batch = nn.BatchNorm1d(width)

    def forward(self, x):
        y = F.glu(self.inside(self.norm(x).transpose(1, 2)), dim=1)
        return x + self.outside(F.silu(self.batch(self.deep(y)))).transpose(1, 2)


class Pointer(nn.Module):
    """Masks from lengths, scores, the best place."""

    def forward(self, x, lengths):
        mask = torch.arange(x.shape[1])[None] < lengths[:, None]
        scores = x.sum(-1).masked_fill(~mask, -1e4)
        return torch.softmax(scores, 1), scores.argmax(1), (mask.float().unsqueeze(-1) * x).sum(1) / lengths[:, None]


def lines(width=5, calls=((2, 6), (3, 4))):
    return lambda: [(noise(batch, length, width, seed=batch),) for batch, length in calls]


def ids(calls=((2, 6), (1, 9))):
    return lambda: [(tokens(batch, length, 30, seed=batch),) for batch, length in calls]


def fixed_ids():
    return [(tokens(2, 6, 30),)]


class HalfOf(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.inner = make().half()

    def forward(self, *x):
        return self.inner(*x)


KINDS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
FORMS = {
    "plain": {},
    "two_way": {"bidirectional": True},
    "layers": {"num_layers": 3},
    "two_way_layers": {"num_layers": 2, "bidirectional": True},
    "no_bias": {"bias": False},
}

ENTRIES = [
    *[
        script(f"{kind}_{form}", lambda layer=layer, details=details: Recurrent(layer, **details), lines(), free=TIME)
        for kind, layer in KINDS.items()
        for form, details in FORMS.items()
    ],
    *[
        dynamo(f"{kind}_{form}", lambda layer=layer, details=details: Recurrent(layer, **details), lines(calls=((2, 6),)))
        for kind, layer in KINDS.items()
        for form, details in FORMS.items()
    ],
    *[
        entry
        for kind, layer in KINDS.items()
        for entry in both(f"{kind}_states", lambda layer=layer: Recurrent(layer, True, num_layers=2), lines(calls=((2, 6),)), outputs=["y", "h"])
    ],
    *both("lstm_projected", lambda: Recurrent(nn.LSTM, proj_size=4), lines(calls=((2, 6),))),
    *both("rnn_relu", lambda: Recurrent(nn.RNN, nonlinearity="relu"), lines(calls=((2, 6),))),
    *[script(f"lstm_opset{opset}", lambda: Recurrent(nn.LSTM, bidirectional=True), lines(), free=TIME, opset=opset) for opset in (9, 11, 14)],
    *[script(f"gru_opset{opset}", lambda: Recurrent(nn.GRU), lines(), free=TIME, opset=opset) for opset in (9, 12, 20)],
    *[
        entry
        for kind, layer in (("rnn", nn.RNN), ("gru", nn.GRU))
        for entry in both(f"{kind}_carried", lambda layer=layer: Carried(layer), lambda: [(noise(2, 3, 5), noise(2, 2, 6))], ["x", "h"], ["y", "hn"])
    ],
    *both("lstm_carried", CarriedLSTM, lambda: [(noise(2, 3, 5), noise(2, 2, 6), noise(2, 2, 6, seed=1))], ["x", "h", "c"], ["y", "hn", "cn"]),
    *[entry for kind, cell in (("rnn", nn.RNNCell), ("gru", nn.GRUCell), ("lstm", nn.LSTMCell)) for entry in both(f"{kind}_cell", lambda cell=cell: Cells(cell), lambda: [(noise(2, 3, 4),)])],
    *both("text_classifier", TextClassifier, fixed_ids, outputs=["scores", "label"]),
    script("text_classifier_free", TextClassifier, ids(), outputs=["scores", "label"], free={"x": {0: "batch", 1: "length"}}),
    *both("conv_text", ConvText, ids(), free={"x": {0: "batch", 1: "length"}, "y": {0: "batch"}}),
    *both("transformer_post", Transformer, fixed_ids),
    *both("transformer_pre_gelu", lambda: Transformer(norm_first=True, activation="gelu"), fixed_ids),
    *both("causal", Causal, fixed_ids),
    script("transformer_batch", Transformer, ids(((2, 6), (1, 6))), free=BATCH),
    dynamo("transformer_free", Transformer, ids(((2, 6), (3, 9))), free=TIME),
    dynamo("causal_free", Causal, ids(((2, 6), (3, 9))), free=TIME),
    dynamo("transformer_opset23", Transformer, fixed_ids, opset=23),
    *both("translator", Translator, lambda: [(tokens(2, 6, 30), tokens(2, 4, 30, seed=1))], ["source", "target"], ["y"]),
    *both("cached_decoder_fused", CachedDecoder, cached_calls, CACHE_IN, CACHE_OUT, CACHE_FREE),
    *both("cached_decoder_written", lambda: CachedDecoder(False), cached_calls, CACHE_IN, CACHE_OUT, CACHE_FREE),
    dynamo("cached_decoder_opset23", CachedDecoder, cached_calls, CACHE_IN, CACHE_OUT, CACHE_FREE, opset=23),
    dynamo("cached_decoder_unoptimised", CachedDecoder, cached_calls, CACHE_IN, CACHE_OUT, CACHE_FREE, optimize=False),
    *both("mixture", Mixture, lines(8), free=TIME),
    *both("state_space", StateSpace, lines(6), free=TIME),
    *both("alibi", Alibi, lines(8), free=TIME),
    *both("relative", Relative, lines(2), free=TIME),
    *both("mel_front_end", MelFrontEnd, lambda: [(noise(2, 160),), (noise(1, 320),)], free={"x": {0: "batch", 1: "time"}, "y": {0: "batch"}}),
    *both("true_stft", TrueSTFT, lambda: [(noise(2, 96),)]),
    *both("conformer", Conformer, lines(8), free=TIME),
    *both("pointer", Pointer, lambda: [(noise(2, 6, 4), torch.tensor([6, 3])), (noise(3, 5, 4), torch.tensor([1, 5, 2]))], ["x", "lengths"], ["weights", "best", "mean"],
          {"x": {0: "batch", 1: "length"}, "lengths": {0: "batch"}}),
    *both("half_conformer", lambda: HalfOf(Conformer), lambda: [(noise(2, 6, 8).half(),)], rtol=2e-2, atol=2e-2),
    *both("half_transformer", lambda: HalfOf(Transformer), fixed_ids, rtol=2e-2, atol=2e-2),
    *both("half_mixture", lambda: HalfOf(Mixture), lambda: [(noise(2, 6, 8).half(),)], rtol=2e-2, atol=2e-2),
    *both("half_lstm", lambda: HalfOf(lambda: Recurrent(nn.LSTM)), lambda: [(noise(2, 6, 5).half(),)], rtol=2e-2, atol=2e-2),
    *both("double_conformer", lambda: Conformer().double(), lambda: [(noise(2, 6, 8).double(),)]),
]
