import subprocess
import sys

import cv2
import numpy as np
import pytest

from cmmd_bench.metrics.av_align import FLOOR
from cmmd_bench.metrics.motion import flow_motion

CLIPS = ["aligned", "misaligned", "dense_audio"]


def drifting(step, frames=5, side=48):
    """A soft texture that moves `step` pixels to the right every frame."""
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(0, 255, (side // 6 + 1, side // 2)), np.ones((6, 6)))
    smooth = sum(np.roll(ground, shift, axis) for axis in (0, 1) for shift in range(-4, 5)) / 18
    columns = [smooth[:side, 60 - step * frame : 60 - step * frame + side] for frame in range(frames)]
    return np.repeat(np.stack(columns)[..., np.newaxis], 3, axis=-1).astype(np.uint8)


@pytest.mark.parametrize("name", CLIPS)
def test_golden_trajectory(golden, name):
    arrays = golden("av_align.npz")
    motion = flow_motion(arrays[f"{name}.frames_rgb"])
    assert motion.dtype == np.float64
    np.testing.assert_allclose(motion, arrays[f"{name}.flow_trajectory"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", CLIPS)
def test_frames_are_rgb(golden, name):
    arrays = golden("av_align.npz")
    frames = arrays[f"{name}.frames_rgb"]
    grey = arrays[f"{name}.gray_last_frame"]
    # A grey picture is the same in either order: that it moves alike proves which grey was taken.
    as_grey = np.repeat(np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames])[..., None], 3, axis=-1)
    assert np.array_equal(as_grey[-1, ..., 0], grey)
    np.testing.assert_array_equal(flow_motion(frames), flow_motion(as_grey))
    wrong_order = flow_motion(np.ascontiguousarray(frames[..., ::-1]))
    assert np.abs(wrong_order - arrays[f"{name}.flow_trajectory"]).max() > 1e-3


def test_motion_is_pixels_a_frame():
    # Across the middle; what enters at the edges has no match.
    assert flow_motion(drifting(2))[2] == pytest.approx(2, rel=0.25)
    # The flow of a still picture is not quite 0, and far below what counts as a peak.
    assert flow_motion(drifting(0)).max() < FLOOR / 10


def test_frames_may_come_one_at_a_time():
    frames = drifting(1)
    assert np.array_equal(flow_motion(iter(frames)), flow_motion(frames))
    assert np.array_equal(flow_motion(frame.copy() for frame in frames), flow_motion(frames))
    backwards = frames[:, :, ::-1]
    assert np.array_equal(flow_motion(backwards), flow_motion(np.ascontiguousarray(backwards)))


def test_the_first_frame_repeats_the_second_and_one_alone_does_not_move():
    frames = drifting(1, frames=3)
    motion = flow_motion(frames)
    assert motion.shape == (3,)
    assert motion[0] == motion[1] > 0
    assert flow_motion(frames[:1]).tolist() == [0.0]


@pytest.mark.parametrize("size", [(1, 1), (1, 8), (5, 5), (16, 200)])
def test_tiny_pictures_have_finite_motion(size):
    frames = np.random.default_rng(0).integers(0, 256, (4, *size, 3), dtype=np.uint8)
    assert np.isfinite(flow_motion(frames)).all()


def test_runs_on_one_thread_and_gives_the_threads_back():
    before = cv2.getNumThreads()
    during = []

    def frames():
        for frame in drifting(1):
            during.append(cv2.getNumThreads())
            yield frame

    try:
        cv2.setNumThreads(2)
        assert np.array_equal(flow_motion(frames()), flow_motion(drifting(1)))
        assert set(during) == {1}
        assert cv2.getNumThreads() == 2
        with pytest.raises(ValueError, match="one size"):
            flow_motion([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)])
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_the_same_frames_give_the_same_bits_wherever_they_lie_in_memory():
    frames = drifting(1)
    rng = np.random.default_rng(0)
    kept, found = [], set()
    for _ in range(40):
        kept.append(np.empty(rng.integers(1, 9000), np.uint8))
        found.add(flow_motion([frame.copy() for frame in frames]).tobytes())
    assert len(found) == 1


def test_importing_the_alignment_metrics_loads_no_library_behind_them():
    modules = ("motion", "av_align", "onset_detection", "onsets", "second_bins")
    code = f"import sys; {'; '.join(f'import cmmd_bench.metrics.{name}' for name in modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"cv2", "librosa", "scipy", "soxr", "numba"} & set(loaded)


def test_inputs_are_never_modified():
    frames = drifting(1)
    copy = frames.copy()
    frames.flags.writeable = False
    flow_motion(frames)
    assert np.array_equal(frames, copy)


def test_malformed_input_is_refused():
    frames = drifting(1)
    with pytest.raises(ValueError, match="frames must hold at least one frame, found none"):
        flow_motion(frames[:0])
    with pytest.raises(ValueError, match=r"frames must be uint8 RGB of shape \(H, W, 3\), found .* of float64"):
        flow_motion(frames / 255)
    with pytest.raises(ValueError, match=r"found shape \(48, 48\) of uint8"):
        flow_motion(frames[..., 0])
    with pytest.raises(ValueError, match=r"found shape \(3, 48, 48\) of uint8"):
        flow_motion(np.moveaxis(frames, -1, 1))
    with pytest.raises(ValueError, match=r"frames must have one size, found \(48, 48\) and then \(40, 48\)"):
        flow_motion([frames[0], frames[1][:40]])
