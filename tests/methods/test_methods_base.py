"""What every method promises to any loop: order, exact budgets, resume, and one clear sentence."""

import copy

import pytest
import torch
from torch import nn, optim

from needs import in_full
from sparsegan import METHODS, Adapt, Dda, Dense, Sdst, SparseganError, Static, StuGan
from toy_gan import (
    SPREAD,
    ToyGan,
    discriminator,
    generator,
    hand_made,
    moved_budget,
    require_equal,
    require_sparse,
)

# Short intervals, so that everything a method does happens within a dozen steps.
SHORT = {
    "dense": {},
    "static": {"generator_density": 0.3, "discriminator_density": 0.4},
    "ramp": {"generator_density": 0.3, "interval": 3, "ramp_interval": 4},
    "sdst": {"generator_density": 0.3, "interval": 3},
    "dda": {"generator_density": 0.3, "control_interval": 4},
    "adapt": {"generator_density": 0.3, "interval": 3, "control_interval": 4},
    "calibrated": {"generator_density": 0.3, "interval": 3, "control_interval": 4},
    "joint": {"generator_density": 0.3, "interval": 3, "control_interval": 4},
    "stu-gan": {"interval": 3, "generator_growth": "gradient", "discriminator_growth": "random"},
    "prune": {"generator_density": 0.3, "discriminator_density": 0.4, "prune_at": 0.35},
    "gmp": {"generator_density": 0.3, "discriminator_density": 0.4, "interval": 2},
    "snip": {"generator_density": 0.3},
    "tickets": {"rounds": 3, "share": 0.4, "weights": "drawn", "rewind_to": 1},
}
MEASURE = {"balance_every": 2, "balance_window": 2}
STEPS = 13


def _method(name, gan, steps=STEPS, **settings):
    return METHODS[name](*gan.parts, steps=steps, **{**SHORT[name], **MEASURE, **settings})


# ---- exact budgets in any loop


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("spectral_norm", "d_first"),
    [("none", True), ("parametrized", False), *in_full(("none", False), ("legacy", True))],
)
def test_budgets_hold_after_every_step_in_either_order(name, spectral_norm, d_first):
    gan = ToyGan(spectral_norm=spectral_norm, d_first=d_first)
    method = _method(name, gan)
    budget = method.generator.masks.active
    for step in range(1, STEPS + 1):
        [events] = gan.run(method, 1)
        assert events.step == method.step == step
        assert (events.balance is not None) == (step % 2 == 0)
        budget = moved_budget(events.changes, budget)
        assert method.generator.masks.active == budget
        require_sparse(method.generator)
        require_sparse(method.discriminator)
        if events.decision is not None:
            assert method.discriminator.masks.active == events.decision.to_active
        for layer in method.generator.masks.layers:
            mask = method.generator.masks[layer.name]
            assert not method.ema.averages[f"{layer.name}.weight"][~mask].any()
    assert method.discriminator_steps == STEPS
    assert all(bool(p.isfinite().all()) for p in [*gan.G.parameters(), *gan.D.parameters()])


@pytest.mark.parametrize("optimizer", [optim.AdamW, optim.NAdam, optim.RAdam])
def test_other_optimisers_train_too(optimizer):
    gan = ToyGan(adam=optimizer)
    method = _method("adapt", gan)
    gan.run(method, STEPS, ratio=0.9)
    require_sparse(method.generator)
    require_sparse(method.discriminator)


def test_several_discriminator_steps_are_counted_by_its_optimiser():
    gan = ToyGan()
    method = _method("adapt", gan)
    for _ in range(3):
        gan.discriminator_step()
        gan.discriminator_step()
        gan.run(method, 1)
    assert method.discriminator_steps == 9


def test_a_rule_of_ones_own_chooses_the_layers():
    gan = ToyGan()
    method = _method("adapt", gan, include=lambda name, module: isinstance(module, nn.Linear))
    assert method.generator.masks.names == ["0"]
    assert method.discriminator.masks.names == ["5"]
    gan.run(method, 5)


