// The active weights of a tensor, in the order of the dense one.
#pragma once

#include "graph.h"

namespace sg {

// Bytes of scratch that `each_active` wants for a tensor: the bits of its blocks.
inline u64 scratch_bytes(const Tensor& tensor, u32 output_axis) {
  if (!tensor.blocks) return 0;
  u64 outputs = tensor.shape.dims[output_axis];
  return ((outputs + 3) / 4 * (tensor.shape.elements() / outputs) + 7) / 8;
}

inline float half_to_float(u16 half) {
  u32 sign = (u32)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023, bits;
  if (exponent == 31) {
    bits = 0x7f800000 | fraction << 13;
  } else if (exponent) {
    bits = (exponent + 112) << 23 | fraction << 13;
  } else {
    float small = (float)fraction * 0x1p-24f;
    copy(&bits, &small, 4);
  }
  bits |= sign;
  float value;
  copy(&value, &bits, 4);
  return value;
}

inline float value_of(const Tensor& tensor, u32 i) {
  return tensor.half ? half_to_float(read<u16>(tensor.values + 2 * (usize)i))
                     : read<float>(tensor.values + 4 * (usize)i);
}

inline bool bit(const u8* bits, u64 i) { return bits[i / 8] >> (7 - i % 8) & 1; }

// Calls `place(position)` for every place that bits or gaps of `size` say, in ascending order.
template <class Place>
Refusal each_place(const Tensor& tensor, u64 size, Place place) {
  if (!tensor.gaps) {
    if (tensor.places_count != (size + 7) / 8) return kWeights;
    for (u64 byte = 0; byte < tensor.places_count; byte++)
      for (u32 rest = tensor.places[byte]; rest;) {
        u32 first = (u32)__builtin_clz(rest) - 24;
        rest &= ~(0x80u >> first);
        if (8 * byte + first < size) place(8 * byte + first);
      }
    return kNone;
  }
  u64 at = 0;
  for (u32 i = 0; i < tensor.places_count; i++) {
    u32 gap = read<u16>(tensor.places + 2 * (usize)i);
    at += gap;
    if (gap == 0xffff) continue;
    if (at >= size) return kWeights;
    place(at++);
  }
  return kNone;
}

// Calls `take(position, value)` for every weight that is not zero.
template <class Take>
Refusal each_active(const Tensor& tensor, u32 output_axis, u8* scratch, Take take) {
  u64 size = tensor.shape.elements();
  u32 next = 0;
  auto value = [&](u64 position) {
    if (next < tensor.value_count) {
      float v = value_of(tensor, next);
      if (v != 0) take((u32)position, v);
    }
    next++;
  };
  if (!tensor.places) {
    for (u64 i = 0; i < size; i++) value(i);
  } else if (!tensor.blocks) {
    SG_TRY(each_place(tensor, size, value));
  } else {
    const u32* dims = tensor.shape.dims;
    u64 outputs = dims[output_axis], others = size / outputs;
    u64 units = (outputs + 3) / 4 * others;
    zero(scratch, (usize)((units + 7) / 8));
    SG_TRY(each_place(tensor, units,
                      [&](u64 i) { scratch[i / 8] |= (u8)(0x80u >> i % 8); }));
    // Blocks go by output channels, then as the other dimensions do.
    u64 before = output_axis ? dims[0] : 1, after = others / before, at = 0;
    for (u64 b = 0; b < before; b++)
      for (u64 o = 0; o < outputs; o++)
        for (u64 a = 0; a < after; a++, at++)
          if (bit(scratch, o / 4 * others + b * after + a)) value(at);
  }
  return next == tensor.value_count ? kNone : kWeights;
}

}  // namespace sg
