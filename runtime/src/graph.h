// The graph: what is computed, in topological order, each operation one value of one image.
//
// It is words of 32 bits, little-endian: kMagic, number of tensors, number of operations; for every
// tensor the length of its name, the name padded to whole words, its rank and sizes; for every
// operation a word `code | inputs << 8 | tensors << 16 | parameters << 24`, then the numbers of the
// operations that are its inputs, of its tensors (kNoTensor: left out), and its parameters (signed
// numbers or float32). The last operation makes the image. The sizes of values are computed here,
// never read.
#pragma once

#include "file.h"

namespace sg {

constexpr u32 kMagic = 0x32474753;  // "SGG2"
constexpr u32 kNoTensor = 0xffffffff;
constexpr u32 kMostInputs = 32;

enum class Code : u8 {
  kInput,            // sizes                                      -> noise (n) or image (c, h, w)
  kEmbedding,        // [table]                                    -> the label's row
  kConstant,         // [tensor]                                   -> its values
  kLinear,           // x (n), [weight, bias?]                     -> (m)
  kConvolution,      // x, [weight, bias?], stride hw, padding tlbr, dilation hw, groups
  kTransposed,       // x, [weight, bias?], stride hw, padding hw, output padding hw, dilation hw, groups
  kAffine,           // x, [gain?, bias?, mean?, variance?], eps   -> per channel
  kGroupNorm,        // x, groups, eps                             -> normalised, no affine
  kUnary,            // x, Function, a, b
  kBinary,           // x, y, Arithmetic                           -> broadcast
  kNearest,          // x, height, width
  kBilinear,         // x, height, width, align corners
  kPool,             // x, maximum?, kernel hw, stride hw, padding hw, count padding?
  kReduce,           // x, Reduction, axes as bits                 -> sizes of 1 stay
  kConcat,           // x ..., axis
  kSlice,            // x, axis, start, step, length
  kReshape,          // x, sizes
  kPermute,          // x, axes
  kMatmul,           // x (.., m, k), y (.., k, n)
  kSoftmax,          // x, axis
  kPad,              // x (c, h, w), Padding, value, tlbr
  kShuffle,          // x, factor: depth to space
  kCodes
};

enum class Function : u8 {
  kIdentity, kRelu, kLeaky, kTanh, kSigmoid, kSilu, kElu, kGelu, kGeluTanh, kSoftplus, kExp, kLog,
  kSqrt, kRsqrt, kAbs, kSquare, kClamp, kScale, kReciprocal, kHardSigmoid, kHardSilu, kMish,
  kFunctions
};
enum class Arithmetic : u8 { kAdd, kSubtract, kMultiply, kDivide, kMaximum, kMinimum, kCount };
enum class Reduction : u8 { kMean, kSum, kMaximum, kCount };
enum class Padding : u8 { kConstant, kReflect, kReplicate, kCount };

struct Shape {
  u32 rank = 0;
  u32 dims[4] = {1, 1, 1, 1};

  u64 elements() const {  // never more than 2^64: sizes are bounded before
    u64 product = 1;
    for (u32 i = 0; i < rank; i++) product *= dims[i];
    return product;
  }
  bool operator==(const Shape& other) const {
    if (rank != other.rank) return false;
    for (u32 i = 0; i < rank; i++)
      if (dims[i] != other.dims[i]) return false;
    return true;
  }
};

// A tensor of the graph and how the file stores it: values of all weights, or of the active ones
// with their places as bits or gaps; places may be those of blocks of four output channels.
struct Tensor {
  const u8* name;
  u32 name_length;
  Shape shape;
  const u8* values;
  const u8* places;  // null: all weights are there
  u32 value_count, places_count;
  bool half, gaps, blocks;
};

struct Op {
  Code code;
  u8 inputs, tensors, parameters;
  u32 at;      // of its first input, in words
  u32 users;   // operations that take its value, plus one for the image
  Shape shape;
};

class Graph {
 public:
  // Decodes and checks everything, so that whatever is opened can be computed.
  Refusal open(const File& file);

  u32 input(const Op& op, u32 i) const { return word(op.at + i); }
  u32 tensor_id(const Op& op, u32 i) const { return word(op.at + op.inputs + i); }
  const Tensor* tensor(const Op& op, u32 i) const {
    u32 id = i < op.tensors ? tensor_id(op, i) : kNoTensor;
    return id == kNoTensor ? nullptr : &tensors[id];
  }
  i32 parameter(const Op& op, u32 i) const {
    return (i32)word(op.at + op.inputs + op.tensors + i);
  }
  float real(const Op& op, u32 i) const {
    i32 bits = parameter(op, i);
    float value;
    copy(&value, &bits, 4);
    return value;
  }
  const Shape& shape_of(const Op& op, u32 i) const { return ops[input(op, i)].shape; }

  u32 op_count = 0, tensor_count = 0, latent_dim = 0, classes = 0;
  bool takes_image = false;
  u64 work = 0;  // operations on numbers for an image, at most
  Op ops[kMostOps];
  Tensor tensors[kMostTensors];

 private:
  u32 word(u32 i) const { return read<u32>(words_ + 4 * (usize)i); }
  Refusal read_tensors(u32& at);
  Refusal read_ops(u32& at);
  Refusal bind(const File& file);
  Refusal infer(Op& op);
  Refusal infer_layer(Op& op);
  Refusal count(const Op& op);
  Refusal infer_shuffled(Op& op);

  const u8* words_ = nullptr;
  u32 word_count_ = 0;
};

}  // namespace sg
