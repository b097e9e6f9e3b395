// Convolution as plain loops in double precision, on (batch, channels, height, width): what the
// kernels are compared with when they are loaded, and in their own test.
#pragma once
#include <cstdint>
#include <vector>

#include "plan.h"

namespace sparsegan {

struct Problem {
  Geometry geometry;
  int64_t batch, height, width;  // of the input

  int64_t out_height() const {
    return (height + 2 * geometry.pad_h - geometry.kernel_h) / geometry.stride_h + 1;
  }
  int64_t out_width() const {
    return (width + 2 * geometry.pad_w - geometry.kernel_w) / geometry.stride_w + 1;
  }
  int64_t in_size() const { return geometry.inputs * height * width * batch; }
  int64_t out_size() const { return geometry.outputs * out_height() * out_width() * batch; }
  Sizes sizes() const {
    return {static_cast<int32_t>(height), static_cast<int32_t>(width),
            static_cast<int32_t>(out_height()), static_cast<int32_t>(out_width())};
  }
  int64_t weights() const {
    return int64_t{1} * geometry.outputs * geometry.inputs * geometry.kernel_h * geometry.kernel_w;
  }

  // Calls term(input index, weight index, output index) for every product of the convolution.
  template <typename Term>
  void each_term(Term term) const {
    const Geometry& g = geometry;
    int64_t w = 0;
    for (int64_t o = 0; o < g.outputs; ++o)
      for (int64_t i = 0; i < g.inputs; ++i)
        for (int64_t kh = 0; kh < g.kernel_h; ++kh)
          for (int64_t kw = 0; kw < g.kernel_w; ++kw, ++w) each_place(o, i, kh, kw, w, term);
  }

 private:
  template <typename Term>
  void each_place(int64_t o, int64_t i, int64_t kh, int64_t kw, int64_t w, Term term) const {
    const Geometry& g = geometry;
    for (int64_t y = 0; y < out_height(); ++y)
      for (int64_t x = 0; x < out_width(); ++x) {
        const int64_t h = y * g.stride_h + kh - g.pad_h, v = x * g.stride_w + kw - g.pad_w;
        if (h < 0 || h >= height || v < 0 || v >= width) continue;
        for (int64_t n = 0; n < batch; ++n)
          term(((n * g.inputs + i) * height + h) * width + v, w,
               ((n * g.outputs + o) * out_height() + y) * out_width() + x);
      }
  }
};

template <typename T>
std::vector<double> reference_forward(const Problem& p, const T* x, const T* weight) {
  std::vector<double> y(p.out_size(), 0.0);
  p.each_term([&](int64_t i, int64_t w, int64_t o) { y[o] += double(x[i]) * double(weight[w]); });
  return y;
}

template <typename T>
std::vector<double> reference_input_gradient(const Problem& p, const T* dy, const T* weight) {
  std::vector<double> dx(p.in_size(), 0.0);
  p.each_term([&](int64_t i, int64_t w, int64_t o) { dx[i] += double(dy[o]) * double(weight[w]); });
  return dx;
}

template <typename T>
std::vector<double> reference_weight_gradient(const Problem& p, const T* x, const T* dy) {
  std::vector<double> dw(p.weights(), 0.0);
  p.each_term([&](int64_t i, int64_t w, int64_t o) { dw[w] += double(x[i]) * double(dy[o]); });
  return dw;
}

}  // namespace sparsegan
