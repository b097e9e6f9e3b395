#include "plan.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace sparsegan {
namespace {

// The taps of one part along one axis: kernel index k sits at tap `tap[k]`, or nowhere (-1).
struct Axis {
  int32_t extent, in_step, in_offset, out_step, out_offset;
  std::vector<int32_t> tap;
};

Axis forward_axis(int32_t kernel, int32_t stride, int32_t pad) {
  Axis axis{kernel, stride, -pad, 1, 0, {}};
  for (int32_t k = 0; k < kernel; ++k) axis.tap.push_back(k);
  return axis;
}

// Output pixel x = a * stride + phase receives kernel index k from input (x + pad - k) / stride
// where that is whole: k = first + stride * j gives input a + (phase + pad - first) / stride - j.
Axis transposed_axis(int32_t kernel, int32_t stride, int32_t pad, int32_t phase) {
  const int32_t first = (phase + pad) % stride;
  Axis axis{0, 1, 0, stride, phase, std::vector<int32_t>(kernel, -1)};
  axis.extent = first < kernel ? (kernel - first + stride - 1) / stride : 0;
  for (int32_t j = 0; j < axis.extent; ++j) axis.tap[first + stride * j] = axis.extent - 1 - j;
  axis.in_offset = (phase + pad - first) / stride - (axis.extent - 1);
  if (axis.extent == 0) axis.extent = 1, axis.in_offset = 0;
  return axis;
}

// Channels that a block should hold, lest its sums be fetched for a handful of weights each.
constexpr int32_t kFewChannels = 5;

int32_t words_for_offsets(int32_t count) { return (count + 1) / 2; }

class Builder {
 public:
  Builder(const uint8_t* mask, const Geometry& g, bool transposed, bool groups,
          const Extent& result, const Tile& tile)
      : mask_(mask), g_(g), transposed_(transposed), result_(result), tile_(tile) {
    header_ = {};
    header_.magic = kPlanMagic;
    header_.lanes = tile.lanes, header_.rows = tile.rows, header_.columns = tile.columns;
    header_.column = result.batch == 0 ? tile.lanes : result.batch;
    header_.outputs = transposed ? g.inputs : g.outputs;
    header_.inputs = transposed ? g.outputs : g.inputs;
    header_.group = groups && shared_by_groups() ? kGroup : 1;
    header_.parts = transposed ? g.stride_h * g.stride_w : 1;
    header_.layout = layout();
    if (header_.layout == kImage) header_.height = result.height, header_.width = result.width;
    header_.weights = g.outputs * g.inputs * g.kernel_h * g.kernel_w;
    words_.resize(sizeof(Header) / 4 + header_.parts * (sizeof(Part) / 4));
  }

  std::vector<int32_t> build() {
    if (!transposed_) {
      add(forward_axis(g_.kernel_h, g_.stride_h, g_.pad_h),
          forward_axis(g_.kernel_w, g_.stride_w, g_.pad_w));
    } else {
      for (int32_t h = 0; h < g_.stride_h; ++h)
        for (int32_t w = 0; w < g_.stride_w; ++w)
          add(transposed_axis(g_.kernel_h, g_.stride_h, g_.pad_h, h),
              transposed_axis(g_.kernel_w, g_.stride_w, g_.pad_w, w));
    }
    header_.words = static_cast<int32_t>(words_.size());
    std::memcpy(words_.data(), &header_, sizeof(Header));
    return std::move(words_);
  }

