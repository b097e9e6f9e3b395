// What all files here share: short names of types, and the few functions of a C library.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace sg {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i32 = int32_t;
using i64 = int64_t;
using usize = size_t;

inline void copy(void* to, const void* from, usize bytes) { __builtin_memcpy(to, from, bytes); }
inline void zero(void* to, usize bytes) { __builtin_memset(to, 0, bytes); }

template <class T>
inline T least(T a, T b) {
  return a < b ? a : b;
}
template <class T>
inline T most(T a, T b) {
  return a > b ? a : b;
}
template <class T>
inline T rounded_up(T value, T step) {
  return (value + step - 1) / step * step;
}
inline i64 floor_division(i64 a, i64 b) { return a / b - (a % b < 0); }

template <class T>
inline T read(const u8* at) {  // little-endian machines alone have WebAssembly, SSE and NEON here
  T value;
  copy(&value, at, sizeof value);
  return value;
}

inline bool same(const u8* a, const u8* b, usize bytes) {
  for (usize i = 0; i < bytes; i++)
    if (a[i] != b[i]) return false;
  return true;
}

// Why a file is not taken; sentence() says it. The numbers are those of the C interface.
enum Refusal : i32 {
  kNone = 0,
  kNoSafetensors,
  kNoPackedGenerator,
  kNewer,
  kDamaged,
  kGraph,
  kUnknownOperation,
  kWeights,
  kTooLarge,
  kArena,
  kLabel,
};
const char* sentence(i32 refusal);

#define SG_TRY(expression)                             \
  do {                                                 \
    if (Refusal refusal_ = (expression)) return refusal_; \
  } while (0)

// What one file may ask for.
constexpr u32 kMostOps = 1024;
constexpr u32 kMostTensors = 1024;
constexpr u32 kMostHeaderBytes = 1 << 20;
constexpr u64 kMostFileBytes = (u64)1 << 31;
constexpr u64 kMostWeights = (u64)1 << 28;     // of one tensor
constexpr u64 kMostElements = (u64)1 << 25;    // of one value
constexpr u64 kMostWork = (u64)1 << 40;         // operations on numbers for one image
constexpr u64 kMostArenaBytes = (u64)3 << 30;
constexpr u32 kMostSize = 1 << 16;             // of one dimension, kernel, stride or padding

}  // namespace sg
