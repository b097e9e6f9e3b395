"""ADAPT with a band in levels of the ratio that D has as it begins."""

import copy
import math

import pytest

from sparsegan import Adapt, Calibrated, SparseganError
from toy_gan import ToyGan, require_equal, require_sparse

SHORT = {
    "generator_density": 0.3,
    "interval": 3,
    "balance_every": 1,
    "balance_window": 2,
    "control_interval": 4,
}


def _decisions(events):
    return [event.decision for event in events if event.decision]


def test_the_level_is_that_of_the_first_window_after_the_share_of_the_run():
    gan = ToyGan()
    method = Calibrated(*gan.parts, steps=40, calibration=0.25, **SHORT)
    assert method.discriminator.masks.density == 1
    early = _decisions(gan.run(method, 8, ratio=0.1))
    assert [d.reason for d in early] == ["the level is not measured yet"] * 2
    assert method.level is None
    [taken] = _decisions(gan.run(method, 4, ratio=0.5))
    assert (taken.action, taken.moves) == ("hold", False)
    assert taken.reason == "level 0.5, so that the band is 0.55 to 0.675"
    assert method.level == pytest.approx(0.5)
    require_sparse(method.generator)


@pytest.mark.parametrize(
    ("ratio", "action"), [(0.54, "lower"), (0.56, "hold"), (0.67, "hold"), (0.69, "raise")]
)
def test_decisions_are_adapts_with_the_band_of_that_level(ratio, action):
    both = []
    for method, band in ((Calibrated, {}), (Adapt, {"low": 0.55, "high": 0.675})):
        gan = ToyGan()
        settings = {"discriminator_density": 0.6, "density_step": 0.1}
        method = method(*gan.parts, steps=40, **SHORT, **settings, **band)
        gan.run(method, 8, ratio=0.5 if method.settings.fixed_band is None else 0.6)
        [decision] = _decisions(gan.run(method, 4, ratio=ratio))
        both.append((decision.action, decision.from_active, decision.to_active))
        assert method.discriminator.masks.active == decision.to_active
    assert both[0] == both[1]
    assert both[0][0] == action


@pytest.mark.parametrize("ratio", [math.nan, -0.2, 0.0])
def test_a_window_that_cannot_be_trusted_gives_no_level(ratio):
    gan = ToyGan()
    method = Calibrated(*gan.parts, steps=60, **SHORT)
    said = _decisions(gan.run(method, 20, ratio=ratio))
    assert method.level is None
    assert method.discriminator.masks.density == 1
    assert "no level can be measured" in said[-1].reason
    gan.run(method, 4, ratio=0.4)
    assert method.level == pytest.approx(0.4)


def test_a_saved_run_goes_on_with_its_level_and_without():
    for steps in (4, 16):
        gan = ToyGan()
        method = Calibrated(*gan.parts, steps=40, **SHORT)
        gan.run(method, steps)
        saved, state = gan.state(), copy.deepcopy(method.state_dict())
        gan.run(method, 12)
        other = ToyGan()
        resumed = Calibrated(*other.parts, steps=40, **SHORT)
        other.load(saved)
        resumed.load_state_dict(state)
        other.step = steps
        other.run(resumed, 12)
        assert resumed.level == method.level
        require_equal(resumed.state_dict(), method.state_dict())
        require_equal(other.state(), gan.state())


def test_a_band_that_is_meant_for_adapt_does_nothing_here():
    settings = Calibrated.Settings(low=0.45, high=0.9, discriminator_density=None)
    assert settings.band == (1.1, 1.35)
    assert settings.densities() == (0.1, 1.0)


def test_the_forecast_moves_d_only_after_the_level_is_taken():
    settings = Calibrated.Settings(**{**SHORT, "density_step": 0.4})
    assert dict(settings.density_course(40, "down")) == pytest.approx({12: 0.6, 16: 0.2, 20: 0.05})
    assert settings.fixed_band is None


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"calibration": 0}, "calibration is 0"),
        ({"calibration": 1.0}, "calibration is 1.0"),
        ({"low_level": 0.9}, "low_level is 0.9"),
        ({"low_level": 2.0}, "is empty"),
        ({"control_interval": 20}, "no decision follows"),
        ({"signal": "sign"}, "signal is 'sign'"),
        ({"lever": "steps"}, "lever 'steps'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, message):
    with pytest.raises(SparseganError, match=message):
        Calibrated(*ToyGan().parts, steps=40, **{**SHORT, **wrong})
