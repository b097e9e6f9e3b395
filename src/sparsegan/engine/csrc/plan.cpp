#include "plan.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace sparsegan {
namespace {

// Where a kernel index reads, for one part: in which phase of the source, and so many packed pixels
// after the first; a phase of -1: nowhere.
struct Tap {
  int32_t phase, shift;
};

// A convolution along one axis.
struct Axis {
  int32_t step = 1, offset = 0, phases = 1, parts = 1;
  int32_t size = 0;               // pixels of a part of the result
  int32_t extent = 1;             // packed pixels that one pixel of the result meets
  int32_t zeros = 0;              // packed pixels that end a row and begin the next
  std::vector<Tap> taps;          // part * kernel + index

  int32_t packed() const { return size + extent - 1; }
};

// Zeros that every phase has at both ends.
void share_zeros(Axis& axis, int32_t source) {
  axis.zeros = axis.packed();
  for (int32_t phase = 0; phase < axis.phases; ++phase) {
    int32_t left = 0, right = 0;
    for (int32_t i = 0; i < axis.packed(); ++i) {
      const int32_t pixel = i * axis.step + phase + axis.offset;
      left += pixel < 0, right += pixel >= source;
    }
    axis.zeros = std::min({axis.zeros, left, right});
  }
  // A row of the result is no longer than the distance of two rows.
  axis.zeros = std::min(axis.zeros, axis.extent - 1);
}

Axis forward_axis(int32_t kernel, int32_t stride, int32_t pad, int32_t source, int32_t result) {
  Axis axis;
  axis.step = stride, axis.offset = -pad, axis.phases = std::min(stride, kernel), axis.size = result;
  for (int32_t k = 0; k < kernel; ++k) {
    axis.taps.push_back({k % stride, k / stride});
    axis.extent = std::max(axis.extent, k / stride + 1);
  }
  share_zeros(axis, source);
  return axis;
}

// Pixel x = a * stride + part of the result receives kernel index k from source pixel
// (x + pad - k) / stride where that is whole.
Axis transposed_axis(int32_t kernel, int32_t stride, int32_t pad, int32_t source, int32_t result) {
  Axis axis;
  axis.parts = stride, axis.size = (result + stride - 1) / stride;
  axis.taps.assign(static_cast<size_t>(stride) * kernel, {-1, 0});
  int32_t first = INT32_MAX, last = INT32_MIN;
  for (int32_t part = 0; part < stride; ++part)
    for (int32_t k = 0; k < kernel; ++k) {
      const int32_t distance = part + pad - k;
      if (distance % stride) continue;
      axis.taps[part * kernel + k] = {0, distance / stride};
      first = std::min(first, distance / stride), last = std::max(last, distance / stride);
    }
  if (first <= last) {
    axis.offset = first, axis.extent = last - first + 1;
    for (Tap& tap : axis.taps)
      if (tap.phase == 0) tap.shift -= first;
  }
  share_zeros(axis, source);
  return axis;
}

// Every column of the kernel meets a copy of its own: the packed row from its first pixel on. Rows
// need no zeros between them then, and vectors begin where the cache's lines do.
void copy_columns(Axis& axis) {
  for (Tap& tap : axis.taps) {
    if (tap.phase >= 0) tap.phase += tap.shift * axis.phases;
    tap.shift = 0;
  }
  axis.phases *= axis.extent;
  axis.extent = 1, axis.zeros = 0;
}

constexpr int32_t kManyWeights = 32;

int64_t whole(int64_t elements, int64_t lanes) { return (elements + lanes - 1) / lanes * lanes; }

class Builder {
 public:
  Builder(const uint8_t* mask, const Geometry& g, bool transposed, bool groups, const Sizes& sizes,
          bool many, const Tile& tile)
      : mask_(mask), g_(g), transposed_(transposed), tile_(tile) {
    const auto axis = transposed ? transposed_axis : forward_axis;
    const Sizes& s = sizes;
    const Sizes turned = transposed ? Sizes{s.out_h, s.out_w, s.in_h, s.in_w} : s;
    h_ = axis(g.kernel_h, g.stride_h, g.pad_h, turned.in_h, turned.out_h);
    w_ = axis(g.kernel_w, g.stride_w, g.pad_w, turned.in_w, turned.out_w);
    header_.magic = kPlanMagic;
    header_.lanes = tile.lanes, header_.vectors = tile.vectors;
    header_.source_height = turned.in_h, header_.source_width = turned.in_w;
    header_.height = turned.out_h, header_.width = turned.out_w;
    header_.outputs = transposed ? g.inputs : g.outputs;
    header_.inputs = transposed ? g.outputs : g.inputs;
    header_.weights = g.outputs * g.inputs * g.kernel_h * g.kernel_w;
    header_.group = groups && shared_by_groups() ? kGroup : 1;
    header_.column = many && w_.size < tile.lanes ? tile.lanes : 1;
    if (worth_copies()) copy_columns(w_);
    shape();
  }

