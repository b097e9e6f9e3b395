"""Every setting of a run as typed, frozen dataclasses; `parse` reads them from YAML and flags.

Defaults are the published SNGAN values of ADAPT where there are any (docs/methods.md,
hyper-parameters); a recipe states its own. `None` stands for "take it from the data", "from the
network's table" or "from the machine", and config.yaml holds what it became.
"""

from dataclasses import dataclass
from typing import Any, Literal

from sparsegan.nets.init import Scheme

Augmentation = Literal["color", "translation", "cutout"]
"""What `augment` may name."""

Metric = Literal["kid", "frechet", "prdc", "classes"]
"""What `evaluate.metrics` may name."""

Tracker = Literal["tensorboard", "trackio"]
"""What `track` may name."""

Decay = Literal["none", "linear"]
"""Courses of the learning rate."""


@dataclass(frozen=True)
class DataConfig:
    """Which images to learn from.

    Attributes:
        source: Name of the data source, or `hf:owner/name` of the Hugging Face hub; none:
            `folder` where a path is given, else `fashion-mnist`.
        path: Folder or archive (.zip, .tar, also compressed) of images, or the place of the
            source's own files; none: what the package brings, or a download.
        image_size: Height and width in pixels that images are resized to; none: 32 for a folder,
            else as they are.
        channels: 1 for grey, 3 for colour; none: as the images are.
        flip: Mirror every second image at random (published for CIFAR-10 and STL-10; not
            for garments).
        classes: Names of the classes to learn from; none: all images, whatever their class.
        held_out: Images to judge by and never to train on: a folder in `path`, or another folder
            or archive; `tenth`: a tenth of all, whatever folders are called; none: the folders
            that are named like it (test, val, holdout, ...), else a tenth.
        skip_broken: How many image files of a split may be unreadable, which are passed over and
            listed: a number such as 10, or a share below 1 such as 0.01.
    """

    source: str | None = None
    path: str | None = None
    image_size: int | None = None
    channels: Literal[1, 3] | None = None
    flip: bool = False
    classes: tuple[str, ...] | None = None
    held_out: str | None = None
    skip_broken: int | float = 0


@dataclass(frozen=True)
class NetworkConfig:
    """The pair of networks.

    Attributes:
        name: Architecture family, a name of `sparsegan.nets`: dcgan (28 to 256 pixels), sngan
            (32 to 64), biggan (by class, 32 to 128) or cyclegan (images to images, 64 to 256).
        generator: A generator of your own in place of the family's, or a function that makes it:
            `my.module:Class`, or `path/to/file.py:Class`.
        discriminator: The same for the discriminator.
        generator_width: Channels of the generator's base width; none: the family's, or your
            network's own.
        discriminator_width: The same for the discriminator.
        latent_dim: Numbers in the generator's input noise; none: as published for the
            architecture, or as your generator says.
        initialise: Initial weights of the family's networks: default (published for ADAPT's
            SNGAN), xavier (for STU-GAN's), kaiming (for ADAPT's on STL-10), normal (for DCGAN and
            BigGAN at 32 pixels) or orthogonal (for BigGAN above). Your own keep those that they
            are made with.
    """

    name: str = "dcgan"
    generator: str | None = None
    discriminator: str | None = None
    generator_width: int | None = None
    discriminator_width: int | None = None
    latent_dim: int | None = None
    initialise: Scheme = "default"


@dataclass(frozen=True)
class MethodChoice:
    """A training method and its settings; in YAML and flags both share the group `method`.

    Attributes:
        name: Name of the method, a key of `sparsegan.methods.METHODS`.
        settings: The method's own frozen `Settings`.
    """

    name: str
    settings: Any


