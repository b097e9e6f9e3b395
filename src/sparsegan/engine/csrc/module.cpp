// The Python module `sparsegan.engine._native`: kernels on raw addresses. Nothing of torch is linked;
// the caller answers for sizes, layout and the lifetime of the memory.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <climits>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "dispatch.h"

namespace nb = nanobind;
using namespace sparsegan;

namespace {

typedef uintptr_t Address;
const InstructionSet* chosen = &compiled().back();

template <typename T>
const Kernels<T>& kernels();
template <>
const Kernels<float>& kernels() { return chosen->kernels(); }
template <>
const Kernels<double>& kernels() { return portable_double::kernels(); }

template <typename T>
T* at(Address address) { return reinterpret_cast<T*>(address); }

std::vector<std::string> supported() {
  std::vector<std::string> names;
  for (const InstructionSet& set : compiled())
    if (set.supported()) names.push_back(set.name);
  return names;
}

// Makes an instruction set the current one; false where its results are wrong on this machine.
bool use(const std::string& name) {
  for (const InstructionSet& set : compiled()) {
    if (name != set.name || !set.supported()) continue;
    if (!agrees(set.kernels())) return false;
    chosen = &set;
    return true;
  }
  throw std::invalid_argument("instruction set " + name + " is not available on this machine");
}

std::vector<int> tile(bool wide) {
  const Tile& t = wide ? kernels<double>().tile : kernels<float>().tile;
  return {t.lanes, t.vectors};
}

typedef nb::ndarray<nb::pytorch, int32_t, nb::ndim<1>> Words;

// `sizes` are heights and widths of what the convolution takes and gives, as of a Sizes; `many` as of
// build_plan.
Words plan(Address mask, std::vector<int32_t> geometry, bool transposed, bool groups,
           std::vector<int32_t> sizes, bool many, bool wide) {
  if (geometry.size() != 8) throw std::invalid_argument("a geometry has eight numbers");
  if (sizes.size() != 4) throw std::invalid_argument("there are four sizes");
  const Geometry g{geometry[0], geometry[1], geometry[2], geometry[3],
                   geometry[4], geometry[5], geometry[6], geometry[7]};
  auto* words = new std::vector<int32_t>;
  nb::capsule owner(words, [](void* p) noexcept { delete static_cast<std::vector<int32_t>*>(p); });
  {
    nb::gil_scoped_release release;
    *words = build_plan(at<uint8_t>(mask), g, transposed, groups,
                        {sizes[0], sizes[1], sizes[2], sizes[3]}, many,
                        wide ? kernels<double>().tile : kernels<float>().tile);
  }
  return Words(words->data(), {words->size()}, owner);
}

// The shape of a tensor of images: (batch, channels, height, width).
typedef std::tuple<int64_t, int64_t, int64_t, int64_t> Shape;

// A plan for a source and a result of these shapes and the instruction set in use.
template <typename T>
Plan checked(Address address, const Shape& source, const Shape& result) {
  if (address == 0) throw std::invalid_argument("this pass has no plan");
  const Plan plan{at<int32_t>(address)};
  const Header& h = plan.header();
  const Tile& t = kernels<T>().tile;
  if (h.magic != kPlanMagic || h.lanes != t.lanes || h.vectors != t.vectors)
    throw std::invalid_argument("the plan was built for another instruction set");
  if (h.inputs != std::get<1>(source) || h.outputs != std::get<1>(result))
    throw std::invalid_argument("the plan was built for other numbers of channels");
  if (h.source_height != std::get<2>(source) || h.source_width != std::get<3>(source) ||
      h.height != std::get<2>(result) || h.width != std::get<3>(result))
    throw std::invalid_argument("the plan was built for images of another size");
  if (std::get<0>(source) != std::get<0>(result))
    throw std::invalid_argument("source and result have different batches");
  return plan;
}

// (data, shape after upsampling, centre, scale, shift, per_sample, slope, upsample); a slope of one is
// no activation.
typedef std::tuple<Address, Shape, Address, Address, Address, bool, double, bool> SourceArguments;

template <typename T>
Source<T> source(const SourceArguments& a) {
  const double slope = std::get<6>(a);
  const Shape& shape = std::get<1>(a);
  return {at<const T>(std::get<0>(a)), std::get<0>(shape), std::get<1>(shape),
          at<const T>(std::get<2>(a)), at<const T>(std::get<3>(a)), at<const T>(std::get<4>(a)),
          std::get<5>(a), slope != 1.0, static_cast<T>(slope), std::get<7>(a)};
}

// All take a plan that `plan` has made for the instruction set in use.
int32_t group(Address plan) { return Plan{at<int32_t>(plan)}.header().group; }
int32_t active(Address plan) { return Plan{at<int32_t>(plan)}.header().active; }

template <typename T>
void gather(Address plan, Address weight, Address values, int threads) {
  nb::gil_scoped_release release;
  kernels<T>().gather(Plan{at<int32_t>(plan)}, at<const T>(weight), at<T>(values), threads);
}

// (data, shape, bias, pool, residual, residual_upsampled, mean, variance), as of a Target
typedef std::tuple<Address, Shape, Address, bool, Address, bool, Address, Address> TargetArguments;

// The shape of what is convolved to, or pooled to a shape.
Shape convolved(Shape shape, bool pool) {
  if (pool) std::get<2>(shape) *= 2, std::get<3>(shape) *= 2;
  return shape;
}

// `values` are gathered weights or 0.
template <typename T>
void convolve(Address plan, Address weight, Address values, const SourceArguments& x,
              const TargetArguments& y, int threads) {
  const Plan checked_plan =
      checked<T>(plan, std::get<1>(x), convolved(std::get<1>(y), std::get<3>(y)));
  const Target<T> target{at<T>(std::get<0>(y)), at<const T>(std::get<2>(y)), std::get<3>(y),
                         at<const T>(std::get<4>(y)), std::get<5>(y), at<T>(std::get<6>(y)),
                         at<T>(std::get<7>(y))};
  nb::gil_scoped_release release;
  kernels<T>().convolve(checked_plan, at<const T>(weight), at<const T>(values), source<T>(x), target,
                        threads);
}

template <typename T>
void weight_gradient(Address plan, const SourceArguments& x, Address gradient, const Shape& shape,
                     Address d_weight, Address d_bias, int threads) {
  const Plan checked_plan = checked<T>(plan, std::get<1>(x), shape);
  if (checked_plan.header().group != 1)
    throw std::invalid_argument("a weight gradient needs a plan without groups");
  nb::gil_scoped_release release;
  kernels<T>().weight_gradient(checked_plan, source<T>(x), at<const T>(gradient), at<T>(d_weight),
                               at<T>(d_bias), threads);
}

// (d_x, d_weight, d_bias, inverse, batch_statistics, d_gamma, d_beta, pool), as of a Gradients
typedef std::tuple<Address, Address, Address, Address, bool, Address, Address, bool>
    GradientArguments;

template <typename T>
Gradients<T> gradients_of(const GradientArguments& a) {
  return {at<T>(std::get<0>(a)), at<T>(std::get<1>(a)), at<T>(std::get<2>(a)),
          at<const T>(std::get<3>(a)), std::get<4>(a), at<T>(std::get<5>(a)), at<T>(std::get<6>(a)),
          std::get<7>(a)};
}

template <typename T>
void backward(Address forward, Address adjoint, Address weight, const SourceArguments& x,
              Address gradient, const Shape& shape, const GradientArguments& to, int threads) {
  const Shape large = convolved(shape, std::get<7>(to));
  const Plan of_input = checked<T>(adjoint, large, std::get<1>(x));
  const Plan of_weight = forward ? checked<T>(forward, std::get<1>(x), large) : of_input;
  if ((forward == 0) != (std::get<1>(to) == 0) || (forward && of_weight.header().group != 1))
    throw std::invalid_argument("a weight gradient needs a plan without groups");
  const Gradients<T> gradients = gradients_of<T>(to);
  nb::gil_scoped_release release;
  kernels<T>().backward(of_weight, of_input, at<const T>(weight), source<T>(x), at<const T>(gradient),
                        gradients, threads);
}

template <typename T>
void transposed_backward(Address plan, Address weight, const SourceArguments& x, Address gradient,
                         const Shape& shape, const GradientArguments& to, int threads) {
  const Plan checked_plan = checked<T>(plan, shape, std::get<1>(x));
  if (checked_plan.header().group != 1)
    throw std::invalid_argument("a weight gradient needs a plan without groups");
  if (std::get<7>(x) || std::get<7>(to))
    throw std::invalid_argument("a transposed convolution neither upsamples nor pools");
  const Gradients<T> gradients = gradients_of<T>(to);
  nb::gil_scoped_release release;
  kernels<T>().transposed_backward(checked_plan, at<const T>(weight), source<T>(x),
                                   at<const T>(gradient), gradients, threads);
}

Images images(const Shape& shape) {
  return {std::get<0>(shape), std::get<1>(shape), std::get<2>(shape) * std::get<3>(shape)};
}

template <typename T>
void channel_sums(Address x, const Shape& shape, Address sums, int threads) {
  nb::gil_scoped_release release;
  kernels<T>().channel_sums(at<const T>(x), images(shape), at<T>(sums), threads);
}

template <typename T>
void moments(Address x, const Shape& shape, Address mean, Address variance, int threads) {
  nb::gil_scoped_release release;
  kernels<T>().moments(at<const T>(x), images(shape), at<T>(mean), at<T>(variance), threads);
}

// (shape, mean, inverse, gamma, beta, per_sample, slope)
typedef std::tuple<Shape, Address, Address, Address, Address, bool, double> NormalisationArguments;

template <typename T>
Normalisation<T> normalisation(const NormalisationArguments& a) {
  const double slope = std::get<6>(a);
  return {images(std::get<0>(a)), at<const T>(std::get<1>(a)), at<const T>(std::get<2>(a)),
          at<const T>(std::get<3>(a)), at<const T>(std::get<4>(a)), std::get<5>(a), slope != 1.0,
          static_cast<T>(slope)};
}

template <typename T>
void normalise(Address x, const NormalisationArguments& n, Address y, int threads) {
  nb::gil_scoped_release release;
  kernels<T>().normalise(at<const T>(x), normalisation<T>(n), at<T>(y), threads);
}

template <typename T>
void normalise_gradient(Address x, Address gradient, const NormalisationArguments& n,
                        bool batch_statistics, Address d_x, Address d_gamma, Address d_beta,
                        int threads) {
  nb::gil_scoped_release release;
  kernels<T>().normalise_gradient(at<const T>(x), at<const T>(gradient), normalisation<T>(n),
                                  batch_statistics, at<T>(d_x), at<T>(d_gamma), at<T>(d_beta),
                                  threads);
}

// `planes` images of one channel, height and width those of the smaller one.
template <typename T>
void resample(bool down, Address x, int64_t planes, int64_t height, int64_t width, double factor,
              Address base, Address y, int threads) {
  nb::gil_scoped_release release;
  const T scale = static_cast<T>(factor);
  if (down)
    kernels<T>().pool(at<const T>(x), planes, height, width, scale, at<T>(y), threads);
  else
    kernels<T>().spread(at<const T>(x), planes, height, width, scale, at<const T>(base), at<T>(y),
                        threads);
}

template <typename T>
double spectral(Address weight, int64_t rows, int64_t columns, Address u, Address v, int iterations,
                double epsilon, Address y) {
  nb::gil_scoped_release release;
  return kernels<T>().spectral(at<const T>(weight), rows, columns, at<T>(u), at<T>(v), iterations,
                               static_cast<T>(epsilon), at<T>(y));
}

template <typename T>
void spectral_gradient(Address weight, Address gradient, int64_t rows, int64_t columns, Address u,
                       Address v, double norm, Address d_weight) {
  nb::gil_scoped_release release;
  kernels<T>().spectral_gradient(at<const T>(weight), at<const T>(gradient), rows, columns,
                                 at<const T>(u), at<const T>(v), static_cast<T>(norm),
                                 at<T>(d_weight));
}

template <typename T>
void zero_where(Address x, Address places, int64_t count, int threads) {
  nb::gil_scoped_release release;
  kernels<T>().zero_where(at<T>(x), at<const uint8_t>(places), count, threads);
}

// Keeps freed memory in the process. By default glibc maps every large tensor afresh, and the kernel
// then clears its pages one by one: at high sparsity that costs as much as filling them.
void keep_pages() {
#if defined(__GLIBC__)
  for (const char* name : {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"})
    if (std::getenv(name) != nullptr) return;
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
#endif
}

template <typename T>
void define(nb::module_& m, const std::string& suffix) {
  m.def(("gather_" + suffix).c_str(), gather<T>);
  m.def(("convolve_" + suffix).c_str(), convolve<T>);
  m.def(("weight_gradient_" + suffix).c_str(), weight_gradient<T>);
  m.def(("backward_" + suffix).c_str(), backward<T>);
  m.def(("transposed_backward_" + suffix).c_str(), transposed_backward<T>);
  m.def(("channel_sums_" + suffix).c_str(), channel_sums<T>);
  m.def(("moments_" + suffix).c_str(), moments<T>);
  m.def(("normalise_" + suffix).c_str(), normalise<T>);
  m.def(("normalise_gradient_" + suffix).c_str(), normalise_gradient<T>);
  m.def(("resample_" + suffix).c_str(), resample<T>);
  m.def(("zero_where_" + suffix).c_str(), zero_where<T>);
  m.def(("spectral_" + suffix).c_str(), spectral<T>);
  m.def(("spectral_gradient_" + suffix).c_str(), spectral_gradient<T>);
}

}  // namespace

NB_MODULE(_native, m) {
  m.def("supported", supported, "Instruction sets of this machine, the fastest first.");
  m.def("use", use, "Make one current; False where its results are wrong here.");
  m.def("current", [] { return std::string(chosen->name); });
  m.def("tile", tile, "(lanes, vectors) of the register tile in use.");
  m.def("keep_pages", keep_pages, "Reuse the memory of freed tensors (glibc, unless told).");
  m.def("active", active, "Active weights of a plan, all parts together.");
  m.def("group", group, "Weights of a plan's entry: 1, or 4 of neighbouring output channels.");
  m.def("plan", plan, "The plan of a mask as an int32 tensor.");
  define<float>(m, "float32");
  define<double>(m, "float64");
}
