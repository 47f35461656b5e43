"""One case, measured in a process of its own, so that its peak memory is its own and its death nobody else's.

`python -m cmmd_gen.speed.worker ORDER`, where ORDER is an `Order` as JSON. Writes JSON lines to stdout, each as soon as
it is known, so that what was measured before a process is killed is not lost:

{"baseline_bytes": B}                       memory in use before the network is made
{"parameters": N}
{"kind": K, "how": H, "repeats": [[seconds, processor seconds], ...], "gflop": G or null, "peak_bytes": B or null}
{"kind": K, "how": H, "why": sentence}      where that could not be measured
{"limit_gflops": G}                         of a matrix product in the same precision, last, for its memory; not where
                                            there is nothing to compare with it

how: "eager", then "graphs" on CUDA (one recorded CUDA graph per evaluation, the fastest a sampler can launch it), then
"compiled" if asked for. float32 is that: TF32 is off.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

import torch

from cmmd_gen.cmmd.unet import CMMDUNet
from cmmd_gen.mmdiff.unet import MMDiffUNet
from cmmd_gen.speed.arithmetic import gflop
from cmmd_gen.speed.cases import Case, Network
from cmmd_gen.speed.machine import peak_resident_bytes
from cmmd_gen.speed.networks import Inputs, Kind, build, denoiser, evaluate, fill, inputs
from cmmd_gen.speed.timing import matmul_limit, synchronizer, timed

How = Literal["eager", "graphs", "compiled"]
KINDS: tuple[Kind, ...] = ("forward", "guided")


class Order(NamedTuple):
    """A case, and how it is to be measured."""

    case: Case
    repeats: int
    threads: int
    compiled: bool


def ways(device: str, *, compiled: bool) -> list[tuple[Kind, How]]:
    """What is measured of a case, in that order. Forward comes first: guided peaks higher, and a peak never falls."""
    hows: list[How] = ["eager"]
    if torch.device(device).type == "cuda":
        hows.append("graphs")
    if compiled:
        hows.append("compiled")
    return [(kind, how) for how in hows for kind in KINDS]


def work(order: Order) -> Iterator[dict[str, Any]]:
    """The lines, in their order."""
    case = order.case
    device, dtype = case.device, torch.bfloat16 if case.precision == "bf16" else torch.float32
    torch.set_num_threads(order.threads)
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(0)
    synchronize = synchronizer(device)
    # Wakes a card, which before would not count its memory.
    synchronize()
    yield {"baseline_bytes": _peak(device)}
    unet = build(case.network)
    fill(unet)
    if dtype == torch.bfloat16:
        unet.to_half(dtype)
    yield {"parameters": sum(parameter.numel() for parameter in unet.parameters())}
    measured = False
    for kind, how in ways(device, compiled=order.compiled):
        _forget_peak(device)
        try:
            given = inputs(case.network, batch=case.batch, device=device)
            run = _runner(kind, how, unet.to(device), case.network, given)
            # The first evaluation is not timed. Operations can only be seen where they run one by one.
            arithmetic = gflop(run) / case.batch if how == "eager" else None
            if arithmetic is None:
                run()
            repeats = timed(run, repeats=order.repeats, synchronize=synchronize)
        except Exception as error:
            traceback.print_exc()
            yield {"kind": kind, "how": how, "why": reason(error)}
            continue
        # On a CPU a peak is of the whole process, which has also done all that came before.
        peak = _peak(device) if how == "eager" or device != "cpu" else None
        yield {"kind": kind, "how": how, "repeats": repeats, "gflop": arithmetic, "peak_bytes": peak}
        measured = True
        del run, given
    if measured:
        yield {"limit_gflops": matmul_limit(device, dtype, synchronize=synchronize)}


def reason(error: Exception) -> str:
    """Why something could not be measured, in a sentence."""
    told = (str(error).strip().splitlines() or [""])[0]
    # A CPU's allocator has no exception of its own.
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in told:
        return "out of memory: a smaller --batch, --precision bf16 or another preset needs less"
    return f"{type(error).__name__}: {told}"


def _runner(kind: Kind, how: How, unet: CMMDUNet | MMDiffUNet, network: Network, given: Inputs) -> Callable[[], Any]:
    runs = denoiser(unet, network, compiled=how == "compiled")
    run = partial(evaluate, kind, runs, given)
    return _recorded(run, given.video.device) if how == "graphs" else run


def _recorded(run: Callable[[], Any], device: torch.device) -> Callable[[], Any]:
    """`run` as a CUDA graph: the same kernels on the same memory, started by one call."""
    with torch.cuda.device(device):
        # What libraries set up on first use must not be recorded, nor happen on the stream that others use.
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(3):
                run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = run()

    def replay() -> Any:
        graph.replay()
        # The memory that the graph writes to, which must live as long as it.
        return out

    return replay


def _peak(device: str) -> int:
    return peak_resident_bytes() if device == "cpu" else torch.cuda.max_memory_allocated(device)


def _forget_peak(device: str) -> None:
    if device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _order(text: str) -> Order:
    fields = json.loads(text)
    network, *rest = fields.pop("case")
    return Order(Case(Network(*network), *rest), **fields)


if __name__ == "__main__":
    for line in work(_order(sys.argv[1])):
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
