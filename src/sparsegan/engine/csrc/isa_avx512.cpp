// AVX-512: 16 of 32 registers hold sums.
#define SPARSEGAN_NAMESPACE avx512
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 16
#define SPARSEGAN_ROWS 4
#define SPARSEGAN_COLUMNS 4
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 28672
#endif
#include "isa.inl"
