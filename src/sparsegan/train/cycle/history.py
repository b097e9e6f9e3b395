"""Generated images of the past, shown to a discriminator among fresh ones.

Shrivastava et al. 2017, section 2.3, in the form of CycleGAN (Zhu et al. 2017, section 4): a
discriminator that meets what its generator made some steps ago does not chase the newest images
alone, and the pair swings less.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class ImageHistory:
    """A pool of generated images.

    What it gives is a function of the images in it and of the numbers it is handed: it draws none
    of its own, so that a resumed run goes on as if it had not stopped.

    Args:
        size: Images that are kept (published: 50); 0 keeps none and passes fresh images on.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._kept: list[Tensor] = []

    def exchanged(self, fresh: Tensor, chances: Tensor) -> Tensor:
        """Fresh images, some of them exchanged for older ones.

        Until the pool is full every image goes into it and is shown. From then on one of two is
        shown as it is, and the other takes the place of one in the pool, which is shown instead.

        Args:
            fresh: Images `(N, C, H, W)`, detached.
            chances: Uniform numbers in [0, 1), `(N, 2)`: whether to exchange an image, and which
                image of the pool it is exchanged for.
        """
        if not self.size:
            return fresh
        shown = []
        for image, (exchange, which) in zip(fresh, chances.tolist(), strict=True):
            if len(self._kept) < self.size:
                self._kept.append(image.clone())
                shown.append(image)
            elif exchange < 0.5:
                shown.append(image)
            else:
                at = int(which * self.size)
                shown.append(self._kept[at])
                self._kept[at] = image.clone()
        return torch.stack(shown)

    def state_dict(self) -> dict[str, Any]:
        """The images, `(n, C, H, W)`; None while there are none."""
        return {"images": torch.stack(self._kept) if self._kept else None}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Take over saved images."""
        images = state["images"]
        self._kept = [] if images is None else [image.clone() for image in images.to(device)]
