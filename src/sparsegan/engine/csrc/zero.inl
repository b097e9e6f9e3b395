// Zeros where a mask of bytes has ones; the compiler makes vectors of it.
inline void zero_where(T* x, const uint8_t* places, int64_t count, int threads) {
#pragma omp parallel for simd num_threads(threads) schedule(static) if (count > 65536)
  for (int64_t i = 0; i < count; ++i) x[i] = places[i] ? T(0) : x[i];
}
