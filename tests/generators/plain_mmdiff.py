"""MM-Diffusion's network a second time, plainly: the reference that the real one is compared and timed with.

It works as the published code does: a loop over frames with `index_select` and a softmax that is written out, copies
between convolutions of two axes and of one, resampling after the convolution, gradients by torch alone. It takes its
weights from a `MMDiffUNet`. Video is (B, F, C, H, W), audio (B, C, L).
"""

import math

import torch
import torch.nn.functional as f
from torch import Tensor

from cmmd_gen.mmdiff.blocks import ResBlock, Stem
from cmmd_gen.mmdiff.cross_attention import CrossAttention
from cmmd_gen.mmdiff.unet import MMDiffUNet


def plain(unet: MMDiffUNet, video: Tensor, audio: Tensor, n: Tensor, shifts: list[int]) -> tuple[Tensor, Tensor]:
    width = unet.config.width
    frequencies = torch.exp(-math.log(10_000) * torch.arange(width // 2) / (width // 2))
    angles = n[:, None].float() * frequencies
    embedding = unet.time_embed(torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1))
    left = list(shifts)
    skips = []
    for stage in unet.input_blocks:
        video, audio = run_stage(stage, video, audio, embedding, left)
        skips.append((video, audio))
    video, audio = run_stage(unet.middle_blocks, video, audio, embedding, left)
    for stage in unet.output_blocks:
        skip_video, skip_audio = skips.pop()
        joined = torch.cat([video, skip_video], dim=2), torch.cat([audio, skip_audio], dim=1)
        video, audio = run_stage(stage, *joined, embedding, left)
    assert not left
    video = f.silu(norm_video(unet.video_out[0], video)).transpose(1, 2).contiguous()
    conv = unet.video_out[2].video_conv
    video = f.conv3d(video, conv.weight, conv.bias, padding=1).transpose(1, 2)
    return video, audio_conv(unet.audio_out[2], f.silu(norm(unet.audio_out[0], audio)))


def run_stage(stage, video, audio, embedding, shifts):
    for block in stage:
        if isinstance(block, Stem):
            video, audio = video_conv(block.video_conv, video), audio_conv(block.audio_conv, audio)
        elif isinstance(block, ResBlock):
            video, audio = residual(block, video, audio, embedding)
        else:
            shift = shifts.pop(0) if block.window else 0
            video, audio = cross_attention(block, video, audio, shift)
    return video, audio


def residual(block: ResBlock, video, audio, embedding):
    v = video_conv(block.video_in_layers[2], f.silu(norm_video(block.video_in_layers[0], video)))
    a = audio_conv(block.audio_in_layers[2], f.silu(norm(block.audio_in_layers[0], audio)))
    if block.resample:
        v, a, video, audio = (resampled(block.resample, x) for x in (v, a, video, audio))
    scale, shift = block.emb_layers(embedding).chunk(2, dim=1)
    v = norm_video(block.video_out_layers[0], v)
    v = f.silu(v * (1 + scale[:, None, :, None, None]) + shift[:, None, :, None, None])
    a = f.silu(norm(block.audio_out_layers[0], a) * (1 + scale[:, :, None]) + shift[:, :, None])
    v = pointwise_video(block.video_out_layers[3], block.video_out_layers[2](v))
    a = pointwise(block.audio_out_layers[3].audio_conv, block.audio_out_layers[2](a))
    if hasattr(block, "video_skip_connection"):
        video = pointwise_video(block.video_skip_connection, video)
        audio = pointwise(block.audio_skip_connection.audio_conv, audio)
    video, audio = video + v, audio + a
    if hasattr(block, "spatial_attention_block"):
        batch, frames, channels, height, width = video.shape
        x = self_attention(block.spatial_attention_block, video.reshape(batch * frames, channels, height * width))
        x = x.view(batch, frames, channels, height, width).permute(0, 3, 4, 2, 1)
        x = self_attention(block.temporal_attention_block, x.reshape(batch * height * width, channels, frames))
        video = x.view(batch, height, width, channels, frames).permute(0, 4, 3, 1, 2).contiguous()
    if hasattr(block, "audio_attention_block"):
        audio = self_attention(block.audio_attention_block, audio)
    return video, audio


def resampled(way, x):
    if x.ndim == 3:
        return f.avg_pool1d(x, 4) if way == "down" else f.interpolate(x, scale_factor=4.0)
    x = x.transpose(1, 2)
    return (f.avg_pool3d(x, (1, 2, 2)) if way == "down" else f.interpolate(x, scale_factor=(1, 2, 2))).transpose(1, 2)


def self_attention(layer, x):
    q, k, v = pointwise(layer.qkv, norm(layer.norm, x)).chunk(3, dim=1)
    return x + pointwise(layer.proj_out, attention(q, k, v, layer.heads))


def attention(q, k, v, heads):
    """(N, C, Q), (N, C, K) -> (N, C, Q)."""
    count, channels, queries = q.shape
    q, k, v = (x.reshape(count * heads, channels // heads, -1) for x in (q, k, v))
    scale = (channels // heads) ** -0.25
    weight = torch.softmax(torch.einsum("nct,ncs->nts", q * scale, k * scale), dim=-1)
    return torch.einsum("nts,ncs->nct", weight, v).reshape(count, channels, queries)


def cross_attention(block: CrossAttention, video, audio, shift):
    batch, frames, channels, height, width = video.shape
    pixels, length = height * width, audio.shape[2]
    p = length // frames
    window = block.window or frames
    flat = norm_video(block.v_norm, video).transpose(1, 2).reshape(batch, channels, frames * pixels)
    qv, kv, vv = pointwise(block.v_qkv, flat).chunk(3, dim=1)
    qa, ka, va = pointwise(block.a_qkv, norm(block.a_norm, audio)).chunk(3, dim=1)
    from_audio, from_video = [], []
    for i in range(frames):
        seen = ((i + shift) * p + torch.arange(window * p)) % length
        query = qv.index_select(2, torch.arange(i * pixels, (i + 1) * pixels))
        from_audio.append(attention(query, ka.index_select(2, seen), va.index_select(2, seen), block.heads))
        seen = ((i + shift) * pixels + torch.arange(window * pixels)) % (frames * pixels)
        query = qa.index_select(2, torch.arange(i * p, (i + 1) * p if i < frames - 1 else length))
        from_video.append(attention(query, kv.index_select(2, seen), vv.index_select(2, seen), block.heads))
    v = torch.cat(from_audio, dim=2).view(batch, channels, frames, height, width).transpose(1, 2)
    a = torch.cat(from_video, dim=2)
    return (
        video + pointwise_video(block.video_proj_out, v),
        audio + pointwise(block.audio_proj_out.audio_conv, a),
    )


def norm(layer, x):
    group_norm = layer.GroupNorm
    return f.group_norm(x, 32, group_norm.weight, group_norm.bias, group_norm.eps)


def norm_video(layer, x):
    return norm(layer, x.transpose(1, 2).contiguous()).transpose(1, 2).contiguous()


def video_conv(layer, x):
    batch, frames, _, height, width = x.shape
    spatial, temporal = layer.video_conv_spatial, layer.video_conv_temporal
    y = f.conv2d(x.reshape(batch * frames, -1, height, width), spatial.weight, spatial.bias, padding=1)
    y = y.view(batch, frames, -1, height, width).permute(0, 3, 4, 2, 1).reshape(batch * height * width, -1, frames)
    y = f.conv1d(y, temporal.weight, temporal.bias, padding=1)
    return y.view(batch, height, width, -1, frames).permute(0, 4, 3, 1, 2).contiguous()


def audio_conv(layer, x):
    conv = layer.audio_conv
    return f.conv1d(x, conv.weight, conv.bias, padding=layer.dilation, dilation=layer.dilation)


def pointwise(layer, x):
    return f.conv1d(x, layer.weight.view(*layer.weight.shape[:2], 1), layer.bias)


def pointwise_video(layer, x):
    conv = layer.video_conv
    return f.conv3d(x.transpose(1, 2).contiguous(), conv.weight, conv.bias).transpose(1, 2).contiguous()
