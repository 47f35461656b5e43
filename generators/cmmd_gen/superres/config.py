"""What decides the super-resolution network, and what its numbers stand for.

`paper` is MM-Diffusion's 64 -> 256 model: the image upsampler of guided diffusion without its classes, which predicts
the noise in frames. `tiny` makes 64x64 frames of 16x16 ones, small enough to learn within minutes on one core.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class SuperresConfig:
    """An image U-Net over single frames, which come out `factor` times as high and wide as they went in.

    size: height and width of the large frames it is trained on; it works on others as well
    width, multipliers: channels of the first level, and of each level in units of it; every level halves the grid
    blocks: residual blocks per level going down; one more going up
    attention: by how much the grid is reduced where blocks attend; the middle always does
    time: width of the embedding of the step, in units of `width`
    patch: side of the squares of pixels that make one position of the first grid
    detail: None for the published model: the chain runs over frames; the network predicts their noise and the variance
        of a step. A number: the chain runs over (frame - smooth) / detail, `smooth` being the small frame enlarged, and
        the network predicts just that. So a network that knows little gives smooth frames and not noise, none of the
        noise has to pass through it, and few steps are enough
    """

    size: int = 256
    factor: int = 4
    width: int = 192
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 4, 4)
    blocks: int = 2
    attention: tuple[int, ...] = (8, 16, 32)
    heads: int = 4
    groups: int = 32
    time: int = 4
    patch: int = 1
    detail: float | None = None

    def __post_init__(self) -> None:
        for name in ("multipliers", "attention"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for channels in {self.width * multiplier for multiplier in self.multipliers}:
            if channels % self.groups or channels % self.heads:
                raise ValueError(
                    f"groups and heads must divide the width of every level, got {self.groups} groups, {self.heads} "
                    f"heads and a level {channels} wide"
                )
        if self.width % 2:
            raise ValueError(f"width must be even, got {self.width}")
        if self.detail is not None and not self.detail > 0:
            raise ValueError(f"detail must be above 0, or None, got {self.detail}")
        self.check_size(self.size, self.size)

    @property
    def outputs(self) -> int:
        """Channels that the network returns: the prediction, and what places the variance where it is learned."""
        return 6 if self.detail is None else 3

    def check_size(self, height: int, width: int) -> None:
        """Raise ValueError unless large frames may be `height` x `width`."""
        grid = self.patch * 2 ** (len(self.multipliers) - 1)
        for unit, why in ((self.factor, "the factor"), (grid, "the patch and the levels")):
            if height % unit or width % unit or min(height, width) < 1:
                raise ValueError(
                    f"height and width of large frames must be multiples of {unit} ({why}), got {height} and {width}"
                )


NETWORKS: Mapping[str, SuperresConfig] = MappingProxyType(
    {
        "paper": SuperresConfig(),
        # Patches as large as the factor keep the whole network on the grid of the small frames. `detail` is about the
        # deviation that it divides by, over frames of beatdance and kitchen.
        "tiny": SuperresConfig(
            size=64,
            width=48,
            multipliers=(1,),
            blocks=1,
            attention=(),
            heads=2,
            groups=8,
            time=1,
            patch=4,
            detail=0.13,
        ),
    }
)


def config_from(fields: Mapping[str, Any]) -> SuperresConfig:
    """The config that `dataclasses.asdict` and JSON made these fields of."""
    return SuperresConfig(**fields)
