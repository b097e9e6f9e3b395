"""A constant network's forward, made again from a record of it."""

import copy
import io
import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparsegan import nets
from sparsegan.engine.attach import NativeForward
from sparsegan.engine.recording import Recorder
from sparsegan.sparsity import Masks


def attach(network: nn.Module, density: float = 0.3) -> NativeForward:
    native = NativeForward(network.eval(), Masks(network, density, "uniform"), lambda: False)
    native.on = native.constant = True
    return native


def generator(name: str, **settings: int) -> nn.Module:
    torch.manual_seed(0)
    size = {"image_size": 32, "channels": 3, "generator_width": 8, "discriminator_width": 8}
    return nets.build(name, **(size | settings))[0]


class Calls:
    """Counts how often a module's own forward runs."""

    def __init__(self, network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        own = type(network).forward

        def counted(this: nn.Module, *args: torch.Tensor, **kwargs: torch.Tensor) -> torch.Tensor:
            self.count += 1
            return own(this, *args, **kwargs)

        monkeypatch.setattr(type(network), "forward", counted)


def again(network: nn.Module, *args: torch.Tensor, times: int = 5) -> list[torch.Tensor]:
    with torch.no_grad():
        return [network(*args) for _ in range(times)]


@pytest.mark.parametrize("name", ["dcgan", "sngan"])
@pytest.mark.parametrize("batch", [1, 20])
def test_later_forwards_run_no_python_and_give_the_same_bits(name, batch, monkeypatch):
    network = generator(name)
    calls = Calls(network, monkeypatch)
    native = attach(network)
    z, other = torch.randn(2, batch, 128)
    first, *rest = again(network, z)
    assert calls.count == 3
    assert all(torch.equal(first, one) for one in rest)
    replayed = again(network, other, times=1)[0]
    assert calls.count == 3
    native.constant = False
    assert torch.equal(replayed, again(network, other, times=1)[0])
    assert calls.count == 4


@pytest.mark.parametrize("density", [0.3, 1.0])
def test_conditional_networks_are_recorded_too(density, monkeypatch):
    torch.manual_seed(0)
    network, _ = nets.build(
        "biggan",
        image_size=32,
        channels=3,
        generator_width=8,
        discriminator_width=8,
        classes=3,
    )
    calls = Calls(network, monkeypatch)
    native = attach(network, density)
    z = torch.randn(4, network.latent_dim)
    labels = torch.tensor([0, 1, 2, 0])
    assert native._replay.because is None
    again(network, z, labels)
    assert calls.count == 3, native._replay.because
    replayed = again(network, z, labels.flip(0), times=1)[0]
    native.constant = False
    assert torch.equal(replayed, again(network, z, labels.flip(0), times=1)[0])


def test_another_form_of_input_has_a_record_of_its_own(monkeypatch):
    network = generator("dcgan")
    calls = Calls(network, monkeypatch)
    attach(network)
    for expected, batch in ((3, 2), (6, 3), (6, 2)):
        z = torch.randn(batch, 128)
        assert again(network, z)[0].shape[0] == batch
        assert calls.count == expected


class Foreign(nn.Module):
    """A forward that may do anything behind its convolution."""

    def __init__(self, then):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("count", torch.zeros(()))
        self.calls, self.then = 0, then

    def forward(self, x):
        self.calls += 1
        return self.then(self, self.conv(x))


def _count(self, y):
    self.count += 1
    return y * 1


def _write_constant(self, y):
    self.conv.bias.data.add_(0.01)
    return y * 1


REFUSED = {
    "random numbers": lambda self, y: y + torch.randn_like(y),
    "dropout": lambda self, y: F.dropout(y, 0.5, training=True),
    "a value": lambda self, y: y * 2 if y.mean() > 0 else y * 3,
    "an item": lambda self, y: y * y.mean().item(),
    "numpy": lambda self, y: y + torch.from_numpy(y.numpy().copy()),
    "a list": lambda self, y: y + torch.tensor(y.flatten().tolist()).view_as(y),
    "a number by numpy": lambda self, y: y * float(y.numpy().mean()),
    "where": lambda self, y: y * len(torch.nonzero(y > 0)),
    "calls": lambda self, y: y * self.calls,
    "a buffer": _count,
    "a parameter": _write_constant,
    "several results": lambda self, y: (y, y * 2),
    "its input": lambda self, y: self.count,
}


@pytest.mark.parametrize("then", REFUSED.values(), ids=REFUSED)
def test_a_forward_that_is_no_function_of_its_tensors_runs_as_written(then):
    torch.manual_seed(0)
    network = Foreign(then).eval()
    plain = copy.deepcopy(network)
    native = attach(network, 1.0)
    for number in range(1, 7):
        x = torch.randn(2, 4, 6, 6)
        with torch.no_grad():
            torch.manual_seed(number)
            actual = network(x)
            torch.manual_seed(number)
            expected = plain(x)
        assert network.calls == number
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)
    assert native._replay.because is not None


