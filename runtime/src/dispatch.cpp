// Which kernels compute: the widest that this processor has, or those that were asked for.
#include "kernels.h"

namespace sg {
namespace portable { extern const Kernels kKernels; }
#if defined(SG_X86)
namespace avx2 { extern const Kernels kKernels; }
namespace avx512 { extern const Kernels kKernels; }
#endif

namespace {

const Kernels* wanted = nullptr;

u32 available(const Kernels** all) {
  u32 count = 0;
#if defined(SG_X86)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    all[count++] = &avx512::kKernels;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    all[count++] = &avx2::kKernels;
#endif
  all[count++] = &portable::kKernels;
  return count;
}

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

}  // namespace

const Kernels& kernels() {
  if (wanted) return *wanted;
  const Kernels* all[3];
  available(all);
  return *all[0];
}

bool choose(const char* name) {
  const Kernels* all[3];
  u32 count = available(all);
  for (u32 i = 0; i < count; i++)
    if (equal(all[i]->name, name)) return wanted = all[i], true;
  return false;
}

}  // namespace sg
