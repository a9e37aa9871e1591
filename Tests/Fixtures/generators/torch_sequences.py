"""Recurrent networks and transformers, all small, with random weights, batch and length free."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .torch_common import both, dynamo, noise, padding, script, tokens

WORDS = 40

# The fused layer that torch uses in inference has no ONNX form.
torch.backends.mha.set_fastpath_enabled(False)


class Recurrent(nn.Module):
    """The whole sequence and the last states, batch first."""

    def __init__(self, kind, **details):
        super().__init__()
        self.cell = kind(6, 8, batch_first=True, **details)

    def forward(self, x):
        return self.cell(x)


class Tagger(nn.Module):
    """Words in, a score a word out: embedding, two-way LSTM of two layers, linear."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 6, padding_idx=0)
        self.cell = nn.LSTM(6, 7, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(14, 5)

    def forward(self, ids):
        return self.head(self.cell(self.words(ids))[0])


class Transformer(nn.TransformerEncoder):
    """PyTorch's own transformer layers, norm first."""

    def __init__(self):
        layer = nn.TransformerEncoderLayer(6, 2, 12, batch_first=True, norm_first=True)
        super().__init__(layer, 2, enable_nested_tensor=False)


class WrittenAttention(nn.Module):
    """Attention spelled out in products and a softmax."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def split(self, x):
        batch, length, width = x.shape
        return x.view(batch, length, self.heads, width // self.heads).transpose(1, 2)

    def forward(self, x, mask):
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        return self.out(self.mixed(query, key, value, mask).transpose(1, 2).flatten(2))

    def mixed(self, query, key, value, mask):
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
        return torch.softmax(scores + mask, dim=-1) @ value


class FusedAttention(WrittenAttention):
    """Attention by PyTorch's own function, which each exporter takes apart in its way."""

    def mixed(self, query, key, value, mask):
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)


class Layer(nn.Module):
    def __init__(self, attention, width: int, heads: int, gelu: str):
        super().__init__()
        self.attention = attention(width, heads)
        self.first, self.second = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(approximate=gelu), nn.Linear(2 * width, width))

    def forward(self, x, mask):
        x = self.first(x + self.attention(x, mask))
        return self.second(x + self.feed(x))


class Encoder(nn.Module):
    """BERT in small: three embeddings, two layers, the mean of the unmasked places, length one."""

    def __init__(self, attention, gelu="none", square=False):
        super().__init__()
        self.words, self.places, self.kinds = nn.Embedding(WORDS, 8), nn.Embedding(16, 8), nn.Embedding(2, 8)
        self.norm = nn.LayerNorm(8, eps=1e-12)
        self.layers = nn.ModuleList(Layer(attention, 8, 2, gelu) for _ in range(2))
        self.square = square

    def forward(self, input_ids, attention_mask, token_type_ids):
        places = torch.arange(input_ids.shape[1], device=input_ids.device).unsqueeze(0)
        x = self.norm(self.words(input_ids) + self.places(places) + self.kinds(token_type_ids))
        mask = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        if self.square:
            mask = mask.expand(-1, -1, input_ids.shape[1], -1)
        for layer in self.layers:
            x = layer(x, mask)
        weight = attention_mask.unsqueeze(-1).to(x.dtype)
        pooled = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return x, F.normalize(pooled, dim=-1)


class Decoder(nn.Module):
    """A causal language model in small: learned places, layers that look back only, the embedding again as head."""

    def __init__(self, attention):
        super().__init__()
        self.words, self.places = nn.Embedding(WORDS, 8), nn.Embedding(16, 8)
        self.layers = nn.ModuleList(Layer(attention, 8, 2, "tanh") for _ in range(2))
        self.norm = nn.LayerNorm(8)

    def forward(self, input_ids):
        length = input_ids.shape[1]
        place = torch.arange(length, device=input_ids.device)
        mask = torch.where(place[None, :] > place[:, None], float("-inf"), 0.0)
        x = self.words(input_ids) + self.places(place)
        for layer in self.layers:
            x = layer(x, mask)
        return F.linear(self.norm(x), self.words.weight)


