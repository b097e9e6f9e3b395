import struct

import pytest

from sparsegan.export.graph import Arithmetic, Code, Function, Graph, UnsupportedError


def words(graph):
    data = graph.as_bytes()
    return struct.unpack(f"<{len(data) // 4}I", data)


def test_the_words_are_those_that_the_runtime_documents():
    graph = Graph()
    z = graph.add(Code.INPUT, [], (8,), (), (8,))
    graph.add(Code.LINEAR, [z], (3,), [("fc.w", (3, 8)), None])
    name = struct.unpack("<I", b"fc.w")[0]
    assert words(graph) == (
        *(0x32474753, 1, 2),
        *(4, name, 2, 3, 8),
        *(Code.INPUT | 1 << 24, 8),
        *(Code.LINEAR | 1 << 8 | 2 << 16, 0, 0, 0xFFFFFFFF),
    )


def test_a_tensor_is_named_once_however_often_it_is_used():
    graph = Graph()
    first = graph.add(Code.CONSTANT, [], (2,), [("a", (2,))])
    second = graph.add(Code.CONSTANT, [], (2,), [("a", (2,))])
    assert (first.op, second.op, list(graph.tensors)) == (0, 1, ["a"])


def test_real_parameters_are_floats():
    graph = Graph()
    z = graph.add(Code.INPUT, [], (8,), (), (8,))
    graph.unary(z, Function.LEAKY, 0.25)
    assert struct.pack("<2I", *words(graph)[-2:]) == struct.pack("<2f", 0.25, 0.0)


def test_one_size_follows_from_the_others_and_equal_sizes_are_no_operation():
    graph = Graph()
    z = graph.add(Code.INPUT, [], (12,), (), (12,))
    assert graph.reshape(z, (3, -1)).shape == (3, 4)
    assert graph.reshape(z, (12,)) is z


def test_missing_dimensions_come_first():
    graph = Graph()
    x = graph.add(Code.INPUT, [], (2, 3, 4), (), (2, 3, 4))
    y = graph.add(Code.CONSTANT, [], (4,), [("a", (4,))])
    assert graph.binary(Arithmetic.ADD, x, y).shape == (2, 3, 4)
    assert graph.binary(Arithmetic.MULTIPLY, y, x).shape == (2, 3, 4)


def test_more_than_four_dimensions_are_refused():
    with pytest.raises(UnsupportedError, match="5 dimensions"):
        Graph().add(Code.INPUT, [], (1,) * 5)
