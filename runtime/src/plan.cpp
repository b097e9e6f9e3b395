// From a graph to steps: what is fused, where every value lies, and how weights are listed.
#include "fusion.h"
#include "geometry.h"
#include "weights.h"

namespace sg {
namespace {

enum class Root : u8 { kLayer, kChain, kOther };

// Where the value of an operation lies.
struct Value {
  bool needed, fixed;
  u32 last;           // the operation that uses it last
  u32 owner;          // the operation whose memory it shares, or itself
  u32 row, channel;   // strides of a map, in floats
  u64 offset;         // bytes, within the values' memory or, fixed, within the arena
  u64 packed, planes, line;  // scratch of its own operation
};

class Planner {
 public:
  Planner(const Graph& graph, u8* arena) : graph_(graph), arena_(arena), kernels_(kernels()) {}

  Refusal run(u64& bytes, Generator** generator) {
    used_ = 0;
    generator_ = take<Generator>(1);
    steps_ = take<Step>(most_steps());
    mark();
    SG_TRY(lay_out());
    values_ = rounded_up<u64>(used_, 64);
    used_ = values_ + high_ + 4 * 4 * kMostLanes;
    if (used_ > kMostArenaBytes) return kTooLarge;
    if (arena_) zero(arena_ + values_, (usize)(used_ - values_));
    for (u32 i = 0; i < graph_.op_count; i++)
      if (value_[i].needed) {
        SG_TRY(emit(i));
        if (used_ > kMostArenaBytes) return kTooLarge;
      }
    bytes = used_ + 64;
    if (!arena_) return kNone;
    const Op& last = graph_.ops[graph_.op_count - 1];
    Generator& g = *generator_;
    g.latent_dim = graph_.latent_dim, g.classes = graph_.classes;
    g.takes_image = graph_.takes_image;
    g.channels = last.shape.dims[0], g.height = last.shape.dims[1], g.width = last.shape.dims[2];
    g.image = view(graph_.op_count - 1);
    g.latent = nullptr;
    for (u32 i = 0; i < graph_.op_count; i++)
      if (graph_.ops[i].code == Code::kInput && value_[i].needed) g.latent = data(i);
    g.steps = steps_, g.step_count = step_count_, g.kernels = &kernels_;
    g.active = active_, g.weights = weights_, g.multiply_adds = multiply_adds_;
    *generator = generator_;
    return kNone;
  }

 private:
  // ---- memory

  template <class T>
  T* take(u64 count) {
    used_ = rounded_up<u64>(used_, 64);
    u8* at = arena_ ? arena_ + used_ : nullptr;
    used_ += count * sizeof(T);
    if (used_ > kMostArenaBytes) used_ = kMostArenaBytes + 1, at = nullptr;
    return (T*)at;
  }

  u64 hold(u32 owner, u64 bytes) {
    bytes = rounded_up<u64>(bytes + 4 * kMostLanes, 64);
    u32 i = 0;
    u64 at = 0;
    for (; i < live_count_ && live_[i].begin < at + bytes; i++) at = live_[i].end;
    for (u32 j = live_count_++; j > i; j--) live_[j] = live_[j - 1];
    live_[i] = {at, at + bytes, owner};
    high_ = most(high_, at + bytes);
    return at;
  }

  void release(u32 op) {
    u32 kept = 0;
    for (u32 i = 0; i < live_count_; i++)
      if (live_[i].owner != kNoOp && value_[live_[i].owner].last > op) live_[kept++] = live_[i];
    live_count_ = kept;
  }

  float* data(u32 op) const {
    const Value& value = value_[value_[op].owner];
    if (!arena_) return nullptr;
    return (float*)(arena_ + (value.fixed ? 0 : values_) + value.offset);
  }
  float* scratch(u64 offset) const {
    return arena_ ? (float*)(arena_ + values_ + offset) : nullptr;
  }

  // ---- what is computed where

  Root root(u32 op, Layer& layer, Chain& chain) const {
    layer = match_layer(graph_, op);
    if (layer.op != kNoOp) return Root::kLayer;
    chain = match_chain(graph_, op, true);
    if (chain.source != op) return Root::kChain;
    if (graph_.ops[op].code == Code::kAffine) {  // of a vector
      chain = Chain{};
      chain.source = graph_.input(graph_.ops[op], 0);
      chain.terms[chain.term_count++] = op;
      return Root::kChain;
    }
    return Root::kOther;
  }

