"""Dense training: what the method leaves alone, and what it measures all the same."""

from sparsegan import Dense
from toy_gan import ToyGan, require_equal


def test_the_networks_train_as_without_the_method():
    gan, plain = ToyGan(), ToyGan()
    method = Dense(*gan.parts, steps=6, balance_every=2, engine="masked")
    events = gan.run(method, 5)
    for _ in range(5):
        plain.step += 1
        plain.discriminator_step()
        plain.generator_step()
    require_equal(gan.state(), plain.state())
    assert [e.balance is not None for e in events] == [False, True, False, True, False]
    assert method.generator.masks.density == method.discriminator.masks.density == 1.0
