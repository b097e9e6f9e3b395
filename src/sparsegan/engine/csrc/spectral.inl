// Spectral normalisation of a weight as a matrix of rows: power iteration, the norm, the quotient.

inline T dot(const T* a, const T* b, int64_t count) {
  Vector s{}, t{};
  int64_t k = 0;
  for (; k + 2 * kLanes <= count; k += 2 * kLanes)
    s += load(a + k) * load(b + k), t += load(a + k + kLanes) * load(b + k + kLanes);
  for (; k + kLanes <= count; k += kLanes) s += load(a + k) * load(b + k);
  if (k < count) t += load_first(a + k, count - k) * load_first(b + k, count - k);
  return sum(s + t);
}

inline void scale(T* x, int64_t count, T factor) {
  each_of(count, [&](int64_t k, int64_t n) { store_some(x + k, load_some(x + k, n) * factor, n); });
}

// To length one; what is shorter than epsilon is divided by that.
inline void to_unit(T* x, int64_t count, T epsilon) {
  const T length = static_cast<T>(__builtin_sqrt(static_cast<double>(dot(x, x, count))));
  scale(x, count, T(1) / (length > epsilon ? length : epsilon));
}

// Moves u and v by some power iterations; y = weight / norm, where the norm is u' weight v.
inline T spectral(const T* weight, int64_t rows, int64_t columns, T* u, T* v, int iterations, T epsilon,
                  T* y) {
  for (int i = 0; i < iterations; ++i) {
    for (int64_t r = 0; r < rows; ++r) u[r] = dot(weight + r * columns, v, columns);
    to_unit(u, rows, epsilon);
    __builtin_memset(v, 0, columns * sizeof(T));
    for (int64_t r = 0; r < rows; ++r) {
      const T* row = weight + r * columns;
      const T factor = u[r];
      each_of(columns, [&](int64_t k, int64_t n) {
        store_some(v + k, load_some(v + k, n) + load_some(row + k, n) * factor, n);
      });
    }
    to_unit(v, columns, epsilon);
  }
  T norm = 0;
  for (int64_t r = 0; r < rows; ++r) norm += u[r] * dot(weight + r * columns, v, columns);
  each_of(rows * columns, [&](int64_t k, int64_t n) {
    store_some(y + k, load_some(weight + k, n) / norm, n);
  });
  return norm;
}

// d_weight = gradient / norm - (gradient . weight) / norm^2 * u v'
inline void spectral_gradient(const T* weight, const T* gradient, int64_t rows, int64_t columns,
                              const T* u, const T* v, T norm, T* d_weight) {
  const T share = dot(gradient, weight, rows * columns) / (norm * norm), inverse = T(1) / norm;
  for (int64_t r = 0; r < rows; ++r) {
    const T factor = share * u[r];
    const int64_t at = r * columns;
    each_of(columns, [&](int64_t k, int64_t n) {
      store_some(d_weight + at + k,
                 load_some(gradient + at + k, n) * inverse - load_some(v + k, n) * factor, n);
    });
  }
}
