// What the vector kernels of every instruction set do, and the descriptions of their work.
#pragma once

#include "graph.h"

namespace sg {

// An active weight: where its input lies, in bytes from the place of the output, and its value.
struct Weight {
  i32 offset;
  float value;
};

// A map of channels, or of one channel's planes: strides are in floats.
struct Map {
  float* data;
  u32 channels, height, width;
  u32 row, channel;
};

// out = f(gain[c] * in + shift[c]), each value `up` times in both directions, laid down in planes.
//
// Plane (p, q) of a channel has every stride_y-th row from p on, and of these every stride_x-th
// column from q on; row r of it is row (r + first_row) * stride_y + p of the input. With `copies`, plane k is a
// whole map, shifted by k + first_column columns. What lies around is zero.
struct Pack {
  Map in;
  const float* gain;   // or null
  const float* shift;  // or null
  Function function;
  float a, b;
  u32 up;
  float* out;
  u32 channel, plane;          // floats from one to the next
  u32 row, rows, origin;       // floats of a row, rows of a plane, where the first row begins
  i32 first_row, first_column;
  u32 stride_y, stride_x, copies;
  bool bordered;               // whether there is anything around, to be zeroed
  bool laid;                   // whether the input lies there already and only zeros are missing
  float* line;                 // room for a line of the input, `up` times as wide
};

// out[o] = bias[o] + sum over active weights of value * in[offset ...], for all outputs; bias null:
// added to what is there. With a gain the result is max(gain[o] * out[o] + shift[o], 0).
struct Convolve {
  const float* in;
  float* out;
  u32 out_stride;  // floats from one output to the next
  u32 vectors;     // of each output
  u32 outputs, blocks;
  const Weight* weights;
  const u32* start;  // blocks * outputs + 1, by block, then by output
  const float* bias;
  const float *gain, *shift;
};

struct Linear {
  const float* in;
  float* out;
  u32 outputs;
  const Weight* weights;
  const u32* start;
  const float* bias;
};

struct Kernels {
  const char* name;
  u32 lanes;         // floats of a vector
  u32 most_vectors;  // that a convolution keeps in registers
  u32 copy_from;     // weights of an input channel from which shifted copies of it pay
  u32 cache_bytes;   // what a convolution's inputs may take of the level-1 cache
  void (*pack)(const Pack&);
  void (*convolve)(const Convolve&);
  void (*linear)(const Linear&);
  void (*apply)(float* out, const float* in, u32 count, Function function, float a, float b);
  // c (m, n) = a (m, k) times b (k, n), rows of b and c in one piece.
  void (*matmul)(float* c, const float* a, usize a_row, usize a_column, const float* b, u32 m,
                 u32 k, u32 n);
};

constexpr u32 kMostLanes = 16;

const Kernels& kernels();        // those that a generator is opened with
bool choose(const char* name);

}  // namespace sg
