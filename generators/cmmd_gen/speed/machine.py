"""What figures were measured on: they mean nothing without it."""

import os
import platform
from pathlib import Path
from typing import Any

KIB = 1024


def machine(device: str, *, threads: int) -> dict[str, Any]:
    """Processor, card, versions and load, for the record and the head of a table."""
    import torch

    cuda = torch.device(device).type == "cuda"
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bf16": computes_bf16(device),
        "device": device,
        "card": torch.cuda.get_device_name(device) if cuda else None,
        "torch": torch.__version__,
        "cuda": torch.version.cuda if cuda else None,
        "python": platform.python_version(),
        "system": platform.platform(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def computes_bf16(device: str) -> bool:
    """Whether torch has more for bfloat16 than loops over single numbers, which take a hundred times as long."""
    import torch

    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    there: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return there and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def processor() -> str:
    """The name that its maker gives it, as far as the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def peak_resident_bytes() -> int:
    """The most memory that this process has had in use at a time: interpreter, libraries, weights and work.

    getrusage's figure also covers the process that started this one, up to the moment it became another program; where
    the system tells this program's own, that is taken.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * KIB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * KIB
