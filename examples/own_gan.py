"""A DCGAN of one's own, made sparse by three added lines (marked `sparse:`).

Everything else is the usual PyTorch tutorial: two networks with transposed and strided
convolutions, two optimisers, a loop with binary cross-entropy. The images are circles, squares
and triangles drawn on the spot, so nothing needs to be downloaded::

    python examples/own_gan.py --steps 1000 --out shapes.png
"""

import argparse
import random

import torch
from PIL import Image, ImageDraw
from torch import nn

import sparsegan  # sparse: 1 of 3

LATENT = 64
SIZE = 28


def draw_shapes(count, seed):
    """Float images (count, 1, SIZE, SIZE) in [-1, 1], each with one filled shape."""
    rng = random.Random(seed)
    images = torch.empty(count, 1, SIZE, SIZE)
    for image in images:
        canvas = Image.new("L", (SIZE, SIZE))
        draw = ImageDraw.Draw(canvas)
        x, y, r = rng.uniform(11, 17), rng.uniform(11, 17), rng.uniform(6, 10)
        shade, corners = rng.randint(120, 255), rng.choice([0, 3, 4])
        if corners:
            angle = rng.uniform(0, 360)
            draw.regular_polygon((x, y, r), corners, rotation=angle, fill=shade)
        else:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=shade)
        image[0] = torch.tensor(list(canvas.tobytes())).view(SIZE, SIZE) / 127.5 - 1
    return images


class Generator(nn.Module):
    """Latents (N, LATENT) to images (N, 1, SIZE, SIZE) in [-1, 1]."""

    def __init__(self, width=32):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(LATENT, 4 * width, 7, bias=False),  # 7 x 7
            nn.BatchNorm2d(4 * width),
            nn.ReLU(True),
            nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False),  # 14 x 14
            nn.BatchNorm2d(2 * width),
            nn.ReLU(True),
            nn.ConvTranspose2d(2 * width, 1, 4, 2, 1),  # 28 x 28
            nn.Tanh(),
        )

    def forward(self, z):
        """Draw an image for every latent."""
        return self.main(z[:, :, None, None])


class Discriminator(nn.Module):
    """Images to scores (N,), which are logits."""

    def __init__(self, width=32):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),  # 14 x 14
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),  # 7 x 7
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2, True),
            nn.Conv2d(2 * width, 1, 7),  # 1 x 1: a logit
        )

    def forward(self, x):
        """Score every image."""
        return self.main(x).flatten()


def save_grid(images, path):
    """Write 8 rows of 8 images as one picture."""
    rows = ((images[:64] + 1) * 127.5).round().to(torch.uint8).view(8, 8, SIZE, SIZE)
    grid = rows.permute(0, 2, 1, 3).reshape(8 * SIZE, 8 * SIZE).contiguous()
    Image.frombytes("L", (8 * SIZE, 8 * SIZE), bytes(grid.flatten().tolist())).save(path)


def train(args):
    torch.manual_seed(args.seed)
    images = draw_shapes(2000, args.seed)
    netG, netD = Generator(), Discriminator()
    optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))
    optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
    criterion = nn.BCEWithLogitsLoss()

    # sparse: 2 of 3. Published intervals are for 100,000 steps; these fit a short run.
    method = sparsegan.Adapt(
        netG,
        netD,
        optimizerG,
        optimizerD,
        steps=args.steps,
        generator_density=0.1,
        interval=args.interval,
        control_interval=args.interval,
        balance_every=1,
        balance_window=args.interval,
        ema_decay=0.98,
        seed=args.seed,
    )

    for step in range(1, args.steps + 1):
        # Discriminator: real images up, fakes down.
        real = images[torch.randint(len(images), (32,))]
        fake = netG(torch.randn(32, LATENT))
        optimizerD.zero_grad()
        real_scores, fake_scores = netD(real), netD(fake.detach())
        lossD = criterion(real_scores, torch.ones(32)) + criterion(fake_scores, torch.zeros(32))
        lossD.backward()
        optimizerD.step()

        # Generator: fakes up.
        z = torch.randn(32, LATENT)
        scores = netD(netG(z))
        lossG = criterion(scores, torch.ones(32))
        optimizerG.zero_grad()
        lossG.backward()
        optimizerG.step()
        events = method.after_generator_step(scores, z=z, real=real)  # sparse: 3 of 3

        if step % args.log_every == 0 or step == args.steps:
            ratio = events.reading.value  # over the last measurements
            print(
                f"step {step:5d}  loss G {lossG.item():6.3f}  D {lossD.item():6.3f}  "
                f"balance ratio {ratio:6.3f}  "
                f"density G {method.generator.masks.density:.3f} "
                f"D {method.discriminator.masks.density:.3f}"
            )

    if args.out:
        with method.ema.swapped(), torch.no_grad():
            save_grid(netG(torch.randn(64, LATENT)), args.out)
    return method


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000, help="generator steps")
    parser.add_argument("--interval", type=int, default=25, help="steps between mask updates")
    parser.add_argument("--log_every", type=int, default=50, help="steps between printed lines")
    parser.add_argument("--out", help="PNG of 64 samples of the averaged generator")
    parser.add_argument("--seed", type=int, default=0)
    return train(parser.parse_args(arguments))


if __name__ == "__main__":
    main()
