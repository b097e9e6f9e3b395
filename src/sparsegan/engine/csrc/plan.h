// The plan of a sparse convolution: which weight meets which element of packed rows.
//
// Images are contiguous (channels, height, width). Before they are convolved, some rows of an image (a
// *band*) are *packed*: each channel's rows are laid out with the zeros beside them as one long row of
// elements, so that a tap of the kernel is one distance along that row, wherever the pixel, and a
// vector may go across the ends of image rows. What is computed between the rows is thrown away. Zeros
// at the right of one row are those at the left of the next. Of images whose rows are shorter than a
// vector, as many as it has lanes are packed together: a *column*, what one pixel holds, is then a
// vector of samples; else it is a single element.
//
// A stride is taken apart: of a convolution's input every *phase* of its pixels is packed as a plane
// of its own; in the input gradient every *part* of the result, a phase of its pixels, is computed
// by itself. So all convolutions become sums of shifted rows.
//
// A plan is one array of int32 words, so that it travels as a plain tensor:
//   Header | blocks, channels, segments, offsets, positions
// A *block* is a run of live input channels of which as much as a register tile meets fits the L1
// cache. Inside a block the active weights are grouped in *segments*, one for each output channel
// (and part), sorted by their length so that the inner loop's trip count is predictable. Where every
// four neighbouring output channels have the same active weights, a segment may be theirs together:
// an *entry* is then one offset with four weights, else with one.
#pragma once
#include <cstdint>
#include <vector>

// Functions that several instruction sets' code contains must never be shared between them.
#define SPARSEGAN_INLINE inline __attribute__((always_inline))

namespace sparsegan {

constexpr int32_t kPlanMagic = 0x53475033;
constexpr int32_t kGroup = 4;  // output channels that may share a segment

// What an instruction set computes with: elements of a vector, vectors of sums in registers, how many
// elements of packed input a block may hold, and how many of input and sums a band should.
struct Tile {
  int32_t lanes, vectors, block_elements;
  int32_t group_block_elements;  // the same for entries of four, which meet every element four times
  int32_t band_elements;
};

// Geometry of a convolution weight (outputs, inputs, kernel_h, kernel_w).
struct Geometry {
  int32_t outputs, inputs, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

// Heights and widths of what the convolution takes and of what it gives.
struct Sizes {
  int32_t in_h, in_w, out_h, out_w;
};

struct Header {
  int32_t magic, words;
  int32_t lanes, vectors;
  int32_t height, width;                // of the result
  int32_t source_height, source_width;
  int32_t outputs, inputs;
  int32_t weights;                      // size of the dense weight
  int32_t group;                        // weights of an entry: 1 or kGroup
  int32_t step_h, step_w;               // source pixels between two neighbouring packed ones
  int32_t offset_h, offset_w;           // the source pixel at the first packed one; may be negative
  int32_t phases_h, phases_w;
  int32_t parts_h, parts_w;
  int32_t rows, columns;                // of one part of the result
  int32_t column;                       // elements of a pixel
  int32_t band_rows;                    // most rows of a part's result that are made at a time
  int32_t more_rows, packed_columns;    // rows packed besides; pixels of a packed row, with zeros
  int32_t pitch, plane, channel_pitch;  // elements between rows, phases, channels
  int32_t channel_count, block_channels, block_count, active;
  int32_t blocks, channels, segments, offsets, positions;  // first word of each section

  SPARSEGAN_INLINE int32_t parts() const { return parts_h * parts_w; }
  // Elements from the first pixel of so many rows of a result to the last.
  SPARSEGAN_INLINE int64_t elements(int64_t some_rows) const {
    return (some_rows - 1) * pitch + int64_t{columns} * column;
  }
};

struct Block {
  int32_t channel, segment, entry;  // the first of each; the next block's are the ends
};

struct Segment {
  int32_t output, count;  // part * outputs + the (first) output channel; the entries
};

// A plan read in place.
struct Plan {
  const int32_t* words;
  SPARSEGAN_INLINE const Header& header() const { return *reinterpret_cast<const Header*>(words); }
  SPARSEGAN_INLINE const Block* blocks() const {
    return reinterpret_cast<const Block*>(words + header().blocks);
  }
  SPARSEGAN_INLINE const int32_t* channels() const { return words + header().channels; }
  SPARSEGAN_INLINE const Segment* segments() const {
    return reinterpret_cast<const Segment*>(words + header().segments);
  }
  // Where the entries' input begins, in elements from the first of their block.
  SPARSEGAN_INLINE const int32_t* offsets() const { return words + header().offsets; }
  // Flat positions in the dense weight, in the plan's order: those of an entry side by side.
  SPARSEGAN_INLINE const int32_t* positions() const { return words + header().positions; }
};

// Builds the plan of the active entries of `mask` (bytes, shaped as the weight). With `many` the batch
// has at least as many images as a vector has lanes. `transposed` asks
// for the input gradient (which is also the forward pass of a transposed convolution). With `groups`
// entries have four weights where the mask allows it; only convolve takes such a plan. Throws
// std::length_error where image or weight are too large for 32-bit offsets.
std::vector<int32_t> build_plan(const uint8_t* mask, const Geometry& geometry, bool transposed,
                                bool groups, const Sizes& sizes, bool many,
                                const Tile& tile);

}  // namespace sparsegan
