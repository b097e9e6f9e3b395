#include "graph.h"

namespace sg {
namespace {

// How many inputs, tensors and parameters an operation has, at least and at most.
struct Arity {
  u8 inputs[2], tensors[2], parameters[2];
};
const Arity kArities[(int)Code::kCodes] = {
    {{0, 0}, {0, 0}, {1, 3}},            // input
    {{0, 0}, {1, 1}, {0, 0}},            // embedding
    {{0, 0}, {1, 1}, {0, 0}},            // constant
    {{1, 1}, {1, 2}, {0, 0}},            // linear
    {{1, 1}, {1, 2}, {9, 9}},            // convolution
    {{1, 1}, {1, 2}, {9, 9}},            // transposed
    {{1, 1}, {4, 4}, {1, 1}},            // affine
    {{1, 1}, {0, 0}, {2, 2}},            // group norm
    {{1, 1}, {0, 0}, {3, 3}},            // unary
    {{2, 2}, {0, 0}, {1, 1}},            // binary
    {{1, 1}, {0, 0}, {2, 2}},            // nearest
    {{1, 1}, {0, 0}, {3, 3}},            // bilinear
    {{1, 1}, {0, 0}, {8, 8}},            // pool
    {{1, 1}, {0, 0}, {2, 2}},            // reduce
    {{1, kMostInputs}, {0, 0}, {1, 1}},  // concat
    {{1, 1}, {0, 0}, {4, 4}},            // slice
    {{1, 1}, {0, 0}, {1, 4}},            // reshape
    {{1, 1}, {0, 0}, {1, 4}},            // permute
    {{2, 2}, {0, 0}, {0, 0}},            // matmul
    {{1, 1}, {0, 0}, {1, 1}},            // softmax
    {{1, 1}, {0, 0}, {6, 6}},            // pad
    {{1, 1}, {0, 0}, {1, 1}},            // shuffle
};

bool within(u8 count, const u8 bounds[2]) { return count >= bounds[0] && count <= bounds[1]; }
bool sized(i32 value) { return value >= 1 && value <= (i32)kMostSize; }
bool counted(i32 value) { return value >= 0 && value <= (i32)kMostSize; }

bool named(const Entry& entry, const Tensor& tensor, const char* suffix) {
  u32 length = 0;
  while (suffix[length]) length++;
  return entry.name_length == tensor.name_length + length &&
         same(entry.name, tensor.name, tensor.name_length) &&
         same(entry.name + tensor.name_length, (const u8*)suffix, length);
}

}  // namespace

Refusal Graph::open(const File& file) {
  words_ = file.graph;
  latent_dim = classes = 0, takes_image = false, work = 0;
  if (file.graph_bytes % 4 || file.graph_bytes < 16 || file.graph_bytes > kMostHeaderBytes)
    return kGraph;
  word_count_ = (u32)(file.graph_bytes / 4);
  if (word(0) != kMagic) return (word(0) & 0xffffff) == (kMagic & 0xffffff) ? kNewer : kGraph;
  tensor_count = word(1), op_count = word(2);
  if (tensor_count > kMostTensors || op_count > kMostOps) return kTooLarge;
  u32 at = 3;
  SG_TRY(read_tensors(at));
  SG_TRY(bind(file));
  SG_TRY(read_ops(at));
  if (at != word_count_ || !op_count) return kGraph;
  Op& last = ops[op_count - 1];
  if (last.shape.rank != 3 || last.shape.dims[0] > 4) return kGraph;
  last.users++;
  return latent_dim ? kNone : kGraph;
}

Refusal Graph::read_tensors(u32& at) {
  for (u32 i = 0; i < tensor_count; i++) {
    Tensor& tensor = tensors[i];
    tensor = Tensor{};
    if (at >= word_count_) return kGraph;
    tensor.name_length = word(at++);
    if (tensor.name_length > 1024 || (tensor.name_length + 3) / 4 >= word_count_ - at) return kGraph;
    tensor.name = words_ + 4 * (usize)at;
    at += (tensor.name_length + 3) / 4;
    tensor.shape.rank = word(at++);
    if (tensor.shape.rank > 4 || tensor.shape.rank > word_count_ - at) return kGraph;
    for (u32 j = 0; j < tensor.shape.rank; j++) {
      u32 size = word(at++);
      if (size < 1 || size > (1 << 24)) return kGraph;
      tensor.shape.dims[j] = size;
      if (Shape upto = tensor.shape; upto.rank = j + 1, upto.elements() > kMostWeights)
        return kTooLarge;
    }
  }
  return kNone;
}

Refusal Graph::bind(const File& file) {
  SG_TRY(file.each([this](const Entry& entry) -> Refusal {
    for (u32 i = 0; i < tensor_count; i++) {
      Tensor& tensor = tensors[i];
      if (entry.name_length < tensor.name_length ||
          !same(entry.name, tensor.name, tensor.name_length))
        continue;
      bool dense = named(entry, tensor, ""), values = named(entry, tensor, ".values");
      if (dense || values) {
        if (entry.type != Type::kFloat32 && entry.type != Type::kFloat16) return kWeights;
        if (tensor.values) return kWeights;
        tensor.half = entry.type == Type::kFloat16;
        u64 count = entry.bytes / (tensor.half ? 2 : 4);
        if (count > kMostWeights) return kTooLarge;
        if (dense && (entry.rank != tensor.shape.rank || count != tensor.shape.elements()))
          return kWeights;
        if (values && (entry.rank != 1 || count > tensor.shape.elements())) return kWeights;
        for (u32 j = 0; dense && j < entry.rank; j++)
          if (entry.dims[j] != tensor.shape.dims[j]) return kWeights;
        tensor.values = entry.data;
        tensor.value_count = (u32)count;
        continue;
      }
      bool blocks = named(entry, tensor, ".block_bits") || named(entry, tensor, ".block_gaps");
      bool bits = named(entry, tensor, ".bits") || named(entry, tensor, ".block_bits");
      bool gaps = named(entry, tensor, ".gaps") || named(entry, tensor, ".block_gaps");
      if (!bits && !gaps) continue;
      if (entry.type != (bits ? Type::kUint8 : Type::kUint16) || entry.rank != 1 || tensor.places)
        return kWeights;
      tensor.places = entry.data;
      tensor.places_count = (u32)(entry.bytes / (bits ? 1 : 2));
      tensor.gaps = gaps, tensor.blocks = blocks;
    }
    return kNone;
  }));
  for (u32 i = 0; i < tensor_count; i++) {
    const Tensor& tensor = tensors[i];
    if (!tensor.values) return kWeights;
    if (!tensor.places && tensor.value_count != tensor.shape.elements()) return kWeights;
    if (tensor.blocks && tensor.shape.rank < 2) return kWeights;
  }
  return kNone;
}

Refusal Graph::read_ops(u32& at) {
  for (u32 i = 0; i < op_count; i++) {
    Op& op = ops[i];
    op = Op{};
    if (at >= word_count_) return kGraph;
    u32 head = word(at++);
    if ((head & 255) >= (u32)Code::kCodes) return kUnknownOperation;
    op.code = (Code)(head & 255);
    op.inputs = head >> 8 & 255, op.tensors = head >> 16 & 255, op.parameters = head >> 24;
    op.at = at;
    u32 words = op.inputs + op.tensors + op.parameters;
    const Arity& arity = kArities[(int)op.code];
    if (words > word_count_ - at || !within(op.inputs, arity.inputs) ||
        !within(op.tensors, arity.tensors) || !within(op.parameters, arity.parameters))
      return kGraph;
    at += words;
    for (u32 j = 0; j < op.inputs; j++) {
      if (input(op, j) >= i) return kGraph;
      ops[input(op, j)].users++;
    }
    for (u32 j = 0; j < op.tensors; j++) {
      u32 id = tensor_id(op, j);
      if (id != kNoTensor && id >= tensor_count) return kGraph;
      if (id == kNoTensor && j == 0 && op.code != Code::kAffine) return kGraph;
    }
    SG_TRY(infer(op));
    SG_TRY(count(op));
  }
  return kNone;
}

// Bounds the size of a value and what it takes to compute it.
Refusal Graph::count(const Op& op) {
  u64 elements = 1, each = 1;
  for (u32 j = 0; j < op.shape.rank; j++) {
    if (op.shape.dims[j] < 1 || op.shape.dims[j] > kMostElements) return kGraph;
    elements *= op.shape.dims[j];
    if (elements > kMostElements) return kTooLarge;
  }
  if (op.code == Code::kPool) each = (u64)parameter(op, 1) * (u64)parameter(op, 2);
  if (op.code == Code::kMatmul) each = shape_of(op, 0).dims[op.shape.rank - 1];
  if (op.code == Code::kReduce) each = 1 + shape_of(op, 0).elements() / elements;
  if (op.code == Code::kGroupNorm) each = 4;  // sums, squares, and an affine function
  if (op.code == Code::kLinear || op.code == Code::kConvolution || op.code == Code::kTransposed) {
    const Shape& weight = tensor(op, 0)->shape;
    u64 outputs = op.code == Code::kTransposed ? 1 : weight.dims[0];
    each = weight.elements() / outputs;
  }
  if (each > kMostWork / elements) return kTooLarge;
  work += each * elements;
  return work > kMostWork ? kTooLarge : kNone;
}

Refusal Graph::infer(Op& op) {
  Shape& out = op.shape;
  if (op.inputs) out = shape_of(op, 0);
  switch (op.code) {
    case Code::kInput: {
      if (latent_dim || op.parameters == 2) return kGraph;
      out.rank = op.parameters;
      u64 elements = 1;
      for (u32 i = 0; i < out.rank; i++) {
        if (!sized(parameter(op, i))) return kGraph;
        out.dims[i] = (u32)parameter(op, i);
        elements *= out.dims[i];
      }
      if (elements > kMostElements) return kTooLarge;
      latent_dim = (u32)elements;
      takes_image = out.rank == 3;
      return kNone;
    }
    case Code::kEmbedding: {
      const Shape& table = tensor(op, 0)->shape;
      if (table.rank != 2 || table.dims[0] > kMostSize) return kGraph;
      if (classes && classes != table.dims[0]) return kGraph;
      classes = table.dims[0];
      out = Shape{1, {table.dims[1], 1, 1, 1}};
      return kNone;
    }
    case Code::kConstant: out = tensor(op, 0)->shape; return kNone;
    case Code::kLinear:
    case Code::kConvolution:
    case Code::kTransposed:
    case Code::kAffine:
    case Code::kGroupNorm:
    case Code::kPool: return infer_layer(op);
    case Code::kUnary:
      return (u32)parameter(op, 0) < (u32)Function::kFunctions ? kNone : kGraph;
    case Code::kBinary: {
      const Shape& other = shape_of(op, 1);
      if ((u32)parameter(op, 0) >= (u32)Arithmetic::kCount || out.rank != other.rank) return kGraph;
      for (u32 i = 0; i < out.rank; i++) {
        u32 a = out.dims[i], b = other.dims[i];
        if (a != b && a != 1 && b != 1) return kGraph;
        out.dims[i] = a == 1 ? b : a;
      }
      return kNone;
    }
    case Code::kMatmul: {
      const Shape& other = shape_of(op, 1);
      if (out.rank < 2 || out.rank != other.rank) return kGraph;
      for (u32 i = 0; i + 2 < out.rank; i++)
        if (out.dims[i] != other.dims[i]) return kGraph;
      if (out.dims[out.rank - 1] != other.dims[out.rank - 2]) return kGraph;
      out.dims[out.rank - 1] = other.dims[out.rank - 1];
      return kNone;
    }
    case Code::kSoftmax: return (u32)parameter(op, 0) < out.rank ? kNone : kGraph;
    case Code::kReduce:
      if ((u32)parameter(op, 0) >= (u32)Reduction::kCount) return kGraph;
      if ((u32)parameter(op, 1) >> out.rank) return kGraph;
      for (u32 i = 0; i < out.rank; i++)
        if (parameter(op, 1) >> i & 1) out.dims[i] = 1;
      return kNone;
    default: return infer_shuffled(op);
  }
}

// What only moves numbers.
Refusal Graph::infer_shuffled(Op& op) {
  Shape& out = op.shape;
  switch (op.code) {
    case Code::kNearest:
    case Code::kBilinear:
      if (out.rank != 3 || !sized(parameter(op, 0)) || !sized(parameter(op, 1))) return kGraph;
      out.dims[1] = (u32)parameter(op, 0), out.dims[2] = (u32)parameter(op, 1);
      return kNone;
    case Code::kConcat: {
      u32 axis = (u32)parameter(op, 0);
      if (axis >= out.rank) return kGraph;
      for (u32 i = 1; i < op.inputs; i++) {
        Shape other = shape_of(op, i);
        if (other.rank != out.rank) return kGraph;
        u64 sum = (u64)out.dims[axis] + other.dims[axis];
        if (sum > kMostElements) return kTooLarge;
        other.dims[axis] = out.dims[axis];
        if (!(other == out)) return kGraph;
        out.dims[axis] = (u32)sum;
      }
      return kNone;
    }
    case Code::kSlice: {
      u32 axis = (u32)parameter(op, 0);
      i64 start = parameter(op, 1), step = parameter(op, 2), length = parameter(op, 3);
      if (axis >= out.rank || start < 0 || step < 1 || length < 1) return kGraph;
      if (start + (length - 1) * step >= (i64)out.dims[axis]) return kGraph;
      out.dims[axis] = (u32)length;
      return kNone;
    }
    case Code::kReshape: {
      u64 elements = out.elements(), wanted = 1;
      out.rank = op.parameters;
      for (u32 i = 0; i < out.rank; i++) {
        i32 size = parameter(op, i);
        if (size < 1 || (u64)size > kMostElements) return kGraph;
        out.dims[i] = (u32)size;
        wanted *= (u64)size;
        if (wanted > kMostElements) return kGraph;
      }
      for (u32 i = out.rank; i < 4; i++) out.dims[i] = 1;
      return wanted == elements ? kNone : kGraph;
    }
    case Code::kPermute: {
      const Shape& in = shape_of(op, 0);
      u32 seen = 0;
      if (op.parameters != in.rank) return kGraph;
      for (u32 i = 0; i < in.rank; i++) {
        u32 axis = (u32)parameter(op, i);
        if (axis >= in.rank || seen >> axis & 1) return kGraph;
        seen |= 1u << axis;
        out.dims[i] = in.dims[axis];
      }
      return kNone;
    }
    case Code::kPad: {
      Padding mode = (Padding)parameter(op, 0);
      if ((u32)parameter(op, 0) >= (u32)Padding::kCount || out.rank != 3) return kGraph;
      for (u32 i = 0; i < 2; i++) {
        i32 before = parameter(op, 2 + i), after = parameter(op, 4 + i);
        if (!counted(before) || !counted(after)) return kGraph;
        if (mode == Padding::kReflect && ((u32)most(before, after) >= out.dims[1 + i]))
          return kGraph;
        out.dims[1 + i] += (u32)(before + after);
      }
      return kNone;
    }
    case Code::kShuffle: {
      u32 factor = (u32)parameter(op, 0);
      if (out.rank != 3 || factor < 1 || factor > 64 || out.dims[0] % (factor * factor))
        return kGraph;
      out = Shape{3, {out.dims[0] / (factor * factor), out.dims[1] * factor, out.dims[2] * factor, 1}};
      return kNone;
    }
    default: return kUnknownOperation;
  }
}

Refusal Graph::infer_layer(Op& op) {
  Shape& out = op.shape;
  const Tensor* bias = tensor(op, 1);
  if (op.code == Code::kLinear) {
    const Shape& weight = tensor(op, 0)->shape;
    if (out.rank != 1 || weight.rank != 2 || weight.dims[1] != out.dims[0]) return kGraph;
    out.dims[0] = weight.dims[0];
    return bias && !(bias->shape == out) ? kGraph : kNone;
  }
  if (op.code == Code::kAffine) {
    if (out.rank < 1) return kGraph;
    for (u32 i = 0; i < 4; i++)
      if (const Tensor* each = tensor(op, i))
        if (each->shape.rank != 1 || each->shape.dims[0] != out.dims[0]) return kGraph;
    return real(op, 0) >= 0 && real(op, 0) < 1e6f ? kNone : kGraph;
  }
  if (op.code == Code::kGroupNorm) {
    i32 groups = parameter(op, 0);
    if (out.rank < 1 || !sized(groups) || out.dims[0] % (u32)groups) return kGraph;
    return real(op, 1) >= 0 && real(op, 1) < 1e6f ? kNone : kGraph;
  }
  if (out.rank != 3) return kGraph;
  if (op.code == Code::kPool) {
    for (u32 i = 0; i < 2; i++) {
      i32 kernel = parameter(op, 1 + i), stride = parameter(op, 3 + i), pad = parameter(op, 5 + i);
      if (!sized(kernel) || !sized(stride) || !counted(pad) || 2 * pad > kernel) return kGraph;
      i64 span = (i64)out.dims[1 + i] + 2 * pad - kernel;
      if (span < 0) return kGraph;
      out.dims[1 + i] = (u32)(span / stride + 1);
    }
    return kNone;
  }
  const Shape& weight = tensor(op, 0)->shape;
  bool transposed = op.code == Code::kTransposed;
  i32 groups = parameter(op, 8);
  if (weight.rank != 4 || !sized(groups)) return kGraph;
  u64 of_groups = (u64)weight.dims[1] * (u32)groups;
  u32 channels_in = transposed ? weight.dims[0] : 0;
  if (transposed ? channels_in % (u32)groups || of_groups > kMostElements
                 : weight.dims[0] % (u32)groups || of_groups != out.dims[0])
    return kGraph;
  if (transposed && channels_in != out.dims[0]) return kGraph;
  out.dims[0] = transposed ? (u32)of_groups : weight.dims[0];
  for (u32 i = 0; i < 2; i++) {
    i64 size = out.dims[1 + i], kernel = weight.dims[2 + i], result;
    i64 stride = parameter(op, i), first = parameter(op, 2 + i), second = parameter(op, 4 + i);
    i64 dilation = parameter(op, 6 + i), reach = dilation * (kernel - 1) + 1;
    if (!sized((i32)stride) || !sized((i32)dilation) || stride > 64 || kernel > 64 ||
        !counted((i32)first) || !counted((i32)second) || reach > (i64)kMostSize)
      return kGraph;
    if (transposed) {  // padding, output padding
      if (first >= reach || second >= stride) return kGraph;
      result = (size - 1) * stride - 2 * first + reach + second;
    } else {  // padding before, padding after
      if (first >= reach || second >= reach || size + first + second < reach) return kGraph;
      result = (size + first + second - reach) / stride + 1;
    }
    if (result < 1 || result > (i64)kMostElements) return kGraph;
    out.dims[1 + i] = (u32)result;
  }
  if (bias && (bias->shape.rank != 1 || bias->shape.dims[0] != out.dims[0])) return kGraph;
  return kNone;
}

}  // namespace sg
