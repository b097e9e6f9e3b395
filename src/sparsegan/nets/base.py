"""What every generator tells about itself."""

from torch import nn


class Generator(nn.Module):
    """A network from noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)`.

    Attributes:
        latent_dim: Length of a noise vector.
        image_size: Height and width of an image, in pixels.
        channels: Channels of an image.
    """

    def __init__(self, *, latent_dim: int, image_size: int, channels: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.image_size = image_size
        self.channels = channels