  std::vector<int32_t> build() {
    words_.resize(sizeof(Header) / 4);
    add_entries();
    header_.words = static_cast<int32_t>(words_.size());
    std::memcpy(words_.data(), &header_, sizeof(Header));
    return std::move(words_);
  }

 private:
  // Copies are worth their making where vectors are then read from whole lines of the cache, and where
  // an input channel meets many weights.
  bool worth_copies() const {
    if (w_.extent == 1 || header_.column > 1 || w_.size % tile_.lanes) return false;
    const int64_t size = int64_t{header_.weights};
    return std::count(mask_, mask_ + size, uint8_t{1}) >= int64_t{kManyWeights} * header_.inputs;
  }

  // Calls visit(segment's output, input, offset in a channel, position) for the active weights.
  template <typename Visit>
  void each_active(Visit visit) const {
    const int32_t taps = g_.kernel_h * g_.kernel_w;
    const int64_t rows = static_cast<int64_t>(g_.outputs) * g_.inputs;
    for (int64_t row = 0; row < rows; ++row) {
      const uint8_t* m = mask_ + row * taps;
      const auto first = static_cast<int32_t>(row / g_.inputs);
      const auto second = static_cast<int32_t>(row % g_.inputs);
      const int32_t output = transposed_ ? second : first, input = transposed_ ? first : second;
      for (int32_t k = 0; k < taps; ++k) {
        if (!m[k]) continue;
        for (int32_t part = 0; part < header_.parts(); ++part) {
          const Tap& a = h_.taps[part / w_.parts * g_.kernel_h + k / g_.kernel_w];
          const Tap& b = w_.taps[part % w_.parts * g_.kernel_w + k % g_.kernel_w];
          if (a.phase < 0 || b.phase < 0) continue;
          const int64_t offset = int64_t{a.phase * w_.phases + b.phase} * header_.plane +
                                 int64_t{a.shift} * header_.pitch + int64_t{b.shift} * header_.column;
          visit(part * header_.outputs + output, input, offset,
                static_cast<int32_t>(row * taps + k));
        }
      }
    }
  }

  // Whether every four neighbouring outputs have the same active weights.
  bool shared_by_groups() const {
    if (header_.outputs % kGroup) return false;
    const int64_t taps = int64_t{1} * g_.kernel_h * g_.kernel_w;
    const int64_t run = transposed_ ? taps : g_.inputs * taps;  // mask bytes of one output
    const int64_t repeats = transposed_ ? g_.outputs : 1;
    for (int64_t i = 0; i < repeats * header_.outputs / kGroup; ++i) {
      const uint8_t* first = mask_ + i * kGroup * run;
      for (int j = 1; j < kGroup; ++j)
        if (std::memcmp(first, first + j * run, run) != 0) return false;
    }
    return true;
  }

  void shape() {
    Header& h = header_;
    h.step_h = h_.step, h.step_w = w_.step;
    h.offset_h = h_.offset, h.offset_w = w_.offset;
    h.phases_h = h_.phases, h.phases_w = w_.phases;
    h.parts_h = h_.parts, h.parts_w = w_.parts;
    h.rows = h_.size, h.columns = w_.size;
    h.more_rows = h_.extent - 1, h.packed_columns = w_.packed();
    const int64_t lanes = tile_.lanes, phases = h.phases_h * h.phases_w;
    const int64_t pitch = int64_t{w_.packed() - w_.zeros} * h.column;
    const int64_t beside = int64_t{w_.extent - 1} * h.column;
    // Rows whose input and sums fit the L2 cache; but those around them are packed again for the next.
    const int64_t input = h.inputs * phases * pitch, sums = h.outputs * h.parts() * pitch;
    const int64_t fit = (tile_.band_elements - input * h.more_rows) / std::max<int64_t>(1, input + sums);
    h.band_rows = static_cast<int32_t>(std::min<int64_t>(h.rows, std::max<int64_t>(fit, 2 * h.more_rows + 2)));
    const int64_t bands = (h.rows + h.band_rows - 1) / h.band_rows;
    h.band_rows = static_cast<int32_t>((h.rows + bands - 1) / bands);
    // Whole vectors of results read so far; and the last row is stored whole.
    const int64_t result = whole((h.band_rows - 1) * pitch + int64_t{h.columns} * h.column, lanes);
    const int64_t read = result + h.more_rows * pitch + beside;
    const int64_t stored = (h.band_rows + h.more_rows - 1) * pitch + int64_t{w_.packed()} * h.column;
    int64_t plane = whole(std::max(read, stored), 16);
    if (plane % 1024 == 0) plane += 16;  // or all channels would meet in the same lines of the cache
    if (plane * phases > INT32_MAX / 2) throw std::length_error("image too large");
    const int64_t most = std::min(result, lanes * tile_.vectors);
    tile_elements_ = std::min(most + h.more_rows * pitch + beside, (h.more_rows + 1) * (most + beside));
    h.pitch = static_cast<int32_t>(pitch), h.plane = static_cast<int32_t>(plane);
    h.channel_pitch = static_cast<int32_t>(plane * phases);
  }

