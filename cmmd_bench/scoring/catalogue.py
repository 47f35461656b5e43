"""What the metrics are, for people: the source of `cmmd-bench metrics` and of the README's tables.

`agreement` says how near a metric comes to the implementation that the field uses, as shown by the test beside it on
that implementation's own results (the sets of features, event lists and sounds in tests/data).
"""

from typing import NamedTuple


class Entry(NamedTuple):
    """One metric. test: the file that holds the proof of `agreement`, below the tests."""

    name: str
    measures: str
    unit: str
    better: str
    compares_with: str
    minimum: str
    agreement: str
    test: str


class Network(NamedTuple):
    """One family of embedders that needs weights: what they are, their size and licence; the rest as in `Entry`."""

    name: str
    sees: str
    features: str
    weights: str
    licence: str
    agreement: str
    test: str


_SET = "real clips"
_OWN = "each clip's own sound, or the truth"
_SQUARED = "squared feature units"

CATALOGUE = (
    Entry(
        *("fvd", "pictures of a set: Fréchet distance", _SQUARED, "lower", _SET, "2 clips; biased below D"),
        *("StyleGAN-V, cd-fvd 1e-9; VideoGPT, TATS, MM-Diffusion 5e-3 (n > 400)", "metrics/test_dialects.py"),
    ),
    Entry(
        *("kvd", "pictures of a set: unbiased cubic polynomial MMD²", "MMD²", "lower, 0 ± noise", _SET, "2 clips"),
        *("TATS, MM-Diffusion 1e-4; in float64 1e-9 relative", "metrics/test_mmd.py"),
    ),
    Entry(
        *("fad", "sounds of a set: Fréchet distance", _SQUARED, "lower", _SET, "2 clips; biased below D"),
        *("fadtk 1e-6", "metrics/test_fad.py"),
    ),
    Entry(
        *("fad-clip", "sound of each clip against the set of real ones, mean over clips", _SQUARED, "lower", _SET),
        *("2 clips", "fadtk 1e-6", "metrics/test_fad.py"),
    ),
    Entry(
        *("fvd-inf, fad-inf", "the same, extrapolated to infinitely many clips", _SQUARED, "lower, 0 ± noise", _SET),
        *("6 clips", "without replacement 1e-8; fadtk's draws with replacement remove no bias"),
        "metrics/test_extrapolation.py",
    ),
    Entry(
        *("kad", "sounds of a set: unbiased Gaussian MMD²", "100 MMD²", "lower, 0 ± noise", _SET, "2 clips"),
        *("kadtk 1e-3; in float64 1e-8", "metrics/test_kad.py"),
    ),
    Entry(
        *("precision, density", "fidelity: generated clips among real neighbours", "share, ratio", "higher", _SET),
        *("6 clips", "the definitions, exactly", "metrics/test_neighbours.py"),
    ),
    Entry(
        *("recall, coverage", "diversity: real clips among generated neighbours", "share", "higher", _SET),
        *("6 clips", "the definitions, exactly", "metrics/test_neighbours.py"),
    ),
    Entry(
        *("beat-hit", "reference beats hit within ± a tolerance, one to one", "share", "higher", _OWN, "1 beat"),
        *("mir_eval and librosa, exactly", "metrics/test_events.py"),
    ),
    Entry(
        *("beat-precision, beat-f1, beat-any-hit", "generated beats that hit; both; hits without matching", "share"),
        *("higher", _OWN, "1 beat", "mir_eval, exactly", "metrics/test_beats.py"),
    ),
    Entry(
        *("onset-f1, onset-accuracy, onset-ap", "onsets hit within ± a tolerance", "share", "higher", _OWN, "1 onset"),
        *("mir_eval, scikit-learn, exactly", "metrics/test_onsets.py"),
    ),
    Entry(
        *("cdcd-hit", "whole seconds with an onset in both", "share", "higher", "each clip's own sound", "1 onset"),
        *("D2M-GAN, CDCD, exactly", "metrics/test_second_bins.py"),
    ),
    Entry(
        *("cdcd-coverage", "as many seconds with an onset as the reference has", "ratio", "towards 1"),
        *("each clip's own sound", "1 onset", "D2M-GAN, CDCD, exactly", "metrics/test_second_bins.py"),
    ),
    Entry(
        *("av-align", "peaks of motion that sound, sounds that are seen", "share", "higher", "nothing", "1 peak"),
        *("TempoTokens, JavisBench, exactly; flow 1e-6", "metrics/test_av_align.py"),
    ),
)

NETWORKS = (
    Network(
        *("i3d", "picture, 9 frames or more", "400 logits", "i3d-pretrained-400, i3d-torchscript, 51 MB each"),
        *(
            "none stated (its origin: Apache-2.0, unconfirmed)",
            "10 dialects, logits 5e-6",
            "embedders/test_i3d_preprocess.py",
        ),
    ),
    Network(
        *("videomae:MODEL", "picture", "768 and more", "MCG-NJU/videomae-base and others, 377 MB"),
        *("CC-BY-NC-4.0", "transformers 1e-5", "embedders/test_videomae.py"),
    ),
    Network(
        *("clap-laion-audio", "sound, one window a second", "512, unit length", "630k-audioset-best.pt, 1.9 GB"),
        *("CC0-1.0", "fadtk 6e-8", "embedders/test_clap_laion.py"),
    ),
    Network(
        *("clap-laion-music", "sound, one window a second", "512, unit length", "music_audioset_epoch_15..., 2.4 GB"),
        *("CC0-1.0", "fadtk 7e-8", "embedders/test_clap_laion.py"),
    ),
    Network(
        *("clap-2023", "sound, one window a second", "1024", "CLAP_weights_2023.pth, 690 MB"),
        *("MS-PL", "fadtk 1.2e-6", "embedders/test_clap_2023.py"),
    ),
    Network(
        *("clap-hub:MODEL", "sound, one window a second", "512, unit length", "laion/clap-htsat-unfused and others"),
        *("as the Hub states", "transformers 2e-6", "embedders/test_clap_hub.py"),
    ),
)
