#define SG_NAMESPACE portable
#define SG_NAME "128 bits"
#define SG_LANES 4
#define SG_CACHE_BYTES (16 << 10)
#define SG_COPY_FROM 1000000
#if defined(__wasm__)
#define SG_MOST_VECTORS 12
// Engines keep the order of loads, and twelve of them in a row would not leave registers for sums.
#define SG_IN_ORDER asm volatile("" ::: "memory")
#else
#define SG_MOST_VECTORS 8
#endif
#if defined(__wasm_relaxed_simd__)
#define SG_MULTIPLY_ADD(a, b, c) __builtin_wasm_relaxed_madd_f32x4(a, b, c)
#endif
#include "kernels.inl"