  void add_entries() {
    Header& h = header_;
    const int32_t virtual_outputs = h.outputs * h.parts();
    std::vector<int32_t> fan_out(h.inputs, 0), live, slot(h.inputs, -1);
    each_active([&](int32_t, int32_t in, int64_t, int32_t) { ++fan_out[in]; });
    for (int32_t c = 0; c < h.inputs; ++c) {
      if (fan_out[c] == 0) continue;
      slot[c] = static_cast<int32_t>(live.size());
      live.push_back(c);
      h.active += fan_out[c];
    }
    const int32_t room = h.group > 1 ? tile_.group_block_elements : tile_.block_elements;
    const int64_t met = tile_elements_ * h_.phases * w_.phases;
    const auto most = static_cast<int32_t>(std::max<int64_t>(1, room / met));
    h.channel_count = static_cast<int32_t>(live.size());
    h.block_count = std::max(1, (h.channel_count + most - 1) / most);
    h.block_channels = std::max(1, (h.channel_count + h.block_count - 1) / h.block_count);
    if (int64_t{h.block_channels} * h.channel_pitch > INT32_MAX / 2)
      throw std::length_error("image too large");

    // Entries of every (block, segment); those of each weight of a group are counted by themselves.
    std::vector<int32_t> count(static_cast<size_t>(h.block_count) * virtual_outputs, 0);
    const auto key = [&](int32_t out, int32_t in) {
      return static_cast<size_t>(slot[in] / h.block_channels) * virtual_outputs + out;
    };
    each_active([&](int32_t out, int32_t in, int64_t, int32_t) { ++count[key(out, in)]; });

    std::vector<Block> blocks;
    std::vector<Segment> segments;
    std::vector<int32_t> next(count.size(), 0), order(virtual_outputs / h.group);
    int32_t entry = 0;
    for (int32_t b = 0; b < h.block_count; ++b) {
      blocks.push_back({b * h.block_channels, static_cast<int32_t>(segments.size()), entry});
      const int32_t* n = count.data() + static_cast<size_t>(b) * virtual_outputs;
      for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i) * h.group;
      std::stable_sort(order.begin(), order.end(), [n](int32_t x, int32_t y) { return n[x] < n[y]; });
      for (const int32_t o : order) {
        if (n[o] == 0 && b > 0) continue;  // the first block begins all sums
        for (int32_t j = 0; j < h.group; ++j)
          next[static_cast<size_t>(b) * virtual_outputs + o + j] = entry;
        entry += n[o];
        segments.push_back({o, n[o]});
      }
    }
    blocks.push_back({h.channel_count, static_cast<int32_t>(segments.size()), entry});

    h.blocks = append(blocks);
    h.channels = append(live);
    h.segments = append(segments);
    h.offsets = reserve(h.active / h.group);
    h.positions = reserve(h.active);
    int32_t* offsets = words_.data() + h.offsets;
    int32_t* positions = words_.data() + h.positions;
    each_active([&](int32_t out, int32_t in, int64_t offset, int32_t position) {
      const int32_t at = next[key(out, in)]++;
      offsets[at] = static_cast<int32_t>(slot[in] % h.block_channels * int64_t{h.channel_pitch} + offset);
      positions[static_cast<int64_t>(at) * h.group + out % h.group] = position;
    });
  }

  int32_t reserve(size_t count) {
    const size_t first = words_.size();
    if (first + count > INT32_MAX) throw std::length_error("weight too large");
    words_.resize(first + count);
    return static_cast<int32_t>(first);
  }

  template <typename Item>
  int32_t append(const std::vector<Item>& items) {
    const int32_t first = reserve(items.size() * sizeof(Item) / 4);
    if (!items.empty()) std::memcpy(words_.data() + first, items.data(), items.size() * sizeof(Item));
    return first;
  }

  const uint8_t* mask_;
  const Geometry& g_;
  const bool transposed_;
  const Tile& tile_;
  Axis h_, w_;
  Header header_{};
  int64_t tile_elements_ = 0;  // that a register tile meets in one phase of a channel
  std::vector<int32_t> words_;
};

}  // namespace

std::vector<int32_t> build_plan(const uint8_t* mask, const Geometry& geometry, bool transposed,
                                bool groups, const Sizes& sizes, bool many,
                                const Tile& tile) {
  return Builder(mask, geometry, transposed, groups, sizes, many, tile).build();
}

}  // namespace sparsegan
