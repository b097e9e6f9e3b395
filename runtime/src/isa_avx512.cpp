#define SG_NAMESPACE avx512
#define SG_NAME "avx512"
#define SG_LANES 16
#define SG_MOST_VECTORS 12
#define SG_CACHE_BYTES (32 << 10)
#define SG_COPY_FROM 24
#include "kernels.inl"
