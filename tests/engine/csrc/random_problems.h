// Random problems for the kernels: geometries and masks, what surrounds a convolution, and the memory that
// results go to, compared with plain loops.
#pragma once
#include <cstring>

#include "surroundings.h"

namespace sparsegan {

inline int pick(Numbers& numbers, int low, int high) {
  return low + static_cast<int>((numbers.next() + 1) / 2 * (high - low + 1) * 0.999999);
}

inline int pick_batch(Numbers& n, int lanes) {
  const int batches[] = {1, 3, lanes - 1, lanes, lanes + 3, 2 * lanes};
  const int batch = batches[pick(n, 0, 5)];
  return batch < 1 ? 1 : batch;
}

// Square kernels, strides of one and "same" padding are the usual ones; others come now and then.
inline Problem random_problem(Numbers& n, int lanes) {
  const int kernel_h = pick(n, 1, 5), kernel_w = pick(n, 0, 3) ? kernel_h : pick(n, 1, 7);
  const int stride_h = pick(n, 0, 1) ? 1 : pick(n, 1, 3);
  const int stride_w = pick(n, 0, 3) ? stride_h : pick(n, 1, 3);
  const bool same = pick(n, 0, 1);
  Problem p{{pick(n, 1, 12), pick(n, 1, 40), kernel_h, kernel_w, stride_h, stride_w,
             same ? kernel_h / 2 : pick(n, 0, kernel_h), same ? kernel_w / 2 : pick(n, 0, kernel_w)},
            pick_batch(n, lanes), pick(n, 1, 11), pick(n, 1, 20)};
  if (pick(n, 0, 2) == 0) p.width = pick(n, 1, 2) * lanes;  // rows that fill vectors
  if (p.height + 2 * p.geometry.pad_h < kernel_h) p.height = kernel_h;
  if (p.width + 2 * p.geometry.pad_w < kernel_w) p.width = kernel_w;
  return p;
}

inline void worsen(double& worst, double error) { worst = error <= worst ? worst : error; }

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// Bands of few rows in some problems: the images are too small to be divided otherwise.
inline Tile random_tile(Numbers& n, Tile tile) {
  if (pick(n, 0, 2) == 0) tile.band_elements = 1 << pick(n, 6, 12);
  return tile;
}

inline std::vector<uint8_t> random_mask(Numbers& numbers, int64_t weights, double density) {
  std::vector<uint8_t> mask(weights);
  for (uint8_t& m : mask) m = numbers.next() < 2 * density - 1;
  return mask;
}

// Some masks have groups of four channels that share their active weights, `run` entries each.
inline void share_by_groups(Numbers& numbers, std::vector<uint8_t>& mask, int64_t channels, int64_t run) {
  if (channels % kGroup || pick(numbers, 0, 1)) return;
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = mask[i - i / run % kGroup * run];
}

template <typename T>
std::vector<double> widened(const std::vector<T>& values) {
  return std::vector<double>(values.begin(), values.end());
}

// Numbers and a random transform that they are read through. Where they are upsampled, height and width
// become even.
template <typename T>
struct RandomSource {
  Source<T> source{};
  std::vector<T> x, centre, inverse, gamma, scale, shift;

  RandomSource(Numbers& numbers, int64_t batch, int64_t channels, int64_t& height, int64_t& width,
               bool may_upsample) {
    Source<T>& s = source;
    s.upsample = may_upsample && pick(numbers, 0, 1);
    if (s.upsample) height += height % 2, width += width % 2;
    s.channels = channels, s.batch = batch;
    s.activate = pick(numbers, 0, 1);
    s.slope = static_cast<T>(0.25 * pick(numbers, 0, 3));
    x = coarse<T>(numbers, batch * channels * height * width / (s.upsample ? 4 : 1), 64);
    s.data = x.data();
    if (pick(numbers, 0, 3) == 0) return;
    s.per_sample = pick(numbers, 0, 1);
    const int64_t gains = s.per_sample ? channels * batch : channels;
    centre = coarse<T>(numbers, channels, 64), inverse = coarse<T>(numbers, channels, 8, 1.5);
    gamma = scale = coarse<T>(numbers, gains, 8), shift = coarse<T>(numbers, gains, 64, 1.0 / 8192);
    for (int64_t i = 0; i < gains; ++i) scale[i] *= inverse[i % channels];
    s.centre = centre.data(), s.scale = scale.data(), s.shift = shift.data();
  }
  RandomSource(const RandomSource&) = delete;
  RandomSource& operator=(const RandomSource&) = delete;
};

// What is done behind the sums of a convolution to an image of this size.
template <typename T>
struct RandomTarget {
  Target<T> target{};
  int64_t batch, channels, height, width, plane;  // before pooling, and pixels after it
  std::vector<T> bias, residual, y, mean, variance;

  RandomTarget(Numbers& numbers, int64_t images, int64_t outputs, int64_t rows, int64_t columns,
               bool may_pool)
      : batch(images), channels(outputs), height(rows), width(columns) {
    Target<T>& t = target;
    t.pool = may_pool && height % 2 == 0 && width % 2 == 0 && pick(numbers, 0, 1);
    const int64_t factor = t.pool ? 2 : 1, h = height / factor, w = width / factor;
    plane = h * w;
    bias = numbers.list<T>(channels), y.assign(batch * channels * plane, T(NAN));
    if (pick(numbers, 0, 2)) t.bias = bias.data();
    t.residual_upsampled = h % 2 == 0 && w % 2 == 0 && pick(numbers, 0, 1);
    residual = numbers.list<T>(batch * channels * plane / (t.residual_upsampled ? 4 : 1));
    if (pick(numbers, 0, 1)) t.residual = residual.data();
    if (pick(numbers, 0, 1)) mean.assign(channels, T(NAN)), variance = mean;
  }
  RandomTarget(const RandomTarget&) = delete;
  RandomTarget& operator=(const RandomTarget&) = delete;

