"""Both published averages against their formulas, and the swap bit for bit."""

import copy

import pytest
import torch
from torch import nn

import reference
from sparsegan import Masks, SparseEMA, SparseganError


def _rng(seed=0):
    return torch.Generator().manual_seed(seed)


def _sparse(module=None, density=0.5):
    module = module or nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5))
    module.double()
    return module, Masks(module, density, generator=_rng())


def _train(module, masks, seed, move_mask):
    """New weights, and a mask with a few weights exchanged, as after a rewiring."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=_rng(seed), dtype=torch.float64))
    masks.apply_()
    if move_mask:
        flat = masks.flat.clone()
        on, off = flat.nonzero().flatten(), (~flat).nonzero().flatten()
        flat[on[seed % len(on)]] = False
        flat[off[seed % len(off)]] = True
        masks.replace(flat)


@pytest.mark.parametrize("form", ["masked", "reseeded"])
def test_both_forms_equal_the_formula_while_the_mask_moves(form, device):
    module, masks = _sparse()
    module.to(device)
    masks.apply_()
    ema = SparseEMA(module, masks, 0.9, form=form)
    layer = masks.layers[0]
    average = layer.parameter.flatten().tolist()
    plain = module[1].weight.tolist()
    for step in range(1, 20):
        _train(module.cpu(), masks, step, move_mask=step % 3 == 0)
        module.to(device)
        masks.apply_()
        ema.update(step)
        average = reference.masked_average(
            average,
            layer.parameter.flatten().tolist(),
            masks[layer.name].flatten().tolist(),
            0.9,
            reseeded=form == "reseeded",
        )
        plain = [0.9 * a + 0.1 * w for a, w in zip(plain, module[1].weight.tolist(), strict=True)]
        assert ema.averages["0.weight"].flatten().tolist() == pytest.approx(average, abs=1e-14)
        assert ema.averages["1.weight"].tolist() == pytest.approx(plain, abs=1e-14)
        assert not ema.averages["0.weight"][~masks["0"]].any()


def test_a_grown_weight_starts_at_its_own_value_only_when_reseeded():
    for form, expected in (("masked", [0.1, 0.29]), ("reseeded", [1.0, 1.1])):
        module, masks = _sparse(nn.Linear(4, 4, bias=False))
        ema = SparseEMA(module, masks, 0.9, form=form)
        position = int((~masks.flat).nonzero()[0])
        flat = masks.flat.clone()
        flat[position] = True
        masks.replace(flat)
        ema.update(1)  # grown at 0: it averages to 0 and jumps a step later
        assert float(ema.averages["weight"].flatten()[position]) == 0.0
        for step, (value, average) in enumerate(zip((1.0, 2.0), expected, strict=True), 2):
            with torch.no_grad():
                module.weight.view(-1)[position] = value
            ema.update(step)
            assert float(ema.averages["weight"].flatten()[position]) == pytest.approx(average)


def test_until_the_start_the_average_is_the_weights():
    module, masks = _sparse()
    ema = SparseEMA(module, masks, 0.9, start=3)
    for step in (1, 2, 3):
        before = ema.averages["0.weight"].clone()
        _train(module, masks, step, move_mask=True)
        ema.update(step)
        same = torch.equal(ema.averages["0.weight"], module[0].weight)
        assert same == (step < 3)
    expected = (0.9 * before + 0.1 * module[0].weight).masked_fill(~masks["0"], 0)
    torch.testing.assert_close(ema.averages["0.weight"], expected)


def test_live_buffers_are_no_part_of_the_average():
    module, masks = _sparse()
    ema = SparseEMA(module, masks, 0.9)
    assert set(ema.averages) == {name for name, _ in module.named_parameters()}
    module[1].running_mean.fill_(3)
    with ema.swapped():
        assert module[1].running_mean.tolist() == [3] * 5
        module[1].running_mean.fill_(4)  # re-estimated on the average, say
    assert module[1].running_mean.tolist() == [4] * 5


def test_averaged_buffers_follow_the_formula_and_integers_are_copied():
    module, masks = _sparse()
    ema = SparseEMA(module, masks, 0.75, buffers="average")
    mean, expected = module[1].running_mean, [0.0] * 5
    for step in range(1, 5):
        mean.fill_(step)
        module[1].num_batches_tracked.fill_(10 * step)
        ema.update(step)
        expected = [0.75 * a + 0.25 * step for a in expected]
    assert ema.averages["1.running_mean"].tolist() == pytest.approx(expected)
    assert int(ema.averages["1.num_batches_tracked"]) == 40
    with ema.swapped():
        assert mean.tolist() == pytest.approx(expected)
    assert mean.tolist() == [4] * 5


@pytest.mark.parametrize("raises", [False, True])
def test_swapped_restores_every_bit_also_after_an_error(raises):
    module, masks = _sparse(
        nn.Sequential(
            torch.nn.utils.spectral_norm(nn.Linear(6, 6)),
            nn.BatchNorm1d(6),
            torch.nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6)),
        )
    )
    ema = SparseEMA(module, masks, 0.9, buffers="average")
    _train(module, masks, 1, move_mask=True)
    with torch.no_grad():
        module[1].weight[0] = float("nan")
    ema.update(1)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    identities = [id(parameter) for parameter in module.parameters()]
    averages = {name: tensor.clone() for name, tensor in ema.averages.items()}

    def use():
        with ema.swapped() as network:
            assert network is module
            for name, tensor in module.state_dict().items():
                torch.testing.assert_close(tensor, averages[name], equal_nan=True, rtol=0, atol=0)
            module(torch.ones(3, 6, dtype=torch.float64))
            if raises:
                raise KeyboardInterrupt

    if raises:
        with pytest.raises(KeyboardInterrupt):
            use()
    else:
        use()
    assert [id(parameter) for parameter in module.parameters()] == identities
    for name, tensor in module.state_dict().items():
        torch.testing.assert_close(tensor, before[name], equal_nan=True, rtol=0, atol=0)
    for name, tensor in ema.averages.items():
        torch.testing.assert_close(tensor, averages[name], equal_nan=True, rtol=0, atol=0)


def test_a_saved_average_is_restored_or_refused():
    module, masks = _sparse()
    ema = SparseEMA(module, masks, 0.9)
    _train(module, masks, 1, move_mask=False)
    ema.update(1)
    state = copy.deepcopy(ema.state_dict())
    other = SparseEMA(module, masks, 0.9)
    other.load_state_dict(state)
    ema.update(2)
    other.update(2)
    for name, tensor in ema.averages.items():
        assert torch.equal(tensor, other.averages[name])
    del state["averages"]["0.bias"]
    with pytest.raises(SparseganError, match="of another network: names or shapes differ"):
        other.load_state_dict(state)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"decay": 1.0}, r"EMA decay is 1.0: it must lie in \[0, 1\)"),
        ({"decay": float("nan")}, "EMA decay is nan"),
        ({"decay": 0.9, "form": "plain"}, "EMA form is 'plain': choose one of masked, reseeded"),
        ({"decay": 0.9, "buffers": "all"}, "EMA buffers is 'all': choose one of live, average"),
    ],
)
def test_wrong_settings_are_refused(wrong, message):
    module, masks = _sparse()
    with pytest.raises(SparseganError, match=message):
        SparseEMA(module, masks, **wrong)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("form", ["masked", "reseeded"])
def test_weights_in_sixteen_bits_are_averaged_in_float32(dtype, form):
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5))
    masks = Masks(module, 0.5, generator=_rng())
    module.to(dtype)
    ema = SparseEMA(module, masks, 0.999, form=form, buffers="average")
    exact = copy.deepcopy(module).double()
    twin = SparseEMA(
        exact, Masks(exact, 0.5, generator=_rng()), 0.999, form=form, buffers="average"
    )
    for step in range(1, 60):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.01 * torch.randn(parameter.shape, generator=_rng(step)).to(dtype))
        masks.apply_()
        exact.load_state_dict(module.state_dict())
        ema.update(step)
        twin.update(step)
    saved = ema.state_dict()["averages"]
    for name, average in twin.averages.items():
        if average.is_floating_point():
            assert saved[name].dtype == torch.float32
            assert torch.allclose(saved[name].double(), average, atol=1e-6), name
    live = {name: p.clone() for name, p in module.named_parameters()}
    with ema.swapped():
        for name, parameter in module.named_parameters():
            assert torch.equal(parameter, ema.averages[name].to(dtype)), name
    assert all(torch.equal(p, live[name]) for name, p in module.named_parameters())


def test_averages_that_were_saved_in_sixteen_bits_are_loaded():
    module = nn.Linear(4, 4).bfloat16()
    masks = Masks(module, 0.5, generator=_rng())
    ema = SparseEMA(module, masks, 0.9)
    old = {"averages": {name: torch.ones_like(p) for name, p in module.named_parameters()}}
    ema.load_state_dict(old)
    ema.update(1)
    assert {average.dtype for average in ema.averages.values()} == {torch.float32}
    assert torch.allclose(ema.averages["bias"], 0.9 + 0.1 * module.bias.float())


def test_averages_can_become_the_weights():
    network = nn.Linear(3, 2)
    masks = Masks(network, 0.5)
    average = SparseEMA(network, masks, 0.5)
    before = network.weight.detach().clone()
    with torch.no_grad():
        network.weight.mul_(3)
    average.update(1)
    average.adopt()
    torch.testing.assert_close(network.weight.detach(), 2 * before)