  template <class Visit>
  void each_source(u32 op, Visit visit) const {
    Layer layer;
    Chain chain;
    Root kind = root(op, layer, chain);
    if (kind == Root::kOther) {
      for (u32 i = 0; i < graph_.ops[op].inputs; i++) visit(graph_.input(graph_.ops[op], i));
      return;
    }
    if (kind == Root::kLayer) chain = layer.chain;
    visit(chain.source);
    for (u32 i = 0; i < chain.term_count; i++)
      if (u32 operand = operand_of(graph_, chain.terms[i]); operand != kNoOp) visit(operand);
    if (kind == Root::kLayer && layer.residual != kNoOp) visit(layer.residual);
  }

  void mark() {
    for (u32 i = 0; i < graph_.op_count; i++) value_[i] = Value{}, value_[i].owner = i;
    value_[graph_.op_count - 1].needed = true;
    value_[graph_.op_count - 1].last = graph_.op_count;
    for (u32 i = graph_.op_count; i--;) {
      if (!value_[i].needed) continue;
      each_source(i, [&](u32 source) {
        value_[source].needed = true;
        value_[source].last = most(value_[source].last, i);
      });
    }
  }

  // An upper bound: a layer takes up to six steps, and a concatenation one for each input.
  u64 most_steps() const {
    u64 count = 0;
    for (u32 i = 0; i < graph_.op_count; i++) count += 6 + graph_.ops[i].inputs;
    return count;
  }

  bool contiguous(u32 op) const {
    const Shape& shape = graph_.ops[op].shape;
    const Value& value = value_[op];
    return shape.rank != 3 || (value.row == shape.dims[2] &&
                               (value.channel == value.row * shape.dims[1] || shape.dims[0] == 1));
  }

  Refusal lay_out() {
    for (u32 i = 0; i < graph_.op_count; i++) {
      Value& value = value_[i];
      const Op& op = graph_.ops[i];
      if (!value.needed) continue;
      value.row = op.shape.dims[2], value.channel = op.shape.dims[1] * op.shape.dims[2];
      Layer layer;
      Chain chain;
      Root kind = root(i, layer, chain);
      if (op.code == Code::kConstant) {
        value.fixed = true;
        take<float>(op.shape.elements() + kMostLanes);
        value.offset = used_ - 4 * (op.shape.elements() + kMostLanes);
        continue;
      }
      if (op.code == Code::kReshape) {
        u32 source = graph_.input(op, 0);
        if (contiguous(source)) {
          value.owner = value_[source].owner;
          Value& owner = value_[value.owner];
          owner.last = most(owner.last, value.last);
          continue;
        }
      }
      u64 elements = op.shape.elements();
      if (kind == Root::kLayer && graph_.ops[layer.op].code != Code::kLinear) {
        Geometry g;
        SG_TRY(geometry(layer, g));
        u64 planes = (u64)g.y.planes_out() * (u64)g.x.planes_out();
        u64 out = planes * g.out_stride * graph_.ops[layer.op].shape.dims[0];
        if (out > 4 * kMostElements) return kTooLarge;
        if (planes > 1)
          value.planes = hold(kNoOp, 4 * out);
        else
          value.row = g.row, value.channel = g.out_stride, elements = out;
        if (!g.plain) value.packed = hold(kNoOp, g.packed_bytes);
      }
      if (kind == Root::kLayer) chain = layer.chain;
      if (kind != Root::kOther) {
        u64 width = 0;  // a line before and after it is widened, of the input and of the residual
        const Shape& in = graph_.ops[chain.source].shape;
        width = in.rank == 3 ? in.dims[2] : in.elements();
        if (kind == Root::kLayer) width = most<u64>(width * chain.up, op.shape.dims[2]);
        value.line = hold(kNoOp, 4 * (2 * width * (kind == Root::kLayer ? 1 : chain.up) + 4 * kMostLanes));
      }
      value.offset = hold(i, 4 * elements);
      release(i);
      if (high_ > kMostArenaBytes) return kTooLarge;
    }
    return kNone;
  }

