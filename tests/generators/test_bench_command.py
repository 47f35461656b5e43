"""`cmmd-bench bench generators`: what it counts, what it measures, and what becomes of what it cannot."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import scaled_dot_product_attention
from typer.testing import CliRunner

from cmmd_bench.cli import app
from cmmd_bench.errors import ENVIRONMENT, USAGE, UserError
from cmmd_gen.cmmd.config import PRESETS as CMMD
from cmmd_gen.cmmd.config import CMMDConfig
from cmmd_gen.mmdiff.config import PRESETS as MMDIFF
from cmmd_gen.mmdiff.config import MMDiffConfig
from cmmd_gen.speed.arithmetic import gflop
from cmmd_gen.speed.cases import Case, Network, cases
from cmmd_gen.speed.machine import machine
from cmmd_gen.speed.measure import Measurement, Result, cause_of_death, measure
from cmmd_gen.speed.networks import build, denoiser, evaluate, fill, inputs
from cmmd_gen.speed.report import as_json, failures, table, table_3
from cmmd_gen.speed.timing import Repeat, timed

CMMD16, CMMD36, CMMD64 = (
    Network("cmmd", "paper", 18, 16, 112),
    Network("cmmd", "paper", 36, 16, 224),
    Network("cmmd", "paper", 18, 64, 112),
)
MMDIFF64 = Network("mmdiff", "paper", 16, 64, 25_600)
MMDIFF_TINY = Network("mmdiff", "tiny", MMDIFF["tiny"].frames, MMDIFF["tiny"].size, MMDIFF["tiny"].samples)
TINY = Network("cmmd", "tiny", 18, 8, 112)


def run(*words: object):
    return CliRunner().invoke(app, ["bench", "generators", *(str(word) for word in words)])


def cmmd_gflop(config: CMMDConfig, F: int, S: int, T: int) -> float:
    """A forward pass by hand: the published form, every layer at its resolution."""

    def block(v: tuple[int, int], a: tuple[int, int], level: int, attends: bool) -> int:
        pixels, length, tokens = (S >> level) ** 2, T >> level, F * (S >> level) ** 2
        (v_in, v_out), (a_in, a_out) = v, a
        macs = tokens * (9 * v_in * v_out + 3 * v_out**2 + v_out**2 + (v_in != v_out) * v_in * v_out)
        macs += length * (3 * a_in * a_out + a_out**2 + (a_in != a_out) * a_in * a_out)
        macs += 2 * config.time_width * (v_out + a_out)
        macs += tokens * v_out**2 + length * a_out**2 + 2 * F * v_out * a_out
        if attends:
            macs += 2 * tokens * 4 * v_out**2 + 2 * tokens * (pixels + F) * v_out
            macs += length * 4 * a_out**2 + 2 * length**2 * a_out
        return macs

    def resampling(v: int, a: int, level: int) -> int:
        return F * (S >> level) ** 2 * 9 * v**2 + (T >> level) * 3 * a**2

    widths = list(zip(config.video_widths, config.audio_widths, strict=True))
    v, a = widths[0]
    macs = 2 * config.time_width**2 + F * S**2 * (9 * config.latent_channels * v + 3 * v**2)
    macs += T * 3 * config.mel_bands * a
    skips = []
    for level, (to_v, to_a) in enumerate(widths):
        for _ in range(config.blocks):
            macs += block((v, to_v), (a, to_a), level, level in config.attention_levels)
            v, a = to_v, to_a
            skips.append((v, a))
        if level + 1 < len(widths):
            macs += resampling(v, a, level + 1)
    macs += sum(block((v, v), (a, a), len(widths) - 1, attends) for attends in (True, False))
    for level, (to_v, to_a) in reversed(list(enumerate(widths))):
        for _ in range(config.blocks):
            skip_v, skip_a = skips.pop()
            macs += block((v + skip_v, to_v), (a + skip_a, to_a), level, level in config.attention_levels)
            v, a = to_v, to_a
        if level:
            macs += resampling(v, a, level - 1)
    macs += F * S**2 * 9 * v * config.latent_channels + T * 3 * a * config.mel_bands
    return 2 * macs / 1e9


def mmdiff_gflop(config: MMDiffConfig) -> float:
    """A forward pass by hand, of the published form."""
    F, S, L, E = config.frames, config.size, config.samples, config.width

    def sizes(level: int) -> tuple[int, int, int]:
        pixels = (S >> level) ** 2
        return F * pixels, pixels, L >> 2 * level

    def residual(inputs: int, outputs: int, level: int, *, attends: bool = False, to: int | None = None) -> int:
        tokens, pixels, length = sizes(level)
        after, _, length_after = sizes(level if to is None else to)
        macs = tokens * (9 * inputs * outputs + 3 * outputs**2) + length * 3 * inputs * outputs + 2 * E * outputs
        macs += (after + length_after) * (outputs**2 + (inputs != outputs) * inputs * outputs)
        if attends:
            macs += 2 * tokens * 4 * outputs**2 + 2 * tokens * (pixels + F) * outputs
        return macs

    def cross(width: int, level: int, window: int) -> int:
        tokens, pixels, length = sizes(level)
        seen = tokens * window * (length // F) + length * window * pixels
        return (tokens + length) * 4 * width**2 + 2 * seen * width

    def stage(inputs: int, outputs: int, level: int) -> int:
        macs = residual(inputs, outputs, level, attends=level > 0)
        return macs + (cross(outputs, level, config.windows[level - 1]) if level else 0)

    widths = [E * multiplier for multiplier in config.multipliers]
    tokens, _, length = sizes(0)
    macs = 2 * E**2 + tokens * (9 * 3 * E + 3 * E**2) + length * 3 * E
    skips = [E]
    for level, width in enumerate(widths):
        for _ in range(config.blocks):
            macs += stage(skips[-1], width, level)
            skips.append(width)
        if level + 1 < len(widths):
            macs += residual(width, width, level, to=level + 1)
            skips.append(width)
    deepest, last = widths[-1], len(widths) - 1
    audio = sizes(last)[2]
    middle = residual(deepest, deepest, last, attends=True) + audio * 4 * deepest**2 + 2 * audio**2 * deepest
    macs += 2 * middle + cross(deepest, last, F)
    current = deepest
    for level, width in reversed(list(enumerate(widths))):
        for index in range(config.blocks + 1):
            macs += stage(current + skips.pop(), width, level)
            current = width
            if level and index == config.blocks:
                macs += residual(width, width, level, to=level - 1)
    macs += tokens * 27 * E * 3 + length * 3 * E
    return 2 * macs / 1e9


@pytest.mark.parametrize(("network", "specified"), [(CMMD16, 60), (CMMD36, 120), (CMMD64, 1016)])
def test_cmmd_s_published_arithmetic(network, specified):
    by_hand = cmmd_gflop(CMMD["paper"], network.frames, network.size, network.length)
    assert by_hand == pytest.approx(specified, rel=0.03)


def test_cmmd_s_arithmetic_is_that_of_its_layers():
    by_hand = cmmd_gflop(CMMD["tiny"], TINY.frames, TINY.size, TINY.length)
    with torch.device("meta"):
        unet = build(TINY)
    given = inputs(TINY, batch=1, device="meta")
    assert gflop(lambda: evaluate("forward", denoiser(unet, TINY), given)) == pytest.approx(by_hand, rel=0.01)


def test_mm_diffusion_s_published_form():
    assert mmdiff_gflop(MMDIFF["paper"]) == pytest.approx(1329, rel=0.001)


@pytest.mark.parametrize("network", [MMDIFF_TINY, pytest.param(MMDIFF64, marks=pytest.mark.slow)], ids=str)
def test_mm_diffusion_does_a_little_less_than_its_published_form(network):
    """It pools before it convolves where that is the same, and leaves out products with the zeros around the sound."""
    # Its forward asks for a processor, which these tensors without contents pretend to lie on.
    contentless = FakeTensorMode()
    with contentless:
        unet = build(network)
    runs = denoiser(unet, network)
    with contentless:
        given = inputs(network, batch=1, device="cpu")
        counted = gflop(lambda: evaluate("forward", runs, given))
    assert 0.88 < counted / mmdiff_gflop(MMDIFF[network.preset]) <= 1


def test_operations_that_torch_does_not_count():
    a, b, into = torch.randn(30, 40), torch.randn(40, 50), torch.randn(30, 50)
    assert gflop(lambda: into.addmm_(a, b)) == pytest.approx(2 * 30 * 40 * 50 / 1e9)
    q, k, v = (torch.randn(2, 3, length, 8, requires_grad=True) for length in (5, 7, 7))
    products = 2 * (2 * 3 * 5 * 7 * 8) / 1e9
    with torch.no_grad():
        assert gflop(lambda: scaled_dot_product_attention(q, k, v)) == pytest.approx(2 * products)
    # Backwards the scores are computed again, then one product for each of dv, dp, dq and dk.
    both = gflop(lambda: torch.autograd.grad(scaled_dot_product_attention(q, k, v).sum(), (q, k, v)))
    assert both == pytest.approx((2 + 5) * products)


def test_a_guided_evaluation_is_the_gradient_of_the_audio():
    unet = build(TINY)
    fill(unet)
    assert all(parameter.any() and not parameter.requires_grad for parameter in unet.parameters())
    given = inputs(TINY, batch=2, device="cpu")
    out, gradient = evaluate("guided", denoiser(unet, TINY), given)
    assert gradient.shape == given.audio.shape
    assert gradient.abs().max() > 0
    unguided, nothing = evaluate("forward", denoiser(unet, TINY), given)
    assert nothing is None
    assert torch.allclose(out.video, unguided.video, atol=1e-5)
    assert not unguided.video.requires_grad


def test_cases_are_all_combinations():
    every = cases(["cmmd", "mmdiff"], ["paper", "tiny"], device="cpu", precisions=["fp32", "bf16"], batches=[1, 8])
    assert len(every) == len(set(every)) == 7 * 2 * 2
    assert list(dict.fromkeys(case.network for case in every))[:3] == [CMMD16, CMMD36, CMMD64]
    assert Case(MMDIFF64, "cpu", "bf16", 8) in every


def test_repeats_are_of_equal_length_after_a_warm_up():
    runs = [0]
    repeats = timed(lambda: runs.__setitem__(-1, runs[-1] + 1), repeats=3, synchronize=lambda: runs.append(0))
    *warm_up, first, second, third, after = runs
    assert len(repeats) == 3
    assert warm_up
    assert set(warm_up) == {1}
    assert first == second == third > 1
    assert after == 0
    assert all(repeat.seconds > 0 for repeat in repeats)


BALLAST = """
from pathlib import Path
from cmmd_gen.speed.machine import peak_resident_bytes
resident = int(Path("/proc/self/statm").read_text().split()[1]) * __import__("resource").getpagesize()
ballast = bytearray(b"x") * 2**28
peak = peak_resident_bytes()
weight = len(ballast)
del ballast
print(resident, weight, peak, peak_resident_bytes())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="the system does not tell what is resident")
def test_peak_memory_is_of_this_process():
    done = subprocess.run([sys.executable, "-c", BALLAST], capture_output=True, text=True, check=True)
    resident, weight, peak, after = map(int, done.stdout.split())
    # In use before, and the ballast; it is remembered after the ballast is gone. What else came is small beside it.
    assert resident + weight <= peak < resident + 1.5 * weight
    # The system's count lags by some pages.
    assert after > peak - weight / 10


