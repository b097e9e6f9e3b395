import pytest
import torch

from sparsegan.metrics import Copies, diversity
from sparsegan.metrics.likeness import nearest


def test_diversity_is_the_ratio_of_all_variance():
    torch.manual_seed(0)
    real = torch.randn(500, 6)
    assert diversity(real * 0.5 + 3, real) == pytest.approx(0.25)
    assert diversity(real[:1].expand(20, 6), real) == pytest.approx(0.0)
    assert 0.8 < diversity(torch.randn(500, 6), real) < 1.2
    assert diversity(real, real[:1].expand(9, 6)) != diversity(real, real)  # no number


def test_the_nearest_is_that_of_a_plain_loop():
    torch.manual_seed(0)
    x, references = torch.randn(1100, 5), torch.randn(70, 5)
    each = [[float((row - other).norm()) for other in references] for row in x[:40]]
    distances, which = nearest(x, references)
    torch.testing.assert_close(distances[:40], torch.tensor([min(row) for row in each]))
    assert which[:40].tolist() == [row.index(min(row)) for row in each]
    assert distances.shape == which.shape == (1100,)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_copies_are_those_nearer_than_nearly_all_held_out_images(share):
    torch.manual_seed(0)
    training, held_out, generated = torch.randn(300, 8), torch.randn(400, 8), torch.randn(400, 8)
    copied = int(share * 400)
    generated[:copied] = training[torch.randint(300, (copied,))] + 0.01 * torch.randn(copied, 8)
    assert Copies(training, held_out)(generated) == pytest.approx(
        share + 0.05 * (1 - share), abs=0.04
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_where_few_are_held_out_training_images_among_themselves_say_what_a_copy_is(share):
    torch.manual_seed(0)
    training, held_out, generated = torch.randn(600, 8), torch.randn(6, 8), torch.randn(400, 8)
    generated[: round(400 * share)] = training[: round(400 * share)]
    assert Copies(training, held_out)(generated) == pytest.approx(
        share + 0.05 * (1 - share), abs=0.04
    )
