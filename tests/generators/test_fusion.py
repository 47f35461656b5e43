"""Easy fusion against the stored index maps and against the plain form that repeats and concatenates."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import linear

from cmmd_gen.cmmd.fusion import EasyFusion, nearest

DATA = Path(__file__).resolve().parents[1] / "data" / "generators" / "easy_fusion_reference.npz"


@pytest.fixture(scope="module")
def reference():
    with np.load(DATA) as archive:
        return {key: archive[key] for key in archive.files}


def plain(video, audio):
    """Each side beside the other at its own rate: (B, F, H, W, C_v + C_a) and (B, T, C_a + C_v)."""
    _, F, H, W, _ = video.shape
    T = audio.shape[1]
    heard = audio[:, nearest(T, F)][:, :, None, None].expand(-1, -1, H, W, -1)
    seen = video.mean((2, 3))[:, nearest(F, T)]
    return torch.cat([video, heard], -1), torch.cat([audio, seen], -1)


def random_fusion(video_width, audio_width):
    fusion = EasyFusion(video_width, audio_width)
    for parameter in fusion.parameters():
        torch.nn.init.normal_(parameter)
    return fusion


def test_index_maps(reference):
    maps = [key for key in reference if key.startswith(("a2v_", "v2a_"))]
    assert maps
    for key in maps:
        kind, F, T = key.split("_")
        F, T = int(F[1:]), int(T[1:])
        index = nearest(T, F) if kind == "a2v" else nearest(F, T)
        np.testing.assert_array_equal(index, reference[key], err_msg=key)


@pytest.mark.parametrize(("source", "target"), [(1, 5), (5, 1), (7, 7), (18, 112), (14, 18), (224, 36)])
def test_each_step_takes_the_one_that_holds_its_beginning(source, target):
    exact = [int(np.floor(i * source / target + 1e-9)) for i in range(target)]
    assert nearest(source, target).tolist() == exact


def test_an_empty_side_has_no_neighbours():
    with pytest.raises(ValueError, match="source and target must be at least 1, got 0 and 3"):
        nearest(0, 3)


def test_concatenation(reference):
    video, audio = (torch.from_numpy(reference[key]).movedim(1, -1) for key in ("fuse.video_bcfhw", "fuse.audio_bct"))
    fused_video, fused_audio = plain(video, audio)
    np.testing.assert_allclose(fused_video.movedim(-1, 1), reference["fuse.out_video"], atol=1e-6)
    np.testing.assert_allclose(fused_audio.movedim(-1, 1), reference["fuse.out_audio"], atol=1e-6)


@pytest.mark.parametrize(("F", "T"), [(5, 12), (18, 14), (1, 3), (4, 1)])
def test_the_projection_of_the_concatenation(F, T):
    torch.manual_seed(0)
    video, audio = torch.randn(2, F, 2, 4, 3), torch.randn(2, T, 5)
    fusion = random_fusion(3, 5)
    joined_video, joined_audio = plain(video, audio)
    out_video, out_audio = fusion(video, audio)
    torch.testing.assert_close(out_video, video + linear(joined_video, fusion.video.weight, fusion.video.bias))
    torch.testing.assert_close(out_audio, audio + linear(joined_audio, fusion.audio.weight, fusion.audio.bias))


def test_starts_as_the_identity():
    video, audio = torch.randn(2, 5, 2, 2, 3), torch.randn(2, 12, 4)
    out_video, out_audio = EasyFusion(3, 4)(video, audio)
    assert torch.equal(out_video, video)
    assert torch.equal(out_audio, audio)
