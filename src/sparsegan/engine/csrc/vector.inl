// Vectors of kLanes elements through the compiler's vector extension; no library templates, so that
// no code compiled for one instruction set can be linked into another.
typedef T Vector __attribute__((vector_size(kLanes * sizeof(T))));
typedef T Loose __attribute__((vector_size(kLanes * sizeof(T)), aligned(sizeof(T)), may_alias));

inline Vector load(const T* p) { return *reinterpret_cast<const Loose*>(p); }
inline void store(T* p, Vector v) { *reinterpret_cast<Loose*>(p) = v; }
inline Vector broadcast(T x) { return x - Vector{}; }
inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline Vector activated(Vector v, Vector slope) {
  const Vector leaked = v * slope;
  return v > Vector{} ? v : leaked;
}
inline Vector activated(Vector v, T slope) { return activated(v, broadcast(slope)); }
inline T activated(T v, T slope) { return v > T(0) ? v : v * slope; }

// Every second element of two vectors in a row, from the first or the second one on; and the other
// way: two vectors' elements in turn, the lower halves' or the upper halves'.
#if SPARSEGAN_LANES == 16
#define SPARSEGAN_SHUFFLES(a, b)                                                                      \
  inline Vector evens(Vector a, Vector b) {                                                           \
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);  \
  }                                                                                                   \
  inline Vector odds(Vector a, Vector b) {                                                            \
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);  \
  }                                                                                                   \
  inline Vector low_in_turn(Vector a, Vector b) {                                                     \
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);     \
  }                                                                                                   \
  inline Vector high_in_turn(Vector a, Vector b) {                                                    \
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31); \
  }
#elif SPARSEGAN_LANES == 8
#define SPARSEGAN_SHUFFLES(a, b)                                                                      \
  inline Vector evens(Vector a, Vector b) {                                                           \
    return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);                                  \
  }                                                                                                   \
  inline Vector odds(Vector a, Vector b) {                                                            \
    return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);                                  \
  }                                                                                                   \
  inline Vector low_in_turn(Vector a, Vector b) {                                                     \
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);                                   \
  }                                                                                                   \
  inline Vector high_in_turn(Vector a, Vector b) {                                                    \
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);                                 \
  }
#elif SPARSEGAN_LANES == 4
#define SPARSEGAN_SHUFFLES(a, b)                                                                      \
  inline Vector evens(Vector a, Vector b) { return __builtin_shufflevector(a, b, 0, 2, 4, 6); }       \
  inline Vector odds(Vector a, Vector b) { return __builtin_shufflevector(a, b, 1, 3, 5, 7); }        \
  inline Vector low_in_turn(Vector a, Vector b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); } \
  inline Vector high_in_turn(Vector a, Vector b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }
#else
#define SPARSEGAN_SHUFFLES(a, b)                                                              \
  inline Vector evens(Vector a, Vector b) { return __builtin_shufflevector(a, b, 0, 2); }     \
  inline Vector odds(Vector a, Vector b) { return __builtin_shufflevector(a, b, 1, 3); }      \
  inline Vector low_in_turn(Vector a, Vector b) { return __builtin_shufflevector(a, b, 0, 2); } \
  inline Vector high_in_turn(Vector a, Vector b) { return __builtin_shufflevector(a, b, 1, 3); }
#endif
SPARSEGAN_SHUFFLES(a, b)
#undef SPARSEGAN_SHUFFLES

// The first `count` elements, 0 to kLanes of them; what is loaded has zeros behind them.
#if defined(__AVX512F__) && SPARSEGAN_LANES == 16
inline __mmask16 first_lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
inline Vector load_first(const T* p, int64_t count) {
  return reinterpret_cast<Vector>(_mm512_maskz_loadu_ps(first_lanes(count), p));
}
inline void store_first(T* p, Vector v, int64_t count) {
  _mm512_mask_storeu_ps(p, first_lanes(count), reinterpret_cast<__m512>(v));
}
#elif defined(__AVX2__) && SPARSEGAN_LANES == 8
inline __m256i first_lanes(int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline Vector load_first(const T* p, int64_t count) {
  return reinterpret_cast<Vector>(_mm256_maskload_ps(p, first_lanes(count)));
}
inline void store_first(T* p, Vector v, int64_t count) {
  _mm256_maskstore_ps(p, first_lanes(count), reinterpret_cast<__m256>(v));
}
#else
inline Vector load_first(const T* p, int64_t count) {
  Vector v{};
  for (int64_t i = 0; i < kLanes; ++i)
    if (i < count) v[i] = p[i];
  return v;
}
inline void store_first(T* p, Vector v, int64_t count) {
  for (int64_t i = 0; i < kLanes; ++i)
    if (i < count) p[i] = v[i];
}
#endif

// The same, where mostly all elements are there.
inline Vector load_some(const T* p, int64_t count) {
  return count == kLanes ? load(p) : load_first(p, count);
}
inline void store_some(T* p, Vector v, int64_t count) {
  if (count == kLanes) store(p, v);
  else store_first(p, v, count);
}

// Calls visit(k, elements in use) for the vectors of a row of elements.
template <typename Visit>
inline void each_of(int64_t elements, Visit visit) {
  int64_t k = 0;
  for (; k + kLanes <= elements; k += kLanes) visit(k, int64_t{kLanes});
  if (k < elements) visit(k, elements - k);
}

// A number in the first elements, zeros behind them.
inline Vector first_of(T x, int64_t count) {
  Vector v{};
  for (int64_t i = 0; i < kLanes; ++i)
    if (i < count) v[i] = x;
  return v;
}

inline T sum(Vector v) {
  T total = 0;
  for (int i = 0; i < kLanes; ++i) total += v[i];
  return total;
}

// Adds the sums of four vectors to four neighbouring elements.
inline void add_sums(T* p, Vector a, Vector b, Vector c, Vector d) {
#if SPARSEGAN_LANES == 4 || SPARSEGAN_LANES == 8 || SPARSEGAN_LANES == 16
#if SPARSEGAN_LANES == 16
  typedef T Half __attribute__((vector_size(8 * sizeof(T))));
  const auto fold = [](Vector v) {
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
           __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  };
#elif SPARSEGAN_LANES == 8
  typedef Vector Half;
  const auto fold = [](Vector v) { return v; };
#endif
  typedef T Quad __attribute__((vector_size(4 * sizeof(T))));
  typedef T LooseQuad __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));
#if SPARSEGAN_LANES >= 8
  const auto pair = [](Half x, Half y) {
    return __builtin_shufflevector(x, y, 0, 8, 1, 9, 4, 12, 5, 13) +
           __builtin_shufflevector(x, y, 2, 10, 3, 11, 6, 14, 7, 15);
  };
  const Half ab = pair(fold(a), fold(b)), cd = pair(fold(c), fold(d));
  const Half all = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
                   __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
  const Quad sums = __builtin_shufflevector(all, all, 0, 1, 2, 3) +
                    __builtin_shufflevector(all, all, 4, 5, 6, 7);
#else
  const auto pair = [](Vector x, Vector y) {
    return __builtin_shufflevector(x, y, 0, 4, 1, 5) + __builtin_shufflevector(x, y, 2, 6, 3, 7);
  };
  const Quad ab = pair(a, b), cd = pair(c, d);
  const Quad sums =
      __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
#endif
  LooseQuad* q = reinterpret_cast<LooseQuad*>(p);
  *q = *q + sums;
#else
  p[0] += sum(a), p[1] += sum(b), p[2] += sum(c), p[3] += sum(d);
#endif
}
