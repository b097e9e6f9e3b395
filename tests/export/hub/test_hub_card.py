import pytest
import torch
import yaml
from toy_export import frozen

from sparsegan.export import Blueprint
from sparsegan.export.hub.card import evaluation_of, model_card
from sparsegan.record.events import Evaluation
from sparsegan.report.read import RunRecord

FILES = {"generator.safetensors": 4000, "samples.png": 500, "index.html": 90_000}


def evaluation(step, value=2.5, **fields):
    common = {"low": 2.4, "high": 2.6, "floor": 0.01, "n": 1000, "seconds": 1.0, "bn": "standing"}
    known = {**common, "weights": "ema", "grid": None, "metric": "kid-efficientnet-lite0"}
    return Evaluation(step=step, value=value, **{**known, **fields})


def record(tmp_path, *evaluations, **fields):
    return RunRecord(tmp_path, "run", evaluations=list(evaluations), **fields)


def metadata(text):
    empty, head, _ = text.split("---\n", 2)
    assert not empty
    return yaml.safe_load(head)


def test_metrics_stand_under_their_networks(tmp_path):
    toy = frozen()
    toy.origin["data"] = "fashion-mnist"
    of_run = record(tmp_path, evaluation(3, frechet=911.0, recall=0.5), evaluation(9, value=1.0))
    text = model_card(toy, of_run, FILES)
    (model,) = metadata(text)["model-index"]
    assert model["results"][0]["metrics"] == [
        {"type": "kid", "name": "kid-efficientnet-lite0", "value": 2.5},
        {"type": "frechet", "name": "Fréchet distance (efficientnet-lite0)", "value": 911.0},
        {"type": "recall", "name": "recall (efficientnet-lite0)", "value": 0.5},
    ]
    assert "| recall (efficientnet-lite0) | 0.500 |" in text
    assert "At step 3, 1,000 images on either side." in text
    assert evaluation_of(of_run, 9).value == 1.0  # the generator is of step 7
    few = model_card(toy, record(tmp_path, evaluation(3, n=60, generated=600)), FILES)
    assert "At step 3, 600 images beside 60 real ones." in few


def test_results_on_data_without_a_name_are_not_for_the_hub(tmp_path):
    text = model_card(frozen(), record(tmp_path, evaluation(3)), FILES)
    assert "model-index" not in metadata(text)
    assert "At step 3, 1,000 images on either side." in text


def test_without_evaluations_it_says_so(tmp_path):
    text = model_card(frozen(), record(tmp_path, evaluation(9)), FILES)
    assert "model-index" not in metadata(text)
    assert "have not been compared with real ones" in text


def test_costs_are_beside_those_of_the_dense_network(tmp_path):
    cost = {"inference": {"consistent": {"generator": {"run": 25.0, "dense": 100.0}}}}
    toy = frozen()
    text = model_card(toy, record(tmp_path, cost=cost), FILES)
    masks = toy.masks.values()
    active, total = (sum(int(f(m)) for m in masks) for f in (torch.sum, torch.numel))
    assert f"| weights of masked layers | {active:,} | {total:,} | " in text
    assert "| operations of an image | 25.0 | 100 | 25.0\u00a0% |" in text
    assert "operations of the training" not in text
    assert f"| {4000 / toy.dense_bytes:.1%}"[:5] in text


@pytest.mark.parametrize("classes", [None, 10])
def test_its_three_lines_draw_images(tmp_path, monkeypatch, classes):
    network = "dcgan" if classes is None else "biggan"
    size, channels, width = (28, 1, 4) if classes is None else (64, 3, 2)
    toy = frozen(Blueprint(network, size, channels, width, latent_dim=20, classes=classes))
    toy.generator.class_names = tuple("abcdefghij") if classes else ()
    text = model_card(toy, record(tmp_path), FILES)
    lines = text.split("```python\n")[1].split("```")[0].splitlines()
    assert len(lines) == 3
    monkeypatch.setattr("sparsegan.load", lambda source: toy.generator, raising=False)
    names = {}
    exec("\n".join(lines), names)
    assert names["images"].shape == (8, channels, size, size)
    assert ("Labels: 0 a, 1 b" in text) == bool(classes)


@pytest.mark.full("hub")
def test_the_hubs_own_package_reads_it(tmp_path):
    from huggingface_hub import ModelCard

    toy = frozen()
    toy.origin["data"] = "hf:someone/cats"
    path = tmp_path / "README.md"
    path.write_text(model_card(toy, record(tmp_path, evaluation(7)), FILES))
    data = ModelCard.load(path).data
    assert data.library_name == "sparsegan"
    assert data.datasets == ["someone/cats"]
    (result,) = data.eval_results
    assert (result.metric_type, result.metric_value) == ("kid", 2.5)
    assert result.dataset_type == "someone/cats"
