"""Noising, and the velocity a network predicts (Salimans and Ho 2022; CMMD section 3.1).

    x_n = sqrt(alpha_bar_n) x0  + sqrt(1 - alpha_bar_n) eps
    v   = sqrt(alpha_bar_n) eps - sqrt(1 - alpha_bar_n) x0

so that x_n and v are x0 and eps turned by one angle, and turning back gives x0 and eps again without a division.

alpha_bar_n is a tensor of one dimension (B,), one level per sample, or anything that broadcasts against x as it is.
Keep it in float64: the roots are taken in its own precision and only then brought to the dtype and device of x.
"""

from torch import Tensor


def noised(x0: Tensor, eps: Tensor, alpha_bar_n: Tensor) -> Tensor:
    """x_n: x0 (B, ...) with as much of the noise eps (B, ...) as level n asks for."""
    return _turned(x0, eps, alpha_bar_n)


def velocity(x0: Tensor, eps: Tensor, alpha_bar_n: Tensor) -> Tensor:
    """v of x0 and eps, what a v-predicting network is trained to return."""
    return _turned(eps, -x0, alpha_bar_n)


def x0_from_velocity(x_n: Tensor, v: Tensor, alpha_bar_n: Tensor) -> Tensor:
    """x0 = sqrt(alpha_bar_n) x_n - sqrt(1 - alpha_bar_n) v."""
    return _turned(x_n, -v, alpha_bar_n)


def eps_from_velocity(x_n: Tensor, v: Tensor, alpha_bar_n: Tensor) -> Tensor:
    """Eps = sqrt(alpha_bar_n) v + sqrt(1 - alpha_bar_n) x_n."""
    return _turned(v, x_n, alpha_bar_n)


def _turned(a: Tensor, b: Tensor, alpha_bar_n: Tensor) -> Tensor:
    """sqrt(alpha_bar_n) a + sqrt(1 - alpha_bar_n) b."""
    if alpha_bar_n.ndim == 1:
        alpha_bar_n = alpha_bar_n.reshape(-1, *[1] * (a.ndim - 1))
    return alpha_bar_n.sqrt().to(a) * a + (1 - alpha_bar_n).sqrt().to(a) * b
