"""A loop of one's own is recorded as a run is, and is not changed by it."""

import json
import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes

import sparsegan
from sparsegan import cost
from sparsegan.errors import SparseganError
from sparsegan.locks import is_held
from sparsegan.metrics import kid
from sparsegan.record.metrics_log import history
from sparsegan.record.run import RunDirectory
from sparsegan.report.read import read_run
from tiny_run import Patches
from toy_gan import ToyGan, generator, require_equal

SETTINGS = {"generator_density": 0.3, "interval": 3, "control_interval": 4, "balance_every": 1,
            "balance_window": 2, "density_step": 0.2, "ema_decay": 0.5}  # fmt: skip


def adapt(gan, steps=12):
    return sparsegan.Adapt(*gan.parts, steps=steps, **SETTINGS)


def recorded(gan, method, recorder, steps):
    for _ in range(steps):
        (done,) = gan.run(method, 1)
        recorder.step(done, generator_loss=torch.tensor(1.5), discriminator_loss=2.5)


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """A whole loop with its recorder, in a folder."""
    folder = tmp_path_factory.mktemp("recorder") / "mine"
    gan = ToyGan()
    method = adapt(gan)
    recorder = sparsegan.Recorder(method, folder, every=5)
    recorded(gan, method, recorder, 12)
    images = recorder.draw(torch.randn(9, 6))
    recorder.samples(images)
    evaluation = recorder.evaluate(images, images.flip(3), features=Patches())
    page = recorder.finish()
    return gan, method, recorder, page, images, evaluation


def test_the_loop_is_the_same_without_it(loop):
    gan, method, *_ = loop
    plain = ToyGan()
    alone = adapt(plain)
    plain.run(alone, 12)
    require_equal(alone.state_dict(), method.state_dict())
    for key, value in plain.state().items():
        for one, other in zip(flat(value), flat(gan.state()[key]), strict=True):
            assert torch.equal(one, other)


def flat(value):
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from flat(item)


def test_the_report_reads_it_as_a_run(loop):
    _, method, recorder, page, *_ = loop
    (record,) = read_run(recorder.directory)
    assert record.finished
    assert (record.method, record.last_step, record.planned_steps) == ("adapt", 12, 12)
    assert record.curves["generator_loss"] == [(5, 1.5), (10, 1.5), (12, 1.5)]
    assert all(value > 0 for _, value in record.curves["generator_gradient_norm"])
    assert record.density("discriminator")[-1][1] == method.discriminator.masks.density
    assert len(record.balance) == 12
    assert len(record.decisions) == 2
    assert {row.reason for row in record.rewires} >= {"rewire"}
    assert [grid.step for grid in record.grids] == [12]
    assert {row.network for row in record.kernels} == {"generator", "discriminator"}
    text = page.read_text()
    assert "adapt" in text
    assert "data:image/png" in text


def test_it_draws_from_the_averaged_weights(loop):
    gan, method, recorder, *_ = loop
    averaged = generator().train()
    with method.ema.swapped():
        averaged.load_state_dict(gan.G.state_dict())
    z = torch.randn(5, 6)
    torch.testing.assert_close(recorder.draw(z), averaged(z).detach())


def test_an_evaluation_is_recorded(loop):
    _, _, recorder, _, images, evaluation = loop
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    features = Patches()
    expected = kid(features(pixels), features(pixels.flip(3)), seed=0).value
    assert evaluation.value == pytest.approx(expected, rel=1e-4, abs=1e-7)
    assert evaluation.grid == "samples/step-00000012.png"
    assert read_run(recorder.directory)[0].evaluations[-1].value == evaluation.value