@dataclass(frozen=True)
class OptimiserConfig:
    """One network's optimiser: Adam without weight decay, as published.

    Attributes:
        lr: Learning rate per step (published: 2e-4), constant unless optimiser.lr_decay says
            otherwise.
        betas: Decay of Adam's first and second moments per step (published for SNGAN: 0.0, 0.9).
    """

    lr: float = 2e-4
    betas: tuple[float, float] = (0.0, 0.9)


@dataclass(frozen=True)
class OptimiserPair:
    """The optimisers of both networks.

    Attributes:
        lr_decay: Course of both learning rates: none (published for SNGAN and BigGAN), or linear
            towards 0 at the end of the run.
        decay_from: Fraction of the run after which lr_decay begins, in [0, 1) (published for
            CycleGAN: 0.5).
    """

    generator: OptimiserConfig = OptimiserConfig()
    discriminator: OptimiserConfig = OptimiserConfig()
    lr_decay: Decay = "none"
    decay_from: float = 0.5


@dataclass(frozen=True)
class LossConfig:
    """What the networks minimise.

    Attributes:
        name: Pair of losses on scores (published: hinge; for CycleGAN: least-squares).
        gradient_penalty: Weight of (|dD/dx| - 1)^2 between real and fake; 10 is usual
            with wasserstein, 0 is off.
        r1: Weight of |dD/dx|^2 at real images, estimated by first derivatives alone, so that
            sparse kernels take part; 0 is off. A discriminator with dropout is refused.
        r1_noise: Standard deviation of the noise that it is estimated by, in images of [-1, 1].
        cycle: cyclegan: weight of the mean |x - x'| of an image and what both generators, one
            after the other, make of it (published: 10).
        identity: cyclegan: weight of the mean |y - G(y)| where G gets an image of the kind that
            it is to make (published: 5); 0 is off.
        history: cyclegan: generated images that are kept for each discriminator to see again
            (published: 50); 0 is off.
    """

    name: Literal["hinge", "non-saturating", "wasserstein", "least-squares"] = "hinge"
    gradient_penalty: float = 0.0
    r1: float = 0.0
    r1_noise: float = 0.01
    cycle: float = 10.0
    identity: float = 5.0
    history: int = 50


@dataclass(frozen=True)
class CheckpointConfig:
    """When the whole state of the run is written, and how much of it is kept.

    Attributes:
        every: Steps between checkpoints; the first (step 0) and the last step always have one.
        keep: Newest checkpoints that stay; the one with the best evaluation stays besides.
    """

    every: int = 1000
    keep: int = 2


@dataclass(frozen=True)
class EvaluateConfig:
    """When and how generated images are compared with real ones.

    Attributes:
        every: Steps between evaluations (published: 5000); 0: only before the first and
            after the last.
        at: Shares of the run, or of its last training, after which it is evaluated besides, such as
            [0.9, 0.95, 1.0], whose mean is what a study compares.
        images: Generated images per evaluation, and as many real ones; where there are fewer real
            ones, ten generated to each of them at most; 0: never.
        metrics: Numbers of an evaluation: kid, which has to be among them, as the best checkpoint
            has the lowest; frechet, the Fréchet distance of the same features; prdc, precision,
            recall, density and coverage; classes, how many of the images' classes are seen, and
            how evenly.
        features: Feature network: `efficientnet-lite0`, or `my.module:Class` or
            `path/to/file.py:Class` for your own.
        inception: File of the Inception weights of 2015, pt_inception-2015-12-05-6726825d.pth;
            with it evaluations have an FID, of as many images as they are of; none: no FID.
        bn: Normalisation: statistics estimated anew on the weights in use, those that training
            has stored (published for STU-GAN's SNGAN), or each batch's own (for ADAPT).
        weights: Evaluate the average of the generator's weights, or the weights as they are.
    """

    every: int = 5000
    at: tuple[float, ...] = ()
    images: int = 2000
    metrics: tuple[Metric, ...] = ("kid", "frechet")
    features: str = "efficientnet-lite0"
    inception: str | None = None
    bn: Literal["standing", "stored", "batch"] = "standing"
    weights: Literal["ema", "live"] = "ema"