class Rotary(nn.Module):
    """What newer language models are made of: RMS norm, rotated queries, shared key heads, gated linear units."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(WORDS, 16)
        self.norms = nn.ParameterList(nn.Parameter(torch.rand(16) + 0.5) for _ in range(3))
        self.query, self.key, self.value = nn.Linear(16, 16, False), nn.Linear(16, 8, False), nn.Linear(16, 8, False)
        self.out, self.gate, self.up, self.down = (
            nn.Linear(16, 16, False),
            nn.Linear(16, 24, False),
            nn.Linear(16, 24, False),
            nn.Linear(24, 16, False),
        )
        self.register_buffer("rates", 1.0 / 10000 ** (torch.arange(0, 4, 2) / 4))

    def normed(self, x, which: int):
        return self.norms[which] * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    def rotated(self, x):
        angle = torch.outer(torch.arange(x.shape[2], device=x.device).to(x.dtype), self.rates)
        angle = torch.cat([angle, angle], -1)
        first, second = x.chunk(2, -1)
        return x * angle.cos() + torch.cat([-second, first], -1) * angle.sin()

    def attention(self, x):
        batch, length, _ = x.shape
        query = self.rotated(self.query(x).view(batch, length, 4, 4).transpose(1, 2))
        key = self.rotated(self.key(x).view(batch, length, 2, 4).transpose(1, 2)).repeat_interleave(2, dim=1)
        value = self.value(x).view(batch, length, 2, 4).transpose(1, 2).repeat_interleave(2, dim=1)
        mask = torch.full((length, length), float("-inf"), device=x.device).triu(1)
        weights = torch.softmax(query @ key.transpose(-1, -2) / 2 + mask, dim=-1)
        return self.out((weights @ value).transpose(1, 2).reshape(batch, length, 16))

    def forward(self, input_ids):
        x = self.words(input_ids)
        x = x + self.attention(self.normed(x, 0))
        inner = self.normed(x, 1)
        x = x + self.down(F.silu(self.gate(inner)) * self.up(inner))
        return F.linear(self.normed(x, 2), self.words.weight)


def series():
    return [(noise(3, 7, 6),), (noise(1, 4, 6, seed=1),)]


def sentences():
    return [(tokens(3, 9, WORDS),), (tokens(1, 5, WORDS, seed=1),)]


def masked_sentences():
    kinds = tokens(3, 9, 2, seed=2)
    return [
        (tokens(3, 9, WORDS), padding(9, 4, 6), kinds),
        (tokens(1, 5, WORDS, seed=1), padding(5), kinds[:1, :5]),
        (tokens(2, 12, WORDS, seed=3), padding(12, 1), tokens(2, 12, 2, seed=4)),
    ]


TIME = {"x": {0: "batch", 1: "length"}, "y": {0: "batch", 1: "length"}}
IDS = {"ids": {0: "batch", 1: "length"}, "scores": {0: "batch", 1: "length"}}
# Not "embedding": the dynamo exporter then gives two values that name.
OUTPUTS = ["last_hidden_state", "sentence"]
ENCODER = {
    "input_ids": {0: "batch", 1: "length"},
    "attention_mask": {0: "batch", 1: "length"},
    "token_type_ids": {0: "batch", 1: "length"},
    "last_hidden_state": {0: "batch", 1: "length"},
    "sentence": {0: "batch"},
}
DECODER = {"input_ids": {0: "batch", 1: "length"}, "logits": {0: "batch", 1: "length"}}


def encoder(name: str, attention, **details):
    return both(name, lambda: Encoder(attention), masked_sentences, list(ENCODER)[:3], OUTPUTS, ENCODER, **details)


def encoder_variant(exporter, name: str, make, **details):
    return exporter(name, make, masked_sentences, list(ENCODER)[:3], OUTPUTS, ENCODER, **details)


def decoder(name: str, make, **details):
    return both(name, make, sentences, ["input_ids"], ["logits"], DECODER, **details)


def one_length(*batches: int):
    """For models that keep the length (and some the batch) of the example they were exported with."""
    return [(noise(batch, 5, 6, seed=seed),) for seed, batch in enumerate(batches)]


def fixed_and_free(name: str, make, outputs):
    """These the dynamo exporter makes for the shape of its example only, whatever axes are said to be free."""
    return [
        script(f"{name}_script", make, series, ["x"], outputs, TIME),
        dynamo(f"{name}_dynamo", make, lambda: one_length(2, 2), ["x"], outputs),
    ]


RECIPES = [
    *both("lstm", lambda: Recurrent(nn.LSTM), series, ["x"], ["y", "hidden", "cell"], TIME),
    *both("gru", lambda: Recurrent(nn.GRU), series, ["x"], ["y", "hidden"], TIME),
    *fixed_and_free("lstm_two_way", lambda: Recurrent(nn.LSTM, bidirectional=True), ["y", "hidden", "cell"]),
    *fixed_and_free("gru_two_way", lambda: Recurrent(nn.GRU, bidirectional=True), ["y", "hidden"]),
    *fixed_and_free("rnn_tanh", lambda: Recurrent(nn.RNN), ["y", "hidden"]),
    *fixed_and_free("rnn_relu", lambda: Recurrent(nn.RNN, nonlinearity="relu"), ["y", "hidden"]),
    script("transformer_script", Transformer, lambda: one_length(3, 1), ["x"], ["y"], {"x": {0: "n"}, "y": {0: "n"}}),
    dynamo("transformer_dynamo", Transformer, lambda: one_length(2, 2), ["x"], ["y"]),
    *both("tagger", Tagger, sentences, ["ids"], ["scores"], IDS, opset=14),
    *encoder("encoder_written", WrittenAttention, opset=14, new_opset=18),
    *encoder("encoder_fused", FusedAttention, opset=17, new_opset=20),
    encoder_variant(dynamo, "encoder_fused_opset23_dynamo", lambda: Encoder(FusedAttention, square=True), opset=23),
    encoder_variant(dynamo, "encoder_plain_dynamo", lambda: Encoder(FusedAttention), optimize=False),
    encoder_variant(script, "encoder_written_opset11_script", lambda: Encoder(WrittenAttention, "tanh"), opset=11),
    *decoder("decoder_written", lambda: Decoder(WrittenAttention)),
    *decoder("decoder_fused", lambda: Decoder(FusedAttention)),
    *decoder("decoder_rotary", Rotary, opset=15),
]
