// Which instruction set computes.
#pragma once
#include <string>
#include <vector>

#include "kernels.h"

namespace sparsegan {

struct InstructionSet {
  const char* name;
  const Kernels<float>& (*kernels)();
  bool (*supported)();
};

// Those compiled in, the fastest first; the last is "portable".
const std::vector<InstructionSet>& compiled();

// Compares a small set of results with plain loops.
bool agrees(const Kernels<float>& kernels);
bool agrees(const Kernels<double>& kernels);

}  // namespace sparsegan
