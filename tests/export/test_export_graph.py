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


def convolution(weight, parameters):
    graph = Graph()
    x = graph.add(Code.INPUT, [], (1, 80, 80), (), (1, 80, 80))
    return graph.add(Code.CONVOLUTION, [x], (1, 80, 80), [("w", weight)], parameters)


def test_kernels_and_strides_have_a_limit():
    convolution((1, 1, 64, 64), [64, 64, 0, 0, 0, 0, 1, 1, 1])
    for weight, strides in (((1, 1, 65, 1), [1, 1]), ((1, 1, 1, 65), [1, 1]), ((1,) * 4, [1, 65])):
        with pytest.raises(UnsupportedError, match="kernel or a stride of more than 64"):
            convolution(weight, [*strides, 0, 0, 0, 0, 1, 1, 1])


def test_a_graph_has_as_many_operations_as_the_runtime_reads():
    graph = Graph()
    x = graph.add(Code.INPUT, [], (2,), (), (2,))
    for _ in range(1023):
        x = graph.unary(x, Function.RELU)
    with pytest.raises(UnsupportedError, match="more than 1024 operations"):
        graph.unary(x, Function.RELU)


def test_tables_are_of_one_number_of_classes():
    graph = Graph()
    graph.add(Code.EMBEDDING, [], (4,), [("a", (3, 4))])
    graph.add(Code.EMBEDDING, [], (2,), [("b", (3, 2))])
    with pytest.raises(UnsupportedError, match="different numbers of classes"):
        graph.add(Code.EMBEDDING, [], (4,), [("c", (5, 4))])


def test_images_have_up_to_four_channels():
    graph = Graph()
    graph.finish(graph.add(Code.INPUT, [], (4, 2, 2), (), (4, 2, 2)))
    for shape in ((5, 2, 2), (1, 2, 2, 2), (4,)):
        graph = Graph()
        with pytest.raises(UnsupportedError, match="images of up to 4 channels"):
            graph.finish(graph.add(Code.INPUT, [], shape, (), shape))


def test_an_image_that_takes_too_long_is_refused_as_the_runtime_would():
    graph = Graph()
    x = graph.add(Code.INPUT, [], (4096, 1, 1), (), (4096, 1, 1))
    with pytest.raises(UnsupportedError, match="operations for an image"):
        graph.add(
            Code.CONVOLUTION, [x], (4, 2048, 2048), [("w", (4, 4096, 8, 8))], (1, 1) + (0,) * 6
        )
