// Which operations are done together: what precedes a convolution while its input is packed,
// normalisation after it in its weights, an addition after it in its sums.
#pragma once

#include "step.h"

namespace sg {

constexpr u32 kNoOp = 0xffffffff;

// What may be done to a map in one pass: terms for each channel, a function, repeated values.
struct Chain {
  u32 source = kNoOp;         // the operation whose value comes in
  u32 terms[kMostTerms];      // operations, the first one first
  u32 term_count = 0;
  Function function = Function::kIdentity;
  float a = 0, b = 0;
  u32 up = 1;

  bool empty() const { return !term_count && function == Function::kIdentity && up == 1; }
};

// A convolution or linear layer with what is done beside it.
struct Layer {
  u32 op = kNoOp;             // kConvolution, kTransposed or kLinear
  u32 affine = kNoOp;         // folded into its weights
  u32 residual = kNoOp;       // a value that is added to its own,
  u32 residual_up = 1;        // each of its values repeated
  Chain chain;
};

enum class Root : u8 { kLayer, kChain, kOther };

// What makes the value of an operation: a layer, a pass or the operation itself.
Root match(const Graph& graph, u32 op, Layer& layer, Chain& chain);
// The layer whose last operation is `op`; its `op` is kNoOp where there is none.
Layer match_layer(const Graph& graph, u32 op);
// The pass whose last operation is `op`; its source is `op` itself where there is none.
Chain match_chain(const Graph& graph, u32 op, bool shared);
// The input of a term that is no map: numbers for each channel, or one for all; kNoOp: affine, scale.
u32 operand_of(const Graph& graph, u32 term);
// The input of a term that is the map.
u32 map_of(const Graph& graph, u32 term);

}  // namespace sg
