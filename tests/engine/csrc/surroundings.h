// What surrounds a convolution, as plain loops in double precision: the transform that its input is
// read through, normalisation with its activation, pooling and spreading.
#pragma once
#include <cstdint>
#include <vector>

#include "check.h"

namespace sparsegan {

// Numbers that few bits hold: sums and products of them are exact in float, too, so that no rounding
// decides on which side of an activation's kink an element falls. In [-1, 1).
template <typename T>
std::vector<T> coarse(Numbers& numbers, int64_t count, int steps, double offset = 0) {
  std::vector<T> values(count);
  for (T& v : values) {
    const auto step = static_cast<int64_t>((numbers.next() + 1) / 2 * 2 * steps);
    v = static_cast<T>(static_cast<double>(step) / steps - 1 + offset);
  }
  return values;
}

inline double activated(double v, double slope) { return v > 0 ? v : v * slope; }

// The tensor that a convolution with this source computes from.
template <typename T>
std::vector<double> reference_source(const Source<T>& s) {
  std::vector<double> out;
  const int64_t factor = s.upsample ? 2 : 1, width = s.width / factor, height = s.height / factor;
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t y = 0; y < s.height; ++y)
      for (int64_t x = 0; x < s.width; ++x)
        for (int64_t n = 0; n < s.batch; ++n) {
          const int64_t pixel = (c * height + y / factor) * width + x / factor;
          double v = s.data[pixel * s.batch + n];
          if (s.scale != nullptr) {
            const int64_t at = s.per_sample ? c * s.batch + n : c;
            v = (v - s.centre[c]) * s.scale[at] + s.shift[at];
          }
          out.push_back(s.activate ? activated(v, s.slope) : v);
        }
  return out;
}

// What a target adds to output element `index`, a bias and a residual.
template <typename T>
double reference_addition(const Target<T>& t, int64_t batch, int64_t index) {
  const int64_t n = index % batch, x = index / batch % t.width;
  const int64_t y = index / batch / t.width % t.height, c = index / batch / t.width / t.height;
  double added = t.bias != nullptr ? t.bias[c] : 0;
  if (t.residual == nullptr) return added;
  if (!t.residual_upsampled) return added + t.residual[index];
  return added + t.residual[((c * (t.height / 2) + y / 2) * (t.width / 2) + x / 2) * batch + n];
}

// Normalisation and its gradients for one table of parameters.
struct NormalisationReference {
  std::vector<double> y, d_x, d_gamma, d_beta;
};

template <typename T>
NormalisationReference reference_normalisation(const Normalisation<T>& n, const T* x,
                                               const T* gradient, bool batch_statistics) {
  const int64_t row = n.pixels * n.batch, count = n.per_sample ? n.batch : 1;
  NormalisationReference r;
  r.d_gamma.assign(n.channels * count, 0.0), r.d_beta.assign(n.channels * count, 0.0);
  for (int64_t c = 0; c < n.channels; ++c) {
    const double slope = n.activate ? n.slope : 1, inverse = n.inverse[c];
    std::vector<double> normal(row), behind(row), scaled(row);
    double mean_gradient = 0, mean_product = 0;
    for (int64_t k = 0; k < row; ++k) {
      const int64_t at = n.per_sample ? c * n.batch + k % n.batch : c;
      const double gamma = n.gamma != nullptr ? n.gamma[at] : 1;
      normal[k] = (x[c * row + k] - static_cast<double>(n.mean[c])) * inverse;
      const double before = normal[k] * gamma + (n.beta != nullptr ? n.beta[at] : 0);
      r.y.push_back(activated(before, slope));
      behind[k] = gradient[c * row + k] * (before > 0 ? 1 : slope);
      scaled[k] = behind[k] * gamma;
      r.d_beta[at] += behind[k], r.d_gamma[at] += behind[k] * normal[k];
      mean_gradient += scaled[k] / row, mean_product += scaled[k] * normal[k] / row;
    }
    if (!batch_statistics) mean_gradient = mean_product = 0;
    for (int64_t k = 0; k < row; ++k)
      r.d_x.push_back((scaled[k] - mean_gradient - normal[k] * mean_product) * inverse);
  }
  return r;
}

// Factor times the sum of every square of four pixels; height and width are the result's.
template <typename T>
std::vector<double> reference_pool(const T* x, int64_t planes, int64_t height, int64_t width,
                                   int64_t batch, double factor) {
  std::vector<double> y(planes * height * width * batch, 0.0);
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t h = 0; h < 2 * height; ++h)
      for (int64_t w = 0; w < 2 * width; ++w)
        for (int64_t n = 0; n < batch; ++n)
          y[((p * height + h / 2) * width + w / 2) * batch + n] +=
              factor * x[((p * 2 * height + h) * 2 * width + w) * batch + n];
  return y;
}

// Factor times the pixel, four times, added to `base`; height and width are those of x.
template <typename T>
std::vector<double> reference_spread(const T* x, int64_t planes, int64_t height, int64_t width,
                                     int64_t batch, double factor, const T* base) {
  std::vector<double> y;
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t h = 0; h < 2 * height; ++h)
      for (int64_t w = 0; w < 2 * width; ++w)
        for (int64_t n = 0; n < batch; ++n) {
          const double under = base != nullptr ? base[y.size()] : 0;
          y.push_back(under + factor * x[((p * height + h / 2) * width + w / 2) * batch + n]);
        }
  return y;
}

}  // namespace sparsegan
