#define SG_NAMESPACE portable
#define SG_NAME "128 bits"
#define SG_LANES 4
#define SG_MOST_VECTORS 8
#define SG_CACHE_BYTES (25 << 10)
#define SG_COPY_FROM 1000000
#if defined(__wasm_relaxed_simd__)
#define SG_MULTIPLY_ADD(a, b, c) __builtin_wasm_relaxed_madd_f32x4(a, b, c)
#endif
#if defined(__wasm__)
// Engines load what they are given in a row into registers that they do not have.
#define SG_IN_ORDER asm volatile("" ::: "memory")
#endif
#include "kernels.inl"
