// What the steps do. The vector kernels have most of the work; what is here is seldom much of it.
#include "step.h"

namespace sg {
namespace {

// Calls `line(offsets of a, b, c)` for every line of `out`: all but its last dimension. Views have
// their dimensions from the first one on, so that the last one may be any.
template <class Line>
void each_line(const View& out, const View& a, const View& b, Line line) {
  const u32* n = out.dims;
  for (usize i = 0; i < n[0]; i++)
    for (usize j = 0; j < n[1]; j++)
      for (usize k = 0; k < n[2]; k++)
        line(i * out.strides[0] + j * out.strides[1] + k * out.strides[2],
             i * a.strides[0] + j * a.strides[1] + k * a.strides[2],
             i * b.strides[0] + j * b.strides[1] + k * b.strides[2]);
}

// The dimensions moved to the end, those of size 1 before them.
View aligned(const View& v, u32 by) {
  View moved = {v.data, {1, 1, 1, 1}, {0, 0, 0, 0}};
  for (u32 d = by; d < 4; d++) moved.dims[d] = v.dims[d - by], moved.strides[d] = v.strides[d - by];
  return moved;
}

u32 unused(const View& v) {
  u32 last = 4;
  while (last > 1 && v.dims[last - 1] == 1) last--;
  return 4 - last;
}

void run_copy(const View& from, const View& to) {
  u32 by = unused(to);
  View x = aligned(from, by), out = aligned(to, by);
  u32 n = out.dims[3], sx = x.strides[3], so = out.strides[3];
  each_line(out, x, x, [&](usize o, usize i, usize) {
    float* to = out.data + o;
    const float* from = x.data + i;
    if (sx == 1 && so == 1) {
      copy(to, from, 4 * (usize)n);
    } else {
      for (usize j = 0; j < n; j++) to[j * so] = from[j * sx];
    }
  });
}

float combined(Arithmetic kind, float a, float b) {
  switch (kind) {
    case Arithmetic::kAdd: return a + b;
    case Arithmetic::kSubtract: return a - b;
    case Arithmetic::kMultiply: return a * b;
    case Arithmetic::kDivide: return a / b;
    case Arithmetic::kMaximum: return a > b ? a : b;
    case Arithmetic::kMinimum: return a < b ? a : b;
    case Arithmetic::kCount: break;
  }
  return a;
}

template <Arithmetic K>
void binary(const View& out, const View& a, const View& b) {
  u32 n = out.dims[3], so = out.strides[3], sa = a.strides[3], sb = b.strides[3];
  each_line(out, a, b, [&](usize o, usize i, usize j) {
    float* to = out.data + o;
    const float *x = a.data + i, *y = b.data + j;
    for (usize k = 0; k < n; k++) to[k * so] = combined(K, x[k * sa], y[k * sb]);
  });
}

void run_binary(const Step& step) {
  u32 by = unused(step.out);
  View out = aligned(step.out, by), a = aligned(step.x, by), b = aligned(step.y, by);
  switch ((Arithmetic)step.numbers[0]) {
    case Arithmetic::kAdd: return binary<Arithmetic::kAdd>(out, a, b);
    case Arithmetic::kSubtract: return binary<Arithmetic::kSubtract>(out, a, b);
    case Arithmetic::kMultiply: return binary<Arithmetic::kMultiply>(out, a, b);
    case Arithmetic::kDivide: return binary<Arithmetic::kDivide>(out, a, b);
    case Arithmetic::kMaximum: return binary<Arithmetic::kMaximum>(out, a, b);
    case Arithmetic::kMinimum: return binary<Arithmetic::kMinimum>(out, a, b);
    case Arithmetic::kCount: return;
  }
}

void run_unary(const Step& step, const Kernels& kernels) {
  u32 by = unused(step.out);
  View out = aligned(step.out, by), x = aligned(step.x, by);
  usize n = out.dims[3], sx = x.strides[3], so = out.strides[3];
  // Where a map is one number wide, what comes last are its rows or the channels, which are apart.
  usize at_once = sx == 1 && so == 1 ? n : 1;
  each_line(out, x, x, [&](usize o, usize i, usize) {
    for (usize k = 0; k < n; k += at_once)
      kernels.apply(out.data + o + k * so, x.data + i + k * sx, at_once, (Function)step.numbers[0],
                    step.reals[0], step.reals[1]);
  });
}

// Planes of rows and columns that are `planes` apart, back into one map.
void run_interleave(const Step& step) {
  const View& out = step.out;
  u32 sy = step.x.dims[1], sx = step.x.dims[2], plane = step.x.dims[3], row = step.x.strides[0];
  for (u32 c = 0; c < out.dims[0]; c++)
    for (u32 y = 0; y < out.dims[1]; y++) {
      float* to = out.data + (usize)c * out.strides[0] + (usize)y * out.strides[1];
      const float* from = step.x.data + ((usize)c * sy + y % sy) * sx * plane + (usize)(y / sy) * row;
      if (sx == 2) {
        const float* second = from + plane;
        u32 half = out.dims[2] / 2;
        for (u32 x = 0; x < half; x++) to[2 * x] = from[x], to[2 * x + 1] = second[x];
        if (out.dims[2] & 1) to[2 * half] = from[half];
      } else {
        for (u32 x = 0; x < out.dims[2]; x++) to[x] = from[(usize)(x % sx) * plane + x / sx];
      }
    }
}

// Where a place of the output is in the input: the nearer neighbour before it, and how far beyond.
void source_of(u32 at, u32 in, u32 out, bool corners, u32& first, u32& second, float& rest) {
  float place = corners ? (out > 1 ? (float)at * (float)(in - 1) / (float)(out - 1) : 0)
                        : ((float)at + 0.5f) * ((float)in / (float)out) - 0.5f;
  if (place < 0) place = 0;
  first = least((u32)place, in - 1);
  second = least(first + 1, in - 1);
  rest = place - (float)first;
}

void run_resize(const Step& step) {
  const View &in = step.x, &out = step.out;
  bool linear = step.numbers[3], corners = step.numbers[2];
  for (u32 c = 0; c < out.dims[0]; c++)
    for (u32 y = 0; y < out.dims[1]; y++) {
      float* to = out.data + (usize)c * out.strides[0] + (usize)y * out.strides[1];
      const float* map = in.data + (usize)c * in.strides[0];
      if (!linear) {
        const float* from = map + (u64)y * in.dims[1] / out.dims[1] * in.strides[1];
        for (u32 x = 0; x < out.dims[2]; x++) to[x] = from[(u64)x * in.dims[2] / out.dims[2]];
        continue;
      }
      u32 y0, y1, x0, x1;
      float fy, fx;
      source_of(y, in.dims[1], out.dims[1], corners, y0, y1, fy);
      const float *a = map + (usize)y0 * in.strides[1], *b = map + (usize)y1 * in.strides[1];
      for (u32 x = 0; x < out.dims[2]; x++) {
        source_of(x, in.dims[2], out.dims[2], corners, x0, x1, fx);
        float top = a[x0] * (1 - fx) + a[x1] * fx, low = b[x0] * (1 - fx) + b[x1] * fx;
        to[x] = top * (1 - fy) + low * fy;
      }
    }
}

void run_pool(const Step& step) {
  const View &in = step.x, &out = step.out;
  const i32* p = step.numbers;
  bool maximum = p[0], padded = p[7];
  i32 height = (i32)in.dims[1], width = (i32)in.dims[2];
  for (u32 c = 0; c < out.dims[0]; c++)
    for (i32 y = 0; y < (i32)out.dims[1]; y++)
      for (i32 x = 0; x < (i32)out.dims[2]; x++) {
        i32 y0 = y * p[3] - p[5], x0 = x * p[4] - p[6];
        i32 top = most(y0, 0), left = most(x0, 0);
        i32 low = least(y0 + p[1], height), right = least(x0 + p[2], width);
        float result = maximum ? -__builtin_inff() : 0;
        for (i32 i = top; i < low; i++)
          for (i32 j = left; j < right; j++) {
            float v = in.data[(usize)c * in.strides[0] + (usize)i * in.strides[1] + (usize)j];
            result = maximum ? (v > result ? v : result) : result + v;
          }
        i32 bottom = least(y0 + p[1], height + p[5]), end = least(x0 + p[2], width + p[6]);
        i32 count = padded ? (bottom - y0) * (end - x0) : (low - top) * (right - left);
        out.data[(usize)c * out.strides[0] + (usize)y * out.strides[1] + (usize)x] =
            maximum ? result : result / (float)count;
      }
}

void run_reduce(const Step& step) {
  Reduction kind = (Reduction)step.numbers[0];
  View over = step.x, out = step.out;  // the reduced dimensions, and those that stay
  float count = 1;
  for (u32 d = 0; d < 4; d++) {
    bool reduced = step.numbers[1] >> d & 1;
    if (reduced) count *= (float)over.dims[d];
    if (!reduced) over.dims[d] = 1;
  }
  each_line(out, step.x, step.x, [&](usize o, usize i, usize) {
    for (usize l = 0; l < out.dims[3]; l++) {
      const float* from = step.x.data + i + l * step.x.strides[3];
      double sum = 0;
      float largest = -__builtin_inff();
      each_line(over, over, over, [&](usize at, usize, usize) {
        for (usize m = 0; m < over.dims[3]; m++) {
          float v = from[at + m * over.strides[3]];
          sum += v, largest = v > largest ? v : largest;
        }
      });
      out.data[o + l * out.strides[3]] = kind == Reduction::kMaximum ? largest
                                         : kind == Reduction::kSum   ? (float)sum
                                                                     : (float)(sum / count);
    }
  });
}

void run_matmul(const Step& step, const Kernels& kernels) {
  u32 by = 4 - (u32)step.numbers[0];
  View a = aligned(step.x, by), b = aligned(step.y, by), out = aligned(step.out, by);
  for (usize i = 0; i < out.dims[0]; i++)
    for (usize j = 0; j < out.dims[1]; j++) {
      float* c = out.data + i * out.strides[0] + j * out.strides[1];
      const float* x = a.data + i * a.strides[0] + j * a.strides[1];
      const float* y = b.data + i * b.strides[0] + j * b.strides[1];
      if (out.strides[2] == out.dims[3] && b.strides[2] == b.dims[3] && b.strides[3] == 1) {
        kernels.matmul(c, x, a.strides[2], a.strides[3], y, a.dims[2], a.dims[3], b.dims[3]);
        continue;
      }
      for (usize m = 0; m < a.dims[2]; m++)
        for (usize n = 0; n < b.dims[3]; n++) {
          float sum = 0;
          for (usize k = 0; k < a.dims[3]; k++)
            sum += x[m * a.strides[2] + k * a.strides[3]] * y[k * b.strides[2] + n * b.strides[3]];
          c[m * out.strides[2] + n * out.strides[3]] = sum;
        }
    }
}

void run_softmax(const Step& step, const Kernels& kernels) {
  u32 axis = (u32)step.numbers[0], n = step.x.dims[axis];
  View over = step.out, x = step.x;
  over.dims[axis] = 1;
  usize sx = x.strides[axis], so = over.strides[axis];
  each_line(over, x, x, [&](usize o, usize i, usize) {
    for (usize l = 0; l < over.dims[3]; l++) {
      const float* from = x.data + i + l * x.strides[3];
      float* to = over.data + o + l * over.strides[3];
      float largest = from[0], sum = 0;
      for (usize k = 1; k < n; k++) largest = from[k * sx] > largest ? from[k * sx] : largest;
      for (usize k = 0; k < n; k++) to[k * so] = from[k * sx] - largest;
      if (so == 1) {
        kernels.apply(to, to, n, Function::kExp, 0, 0);
      } else {
        for (usize k = 0; k < n; k++) kernels.apply(to + k * so, to + k * so, 1, Function::kExp, 0, 0);
      }
      for (usize k = 0; k < n; k++) sum += to[k * so];
      for (usize k = 0; k < n; k++) to[k * so] /= sum;
    }
  });
}

i32 inside(i32 at, i32 size, Padding mode) {
  if (mode == Padding::kReplicate) return at < 0 ? 0 : at >= size ? size - 1 : at;
  return at < 0 ? -at : at >= size ? 2 * size - 2 - at : at;
}

void run_pad(const Step& step) {
  const View &in = step.x, &out = step.out;
  Padding mode = (Padding)step.numbers[0];
  i32 height = (i32)in.dims[1], width = (i32)in.dims[2];
  for (u32 c = 0; c < out.dims[0]; c++)
    for (i32 y = 0; y < (i32)out.dims[1]; y++)
      for (i32 x = 0; x < (i32)out.dims[2]; x++) {
        i32 iy = y - step.numbers[2], ix = x - step.numbers[3];
        bool within = iy >= 0 && iy < height && ix >= 0 && ix < width;
        float v = step.reals[0];
        if (within || mode != Padding::kConstant)
          v = in.data[(usize)c * in.strides[0] + (usize)inside(iy, height, mode) * in.strides[1] +
                      (usize)inside(ix, width, mode)];
        out.data[(usize)c * out.strides[0] + (usize)y * out.strides[1] + (usize)x] = v;
      }
}

void run_shuffle(const Step& step) {
  const View &in = step.x, &out = step.out;
  u32 r = (u32)step.numbers[0];
  for (u32 c = 0; c < out.dims[0]; c++)
    for (u32 y = 0; y < out.dims[1]; y++)
      for (u32 x = 0; x < out.dims[2]; x++) {
        usize channel = ((usize)c * r + y % r) * r + x % r;
        out.data[(usize)c * out.strides[0] + (usize)y * out.strides[1] + x] =
            in.data[channel * in.strides[0] + (usize)(y / r) * in.strides[1] + x / r];
      }
}

void run_group_norm(const Step& step) {
  View over = step.x, out = step.out;
  u32 groups = (u32)step.numbers[0], of_group = over.dims[0] / groups;
  over.dims[0] = of_group;
  double count = (double)of_group * over.dims[1] * over.dims[2] * over.dims[3];
  for (u32 g = 0; g < groups; g++) {
    const float* from = over.data + (usize)g * of_group * over.strides[0];
    float* to = out.data + (usize)g * of_group * out.strides[0];
    double sum = 0, squares = 0;
    auto each = [&](auto use) {
      each_line(over, over, out, [&](usize i, usize, usize o) {
        for (usize l = 0; l < over.dims[3]; l++)
          use(from[i + l * over.strides[3]], to[o + l * out.strides[3]]);
      });
    };
    each([&](float v, float&) { sum += v; });
    double mean = sum / count;
    each([&](float v, float&) { squares += (v - mean) * (v - mean); });
    double scale = 1 / __builtin_sqrt(squares / count + step.reals[0]);
    each([&](float v, float& result) { result = (float)((v - mean) * scale); });
  }
}

}  // namespace

void run_terms(const Step& step) {
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

Refusal draw(const Generator& g, const float* latent, i32 label, float* image) {
  if (g.classes && (label < 0 || (u32)label >= g.classes)) return kLabel;
  if (g.latent) copy(g.latent, latent, 4 * (usize)g.latent_dim);
  for (u32 i = 0; i < g.step_count; i++) {
    const Step& step = g.steps[i];
    switch (step.kind) {
      case StepKind::kTerms: run_terms(step); break;
      case StepKind::kPack: g.kernels->pack(step.pack); break;
      case StepKind::kConvolve: g.kernels->convolve(step.convolve); break;
      case StepKind::kInterleave: run_interleave(step); break;
      case StepKind::kLinear: g.kernels->linear(step.linear); break;
      case StepKind::kUnary: run_unary(step, *g.kernels); break;
      case StepKind::kBinary: run_binary(step); break;
      case StepKind::kCopy: run_copy(step.x, step.out); break;
      case StepKind::kEmbedding:
        copy(step.out.data, step.x.data + (usize)label * step.out.dims[0],
             4 * (usize)step.out.dims[0]);
        break;
      case StepKind::kResize: run_resize(step); break;
      case StepKind::kPool: run_pool(step); break;
      case StepKind::kReduce: run_reduce(step); break;
      case StepKind::kMatmul: run_matmul(step, *g.kernels); break;
      case StepKind::kSoftmax: run_softmax(step, *g.kernels); break;
      case StepKind::kPad: run_pad(step); break;
      case StepKind::kShuffle: run_shuffle(step); break;
      case StepKind::kGroupNorm: run_group_norm(step); break;
    }
  }
  View out = {image, {g.channels, g.height, g.width, 1}, {g.height * g.width, g.width, 1, 0}};
  run_copy(g.image, out);
  return kNone;
}

}  // namespace sg
