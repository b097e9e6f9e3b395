"""What a recorder notes, what it keeps as a value, and what it refuses."""

import pytest
import torch

from sparsegan import engine
from sparsegan.engine.recording import Recorder, Recording, is_recording, note_kernel, step


def record(forward, inputs, constants=()):
    with torch.no_grad(), Recorder(inputs, constants) as recorder:
        result = forward(*inputs)
    return recorder, recorder.recording(result)


def test_a_record_gives_the_same_for_other_inputs():
    x, y, other = torch.randn(3, 2, 4)
    _, recording = record(lambda a, b: torch.cat([a.t() @ b, a.t() * 2], 1).exp(), [x, y])
    assert isinstance(recording, Recording)
    expected = torch.cat([other.t() @ y, other.t() * 2], 1).exp()
    assert torch.equal(recording.run([other, y]), expected)
    assert not is_recording()


def test_what_follows_from_constants_is_kept_as_a_value():
    weight, x = torch.randn(3, 3), torch.randn(2, 3)
    _, recording = record(lambda a: a @ (weight / weight.norm()).t(), [x], [weight])
    assert [str(one.function) for one in recording._steps] == ["aten.mm.default"]
    assert torch.equal(recording.run([x]), x @ (weight / weight.norm()).t())


def test_a_record_lets_go_of_what_it_needs_no_more():
    x = torch.randn(3)
    _, recording = record(lambda a: (a * 2 + 1) * 3, [x])
    assert [len(one.spent) for one in recording._steps] == [1, 1, 1]
    assert torch.equal(recording.run([x]), (x * 2 + 1) * 3)


def test_a_constant_that_changed_is_noticed():
    weight, x = torch.randn(3), torch.randn(3)
    _, recording = record(lambda a: a * weight, [x], [weight])
    assert recording.holds()
    weight.add_(1)
    assert not recording.holds()


def test_steps_are_noted_once_with_all_that_happens_within():
    def kernel(x, nothing, factor):
        note_kernel("mine")
        return torch.empty_like(x).copy_(x * factor)

    x = torch.randn(3)
    recorder, recording = record(lambda a: step(kernel, (a, None), (2,)) + 1, [x])
    assert recorder.because is None
    assert recording._steps[0].function is kernel
    assert len(recording._steps) == 2
    assert torch.equal(recording.run([x + 1]), (x + 1) * 2 + 1)
    assert torch.equal(step(kernel, (x, None), (2,)), x * 2)


elsewhere = torch.ones(3)

REFUSED = {
    "a tensor from elsewhere": (lambda a, c: a + elsewhere, "from elsewhere"),
    "random numbers": (lambda a, c: a + torch.rand_like(a), "rand_like"),
    "a value": (lambda a, c: a * a.sum().item(), "_local_scalar_dense"),
    "a shape by values": (lambda a, c: a[a > 0], "index.Tensor|from elsewhere|nonzero"),
    "a change of a constant": (lambda a, c: a + c.add_(1), "changes a constant"),
    "a change of its copy": (lambda a, c: a + c.exp().add_(1), "changes a constant"),
    "a kernel without a step": (lambda a, c: note_kernel("mine") or a * 2, "the kernel mine"),
    "a result by its name": (lambda a, c: torch.add(a, c, out=torch.empty(3)), "by its name"),
    "a constant alone": (lambda a, c: c * 2, "no new tensor"),
    "its input": (lambda a, c: a, "no new tensor"),
    "two results": (lambda a, c: (a * 2, a * 3), "no tensor that was seen"),
}


@pytest.mark.parametrize(("forward", "because"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_made_again_is_refused_with_a_reason(forward, because):
    x, constant = torch.randn(3), torch.randn(3)
    recorder, recording = record(lambda a: forward(a, constant), [x], [constant])
    assert recording is None
    assert any(part in recorder.because for part in because.split("|")), recorder.because


@pytest.mark.skipif(not engine.available(), reason="kernels are not compiled")
def test_every_kernel_says_that_it_runs():
    recorder, _ = record(
        lambda a: engine.native.kernel("spectral", a.dtype) and a * 2, [torch.ones(3)]
    )
    assert recorder.because == "it calls the kernel spectral"
