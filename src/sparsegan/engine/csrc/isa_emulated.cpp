// The AVX-512 shapes in whatever the compiler has: for tests where AVX-512 is absent.
#define SPARSEGAN_NAMESPACE emulated
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 16
#define SPARSEGAN_VECTORS 24
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 28672
#endif
#include "isa.inl"
