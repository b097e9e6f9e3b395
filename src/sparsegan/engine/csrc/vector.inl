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

// Vectors of any number of lanes, down to one element.
template <int kCount>
struct Lanes {
  typedef T Type __attribute__((vector_size(kCount * sizeof(T))));
};
template <int kCount>
using LanesOf = typename Lanes<kCount>::Type;
template <typename V>
inline V load_as(const V*, const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof(V));  // at any address
  return v;
}
template <typename V>
inline void store_as(T* p, V v) { __builtin_memcpy(p, &v, sizeof(V)); }

// Calls visit(a null pointer to the kind of vector, k) so that all `length` elements are covered. The
// last vector overlaps the one before it: an element may be visited twice, none past the end.
template <int kCount, typename Visit>
inline void each_vector(int32_t length, Visit visit) {
  if constexpr (kCount > 1) {
    if (length < kCount) return each_vector<kCount / 2>(length, visit);
    const LanesOf<kCount>* kind = nullptr;
    int32_t k = 0;
    for (; k + kCount <= length; k += kCount) visit(kind, k);
    if (k < length) visit(kind, length - kCount);
  } else {
    for (int32_t k = 0; k < length; ++k) visit(static_cast<const T*>(nullptr), k);
  }
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
