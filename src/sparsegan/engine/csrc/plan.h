// The plan of a sparse convolution: which weight meets which element of a packed input tile.
//
// A plan is one array of int32 words, so that it travels as a plain tensor:
//   Header | Part[parts] | per part: blocks, channels, segments, offsets, positions
// A *part* is a stride-one-like convolution that fills every out_step-th output pixel. A forward
// convolution has one part; the input gradient of a convolution of stride s has s*s, one for every
// phase of the pixels. A *block* is a run of live input channels whose packed tile fits the L1
// cache. Inside a block the active weights are grouped in *segments*, one for each output channel,
// sorted by their length so that the inner loop's trip count is predictable. Where every four
// neighbouring output channels have the same active weights, a segment may be theirs together: an
// *entry* is then one offset with four weights, else with one.
#pragma once
#include <cstdint>
#include <vector>

// Functions that several instruction sets' code contains must never be shared between them.
#define SPARSEGAN_INLINE inline __attribute__((always_inline))

namespace sparsegan {

constexpr int32_t kPlanMagic = 0x53475032;
constexpr int32_t kGroup = 4;  // output channels that may share a segment

// The register tile of an instruction set: rows x columns vectors of `lanes` elements each, and how
// many elements of packed input a block may hold.
struct Tile {
  int32_t lanes, rows, columns, block_elements;
  int32_t group_block_elements;  // the same for entries of four, which meet every element four times
};

// How the elements of a result are laid into vectors: as `lanes` samples of one pixel each, as rows
// of (pixel, sample), or as one long row of all pixels of an image.
enum Layout : int32_t { kSamples = 0, kRowsOfPixels = 1, kImage = 2 };

// The shape of a result that a plan is laid out for. A batch of 0 asks for vectors of samples; the
// height and width of an image, where they are given (not 0), may be used to lay it out as one row.
struct Extent {
  int32_t batch, height, width;
};

// Geometry of a convolution weight (outputs, inputs, kernel_h, kernel_w).
struct Geometry {
  int32_t outputs, inputs, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

struct Header {
  int32_t magic, words;
  int32_t lanes, rows, columns;
  int32_t column;   // elements between two neighbouring pixels of a packed row
  int32_t layout;   // a Layout
  int32_t height, width;  // of the result that the plan is laid out for, where they matter, else 0
  int32_t outputs, inputs;
  int32_t group;    // weights of an entry: 1 or kGroup
  int32_t parts;
  int32_t weights;  // size of the dense weight
  int32_t active;   // active weights of all parts
};

struct Part {
  int32_t extent_h, extent_w;    // taps
  int32_t in_step_h, in_step_w;  // input pixels from one output pixel of this part to the next
  int32_t in_offset_h, in_offset_w;
  int32_t out_step_h, out_step_w;
  int32_t out_offset_h, out_offset_w;
  int32_t channel_pitch, row_pitch, phase_pitch;  // of the packed tile, in elements
  int32_t packed_rows, phases;   // kImage: phases of rows
  int32_t block_channels;  // most channels of a block
  int32_t block_count, active;
  int32_t blocks, channels, segments, offsets, positions;  // first word of each section
};

struct Block {
  int32_t channel, segment, entry;  // the first of each; the next block's are the ends
};

struct Segment {
  int32_t output, count;  // the (first) output channel, the entries
};

// A plan read in place.
struct Plan {
  const int32_t* words;
  SPARSEGAN_INLINE const Header& header() const { return *reinterpret_cast<const Header*>(words); }
  SPARSEGAN_INLINE const Part& part(int i) const {
    return reinterpret_cast<const Part*>(words + sizeof(Header) / 4)[i];
  }
  SPARSEGAN_INLINE const Block* blocks(const Part& p) const {
    return reinterpret_cast<const Block*>(words + p.blocks);
  }
  SPARSEGAN_INLINE const int32_t* channels(const Part& p) const { return words + p.channels; }
  SPARSEGAN_INLINE const Segment* segments(const Part& p) const {
    return reinterpret_cast<const Segment*>(words + p.segments);
  }
  SPARSEGAN_INLINE const uint16_t* offsets(const Part& p) const {
    return reinterpret_cast<const uint16_t*>(words + p.offsets);
  }
  // Flat positions in the dense weight, in the plan's order: those of an entry side by side.
  SPARSEGAN_INLINE const int32_t* positions(const Part& p) const { return words + p.positions; }
};

// Builds the plan of the active entries of `mask` (bytes, shaped as the weight). `transposed` asks
// for the input gradient (which is also the forward pass of a transposed convolution). With `groups`
// entries have four weights where the mask allows it; only convolve takes such a plan. Throws
// std::length_error where a kernel is too large for 16-bit offsets.
std::vector<int32_t> build_plan(const uint8_t* mask, const Geometry& geometry, bool transposed,
                                bool groups, const Extent& result, const Tile& tile);

}  // namespace sparsegan
