// From a graph and its layout to steps.
#include "layout.h"
#include "reader.h"

namespace sg {
namespace {

class Planner {
 public:
  Planner(const Graph& graph, u8* arena)
      : graph_(graph), kernels_(kernels()), layout_(graph, kernels_), reader_(graph, arena) {}

  Refusal run(u64& bytes, Generator** generator) {
    SG_TRY(layout_.run());
    Generator* own = reader_.take<Generator>(1);
    steps_ = reader_.take<Step>(most_steps());
    constants_ = reader_.take<u8>(layout_.constant_bytes());
    values_ = reader_.take<u8>(layout_.bytes());
    if (reader_.used() > kMostArenaBytes) return kTooLarge;
    if (values_) zero(values_, (usize)layout_.bytes());
    for (u32 i = 0; i < graph_.op_count; i++)
      if (layout_[i].needed) {
        SG_TRY(emit(i));
        if (reader_.used() > kMostArenaBytes) return kTooLarge;
      }
    bytes = reader_.used() + 64;
    if (!own) return kNone;
    const Op& last = graph_.ops[graph_.op_count - 1];
    Generator& g = *own;
    g.latent_dim = graph_.latent_dim, g.classes = graph_.classes;
    g.takes_image = graph_.takes_image;
    g.channels = last.shape.dims[0], g.height = last.shape.dims[1], g.width = last.shape.dims[2];
    g.image = view(graph_.op_count - 1);
    g.latent = nullptr;
    for (u32 i = 0; i < graph_.op_count; i++)
      if (graph_.ops[i].code == Code::kInput && layout_[i].needed) g.latent = data(i);
    g.steps = steps_, g.step_count = step_count_, g.kernels = &kernels_;
    g.active = reader_.active_weights, g.weights = reader_.all_weights;
    g.multiply_adds = reader_.multiply_adds;
    *generator = own;
    return kNone;
  }

 private:
  float* data(u32 op) const {
    const Value& value = layout_[layout_[op].owner];
    u8* memory = value.fixed ? constants_ : values_;
    return memory ? (float*)(memory + value.offset) : nullptr;
  }
  float* scratch(u64 offset) const { return values_ ? (float*)(values_ + offset) : nullptr; }

  // An upper bound: a layer takes up to six steps, and a concatenation one for each input.
  u64 most_steps() const {
    u64 count = 0;
    for (u32 i = 0; i < graph_.op_count; i++) count += 6 + graph_.ops[i].inputs;
    return count;
  }

  View view(u32 op) const {
    const Shape& shape = graph_.ops[op].shape;
    View v = {data(op), {1, 1, 1, 1}, {0, 0, 0, 0}};
    u32 stride = 1;
    for (u32 i = shape.rank; i--;) {
      v.dims[i] = shape.dims[i], v.strides[i] = stride;
      stride *= shape.dims[i];
    }
    if (shape.rank == 3) v.strides[1] = layout_[op].row, v.strides[0] = layout_[op].channel;
    return v;
  }

  Map map(u32 op) const {
    const Shape& shape = graph_.ops[op].shape;
    if (shape.rank == 3)
      return {data(op), shape.dims[0], shape.dims[1], shape.dims[2], layout_[op].row,
              layout_[op].channel};
    u32 rest = (u32)(shape.elements() / shape.dims[0]);
    return {data(op), shape.dims[0], 1, rest, rest, rest};
  }

  Step& add(StepKind kind) {
    Step& step = reader_.writes() ? steps_[step_count_] : spare_;
    step_count_++;
    step = Step{};
    step.kind = kind;
    return step;
  }

