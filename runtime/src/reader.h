// What a file's tensors become in the arena: vectors, normalisations and lists of active weights.
#pragma once

#include "fusion.h"
#include "weights.h"

namespace sg {

// Without an arena, bytes are counted and nothing is written.
class Reader {
 public:
  Reader(const Graph& graph, u8* arena) : graph_(graph), arena_(arena) {}

  bool writes() const { return arena_; }
  u64 used() const { return used_; }

  template <class T>
  T* take(u64 count) {
    used_ = rounded_up<u64>(used_, 64);
    u8* at = arena_ ? arena_ + used_ : nullptr;
    used_ += count * sizeof(T);
    if (used_ > kMostArenaBytes) used_ = kMostArenaBytes + 1, at = nullptr;
    return (T*)at;
  }

  // The values of a whole tensor.
  Refusal vector(const Tensor& tensor, float* out) {
    SG_TRY(prepare(tensor, 0));
    if (!writes()) return kNone;
    for (u64 i = 0; i < tensor.shape.elements(); i++) out[i] = 0;
    return each_active(tensor, 0, bits_, [out](u32 at, float value) { out[at] = value; });
  }

  // What an affine operation multiplies each channel with, and adds.
  Refusal affine(const Op& op, float*& scale, float*& sum) {
    u32 count = op.shape.dims[0];
    float* vectors[4] = {};
    for (u32 i = 0; i < 4; i++)
      if (const Tensor* tensor = graph_.tensor(op, i)) {
        vectors[i] = take<float>(count);
        SG_TRY(vector(*tensor, vectors[i]));
      }
    scale = take<float>(count), sum = take<float>(count);
    double eps = graph_.real(op, 0);
    for (u32 i = 0; writes() && i < count; i++) {
      double s = vectors[0] ? vectors[0][i] : 1;
      if (vectors[3]) s /= __builtin_sqrt((double)vectors[3][i] + eps);
      scale[i] = (float)s;
      sum[i] = (float)((vectors[1] ? vectors[1][i] : 0) - (vectors[2] ? vectors[2][i] * s : 0));
    }
    return kNone;
  }

  // The bias of a layer and what each output is multiplied with, a normalisation folded in.
  Refusal bias(const Layer& layer, u32 outputs, float*& bias, float*& scale) {
    const Op& op = graph_.ops[layer.op];
    bias = take<float>(outputs);
    scale = nullptr;
    float* sum = nullptr;
    if (const Tensor* tensor = graph_.tensor(op, 1)) {
      SG_TRY(vector(*tensor, bias));
    } else if (writes()) {
      zero(bias, 4 * (usize)outputs);
    }
    if (layer.affine == kNoOp) return kNone;
    SG_TRY(affine(graph_.ops[layer.affine], scale, sum));
    for (u32 o = 0; writes() && o < outputs; o++) bias[o] = bias[o] * scale[o] + sum[o];
    return kNone;
  }

  // Lists the active weights; `where(position, list, offset, output)` says where one belongs.
  template <class Where>
  Refusal list(const Tensor& tensor, u32 output_axis, u64 lists, const float* scale,
               const Weight*& weights, const u32*& start, double positions, Where where) {
    SG_TRY(prepare(tensor, output_axis));
    u32* begin = take<u32>(lists + 2);
    Weight* all = take<Weight>((u64)tensor.value_count);
    weights = all, start = begin;
    all_weights += (double)tensor.shape.elements();
    if (!writes()) return kNone;
    if (used_ > kMostArenaBytes) return kTooLarge;
    zero(begin, 4 * (usize)(lists + 2));
    u32 active = 0;
    SG_TRY(each_active(tensor, output_axis, bits_, [&](u32 at, float) {
      u32 index, output;
      i32 offset;
      where(at, index, offset, output);
      begin[index + 2]++, active++;
    }));
    for (u64 l = 2; l < lists + 2; l++) begin[l] += begin[l - 1];
    SG_TRY(each_active(tensor, output_axis, bits_, [&](u32 at, float value) {
      u32 index, output;
      i32 offset;
      where(at, index, offset, output);
      all[begin[index + 1]++] = {offset, scale ? value * scale[output] : value};
    }));
    active_weights += active;
    multiply_adds += positions * active;
    return kNone;
  }

  double active_weights = 0, all_weights = 0, multiply_adds = 0;  // of all lists

 private:
  // Room for the bits of a tensor's blocks.
  Refusal prepare(const Tensor& tensor, u32 output_axis) {
    u64 bytes = scratch_bytes(tensor, output_axis);
    if (bytes > bits_bytes_) bits_ = take<u8>(bytes), bits_bytes_ = bytes;
    return used_ > kMostArenaBytes ? kTooLarge : kNone;
  }

  const Graph& graph_;
  u8* arena_;
  u64 used_ = 0, bits_bytes_ = 0;
  u8* bits_ = nullptr;
};

}  // namespace sg
