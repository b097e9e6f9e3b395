// Sums over, and copies to, squares of 2x2 pixels: average pooling, nearest upsampling, and the
// gradient of each, which is the other one.

// Without a batch: two rows of a doubled image from one row, or one row from two.
inline void double_row(const T* from, int64_t width, T factor, const T* under, T* to) {
  if (under != nullptr)
    for (int64_t w = 0; w < width; ++w) {
      const T v = from[w] * factor;
      to[2 * w] = v + under[2 * w], to[2 * w + 1] = v + under[2 * w + 1];
    }
  else
    for (int64_t w = 0; w < width; ++w) to[2 * w] = to[2 * w + 1] = from[w] * factor;
}

inline void pool(const T* x, int64_t planes, int64_t height, int64_t width, int64_t batch, T factor,
                 T* y, int threads) {
  const int64_t row = 2 * width * batch;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t line = 0; line < planes * height; ++line)
    for (int64_t w = 0; w < width; ++w) {
      const T* a = x + line * 2 * row + 2 * w * batch;
      T* to = y + (line * width + w) * batch;
      int64_t n = 0;
      for (; n + kLanes <= batch; n += kLanes)
        store(to + n, ((load(a + n) + load(a + batch + n)) +
                       (load(a + row + n) + load(a + row + batch + n))) * factor);
      for (; n < batch; ++n)
        to[n] = ((a[n] + a[batch + n]) + (a[row + n] + a[row + batch + n])) * factor;
    }
}

inline void spread(const T* x, int64_t planes, int64_t height, int64_t width, int64_t batch,
                   T factor, const T* base, T* y, int threads) {
  const int64_t row = 2 * width * batch;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t line = 0; line < planes * height; ++line) {
    if (batch == 1) {
      for (int64_t at = line * 2 * row; at < (line * 2 + 2) * row; at += row)
        double_row(x + line * width, width, factor, base ? base + at : nullptr, y + at);
      continue;
    }
    for (int64_t w = 0; w < width; ++w) {
      const T* from = x + (line * width + w) * batch;
      const int64_t first = line * 2 * row + 2 * w * batch;
      for (int corner = 0; corner < 4; ++corner) {
        const int64_t at = first + (corner & 1) * batch + (corner >> 1) * row;
        T* to = y + at;
        const T* under = base ? base + at : nullptr;
        int64_t n = 0;
        for (; n + kLanes <= batch; n += kLanes) {
          const Vector v = load(from + n) * factor;
          store(to + n, under ? v + load(under + n) : v);
        }
        for (; n < batch; ++n) to[n] = from[n] * factor + (under ? under[n] : T(0));
      }
    }
  }
}
