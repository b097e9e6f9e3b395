#include "dispatch.h"

namespace sparsegan {
namespace {

bool always() { return true; }

#if defined(SPARSEGAN_X86)
// These answers take the operating system's support for the wide registers into account.
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#endif

}  // namespace

const std::vector<InstructionSet>& compiled() {
  static const std::vector<InstructionSet> sets = {
#if defined(SPARSEGAN_X86)
      {"avx512", avx512::kernels, has_avx512},
      {"avx2", avx2::kernels, has_avx2},
#if defined(SPARSEGAN_EMULATED)
      {"avx512-emulated", emulated::kernels, has_avx2},
#endif
#endif
#if defined(SPARSEGAN_ARM64)
      {"neon", neon::kernels, always},
#endif
      {"portable", portable::kernels, always},
  };
  return sets;
}

}  // namespace sparsegan
