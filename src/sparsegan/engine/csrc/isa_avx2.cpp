// AVX2 and FMA: 12 of 16 registers hold sums.
#define SPARSEGAN_NAMESPACE avx2
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 8
#define SPARSEGAN_VECTORS 12
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 28672
#endif
#include "isa.inl"
