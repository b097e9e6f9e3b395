"""What every generator and discriminator tells about itself."""

from torch import nn


class Generator(nn.Module):
    """A network from noise `(N, latent_dim)` to images `(N, channels, image_size, image_size)`.

    Attributes:
        latent_dim: Length of a noise vector; 0 for a network from images to images, which is
            called with images.
        image_size: Height and width of an image, in pixels.
        channels: Channels of an image.
        classes: Number of classes of a class-conditional network, which is called with the
            noise and with labels, int64 `(N,)`; None for all others.
        class_names: Their names, where they are known.
    """

    class_names: tuple[str, ...] = ()

    def __init__(
        self, *, latent_dim: int, image_size: int, channels: int, classes: int | None = None
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.image_size = image_size
        self.channels = channels
        self.classes = classes


class Discriminator(nn.Module):
    """A network from images to scores (logits), `(N,)` unless the class says otherwise.

    Attributes:
        image_size: Height and width of an image, in pixels.
        channels: Channels of an image.
        classes: As of the `Generator`: a conditional network is called with images and labels.
    """

    def __init__(self, *, image_size: int, channels: int, classes: int | None = None) -> None:
        super().__init__()
        self.image_size = image_size
        self.channels = channels
        self.classes = classes