def test_wrapped_networks_do_as_well(without_gpu):
    gan, wrapped = ToyGan(), ToyGan()
    method = _method("adapt", gan)
    parts = (nn.DataParallel(wrapped.G), nn.DataParallel(wrapped.D), wrapped.opt_G, wrapped.opt_D)
    other = Adapt(*parts, steps=STEPS, **SHORT["adapt"], **MEASURE)
    gan.run(method, 8)
    wrapped.run(other, 8)
    require_equal(gan.state(), wrapped.state())
    require_equal(method.state_dict(), other.state_dict())


# ---- when, and in which order


def test_nothing_moves_at_the_last_step():
    gan = ToyGan()
    method = _method("adapt", gan, steps=12)
    events = gan.run(method, 12, ratio=0.9)
    rewired = [e.step for e in events if any(c.network == "generator" for c in e.changes)]
    decided = [e.step for e in events if e.decision is not None]
    assert rewired == [3, 6, 9]
    assert decided == [4, 8]


def test_the_order_is_measure_rewire_decide_average(monkeypatch):
    gan, seen = ToyGan(), []
    method = _method("adapt", gan, interval=4)

    def watch(owner, name):
        original = getattr(owner, name)

        def watched(*args, **kwargs):
            seen.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, watched)

    watch(method, "measure_balance")
    watch(method.generator, "rewire")
    watch(method.discriminator, "resize")
    watch(method.ema, "update")
    gan.run(method, 3, ratio=0.9)
    seen.clear()
    [events] = gan.run(method, 1, ratio=0.9)
    assert seen == ["measure_balance", "rewire", "resize", "update"]
    assert [(c.network, c.reason) for c in events.changes] == [
        ("generator", "rewire"),
        ("discriminator", "raise"),
    ]
    assert events.decision.action == "raise"


# ---- the balance ratio


def test_the_measurement_equals_a_naive_one_with_cloned_networks():
    gan = ToyGan(spectral_norm="legacy")
    method = _method("static", gan, balance_every=1, engine="masked")
    gan.run(method, 3)
    gan.step += 1
    gan.discriminator_step()
    before_D = copy.deepcopy(gan.D.state_dict())
    z, fake_scores = gan.generator_step()
    G, D = generator(), discriminator("legacy")
    G.load_state_dict(gan.G.state_dict())
    D.load_state_dict(gan.D.state_dict())
    assert not torch.equal(before_D["0.weight_u"], gan.D.state_dict()["0.weight_u"])
    record = method.after_generator_step(fake_scores, z=z, real=gan.real()).balance
    with torch.no_grad():
        after, real = D(G(z)), D(gan.real())  # training mode: batch statistics
    naive = [float(part.double().mean()) for part in (real, fake_scores, after)]
    assert [record.real, record.fake_before, record.fake_after] == pytest.approx(naive, abs=1e-12)
    assert record.ratio == pytest.approx((naive[2] - naive[1]) / (naive[0] - naive[1]))


@pytest.mark.parametrize("spectral_norm", ["none", "legacy", "parametrized"])
def test_measuring_changes_nothing_in_the_run(spectral_norm):
    states = []
    for every in (1, 1000):
        gan = ToyGan(spectral_norm=spectral_norm)
        method = _method("sdst", gan, balance_every=every)
        gan.run(method, 7)
        state = method.state_dict()
        del state["balance"]
        states.append([gan.state(), state, torch.get_rng_state()])
    require_equal(*states)


def test_callables_are_called_only_when_the_ratio_is_due_and_win_over_tensors():
    gan, calls = ToyGan(), []
    method = _method("static", gan, balance_every=3)

    def count(name, value):
        def scores():
            calls.append((method.step, name))
            assert not torch.is_grad_enabled()
            return torch.full((2, 1), value)

        return scores

    for _ in range(6):
        gan.discriminator_step()
        z, _ = gan.generator_step()
        events = method.after_generator_step(
            torch.zeros(4, 1),
            z=z,
            real=gan.real(),
            rescore=count("rescore", 0.25),
            real_scores=count("real", 1.0),
        )
    assert calls == [(3, "rescore"), (3, "real"), (6, "rescore"), (6, "real")]
    assert events.balance.ratio == 0.25
    assert events.reading.value == 0.25
    assert events.reading.full


