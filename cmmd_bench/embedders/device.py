"""Where networks look at clips: on the CPU, or on one accelerator that is asked for by name.

On the CPU every clip is looked at by one thread of one process, and results are the same bits for any number of workers
on processors of one kind. On an accelerator the last bits are its own: features are cached under its name and never
mixed with those of another device.
"""

from cmmd_bench.errors import ENVIRONMENT, UserError

CPU = "cpu"

_chosen = CPU


def choose_device(name: str) -> None:
    """Use `name` ("cpu", "cuda", "cuda:1", "mps") in this process; UserError (environment) if torch cannot."""
    global _chosen
    if name == CPU:
        _chosen = CPU
        return
    import torch

    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"torch {torch.__version__} cannot use the device {name!r} here: {reason}. "
            "Leave --device out to use the CPU, or install a build of torch for the device.",
            exit_code=ENVIRONMENT,
        ) from None
    _chosen = name


def device() -> str:
    """The device in use."""
    return _chosen