ALLOWED = {
    "views": lambda self, y: y.flatten(2).transpose(1, 2).reshape(y.shape).contiguous(),
    "a list": lambda self, y: torch.cat([y, y[:, :2] * 2], 1),
    "in place": lambda self, y: (y * 1).add_(y).clamp_(-1, 1),
    "a constant": lambda self, y: y + self.conv.bias.exp().view(1, -1, 1, 1),
    "made here": lambda self, y: torch.zeros(y.shape).add_(y),
    "several results": lambda self, y: torch.split(y, 2, 1)[1] + y[:, :2],
    "its shape": lambda self, y: y * y.shape[0],
    "numbers": lambda self, y: torch.full_like(y, 2.0) * y,
}


@pytest.mark.parametrize("then", ALLOWED.values(), ids=ALLOWED)
@pytest.mark.parametrize("grad", [torch.no_grad, torch.inference_mode])
def test_what_a_forward_does_besides_is_done_again(then, grad):
    torch.manual_seed(0)
    network = Foreign(then).eval()
    plain = copy.deepcopy(network)
    native = attach(network, 1.0)
    for _ in range(6):
        x = torch.randn(2, 4, 6, 6)
        with grad():
            torch.testing.assert_close(network(x), plain(x), rtol=1e-4, atol=1e-5)
    assert network.calls == 3, native._replay.because


def test_results_are_not_changed_by_later_forwards():
    network = generator("sngan")
    attach(network)
    z = torch.randn(6, 2, 128)
    with torch.no_grad():
        results = [network(one) for one in z]
        kept = [one.clone() for one in results]
        results[-1].zero_()
        assert torch.equal(network(z[-1]), kept[-1])
    assert all(torch.equal(a, b) for a, b in zip(results[:-1], kept[:-1], strict=True))


def test_a_hook_of_others_sees_every_forward():
    network = generator("dcgan")
    native = attach(network)
    z = torch.randn(2, 128)
    again(network, z)
    seen = []
    handle = network.conv.register_forward_hook(lambda *_: seen.append(1))
    again(network, z, times=4)
    assert len(seen) == 4
    handle.remove()
    assert native._replay.because == "others have hooks on its layers"


def test_a_constant_that_was_changed_all_the_same_is_seen():
    network = generator("dcgan")
    attach(network)
    z = torch.randn(2, 128)
    before = again(network, z)[-1]
    with torch.no_grad():
        network.conv.weight.mul_(2)
    after = again(network, z, times=1)[0]
    assert not torch.equal(before, after)


def test_gradients_and_foreign_calls_run_as_written(monkeypatch):
    network = generator("dcgan")
    calls = Calls(network, monkeypatch)
    native = attach(network)
    z = torch.randn(2, 128)
    expected = again(network, z)[-1]
    assert network(z).requires_grad
    with torch.no_grad():
        torch.testing.assert_close(network(z=z), expected)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            network(z)
        native.on = False
        network(z)
    assert calls.count == 7


def test_copies_have_a_forward_of_their_own():
    network = generator("dcgan")
    native = attach(network)
    z = torch.randn(2, 128)
    expected = again(network, z)[-1]
    file = io.BytesIO()
    torch.save(network, file)
    file.seek(0)
    for other in (copy.deepcopy(network), torch.load(file, weights_only=False)):
        with torch.no_grad():
            other.conv.weight.zero_()
            assert not torch.equal(other(z), expected)
    native.detach()
    assert "forward" not in vars(network)


def test_a_forward_that_belongs_to_the_object_comes_back():
    network = generator("dcgan")
    own = network.forward
    network.forward = lambda z: own(z) * 2
    mine = network.forward
    native = attach(network)
    z = torch.randn(2, 128)
    results = again(network, z)
    native.constant = False
    assert network.forward is mine
    assert torch.equal(results[-1], again(network, z, times=1)[0])


