"""A module that learns: its optimiser, learning rate, gradient clip and running average of weights."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from cmmd_gen.training.rates import Rate


class Learner:
    """One module and what updates it.

    rate: learning rate at a step
    clip: largest norm of the gradient, or None
    average: share of the running average of weights that a step keeps (`rates.average`); None: no average
    """

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        *,
        rate: Rate,
        clip: float | None = None,
        average: Rate | None = None,
    ) -> None:
        self.module, self.optimizer, self.rate, self.clip = module, optimizer, rate, clip
        self.averaged = None if average is None else AveragedModel(module, multi_avg_fn=_lerp(average))
        if self.averaged is not None:
            # It is looked at and exported, never trained: no dropout.
            self.averaged.eval()

    @property
    def best(self) -> nn.Module:
        """The module with averaged weights, or the module itself without an average."""
        return self.module if self.averaged is None else self.averaged.module

    def step(self, step: int) -> float:
        """Update from the gradients that are there; returns their norm. Nothing is updated if it is not finite."""
        parameters = [p for p in self.module.parameters() if p.grad is not None]
        norm = float(nn.utils.clip_grad_norm_(parameters, self.clip or float("inf")))
        if norm != norm or norm == float("inf"):
            return norm
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(step)
        self.optimizer.step()
        if self.averaged is not None:
            self.averaged.update_parameters(self.module)
        return norm

    def state(self) -> dict[str, Any]:
        """Everything that another step depends on, as tensors and plain values."""
        averaged = None if self.averaged is None else self.averaged.state_dict()
        return {"module": self.module.state_dict(), "optimizer": self.optimizer.state_dict(), "averaged": averaged}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what `state` returned."""
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])


def _lerp(average: Rate) -> Any:
    @torch.no_grad()
    def update(averages: list[Tensor], currents: list[Tensor], count: Tensor | int) -> None:
        share = 1 - average(int(count))
        for mean, current in zip(averages, currents, strict=True):
            mean.lerp_(current.to(mean.dtype), share)

    return update
