#define SG_NAMESPACE portable
#define SG_NAME "128 bits"
#define SG_LANES 4
#define SG_MOST_VECTORS 8
#define SG_CACHE_BYTES (24 << 10)
#include "kernels.inl"
