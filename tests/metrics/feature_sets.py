"""The golden feature sets, by the names that their results carry."""

import numpy as np

DATA_PAIRS = {
    "small": ("fake_s", "real_s"),
    "medium": ("fake_m", "real_m"),
    "null": ("real_m2", "real_m"),
    "self": ("real_m", "real_m"),
}


def video_pair(golden, pair):
    """(fake, real) features (n, 400) of a pair in fvd_results.json."""
    if pair == "large":
        return _large(golden("fvd_results.json")["recipe_large"])
    arrays = golden("fvd_features.npz")
    if pair == "single":
        return arrays["fake_m"][:1], arrays["real_m"][:1]
    fake, real = DATA_PAIRS[pair]
    return arrays[fake], arrays[real]


def audio_reference(golden):
    """Mean (512,) and covariance (512, 512) that fadtk publishes for clap-laion-audio."""
    arrays = golden("fad_reference.npz")
    upper = np.zeros((512, 512))
    upper[np.triu_indices(512)] = arrays["cov_upper"]
    return arrays["mu"], upper + np.triu(upper, 1).T


def _large(recipe):
    j = np.arange(400)
    s, m = 4 / np.sqrt(1 + j / 20), 2.5 * np.cos(1.7 * j + 0.3)

    def normal(seed, n):
        return np.random.RandomState(seed).standard_normal(n * 400).reshape(n, 400)

    fake = m + 0.6 * np.sin(0.9 * j) + 0.9 * s * normal(recipe["seed_fake"], recipe["n_fake"])
    real = m + s * normal(recipe["seed_real"], recipe["n_real"])
    return fake.astype(np.float32), real.astype(np.float32)