def test_a_case_in_its_own_process_and_the_whole_of_the_json():
    done = run(
        "--models", "cmmd", "--quick", "--precision", "fp32", "--batch", "1", "--threads", 1, "--repeats", 2, "--json"
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert set(told) == {"schema", "machine", "repeats", "repeat_seconds", "meaning", "cases", "table_3"}
    assert told["machine"] == {**machine("cpu", threads=1), "load": told["machine"]["load"]}
    assert told["machine"]["torch"] == torch.__version__
    assert told["machine"]["processor"]
    case, longer = told["cases"]
    assert longer["frames"] == 2 * case["frames"]
    assert case["model"] == "cmmd"
    assert case["preset"] == "tiny"
    assert case["parameters"] == sum(
        parameter.numel() for parameter in build(Network(*(case[name] for name in Network._fields))).parameters()
    )
    assert case["limit_gflops"] > 0
    assert case["gflop"]["forward"] < case["gflop"]["guided"]
    assert case["gflop"]["forward"] == pytest.approx(cmmd_gflop(CMMD["tiny"], *TINY[2:]), rel=0.01)
    forward, guided = case["measurements"]
    assert (forward["kind"], guided["kind"]) == ("forward", "guided")
    for one in (forward, guided):
        assert one["how"] == "eager"
        assert one["why"] is None
        assert len(one["repeats"]) == told["repeats"] == 2
        seconds = [repeat["seconds"] for repeat in one["repeats"]]
        assert one["milliseconds"] == pytest.approx(1000 * sum(seconds) / 2)
        assert all(repeat["processor_seconds"] > 0 for repeat in one["repeats"])
        assert one["clips_per_second"] == pytest.approx(1000 / one["milliseconds"])
        rate = case["gflop"][one["kind"]] / one["milliseconds"] * 1000
        assert one["of_limit"] == pytest.approx(rate / case["limit_gflops"])
    assert case["baseline_bytes"] < forward["peak_bytes"] <= guided["peak_bytes"]
    assert told["table_3"][0]["milliseconds"] == {"MM-Diffusion": 721, "CMMD 64x64": 299, "CMMD 16x16": 136}
    assert len(told["table_3"]) == 1
    assert "[1/2] cmmd tiny, 18 frames, 8x8, fp32, batch 1, cpu" in done.stderr


def test_out_of_memory_is_said_in_the_row():
    """More clips than any address space holds."""
    lines = []
    (result,) = measure([Case(TINY, "cpu", "fp32", 10**11)], repeats=1, threads=1, tell=lines.append)
    assert [one.why for one in result.measurements] == 2 * [
        "out of memory: a smaller --batch, --precision bf16 or another preset needs less"
    ]
    assert result.parameters
    assert result.limit_gflops is None
    (row,) = table([result])[1]
    assert row.count("out of memory") == 2
    assert len(failures([result])) == 2
    assert "out of memory" in lines[1]


def test_a_process_that_dies_says_what_it_can():
    assert cause_of_death(-signal.SIGKILL, "").startswith("killed: most often for lack of memory")
    assert cause_of_death(1, "Traceback\nOSError: gone\n") == "ended with code 1: OSError: gone"
    assert cause_of_death(3, "") == "ended with code 3: no message"


def made_up(network: Network, *milliseconds: float, precision: str = "fp32", batch: int = 1) -> Result:
    kinds = ("forward", "guided")
    return Result(
        Case(network, "cpu", precision, batch),
        tuple(
            Measurement(kind, "eager", (Repeat(ms / 1000, ms / 1000), Repeat(ms / 500, ms / 500)), 12.5, 2 * 10**9)
            if ms
            else Measurement(kind, "eager", why="out of memory: more is needed")
            for kind, ms in zip(kinds, milliseconds, strict=True)
        ),
        parameters=106_224_852,
        limit_gflops=100.0,
    )


def test_the_table():
    heads, (row,) = table([made_up(CMMD16, 200, 0, batch=4)])
    assert dict(zip(heads[:8], row, strict=False)) == {
        "network": "cmmd paper, 18 frames, 16x16",
        "precision": "fp32",
        "batch": "4",
        "how": "eager",
        "parameters": "106,224,852",
        "GFLOP": "12.5",
        "forward ms": "300 (200–400)",
        "of limit": "167%",
    }
    assert row[8:] == ["2.00 GB", "out of memory", "–", "–", "–", "13.3"]
    assert len(heads) == len(row)
    assert failures([made_up(CMMD16, 200, 0)]) == [
        "cmmd paper, 18 frames, 16x16, fp32, batch 1, cpu, guided, eager: out of memory: more is needed"
    ]


def test_table_3_sets_ratios_beside_the_paper_s():
    results = [made_up(CMMD16, 200, 400), made_up(CMMD64, 3000, 8000), made_up(MMDIFF64, 8000, 0)]
    others = [made_up(CMMD36, 1, 1), made_up(TINY, 1, 1), made_up(MMDIFF64, 1, 1, batch=8)]
    heads, rows = table_3([*results, *others])
    assert heads == [
        "ms per evaluation, batch 1",
        "MM-Diffusion (133M)",
        "CMMD 64x64 (106M)",
        "CMMD 16x16 (106M)",
        "ratios",
    ]
    assert rows == [
        ["paper, RTX Titan", "721", "299", "136", "5.3 : 2.2 : 1"],
        ["here, cpu, fp32, forward, eager", "12000", "4500", "300", "40.0 : 15.0 : 1"],
        ["here, cpu, fp32, guided, eager", "–", "12000", "600", "– : 20.0 : 1"],
    ]


def test_what_failed_and_what_was_not_reached_is_null_in_the_json():
    died = Result(Case(MMDIFF64, "cpu", "bf16", 1), (Measurement("forward", "eager", why="killed: most often"),))
    told = json.loads(json.dumps(as_json([died], machine={}, repeats=1), allow_nan=False))
    (case,) = told["cases"]
    assert case["parameters"] is None
    assert case["gflop"] == {"forward": None, "guided": None}
    (one,) = case["measurements"]
    assert one["milliseconds"] is one["of_limit"] is one["peak_bytes"] is one["clips_per_second"] is None
    assert one["why"] == "killed: most often"


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--models", "cmd"), "no model named 'cmd'. Did you mean 'cmmd'?"),
        (("--presets", "papers"), "no preset named 'papers'. Did you mean 'paper'?"),
        (("--precision", "fp16"), "no precision named 'fp16'. Did you mean 'bf16'?"),
        (("--device", "mps"), "no device to measure on named 'mps'"),
        (("--batch", "1,0"), "--batch '1,0' is not whole numbers above 0"),
        (("--batch", "1,x"), "--batch '1,x' is not whole numbers above 0"),
        (("--models", ","), "--models ',' names nothing"),
        (("--quick", "--presets", "paper"), "Leave one out"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_measured(words, part):
    done = run(*words)
    assert isinstance(done.exception, UserError)
    assert part in str(done.exception)
    assert done.exception.exit_code == USAGE


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_card_is_named():
    done = run("--device", "cuda", "--quick")
    assert isinstance(done.exception, UserError)
    assert "cannot use the device 'cuda' here" in str(done.exception)
    assert done.exception.exit_code == ENVIRONMENT


@pytest.mark.slow
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_card_with_graphs():
    results = measure(cases(["cmmd", "mmdiff"], ["tiny"], device="cuda", precisions=["fp32", "bf16"], batches=[1, 8]),
                      repeats=2, threads=1, tell=lambda line: None)  # fmt: skip
    assert not failures(results)
    for result in results:
        assert [(one.kind, one.how) for one in result.measurements] == [
            ("forward", "eager"), ("guided", "eager"), ("forward", "graphs"), ("guided", "graphs"),
        ]  # fmt: skip
        assert all(result.of_limit(one) and one.peak_bytes for one in result.measurements)