 private:
  // Calls visit(output, input, tap_h, tap_w, position) for the active weights of a part.
  template <typename Visit>
  void each_active(const Axis& h, const Axis& w, Visit visit) const {
    const int32_t taps = g_.kernel_h * g_.kernel_w;
    const int64_t rows = static_cast<int64_t>(g_.outputs) * g_.inputs;
    for (int64_t row = 0; row < rows; ++row) {
      const uint8_t* m = mask_ + row * taps;
      const auto out = static_cast<int32_t>(row / g_.inputs);
      const auto in = static_cast<int32_t>(row % g_.inputs);
      for (int32_t k = 0; k < taps; ++k) {
        if (!m[k]) continue;
        const int32_t th = h.tap[k / g_.kernel_w], tw = w.tap[k % g_.kernel_w];
        if (th < 0 || tw < 0) continue;
        visit(transposed_ ? in : out, transposed_ ? out : in, th, tw,
              static_cast<int32_t>(row * taps + k));
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

  // An image as one row needs a copy of every row for each column of the kernel. It wins where rows
  // are short, unless a channel's copies leave room for only a few channels in a block.
  Layout layout() const {
    if (result_.batch == 0) return kSamples;
    if (result_.width == 0) return kRowsOfPixels;
    if (result_.height == 0) return kImage;  // the rows of a 1x1 convolution
    const int64_t row = int64_t{result_.width} * result_.batch;
    const int64_t tile = int64_t{tile_.rows} * tile_.columns * tile_.lanes;
    const int64_t channel = (tile + (g_.kernel_h - 1) * row) * g_.kernel_w;
    return channel * kFewChannels <= tile_.block_elements ? kImage : kRowsOfPixels;
  }

  // The window of one row of an image that a tile reads, once for each column of the kernel and each
  // phase of its rows.
  void shape_image(Part& p) const {
    const auto pixels = [](int32_t size, int32_t offset, int32_t step) {
      return size > offset ? (size - offset + step - 1) / step : 0;
    };
    const int64_t lanes = tile_.lanes, most = int64_t{tile_.rows} * tile_.columns * lanes;
    const int64_t row =
        std::max<int64_t>(1, pixels(result_.width, p.out_offset_w, p.out_step_w)) * header_.column;
    const auto whole = [lanes](int64_t n) { return (n + lanes - 1) / lanes * lanes; };
    const int64_t image = row * std::max(1, pixels(result_.height, p.out_offset_h, p.out_step_h));
    const int64_t used = result_.height ? std::min(most, whole(image)) : most;
    const int64_t phase = whole(used + (p.extent_h - 1) / p.in_step_h * row);
    p.packed_rows = std::min(p.in_step_h, p.extent_h);
    p.phases = p.extent_w;
    if (phase * p.packed_rows * p.phases > 65536) throw std::length_error("kernel too large");
    p.row_pitch = static_cast<int32_t>(row);
    p.phase_pitch = static_cast<int32_t>(phase);
    p.channel_pitch = p.phase_pitch * p.packed_rows * p.phases;
  }

  // Where a tap begins in the packed tile of a channel.
  int32_t offset_of(const Part& p, int32_t th, int32_t tw) const {
    if (header_.layout == kImage)
      return (th % p.in_step_h * p.phases + tw) * p.phase_pitch + th / p.in_step_h * p.row_pitch;
    return th * p.row_pitch + tw % p.in_step_w * p.phase_pitch + tw / p.in_step_w * header_.column;
  }

  Part shape(const Axis& h, const Axis& w) const {
    Part p{};
    p.extent_h = h.extent, p.extent_w = w.extent;
    p.in_step_h = h.in_step, p.in_step_w = w.in_step;
    p.in_offset_h = h.in_offset, p.in_offset_w = w.in_offset;
    p.out_step_h = h.out_step, p.out_step_w = w.out_step;
    p.out_offset_h = h.out_offset, p.out_offset_w = w.out_offset;
    if (header_.layout == kImage) {
      shape_image(p);
      return p;
    }
    p.phases = std::min(w.in_step, w.extent);
    p.phase_pitch =
        tile_.columns * tile_.lanes + (w.extent - 1) / w.in_step * header_.column;
    p.row_pitch = p.phases * p.phase_pitch;
    p.packed_rows = (tile_.rows - 1) * h.in_step + h.extent;
    const int64_t pitch = static_cast<int64_t>(p.packed_rows) * p.row_pitch;
    if (pitch > 65536) throw std::length_error("kernel too large");
    p.channel_pitch = static_cast<int32_t>(pitch);
    return p;
  }

  void add(const Axis& h, const Axis& w) {
    Part p = shape(h, w);
    const int32_t outputs = header_.outputs, inputs = header_.inputs;

    std::vector<int32_t> fan_out(inputs, 0);
    each_active(h, w, [&](int32_t, int32_t in, int32_t, int32_t, int32_t) { ++fan_out[in]; });
    std::vector<int32_t> live, slot(inputs, -1);
    for (int32_t c = 0; c < inputs; ++c) {
      if (fan_out[c] == 0) continue;
      slot[c] = static_cast<int32_t>(live.size());
      live.push_back(c);
      p.active += fan_out[c];
    }
    const auto channels = static_cast<int32_t>(live.size());
    const int32_t group = header_.group, segments_of_block = outputs / group;
    const int32_t room = group > 1 ? tile_.group_block_elements : tile_.block_elements;
    const int32_t most = std::max(1, std::min(room, 65536) / p.channel_pitch);
    p.block_count = (channels + most - 1) / most;
    p.block_channels = p.block_count ? (channels + p.block_count - 1) / p.block_count : 0;

    // Entries of every (block, segment); those of each weight of a group are counted by themselves.
    std::vector<int32_t> count(static_cast<size_t>(p.block_count) * outputs, 0);
    const auto key = [&](int32_t out, int32_t in) {
      return static_cast<size_t>(slot[in] / p.block_channels) * outputs + out;
    };
    each_active(h, w, [&](int32_t out, int32_t in, int32_t, int32_t, int32_t) {
      ++count[key(out, in)];
    });

    std::vector<Block> blocks;
    std::vector<Segment> segments;
    std::vector<int32_t> next(count.size(), 0), order(segments_of_block);
    int32_t entry = 0;
    for (int32_t b = 0; b < p.block_count; ++b) {
      blocks.push_back({b * p.block_channels, static_cast<int32_t>(segments.size()), entry});
      const int32_t* n = count.data() + static_cast<size_t>(b) * outputs;
      for (int32_t i = 0; i < segments_of_block; ++i) order[i] = i * group;
      std::stable_sort(order.begin(), order.end(), [n](int32_t x, int32_t y) { return n[x] < n[y]; });
      for (const int32_t o : order) {
        if (n[o] == 0) continue;
        for (int32_t j = 0; j < group; ++j) next[static_cast<size_t>(b) * outputs + o + j] = entry;
        entry += n[o];
        segments.push_back({o, n[o]});
      }
    }
    blocks.push_back({channels, static_cast<int32_t>(segments.size()), entry});

    p.blocks = append(blocks);
    p.channels = append(live);
    p.segments = append(segments);
    p.offsets = reserve(words_for_offsets(p.active / group));
    p.positions = reserve(p.active);
    auto* offsets = reinterpret_cast<uint16_t*>(words_.data() + p.offsets);
    int32_t* positions = words_.data() + p.positions;
    each_active(h, w, [&](int32_t out, int32_t in, int32_t th, int32_t tw, int32_t position) {
      const int32_t at = next[key(out, in)]++;
      offsets[at] = static_cast<uint16_t>(slot[in] % p.block_channels * p.channel_pitch +
                                          offset_of(p, th, tw));
      positions[static_cast<int64_t>(at) * group + out % group] = position;
    });
    std::memcpy(words_.data() + sizeof(Header) / 4 + built_++ * (sizeof(Part) / 4), &p, sizeof(Part));
    header_.active += p.active;
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
  const Extent result_;
  const Tile& tile_;
  Header header_;
  std::vector<int32_t> words_;
  size_t built_ = 0;
};

}  // namespace

std::vector<int32_t> build_plan(const uint8_t* mask, const Geometry& geometry, bool transposed,
                                bool groups, const Extent& result, const Tile& tile) {
  return Builder(mask, geometry, transposed, groups, result, tile).build();
}

}  // namespace sparsegan