  Refusal chain_terms(const Chain& chain, Pack& pack) {
    if (!chain.term_count) return kNone;
    Step own = Step{};
    own.kind = StepKind::kTerms;
    bool constant = true;
    u32 channels = graph_.ops[chain.terms[0]].shape.dims[0];
    for (u32 i = 0; i < chain.term_count; i++) {
      const Op& op = graph_.ops[chain.terms[i]];
      Term& term = own.terms[i];
      if (op.code == Code::kAffine) {
        float *scale, *sum;
        SG_TRY(reader_.affine(op, scale, sum));
        term = {scale, sum, 1, 1};
      } else if (op.code == Code::kUnary) {
        float* both = reader_.take<float>(2);
        if (reader_.writes()) both[0] = graph_.real(op, 1), both[1] = graph_.real(op, 2);
        term = {both, reader_.writes() ? both + 1 : nullptr, 0, 0};
      } else {
        u32 operand = operand_of(graph_, chain.terms[i]);
        const Shape& shape = graph_.ops[operand].shape;
        u32 stride = shape.dims[0] == 1 ? 0 : layout_[operand].channel;
        if ((Arithmetic)graph_.parameter(op, 0) == Arithmetic::kMultiply)
          term.scale = data(operand), term.scale_stride = stride;
        else
          term.add = data(operand), term.add_stride = stride;
        constant = false;
      }
    }
    own.term_count = chain.term_count;
    own.linear.outputs = channels;
    own.gain = reader_.take<float>(channels), own.shift = reader_.take<float>(channels);
    pack.gain = own.gain, pack.shift = own.shift;
    if (!constant) {
      add(StepKind::kTerms) = own;
    } else if (reader_.writes()) {
      run_terms(own);
    }
    return kNone;
  }

  // A pass over a map, without where it goes.
  Refusal pass(const Chain& chain, u32 op, Pack& pack) {
    pack = Pack{};
    SG_TRY(chain_terms(chain, pack));
    pack.in = map(chain.source);
    pack.function = chain.function, pack.a = chain.a, pack.b = chain.b;
    pack.up = chain.up;
    pack.stride_y = pack.stride_x = 1;
    pack.line = scratch(layout_[op].line + 4 * kMostLanes);
    return kNone;
  }

  // A pass from map to map.
  void to_map(Pack& pack, const Map& out) {
    pack.out = out.data, pack.channel = pack.plane = out.channel, pack.row = out.row;
    pack.rows = out.height;
    add(StepKind::kPack).pack = pack;
  }

  Refusal emit(u32 i) {
    Layer layer;
    Chain chain;
    Root kind = match(graph_, i, layer, chain);
    if (kind == Root::kLayer)
      return graph_.ops[layer.op].code == Code::kLinear ? emit_linear(i, layer)
                                                        : emit_convolution(i, layer);
    if (kind == Root::kOther) return emit_other(i);
    Pack pack;
    SG_TRY(pass(chain, i, pack));
    to_map(pack, map(i));
    return kNone;
  }

  Refusal emit_linear(u32 i, const Layer& layer) {
    const Op& op = graph_.ops[layer.op];
    const Tensor& weight = *graph_.tensor(op, 0);
    u32 outputs = weight.shape.dims[0], inputs = weight.shape.dims[1];
    float *bias, *scale;
    SG_TRY(reader_.bias(layer, outputs, bias, scale));
    Linear linear = {};
    SG_TRY(reader_.list(weight, 0, outputs, scale, linear.weights, linear.start, 1,
                        [inputs](u32 at, u32& index, i32& offset, u32& output) {
                          index = output = at / inputs;
                          offset = (i32)(4 * (at % inputs));
                        }));
    linear.in = data(layer.chain.source), linear.out = data(i);
    linear.outputs = outputs, linear.bias = bias;
    add(StepKind::kLinear).linear = linear;
    return kNone;
  }

