"""Writes values.txt: what ONNX Runtime, or where it has no kernel ONNX's reference, answers for VisionTests.

Usage: python generate.py          (needs onnx, onnxruntime, numpy; made with 1.23.2, 1.31.1, 2.4.6)
A line a case: its name, then the elements of its first output. Inputs follow from a formula that the test has, too.
"""
import pathlib
import numpy as np, onnx, onnxruntime as ort
from onnx import helper as h
from onnx.reference import ReferenceEvaluator


def numbers(*shape, step=7919):
    i = np.arange(int(np.prod(shape)))
    return (((i * step + 13) % 101) / 10 - 5).astype(np.float32).reshape(shape)


def run(op, inputs, opset, **attributes):
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(inputs)]
    given = [(n, x) for n, x in zip(names, inputs) if x is not None]
    graph = h.make_graph(
        [h.make_node(op, names, ["y"], **attributes)], "g",
        [h.make_tensor_value_info(n, h.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in given],
        [h.make_tensor_value_info("y", 1, None)])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=9)
    try:
        options = ort.SessionOptions()
        options.log_severity_level = 4
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, dict(given))[0], "onnxruntime"
    except Exception:
        return ReferenceEvaluator(model).run(None, dict(given))[0], "reference"


ROIS = np.array([[0, 0, 4, 3], [1.5, 0.5, 5, 6], [-2, 1, 3, 9], [3, 3, 3, 3]], np.float32)
IMAGES = np.array([0, 1, 1, 0], np.int64)
CASES = {
    "max_roi_pool": ("MaxRoiPool", [numbers(2, 3, 7, 6), np.concatenate([IMAGES[:, None].astype(np.float32), ROIS], 1)], 21,
                     dict(pooled_shape=[3, 2], spatial_scale=0.75)),
    "roi_align_10": ("RoiAlign", [numbers(2, 3, 7, 6), ROIS, IMAGES], 10,
                     dict(output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.5)),
    "roi_align_16": ("RoiAlign", [numbers(2, 3, 7, 6), ROIS, IMAGES], 16,
                     dict(output_height=2, output_width=3, spatial_scale=1.0)),
    "deform_conv": ("DeformConv", [numbers(1, 4, 5, 6), numbers(2, 2, 3, 3, step=31), numbers(1, 36, 3, 2, step=17) / 2, None,
                                   numbers(1, 18, 3, 2, step=5)], 19,
                    dict(group=2, offset_group=2, strides=[2, 2], pads=[1, 0, 1, 0])),
    "affine_grid": ("AffineGrid", [numbers(2, 3, 4), np.array([2, 1, 2, 3, 4], np.int64)], 20, dict(align_corners=0)),
    "col2im": ("Col2Im", [numbers(1, 8, 6), np.array([4, 5], np.int64), np.array([2, 2], np.int64)], 18,
               dict(strides=[2, 2], pads=[0, 0, 1, 1], dilations=[1, 1])),
}

lines = []
for name, (op, inputs, opset, attributes) in CASES.items():
    values, source = run(op, inputs, opset, **attributes)
    print(name, values.shape, source)
    lines.append(" ".join([name] + [f"{v:.8g}" for v in values.reshape(-1)]))
pathlib.Path(__file__).with_name("values.txt").write_text("\n".join(lines) + "\n")