  Refusal geometry(const Layer& layer, Geometry& g) const {
    const Op& op = graph_.ops[layer.op];
    const Op& in = graph_.ops[graph_.input(op, 0)];
    const u32* kernel = graph_.tensor(op, 0)->shape.dims + 2;
    bool transposed = op.code == Code::kTransposed;
    g.y = {(i32)kernel[0], graph_.parameter(op, 0), graph_.parameter(op, 2),
           graph_.parameter(op, 6), transposed};
    g.x = {(i32)kernel[1], graph_.parameter(op, 1), graph_.parameter(op, 3),
           graph_.parameter(op, 7), transposed};
    bool bare = layer.chain.empty();
    const Value& source = value_[layer.chain.source];
    return arrange(g, in.shape.dims[0], in.shape.dims[1], in.shape.dims[2], op.shape.dims[1],
                   op.shape.dims[2], bare ? source.row : 0, bare ? source.channel : 0,
                   kernels_, graph_.tensor(op, 0)->value_count);
  }

  // ---- steps

  View view(u32 op) const {
    const Shape& shape = graph_.ops[op].shape;
    View v = {data(op), {1, 1, 1, 1}, {0, 0, 0, 0}};
    u32 stride = 1;
    for (u32 i = shape.rank; i--;) {
      v.dims[i] = shape.dims[i], v.strides[i] = stride;
      stride *= shape.dims[i];
    }
    if (shape.rank == 3) v.strides[1] = value_[op].row, v.strides[0] = value_[op].channel;
    return v;
  }

  Map map(u32 op) const {
    const Shape& shape = graph_.ops[op].shape;
    if (shape.rank == 3)
      return {data(op), shape.dims[0], shape.dims[1], shape.dims[2], value_[op].row,
              value_[op].channel};
    u32 rest = (u32)(shape.elements() / shape.dims[0]);
    return {data(op), shape.dims[0], 1, rest, rest, rest};
  }

  Step& add(StepKind kind) {
    Step& step = arena_ ? steps_[step_count_] : spare_;
    step_count_++;
    step = Step{};
    step.kind = kind;
    return step;
  }

  Refusal read_vector(const Tensor& tensor, float* out) const {
    if (!arena_) return kNone;
    for (u64 i = 0; i < tensor.shape.elements(); i++) out[i] = 0;
    return each_active(tensor, 0, bits_, [out](u32 at, float value) { out[at] = value; });
  }

  // What an affine operation multiplies each channel with, and adds.
  Refusal read_affine(const Op& op, float*& scale, float*& sum) {
    u32 count = op.shape.dims[0];
    float* vectors[4] = {};
    for (u32 i = 0; i < 4; i++)
      if (const Tensor* tensor = graph_.tensor(op, i)) {
        SG_TRY(prepare(*tensor, 0));
        vectors[i] = take<float>(count);
        SG_TRY(read_vector(*tensor, vectors[i]));
      }
    scale = take<float>(count), sum = take<float>(count);
    double eps = graph_.real(op, 0);
    for (u32 i = 0; arena_ && i < count; i++) {
      double s = vectors[0] ? vectors[0][i] : 1;
      if (vectors[3]) s /= __builtin_sqrt((double)vectors[3][i] + eps);
      scale[i] = (float)s;
      sum[i] = (float)((vectors[1] ? vectors[1][i] : 0) - (vectors[2] ? vectors[2][i] * s : 0));
    }
    return kNone;
  }

  // Room for the bits of a tensor's blocks.
  Refusal prepare(const Tensor& tensor, u32 output_axis) {
    u64 bytes = scratch_bytes(tensor, output_axis);
    if (bytes > bits_bytes_) bits_ = take<u8>(bytes), bits_bytes_ = bytes;
    return used_ > kMostArenaBytes ? kTooLarge : kNone;
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
        SG_TRY(read_affine(op, scale, sum));
        term = {scale, sum, 1, 1};
      } else if (op.code == Code::kUnary) {
        float* both = take<float>(2);
        if (arena_) both[0] = graph_.real(op, 1), both[1] = graph_.real(op, 2);
        term = {both, arena_ ? both + 1 : nullptr, 0, 0};
      } else {
        u32 operand = operand_of(graph_, chain.terms[i]);
        const Shape& shape = graph_.ops[operand].shape;
        u32 stride = shape.dims[0] == 1 ? 0 : value_[operand].channel;
        if ((Arithmetic)graph_.parameter(op, 0) == Arithmetic::kMultiply)
          term.scale = data(operand), term.scale_stride = stride;
        else
          term.add = data(operand), term.add_stride = stride;
        constant = false;
      }
    }
    own.term_count = chain.term_count;
    own.linear.outputs = channels;
    own.gain = take<float>(channels), own.shift = take<float>(channels);
    pack.gain = own.gain, pack.shift = own.shift;
    if (!constant) {
      add(StepKind::kTerms) = own;
    } else if (arena_) {
      run_terms(own);
    }
    return kNone;
  }

