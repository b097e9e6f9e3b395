// Batch normalisation with its (leaky) ReLU. A channel is one long row, small enough for the L2 cache
// at the usual sizes, so several passes over it cost little more than one.

constexpr int64_t kChunk = 4096;  // elements summed in vectors before they are added in double

// Sums f(k) over the elements k of a row; f gives a vector at k or, past the last whole vector, one
// element.
template <typename Whole, typename Single>
inline double total(int64_t elements, Whole whole, Single single) {
  double result = 0;
  const int64_t vectors = elements / kLanes * kLanes;
  for (int64_t begin = 0; begin < vectors; begin += kChunk) {
    const int64_t end = smaller(begin + kChunk, vectors);
    Vector a{}, b{};
    int64_t k = begin;
    for (; k + 2 * kLanes <= end; k += 2 * kLanes) a += whole(k), b += whole(k + kLanes);
    for (; k < end; k += kLanes) a += whole(k);
    result += sum(a + b);
  }
  for (int64_t k = vectors; k < elements; ++k) result += single(k);
  return result;
}

inline double row_sum(const T* x, int64_t elements) {
  return total(elements, [x](int64_t k) { return load(x + k); }, [x](int64_t k) { return x[k]; });
}

inline void channel_sums(const T* x, int64_t channels, int64_t elements, T* sums, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < channels; ++c) sums[c] = static_cast<T>(row_sum(x + c * elements, elements));
}

// Two passes: the variance is the mean square of the distances from the mean.
inline void moments(const T* x, int64_t channels, int64_t elements, T* mean, T* variance,
                    int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < channels; ++c) {
    const T* row = x + c * elements;
    const T middle = static_cast<T>(row_sum(row, elements) / static_cast<double>(elements));
    const double spread = total(
        elements,
        [row, middle](int64_t k) {
          const Vector d = load(row + k) - middle;
          return d * d;
        },
        [row, middle](int64_t k) { return (row[k] - middle) * (row[k] - middle); });
    mean[c] = middle;
    variance[c] = static_cast<T>(spread / static_cast<double>(elements));
  }
}

// The affine of one channel; with `per_sample` gamma and beta are rows.
struct Affine {
  T mean, inverse, gamma, beta, slope;
  const T* gammas;
  const T* betas;
};

inline Affine affine_of(const Normalisation<T>& n, int64_t c) {
  Affine a{n.mean[c], n.inverse[c], 1, 0, n.activate ? n.slope : T(1), nullptr, nullptr};
  if (n.per_sample) {
    a.gammas = n.gamma + c * n.batch, a.betas = n.beta + c * n.batch;
  } else if (n.gamma != nullptr) {
    a.gamma = n.gamma[c], a.beta = n.beta[c];
  }
  return a;
}

// Calls whole(k, gamma, beta) for every vector of a run of elements and single(k, gamma, beta) for
// the rest. Runs are the rows of samples where gamma and beta depend on the sample.
template <typename Whole, typename Single>
inline void each_element(const Affine& a, int64_t begin, int64_t elements, Whole whole,
                         Single single) {
  int64_t k = 0;
  if (a.gammas == nullptr) {
    const Vector gamma = broadcast(a.gamma), beta = broadcast(a.beta);
    for (; k + kLanes <= elements; k += kLanes) whole(begin + k, k, gamma, beta);
    for (; k < elements; ++k) single(begin + k, k, a.gamma, a.beta);
    return;
  }
  for (; k + kLanes <= elements; k += kLanes)
    whole(begin + k, k, load(a.gammas + k), load(a.betas + k));
  for (; k < elements; ++k) single(begin + k, k, a.gammas[k], a.betas[k]);
}

inline void normalise(const T* x, const Normalisation<T>& n, T* y, int threads) {
  const int64_t elements = n.pixels * n.batch, run = n.per_sample ? n.batch : elements;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < n.channels; ++c) {
    const Affine a = affine_of(n, c);
    const T* from = x + c * elements;
    T* to = y + c * elements;
    const auto whole = [&](int64_t k, int64_t, Vector gamma, Vector beta) {
      const Vector v = (load(from + k) - a.mean) * (gamma * a.inverse) + beta;
      store(to + k, activated(v, a.slope));
    };
    const auto single = [&](int64_t k, int64_t, T gamma, T beta) {
      to[k] = activated((from[k] - a.mean) * (gamma * a.inverse) + beta, a.slope);
    };
    for (int64_t begin = 0; begin < elements; begin += run)
      each_element(a, begin, run, whole, single);
  }
}

