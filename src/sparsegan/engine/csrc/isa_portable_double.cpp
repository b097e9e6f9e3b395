// Any processor, in double precision: the reference that gradient checks run on.
#define SPARSEGAN_NAMESPACE portable_double
#define SPARSEGAN_SCALAR double
#define SPARSEGAN_LANES 2
#define SPARSEGAN_VECTORS 8
#ifndef SPARSEGAN_BLOCK_BYTES
#define SPARSEGAN_BLOCK_BYTES 22528
#endif
#include "isa.inl"
