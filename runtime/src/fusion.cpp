#include "fusion.h"

namespace sg {
namespace {

bool is_map(const Shape& shape) { return shape.rank == 3 && shape.dims[1] * (u64)shape.dims[2] > 1; }
bool is_vector(const Shape& shape, u32 channels) {
  return shape.rank == 3 && shape.dims[1] == 1 && shape.dims[2] == 1 &&
         (shape.dims[0] == channels || shape.dims[0] == 1);
}

bool is_layer(Code code) {
  return code == Code::kConvolution || code == Code::kTransposed || code == Code::kLinear;
}

// Whether an affine operation's input is a layer that it can be folded into.
bool folds(const Graph& graph, const Op& op) {
  const Op& in = graph.ops[graph.input(op, 0)];
  return op.code == Code::kAffine && is_layer(in.code) && in.users == 1;
}

bool is_term(const Graph& graph, const Op& op) {
  if (!is_map(op.shape)) return false;
  if (op.code == Code::kAffine) return !folds(graph, op);
  if (op.code == Code::kUnary) return (Function)graph.parameter(op, 0) == Function::kScale;
  if (op.code != Code::kBinary) return false;
  Arithmetic kind = (Arithmetic)graph.parameter(op, 0);
  if (kind != Arithmetic::kAdd && kind != Arithmetic::kMultiply) return false;
  const Shape &a = graph.shape_of(op, 0), &b = graph.shape_of(op, 1);
  u32 channels = op.shape.dims[0];
  return (a == op.shape && is_vector(b, channels)) || (b == op.shape && is_vector(a, channels));
}

// The factor by which an operation repeats values, 0 where it does something else.
u32 repeats(const Graph& graph, const Op& op) {
  if (op.code != Code::kNearest) return 0;
  const Shape& in = graph.shape_of(op, 0);
  u32 factor = op.shape.dims[1] / in.dims[1];
  bool whole = op.shape.dims[1] == factor * in.dims[1] && op.shape.dims[2] == factor * in.dims[2];
  return whole && factor >= 1 && factor <= 16 ? factor : 0;
}

}  // namespace

u32 map_of(const Graph& graph, u32 term) {
  const Op& op = graph.ops[term];
  bool second = op.code == Code::kBinary && !(graph.shape_of(op, 0) == op.shape);
  return graph.input(op, second);
}

u32 operand_of(const Graph& graph, u32 term) {
  const Op& op = graph.ops[term];
  if (op.code != Code::kBinary) return kNoOp;
  return graph.input(op, graph.shape_of(op, 0) == op.shape);
}

Chain match_chain(const Graph& graph, u32 op, bool shared) {
  Chain chain;
  u32 at = op;
  // An operation in the middle of a chain has no other user; the last may, where the caller says so.
  auto free = [&](u32 i) { return graph.ops[i].users == 1 || (i == op && shared); };
  if (u32 up = repeats(graph, graph.ops[at]); up && free(at)) {
    chain.up = up;
    at = graph.input(graph.ops[at], 0);
  }
  const Op& function = graph.ops[at];
  if (function.code == Code::kUnary && is_map(function.shape) && free(at) &&
      (Function)graph.parameter(function, 0) != Function::kScale) {
    chain.function = (Function)graph.parameter(function, 0);
    chain.a = graph.real(function, 1), chain.b = graph.real(function, 2);
    at = graph.input(function, 0);
  }
  while (chain.term_count < kMostTerms && is_term(graph, graph.ops[at]) && free(at)) {
    chain.terms[chain.term_count++] = at;
    at = map_of(graph, at);
  }
  for (u32 i = 0; i < chain.term_count / 2; i++) {
    u32 other = chain.terms[chain.term_count - 1 - i];
    chain.terms[chain.term_count - 1 - i] = chain.terms[i];
    chain.terms[i] = other;
  }
  chain.source = at;
  return chain;
}

Layer match_layer(const Graph& graph, u32 op) {
  Layer layer;
  auto strip = [&](u32 at, bool inner) {  // to the layer of a value, through what folds into it
    if (inner && graph.ops[at].users != 1) return kNoOp;
    layer.affine = kNoOp;
    if (folds(graph, graph.ops[at])) layer.affine = at, at = graph.input(graph.ops[at], 0);
    return is_layer(graph.ops[at].code) ? at : kNoOp;
  };
  const Op& last = graph.ops[op];
  if (last.code == Code::kBinary && (Arithmetic)graph.parameter(last, 0) == Arithmetic::kAdd &&
      last.shape.rank == 3) {
    for (u32 i = 0; i < 2 && layer.op == kNoOp; i++) {
      u32 own = graph.input(last, i), other = graph.input(last, 1 - i);
      if (own == other || !(graph.ops[own].shape == last.shape) ||
          !(graph.ops[other].shape == last.shape))
        continue;
      layer.op = strip(own, true);
      if (layer.op == kNoOp || graph.ops[layer.op].code != Code::kConvolution) {
        layer.op = kNoOp;
        continue;
      }
      layer.residual = other;
      if (u32 up = repeats(graph, graph.ops[other]); up && graph.ops[other].users == 1)
        layer.residual_up = up, layer.residual = graph.input(graph.ops[other], 0);
    }
    if (layer.op == kNoOp) return layer;
  } else {
    layer.op = strip(op, false);
  }
  if (layer.op == kNoOp) return layer;
  const Op& own = graph.ops[layer.op];
  if (own.code == Code::kLinear)
    layer.chain.source = graph.input(own, 0);
  else
    layer.chain = match_chain(graph, graph.input(own, 0), false);
  return layer;
}

Root match(const Graph& graph, u32 op, Layer& layer, Chain& chain) {
  layer = match_layer(graph, op);
  if (layer.op != kNoOp) return Root::kLayer;
  chain = match_chain(graph, op, true);
  if (chain.source != op) return Root::kChain;
  if (graph.ops[op].code == Code::kAffine) {  // of a vector
    chain = Chain{};
    chain.source = graph.input(graph.ops[op], 0);
    chain.terms[chain.term_count++] = op;
    return Root::kChain;
  }
  return Root::kOther;
}

}  // namespace sg
