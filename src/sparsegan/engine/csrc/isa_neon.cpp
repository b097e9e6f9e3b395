// NEON: 16 of 32 registers hold sums.
#define SPARSEGAN_NAMESPACE neon
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 4
#define SPARSEGAN_VECTORS 24
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 22528
#endif
#include "isa.inl"
