"""The architectures of Hugging Face's transformers, tiny and with random weights, through both exporters."""

import functools

import torch
import transformers
from torch import nn

from .torch_common import Entry, dynamo, noise, script, tokens

TEXT = {"vocab_size": 40, "max_position_embeddings": 32}
BERT = {**TEXT, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
LLAMA = {**BERT, "num_key_value_heads": 1, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
PICTURE = {
    "image_size": 16, "patch_size": 4, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 32, "num_labels": 5,
}  # fmt: skip
T5 = {"vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
BART = {
    **TEXT, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip


class Plain(nn.Module):
    """The first answers of a model, as tensors."""

    def __init__(self, inner, names, keep):
        super().__init__()
        self.inner, self.names, self.keep = inner, names, keep

    def forward(self, first):
        return self.answers(first)

    def answers(self, *inputs):
        answer = self.inner(**dict(zip(self.names, inputs, strict=True)), return_dict=True, **self.details)
        return tuple(answer[name] for name in self.keep)


class PlainOfTwo(Plain):
    """The same with two inputs; torch.export wants to see them one by one."""

    def forward(self, first, second):
        return self.answers(first, second)


ENCODERS = {
    "bert": ("BertModel", "BertConfig", BERT),
    "bert_relative": ("BertModel", "BertConfig", {**BERT, "hidden_act": "gelu_new"}),
    "roberta": ("RobertaModel", "RobertaConfig", {**BERT, "pad_token_id": 1}),
    "distilbert": ("DistilBertModel", "DistilBertConfig", {**TEXT, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}),
    "albert": ("AlbertModel", "AlbertConfig", {**BERT, "embedding_size": 8}),
    "electra": ("ElectraModel", "ElectraConfig", {**BERT, "embedding_size": 8}),
    "mpnet": ("MPNetModel", "MPNetConfig", BERT),
    "deberta": ("DebertaModel", "DebertaConfig", {**BERT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "deberta_v2": ("DebertaV2Model", "DebertaV2Config", {**BERT, "relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "camembert": ("CamembertModel", "CamembertConfig", {**BERT, "pad_token_id": 1}),
    "xlm_roberta": ("XLMRobertaModel", "XLMRobertaConfig", {**BERT, "pad_token_id": 1}),
    "convbert": ("ConvBertModel", "ConvBertConfig", {**BERT, "embedding_size": 16, "head_ratio": 1, "conv_kernel_size": 3}),
    "fnet": ("FNetModel", "FNetConfig", BERT),
    "squeezebert": ("SqueezeBertModel", "SqueezeBertConfig", {**BERT, "embedding_size": 16, "q_groups": 2, "k_groups": 2, "v_groups": 2, "post_attention_groups": 1, "intermediate_groups": 2, "output_groups": 2}),
    "modernbert": ("ModernBertModel", "ModernBertConfig", {**BERT, "pad_token_id": 0, "local_attention": 8}),
    "t5_encoder": ("T5EncoderModel", "T5Config", T5),
    "funnel": ("FunnelBaseModel", "FunnelConfig", {"vocab_size": 40, "d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 32, "block_sizes": [1, 1]}),
}  # fmt: skip
HEADS = {
    "bert_classifier": ("BertForSequenceClassification", "BertConfig", {**BERT, "num_labels": 3}),
    "bert_tagger": ("BertForTokenClassification", "BertConfig", {**BERT, "num_labels": 3}),
    "bert_masked": ("BertForMaskedLM", "BertConfig", BERT),
    "roberta_classifier": ("RobertaForSequenceClassification", "RobertaConfig", {**BERT, "num_labels": 3, "pad_token_id": 1}),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"vocab_size": 40, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 2}),
    "gpt_neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", BERT),
    "gptj": ("GPTJForCausalLM", "GPTJConfig", {"vocab_size": 40, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 2, "rotary_dim": 4}),
    "opt": ("OPTForCausalLM", "OPTConfig", {**TEXT, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 32, "word_embed_proj_dim": 16}),
    "bloom": ("BloomForCausalLM", "BloomConfig", {"vocab_size": 40, "hidden_size": 16, "n_layer": 2, "n_head": 2}),
    "falcon": ("FalconForCausalLM", "FalconConfig", {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}),
    "llama": ("LlamaForCausalLM", "LlamaConfig", LLAMA),
    "mistral": ("MistralForCausalLM", "MistralConfig", {**LLAMA, "sliding_window": 4}),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", LLAMA),
    "qwen3": ("Qwen3ForCausalLM", "Qwen3Config", {**LLAMA, "head_dim": 8}),
    "gemma": ("GemmaForCausalLM", "GemmaConfig", {**LLAMA, "head_dim": 8}),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", {**LLAMA, "head_dim": 8, "query_pre_attn_scalar": 8}),
    "phi": ("PhiForCausalLM", "PhiConfig", LLAMA),
    "phi3": ("Phi3ForCausalLM", "Phi3Config", LLAMA),
    "stablelm": ("StableLmForCausalLM", "StableLmConfig", LLAMA),
    "starcoder2": ("Starcoder2ForCausalLM", "Starcoder2Config", LLAMA),
    "cohere": ("CohereForCausalLM", "CohereConfig", LLAMA),
    "olmo": ("OlmoForCausalLM", "OlmoConfig", LLAMA),
    "granite": ("GraniteForCausalLM", "GraniteConfig", LLAMA),
    "smollm3": ("SmolLM3ForCausalLM", "SmolLM3Config", LLAMA),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig", {**LLAMA, "num_local_experts": 2}),
    "mamba": ("MambaForCausalLM", "MambaConfig", {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 1, "state_size": 4}),
    "codegen": ("CodeGenForCausalLM", "CodeGenConfig", {"vocab_size": 40, "n_positions": 32, "n_embd": 32, "n_layer": 1, "n_head": 4, "rotary_dim": 4}),
}  # fmt: skip
PICTURES = {
    "vit": ("ViTForImageClassification", "ViTConfig", PICTURE),
    "deit": ("DeiTForImageClassification", "DeiTConfig", PICTURE),
    "dinov2": ("Dinov2ForImageClassification", "Dinov2Config", PICTURE),
    "beit": ("BeitForImageClassification", "BeitConfig", PICTURE),
    "swin": ("SwinForImageClassification", "SwinConfig", {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [2, 1], "num_heads": [2, 2], "window_size": 4, "num_labels": 5}),
    "swinv2": ("Swinv2ForImageClassification", "Swinv2Config", {"image_size": 16, "patch_size": 2, "embed_dim": 8, "depths": [2, 1], "num_heads": [2, 2], "window_size": 4, "num_labels": 5}),
    "resnet": ("ResNetForImageClassification", "ResNetConfig", {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_labels": 5}),
    "regnet": ("RegNetForImageClassification", "RegNetConfig", {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "groups_width": 8, "num_labels": 5}),
    "convnext": ("ConvNextForImageClassification", "ConvNextConfig", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "num_labels": 5}),
    "convnextv2": ("ConvNextV2ForImageClassification", "ConvNextV2Config", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "num_labels": 5}),
    "mobilenet_v1": ("MobileNetV1ForImageClassification", "MobileNetV1Config", {"depth_multiplier": 0.25, "num_labels": 5}),
    "mobilenet_v2": ("MobileNetV2ForImageClassification", "MobileNetV2Config", {"depth_multiplier": 0.25, "num_labels": 5}),
    "efficientnet": ("EfficientNetForImageClassification", "EfficientNetConfig", {"width_coefficient": 0.25, "depth_coefficient": 0.2, "hidden_dim": 320, "num_labels": 5}),
    "poolformer": ("PoolFormerForImageClassification", "PoolFormerConfig", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_encoder_blocks": 2, "patch_sizes": [3, 3], "strides": [2, 2], "padding": [1, 1], "num_labels": 5}),
    "mobilevit": ("MobileViTForImageClassification", "MobileViTConfig", {"image_size": 32, "hidden_sizes": [16, 16, 16], "neck_hidden_sizes": [4, 8, 8, 16, 16, 16, 16], "num_attention_heads": 2, "num_labels": 5}),
    "segformer": ("SegformerForSemanticSegmentation", "SegformerConfig", {"hidden_sizes": [8, 16], "depths": [1, 1], "num_encoder_blocks": 2, "num_attention_heads": [1, 2], "sr_ratios": [2, 1], "patch_sizes": [7, 3], "strides": [4, 2], "mlp_ratios": [2, 2], "decoder_hidden_size": 8, "num_labels": 3}),
    "pvt": ("PvtForImageClassification", "PvtConfig", {"image_size": 32, "num_labels": 5, "depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 16, 16], "num_attention_heads": [1, 2, 2, 2]}),
    "levit": ("LevitForImageClassification", "LevitConfig", {"image_size": 64, "hidden_sizes": [16, 16, 16], "num_attention_heads": [2, 2, 2], "depths": [1, 1, 1], "key_dim": [8, 8, 8], "num_labels": 5}),
    "depth_anything": ("DPTForSemanticSegmentation", "DPTConfig", {**PICTURE, "num_hidden_layers": 4, "neck_hidden_sizes": [8, 8, 8, 8], "fusion_hidden_size": 8, "backbone_out_indices": [0, 1, 2, 3], "reassemble_factors": [4, 2, 1, 0.5]}),
    "yolos": ("YolosModel", "YolosConfig", {**PICTURE, "image_size": [16, 16], "num_detection_tokens": 5}),
    "clip_vision": ("CLIPVisionModelWithProjection", "CLIPVisionConfig", {**PICTURE, "projection_dim": 8}),
    "siglip_vision": ("SiglipVisionModel", "SiglipVisionConfig", PICTURE),
}  # fmt: skip
SIDES = {"mobilevit": 32, "pvt": 32, "levit": 64, "mobilenet_v1": 32, "mobilenet_v2": 32, "efficientnet": 32, "segformer": 32}


def build(architecture: str, configuration: str, details: dict, names, keep, call=None):
    """Makes the module; `call` are the keyword arguments that stay fixed."""

    def make():
        config = getattr(transformers, configuration)(**details)
        config._attn_implementation = "eager" if details.get("eager") else "sdpa"
        try:
            inner = getattr(transformers, architecture)(config)
        except ValueError:
            config._attn_implementation = "eager"
            inner = getattr(transformers, architecture)(config)
        module = (Plain if len(names) == 1 else PlainOfTwo)(inner, names, keep)
        module.details = call or {}
        return module

    return make


def text(name, recipe, keep, *, mask=True, free=True, call=None) -> list[Entry]:
    inputs = ["input_ids", "attention_mask"] if mask else ["input_ids"]

    def samples():
        made = []
        for batch, length in ((2, 7), (1, 5)) if free else ((2, 7),):
            ids = tokens(batch, length, 38, seed=length) + 2
            attention = torch.ones(batch, length, dtype=torch.int64)
            attention[0, length - 2 :] = 0 if batch > 1 else 1
            made.append((ids, attention) if mask else (ids,))
        return made

    axes = {one: {0: "batch", 1: "length"} for one in inputs} if free else None
    make = build(*recipe, inputs, keep, call)
    one = samples() if free else samples()[:1]
    return [
        script(name, make, lambda: samples()[:1], inputs, keep),
        dynamo(f"{name}_free" if free else name, make, lambda: one, inputs, keep, axes),
    ]


def picture(name, recipe, keep) -> list[Entry]:
    side = SIDES.get(name, 16)
    make = build(*recipe, ["pixel_values"], keep)
    samples = lambda: [(noise(2, 3, side, side),)]  # noqa: E731
    return [script(name, make, samples, ["pixel_values"], keep), dynamo(name, make, samples, ["pixel_values"], keep)]


def other(name, recipe, inputs, samples, keep, call=None) -> list[Entry]:
    make = build(*recipe, inputs, keep, call)
    return [script(name, make, samples, inputs, keep), dynamo(name, make, samples, inputs, keep)]


NO_CACHE = {"use_cache": False}


@functools.cache
def make() -> list[Entry]:
    made = []
    for name, recipe in ENCODERS.items():
        made += text(name, recipe, ["last_hidden_state"], mask=name != "fnet", free=name not in ("fnet", "funnel"))
    for name, recipe in HEADS.items():
        causal = "CausalLM" in recipe[0] or "LMHead" in recipe[0]
        made += text(name, recipe, ["logits"], mask=name != "mamba", call=NO_CACHE if causal else None)
    for name, recipe in PICTURES.items():
        keep = {"YolosModel": ["last_hidden_state"], "SiglipVisionModel": ["last_hidden_state", "pooler_output"],
                "CLIPVisionModelWithProjection": ["image_embeds"]}.get(recipe[0], ["logits"])  # fmt: skip
        made += picture(name, recipe, keep)
    pair = lambda: [(tokens(2, 6, 38) + 2, tokens(2, 4, 38, seed=1) + 2)]  # noqa: E731
    both_ids = ["input_ids", "decoder_input_ids"]
    made += other("t5", ("T5ForConditionalGeneration", "T5Config", T5), both_ids, pair, ["logits"], NO_CACHE)
    made += other("bart", ("BartForConditionalGeneration", "BartConfig", BART), both_ids, pair, ["logits"], NO_CACHE)
    made += other("marian", ("MarianMTModel", "MarianConfig", {**BART, "decoder_vocab_size": 40, "decoder_start_token_id": 0}), both_ids, pair, ["logits"], NO_CACHE)
    made += other("clip_text", ("CLIPTextModelWithProjection", "CLIPTextConfig", {**BERT, "projection_dim": 8, "eos_token_id": 39}), ["input_ids"],
                  lambda: [(tokens(2, 6, 38) + 2,)], ["text_embeds"])  # fmt: skip
    whisper = {"vocab_size": 40, "num_mel_bins": 8, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
               "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "max_source_positions": 10,
               "max_target_positions": 12, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
               "begin_suppress_tokens": None, "suppress_tokens": None}  # fmt: skip
    made += other("whisper", ("WhisperForConditionalGeneration", "WhisperConfig", whisper), ["input_features", "decoder_input_ids"],
                  lambda: [(noise(1, 8, 20), tokens(1, 4, 38))], ["logits"], NO_CACHE)  # fmt: skip
    wave = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "conv_dim": [8, 8],
            "conv_kernel": [10, 3], "conv_stride": [5, 2], "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
            "num_feat_extract_layers": 2}  # fmt: skip
    for name, kind in (("wav2vec2", "Wav2Vec2"), ("hubert", "Hubert")):
        made += other(name, (f"{kind}ForCTC", f"{kind}Config", wave), ["input_values"], lambda: [(noise(1, 400),)], ["logits"])
    return made


ENTRIES = make()
