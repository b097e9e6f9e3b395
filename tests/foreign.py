"""Networks as others write them, for tests of one's own networks."""

import torch
from torch import nn

nz = 12


class TutorialGenerator(nn.Module):
    """The DCGAN tutorial's way: noise (N, nz, 1, 1), and nothing tells nz."""

    def __init__(self, ngf=4, nc=3):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, 2 * ngf, 4, 1, 0, bias=False),
            nn.BatchNorm2d(2 * ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(2 * ngf, ngf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(ngf),
            nn.ReLU(True),
            nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, x):
        return self.main(x)


class TutorialDiscriminator(nn.Module):
    """The DCGAN tutorial's way: scores (N, 1, 1, 1) after a sigmoid."""

    def __init__(self, ndf=4, nc=3, sigmoid=True):
        super().__init__()
        layers = [
            nn.Conv2d(nc, ndf, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, 2 * ndf, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * ndf),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * ndf, 1, 4, 1, 0, bias=False),
        ]
        self.main = nn.Sequential(*layers, *[nn.Sigmoid()] * sigmoid)

    def forward(self, x):
        return self.main(x)


def critic():
    """The same without its sigmoid."""
    return TutorialDiscriminator(sigmoid=False)


class Called(nn.Module):
    """Takes all that can be told, under the names of others, and noise (N, z_dim)."""

    def __init__(self, z_dim=7, image_size=8, channels=1, width=2):
        super().__init__()
        self.z_dim, self.arguments = z_dim, (z_dim, image_size, channels, width)
        self.shape = (channels, image_size, image_size)
        self.layers = nn.Sequential(nn.Linear(z_dim, width), nn.Dropout(), nn.ReLU())
        self.out = nn.Linear(width, channels * image_size**2)

    def forward(self, z):
        return torch.tanh(self.out(self.layers(z))).view(-1, *self.shape)


class Labelled(nn.Module):
    """A generator of images by class."""

    def __init__(self, image_size, channels, classes):
        super().__init__()
        self.latent_dim, self.shape = 5, (channels, image_size, image_size)
        self.embed = nn.Embedding(classes, 5)
        self.out = nn.Linear(5, channels * image_size**2)

    def forward(self, z, y):
        return torch.tanh(self.out(z + self.embed(y))).view(-1, *self.shape)


class LabelledScores(nn.Module):
    """A discriminator by projection."""

    def __init__(self, image_size, channels, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(channels * image_size**2, 4), nn.ReLU())
        self.head, self.embed = nn.Linear(4, 1), nn.Embedding(classes, 4)

    def forward(self, x, y):
        h = self.body(x)
        return self.head(h) + (h * self.embed(y)).sum(1, keepdim=True)