  static void run_terms(const Step& step) {
    for (u32 c = 0; c < step.linear.outputs; c++) {
      float gain = 1, shift = 0;
      for (u32 i = 0; i < step.term_count; i++) {
        const Term& term = step.terms[i];
        float scale = term.scale ? term.scale[(usize)c * term.scale_stride] : 1;
        gain *= scale;
        shift = shift * scale + (term.add ? term.add[(usize)c * term.add_stride] : 0);
      }
      step.gain[c] = gain, step.shift[c] = shift;
    }
  }

  // A pass over a map, without where it goes.
  Refusal pass(const Chain& chain, u32 op, Pack& pack) {
    pack = Pack{};
    SG_TRY(chain_terms(chain, pack));
    pack.in = map(chain.source);
    pack.function = chain.function, pack.a = chain.a, pack.b = chain.b;
    pack.up = chain.up;
    pack.stride_y = pack.stride_x = 1;
    pack.line = scratch(value_[op].line + 4 * kMostLanes);
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
    Root kind = root(i, layer, chain);
    if (kind == Root::kLayer)
      return graph_.ops[layer.op].code == Code::kLinear ? emit_linear(i, layer)
                                                        : emit_convolution(i, layer);
    if (kind == Root::kOther) return emit_other(i);
    Pack pack;
    SG_TRY(pass(chain, i, pack));
    to_map(pack, map(i));
    return kNone;
  }

  // The bias of a layer and what each output is multiplied with, a normalisation folded in.
  Refusal read_bias(const Layer& layer, u32 outputs, float*& bias, float*& scale) {
    const Op& op = graph_.ops[layer.op];
    bias = take<float>(outputs);
    scale = nullptr;
    float* sum = nullptr;
    if (const Tensor* tensor = graph_.tensor(op, 1)) {
      SG_TRY(prepare(*tensor, 0));
      SG_TRY(read_vector(*tensor, bias));
    } else if (arena_) {
      zero(bias, 4 * (usize)outputs);
    }
    if (layer.affine == kNoOp) return kNone;
    SG_TRY(read_affine(graph_.ops[layer.affine], scale, sum));
    for (u32 o = 0; arena_ && o < outputs; o++) bias[o] = bias[o] * scale[o] + sum[o];
    return kNone;
  }

  // Lists the active weights; `where(position, list, offset, output)` says where one belongs.
  template <class Where>
  Refusal list(const Tensor& tensor, u32 output_axis, u64 lists, const float* scale,
               const Weight*& weights, const u32*& start, double positions, Where where) {
    SG_TRY(prepare(tensor, output_axis));
    u32* begin = take<u32>(lists + 2);
    Weight* all = take<Weight>((u64)tensor.value_count);
    weights = all, start = begin;
    weights_ += (double)tensor.shape.elements();
    if (!arena_) return kNone;
    if (used_ > kMostArenaBytes) return kTooLarge;
    zero(begin, 4 * (usize)(lists + 2));
    u32 active = 0;
    SG_TRY(each_active(tensor, output_axis, bits_, [&](u32 at, float) {
      u32 index, output;
      i32 offset;
      where(at, index, offset, output);
      begin[index + 2]++, active++;
    }));
    for (u64 l = 2; l < lists + 2; l++) begin[l] += begin[l - 1];
    SG_TRY(each_active(tensor, output_axis, bits_, [&](u32 at, float value) {
      u32 index, output;
      i32 offset;
      where(at, index, offset, output);
      all[begin[index + 1]++] = {offset, scale ? value * scale[output] : value};
    }));
    active_ += active;
    multiply_adds_ += positions * active;
    return kNone;
  }

