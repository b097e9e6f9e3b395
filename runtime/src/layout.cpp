#include "layout.h"

namespace sg {

Refusal Layout::run() {
  mark();
  for (u32 i = 0; i < graph_.op_count; i++)
    if (value_[i].needed) SG_TRY(lay_out(i));
  return kNone;
}

template <class Visit>
void Layout::each_source(u32 op, Visit visit) const {
  Layer layer;
  Chain chain;
  Root kind = match(graph_, op, layer, chain);
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

void Layout::mark() {
  for (u32 i = 0; i < graph_.op_count; i++) {
    value_[i] = Value{};
    value_[i].owner = value_[i].reader = i;
  }
  value_[graph_.op_count - 1].needed = true;
  value_[graph_.op_count - 1].last = graph_.op_count;
  for (u32 i = graph_.op_count; i--;) {
    if (!value_[i].needed) continue;
    Layer layer;
    Chain chain;
    if (match(graph_, i, layer, chain) == Root::kLayer) value_[layer.chain.source].reader = i;
    each_source(i, [&](u32 source) {
      value_[source].needed = true;
      value_[source].last = most(value_[source].last, i);
    });
  }
}

u64 Layout::hold(u32 owner, u64 bytes) {
  bytes = rounded_up<u64>(bytes + 4 * kMostLanes, 64);
  u32 i = 0;
  u64 at = 0;
  for (; i < live_count_ && live_[i].begin < at + bytes; i++) at = live_[i].end;
  for (u32 j = live_count_++; j > i; j--) live_[j] = live_[j - 1];
  live_[i] = {at, at + bytes, owner};
  high_ = most(high_, at + bytes);
  return at;
}

void Layout::release(u32 op) {
  u32 kept = 0;
  for (u32 i = 0; i < live_count_; i++)
    if (live_[i].owner != kNoOp && value_[live_[i].owner].last > op) live_[kept++] = live_[i];
  live_count_ = kept;
}

bool Layout::contiguous(u32 op) const {
  const Shape& shape = graph_.ops[op].shape;
  const Value& value = value_[op];
  return shape.rank != 3 || (value.row == shape.dims[2] &&
                             (value.channel == value.row * shape.dims[1] || shape.dims[0] == 1));
}

Refusal Layout::lay_out(u32 i) {
  Value& value = value_[i];
  const Op& op = graph_.ops[i];
  value.row = op.shape.dims[2], value.channel = op.shape.dims[1] * op.shape.dims[2];
  Layer layer;
  Chain chain;
  Root kind = match(graph_, i, layer, chain);
  if (op.code == Code::kConstant) {
    value.fixed = true;
    value.offset = constants_;
    constants_ += rounded_up<u64>(4 * (op.shape.elements() + kMostLanes), 64);
    return constants_ > kMostArenaBytes ? kTooLarge : kNone;
  }
  if (op.code == Code::kReshape) {
    u32 source = graph_.input(op, 0);
    if (contiguous(source)) {
      value.owner = value_[source].owner;
      Value& owner = value_[value.owner];
      owner.last = most(owner.last, value.last);
      return kNone;
    }
  }
  u64 elements = op.shape.elements(), before = 0;
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
    bool laid = value_[layer.chain.source].direct;
    if (!g.plain && !laid) value.packed = hold(kNoOp, g.packed_bytes);
    Geometry next;
    if (planes == 1 && direct(i, g, next)) {
      value.direct = true;
      elements = next.packed_bytes / 4;
      value.channel = next.channel;
      before = 4 * (next.origin + (u64)-next.least_y * next.row);
    }
  }
  if (kind == Root::kLayer) chain = layer.chain;
  if (kind != Root::kOther) {
    u64 width = 0;  // a line before and after it is widened, of the input and of the residual
    const Shape& in = graph_.ops[chain.source].shape;
    width = in.rank == 3 ? in.dims[2] : in.elements();
    if (kind == Root::kLayer) width = most<u64>(width * chain.up, op.shape.dims[2]);
    value.line = hold(kNoOp, 4 * (2 * width * (kind == Root::kLayer ? 1 : chain.up) + 4 * kMostLanes));
  }
  value.offset = hold(i, 4 * elements) + before;
  if (value.direct) value_[value.reader].packed = value.offset - before;
  release(i);
  return high_ > kMostArenaBytes ? kTooLarge : kNone;
}

// Whether a convolution can write where the next one reads, so that no pass is between them: the
// next one is the only reader, activates by ReLU, and has rows as far apart.
bool Layout::direct(u32 i, const Geometry& own, Geometry& next) const {
  if (value_[i].reader == i || graph_.ops[i].users != 1) return false;
  Layer layer = match_layer(graph_, value_[i].reader);
  const Chain& chain = layer.chain;
  if (graph_.ops[layer.op].code == Code::kLinear) return false;
  if (chain.function != Function::kRelu || chain.up > 1) return false;
  for (u32 t = 0; t < chain.term_count; t++)
    if (operand_of(graph_, chain.terms[t]) != kNoOp) return false;
  if (geometry(layer, next)) return false;
  i32 top = -next.least_y;
  return !next.copies && next.y.planes_in() * next.x.planes_in() == 1 && next.row == own.row &&
         top >= 0 && (u32)top + graph_.ops[i].shape.dims[1] <= next.pack_rows &&
         next.origin + (u64)top * next.row + own.out_stride <= next.plane;
}

Refusal Layout::geometry(const Layer& layer, Geometry& g) const {
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

}  // namespace sg