def test_conditional_networks_measure_through_callables():
    gan = ToyGan()
    method = _method("static", gan, balance_every=1)
    z, scores = gan.generator_step()
    record = method.after_generator_step(
        scores,
        rescore=lambda: gan.D(gan.G(z)),
        real=gan.real(),
    ).balance
    assert record.finite


# ---- the growth gradient


@pytest.mark.parametrize("d_first", [True, False])
@pytest.mark.parametrize("after_step", ["left", "cleared", "polluted"])
def test_growth_takes_the_gradient_that_the_optimiser_stepped_on(d_first, after_step):
    gan, stepped = ToyGan(d_first=d_first), {}
    for name, network, optimizer in (("G", gan.G, gan.opt_G), ("D", gan.D, gan.opt_D)):
        # Registered before the method's own hook, so it sees the gradient as the loop made it.
        optimizer.register_step_pre_hook(
            lambda *_, name=name, network=network: stepped.update(
                {name: [p.grad.clone() for p in network.parameters() if p.dim() > 1]}
            )
        )
        if after_step != "left":
            optimizer.register_step_post_hook(
                lambda *_, network=network: [
                    p.grad.fill_(1e6) if after_step == "polluted" else setattr(p, "grad", None)
                    for p in network.parameters()
                ]
            )
    settings = {"interval": 3, "control_interval": 3, "balance_every": 1, "drop_shape": "constant"}
    method = _method("adapt", gan, **settings)
    grown = {"G": 0, "D": 0}
    for _ in range(9):
        before = {"G": method.generator.masks.flat, "D": method.discriminator.masks.flat}
        used = dict(stepped)
        [events] = gan.run(method, 1, ratio=0.9)
        used = {"G": stepped["G"], "D": stepped["D"] if d_first else used.get("D")}
        for change in events.changes:
            name, network = {
                "generator": ("G", method.generator),
                "discriminator": ("D", method.discriminator),
            }[change.network]
            dense = torch.cat([grad.flatten() for grad in used[name]]).abs()
            new = network.masks.flat & ~before[name]
            never = ~network.masks.flat & ~before[name]
            grown[name] += int(new.sum())
            assert float(dense[new].min()) >= float(dense[never].max())
    assert grown["G"] > 0
    assert grown["D"] > 0


# ---- stopping and going on


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("stop", "d_first"), [(4, True), *in_full((3, False), (7, False))])
def test_a_resumed_run_ends_with_the_same_bits(name, d_first, stop):
    whole = ToyGan(spectral_norm="legacy", d_first=d_first)
    method = _method(name, whole)
    whole.run(method, stop)
    saved = copy.deepcopy([whole.state(), method.state_dict()])
    events = whole.run(method, STEPS - stop)

    resumed = ToyGan(seed=0, spectral_norm="legacy", d_first=d_first)
    other = _method(name, resumed, seed=1)  # its own masks give way to the saved ones
    resumed.load(saved[0])
    other.load_state_dict(saved[1])
    resumed.step = stop
    torch.manual_seed(1234)
    assert other.step == stop
    assert str(resumed.run(other, STEPS - stop)) == str(events)
    require_equal(whole.state(), resumed.state())
    require_equal(method.state_dict(), other.state_dict())


def test_a_run_stopped_between_the_two_steps_keeps_its_growth_gradient():
    states = []
    for interrupted in (False, True):
        gan = ToyGan()
        method = _method("adapt", gan, control_interval=4, balance_every=1)
        gan.run(method, 3, ratio=0.9)
        gan.step += 1
        gan.discriminator_step()
        assert method.discriminator.has_growth_gradient
        if interrupted:
            saved = copy.deepcopy([gan.state(), method.state_dict()])
            gan = ToyGan(seed=9)
            gan.seed, gan.step = 0, 4
            method = _method("adapt", gan, seed=9, control_interval=4, balance_every=1)
            gan.load(saved[0])
            method.load_state_dict(saved[1])
        _, _ = gan.generator_step()
        events = method.after_generator_step(SPREAD, **hand_made(0.9))
        assert events.decision.action == "raise"
        states.append([gan.state(), method.state_dict()])
    require_equal(*states)


