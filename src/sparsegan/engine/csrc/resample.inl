// Sums over, and copies to, squares of 2x2 pixels: average pooling, nearest upsampling, and the
// gradient of each, which is the other one.

inline void pool(const T* x, int64_t planes, int64_t height, int64_t width, T factor, T* y,
                 int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t line = 0; line < planes * height; ++line) {
    const T* above = x + line * 4 * width;
    pool_row(above, above + 2 * width, width, factor, T(0), y + line * width);
  }
}

inline void spread_row(const T* from, int64_t width, T factor, const T* under, T* to) {
  for (int64_t w = 0; w < width; w += kLanes) {
    const int64_t left = smaller(kLanes, width - w), first = smaller(kLanes, 2 * left);
    const Vector v = load_first(from + w, left) * factor;
    Vector low = low_in_turn(v, v), high = high_in_turn(v, v);
    if (under != nullptr) {
      low += load_first(under + 2 * w, first);
      high += load_first(under + 2 * w + kLanes, 2 * left - first);
    }
    store_first(to + 2 * w, low, first);
    store_first(to + 2 * w + kLanes, high, 2 * left - first);
  }
}

inline void spread(const T* x, int64_t planes, int64_t height, int64_t width, T factor,
                   const T* base, T* y, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t line = 0; line < planes * height; ++line)
    for (int64_t at = line * 4 * width; at < (line + 1) * 4 * width; at += 2 * width)
      spread_row(x + line * width, width, factor, base ? base + at : nullptr, y + at);
}