  Refusal emit_convolution(u32 i, const Layer& layer) {
    const Op& op = graph_.ops[layer.op];
    const Tensor& weight = *graph_.tensor(op, 0);
    const Shape& in = graph_.shape_of(op, 0);
    Geometry g;
    SG_TRY(layout_.geometry(layer, g));
    u32 outputs = op.shape.dims[0], channels = in.dims[0];
    u32 planes_y = (u32)g.y.planes_out(), planes_x = (u32)g.x.planes_out();
    float *bias, *scale;
    SG_TRY(reader_.bias(layer, outputs, bias, scale));

    Convolve job = {};
    job.vectors = g.out_stride / kernels_.lanes;
    job.outputs = outputs * planes_y * planes_x;
    // What a tile reads of a channel: as many channels at a time as fit the cache.
    u64 tile = (u64)least(job.vectors, kernels_.most_vectors) * kernels_.lanes +
               (u64)(g.most_y - g.least_y) * g.row;
    u64 of_channel = 4 * (u64)(g.plain ? 1 : most(1u, g.channel / g.plane)) * most<u64>(tile, 1);
    u32 block = (u32)most<u64>(4, kernels_.cache_bytes / of_channel);
    if (block >= channels) block = channels;
    job.blocks = (channels + block - 1) / block;
    block = (channels + job.blocks - 1) / job.blocks;

    i32 groups = graph_.parameter(op, 8);
    u32 second = weight.shape.dims[1], taps_y = weight.shape.dims[2], taps_x = weight.shape.dims[3];
    bool transposed = g.y.transposed;
    u32 in_of_group = channels / (u32)groups, out_of_group = outputs / (u32)groups;
    auto where = [&](u32 at, u32& index, i32& offset, u32& output) {
      i32 kx = (i32)(at % taps_x), ky = (i32)(at / taps_x % taps_y);
      u32 b = at / (taps_x * taps_y) % second, a = at / (taps_x * taps_y * second);
      u32 channel = transposed ? a : a / out_of_group * in_of_group + b;
      output = transposed ? a / in_of_group * out_of_group + b : a;
      i32 dy = 0, dx = 0, py = 0, px = 0, ry = 0, rx = 0;
      while (!g.y.tap(ky, ry, dy, py)) ry++;
      while (!g.x.tap(kx, rx, dx, px)) rx++;
      index = channel / block * job.outputs +
              (output * planes_y + (u32)ry) * planes_x + (u32)rx;
      i64 floats = (i64)channel * g.channel + (i64)(dy - g.least_y) * g.row;
      if (g.copies)
        floats += (i64)(dx - g.least_x) * g.plane;
      else
        floats += (i64)(py * g.x.planes_in() + px) * g.plane + g.origin + dx;
      offset = (i32)(4 * floats);
    };
    const u32* positions = transposed ? in.dims : op.shape.dims;
    SG_TRY(reader_.list(weight, transposed, (u64)job.blocks * job.outputs, scale, job.weights,
                        job.start, (double)positions[1] * positions[2], where));

    if (g.plain) {
      job.in = data(layer.chain.source);
    } else {
      Pack pack = {};
      pack.laid = layout_[layer.chain.source].direct;
      if (pack.laid)
        pack.in = map(layer.chain.source), pack.up = 1;
      else
        SG_TRY(pass(layer.chain, i, pack));
      pack.out = scratch(layout_[i].packed);
      pack.channel = g.channel, pack.plane = g.plane, pack.row = g.row, pack.rows = g.pack_rows;
      pack.origin = g.origin, pack.first_row = g.least_y, pack.first_column = g.least_x;
      pack.stride_y = (u32)g.y.planes_in(), pack.stride_x = (u32)g.x.planes_in();
      pack.copies = g.copies, pack.bordered = true;
      add(StepKind::kPack).pack = pack;
      job.in = pack.out;
    }
    bool interleaved = planes_y * planes_x > 1;
    job.out = interleaved ? scratch(layout_[i].planes) : data(i);
    job.out_stride = interleaved ? g.out_stride : layout_[i].channel;
    if (interleaved) {
      float* each = reader_.take<float>(job.outputs);
      for (u32 o = 0; reader_.writes() && o < job.outputs; o++) each[o] = bias[o / (planes_y * planes_x)];
      job.bias = each;
    } else {
      job.bias = bias;
    }
    if (layer.residual != kNoOp) {
      Chain chain;
      chain.source = layer.residual, chain.up = layer.residual_up;
      Pack pack;
      SG_TRY(pass(chain, i, pack));
      pack.shift = bias;
      job.bias = nullptr;
      to_map(pack, map(i));
    }
    if (layout_[i].direct)
      SG_TRY(finish(match_layer(graph_, layout_[i].reader).chain, outputs, job));
    add(StepKind::kConvolve).convolve = job;
    if (interleaved) {
      Step& step = add(StepKind::kInterleave);
      step.x = {job.out, {outputs, planes_y, planes_x, g.out_stride}, {g.row, 0, 0, 0}};
      step.out = view(i);
    }
    return kNone;
  }

  // What the next convolution wants done to its input, done by the one that makes it.
  Refusal finish(const Chain& chain, u32 outputs, Convolve& job) {
    Pack pack = {};
    SG_TRY(chain_terms(chain, pack));
    job.gain = pack.gain, job.shift = pack.shift;
    if (chain.term_count) return kNone;
    float *gain = reader_.take<float>(outputs), *shift = reader_.take<float>(outputs);
    for (u32 o = 0; reader_.writes() && o < outputs; o++) gain[o] = 1, shift[o] = 0;
    job.gain = gain, job.shift = shift;
    return kNone;
  }

