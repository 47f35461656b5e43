"""A network that is only asked: gradients through it, none for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from cmmd_gen.types import Denoiser


@contextmanager
def frozen(denoiser: Denoiser) -> Iterator[None]:
    """Inside, no gradients for parameters, which guidance would otherwise keep activations for."""
    parameters = list(denoiser.parameters()) if isinstance(denoiser, nn.Module) else []
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
