import math

import numpy as np
import pytest
from generators.toy import DATA

from cmmd_gen.diffusion.schedules import cosine, linear
from cmmd_gen.diffusion.spacing import respaced, trailing


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "diffusion_schedules.npz")


@pytest.mark.parametrize(("schedule", "name"), [(linear, "linear"), (cosine, "cosine")])
def test_tables_are_the_official_ones(golden, schedule, name):
    np.testing.assert_allclose(schedule(), golden[f"{name}.alphas_cumprod"], rtol=1e-12, atol=0)


def test_cosine_is_that_of_diffusers():
    reference = np.load(DATA / "vpred_ddim_reference.npz")["alphas_cumprod_f32"]
    assert np.abs(cosine() - reference).max() < 3.4e-7
    assert cosine()[-1] == pytest.approx(2.43e-9, rel=1e-2)


@pytest.mark.parametrize("steps", [21, 100, 250])
def test_linear_follows_its_definition(steps):
    product, expected = 1.0, []
    for n in range(steps):
        product *= 1 - (0.1 + n * (20 - 0.1) / (steps - 1)) / steps
        expected.append(product)
    np.testing.assert_allclose(linear(steps), expected, rtol=1e-12)


@pytest.mark.parametrize("steps", [1, 7, 300])
def test_cosine_follows_its_definition(steps):
    def curve(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    product, expected = 1.0, []
    for n in range(steps):
        product *= 1 - min(0.999, 1 - curve((n + 1) / steps) / curve(n / steps))
        expected.append(product)
    np.testing.assert_allclose(cosine(steps), expected, rtol=1e-12)


@pytest.mark.parametrize("schedule", [linear, cosine])
@pytest.mark.parametrize("steps", [21, 1000])
def test_schedules_decrease_inside_0_and_1(schedule, steps):
    table = schedule(steps)
    assert table.shape == (steps,)
    assert table.dtype == np.float64
    assert table[0] < 1
    assert table[-1] > 0
    assert (np.diff(table) < 0).all()


def test_schedules_refuse_too_few_steps():
    with pytest.raises(ValueError, match="steps must be at least 21.*got 20"):
        linear(20)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        cosine(0)


def test_trailing_is_that_of_diffusers():
    reference = np.load(DATA / "vpred_ddim_reference.npz")
    np.testing.assert_array_equal(trailing(1000, 200), reference["ddim200.trailing.timesteps"])
    np.testing.assert_array_equal(trailing(1000, 20), reference["dpmpp2m20.timesteps"])


@pytest.mark.parametrize("count", [1, 3, 30, 64, 999, 1000])
def test_trailing_starts_at_the_last_step_and_never_repeats(count):
    steps = trailing(1000, count)
    assert len(steps) == count
    assert steps[0] == 999
    assert steps[-1] >= 0
    assert (np.diff(steps) < 0).all()


@pytest.mark.parametrize("spec", ["ddim25", "ddim50", "10", "25", "200"])
def test_respaced_is_the_official_one(golden, spec):
    np.testing.assert_array_equal(respaced(1000, spec), golden[f"respace.{spec}.timestep_map"])


@pytest.mark.parametrize(("spec", "expected"), [("1", [0]), ("ddim1", [0]), ("7", range(7)), ("ddim7", range(7))])
def test_respaced_at_its_ends(spec, expected):
    assert respaced(7, spec).tolist() == list(expected)


def test_spacings_refuse_what_they_cannot_visit():
    for count in (0, 11):
        with pytest.raises(ValueError, match=rf"1\.\.10, got {count}"):
            trailing(10, count)
        with pytest.raises(ValueError, match=rf"1\.\.10, got {count}"):
            respaced(10, f"ddim{count}")
    with pytest.raises(ValueError, match="no whole stride visits exactly 7 of 10"):
        respaced(10, "ddim7")
    for spec in ("", "ddim", "-3", "10,20", "dpm10", "2.5"):
        with pytest.raises(ValueError, match='spec must be "ddim" and a number'):
            respaced(1000, spec)
