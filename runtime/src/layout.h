// Where every value of an image lies: memory is used again after its last reader.
#pragma once

#include "fusion.h"
#include "geometry.h"

namespace sg {

// Where the value of an operation lies.
struct Value {
  bool needed, fixed;
  u32 last;           // the operation that uses it last
  u32 owner;          // the operation whose memory it shares, or itself
  u32 row, channel;   // strides of a map, in floats
  u64 offset;         // bytes, within the values' memory or, fixed, within the constants'
  u64 packed, planes, line;  // scratch of its own operation
  u32 reader;         // the convolution that has it as its input, if there is one
  bool direct;        // whether it lies in its reader's planes, normalised and activated
};

class Layout {
 public:
  Layout(const Graph& graph, const Kernels& kernels) : graph_(graph), kernels_(kernels) {}

  // Lays out everything that the last operation needs.
  Refusal run();

  const Value& operator[](u32 op) const { return value_[op]; }
  u64 bytes() const { return high_ + 4 * 4 * kMostLanes; }  // of the values that are computed
  u64 constant_bytes() const { return constants_; }
  Refusal geometry(const Layer& layer, Geometry& g) const;

 private:
  struct Live {
    u64 begin, end;
    u32 owner;
  };

  template <class Visit>
  void each_source(u32 op, Visit visit) const;
  void mark();
  u64 hold(u32 owner, u64 bytes);
  void release(u32 op);
  bool contiguous(u32 op) const;
  Refusal lay_out(u32 i);
  bool direct(u32 i, const Geometry& own, Geometry& next) const;

  const Graph& graph_;
  const Kernels& kernels_;
  u64 high_ = 0, constants_ = 0;
  u32 live_count_ = 0;
  Value value_[kMostOps];
  Live live_[kMostOps + 8];
};

}  // namespace sg
