// Any processor.
#define SPARSEGAN_NAMESPACE portable
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 4
#define SPARSEGAN_VECTORS 8
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 22528
#endif
#include "isa.inl"
