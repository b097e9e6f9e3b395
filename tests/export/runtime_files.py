"""Networks of one's own as packed files that the runtime reads, without a run."""

import numpy as np
import torch
from safetensors.numpy import save
from torch import nn

from sparsegan.export import packed
from sparsegan.export.traced import trace


class Own(nn.Module):
    """A network that is a function of its layers and its inputs."""

    def __init__(self, function, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, *inputs):
        return self.function(self.layers, *inputs)


def thinned(network, density=0.4, seed=0):
    """The network in evaluation mode with weights and statistics that mean something."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.5, generator=draw)
            if parameter.dim() > 1:
                parameter.mul_(torch.rand(parameter.shape, generator=draw) < density)
        for buffer in network.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5, generator=draw)
    return network.eval().requires_grad_(False)


def file_of(network, inputs, half=False):
    """The bytes of a packed file: every weight of two or more dimensions without its zeros."""
    graph, constants = trace(network, inputs)
    arrays = {}
    for name, tensor in network.state_dict().items():
        array = tensor.numpy()
        if half and array.ndim > 1:
            array = array.astype(np.float16)
        mask = tensor != 0 if array.ndim > 1 else None
        packed._pack(name, array, mask, None, arrays)
    arrays |= {name: tensor.numpy() for name, tensor in constants.items()}
    arrays["graph"] = np.frombuffer(graph.as_bytes(), np.uint8)
    return packed._sealed(save(arrays, {"format": "sparsegan-packed-2", "sha256": "0" * 64}))