def test_a_state_holds_tensors_and_json_values_only():
    def check(value):
        if isinstance(value, dict):
            assert all(isinstance(key, str) for key in value)
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)
        else:
            assert value is None or isinstance(value, torch.Tensor | int | float | str), value

    for name in METHODS:
        gan = ToyGan()
        method = _method(name, gan)
        gan.run(method, 3)
        check(method.state_dict())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda state: state.pop("generator"), "the saved state lacks generator"),
        (lambda state: state.pop("balance"), "the saved state lacks balance"),
        (lambda state: state.pop("random"), "the saved state lacks random"),
        (lambda state: state["generator"].pop("masks"), "the saved state lacks masks"),
        (lambda state: state["discriminator"]["masks"].pop("active"), "holds no masks"),
        (lambda state: state.update(method="Static"), "is of Static, not of Adapt"),
        (lambda state: state.update(ema=None), "disagree on ema_decay"),
    ],
)
def test_a_state_without_its_parts_is_refused(spoil, message):
    gan = ToyGan()
    method = _method("adapt", gan)
    state = copy.deepcopy(method.state_dict())
    spoil(state)
    with pytest.raises(SparseganError, match=message):
        method.load_state_dict(state)


# ---- wrong use


def _swapped(gan):
    return gan.G, gan.D, gan.opt_D, gan.opt_G


def _with(**changes):
    def parts(gan):
        named = dict(zip(("G", "D", "opt_G", "opt_D"), gan.parts, strict=True))
        return tuple({**named, **{k: make(gan) for k, make in changes.items()}}.values())

    return parts


@pytest.mark.parametrize(
    ("method", "parts", "settings", "message"),
    [
        (Adapt, _swapped, {}, "does not hold the weight of 0: build it from the parameters"),
        (Static, _with(opt_D=lambda g: g.opt_G), {}, "an optimiser of their own each"),
        (Static, _with(D=lambda g: g.G), {}, "need a network .* of their own each"),
        (Static, _with(D=lambda g: nn.Flatten()), {}, "Flatten has nothing to mask"),
        (StuGan, _with(D=lambda g: nn.Linear(3, 1)), {}, "nothing to mask under the rule"),
        (
            Static,
            _with(opt_D=lambda g: optim.LBFGS(g.D.parameters())),
            {},
            "LBFGS is not supported",
        ),
        (Static, _with(opt_G=lambda g: None), {}, "NoneType is not a PyTorch optimiser"),
        *[
            (Static, _with(), {key: value}, rf"density is {value}: it must lie in \(0, 1\]")
            for key in ("generator_density", "discriminator_density")
            for value in (0.0, -0.5, 1.01, float("nan"))
        ],
        (Static, _with(), {"discriminator_density": 1e-4}, "every layer needs at least one"),
        (Adapt, _with(), {"variant": "strict", "generator_density": 0.6}, "above the cap 0.5"),
        (Adapt, _with(), {"variant": "loose"}, "variant is 'loose': choose one of relaxed, strict"),
        (Adapt, _with(), {"growth": "gradinet"}, "growth is 'gradinet': choose one of gradient"),
        (Dda, _with(), {"control_growth": "set"}, "control_growth is 'set': choose one of"),
        (Dda, _with(), {"low": 0.7}, r"the band \[0.7, 0.65\] is empty"),
        (Dda, _with(), {"density_step": 0}, "the density step is 0"),
        (Dda, _with(), {"floor": 2.0}, "must satisfy 0 < floor <= cap <= 1"),
        (Dda, _with(), {"control_interval": 50, "balance_every": 1}, "could not fill between two"),
        (StuGan, _with(), {"explore": "all"}, "explore is 'all': choose one of generator"),
        (Sdst, _with(), {"drop_start": 1.5}, r"drop fractions are 1.5 to 0.005"),
        (Sdst, _with(), {"drop_shape": "cos"}, "drop_shape is 'cos': choose one of cosine"),
        (Sdst, _with(), {"interval": 0}, "interval is 0: it must be a whole number from 1 up"),
        (Static, _with(), {"balance_every": 2.5}, "balance_every is 2.5"),
        (Static, _with(), {"balance_window": 0}, "balance_window is 0"),
        (Static, _with(), {"steps": 0}, "steps is 0"),
        (Static, _with(), {"ema_decay": 1.0}, "EMA decay is 1.0"),
        (Static, _with(), {"ema_start": -1}, "ema_start is -1: it must be at least 0"),
        (Static, _with(), {"ema_form": "sema"}, "ema_form is 'sema': choose one of masked"),
        (Static, _with(), {"allocation": "ekr"}, "allocation is 'ekr': choose one of"),
        (Static, _with(), {"moments": "none"}, "moments is 'none': choose one of seeded"),
        (Static, _with(), {"maskable": "convs"}, "maskable rule is 'convs'"),
        (
            Adapt,
            _with(),
            {"generator_densty": 0.1},
            "unknown setting 'generator_densty': did you mean generator_density",
        ),
        (Dense, _with(), {"generator_density": 0.1}, "unknown setting 'generator_density'"),
        (Static, _with(), {"xyz": 1}, "unknown setting 'xyz': known are"),
        (Static, _with(), {"faithful": ("inclusive_band",)}, "faithful names 'inclusive_band'"),
        (
            Adapt,
            _with(),
            {"faithful": ("nope",)},
            "faithful names 'nope': Adapt knows kept_moments",
        ),
    ],
)
def test_wrong_use_is_one_sentence_and_touches_nothing(method, parts, settings, message):
    gan = ToyGan()
    arguments = parts(gan)
    before, random_state = gan.state(), torch.get_rng_state()
    with pytest.raises(SparseganError, match=message) as refused:
        method(*arguments, **{"steps": 100, **settings})
    sentence = str(refused.value)
    assert "\n" not in sentence
    require_equal(before, gan.state())
    assert torch.equal(random_state, torch.get_rng_state())
    assert gan.hooks() == 0