  Refusal emit_other(u32 i) {
    const Op& op = graph_.ops[i];
    auto number = [&](u32 p) { return graph_.parameter(op, p); };
    auto unary = [&](StepKind kind) -> Step& {
      Step& step = add(kind);
      step.x = view(graph_.input(op, 0)), step.out = view(i);
      for (u32 p = 0; p < op.parameters && p < 8; p++) step.numbers[p] = number(p);
      return step;
    };
    switch (op.code) {
      case Code::kInput: return kNone;
      case Code::kConstant: {
        const Tensor& tensor = *graph_.tensor(op, 0);
        return reader_.vector(tensor, data(i));
      }
      case Code::kEmbedding: {
        const Tensor& tensor = *graph_.tensor(op, 0);
        float* table = reader_.take<float>(tensor.shape.elements());
        SG_TRY(reader_.vector(tensor, table));
        Step& step = add(StepKind::kEmbedding);
        step.x.data = table, step.out = view(i);
        return kNone;
      }
      case Code::kReshape:
        if (layout_[i].owner != i) return kNone;
        // The only value that is not in one piece is a map.
        {
          Step& step = unary(StepKind::kCopy);
          u32 stride = 1;
          for (u32 d = 4; d--;) step.out.dims[d] = step.x.dims[d];
          for (u32 d = 3; d--;) step.out.strides[d] = stride, stride *= step.x.dims[d];
        }
        return kNone;
      case Code::kConcat: {
        u32 axis = (u32)number(0), at = 0;
        for (u32 j = 0; j < op.inputs; j++) {
          Step& step = add(StepKind::kCopy);
          step.x = view(graph_.input(op, j)), step.out = view(i);
          if (reader_.writes()) step.out.data += (usize)at * step.out.strides[axis];
          step.out.dims[axis] = step.x.dims[axis];
          at += step.x.dims[axis];
        }
        return kNone;
      }
      case Code::kSlice: {
        Step& step = unary(StepKind::kCopy);
        u32 axis = (u32)number(0);
        if (reader_.writes()) step.x.data += (usize)number(1) * step.x.strides[axis];
        step.x.strides[axis] *= (u32)number(2);
        return kNone;
      }
      case Code::kPermute: {
        Step& step = unary(StepKind::kCopy);
        View x = step.x;
        for (u32 d = 0; d < op.shape.rank; d++)
          step.x.dims[d] = x.dims[number(d)], step.x.strides[d] = x.strides[number(d)];
        return kNone;
      }
      case Code::kBinary: {
        Step& step = unary(StepKind::kBinary);
        step.y = view(graph_.input(op, 1));
        for (u32 d = 0; d < op.shape.rank; d++) {
          if (step.x.dims[d] == 1) step.x.strides[d] = 0;
          if (step.y.dims[d] == 1) step.y.strides[d] = 0;
        }
        return kNone;
      }
      case Code::kUnary: {
        Step& step = unary(StepKind::kUnary);
        step.reals[0] = graph_.real(op, 1), step.reals[1] = graph_.real(op, 2);
        return kNone;
      }
      case Code::kMatmul: {
        Step& step = unary(StepKind::kMatmul);
        step.y = view(graph_.input(op, 1));
        step.numbers[0] = (i32)op.shape.rank;
        return kNone;
      }
      case Code::kGroupNorm: unary(StepKind::kGroupNorm).reals[0] = graph_.real(op, 1); return kNone;
      case Code::kPad: unary(StepKind::kPad).reals[0] = graph_.real(op, 1); return kNone;
      case Code::kNearest: unary(StepKind::kResize).numbers[3] = 0; return kNone;
      case Code::kBilinear: unary(StepKind::kResize).numbers[3] = 1; return kNone;
      case Code::kPool: unary(StepKind::kPool); return kNone;
      case Code::kReduce: unary(StepKind::kReduce); return kNone;
      case Code::kSoftmax: unary(StepKind::kSoftmax); return kNone;
      case Code::kShuffle: unary(StepKind::kShuffle); return kNone;
      default: return kUnknownOperation;
    }
  }

  const Graph& graph_;
  const Kernels& kernels_;
  Layout layout_;
  Reader reader_;
  u8 *constants_ = nullptr, *values_ = nullptr;
  Step* steps_ = nullptr;
  u32 step_count_ = 0;
  Step spare_;
};

}  // namespace

Refusal plan(const Graph& graph, u8* arena, u64& bytes, Generator** generator) {
  Planner planner(graph, arena);
  return planner.run(bytes, generator);
}

}  // namespace sg
