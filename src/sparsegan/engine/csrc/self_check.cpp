#include "check.h"
#include "dispatch.h"

namespace sparsegan {
namespace {

template <typename T>
bool small_problems_agree(const Kernels<T>& kernels) {
  const Problem problems[] = {
      {{5, 6, 3, 3, 1, 1, 1, 1}, kernels.tile.lanes + 1, 7, 6},
      {{4, 3, 4, 4, 2, 2, 1, 1}, kernels.tile.lanes, 6, 8},
      {{6, 7, 1, 1, 1, 1, 0, 0}, 5, 3, 3},
      {{3, 4, 3, 3, 1, 1, 1, 1}, 1, 5, 2 * kernels.tile.lanes},
      {{4, 5, 3, 3, 1, 1, 1, 1}, kernels.tile.lanes, 8, 3},
  };
  uint64_t seed = 1;
  for (const Problem& p : problems)
    if (!(worst_error(kernels, p, 0.4, 1, seed++) < 1e-5)) return false;
  return true;
}

}  // namespace

bool agrees(const Kernels<float>& kernels) { return small_problems_agree(kernels); }
bool agrees(const Kernels<double>& kernels) { return small_problems_agree(kernels); }

}  // namespace sparsegan
