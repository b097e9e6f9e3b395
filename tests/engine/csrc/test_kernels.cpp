// Random problems through the kernels, against plain loops in double precision; and twice, since
// results must not depend on what ran before. A plain program, so that valgrind, the sanitizers and
// an emulator can watch it.
//
//     test_kernels [problems] [instruction set ...]
//
// Without names: all that this machine can run, and the double precision reference.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "dispatch.h"
#include "surroundings.h"

namespace {

using namespace sparsegan;

int pick(Numbers& numbers, int low, int high) {
  return low + static_cast<int>((numbers.next() + 1) / 2 * (high - low + 1) * 0.999999);
}

int pick_batch(Numbers& n, int lanes) {
  const int batches[] = {1, 3, lanes - 1, lanes, lanes + 3, 2 * lanes};
  const int batch = batches[pick(n, 0, 5)];
  return batch < 1 ? 1 : batch;
}

// Square kernels, strides of one and "same" padding are the usual ones; others come now and then.
Problem random_problem(Numbers& n, int lanes) {
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

void worsen(double& worst, double error) { worst = error <= worst ? worst : error; }

template <typename T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// A convolution and its weight gradient read through a random transform, with bias and residual.
template <typename T>
double error_of_surrounded(const Kernels<T>& kernels, Problem p, double density, int threads,
                           uint64_t seed) {
  Numbers numbers(seed);
  const Geometry& g = p.geometry;
  // A 1x1 convolution reads rows of elements, which know neither pixels nor samples.
  const bool flat = extent(kernels.tile, g, p.batch, 0, 0, false).width == 1;
  Source<T> s{};
  s.upsample = !flat && pick(numbers, 0, 1);
  if (s.upsample) p.height += p.height % 2, p.width += p.width % 2;
  s.channels = g.inputs, s.height = p.height, s.width = p.width, s.batch = p.batch;
  s.per_sample = !flat && pick(numbers, 0, 1);
  s.activate = pick(numbers, 0, 1);
  s.slope = static_cast<T>(0.25 * pick(numbers, 0, 3));
  const int64_t gains = s.per_sample ? g.inputs * p.batch : g.inputs;
  const auto x = coarse<T>(numbers, p.in_size() / (s.upsample ? 4 : 1), 64);
  const auto centre = coarse<T>(numbers, g.inputs, 64), scale = coarse<T>(numbers, gains, 8);
  const auto shift = coarse<T>(numbers, gains, 64, 1.0 / 4096);
  s.data = x.data();
  if (pick(numbers, 0, 3) == 0) {
    s.per_sample = false;
  } else {
    s.centre = centre.data(), s.scale = scale.data(), s.shift = shift.data();
  }

  std::vector<uint8_t> mask(p.weights());
  for (uint8_t& m : mask) m = numbers.next() < 2 * density - 1;
  auto weight = numbers.list<T>(p.weights());
  for (size_t i = 0; i < mask.size(); ++i) weight[i] *= mask[i];
  const Extent of_y = extent(kernels.tile, g, p.batch, p.out_height(), p.out_width(), seed % 4 != 0);
  const auto plan = build_plan(mask.data(), g, false, false, of_y, kernels.tile);
  Target<T> t{};
  std::vector<T> y(p.out_size(), T(NAN)), again = y;
  t.channels = g.outputs, t.height = p.out_height(), t.width = p.out_width();
  const bool even = t.height % 2 == 0 && t.width % 2 == 0;
  t.residual_upsampled = !flat && even && pick(numbers, 0, 1);
  const auto bias = numbers.list<T>(g.outputs);
  const auto residual = numbers.list<T>(p.out_size() / (t.residual_upsampled ? 4 : 1));
  if (pick(numbers, 0, 2)) t.bias = bias.data();
  if (pick(numbers, 0, 1)) t.residual = residual.data();
  const auto dy = numbers.list<T>(p.out_size());
  std::vector<T> dw(p.weights(), T(0)), db(g.outputs, T(NAN)), dw_again = dw, db_again = db;
  const auto run = [&](std::vector<T>& result, std::vector<T>& d_weight, std::vector<T>& d_bias) {
    t.data = result.data();
    kernels.convolve(Plan{plan.data()}, weight.data(), nullptr, s, t, threads);
    kernels.weight_gradient(Plan{plan.data()}, s, dy.data(), t.height, t.width, d_weight.data(),
                            d_bias.data(), threads);
  };
  run(y, dw, db);
  run(again, dw_again, db_again);

  const auto wide = reference_source(s);
  const std::vector<double> wide_weight(weight.begin(), weight.end()), wide_dy(dy.begin(), dy.end());
  auto y_want = reference_forward(p, wide.data(), wide_weight.data());
  for (size_t i = 0; i < y_want.size(); ++i) y_want[i] += reference_addition(t, p.batch, i);
  auto dw_want = reference_weight_gradient(p, wide.data(), wide_dy.data());
  for (size_t i = 0; i < mask.size(); ++i) dw_want[i] *= mask[i];
  std::vector<double> db_want(g.outputs, 0.0);
  const int64_t row = p.out_size() / g.outputs;
  for (int64_t i = 0; i < p.out_size(); ++i) db_want[i / row] += wide_dy[i];
  if (!same_bits(y, again) || !same_bits(dw, dw_again) || !same_bits(db, db_again)) return NAN;
  double worst = 0;
  worsen(worst, distance(y, y_want, int64_t{1} * g.inputs * g.kernel_h * g.kernel_w));
  worsen(worst, distance(dw, dw_want, row));
  worsen(worst, distance(db, db_want, row));
  return worst;
}

// Statistics, normalisation and its gradients on a random tensor.
template <typename T>
double error_of_normalisation(const Kernels<T>& kernels, int threads, uint64_t seed) {
  Numbers numbers(seed);
  Normalisation<T> n{};
  n.channels = pick(numbers, 1, 5), n.pixels = pick(numbers, 1, 70);
  n.batch = pick_batch(numbers, kernels.tile.lanes);
  n.per_sample = pick(numbers, 0, 1), n.activate = pick(numbers, 0, 1);
  n.slope = static_cast<T>(0.25 * pick(numbers, 0, 3));
  const int64_t row = n.pixels * n.batch, size = n.channels * row;
  const int64_t gains = n.per_sample ? n.channels * n.batch : n.channels;
  const auto x = coarse<T>(numbers, size, 64), gradient = numbers.list<T>(size);
  const auto mean = coarse<T>(numbers, n.channels, 64);
  const auto inverse = coarse<T>(numbers, n.channels, 8, 1.5);
  const auto gamma = coarse<T>(numbers, gains, 8);
  const auto beta = coarse<T>(numbers, gains, 64, 1.0 / 8192);
  n.mean = mean.data(), n.inverse = inverse.data();
  if (n.per_sample || pick(numbers, 0, 2)) n.gamma = gamma.data(), n.beta = beta.data();
  const bool batch_statistics = pick(numbers, 0, 1);
  std::vector<T> y(size, T(NAN)), d_x = y, d_gamma(gains, T(NAN)), d_beta = d_gamma;
  std::vector<T> sums(n.channels, T(NAN)), found_mean = sums, variance = sums;
  kernels.normalise(x.data(), n, y.data(), threads);
  kernels.normalise_gradient(x.data(), gradient.data(), n, batch_statistics, d_x.data(),
                             d_gamma.data(), d_beta.data(), threads);
  kernels.channel_sums(x.data(), n.channels, row, sums.data(), threads);
  kernels.moments(x.data(), n.channels, row, found_mean.data(), variance.data(), threads);

  const auto want = reference_normalisation(n, x.data(), gradient.data(), batch_statistics);
  std::vector<double> sums_want, mean_want, variance_want;
  for (int64_t c = 0; c < n.channels; ++c) {
    double sum = 0, spread = 0;
    for (int64_t k = 0; k < row; ++k) sum += x[c * row + k];
    for (int64_t k = 0; k < row; ++k) {
      const double d = x[c * row + k] - sum / row;
      spread += d * d / row;
    }
    sums_want.push_back(sum), mean_want.push_back(sum / row), variance_want.push_back(spread);
  }
  double worst = 0;
  worsen(worst, distance(y, want.y, 1));
  worsen(worst, distance(d_x, want.d_x, 1));
  worsen(worst, distance(d_gamma, want.d_gamma, n.per_sample ? n.pixels : row));
  worsen(worst, distance(d_beta, want.d_beta, n.per_sample ? n.pixels : row));
  worsen(worst, distance(sums, sums_want, row));
  worsen(worst, distance(found_mean, mean_want, 1));
  worsen(worst, distance(variance, variance_want, 1));
  return worst;
}

template <typename T>
double error_of_resampling(const Kernels<T>& kernels, int threads, uint64_t seed) {
  Numbers numbers(seed);
  const int64_t planes = pick(numbers, 1, 5), height = pick(numbers, 1, 6);
  const int64_t width = pick(numbers, 1, 6), batch = pick_batch(numbers, kernels.tile.lanes);
  const int64_t small = planes * height * width * batch;
  const T factor = static_cast<T>(numbers.next());
  const auto fine = numbers.list<T>(4 * small), rough = numbers.list<T>(small);
  const auto base = numbers.list<T>(4 * small);
  const T* under = pick(numbers, 0, 1) ? base.data() : nullptr;
  std::vector<T> pooled(small, T(NAN)), spread(4 * small, T(NAN));
  kernels.pool(fine.data(), planes, height, width, batch, factor, pooled.data(), threads);
  kernels.spread(rough.data(), planes, height, width, batch, factor, under, spread.data(), threads);
  double worst = 0;
  worsen(worst, distance(pooled, reference_pool(fine.data(), planes, height, width, batch, factor), 4));
  worsen(worst, distance(spread, reference_spread(rough.data(), planes, height, width, batch, factor,
                                                  under), 1));
  return worst;
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
                             error_of_normalisation(kernels, threads, i),
                             error_of_resampling(kernels, threads, i)};
    const char* parts[] = {"convolution", "surrounded convolution", "normalisation", "resampling"};
    for (int k = 0; k < 4; ++k) {
      worsen(worst, errors[k]);
      if (errors[k] <= tolerance) continue;
      ++failures;
      const auto& g = p.geometry;
      std::printf("%s: %s, problem %d: error %g", name, parts[k], i, errors[k]);
      if (k < 2)
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