  Refusal emit_linear(u32 i, const Layer& layer) {
    const Op& op = graph_.ops[layer.op];
    const Tensor& weight = *graph_.tensor(op, 0);
    u32 outputs = weight.shape.dims[0], inputs = weight.shape.dims[1];
    float *bias, *scale;
    SG_TRY(read_bias(layer, outputs, bias, scale));
    Linear linear = {};
    SG_TRY(list(weight, 0, outputs, scale, linear.weights, linear.start, 1,
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
    SG_TRY(geometry(layer, g));
    u32 outputs = op.shape.dims[0], channels = in.dims[0];
    u32 planes_y = (u32)g.y.planes_out(), planes_x = (u32)g.x.planes_out();
    float *bias, *scale;
    SG_TRY(read_bias(layer, outputs, bias, scale));

    Convolve job = {};
    job.out_stride = g.out_stride;
    job.vectors = g.out_stride / kernels_.lanes;
    job.outputs = outputs * planes_y * planes_x;
    // What a tile reads of a channel: as many channels at a time as fit the cache.
    u64 tile = (u64)least(job.vectors, kernels_.most_vectors) * kernels_.lanes +
               (u64)(g.most_y - g.least_y) * g.row;
    u64 of_channel = 4 * (u64)(g.plain ? 1 : most(1u, g.channel / g.plane)) * most<u64>(tile, 1);
    u32 block = (u32)most<u64>(4, kernels_.cache_bytes / of_channel);
    if (block >= channels) block = channels;
    job.blocks = (channels + block - 1) / block;

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
    SG_TRY(list(weight, transposed, (u64)job.blocks * job.outputs, scale, job.weights, job.start,
                transposed ? (double)in.dims[1] * in.dims[2]
                           : (double)op.shape.dims[1] * op.shape.dims[2],
                where));

    if (g.plain) {
      job.in = data(layer.chain.source);
    } else {
      Pack pack;
      SG_TRY(pass(layer.chain, i, pack));
      pack.out = scratch(value_[i].packed);
      pack.channel = g.channel, pack.plane = g.plane, pack.row = g.row, pack.rows = g.pack_rows;
      pack.origin = g.origin, pack.first_row = g.least_y, pack.first_column = g.least_x;
      pack.stride_y = (u32)g.y.planes_in(), pack.stride_x = (u32)g.x.planes_in();
      pack.copies = g.copies, pack.bordered = true;
      add(StepKind::kPack).pack = pack;
      job.in = pack.out;
    }
    bool interleaved = planes_y * planes_x > 1;
    job.out = interleaved ? scratch(value_[i].planes) : data(i);
    if (interleaved) {
      float* each = take<float>(job.outputs);
      for (u32 o = 0; arena_ && o < job.outputs; o++) each[o] = bias[o / (planes_y * planes_x)];
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
    add(StepKind::kConvolve).convolve = job;
    if (interleaved) {
      Step& step = add(StepKind::kInterleave);
      step.x = {job.out, {outputs, planes_y, planes_x, g.out_stride}, {g.row, 0, 0, 0}};
      step.out = view(i);
    }
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
        SG_TRY(prepare(tensor, 0));
        return read_vector(tensor, data(i));
      }
      case Code::kEmbedding: {
        const Tensor& tensor = *graph_.tensor(op, 0);
        SG_TRY(prepare(tensor, 0));
        float* table = take<float>(tensor.shape.elements());
        SG_TRY(read_vector(tensor, table));
        Step& step = add(StepKind::kEmbedding);
        step.x.data = table, step.out = view(i);
        return kNone;
      }
      case Code::kReshape:
        if (value_[i].owner != i) return kNone;
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
          if (arena_) step.out.data += (usize)at * step.out.strides[axis];
          step.out.dims[axis] = step.x.dims[axis];
          at += step.x.dims[axis];
        }
        return kNone;
      }
      case Code::kSlice: {
        Step& step = unary(StepKind::kCopy);
        u32 axis = (u32)number(0);
        if (arena_) step.x.data += (usize)number(1) * step.x.strides[axis];
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

  struct Live {
    u64 begin, end;
    u32 owner;
  };

  const Graph& graph_;
  u8* arena_;
  const Kernels& kernels_;
  u64 used_ = 0, values_ = 0, high_ = 0, bits_bytes_ = 0;
  u8* bits_ = nullptr;
  Generator* generator_ = nullptr;
  Step* steps_ = nullptr;
  u32 step_count_ = 0, live_count_ = 0;
  double active_ = 0, weights_ = 0, multiply_adds_ = 0;
  Step spare_;
  Value value_[kMostOps];
  Live live_[kMostOps + 8];
};

}  // namespace

Refusal plan(const Graph& graph, u8* arena, u64& bytes, Generator** generator) {
  Planner planner(graph, arena);
  return planner.run(bytes, generator);
}

}  // namespace sg
