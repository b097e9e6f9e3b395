// One problem through a table of kernels, compared with the reference.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels.h"
#include "reference.h"

namespace sparsegan {

// Small numbers in [-1, 1), the same everywhere.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2654435761u + 1) {}
  double next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<double>(state_ >> 40) / static_cast<double>(1 << 23) - 1.0;
  }
  template <typename T>
  std::vector<T> list(int64_t count) {
    std::vector<T> values(count);
    for (T& v : values) v = static_cast<T>(next());
    return values;
  }

 private:
  uint64_t state_;
};

// The largest error in units of the largest value, or of what a sum of `terms` random products
// typically is, where all values happen to be small.
template <typename T>
double distance(const std::vector<T>& got, const std::vector<double>& want, int64_t terms) {
  double worst = 0, largest = std::sqrt(static_cast<double>(terms)) / 3;
  for (size_t i = 0; i < want.size(); ++i) {
    const double d = std::abs(static_cast<double>(got[i]) - want[i]);
    worst = d <= worst ? worst : d;  // a NaN is carried on
    largest = std::max(largest, std::abs(want[i]));
  }
  return worst / largest;
}

// The largest relative error of the three passes.
template <typename T>
double worst_error(const Kernels<T>& kernels, const Problem& p, double density, int threads,
                   uint64_t seed) {
  Numbers numbers(seed);
  const Geometry& g = p.geometry;
  std::vector<uint8_t> mask(p.weights());
  for (uint8_t& m : mask) m = numbers.next() < 2 * density - 1;
  const bool blocks = g.outputs % kGroup == 0 && seed % 3 == 0;  // of four outputs
  const int64_t row = p.weights() / g.outputs;
  for (int64_t i = 0; blocks && i < p.weights(); ++i) mask[i] = mask[i / row / kGroup * kGroup * row + i % row];
  std::vector<T> weight = numbers.list<T>(p.weights());
  for (size_t i = 0; i < mask.size(); ++i) weight[i] *= mask[i];
  const std::vector<T> x = numbers.list<T>(p.in_size()), dy = numbers.list<T>(p.out_size());
  std::vector<T> y(p.out_size(), T(NAN)), dx(p.in_size(), T(NAN)), dw(p.weights(), T(0));

  const bool many = p.batch >= kernels.tile.lanes && seed % 2 == 0;
  const auto made = [&](bool transposed, bool groups) {
    return build_plan(mask.data(), g, transposed, groups, p.sizes(), many, kernels.tile);
  };
  const auto forward = made(false, true), plain = made(false, false), backward = made(true, true);
  Source<T> in{}, out{};
  in.data = x.data(), in.channels = g.inputs, in.batch = p.batch;
  out.data = dy.data(), out.channels = g.outputs, out.batch = p.batch;
  Target<T> result{}, gradient{};
  result.data = y.data(), gradient.data = dx.data();
  std::vector<T> values(weight.size());
  kernels.gather(Plan{forward.data()}, weight.data(), values.data(), threads);
  kernels.convolve(Plan{forward.data()}, nullptr, values.data(), in, result, threads);
  kernels.convolve(Plan{backward.data()}, weight.data(), nullptr, out, gradient, threads);
  kernels.weight_gradient(Plan{plain.data()}, in, dy.data(), dw.data(), nullptr, threads);

  std::vector<double> dw_want = reference_weight_gradient(p, x.data(), dy.data());
  for (size_t i = 0; i < mask.size(); ++i) dw_want[i] *= mask[i];
  const int64_t taps = int64_t{1} * g.kernel_h * g.kernel_w;
  const double errors[] = {
      distance(y, reference_forward(p, x.data(), weight.data()), g.inputs * taps),
      distance(dx, reference_input_gradient(p, dy.data(), weight.data()), g.outputs * taps),
      distance(dw, dw_want, p.batch * p.out_height() * p.out_width())};
  double worst = 0;
  for (const double d : errors) worst = d <= worst ? worst : d;
  return worst;
}

}  // namespace sparsegan