def test_calls_in_the_wrong_order_are_refused():
    gan = ToyGan()
    method = _method("static", gan)
    measurement = hand_made(0.5)
    with pytest.raises(SparseganError, match="optimiser made 0 steps since the last call"):
        method.after_generator_step(SPREAD, **measurement)
    gan.generator_step()
    method.after_generator_step(SPREAD, **measurement)
    with pytest.raises(SparseganError, match="made 0 steps"):
        method.after_generator_step(SPREAD, **measurement)
    gan.generator_step()
    gan.generator_step()
    with pytest.raises(SparseganError, match=r"made 2 steps .* once after each of its steps"):
        method.after_generator_step(SPREAD, **measurement)
    assert method.step == 1


@pytest.mark.parametrize("left_out", ["z", "real", "both"])
def test_a_due_ratio_without_its_inputs_is_refused(left_out):
    gan = ToyGan()
    method = _method("static", gan, balance_every=2)
    gan.generator_step()
    method.after_generator_step(torch.zeros(4))  # not due: nothing is needed
    z, scores = gan.generator_step()
    measurement = {"z": z, "real": gan.real()}
    measurement = (
        {} if left_out == "both" else {k: v for k, v in measurement.items() if k != left_out}
    )
    with pytest.raises(SparseganError, match="due and cannot be measured: pass z= and real="):
        method.after_generator_step(scores, **measurement)


def test_probabilities_are_refused_where_the_balance_ratio_is_due():
    gan = ToyGan()
    gan.D.append(torch.nn.Sigmoid())
    method = Static(*gan.parts, steps=9, balance_every=1)
    scores = gan.D(gan.G(z := gan.noise(2)))
    (-scores.mean()).backward()
    gan.opt_G.step()
    with pytest.raises(SparseganError, match=r"through a sigmoid.*BCEWithLogitsLoss"):
        method.after_generator_step(scores, z=z, real=gan.real())


def test_scores_that_are_no_tensor_are_refused():
    gan = ToyGan()
    method = _method("static", gan, balance_every=1)
    gan.generator_step()
    with pytest.raises(SparseganError, match="scores must be a tensor, not tuple: pass D's logits"):
        method.after_generator_step((torch.zeros(4), None), **hand_made(0.5))
