// AVX-512: 16 of 32 registers hold sums.
#define SPARSEGAN_NAMESPACE avx512
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 16
#ifndef SPARSEGAN_VECTORS
#define SPARSEGAN_VECTORS 12
#endif
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 28672
#endif
#include "isa.inl"
