import torch

from sparsegan.train.cycle.history import ImageHistory

CPU = torch.device("cpu")
KEEP, EXCHANGE = 0.2, 0.8


def numbered(*numbers):
    return torch.tensor(numbers, dtype=torch.float32).view(-1, 1, 1, 1)


def shown(history, numbers, chances):
    return history.exchanged(numbered(*numbers), torch.tensor(chances)).flatten().tolist()


def filled():
    history = ImageHistory(3)
    always = [(EXCHANGE, 0.9)] * 3
    assert shown(history, [1, 2, 3], always) == [1, 2, 3]
    return history


def test_until_it_is_full_all_images_are_kept_and_shown():
    assert filled().state_dict()["images"].flatten().tolist() == [1, 2, 3]


def test_a_full_pool_shows_a_fresh_image_or_exchanges_it():
    history = filled()
    assert shown(history, [4], [(KEEP, 0.0)]) == [4]
    assert history.state_dict()["images"].flatten().tolist() == [1, 2, 3]
    assert shown(history, [5], [(EXCHANGE, 0.34)]) == [2]
    assert history.state_dict()["images"].flatten().tolist() == [1, 5, 3]
    # Within a batch an image may be exchanged for one that came just before it.
    assert shown(history, [6, 7], [(EXCHANGE, 0.0), (EXCHANGE, 0.0)]) == [1, 6]
    assert shown(history, [8], [(EXCHANGE, 0.999999)]) == [3]


def test_half_of_the_images_are_old():
    history, fresh = ImageHistory(50), torch.arange(4000.0).view(-1, 1, 1, 1)
    inputs = history.exchanged(fresh, torch.rand(4000, 2)).flatten()
    old = float((inputs != fresh.flatten())[50:].float().mean())
    assert 0.45 < old < 0.55
    # Exchanged, not copied: only those that filled the pool are shown a second time.
    assert len(set(inputs.tolist())) == 4000 - 50


def test_a_saved_pool_goes_on_to_the_same_images():
    history, other = filled(), ImageHistory(3)
    other.load_state_dict(history.state_dict(), CPU)
    chances = torch.rand(20, 2)
    fresh = torch.rand(20, 1, 2, 2)
    fresh[:, 0, 0, 0] = torch.arange(20)
    small = history.exchanged(fresh[:, :, :1, :1], chances)
    assert torch.equal(small, other.exchanged(fresh[:, :, :1, :1], chances))
    assert torch.equal(history.state_dict()["images"], other.state_dict()["images"])


def test_its_images_are_its_own():
    history, fresh = ImageHistory(2), numbered(1.0, 2.0)
    history.exchanged(fresh, torch.zeros(2, 2))
    fresh.zero_()
    assert history.state_dict()["images"].flatten().tolist() == [1, 2]


def test_without_a_size_nothing_is_kept():
    history, fresh = ImageHistory(0), numbered(1.0, 2.0)
    assert history.exchanged(fresh, torch.ones(2, 2)) is fresh
    assert history.state_dict() == {"images": None}
    history.load_state_dict({"images": None}, CPU)
