// Batch normalisation with its (leaky) ReLU. A plane is one channel of one image.

inline double channel_sum(const T* x, const Images& i, int64_t channel) {
  double result = 0;
  for (int64_t n = 0; n < i.batch; ++n) result += row_sum(x + i.plane(n, channel), i.pixels);
  return result;
}

inline void channel_sums(const T* x, const Images& i, T* sums, int threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < i.channels; ++c) sums[c] = static_cast<T>(channel_sum(x, i, c));
}

// Two passes: the variance is the mean square of the distances from the mean.
inline void moments(const T* x, const Images& i, T* mean, T* variance, int threads) {
  const auto count = static_cast<double>(i.batch * i.pixels);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < i.channels; ++c) {
    const T middle = static_cast<T>(channel_sum(x, i, c) / count);
    double spread = 0;
    for (int64_t n = 0; n < i.batch; ++n) {
      spread += row_spread(x + i.plane(n, c), i.pixels, middle);
    }
    mean[c] = middle;
    variance[c] = static_cast<T>(spread / count);
  }
}

// The affine of one plane.
struct Affine {
  T mean, inverse, gamma, beta, slope;

  Vector normal(Vector x) const { return (x - mean) * inverse; }
  // The gradient behind the activation, given the normalised input.
  Vector behind(Vector normal, Vector g) const {
    const Vector leaked = g * slope;
    return normal * gamma + beta > Vector{} ? g : leaked;
  }
};

inline Affine affine_of(const Normalisation<T>& n, int64_t image, int64_t c) {
  const int64_t at = n.per_sample ? image * n.images.channels + c : c;
  return {n.mean[c], n.inverse[c], n.gamma ? n.gamma[at] : T(1), n.beta ? n.beta[at] : T(0),
          n.activate ? n.slope : T(1)};
}

inline void normalise(const T* x, const Normalisation<T>& n, T* y, int threads) {
  const Images& i = n.images;
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t plane = 0; plane < i.batch * i.channels; ++plane) {
    const Affine a = affine_of(n, plane / i.channels, plane % i.channels);
    const T *from = x + plane * i.pixels, scale = a.gamma * a.inverse;
    T* to = y + plane * i.pixels;
    each_of(i.pixels, [&](int64_t k, int64_t count) {
      const Vector v = (load_some(from + k, count) - a.mean) * scale + a.beta;
      store_some(to + k, activated(v, a.slope), count);
    });
  }
}

// sum(g) and sum(g * normalised x) of a plane, g behind the activation.
inline void reduce_plane(const Affine& a, const T* x, const T* g, int64_t elements, double& s1,
                         double& s2) {
  s1 = s2 = 0;
  for (int64_t begin = 0; begin < elements; begin += kChunk) {
    Vector v1{}, v2{};
    each_of(smaller(kChunk, elements - begin), [&](int64_t k, int64_t count) {
      const Vector normal = a.normal(load_some(x + begin + k, count));
      const Vector gradient = a.behind(normal, load_some(g + begin + k, count));
      v1 += gradient, v2 += gradient * normal;
    });
    s1 += sum(v1), s2 += sum(v2);
  }
}

inline void normalise_gradient(const T* x, const T* gradient, const Normalisation<T>& n,
                               bool batch_statistics, T* d_x, T* d_gamma, T* d_beta, int threads) {
  const Images& i = n.images;
  const auto count = static_cast<double>(i.batch * i.pixels);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < i.channels; ++c) {
    double all1 = 0, all2 = 0, weighted1 = 0, weighted2 = 0;
    for (int64_t image = 0; image < i.batch; ++image) {
      const Affine a = affine_of(n, image, c);
      const int64_t at = i.plane(image, c);
      double s1, s2;
      reduce_plane(a, x + at, gradient + at, i.pixels, s1, s2);
      all1 += s1, all2 += s2;
      weighted1 += a.gamma * s1, weighted2 += a.gamma * s2;
      if (n.per_sample) {
        d_beta[image * i.channels + c] = static_cast<T>(s1);
        d_gamma[image * i.channels + c] = static_cast<T>(s2);
      }
    }
    if (!n.per_sample) d_beta[c] = static_cast<T>(all1), d_gamma[c] = static_cast<T>(all2);
    const T m1 = batch_statistics ? static_cast<T>(weighted1 / count) : T(0);
    const T m2 = batch_statistics ? static_cast<T>(weighted2 / count) : T(0);
    for (int64_t image = 0; image < i.batch; ++image) {
      const Affine a = affine_of(n, image, c);
      const int64_t at = i.plane(image, c);
      each_of(i.pixels, [&](int64_t k, int64_t left) {
        const Vector normal = a.normal(load_some(x + at + k, left));
        const Vector behind = a.behind(normal, load_some(gradient + at + k, left));
        store_some(d_x + at + k, (behind * a.gamma - m1 - normal * m2) * a.inverse, left);
      });
    }
  }
}
