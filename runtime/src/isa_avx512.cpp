#define SG_NAMESPACE avx512
#define SG_NAME "avx512"
#define SG_LANES 16
#define SG_MOST_VECTORS 16
#define SG_CACHE_BYTES (24 << 10)
#include "kernels.inl"
