// Any processor.
#define SPARSEGAN_NAMESPACE portable
#define SPARSEGAN_SCALAR float
#define SPARSEGAN_LANES 4
#define SPARSEGAN_ROWS 2
#define SPARSEGAN_COLUMNS 4
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 22528
#endif
#include "isa.inl"