def test_cost_is_that_of_the_densities_on_the_way(tmp_path):
    gan = ToyGan()
    method = sparsegan.Static(
        *gan.parts, steps=6, generator_density=0.3, discriminator_density=0.5, balance_every=1
    )
    recorder = sparsegan.Recorder(method, tmp_path / "mine")
    recorded(gan, method, recorder, 6)
    sizes = {
        name: {
            layer: n / network.masks.sizes()[layer] for layer, n in network.masks.counts().items()
        }
        for name, network in method.networks.items()
    }
    G, D = cost.layers(gan.G, gan.noise()), cost.layers(gan.D, gan.real())
    forwards = cost.forward(G, sizes["generator"]), cost.forward(D, sizes["discriminator"])
    expected = cost.training(
        *forwards, d_batch=4, g_batch=4, discriminator_steps=1, steps=6, convention="consistent"
    )
    counted = recorder.cost()
    assert counted["flops"]["consistent"]["run"] == pytest.approx(expected)
    assert counted["weights"]["generator"]["maskable_active_end"] == method.generator.masks.active
    recorder.finish()
    written = json.loads((tmp_path / "mine" / "cost.json").read_text())
    assert written["flops"] == counted["flops"]
    recorder.close()


def test_the_exported_file_draws_the_averaged_images(loop, tmp_path):
    gan, method, recorder, *_ = loop
    path = recorder.export(generator, tmp_path / "small.safetensors")
    loaded = sparsegan.export.load(path, kernels="masked", generator=generator)
    averaged = generator().train()
    with method.ema.swapped():
        averaged.load_state_dict(gan.G.state_dict())
    z = torch.randn(4000, 6)
    with torch.no_grad():
        # Statistics of a large batch are about those estimated for the file.
        torch.testing.assert_close(loaded(z[:8]), averaged(z)[:8], rtol=0, atol=0.1)
    dense = sum(tensor.nbytes for tensor in gan.G.state_dict().values())
    assert path.stat().st_size < dense + 4000
    with pytest.raises(SparseganError, match="makes another network than the generator at hand"):
        recorder.export(lambda: torch.nn.Sequential(torch.nn.Linear(6, 64), torch.nn.Unflatten(
            1, (1, 8, 8)), torch.nn.Tanh()))  # fmt: skip


