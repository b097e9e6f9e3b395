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

// The tensor that a convolution with this source computes from; height and width are its own.
template <typename T>
std::vector<double> reference_source(const Source<T>& s, int64_t height, int64_t width) {
  std::vector<double> out;
  const int64_t factor = s.upsample ? 2 : 1;
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t c = 0; c < s.channels; ++c)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
          const int64_t row = (n * s.channels + c) * (height / factor) + y / factor;
          double v = s.data[row * (width / factor) + x / factor];
          if (s.scale != nullptr) {
            const int64_t at = s.per_sample ? n * s.channels + c : c;
            v = (v - s.centre[c]) * s.scale[at] + s.shift[at];
          }
          out.push_back(s.activate ? activated(v, s.slope) : v);
        }
  return out;
}

// Normalisation and its gradients for one table of parameters.
struct NormalisationReference {
  std::vector<double> y, d_x, d_gamma, d_beta;
};

template <typename T>
NormalisationReference reference_normalisation(const Normalisation<T>& n, const T* x,
                                               const T* gradient, bool batch_statistics) {
  const Images& i = n.images;
  const int64_t size = i.batch * i.channels * i.pixels, row = i.batch * i.pixels;
  const int64_t gains = n.per_sample ? i.batch * i.channels : i.channels;
  NormalisationReference r;
  r.d_gamma.assign(gains, 0.0), r.d_beta.assign(gains, 0.0);
  std::vector<double> normal(size), scaled(size), gradients(i.channels), products(i.channels);
  for (int64_t k = 0; k < size; ++k) {
    const int64_t plane = k / i.pixels, c = plane % i.channels, at = n.per_sample ? plane : c;
    const double slope = n.activate ? n.slope : 1, gamma = n.gamma != nullptr ? n.gamma[at] : 1;
    normal[k] = (x[k] - static_cast<double>(n.mean[c])) * static_cast<double>(n.inverse[c]);
    const double before = normal[k] * gamma + (n.beta != nullptr ? n.beta[at] : 0);
    r.y.push_back(activated(before, slope));
    const double behind = gradient[k] * (before > 0 ? 1 : slope);
    scaled[k] = behind * gamma;
    r.d_beta[at] += behind, r.d_gamma[at] += behind * normal[k];
    gradients[c] += scaled[k] / row, products[c] += scaled[k] * normal[k] / row;
  }
  for (int64_t k = 0; k < size; ++k) {
    const int64_t c = k / i.pixels % i.channels;
    const double means = batch_statistics ? gradients[c] + normal[k] * products[c] : 0;
    r.d_x.push_back((scaled[k] - means) * static_cast<double>(n.inverse[c]));
  }
  return r;
}

// Factor times the sum of every square of four pixels; height and width are the result's.
template <typename T>
std::vector<double> reference_pool(const T* x, int64_t planes, int64_t height, int64_t width,
                                   double factor) {
  std::vector<double> y(planes * height * width, 0.0);
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t h = 0; h < 2 * height; ++h)
      for (int64_t w = 0; w < 2 * width; ++w)
        y[(p * height + h / 2) * width + w / 2] += factor * x[(p * 2 * height + h) * 2 * width + w];
  return y;
}

// Factor times the pixel, four times, added to `base`; height and width are those of x.
template <typename T>
std::vector<double> reference_spread(const T* x, int64_t planes, int64_t height, int64_t width,
                                     double factor, const T* base) {
  std::vector<double> y;
  for (int64_t p = 0; p < planes; ++p)
    for (int64_t h = 0; h < 2 * height; ++h)
      for (int64_t w = 0; w < 2 * width; ++w) {
        const double under = base != nullptr ? base[y.size()] : 0;
        y.push_back(under + factor * x[(p * height + h / 2) * width + w / 2]);
      }
  return y;
}

// From the gradient of what a source makes of its numbers to those of the numbers, and of gains and
// biases. `gamma` is the source's scale over `inverse`; both are null where it has no affine. Height and
// width are those after upsampling.
template <typename T>
NormalisationReference reference_behind(const Source<T>& s, const T* gamma, const T* inverse,
                                        bool batch_statistics, int64_t height, int64_t width,
                                        std::vector<double> gradient) {
  const int64_t planes = s.batch * s.channels, pixels = height * width / (s.upsample ? 4 : 1);
  if (s.upsample) gradient = reference_pool(gradient.data(), planes, height / 2, width / 2, 1.0);
  if (s.scale == nullptr) {
    for (size_t i = 0; s.activate && i < gradient.size(); ++i)
      gradient[i] *= s.data[i] > 0 ? 1 : s.slope;
    return {{}, gradient, {}, {}};
  }
  const auto wide = [](const T* from, int64_t count) { return std::vector<double>(from, from + count); };
  const int64_t gains = s.per_sample ? planes : s.channels;
  const auto numbers = wide(s.data, planes * pixels), means = wide(s.centre, s.channels);
  const auto inverses = wide(inverse, s.channels), gammas = wide(gamma, gains);
  const auto betas = wide(s.shift, gains);
  const Normalisation<double> n{{s.batch, s.channels, pixels}, means.data(), inverses.data(),
                                gammas.data(), betas.data(), s.per_sample, s.activate, s.slope};
  return reference_normalisation(n, numbers.data(), gradient.data(), batch_statistics);
}

// What a convolution does behind its sums, which are changed: bias, pooling, residual.
template <typename T>
void reference_target(const Target<T>& t, int64_t batch, int64_t channels, int64_t height,
                      int64_t width, std::vector<double>& y) {
  const int64_t planes = batch * channels, plane = height * width;
  for (size_t i = 0; t.bias != nullptr && i < y.size(); ++i) y[i] += t.bias[i / plane % channels];
  if (t.pool) y = reference_pool(y.data(), planes, height / 2, width / 2, 0.25);
  if (t.residual == nullptr) return;
  const int64_t factor = t.pool ? 2 : 1, shift = t.residual_upsampled;
  const int64_t h = height / factor, w = width / factor;
  for (int64_t p = 0, i = 0; p < planes; ++p)
    for (int64_t row = 0; row < h; ++row)
      for (int64_t column = 0; column < w; ++column, ++i)
        y[i] += t.residual[(p * (h >> shift) + (row >> shift)) * (w >> shift) + (column >> shift)];
}

// The sums of each channel.
inline std::vector<double> reference_sums(const std::vector<double>& x, int64_t channels,
                                          int64_t plane) {
  std::vector<double> sums(channels, 0.0);
  for (size_t i = 0; i < x.size(); ++i) sums[i / plane % channels] += x[i];
  return sums;
}

}  // namespace sparsegan
