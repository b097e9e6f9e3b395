"""DCGAN whose generator paints at every size, for 28 to 256 pixels.

Behind each stage a 1x1 convolution makes colours of its features; they are added to the colours of
the size before, every pixel made four, as StyleGAN2's "output skips" are (Karras et al. 2020). So
the wide layers at small sizes colour an image themselves, where `dcgan` has to bring every colour
through a few channels at full size. The discriminator is that of `dcgan`:

| generator, 32 pixels           |          | painted         |
| ------------------------------ | -------- | --------------- |
| noise                          | 128      |                 |
| linear, BN, ReLU               | 8W x 4²  | conv1: 3 x 4²   |
| transposed conv4 x 2, BN, ReLU | 4W x 8²  | conv1: 3 x 8²   |
| the same                       | 2W x 16² | conv1: 3 x 16²  |
| the same                       | W x 32²  | conv3: 3 x 32²  |
| tanh of the sum                |          | 3 x 32²         |
"""

from torch import Tensor, nn

from sparsegan.nets.blocks import double
from sparsegan.nets.dcgan import DCGANGenerator


class DCGANSkipGenerator(DCGANGenerator):
    """Noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)` in [-1, 1]."""

    def __init__(self, *, channels: int = 3, **others: int) -> None:
        super().__init__(channels=channels, **others)
        self.paints = nn.ModuleList(nn.Conv2d(each, channels, 1) for each in self.widths[:-1])

    def forward(self, z: Tensor) -> Tensor:
        """Images of the noise `z`."""
        h = self.smallest(z)
        image: Tensor = self.paints[0](h)
        for stage, paint in zip(self.stages, [*self.paints[1:], self.conv], strict=True):
            h = stage(h)
            image = paint(h) + double(image)
        return image.tanh()