def test_a_loop_that_goes_on_is_one_record(tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "mine"
    gan = ToyGan()
    method = adapt(gan)
    with sparsegan.Recorder(method, whole, every=2) as recorder:
        recorded(gan, method, recorder, 12)
        recorder.finish()

    gan = ToyGan()
    method = adapt(gan)
    with sparsegan.Recorder(method, folder, every=2) as recorder:
        recorded(gan, method, recorder, 6)
        networks, state = gan.state(), method.state_dict()
        recorded(gan, method, recorder, 2)  # lost with the process

    again = ToyGan()
    method = adapt(again)
    again.load(networks)
    method.load_state_dict(state)
    again.step = 6
    with sparsegan.Recorder(method, folder, every=2) as recorder:
        recorded(again, method, recorder, 6)
        recorder.finish()
    assert list(map(timeless, history(folder / "metrics.jsonl"))) == list(
        map(timeless, history(whole / "metrics.jsonl"))
    )


def timeless(event):
    """An event without what differs from one time to another."""
    changing = ("seconds", "steps_per_second", "timing", "layers", "kernels", "reason")
    return {key: value for key, value in event.to_json().items() if key not in changing}


def test_a_folder_in_use_is_refused(loop, run):
    _, method, recorder, *_ = loop
    fresh = adapt(ToyGan())
    with pytest.raises(SparseganError, match="holds a record already"):
        sparsegan.Recorder(fresh, recorder.directory)
    with pytest.raises(SparseganError, match="is a run of `sparsegan train`"):
        sparsegan.Recorder(fresh, run.directory)
    with pytest.raises(SparseganError, match="has no record up to it"):
        sparsegan.Recorder(method, recorder.directory.parent / "other")
    with pytest.raises(SparseganError, match="every is 0"):
        sparsegan.Recorder(fresh, recorder.directory.parent / "new", every=0)


def test_what_goes_wrong_is_noticed(tmp_path, caplog):
    gan = ToyGan()
    method = adapt(gan, steps=100)
    recorder = sparsegan.Recorder(method, tmp_path / "mine", every=1)
    recorded(gan, method, recorder, 14)  # under a discriminator's loss that stands still
    recorder.close()
    assert "the discriminator's loss stands still at 2.5" in caplog.text
    (record,) = read_run(tmp_path / "mine")
    assert any("stands still" in sentence for _, sentence in record.warnings)


def test_without_a_step_there_is_no_cost(tmp_path):
    recorder = sparsegan.Recorder(adapt(ToyGan()), tmp_path / "mine")
    with pytest.raises(SparseganError, match="has no step recorded yet"):
        recorder.cost()
    recorder.close()


def test_the_folder_is_locked_until_its_recorder_is_closed_or_gone(tmp_path):
    folder = tmp_path / "mine"
    lock = RunDirectory(folder).lock
    recorder = sparsegan.Recorder(adapt(ToyGan()), folder)
    assert is_held(lock)
    with pytest.raises(SparseganError, match=r"another recorder writes into .*mine"):
        sparsegan.Recorder(adapt(ToyGan()), folder)
    recorder.close()
    assert not lock.exists()
    recorder = sparsegan.Recorder(adapt(ToyGan()), folder)  # nothing was recorded
    assert is_held(lock)
    del recorder
    assert not lock.exists()


def test_what_is_refused_leaves_no_lock(loop):
    _, _, recorder, *_ = loop
    with pytest.raises(SparseganError, match="holds a record already"):
        sparsegan.Recorder(adapt(ToyGan()), recorder.directory)
    assert not RunDirectory(recorder.directory).lock.exists()


def test_after_its_end_nothing_is_recorded_and_the_page_can_be_had_again(loop, tmp_path):
    gan, method, recorder, page, images, _ = loop
    before = (recorder.directory / "metrics.jsonl").read_bytes()
    assert recorder.finish() == page
    assert recorder.report(tmp_path / "again.html").read_text() == page.read_text()
    with pytest.raises(SparseganError, match="is closed, and records nothing more"):
        recorder.evaluate(images, images, features=Patches())
    with pytest.raises(SparseganError, match="is closed, and records nothing more"):
        recorder.samples(images)
    assert (recorder.directory / "metrics.jsonl").read_bytes() == before
    gan, closed = ToyGan(), tmp_path / "closed"
    method = adapt(gan)
    with sparsegan.Recorder(method, closed) as recorder:
        recorded(gan, method, recorder, 2)
    with pytest.raises(SparseganError, match="is closed, and records nothing more"):
        recorder.finish()
    with pytest.raises(SparseganError, match="is closed, and records nothing more"):
        recorded(gan, method, recorder, 1)


def test_a_band_of_another_signal_is_none_of_the_ratio(tmp_path):
    gan = ToyGan()
    method = sparsegan.Adapt(*gan.parts, steps=4, signal="sign", **SETTINGS)
    with sparsegan.Recorder(method, tmp_path / "sign") as recorder:
        recorded(gan, method, recorder, 4)
    start = next(history(tmp_path / "sign" / "metrics.jsonl"))
    assert (start.kind, start.other_signal) == ("start", "sign")


def one_of_two(rank, folder):
    """Record a loop in two processes, then be refused; what each of them gets."""
    folder = Path(folder)
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2)
    gan = ToyGan()
    method = adapt(gan, steps=4)
    recorder = sparsegan.Recorder(method, folder / "mine")
    recorded(gan, method, recorder, 4)
    got = {
        "cost": recorder.cost() is not None,
        "report": recorder.report(folder / f"{rank}.html") is not None,
        "export": recorder.export(generator, folder / f"{rank}.safetensors") is not None,
        "finish": recorder.finish() is not None,
        "again": recorder.finish() is not None,
    }
    try:
        sparsegan.Recorder(adapt(ToyGan()), folder / "mine")
    except SparseganError as error:
        got["refusal"] = str(error)
    (folder / f"{rank}.json").write_text(json.dumps(got))
    dist.barrier()
    dist.destroy_process_group()
    os._exit(0)  # the backend's threads may abort in the interpreter's own end


@pytest.mark.full
@pytest.mark.skipif(not dist.is_available(), reason="this PyTorch has no torch.distributed")
def test_of_two_processes_the_first_writes_and_both_hear_of_a_refusal(tmp_path):
    processes.spawn(one_of_two, (str(tmp_path),), nprocs=2)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2))
    assert "holds a record already" in first["refusal"]
    assert second.pop("refusal") == first.pop("refusal")
    assert all(first.values())
    assert not any(second.values())
    assert {path.name for path in tmp_path.glob("?.*")} - {"0.json", "1.json"} == {
        "0.html", "0.safetensors"
    }  # fmt: skip