def test_threads_do_not_meet():
    network = generator("dcgan")
    attach(network)
    z = torch.randn(8, 3, 128)
    expected = [again(network, one, times=1)[0] for one in z]
    wrong = []

    def draw(start: int) -> None:
        for i in range(40):
            one = (start + i) % len(z)
            if not torch.equal(again(network, z[one], times=1)[0], expected[one]):
                wrong.append(one)

    threads = [threading.Thread(target=draw, args=(start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class Two(nn.Module):
    """A forward of two tensors."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("average", torch.randn(2, 4, 6, 6))

    def forward(self, x, y):
        return self.conv(x) + 2 * y


def test_inputs_that_are_the_same_are_another_form_than_two():
    network = Two()
    native = attach(network, 1.0)
    x, y = torch.randn(2, 2, 4, 6, 6)
    again(network, x, x)
    again(network, network.average, y)  # one of the network's own: never from a record
    results = [again(network, x, y)[-1], again(network, y, x)[-1], again(network, x, x)[-1]]
    native.constant = False
    plain = [again(network, *pair, times=1)[0] for pair in ((x, y), (y, x), (x, x))]
    assert all(torch.equal(a, b) for a, b in zip(results, plain, strict=True))


@pytest.mark.parametrize("grad", [torch.no_grad, torch.inference_mode])
def test_an_input_that_is_changed_in_place_is_changed_once(grad):
    network = Foreign(lambda self, y: y * 1)
    conv = network.conv
    network.conv = nn.Identity()
    network.add_module("own", conv)
    network.then = lambda self, x: self.own(x.view(2, 4, 36).mul_(2).view(2, 4, 6, 6))
    attach(network, 1.0)
    for _ in range(6):
        with grad():
            x = torch.ones(2, 4, 6, 6)
            network(x)
            assert torch.equal(x, torch.full_like(x, 2.0))


LOOKS = {
    "numpy": lambda self, x: self.conv(x) * (2 if x.numpy()[0, 0, 0, 0] > 0 else 3),
    "a list": lambda self, x: self.conv(x) * (2 if x.flatten().tolist()[0] > 0 else 3),
}


@pytest.mark.parametrize("forward", LOOKS.values(), ids=LOOKS)
def test_looks_at_a_value_are_seen_where_the_input_is_always_the_same(forward, monkeypatch):
    network = Foreign(None)
    monkeypatch.setattr(Foreign, "forward", forward)
    native = attach(network, 1.0)
    x = torch.ones(2, 4, 6, 6)
    again(network, x)
    other = again(network, -x, times=1)[0]
    native.constant = False
    assert torch.equal(other, again(network, -x, times=1)[0])


def _assign(network, other):
    network.load_state_dict(other.state_dict(), assign=True)


def _replace_weight(network, other):
    network.conv.weight = other.conv.weight


def _replace_layer(network, other):
    network.norm = other.norm


def _point_elsewhere(network, other):
    network.conv.weight.data = other.conv.weight.data


def _train_a_part(network, other):
    network.norm.train()


CHANGES = [_assign, _replace_weight, _replace_layer, _point_elsewhere, _train_a_part]


class Normed(nn.Module):
    """A convolution and a normalisation."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        nn.init.normal_(self.norm.weight)

    def forward(self, x):
        return self.norm(self.conv(x)) + 1


@pytest.mark.parametrize("change", CHANGES)
def test_parts_that_were_exchanged_are_noticed(change):
    torch.manual_seed(0)
    network, other = Normed(), Normed().eval()
    attach(network, 1.0)
    x = torch.randn(3, 4, 6, 6)
    before = again(network, x)[-1]
    change(network, other)
    plain = copy.deepcopy(network)
    after = again(network, x, times=1)[0]
    torch.testing.assert_close(after, again(plain, x, times=1)[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(after, before)


def test_functional_calls_see_their_own_weights():
    network = generator("dcgan")
    attach(network)
    z = torch.randn(2, 128)
    before = again(network, z)[-1]
    state = {name: value * 2 for name, value in network.state_dict().items()}
    with torch.no_grad():
        other = torch.func.functional_call(network, state, (z,))
    assert not torch.allclose(before, other)
    assert torch.equal(again(network, z)[-1], before)


def test_hooks_on_all_modules_see_all():
    network = generator("dcgan")
    attach(network)
    z = torch.randn(2, 128)
    again(network, z)
    seen = set()
    handle = nn.modules.module.register_module_forward_hook(lambda m, *_: seen.add(type(m)))
    again(network, z, times=1)
    handle.remove()
    assert nn.Conv2d in seen


def test_what_no_step_reads_is_not_kept():
    x, weight = torch.randn(3), torch.randn(1000)
    with torch.no_grad(), Recorder([x], [weight]) as recorder:
        y = x * weight.exp().sum()
    values = recorder.recording(y)._values
    assert max(value.numel() for value in values if value is not None) == 1


def test_a_constant_network_can_be_exported_and_traced():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3))
    attach(network, 0.5)
    x = torch.randn(2, 4, 6, 6)
    expected = again(network, x)[-1]
    with torch.no_grad():
        exported = torch.export.export(network, (x,)).module()
        traced = torch.jit.trace(network, (x,))
        for one in (exported, traced):
            torch.testing.assert_close(one(x), expected, rtol=1e-4, atol=1e-5)
