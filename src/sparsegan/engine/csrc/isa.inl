// One instruction set's kernels. The including file defines SPARSEGAN_NAMESPACE, SPARSEGAN_SCALAR,
// SPARSEGAN_LANES, SPARSEGAN_ROWS, SPARSEGAN_COLUMNS and SPARSEGAN_BLOCK_BYTES.
#include <stdint.h>
#include <stdlib.h>

#include "kernels.h"

// Entries of four weights read a block from the L2 cache at no loss, and fewer blocks fetch and store
// the sums less often.
#ifndef SPARSEGAN_GROUP_BLOCK_BYTES
#define SPARSEGAN_GROUP_BLOCK_BYTES (3 * SPARSEGAN_BLOCK_BYTES)
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
constexpr int kLanes = SPARSEGAN_LANES, kRows = SPARSEGAN_ROWS, kColumns = SPARSEGAN_COLUMNS;

#include "vector.inl"
#include "tiles.inl"
#include "convolve.inl"
#include "weight_gradient.inl"
#include "normalise.inl"
#include "resample.inl"

}  // namespace

const Kernels<T>& kernels() {
  static const Kernels<T> table = {
      {kLanes, kRows, kColumns, static_cast<int32_t>(SPARSEGAN_BLOCK_BYTES / sizeof(T)),
       static_cast<int32_t>(SPARSEGAN_GROUP_BLOCK_BYTES / sizeof(T))},
      gather, convolve, weight_gradient, channel_sums, moments, normalise, normalise_gradient, pool, spread};
  return table;
}

}  // namespace SPARSEGAN_NAMESPACE
}  // namespace sparsegan
