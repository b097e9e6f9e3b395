// One instruction set's kernels. The including file defines SPARSEGAN_NAMESPACE, SPARSEGAN_SCALAR,
// SPARSEGAN_LANES, SPARSEGAN_VECTORS and SPARSEGAN_BLOCK_BYTES.
#include <stdint.h>
#include <stdlib.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels.h"

// Entries of four weights read a block from the L2 cache at no loss, and fewer blocks fetch and store
// the sums less often.
#ifndef SPARSEGAN_GROUP_BLOCK_BYTES
#define SPARSEGAN_GROUP_BLOCK_BYTES (3 * SPARSEGAN_BLOCK_BYTES)
#endif
// Of the L2 cache, that what is asked for ahead may fill.
#ifndef SPARSEGAN_CACHE_BYTES
#define SPARSEGAN_CACHE_BYTES (768 * 1024)
#endif
#ifndef SPARSEGAN_BAND_BYTES
#define SPARSEGAN_BAND_BYTES (2048 * 1024)
#endif

#if defined(__clang__)
#define SPARSEGAN_UNROLL _Pragma("unroll")
#else
#define SPARSEGAN_UNROLL _Pragma("GCC unroll 32")
#endif

namespace sparsegan {
namespace SPARSEGAN_NAMESPACE {
namespace {

typedef SPARSEGAN_SCALAR T;
constexpr int kLanes = SPARSEGAN_LANES, kVectors = SPARSEGAN_VECTORS;

#include "vector.inl"
#include "sums.inl"
#include "packing.inl"
#include "convolve.inl"
#include "weight_gradient.inl"
#include "normalise.inl"
#include "resample.inl"
#include "backward.inl"
#include "spectral.inl"
#include "zero.inl"

}  // namespace

const Kernels<T>& kernels() {
  static const Kernels<T> table = {
      {kLanes, kVectors, static_cast<int32_t>(SPARSEGAN_BLOCK_BYTES / sizeof(T)),
       static_cast<int32_t>(SPARSEGAN_GROUP_BLOCK_BYTES / sizeof(T)),
       static_cast<int32_t>(SPARSEGAN_BAND_BYTES / sizeof(T))},
      gather, convolve, weight_gradient, backward, transposed_backward,
      channel_sums, moments, normalise, normalise_gradient, pool, spread,
      spectral, spectral_gradient, zero_where};
  return table;
}

}  // namespace SPARSEGAN_NAMESPACE
}  // namespace sparsegan
