"""Models that ONNX Runtime quantises to 8 bits, statically and dynamically; the expected values are ONNX Runtime's.

One unit of a quantised output is allowed, since the order of the float operations around a rounding is free.

The models are run as the quantiser writes them. Those that ONNX Runtime's optimiser has fused (`ORT_ENABLE_EXTENDED`) differ
by a unit from one node on, `QLinearSoftmax` (lenet and transformer, 6 of 49; every node before it agrees to the bit): ONNX
Runtime multiplies by floor(1 / scale), which for the usual scale of 1/255 is 254 (in float32 1/255 is a little more), and is
so off by one from the softmax in a sixth of the elements; with scales such as 1/256 or 0.01 it agrees. This engine gives the
rounded softmax, as ONNX Runtime does for the model before it is fused.
"""

import logging
import pathlib
import tempfile

import numpy as np
import onnx
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType

from . import sklearn_common, torch_sequences, torch_vision  # noqa: F401
from .common import DataSet, Entry, Fixture, session
from .torch_common import noise, script, tokens

logging.getLogger().setLevel(logging.ERROR)


class Samples(CalibrationDataReader):
    def __init__(self, feeds):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


SOURCES = {
    "lenet": (script("x", torch_vision.LeNet, lambda: [(noise(2, 1, 28, 28),)], opset=17), lambda seed: {"x": noise(2, 1, 28, 28, seed=seed).numpy()}),
    "residual": (script("x", torch_vision.Residual, lambda: [(noise(2, 3, 32, 32),)], opset=17), lambda seed: {"x": noise(2, 3, 32, 32, seed=seed).numpy()}),
    "mobile": (script("x", lambda: torch_vision.Mobile(torch_vision.nn.ReLU), lambda: [(noise(2, 3, 32, 32),)], opset=17), lambda seed: {"x": noise(2, 3, 32, 32, seed=seed).numpy()}),
    "unet": (script("x", torch_vision.UNet, lambda: [(noise(1, 2, 16, 16),)], opset=17), lambda seed: {"x": noise(1, 2, 16, 16, seed=seed).numpy()}),
    "transformer": (script("x", torch_sequences.Transformer, lambda: [(tokens(2, 6, 30),)], opset=17), lambda seed: {"x": tokens(2, 6, 30, seed=seed).numpy()}),
    "lstm": (script("x", lambda: torch_sequences.Recurrent(torch_sequences.nn.LSTM), lambda: [(noise(2, 6, 5),)], opset=17), lambda seed: {"x": noise(2, 6, 5, seed=seed).numpy()}),
    "conv_text": (script("x", torch_sequences.ConvText, lambda: [(tokens(2, 9, 30),)], opset=17), lambda seed: {"x": tokens(2, 9, 30, seed=seed).numpy()}),
}  # fmt: skip


def quantised(name: str, source: str, how) -> Entry:
    """`how(float model's path, quantised model's path, feeds)` quantises."""

    def build() -> Fixture:
        recipe, feed = SOURCES[source]
        with tempfile.TemporaryDirectory() as folder:
            before, after = pathlib.Path(folder) / "float.onnx", pathlib.Path(folder) / "small.onnx"
            onnx.save(recipe.build().model, before)
            how(str(before), str(after), [feed(seed) for seed in range(4)])
            model = onnx.load(after)
        runtime = session(model)
        data_sets = [DataSet(feed(seed), runtime.run(None, feed(seed))) for seed in (0, 9)]
        unit = max(float(np.abs(output).max()) for one in data_sets for output in one.outputs) / 100
        return Fixture(model, data_sets, {"onnxruntime": "1.31.1"}, rtol=1e-2, atol=2 * unit)

    return Entry(name, build)


def dynamic(**details):
    return lambda before, after, feeds: quantization.quantize_dynamic(before, after, **details)


def static(**details):
    def quantise(before, after, feeds):
        quantization.quantize_static(before, after, Samples(feeds), **details)

    return quantise


def shaped(how):
    """After shape inference and folding, as the quantiser's own guide asks."""

    def quantise(before, after, feeds):
        quantization.shape_inference.quant_pre_process(before, before + ".pre", skip_symbolic_shape=True)
        how(before + ".pre", after, feeds)

    return quantise


DYNAMIC = {
    "dynamic_int8": dynamic(weight_type=QuantType.QInt8),
    "dynamic_uint8": dynamic(weight_type=QuantType.QUInt8),
    "dynamic_per_channel": dynamic(weight_type=QuantType.QInt8, per_channel=True),
}
STATIC = {
    "qdq_uint8_int8": static(quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8),
    "qdq_int8_int8": static(quant_format=QuantFormat.QDQ, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
    "qdq_per_channel": static(quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
    "qdq_16": static(quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt16, weight_type=QuantType.QInt8),
    "operators_uint8": static(quant_format=QuantFormat.QOperator, activation_type=QuantType.QUInt8, weight_type=QuantType.QUInt8),
    "operators_int8": static(quant_format=QuantFormat.QOperator, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
    "operators_per_channel": static(quant_format=QuantFormat.QOperator, per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
}  # fmt: skip

ENTRIES = [
    *[quantised(f"{source}_{kind}", source, shaped(how)) for source in SOURCES for kind, how in DYNAMIC.items()],
    *[quantised(f"{source}_{kind}", source, shaped(how)) for source in SOURCES for kind, how in STATIC.items()],
]
