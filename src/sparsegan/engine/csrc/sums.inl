// Sums over rows of elements, in vectors and then in double precision.

constexpr int64_t kChunk = 4096;  // elements summed in vectors before they are added in double

// Sums f(vector of the elements at k, elements in use) over a plane.
template <typename Function>
inline double total(int64_t elements, Function f) {
  double result = 0;
  const int64_t whole = elements / kLanes * kLanes;
  for (int64_t begin = 0; begin < whole; begin += kChunk) {
    const int64_t end = smaller(begin + kChunk, whole);
    Vector a{}, b{};
    int64_t k = begin;
    for (; k + 2 * kLanes <= end; k += 2 * kLanes) a += f(k, kLanes), b += f(k + kLanes, kLanes);
    for (; k < end; k += kLanes) a += f(k, kLanes);
    result += sum(a + b);
  }
  if (whole < elements) result += sum(f(whole, elements - whole));
  return result;
}

inline double row_sum(const T* x, int64_t elements) {
  return total(elements, [x](int64_t k, int64_t count) { return load_some(x + k, count); });
}

// The sum of squares of the distances from a number.
inline double row_spread(const T* x, int64_t elements, T middle) {
  return total(elements, [x, middle](int64_t k, int64_t left) {
    // Elements that are not there are at the middle.
    const Vector d =
        left == kLanes ? load(x + k) - middle : load_first(x + k, left) - first_of(middle, left);
    return d * d;
  });
}

// Mean and sum of squares of distances from it.
inline void plane_moments(const T* x, int64_t elements, double& mean, double& spread) {
  const T middle = static_cast<T>(row_sum(x, elements) / static_cast<double>(elements));
  mean = middle, spread = row_spread(x, elements, middle);
}
