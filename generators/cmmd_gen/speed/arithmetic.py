"""Arithmetic of an evaluation, counted while it runs.

GFLOP are 10^9 floating-point operations of convolutions, matrix products and attention, a multiplication with its
addition being two; norms, activations and softmax are not counted, as is usual. Counted is what this implementation
does on the device: work that it saves and the published form does is not in the figure, work that it does twice is.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count


def gflop(run: Callable[[], Any]) -> float:
    """Runs `run` once, outside of CUDA graphs and torch.compile, where operations cannot be seen."""
    with FlopCounterMode(display=False, custom_mapping=_UNKNOWN_TO_TORCH) as counter:
        run()
    return float(counter.get_total_flops()) / 1e9


def _product(_into: Sequence[int], a: Sequence[int], b: Sequence[int], **_: Any) -> int:
    """Operations of a matrix product of these shapes."""
    return 2 * a[0] * a[1] * b[1]


def _attention(q: Sequence[int], k: Sequence[int], v: Sequence[int], *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(q, k, v))  # type: ignore[no-untyped-call]


def _attention_backward(
    grad: Sequence[int], q: Sequence[int], k: Sequence[int], v: Sequence[int], *_: Any, **__: Any
) -> int:
    return int(sdpa_backward_flop_count(grad, q, k, v))  # type: ignore[no-untyped-call]


_UNKNOWN_TO_TORCH = {
    torch.ops.aten.addmm_: _product,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
}
