"""Where a layer's active weights are, in the order in which the kernels want them."""

from collections.abc import Iterator

import torch
from torch import Tensor

from sparsegan.engine.blocks import BLOCK
from sparsegan.engine.constants import Kept
from sparsegan.engine.native import isa, kernel, library
from sparsegan.engine.recording import step
from sparsegan.errors import SparseganError

Int2 = tuple[int, int]


class SparseIndex:
    """The plans of one weight's mask, built when first needed and kept until the mask changes.

    A plan depends on the mask, the stride and the padding, on the instruction set, on the size of
    the images, and on whether a batch fills a vector; it holds no weight values, which the kernels
    gather from the dense weight at every call.

    Attributes:
        constant: Whether the weights stay as they are: the active ones are then gathered once for
            each plan. Whoever sets it answers for that, and takes it back before they change.

    Args:
        mask: Bool tensor on the CPU, shaped as the weight: ``(out, in, kh, kw)`` of a convolution,
            ``(in, out, kh, kw)`` of a transposed one, ``(out, in)`` of a linear layer.
        dense_gradient: Whether the weight's gradient is wanted at inactive places too.
        transposed: Whether the weight is a transposed convolution's, whose output channels are its
            second dimension.

    Raises:
        SparseganError: If the mask is not a bool tensor of two or four dimensions on the CPU.
    """

    def __init__(
        self, mask: Tensor, *, dense_gradient: bool = False, transposed: bool = False
    ) -> None:
        self.dense_gradient = dense_gradient
        self.transposed = transposed
        self._plans: dict[tuple[object, ...], Tensor] = {}
        self._values: dict[int, Kept[tuple[Tensor, Tensor]]] | None = None
        self._shape: torch.Size | None = None
        self.rebuild(mask)

    def rebuild(self, mask: Tensor) -> None:
        """Takes a changed mask of the same shape; plans follow when they are next used."""
        if mask.dtype != torch.bool or mask.device.type != "cpu" or mask.dim() not in (2, 4):
            raise SparseganError(
                f"an index needs a bool mask (out, in) or (out, in, kh, kw) on the CPU, not "
                f"{mask.dtype} {tuple(mask.shape)} on {mask.device}"
            )
        if self._shape is not None and mask.shape != self._shape:
            raise SparseganError(
                f"the mask of an index keeps its shape {tuple(self._shape)}, not "
                f"{tuple(mask.shape)}: make a new index"
            )
        self._shape = mask.shape
        self.mask = mask.detach().clone(memory_format=torch.contiguous_format)
        self.active = int(self.mask.sum())
        self.grouped = _in_groups(self.mask, self.transposed)
        self._values = None if self._values is None else {}
        # Plans of the dense weight do not depend on the mask.
        self._plans = {key: plan for key, plan in self._plans.items() if key[0] == "dense"}

    @property
    def constant(self) -> bool:
        """As the class says."""
        return self._values is not None

    @constant.setter
    def constant(self, value: bool) -> None:
        if value != self.constant:
            self._values = {} if value else None

    def gathered(self, weight: Tensor, plan: Tensor) -> Tensor | None:
        """The active weights in a plan's order, where they are constant."""
        if self._values is None:
            return None
        kept = self._values.get(plan.data_ptr())
        if kept is None or not kept.holds_for(weight):
            values = step(_gather, (weight.detach().contiguous(), plan), ())
            # With its plan, whose memory is the key.
            kept = self._values[plan.data_ptr()] = Kept((values, plan), weight)
        return kept.value[0]

    def tensors(self) -> Iterator[Tensor]:
        """The plans and what is gathered under them."""
        yield from list(self._plans.values())
        for kept in list((self._values or {}).values()):
            yield kept.value[0]

    @property
    def density(self) -> float:
        """Active weights over all weights."""
        return self.active / max(1, self.mask.numel())

    def plan(
        self,
        batch: int,
        stride: Int2,
        padding: Int2,
        dtype: torch.dtype,
        small: Int2,
        large: Int2,
        *,
        adjoint: bool = False,
        dense: bool = False,
        groups: bool = False,
    ) -> Tensor:
        """Returns the int32 plan of one pass.

        Args:
            batch: Samples, N.
            stride: Of the convolution that has this weight.
            padding: Likewise.
            dtype: Of the tensors.
            small: Height and width of what the convolution gives, in pixels.
            large: Of what it takes.
            adjoint: The input gradient, which is the forward pass of a transposed convolution.
            dense: All weights, not only the active ones.
            groups: Whether the plan may take the weights of four output channels together, where
                the mask lets it: for a layer's forward pass, not for its weights' gradient.
        """
        wide = dtype == torch.float64
        many = batch >= int(library().tile(wide)[0])
        kind = "dense" if dense else "active"
        groups = groups and self.grouped
        key = (kind, isa(), wide, adjoint, groups, stride, padding, small, large, many)
        plan = self._plans.get(key)
        if plan is None:
            mask = torch.ones_like(self.mask) if dense else self.mask
            geometry = [*self._kernel_shape(), *stride, *padding]
            try:
                sizes = [*large, *small]
                plan = library().plan(mask.data_ptr(), geometry, adjoint, groups, sizes, many, wide)
            except ValueError as error:
                raise SparseganError(
                    f"a kernel of shape {tuple(self.mask.shape)} on images of {large} pixels is "
                    "too large for the native engine: keep this layer on the masked engine"
                ) from error
            self._plans[key] = plan
        return plan

    def _kernel_shape(self) -> tuple[int, int, int, int]:
        out, inner, *kernel = self.mask.shape
        height, width = kernel or (1, 1)
        return out, inner, height, width


def _gather(weight: Tensor, plan: Tensor) -> Tensor:
    values = weight.new_empty(library().active(plan.data_ptr()))
    addresses = (plan.data_ptr(), weight.data_ptr(), values.data_ptr())
    kernel("gather", weight.dtype)(*addresses, torch.get_num_threads())
    return values


def _in_groups(mask: Tensor, transposed: bool) -> bool:
    """Whether every four neighbouring output channels have the same active weights."""
    outputs = mask.transpose(0, 1) if transposed else mask
    if len(outputs) % BLOCK or not mask.numel():
        return False
    groups = outputs.reshape(-1, BLOCK, outputs[0].numel())
    return bool((groups == groups[:, :1]).all())
