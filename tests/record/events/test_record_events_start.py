from sparsegan.record import events


def start(**fields):
    return events.read({"kind": "start", "step": 0, **fields})


def test_layers_without_a_mask_do_not_count():
    rows = [
        {"name": "a", "kind": "Linear", "weights": 50, "active": 50, "masked": False},
        {"name": "b", "kind": "Conv2d", "weights": 20, "active": 2, "masked": True},
        {"name": "c", "kind": "Conv2d", "active": 2, "masked": True},
        {"name": "d", "kind": "Conv2d", "weights": 0, "active": 0, "masked": True},
    ]
    (layer,) = start(networks={"generator": rows}).masked("generator")
    assert (layer.name, layer.active) == ("b", 2)
    assert start().masked("generator") == ()


def test_a_band_has_two_ends():
    assert start(band=[0.45, 0.55]).band == (0.45, 0.55)
    assert start(band=[0.45]).band is start(band=[0.45, None]).band is start().band is None


def test_costs_may_be_missing_but_not_broken():
    networks = {"generator": [], "discriminator": []}
    assert events.Start.is_sound({"networks": networks})
    assert events.Start.is_sound({"networks": networks, "costs": networks})
    for costs in (7, [], {"generator": []}, {"generator": [1], "discriminator": []}):
        assert not events.Start.is_sound({"networks": networks, "costs": costs})
