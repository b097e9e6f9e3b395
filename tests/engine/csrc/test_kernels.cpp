// Random problems through the kernels, against plain loops in double precision; and twice, since
// results must not depend on what ran before. A plain program, so that valgrind, the sanitizers and
// an emulator can watch it.
//
//     test_kernels [problems] [instruction set ...]
//
// Without names: all that this machine can run, and the double precision reference.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dispatch.h"
#include "random_problems.h"

namespace {

using namespace sparsegan;

// A convolution and its weight gradient read through a random transform, with what is behind it.
template <typename T>
double error_of_surrounded(const Kernels<T>& kernels, Problem p, double density, int threads,
                           uint64_t seed) {
  Numbers numbers(seed);
  const Geometry& g = p.geometry;
  const RandomSource<T> random(numbers, p.batch, g.inputs, p.height, p.width, true);
  const Source<T>& s = random.source;
  auto mask = random_mask(numbers, p.weights(), density);
  const int64_t terms = int64_t{1} * g.inputs * g.kernel_h * g.kernel_w;
  share_by_groups(numbers, mask, g.outputs, terms);
  auto weight = numbers.list<T>(p.weights());
  for (size_t i = 0; i < mask.size(); ++i) weight[i] *= mask[i];
  const bool many = p.batch >= kernels.tile.lanes && seed % 4 != 0, groups = pick(numbers, 0, 1);
  const Tile tile = random_tile(numbers, kernels.tile);
  const auto forward = build_plan(mask.data(), g, false, groups, p.sizes(), many, tile);
  const auto plan = build_plan(mask.data(), g, false, false, p.sizes(), many, tile);
  const auto wide = reference_source(s, p.height, p.width);
  RandomTarget<T> behind(numbers, p.batch, g.outputs, p.out_height(), p.out_width(), true);
  double worst = behind.error(
      [&](const Target<T>& t) {
        kernels.convolve(Plan{forward.data()}, weight.data(), nullptr, s, t, threads);
      },
      reference_forward(p, wide.data(), widened(weight).data()), terms);

  const auto dy = numbers.list<T>(p.out_size());
  std::vector<T> dw(p.weights(), T(0)), db(g.outputs, T(NAN)), dw_again = dw, db_again = db;
  const auto run = [&](std::vector<T>& d_weight, std::vector<T>& d_bias) {
    kernels.weight_gradient(Plan{plan.data()}, s, dy.data(), d_weight.data(), d_bias.data(), threads);
  };
  run(dw, db);
  run(dw_again, db_again);
  if (!same_bits(dw, dw_again) || !same_bits(db, db_again)) return NAN;
  const int64_t plane = p.out_height() * p.out_width(), row = p.batch * plane;
  auto dw_want = reference_weight_gradient(p, wide.data(), widened(dy).data());
  for (size_t i = 0; i < mask.size(); ++i) dw_want[i] *= mask[i];
  worsen(worst, distance(dw, dw_want, row));
  worsen(worst, distance(db, reference_sums(widened(dy), g.outputs, plane), row));
  return worst;
}

// All gradients of a convolution that reads its input through a random transform.
template <typename T>
double error_of_backward(const Kernels<T>& kernels, Problem p, double density, int threads,
                         uint64_t seed) {
  Numbers numbers(seed + 1000003);
  const Geometry& g = p.geometry;
  const RandomSource<T> x(numbers, p.batch, g.inputs, p.height, p.width, true);
  auto mask = random_mask(numbers, p.weights(), density);
  const int64_t taps = int64_t{1} * g.kernel_h * g.kernel_w, h = p.out_height(), w = p.out_width();
  share_by_groups(numbers, mask, g.inputs, taps);
  // The gradient of all weights, or of the active ones.
  const auto held = pick(numbers, 0, 3) ? mask : std::vector<uint8_t>(mask.size(), 1);
  const bool many = p.batch >= kernels.tile.lanes && seed % 4 != 0, groups = pick(numbers, 0, 1);
  const Tile tile = random_tile(numbers, kernels.tile);
  const auto forward = build_plan(held.data(), g, false, false, p.sizes(), many, tile);
  const auto adjoint = build_plan(mask.data(), g, true, groups, p.sizes(), many, tile);
  std::vector<double> wide_weight;
  const auto weight = masked_weight<T>(numbers, mask, wide_weight);
  RandomGradients<T> first(numbers, x, p.weights(), g.outputs);
  first.pool = h % 2 == 0 && w % 2 == 0 && pick(numbers, 0, 1);
  const auto dy = numbers.list<T>(p.out_size() / (first.pool ? 4 : 1));
  auto second = first;
  for (RandomGradients<T>* gradients : {&first, &second}) {
    // Without a gradient of the weight there need not be a plan for it.
    const Plan of_weight{first.d_weight.empty() ? nullptr : forward.data()};
    kernels.backward(of_weight, Plan{adjoint.data()}, weight.data(), x.source, dy.data(),
                     gradients->to(), threads);
  }
  if (!first.same(second)) return NAN;

  const auto made = reference_source(x.source, p.height, p.width);
  auto upstream = widened(dy);
  if (first.pool)
    upstream = reference_spread<double>(upstream.data(), p.batch * g.outputs, h / 2, w / 2, 0.25,
                                        nullptr);
  return first.error(x, p.height, p.width,
                     reference_input_gradient(p, upstream.data(), wide_weight.data()),
                     reference_weight_gradient(p, made.data(), upstream.data()),
                     reference_sums(upstream, g.outputs, h * w), held, g.outputs * taps,
                     p.batch * h * w);
}

// A transposed convolution, what surrounds it, and all of its gradients.
template <typename T>
double error_of_transposed(const Kernels<T>& kernels, const Problem& p, double density, int threads,
                           uint64_t seed) {
  Numbers numbers(seed + 2000003);
  const Geometry& g = p.geometry;
  int64_t h = p.out_height(), w = p.out_width();
  const RandomSource<T> x(numbers, p.batch, g.outputs, h, w, false);
  auto mask = random_mask(numbers, p.weights(), density);
  const int64_t taps = int64_t{1} * g.kernel_h * g.kernel_w;
  share_by_groups(numbers, mask, g.inputs, taps);
  const bool many = p.batch >= kernels.tile.lanes && seed % 4 != 0, groups = pick(numbers, 0, 1);
  const Tile tile = random_tile(numbers, kernels.tile);
  const auto forward = build_plan(mask.data(), g, false, false, p.sizes(), many, tile);
  const auto adjoint = build_plan(mask.data(), g, true, groups, p.sizes(), many, tile);
  std::vector<double> wide_weight;
  const auto weight = masked_weight<T>(numbers, mask, wide_weight);
  const auto made = reference_source(x.source, h, w);
  RandomTarget<T> behind(numbers, p.batch, g.inputs, p.height, p.width, false);
  double worst = behind.error(
      [&](const Target<T>& t) {
        kernels.convolve(Plan{adjoint.data()}, weight.data(), nullptr, x.source, t, threads);
      },
      reference_input_gradient(p, made.data(), wide_weight.data()), g.outputs * taps);

  RandomGradients<T> first(numbers, x, p.weights(), g.inputs);
  const auto dy = numbers.list<T>(p.in_size());
  auto second = first;
  for (RandomGradients<T>* gradients : {&first, &second})
    kernels.transposed_backward(Plan{forward.data()}, weight.data(), x.source, dy.data(),
                                gradients->to(), threads);
  if (!first.same(second)) return NAN;
  const auto upstream = widened(dy);
  worsen(worst, first.error(x, h, w, reference_forward(p, upstream.data(), wide_weight.data()),
                            reference_weight_gradient(p, upstream.data(), made.data()),
                            reference_sums(upstream, g.inputs, p.height * p.width), mask,
                            g.inputs * taps, p.batch * p.height * p.width));
  return worst;
}

// Statistics, normalisation and its gradients on a random tensor.
template <typename T>
double error_of_normalisation(const Kernels<T>& kernels, int threads, uint64_t seed) {
  Numbers numbers(seed);
  Normalisation<T> n{};
  const Images images{pick_batch(numbers, kernels.tile.lanes), pick(numbers, 1, 5), pick(numbers, 1, 70)};
  n.images = images;
  n.per_sample = pick(numbers, 0, 1), n.activate = pick(numbers, 0, 1);
  n.slope = static_cast<T>(0.25 * pick(numbers, 0, 3));
  const int64_t channels = images.channels, row = images.batch * images.pixels;
  const int64_t size = channels * row, gains = n.per_sample ? channels * images.batch : channels;
  const auto x = coarse<T>(numbers, size, 64), gradient = numbers.list<T>(size);
  const auto mean = coarse<T>(numbers, channels, 64);
  const auto inverse = coarse<T>(numbers, channels, 8, 1.5);
  const auto gamma = coarse<T>(numbers, gains, 8);
  const auto beta = coarse<T>(numbers, gains, 64, 1.0 / 8192);
  n.mean = mean.data(), n.inverse = inverse.data();
  if (n.per_sample || pick(numbers, 0, 2)) n.gamma = gamma.data(), n.beta = beta.data();
  const bool batch_statistics = pick(numbers, 0, 1);
  std::vector<T> y(size, T(NAN)), d_x = y, d_gamma(gains, T(NAN)), d_beta = d_gamma;
  std::vector<T> sums(channels, T(NAN)), found_mean = sums, variance = sums;
  kernels.normalise(x.data(), n, y.data(), threads);
  kernels.normalise_gradient(x.data(), gradient.data(), n, batch_statistics, d_x.data(),
                             d_gamma.data(), d_beta.data(), threads);
  kernels.channel_sums(x.data(), images, sums.data(), threads);
  kernels.moments(x.data(), images, found_mean.data(), variance.data(), threads);

  const auto want = reference_normalisation(n, x.data(), gradient.data(), batch_statistics);
  std::vector<double> sums_want, mean_want, variance_want;
  for (int64_t c = 0; c < channels; ++c) {
    double sum = 0, spread = 0;
    const auto each = [&](auto visit) {
      for (int64_t k = 0; k < size; ++k)
        if (k / images.pixels % channels == c) visit(static_cast<double>(x[k]));
    };
    each([&](double v) { sum += v; });
    each([&](double v) { spread += (v - sum / row) * (v - sum / row) / row; });
    sums_want.push_back(sum), mean_want.push_back(sum / row), variance_want.push_back(spread);
  }
  double worst = 0;
  worsen(worst, distance(y, want.y, 1));
  worsen(worst, distance(d_x, want.d_x, 1));
  worsen(worst, distance(d_gamma, want.d_gamma, n.per_sample ? images.pixels : row));
  worsen(worst, distance(d_beta, want.d_beta, n.per_sample ? images.pixels : row));
  worsen(worst, distance(sums, sums_want, row));
  worsen(worst, distance(found_mean, mean_want, 1));
  worsen(worst, distance(variance, variance_want, 1));
  return worst;
}

template <typename T>
double error_of_resampling(const Kernels<T>& kernels, int threads, uint64_t seed) {
  Numbers numbers(seed);
  const int64_t planes = pick(numbers, 1, 5), height = pick(numbers, 1, 6);
  const int64_t width = pick(numbers, 1, 2 * kernels.tile.lanes + 1), small = planes * height * width;
  const T factor = static_cast<T>(numbers.next());
  const auto fine = numbers.list<T>(4 * small), rough = numbers.list<T>(small);
  const auto base = numbers.list<T>(4 * small);
  const T* under = pick(numbers, 0, 1) ? base.data() : nullptr;
  std::vector<T> pooled(small, T(NAN)), spread(4 * small, T(NAN));
  kernels.pool(fine.data(), planes, height, width, factor, pooled.data(), threads);
  kernels.spread(rough.data(), planes, height, width, factor, under, spread.data(), threads);
  double worst = 0;
  worsen(worst, distance(pooled, reference_pool(fine.data(), planes, height, width, factor), 4));
  worsen(worst, distance(spread, reference_spread(rough.data(), planes, height, width, factor,
                                                  under), 1));
  return worst;
}

// A weight over its largest singular value, by power iteration, and its gradient.
template <typename T>
double error_of_spectral(const Kernels<T>& kernels, uint64_t seed) {
  Numbers numbers(seed);
  const int64_t rows = pick(numbers, 1, 9), columns = pick(numbers, 1, 70), size = rows * columns;
  const int iterations = pick(numbers, 0, 3);
  const auto weight = numbers.list<T>(size), gradient = numbers.list<T>(size);
  auto u = numbers.list<T>(rows), v = numbers.list<T>(columns);
  auto u_want = widened(u), v_want = widened(v);
  std::vector<T> y(size, T(NAN)), d_weight = y;
  const T norm = kernels.spectral(weight.data(), rows, columns, u.data(), v.data(), iterations,
                                  T(1e-6), y.data());
  kernels.spectral_gradient(weight.data(), gradient.data(), rows, columns, u.data(), v.data(), norm,
                            d_weight.data());

  const auto to_unit = [](std::vector<double>& x) {
    double square = 0;
    for (const double e : x) square += e * e;
    for (double& e : x) e /= std::max(std::sqrt(square), 1e-6);
  };
  for (int i = 0; i < iterations; ++i) {
    u_want.assign(rows, 0.0);
    for (int64_t k = 0; k < size; ++k) u_want[k / columns] += weight[k] * v_want[k % columns];
    to_unit(u_want);
    v_want.assign(columns, 0.0);
    for (int64_t k = 0; k < size; ++k) v_want[k % columns] += weight[k] * u_want[k / columns];
    to_unit(v_want);
  }
  double norm_want = 0, product = 0;
  for (int64_t k = 0; k < size; ++k) {
    norm_want += u_want[k / columns] * weight[k] * v_want[k % columns];
    product += static_cast<double>(gradient[k]) * weight[k];
  }
  std::vector<double> y_want, d_want;
  for (int64_t k = 0; k < size; ++k) {
    y_want.push_back(weight[k] / norm_want);
    d_want.push_back((gradient[k] - product / norm_want * u_want[k / columns] * v_want[k % columns]) /
                     norm_want);
  }
  double worst = 0;
  worsen(worst, distance(u, u_want, 1));
  worsen(worst, distance(v, v_want, 1));
  // Without iterations the vectors are any, and the norm may be nearly nothing.
  const double lost = std::max(1.0, std::sqrt(static_cast<double>(size)) / std::abs(norm_want));
  worsen(worst, distance(std::vector<T>{norm}, {norm_want}, size));
  worsen(worst, distance(y, y_want, 1) / lost);
  worsen(worst, distance(d_weight, d_want, 1) / (lost * lost));
  return worst;
}

// Zeros at places; the others, NaN among them, stay as they are.
template <typename T>
double error_of_zeros(const Kernels<T>& kernels, int threads, uint64_t seed) {
  Numbers numbers(seed);
  const int64_t count = pick(numbers, 0, 15) ? pick(numbers, 0, 100) : 70000;
  const auto places = random_mask(numbers, count, 0.4);
  auto x = numbers.list<T>(count);
  if (count > 1) x[0] = x[1] = T(NAN);
  auto want = x;
  for (int64_t i = 0; i < count; ++i)
    if (places[i]) want[i] = 0;
  kernels.zero_where(x.data(), places.data(), count, threads);
  return same_bits(x, want) ? 0 : NAN;
}

template <typename T>
int run(const char* name, const Kernels<T>& kernels, int rounds, double tolerance) {
  Numbers numbers(7);
  const double densities[] = {0.0, 0.05, 0.3, 1.0};
  int failures = 0;
  double worst = 0;
  for (int i = 0; i < rounds; ++i) {
    const Problem p = random_problem(numbers, kernels.tile.lanes);
    const double density = densities[pick(numbers, 0, 3)];
    const int threads = pick(numbers, 1, 3);
    const double errors[] = {worst_error(kernels, p, density, threads, i),
                             error_of_surrounded(kernels, p, density, threads, i),
                             error_of_backward(kernels, p, density, threads, i),
                             error_of_transposed(kernels, p, density, threads, i),
                             error_of_normalisation(kernels, threads, i),
                             error_of_resampling(kernels, threads, i),
                             error_of_spectral(kernels, i),
                             error_of_zeros(kernels, threads, i)};
    const char* parts[] = {"convolution", "surrounded convolution", "backward pass",
                           "transposed convolution", "normalisation", "resampling",
                           "spectral normalisation", "zeros"};
    for (int k = 0; k < 8; ++k) {
      worsen(worst, errors[k]);
      if (errors[k] <= tolerance) continue;
      ++failures;
      const auto& g = p.geometry;
      std::printf("%s: %s, problem %d: error %g", name, parts[k], i, errors[k]);
      if (k < 4)
        std::printf(": %d<-%d kernel %dx%d stride %d,%d pad %d,%d batch %ld image %ldx%ld density %g",
                    g.outputs, g.inputs, g.kernel_h, g.kernel_w, g.stride_h, g.stride_w, g.pad_h,
                    g.pad_w, long(p.batch), long(p.height), long(p.width), density);
      std::printf("\n");
    }
  }
  std::printf("%s: %d problems, %d failures, largest error %.2g\n", name, rounds, failures, worst);
  std::fflush(stdout);
  return failures;
}

bool wanted(const char* name, int argc, char** argv) {
  for (int i = 2; i < argc; ++i)
    if (std::strcmp(name, argv[i]) == 0) return true;
  return argc <= 2;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 200;
  int failures = 0, ran = 0;
  if (wanted("portable_double", argc, argv))
    ++ran, failures += run("portable_double", portable_double::kernels(), rounds, 1e-12);
  for (const auto& set : compiled())
    if (set.supported() && wanted(set.name, argc, argv))
      ++ran, failures += run(set.name, set.kernels(), rounds, 3e-6);
  if (ran == 0) std::printf("no such instruction set on this machine\n");
  return failures != 0 || ran == 0 || rounds < 1;
}