// The gradient behind the activation, and the normalised input, at one place.
struct Behind {
  Vector gradient, normal;
};
inline Behind behind(const Affine& a, Vector x, Vector g, Vector gamma, Vector beta) {
  const Vector normal = (x - a.mean) * a.inverse;
  const Vector leaked = g * a.slope;
  return {normal * gamma + beta > Vector{} ? g : leaked, normal};
}
inline T behind(const Affine& a, T x, T g, T gamma, T beta, T& normal) {
  normal = (x - a.mean) * a.inverse;
  return normal * gamma + beta > T(0) ? g : g * a.slope;
}

// sum(g) and sum(g * normalised x) of a channel, into d_beta and d_gamma: one number each, or one
// for each sample. Returns the two means that the gradient of x needs.
inline void reduce_channel(const Affine& a, const T* x, const T* g, int64_t elements, int64_t batch,
                           T* d_gamma, T* d_beta, T& mean_gradient, T& mean_product) {
  const auto count = static_cast<double>(elements);
  if (a.gammas == nullptr) {
    double s1 = 0, s2 = 0;
    for (int64_t begin = 0; begin < elements; begin += kChunk) {
      const int64_t size = smaller(kChunk, elements - begin);
      Vector v1{}, v2{};
      each_element(
          a, begin, size,
          [&](int64_t k, int64_t, Vector gamma, Vector beta) {
            const Behind b = behind(a, load(x + k), load(g + k), gamma, beta);
            v1 += b.gradient, v2 += b.gradient * b.normal;
          },
          [&](int64_t k, int64_t, T gamma, T beta) {
            T normal;
            const T d = behind(a, x[k], g[k], gamma, beta, normal);
            s1 += d, s2 += d * normal;
          });
      s1 += sum(v1), s2 += sum(v2);
    }
    *d_beta = static_cast<T>(s1), *d_gamma = static_cast<T>(s2);
    mean_gradient = static_cast<T>(a.gamma * s1 / count);
    mean_product = static_cast<T>(a.gamma * s2 / count);
    return;
  }
  __builtin_memset(d_gamma, 0, batch * sizeof(T));
  __builtin_memset(d_beta, 0, batch * sizeof(T));
  for (int64_t begin = 0; begin < elements; begin += batch)
    each_element(
        a, begin, batch,
        [&](int64_t k, int64_t n, Vector gamma, Vector beta) {
          const Behind b = behind(a, load(x + k), load(g + k), gamma, beta);
          store(d_beta + n, load(d_beta + n) + b.gradient);
          store(d_gamma + n, load(d_gamma + n) + b.gradient * b.normal);
        },
        [&](int64_t k, int64_t n, T gamma, T beta) {
          T normal;
          const T d = behind(a, x[k], g[k], gamma, beta, normal);
          d_beta[n] += d, d_gamma[n] += d * normal;
        });
  double s1 = 0, s2 = 0;
  for (int64_t n = 0; n < batch; ++n)
    s1 += static_cast<double>(a.gammas[n]) * d_beta[n], s2 += static_cast<double>(a.gammas[n]) * d_gamma[n];
  mean_gradient = static_cast<T>(s1 / count), mean_product = static_cast<T>(s2 / count);
}

inline void normalise_gradient(const T* x, const T* gradient, const Normalisation<T>& n,
                               bool batch_statistics, T* d_x, T* d_gamma, T* d_beta, int threads) {
  const int64_t elements = n.pixels * n.batch, run = n.per_sample ? n.batch : elements;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < n.channels; ++c) {
    const Affine a = affine_of(n, c);
    const T *row = x + c * elements, *g = gradient + c * elements;
    T* to = d_x + c * elements;
    const int64_t at = n.per_sample ? c * n.batch : c;
    T m1 = 0, m2 = 0;
    reduce_channel(a, row, g, elements, n.batch, d_gamma + at, d_beta + at, m1, m2);
    if (!batch_statistics) m1 = m2 = 0;
    const auto whole = [&](int64_t k, int64_t, Vector gamma, Vector beta) {
      const Behind b = behind(a, load(row + k), load(g + k), gamma, beta);
      store(to + k, (b.gradient * gamma - m1 - b.normal * m2) * a.inverse);
    };
    const auto single = [&](int64_t k, int64_t, T gamma, T beta) {
      T normal;
      const T d = behind(a, row[k], g[k], gamma, beta, normal);
      to[k] = (d * gamma - m1 - normal * m2) * a.inverse;
    };
    for (int64_t begin = 0; begin < elements; begin += run)
      each_element(a, begin, run, whole, single);
  }
}
