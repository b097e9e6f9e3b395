// The vector kernels, for vectors of SG_LANES floats; each instruction set compiles them once.
//
// Vectors are the compiler's own (vector_size), so that SSE, AVX, NEON and WebAssembly share every
// line. SG_MULTIPLY_ADD(a, b, c) may say how a * b + c is computed; the default leaves it to the
// compiler, which contracts it where there is an instruction. SG_IN_ORDER may keep loads behind
// what is written before it.
#include "kernels.h"

namespace sg {
namespace SG_NAMESPACE {
namespace {

constexpr u32 kLanes = SG_LANES;
typedef float V __attribute__((vector_size(4 * SG_LANES)));
typedef i32 I __attribute__((vector_size(4 * SG_LANES)));
typedef float Loose __attribute__((vector_size(4 * SG_LANES), aligned(4), may_alias));

#if defined(__clang__)
#define SG_UNROLL _Pragma("unroll")
#else
#define SG_UNROLL _Pragma("GCC unroll 32")
#endif
#define SG_INLINE inline __attribute__((always_inline))
#ifndef SG_IN_ORDER
#define SG_IN_ORDER
#endif

SG_INLINE V load(const float* at) { return *(const Loose*)at; }
SG_INLINE void store(float* at, V v) { *(Loose*)at = v; }
SG_INLINE V splat(float v) { return v - V{}; }  // which is v for every v, so that nothing is left of it
SG_INLINE V larger(V a, V b) { return a > b ? a : b; }
SG_INLINE V smaller(V a, V b) { return a < b ? a : b; }
#ifndef SG_MULTIPLY_ADD
SG_INLINE V multiply_add(V a, V b, V c) { return a * b + c; }
#else
SG_INLINE V multiply_add(V a, V b, V c) { return SG_MULTIPLY_ADD(a, b, c); }
#endif

// ---- functions

// 2^n * e^r with |r| <= ln 2 / 2; the polynomial is Taylor's, off by less than a rounding.
SG_INLINE V exponential(V x) {
  x = smaller(larger(x, splat(-87.3f)), splat(88.7f));
  V magic = splat(12582912.0f);
  V n = (x * 1.44269504f + magic) - magic;
  V r = x - n * 0.693145752f - n * 1.42860677e-6f;
  V p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r * r + r + 1.0f;
  I exponent = (__builtin_convertvector(n, I) + 127) << 23;
  return p * (V)exponent;
}

SG_INLINE V logarithm(V x) {
  I bits = (I)x;
  I exponent = ((bits >> 23) & 255) - 126;
  V m = (V)((bits & 0x7fffff) | 0x3f000000);  // in [0.5, 1)
  I low = m < 0.70710678f;                    // -1 where true
  exponent += low;
  m = low ? m + m : m;
  V f = (m - 1.0f) / (m + 1.0f), s = f * f;
  V p = splat(2.0f / 11);
  p = p * s + 2.0f / 9;
  p = p * s + 2.0f / 7;
  p = p * s + 2.0f / 5;
  p = p * s + 2.0f / 3;
  p = p * s + 2.0f;
  V result = __builtin_convertvector(exponent, V) * 0.69314718f + f * p;
  V none = splat(__builtin_nanf("")), least = splat(-__builtin_inff());
  return x > 0.0f ? result : (x == 0.0f ? least : none);
}

SG_INLINE V tangent(V x) {
  V size = larger(x, -x);
  V e = exponential(size * -2.0f);
  V result = (1.0f - e) / (1.0f + e);
  V s = x * x;  // near 0 by its series, since 1 - e cancels
  V small = x * (1.0f + s * (-1.0f / 3 + s * (2.0f / 15 - s * (17.0f / 315))));
  result = x < 0.0f ? -result : result;
  return size < 0.1f ? small : result;
}

SG_INLINE V sigmoid(V x) { return 1.0f / (1.0f + exponential(-x)); }

// Abramowitz and Stegun 7.1.26, off by at most 1.5e-7.
SG_INLINE V error_function(V x) {
  V size = larger(x, -x), t = 1.0f / (1.0f + 0.3275911f * size);
  V p = t * (0.254829592f +
             t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  V result = 1.0f - p * exponential(-x * x);
  return x < 0.0f ? -result : result;
}

SG_INLINE V softplus(V x) {
  return larger(x, V{}) + logarithm(1.0f + exponential(-larger(x, -x)));
}

SG_INLINE V root(V x) {
  V result = x;
  for (u32 i = 0; i < kLanes; i++) result[i] = __builtin_sqrtf(x[i]);
  return result;
}

template <Function F>
SG_INLINE V call(V x, V a, V b) {
  switch (F) {
    case Function::kIdentity: return x;
    case Function::kRelu: return larger(x, V{});
    case Function::kLeaky: return x > 0.0f ? x : x * a;
    case Function::kTanh: return tangent(x);
    case Function::kSigmoid: return sigmoid(x);
    case Function::kSilu: return x * sigmoid(x);
    case Function::kElu: return x > 0.0f ? x : a * (exponential(x) - 1.0f);
    case Function::kGelu: return 0.5f * x * (1.0f + error_function(x * 0.70710678f));
    case Function::kGeluTanh:
      return 0.5f * x * (1.0f + tangent(0.79788456f * (x + 0.044715f * x * x * x)));
    case Function::kSoftplus: return softplus(x);
    case Function::kExp: return exponential(x);
    case Function::kLog: return logarithm(x);
    case Function::kSqrt: return root(x);
    case Function::kRsqrt: return 1.0f / root(x);
    case Function::kAbs: return larger(x, -x);
    case Function::kSquare: return x * x;
    case Function::kClamp: return smaller(larger(x, a), b);
    case Function::kScale: return x * a + b;
    case Function::kReciprocal: return 1.0f / x;
    case Function::kHardSigmoid: return smaller(larger(x / 6.0f + 0.5f, V{}), splat(1));
    case Function::kHardSilu: return x * smaller(larger(x / 6.0f + 0.5f, V{}), splat(1));
    case Function::kMish: return x * tangent(softplus(x));
    case Function::kFunctions: break;
  }
  return x;
}

// out = F(gain * in + shift) for a line; what is left over at its end is done one by one.
template <Function F>
void line(float* out, const float* in, u32 count, float gain, float shift, float a, float b) {
  V g = splat(gain), s = splat(shift), va = splat(a), vb = splat(b);
  u32 i = 0;
  for (; i + kLanes <= count; i += kLanes) store(out + i, call<F>(load(in + i) * g + s, va, vb));
  if (i == count) return;
  V rest = {};
  for (u32 j = i; j < count; j++) rest[j - i] = in[j];
  rest = call<F>(rest * g + s, va, vb);
  for (u32 j = i; j < count; j++) out[j] = rest[j - i];
}

typedef void (*Line)(float*, const float*, u32, float, float, float, float);

Line line_of(Function function) {
  switch (function) {
#define SG_LINE(name) case Function::name: return line<Function::name>;
    SG_LINE(kRelu) SG_LINE(kLeaky) SG_LINE(kTanh) SG_LINE(kSigmoid) SG_LINE(kSilu) SG_LINE(kElu)
    SG_LINE(kGelu) SG_LINE(kGeluTanh) SG_LINE(kSoftplus) SG_LINE(kExp) SG_LINE(kLog) SG_LINE(kSqrt)
    SG_LINE(kRsqrt) SG_LINE(kAbs) SG_LINE(kSquare) SG_LINE(kClamp) SG_LINE(kScale)
    SG_LINE(kReciprocal) SG_LINE(kHardSigmoid) SG_LINE(kHardSilu) SG_LINE(kMish)
#undef SG_LINE
    default: return line<Function::kIdentity>;
  }
}

void apply(float* out, const float* in, u32 count, Function function, float a, float b) {
  line_of(function)(out, in, count, 1, 0, a, b);
}

// ---- packing

#if SG_LANES == 4
#define SG_TWICE 0, 0, 1, 1
#define SG_TWICE_HIGH 2, 2, 3, 3
#define SG_TWICE_ODD 0, 1, 1, 2
#elif SG_LANES == 8
#define SG_TWICE 0, 0, 1, 1, 2, 2, 3, 3
#define SG_TWICE_HIGH 4, 4, 5, 5, 6, 6, 7, 7
#define SG_TWICE_ODD 0, 1, 1, 2, 2, 3, 3, 4
#else
#define SG_TWICE 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7
#define SG_TWICE_HIGH 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15
#define SG_TWICE_ODD 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8
#endif

// The first or the second half of a vector, each value twice; odd: from the second of the first two
// on.
SG_INLINE V twice(V v) { return __builtin_shufflevector(v, v, SG_TWICE); }
SG_INLINE V twice_high(V v) { return __builtin_shufflevector(v, v, SG_TWICE_HIGH); }
SG_INLINE V twice_odd(V v) { return __builtin_shufflevector(v, v, SG_TWICE_ODD); }

// A line, whole vectors of it: what is written beyond its end, the next line or zeros take back.
// Values come from `shift` places further on, after they have been doubled where `Doubled` says so.
template <Function F, bool Doubled>
SG_INLINE void shifted(float* out, const float* in, u32 width, i32 shift, float gain, float add,
                       float a) {
  V g = splat(gain), s = splat(add), va = splat(a);
  if (!Doubled) {
    for (u32 x = 0; x < width; x += kLanes)
      store(out + x, call<F>(multiply_add(load(in + shift + (i32)x), g, s), va, va));
    return;
  }
  in += shift >> 1;
  for (u32 x = 0; x < width; x += kLanes) {
    V v = call<F>(multiply_add(load(in + x / 2), g, s), va, va);
    store(out + x, shift & 1 ? twice_odd(v) : twice(v));
  }
}

__attribute__((noinline)) void clear(float* at, usize count) {
  usize i = 0;
  for (; i + kLanes <= count; i += kLanes) store(at + i, V{});
  for (; i < count; i++) at[i] = 0;
}

// All lines of a channel, each value four times: whole vectors in, and two rows of two out.
template <Function F>
void double_lines(const Pack& p, float* at, const float* in, float gain, float add) {
  V g = splat(gain), s = splat(add), va = splat(p.a);
  u32 width = p.in.width, last = p.bordered ? 2 * width : p.row;
  for (u32 y = 0; y < p.in.height; y++, in += p.in.row, at += 2 * p.row) {
    float* next = at + p.row;
    for (u32 x = 0; x < width; x += kLanes) {
      V v = call<F>(multiply_add(load(in + x), g, s), va, va), low = twice(v), high = twice_high(v);
      store(at + 2 * x, low), store(at + 2 * x + kLanes, high);
      store(next + 2 * x, low), store(next + 2 * x + kLanes, high);
    }
    for (u32 x = last; x < p.row; x++) at[x] = next[x] = 0;
  }
}

// The lines from `begin` to `end` of a channel, with the zeros at their ends.
template <Function F, bool Doubled>
void pack_lines(const Pack& p, float* channel, const float* in, u32 begin, u32 end, float gain,
                float add) {
  if (Doubled && !begin && end == p.in.height && !p.copies && p.in.width % kLanes == 0 &&
      p.first_row <= 0 && 2 * end + (u32)-p.first_row <= p.rows)
    return double_lines<F>(p, channel + p.origin + (usize)-p.first_row * p.row, in, gain, add);
  u32 width = p.in.width << Doubled;
  u32 planes = most(1u, p.copies);
  for (u32 k = 0; k < planes; k++) {
    i32 shift = p.copies ? p.first_column + (i32)k : 0;
    u32 first = (u32)least(most(0, -shift), (i32)p.row);
    u32 last = p.bordered ? (u32)least(most(0, (i32)width - shift), (i32)p.row) : p.row;
    u32 written = p.copies ? last : width;  // a copy to the right ends later than its line
    const float* from = in;
    for (u32 y = begin << Doubled; y < end << Doubled; y++) {
      i32 r = (i32)y - p.first_row;
      if (r >= 0 && r < (i32)p.rows) {
        float* at = channel + p.origin + k * p.plane + (usize)r * p.row;
        shifted<F, Doubled>(at, from, written, shift, gain, add, p.a);
        for (u32 x = 0; x < first; x++) at[x] = 0;
        for (u32 x = last; x < p.row; x++) at[x] = 0;
      }
      if (!Doubled || y & 1) from += p.in.row;
    }
  }
}

typedef void (*PackLines)(const Pack&, float*, const float*, u32, u32, float, float);

// What is as quick as a copy is computed while a line is laid down; null: beforehand.
PackLines pack_lines_of(Function function, bool doubled) {
  switch (function) {
#define SG_PACK(name)     \
  case Function::name:    \
    return doubled ? pack_lines<Function::name, true> : pack_lines<Function::name, false>;
    SG_PACK(kIdentity) SG_PACK(kRelu) SG_PACK(kLeaky)
#undef SG_PACK
    default: return nullptr;
  }
}

// Every value of a line `up` times.
void widen(float* out, const float* in, u32 width, u32 up) {
  for (u32 x = 0; x < width; x++)
    for (u32 i = 0; i < up; i++) out[up * x + i] = in[x];
}

// A line into the planes of its row, every stride-th value into one.
void scatter(const Pack& p, float* channel, const float* values, u32 y) {
  i32 r = (i32)(y / p.stride_y) - p.first_row;
  if (r < 0 || r >= (i32)p.rows) return;
  float* at = channel + p.origin + (usize)r * p.row;
  at += (usize)(y % p.stride_y) * p.stride_x * p.plane;
  u32 width = p.in.width * p.up;
  for (u32 q = 0; q < p.stride_x; q++, at += p.plane)
    for (u32 x = q, i = 0; x < width && i < p.row; x += p.stride_x) at[i++] = values[x];
}

// Zeros above and below the rows of a plane that hold the input.
void clear_border(const Pack& p, float* plane) {
  i32 top = least(most(0, -p.first_row), (i32)p.rows);
  i32 low = least(most(top, (i32)(p.in.height * p.up) - p.first_row), (i32)p.rows);
  clear(plane, p.origin + (usize)top * p.row);
  clear(plane + p.origin + (usize)low * p.row, ((usize)p.rows - (usize)low) * p.row);
}

// The zeros around a map that a convolution has laid down, rows of it and what ends them.
void enclose(const Pack& p) {
  for (u32 c = 0; c < p.in.channels; c++) {
    float* plane = p.out + (usize)c * p.channel;
    float* at = plane + p.origin - p.first_row * (i32)p.row;
    for (u32 y = 0; y < p.in.height; y++, at += p.row)
      for (u32 x = p.in.width; x < p.row; x++) at[x] = 0;
    clear_border(p, plane);
  }
}

void pack(const Pack& p) {
  if (p.laid) return enclose(p);
  u32 strided = p.stride_y * p.stride_x;
  bool doubled = p.up == 2, simple = strided == 1 && p.up <= 2;
  PackLines direct = simple ? pack_lines_of(p.function, doubled) : nullptr;
  PackLines plain = pack_lines_of(Function::kIdentity, doubled && simple);
  Line compute = line_of(p.function);
  u32 planes = p.copies ? p.copies : strided;
  Pack wide = p;  // of lines that are computed and widened already
  if (!simple) wide.in.width *= p.up, wide.in.height *= p.up, wide.up = 1;
  for (u32 c = 0; c < p.in.channels; c++) {
    float gain = p.gain ? p.gain[c] : 1, add = p.shift ? p.shift[c] : 0;
    const float* in = p.in.data + (usize)c * p.in.channel;
    float* channel = p.out + (usize)c * p.channel;
    if (strided > 1) zero(channel, 4 * (usize)planes * p.plane);
    if (direct) direct(p, channel, in, 0, p.in.height, gain, add);
    for (u32 y = 0; !direct && y < p.in.height; y++, in += p.in.row) {
      float* values = p.line;
      compute(values, in, p.in.width, gain, add, p.a, p.b);
      if (simple) {
        plain(p, channel, values, y, y + 1, 1, 0);
        continue;
      }
      if (p.up > 1) widen(values + p.in.width, values, p.in.width, p.up), values += p.in.width;
      for (u32 i = 0, at = y * p.up; i < p.up; i++, at++) {
        if (strided > 1)
          scatter(p, channel, values, at);
        else
          plain(wide, channel, values, at, at + 1, 1, 0);
      }
    }
    if (p.bordered && strided == 1)
      for (u32 k = 0; k < planes; k++) clear_border(p, channel + (usize)k * p.plane);
  }
}

// ---- convolution

// Sums of N vectors of every output, in registers over its list of weights. Few vectors are summed
// in several chains, since an addition takes longer than the next one has to wait for a unit.
template <u32 N>
void convolve_tile(const Convolve& job, const float* in, float* out, const u32* start,
                   const float* bias, const float* gain) {
  constexpr u32 kChains = N == 1 ? 8 : N == 2 ? 4 : N <= 4 ? 2 : 1;
  const char* base = (const char*)in;
  for (u32 o = 0; o < job.outputs; o++, out += job.out_stride) {
    const Weight *w = job.weights + start[o], *end = job.weights + start[o + 1];
    V sums[kChains][N];
    if (bias) {
      V first = splat(bias[o]);
      SG_UNROLL for (u32 i = 0; i < N; i++) sums[0][i] = first;
    } else {
      SG_UNROLL for (u32 i = 0; i < N; i++) sums[0][i] = load(out + i * kLanes);
    }
    if constexpr (kChains > 1) {
      SG_UNROLL for (u32 k = 1; k < kChains; k++)
        SG_UNROLL for (u32 i = 0; i < N; i++) sums[k][i] = V{};
      for (; w + kChains <= end; w += kChains) {
        SG_UNROLL for (u32 k = 0; k < kChains; k++) {
          const float* x = (const float*)(base + w[k].offset);
          V value = splat(w[k].value);
          SG_UNROLL for (u32 i = 0; i < N; i++)
            sums[k][i] = multiply_add(value, load(x + i * kLanes), sums[k][i]);
        }
      }
    }
    for (; w < end; w++) {
      const float* x = (const float*)(base + w->offset);
      V value = splat(w->value);
      SG_UNROLL for (u32 i = 0; i < N; i++) {
        sums[0][i] = multiply_add(value, load(x + i * kLanes), sums[0][i]);
        SG_IN_ORDER;
      }
    }
    SG_UNROLL for (u32 k = 1; k < kChains; k++)
      SG_UNROLL for (u32 i = 0; i < N; i++) sums[0][i] += sums[k][i];
    if (gain) {
      V g = splat(gain[o]), s = splat(job.shift[o]);
      SG_UNROLL for (u32 i = 0; i < N; i++)
        sums[0][i] = larger(multiply_add(sums[0][i], g, s), V{});
    }
    SG_UNROLL for (u32 i = 0; i < N; i++) store(out + i * kLanes, sums[0][i]);
  }
}

void convolve(const Convolve& job) {
  u32 tiles = (job.vectors + SG_MOST_VECTORS - 1) / SG_MOST_VECTORS;
  for (u32 b = 0; b < job.blocks; b++) {
    const u32* start = job.start + (usize)b * job.outputs;
    const float* bias = b ? nullptr : job.bias;
    const float* gain = b + 1 == job.blocks ? job.gain : nullptr;
    u32 done = 0;
    for (u32 t = 0; t < tiles; t++) {
      u32 end = (u32)((u64)job.vectors * (t + 1) / tiles), count = end - done;
      const float* in = job.in + (usize)done * kLanes;
      float* out = job.out + (usize)done * kLanes;
      done = end;
      switch (count) {
#define SG_TILE(n) case n: convolve_tile<n>(job, in, out, start, bias, gain); break;
        SG_TILE(1) SG_TILE(2) SG_TILE(3) SG_TILE(4) SG_TILE(5) SG_TILE(6) SG_TILE(7) SG_TILE(8)
#if SG_MOST_VECTORS > 8
        SG_TILE(9) SG_TILE(10) SG_TILE(11) SG_TILE(12)
#endif
#if SG_MOST_VECTORS > 12
        SG_TILE(13) SG_TILE(14) SG_TILE(15) SG_TILE(16)
#endif
#undef SG_TILE
      }
    }
  }
}

// ---- matrices

void linear(const Linear& job) {
  const char* base = (const char*)job.in;
  auto at = [base](i32 offset) { return *(const float*)(base + offset); };
  for (u32 o = 0; o < job.outputs; o++) {
    const Weight *w = job.weights + job.start[o], *end = job.weights + job.start[o + 1];
    float sums[4] = {job.bias[o], 0, 0, 0};
    for (; w + 4 <= end; w += 4)
      for (u32 i = 0; i < 4; i++) sums[i] += w[i].value * at(w[i].offset);
    for (; w < end; w++) sums[0] += w->value * at(w->offset);
    job.out[o] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }
}

void matmul(float* c, const float* a, usize a_row, usize a_column, const float* b, u32 m, u32 k,
            u32 n) {
  for (u32 i = 0; i < m; i++, c += n, a += a_row) {
    u32 j = 0;
    for (; j + 4 * kLanes <= n; j += 4 * kLanes) {
      V sums[4] = {};
      for (u32 l = 0; l < k; l++) {
        V value = splat(a[l * a_column]);
        const float* x = b + (usize)l * n + j;
        SG_UNROLL for (u32 t = 0; t < 4; t++)
          sums[t] = multiply_add(value, load(x + t * kLanes), sums[t]);
      }
      SG_UNROLL for (u32 t = 0; t < 4; t++) store(c + j + t * kLanes, sums[t]);
    }
    for (; j < n; j++) {
      float sum = 0;
      for (u32 l = 0; l < k; l++) sum += a[l * a_column] * b[(usize)l * n + j];
      c[j] = sum;
    }
  }
}

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {SG_NAME, SG_LANES, SG_MOST_VECTORS, SG_COPY_FROM, SG_CACHE_BYTES,
                          pack,    convolve, linear,          apply,        matmul};

}  // namespace SG_NAMESPACE
}  // namespace sg
