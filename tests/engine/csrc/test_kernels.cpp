// Random problems through every instruction set that this machine can run, against plain loops.
// A plain program, so that valgrind and the sanitizers can watch it.
#include <cstdio>
#include <cstdlib>

#include "check.h"
#include "dispatch.h"

namespace {

using sparsegan::Numbers;
using sparsegan::Problem;

int pick(Numbers& numbers, int low, int high) {
  return low + static_cast<int>((numbers.next() + 1) / 2 * (high - low + 1) * 0.999999);
}

Problem random_problem(Numbers& n, int lanes) {
  const int kernel_h = pick(n, 1, 5), kernel_w = pick(n, 0, 3) ? kernel_h : pick(n, 1, 5);
  const int stride = pick(n, 1, 3), batches[] = {1, 3, lanes - 1, lanes, lanes + 3, 2 * lanes};
  Problem p{{pick(n, 1, 12), pick(n, 1, 40), kernel_h, kernel_w, stride, stride, pick(n, 0, kernel_h),
             pick(n, 0, kernel_w)},
            batches[pick(n, 0, 5)], pick(n, 1, 11), pick(n, 1, 20)};
  if (p.batch < 1) p.batch = 1;
  if (p.height + 2 * p.geometry.pad_h < kernel_h) p.height = kernel_h;
  if (p.width + 2 * p.geometry.pad_w < kernel_w) p.width = kernel_w;
  return p;
}

template <typename T>
int run(const char* name, const sparsegan::Kernels<T>& kernels, int rounds, double tolerance) {
  Numbers numbers(7);
  const double densities[] = {0.0, 0.05, 0.3, 1.0};
  int failures = 0;
  double worst = 0;
  for (int i = 0; i < rounds; ++i) {
    const Problem p = random_problem(numbers, kernels.tile.lanes);
    const double error =
        worst_error(kernels, p, densities[pick(numbers, 0, 3)], pick(numbers, 1, 3), i);
    if (error <= tolerance) {
      worst = error > worst ? error : worst;
      continue;
    }
    ++failures;
    const auto& g = p.geometry;
    std::printf("%s: error %g: %d<-%d kernel %dx%d stride %d pad %d,%d batch %ld image %ldx%ld\n",
                name, error, g.outputs, g.inputs, g.kernel_h, g.kernel_w, g.stride_h, g.pad_h,
                g.pad_w, long(p.batch), long(p.height), long(p.width));
  }
  std::printf("%s: %d problems, %d failures, largest error %.2g\n", name, rounds, failures, worst);
  return failures;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 200;
  int failures = run("portable_double", sparsegan::portable_double::kernels(), rounds, 1e-12);
  for (const auto& set : sparsegan::compiled())
    if (set.supported()) failures += run(set.name, set.kernels(), rounds, 3e-6);
  return failures != 0;
}
