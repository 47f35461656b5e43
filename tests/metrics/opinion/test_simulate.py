"""Synthetic studies: what goes in comes out again."""

from dataclasses import astuple, replace

import numpy as np
import pytest

from cmmd_bench.metrics.opinion.simulate import Components, estimate_components, simulate_ratings

NOTHING = Components(0, 0, 0, 0, 0, 0, 0)


def simulated(n=1, means=(3.2, 3.0), *, raters=6, clips=5, samples=2, components=None, seed=0, **options):
    rng = np.random.default_rng(seed)
    return simulate_ratings(
        n, means, raters=raters, clips=clips, samples=samples, components=components or Components(), rng=rng, **options
    )


def test_ratings_are_whole_points_of_the_scale():
    x = simulated(50, (1.5, 4.5))
    assert x.shape == (50, 6, 5, 2, 2)
    assert set(np.unique(x)) == {1, 2, 3, 4, 5}
    assert simulated(50, (20.0,), scale=(0, 100)).max() > 20
    np.testing.assert_array_equal(simulated(), simulated())
    assert (simulated(seed=1) != simulated()).any()


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("rater", (1,)),
        ("clip", (2,)),
        ("rater_clip", (1, 2)),
        ("rater_system", (1, 3)),
        ("clip_system", (2, 3)),
        ("sample", (2, 3, 4)),
        ("noise", (1, 2, 3, 4)),
    ],
)
def test_each_component_varies_along_its_own_axes_only(name, axes):
    x = simulated(20, components=replace(NOTHING, **{name: 15.0}), means=(50.0, 50.0), scale=(0, 100))
    for axis in (1, 2, 3, 4):
        assert (np.ptp(x, axis=axis).max() > 0) == (axis in axes)
    independent = simulated(4000, components=replace(NOTHING, **{name: 15.0}), means=(50.0,), scale=(0, 100))
    assert independent[:, 0, 0, 0, 0].std() == pytest.approx(15, rel=0.05)


def test_a_pilot_gives_back_its_components():
    put_in = Components(0.5, 0.6, 0.35, 0.3, 0.25, 0.4, 0.7)
    # A wide scale, so that nothing is cut off at its ends.
    size = {"raters": 40, "clips": 40, "samples": 3, "means": (48.0, 50.0, 52.0), "scale": (0, 100)}
    studies = [simulated(components=put_in, seed=seed, **size)[0] for seed in range(8)]
    estimates = np.array([astuple(estimate_components(study)) for study in studies])
    np.testing.assert_allclose(np.sqrt((estimates**2).mean(axis=0)), astuple(put_in), atol=0.06)


def test_one_sample_cannot_be_told_from_clip_by_system():
    put_in = Components(0.5, 0.5, 0.3, 0.2, 0.3, 0.4, 0.7)
    x = simulated(means=(48.0, 50.0, 52.0), raters=40, clips=150, samples=1, components=put_in, scale=(0, 100))[0]
    found = estimate_components(x)
    assert found.sample == 0
    assert found.clip_system == pytest.approx(0.5, abs=0.05)


def test_rounding_is_taken_off_only_if_there_was_any():
    rng = np.random.default_rng(0)
    x = 50 + 2 * rng.standard_normal((10, 10, 3, 2))
    assert estimate_components(x, whole_points=False).noise == pytest.approx(2, rel=0.05)
    assert astuple(estimate_components(np.full((3, 3, 2, 2), 4.0))) == (0,) * 7


def test_malformed_input_is_refused():
    with pytest.raises(ValueError, match="noise must be a finite standard deviation, 0 or above, found -1"):
        Components(noise=-1)
    with pytest.raises(ValueError, match="clip must be a finite standard deviation"):
        Components(clip=np.nan)
    with pytest.raises(ValueError, match="must be at least 1 each, found 1, 0, 5, 2, 2"):
        simulated(raters=0)
    with pytest.raises(ValueError, match=r"found \(1, 5, 2, 2\)"):
        estimate_components(np.ones((1, 5, 2, 2)))
    x = np.ones((3, 3, 2, 1))
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="ratings must be complete, found 1 of 18 cells missing"):
        estimate_components(x)