  // The largest error of results that `run` computes to a target, given the sums before it.
  template <typename Run>
  double error(Run run, std::vector<double> want, int64_t terms) {
    std::vector<T> first[3];
    for (int i = 0; i < 2; ++i) {
      target.data = y.data();
      target.mean = mean.empty() ? nullptr : mean.data();
      target.variance = mean.empty() ? nullptr : variance.data();
      run(target);
      if (i == 1 && !(same_bits(first[0], y) && same_bits(first[1], mean) &&
                      same_bits(first[2], variance)))
        return NAN;
      first[0] = y, first[1] = mean, first[2] = variance;
      y.assign(y.size(), T(NAN)), mean.assign(mean.size(), T(NAN)), variance = mean;
    }
    reference_target(target, batch, channels, height, width, want);
    double worst = 0;
    worsen(worst, distance(first[0], want, terms));
    if (mean.empty()) return worst;
    const auto count = static_cast<double>(batch * plane);
    auto means = reference_sums(want, channels, plane);
    for (double& m : means) m /= count;
    std::vector<double> squares(want.size());
    for (size_t i = 0; i < want.size(); ++i) {
      const double d = want[i] - means[i / plane % channels];
      squares[i] = d * d / count;
    }
    worsen(worst, distance(first[1], means, terms));
    worsen(worst, distance(first[2], reference_sums(squares, channels, plane), terms * terms));
    return worst;
  }
};

// What a backward pass gives, in memory of its own: NaN, or at weights an odd number, where nothing is
// written.
template <typename T>
struct RandomGradients {
  std::vector<T> d_x, d_weight, d_bias, d_gamma, d_beta;
  const T* inverse;
  bool batch_statistics, pool = false;

  static constexpr T kUntouched = T(0.625);

  RandomGradients(Numbers& numbers, const RandomSource<T>& x, int64_t weights, int64_t outputs)
      : inverse(x.inverse.data()) {
    const auto gains = static_cast<int64_t>(x.gamma.size());
    batch_statistics = gains > 0 && pick(numbers, 0, 1);
    d_x.assign(x.x.size(), T(NAN));
    if (pick(numbers, 0, 4)) d_weight.assign(weights, kUntouched);  // or it is frozen
    if (!d_weight.empty() && pick(numbers, 0, 3)) d_bias.assign(outputs, T(NAN));
    d_gamma.assign(gains, T(NAN)), d_beta = d_gamma;
  }

  Gradients<T> to() {
    const auto at = [](std::vector<T>& v) { return v.empty() ? nullptr : v.data(); };
    Gradients<T> g{};
    g.d_x = at(d_x), g.d_weight = at(d_weight), g.d_bias = at(d_bias);
    g.inverse = d_gamma.empty() ? nullptr : inverse, g.batch_statistics = batch_statistics;
    g.d_gamma = at(d_gamma), g.d_beta = at(d_beta), g.pool = pool;
    return g;
  }

  bool same(const RandomGradients& other) const {
    return same_bits(d_x, other.d_x) && same_bits(d_weight, other.d_weight) &&
           same_bits(d_bias, other.d_bias) && same_bits(d_gamma, other.d_gamma) &&
           same_bits(d_beta, other.d_beta);
  }

  // The largest error, given the right gradients of what the convolution takes, of the weight and of the
  // bias; `held` are the entries of the weight that get one, `products` and `row` the products that
  // are summed to a gradient of an element and of a weight.
  double error(const RandomSource<T>& x, int64_t height, int64_t width,
               const std::vector<double>& of_source, std::vector<double> of_weight,
               const std::vector<double>& of_bias, const std::vector<uint8_t>& held,
               int64_t products, int64_t row) const {
    const Source<T>& s = x.source;
    const auto want = reference_behind(s, x.gamma.data(), x.inverse.data(), batch_statistics, height,
                                       width, of_source);
    for (size_t i = 0; i < held.size(); ++i)
      if (!held[i]) of_weight[i] = kUntouched;
    const int64_t terms = products * (s.upsample ? 4 : 1);
    const int64_t summed = terms * height * width * (s.per_sample ? 1 : s.batch);
    double worst = 0;
    worsen(worst, distance(d_x, want.d_x, terms));
    if (!d_weight.empty()) worsen(worst, distance(d_weight, of_weight, row));
    if (!d_bias.empty()) worsen(worst, distance(d_bias, of_bias, row));
    worsen(worst, distance(d_gamma, want.d_gamma, summed));
    worsen(worst, distance(d_beta, want.d_beta, summed));
    return worst;
  }
};

// Weights that a mask lacks are NaN for the kernels, which never read them, and else zero.
template <typename T>
std::vector<T> masked_weight(Numbers& numbers, const std::vector<uint8_t>& mask,
                             std::vector<double>& wide) {
  auto weight = numbers.list<T>(mask.size());
  wide = widened(weight);
  for (size_t i = 0; i < mask.size(); ++i)
    if (!mask[i]) wide[i] = 0, weight[i] = T(NAN);
  return weight;
}

}  // namespace sparsegan
