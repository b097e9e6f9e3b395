#define SG_NAMESPACE avx2
#define SG_NAME "avx2"
#define SG_LANES 8
#define SG_MOST_VECTORS 12
#define SG_CACHE_BYTES (24 << 10)
#define SG_COPY_FROM 24
#include "kernels.inl"
