from sparsegan.data import class_names


def test_numbers_of_classes():
    sets = vars(class_names)
    counts = {
        "MNIST": 10,
        "FASHION_MNIST": 10,
        "CIFAR10": 10,
        "CIFAR100_COARSE": 20,
        "CIFAR100": 100,
        "STL10": 10,
    }
    assert {name: len(set(sets[name])) for name in counts} == counts
    # All authors but those of the garments sorted them.
    for name in counts.keys() - {"FASHION_MNIST"}:
        assert list(sets[name]) == sorted(sets[name])