@dataclass(frozen=True)
class SampleConfig:
    """The grids of generated images that a run leaves.

    Attributes:
        every: Steps between grids; 0: only before the first and after the last step.
        grid: Images along a side of a grid.
        nearest: Show samples beside their nearest training images at evaluations, where these are
            5,000 at most; the report then has pictures of the training data in it.
    """

    every: int = 1000
    grid: int = 8
    nearest: bool = True


@dataclass(frozen=True)
class FabricConfig:
    """Where to compute, through Lightning Fabric.

    Attributes:
        accelerator: Kind of device.
        devices: Processes on this machine, one device each; torchrun starts them itself.
        timeout: Seconds without a sign of life after which a process of several counts as lost and
            the others end; how long a step or an evaluation takes does not matter.
        precision: Arithmetic of forward and backward; 16-mixed is for CUDA alone. Weights and
            moments are 32-bit throughout.
    """

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    devices: int = 1
    timeout: int = 60
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


@dataclass(frozen=True)
class RunConfig:
    """Where the run is written.

    Attributes:
        directory: A new or empty directory; none: runs/<source>-<method>-<n> with the
            next free n.
    """

    directory: str | None = None


@dataclass(frozen=True)
class StartConfig:
    """A run whose weights, masks and averages are begun with, in place of fresh ones.

    Attributes:
        run: The directory of a run to begin with: its weights, masks and averages.
        checkpoint: Which of its checkpoints: best, a step's number or a path; none: the newest.
        sha256: Of that checkpoint's content; none: whatever it is.
    """

    run: str | None = None
    checkpoint: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Config:
    """One run, complete. Batch sizes are global: every process takes an equal share.

    Attributes:
        steps: Generator steps of the whole run (published for SNGAN: 100,000).
        batch_size: Real images of one discriminator step, and as many generated ones
            (published: 64).
        generator_batch_size: Generated images of one generator step (published FLOPs assume 128).
        discriminator_steps: Discriminator steps before every generator step (published
            for SNGAN: 5).
        augment: Random changes of all that the discriminator sees, of color, translation and
            cutout: DiffAugment, whose paper has all three for few images, [color, translation,
            cutout]; none in the published sparse runs.
        accumulate: Equal parts that both batches are split into, one after the other, for every
            optimiser step: n parts need about an n-th of the memory for activations.
        seed: Seed of networks, masks, noise, data order and augmentation.
        log_every: Steps between lines of losses, speed and densities in metrics.jsonl.
        when_failing: What to do where gradients have vanished or exploded, the discriminator's loss
            stands still or all samples are alike: warn, save the state and stop, or go back to the
            best checkpoint and stop.
        track: Where to show the run besides, while it is trained: tensorboard (event files in the
            run's directory), trackio (its local store); nowhere unless named.
        engine: What networks on the CPU run on: native sparse kernels, dense masked ones, or the
            faster of the two, measured before the first step.
        threads: CPU threads of each process; none: as many as PyTorch takes by itself.
    """

    method: MethodChoice
    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    optimiser: OptimiserPair = OptimiserPair()
    loss: LossConfig = LossConfig()
    steps: int = 100_000
    batch_size: int = 64
    generator_batch_size: int = 128
    discriminator_steps: int = 5
    augment: tuple[Augmentation, ...] = ()
    accumulate: int = 1
    seed: int = 0
    log_every: int = 100
    when_failing: Literal["warn", "stop", "back"] = "warn"
    track: tuple[Tracker, ...] = ()
    engine: Literal["auto", "native", "masked"] = "auto"
    threads: int | None = None
    checkpoint: CheckpointConfig = CheckpointConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    sample: SampleConfig = SampleConfig()
    fabric: FabricConfig = FabricConfig()
    start: StartConfig = StartConfig()
    run: RunConfig = RunConfig()
