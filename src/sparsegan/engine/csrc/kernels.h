// What an instruction set offers: one table of functions for each element type.
//
// Every tensor is (channels, height, width, batch) with the batch innermost and contiguous.
#pragma once
#include <cstdint>

#include "plan.h"

namespace sparsegan {

// A tensor that is read through an optional transform, in this order: (x - centre) * scale + shift,
// leaky ReLU, nearest upsampling by two. Height and width are those after upsampling.
template <typename T>
struct Source {
  const T* data;
  int64_t channels, height, width, batch;
  const T* centre;  // null: no affine. (channels)
  const T* scale;   // (channels) or, per_sample, (channels, batch)
  const T* shift;   // as scale
  bool per_sample;
  bool activate;
  T slope;          // of the leaky ReLU; 0 is ReLU
  bool upsample;
};

// The result of a convolution: y = convolution + bias + residual.
template <typename T>
struct Target {
  T* data;
  int64_t channels, height, width;
  const T* bias;            // null or (channels)
  const T* residual;        // null or shaped as the result, or of half its height and width
  bool residual_upsampled;  // the residual is half as large and upsampled (nearest)
};

// Batch normalisation over rows of (height * width * batch) elements for each channel.
template <typename T>
struct Normalisation {
  int64_t channels, pixels, batch;
  const T* mean;
  const T* inverse;  // 1 / sqrt(variance + epsilon)
  const T* gamma;    // null: 1. (channels) or, per_sample, (channels, batch)
  const T* beta;     // null: 0
  bool per_sample;
  bool activate;
  T slope;
};

template <typename T>
struct Kernels {
  Tile tile;
  // Copies the active weights into `values` (as many as the plan's header says) in the plan's order.
  void (*gather)(const Plan&, const T* weight, T* values, int threads);
  // `values` holds gathered weights, or is null: they are gathered from `weight` then.
  void (*convolve)(const Plan&, const T* weight, const T* values, const Source<T>&,
                   const Target<T>&, int threads);
  // d(weight) on the plan's active entries (the others are not touched), and the sum over samples
  // and pixels of `gradient` into d_bias where that is not null.
  void (*weight_gradient)(const Plan&, const Source<T>& input, const T* gradient, int64_t height,
                          int64_t width, T* d_weight, T* d_bias, int threads);
  void (*channel_sums)(const T* x, int64_t channels, int64_t elements, T* sums, int threads);
  void (*moments)(const T* x, int64_t channels, int64_t elements, T* mean, T* variance,
                  int threads);
  void (*normalise)(const T* x, const Normalisation<T>&, T* y, int threads);
  // d_gamma and d_beta are shaped as gamma; with `batch_statistics` the mean and the variance are
  // functions of x.
  void (*normalise_gradient)(const T* x, const T* gradient, const Normalisation<T>&,
                             bool batch_statistics, T* d_x, T* d_gamma, T* d_beta, int threads);
  // Height and width are those of the smaller image; y = factor * (sum of, or copies to) 2x2. The
  // copies are added to `base` where that is not null.
  void (*pool)(const T* x, int64_t planes, int64_t height, int64_t width, int64_t batch, T factor,
               T* y, int threads);
  void (*spread)(const T* x, int64_t planes, int64_t height, int64_t width, int64_t batch, T factor,
                 const T* base, T* y, int threads);
};

namespace portable { const Kernels<float>& kernels(); }
namespace portable_double { const Kernels<double>& kernels(); }
namespace avx2 { const Kernels<float>& kernels(); }
namespace avx512 { const Kernels<float>& kernels(); }
namespace emulated { const Kernels<float>& kernels(); }
namespace neon { const Kernels<float>& kernels(); }

}  // namespace sparsegan
