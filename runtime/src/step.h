// What an opened generator does for an image, step by step, on memory that is planned already.
#pragma once

#include "kernels.h"

namespace sg {

// A value of up to four dimensions, with strides in floats.
struct View {
  float* data;
  u32 dims[4];
  u32 strides[4];
};

// One factor or summand of each channel: gain' = gain * scale, shift' = shift * scale + add.
struct Term {
  const float* scale;  // or null: 1
  const float* add;    // or null: 0
  u32 scale_stride, add_stride;
};
constexpr u32 kMostTerms = 4;

enum class StepKind : u8 {
  kTerms, kPack, kConvolve, kInterleave, kLinear, kUnary, kBinary, kCopy, kEmbedding, kResize, kPool,
  kReduce, kMatmul, kSoftmax, kPad, kShuffle, kGroupNorm
};

struct Step {
  StepKind kind;
  Pack pack;
  Convolve convolve;
  Linear linear;
  Term terms[kMostTerms];
  u32 term_count;
  float *gain, *shift;  // of the terms
  View x, y, out;
  i32 numbers[8];
  float reals[2];
};

struct Generator {
  u32 latent_dim, classes, channels, height, width, step_count;
  bool takes_image;
  float* latent;
  View image;
  Step* steps;
  const Kernels* kernels;
  double active, weights, multiply_adds;
};

// Plans an opened graph in an arena. Null: `bytes` are counted and nothing is written.
Refusal plan(const Graph& graph, u8* arena, u64& bytes, Generator** generator);

// The gain and shift of each channel, of a step's terms.
void run_terms(const Step& step);
Refusal draw(const Generator& generator, const float* latent, i32 label, float* image);

}  // namespace sg
