"""DCGAN's generator, painting at every size: the network of a trial in few-pictures.md.

Each stage's features become colours, which are added to the smaller sizes' colours made twice as
large, as Karras et al. 2020 do in StyleGAN2 ("output skips").
"""

from torch import Tensor, nn
from torch.nn import functional as F

from sparsegan.nets.blocks import double
from sparsegan.nets.dcgan import GENERATOR_WIDTH, DCGANGenerator


class Skip(DCGANGenerator):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    def __init__(
        self,
        *,
        image_size: int,
        channels: int = 3,
        width: int = GENERATOR_WIDTH,
        latent_dim: int = 128,
    ) -> None:
        super().__init__(
            image_size=image_size, channels=channels, width=width, latent_dim=latent_dim
        )
        self.paints = nn.ModuleList(
            nn.Conv2d(stage.conv.in_channels, channels, 1) for stage in self.stages
        )

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = F.relu(self.norm(self.linear(z).unflatten(1, (-1, self.start, self.start))))
        image: Tensor = self.paints[0](h)
        for stage, paint in zip(self.stages, [*self.paints[1:], self.conv], strict=True):
            h = stage(h)
            image = paint(h) + double(image)
        return image.tanh()
