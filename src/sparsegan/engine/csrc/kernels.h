// What an instruction set offers: one table of functions for each element type.
//
// Every tensor of images is (batch, channels, height, width), contiguous.
#pragma once
#include <cstdint>

#include "plan.h"

namespace sparsegan {

// A tensor that is read through an optional transform, in this order: (x - centre) * scale + shift,
// leaky ReLU, nearest upsampling by two.
template <typename T>
struct Source {
  const T* data;
  int64_t batch, channels;  // height and width are those of the plan
  const T* centre;  // null: no affine. (channels)
  const T* scale;   // (channels) or, per_sample, (batch, channels)
  const T* shift;   // as scale
  bool per_sample;
  bool activate;
  T slope;          // of the leaky ReLU; 0 is ReLU
  bool upsample;
};

// The result of a convolution: y = convolution + bias, or the means of its squares of 2x2 pixels, and
// what is added to it.
template <typename T>
struct Target {
  T* data;
  const T* bias;            // null or (channels)
  bool pool;                // for even heights and widths
  const T* residual;        // null or shaped as the result, or of half its height and width
  bool residual_upsampled;  // the residual is half as large and upsampled (nearest)
  T* mean;                  // null, or (channels): what is found of the result on the way
  T* variance;
};

// What the backward pass of a convolution gives.
template <typename T>
struct Gradients {
  T* d_x;            // as the source, before upsampling
  T* d_weight;       // on the plan's active entries; the others are not touched. Null: not wanted, nor
                     // is d_bias, and there need not be a plan for it
  T* d_bias;         // null or (outputs)
  const T* inverse;  // 1 / deviation of the source's normalisation, (channels); null: it has no affine
  bool batch_statistics;  // whether centre and inverse are functions of x
  T* d_gamma;        // as the source's scale, where it has one: of scale / inverse
  T* d_beta;
  bool pool;         // the gradient is that of means of 2x2 pixels of the convolution
};

// The shape of images whose pixels are one row of elements.
struct Images {
  int64_t batch, channels, pixels;

  SPARSEGAN_INLINE int64_t plane(int64_t image, int64_t channel) const {
    return (image * channels + channel) * pixels;
  }
};

template <typename T>
struct Normalisation {
  Images images;
  const T* mean;
  const T* inverse;  // 1 / sqrt(variance + epsilon)
  const T* gamma;    // null: 1. (channels) or, per_sample, (batch, channels)
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
  void (*weight_gradient)(const Plan&, const Source<T>& input, const T* gradient, T* d_weight,
                          T* d_bias, int threads);
  // All gradients at a time. `forward` is a plan without groups, and may have more entries than
  // the weight is active at; `adjoint` is the input gradient's.
  void (*backward)(const Plan& forward, const Plan& adjoint, const T* weight, const Source<T>& x,
                   const T* gradient, const Gradients<T>&, int threads);
  // The same of a transposed convolution, from the forward plan of the convolution whose gradient it
  // is, without groups. Its source is not upsampled, its gradient not pooled.
  void (*transposed_backward)(const Plan&, const T* weight, const Source<T>& x, const T* gradient,
                              const Gradients<T>&, int threads);
  void (*channel_sums)(const T* x, const Images&, T* sums, int threads);
  void (*moments)(const T* x, const Images&, T* mean, T* variance, int threads);
  void (*normalise)(const T* x, const Normalisation<T>&, T* y, int threads);
  // d_gamma and d_beta are shaped as gamma; with `batch_statistics` the mean and the variance are
  // functions of x.
  void (*normalise_gradient)(const T* x, const T* gradient, const Normalisation<T>&,
                             bool batch_statistics, T* d_x, T* d_gamma, T* d_beta, int threads);
  // Height and width are those of the smaller image; y = factor * (sum of, or copies to) 2x2. The
  // copies are added to `base` where that is not null.
  void (*pool)(const T* x, int64_t planes, int64_t height, int64_t width, T factor, T* y,
               int threads);
  void (*spread)(const T* x, int64_t planes, int64_t height, int64_t width, T factor, const T* base,
                 T* y, int threads);
  // Spectral normalisation of a (rows, columns) weight: u and v move by so many power iterations,
  // y = weight / norm. Returns the norm.
  T (*spectral)(const T* weight, int64_t rows, int64_t columns, T* u, T* v, int iterations, T epsilon,
                T* y);
  void (*spectral_gradient)(const T* weight, const T* gradient, int64_t rows, int64_t columns,
                            const T* u, const T* v, T norm, T* d_weight);
  void (*zero_where)(T* x, const uint8_t* places, int64_t count, int threads);
};

namespace portable { const Kernels<float>& kernels(); }
namespace portable_double { const Kernels<double>& kernels(); }
namespace avx2 { const Kernels<float>& kernels(); }
namespace avx512 { const Kernels<float>& kernels(); }
namespace emulated { const Kernels<float>& kernels(); }
namespace neon { const Kernels<float>& kernels(); }

}  // namespace sparsegan
