// How a convolution becomes sums of shifted planes.
//
// A convolution of stride s reads s * s planes of its input, each with every s-th row and column; a
// transposed one makes s * s planes of its output. Between planes every weight is a shift, rows
// follow one another without a break, and one loop over a plane computes them all. Columns beside
// an image are zeros that the end of one row and the beginning of the next share.
#pragma once

#include "kernels.h"

namespace sg {

// One direction of a convolution.
struct Axis {
  i32 kernel, stride, before, dilation;
  bool transposed;

  // The shift of tap k for output plane r, in places of a plane, and its input plane; false where
  // they do not meet.
  bool tap(i32 k, i32 r, i32& shift, i32& plane) const {
    if (transposed) {
      i64 u = (i64)r + before - (i64)k * dilation;
      if (u % stride) return false;
      shift = (i32)floor_division(u, stride), plane = 0;
      return true;
    }
    i64 u = (i64)k * dilation - before;
    shift = (i32)floor_division(u, stride);
    plane = (i32)(u - (i64)shift * stride);
    return true;
  }
  i32 planes_in() const { return transposed ? 1 : stride; }
  i32 planes_out() const { return transposed ? stride : 1; }
};

struct Geometry {
  Axis y, x;
  u32 rows, columns;          // of an output plane
  i32 least_y, most_y, least_x, most_x;  // shifts
  u32 in_rows, in_columns;    // of an input plane, without what lies around
  bool plain;                 // the input can be read where it is
  u32 copies;
  u32 row, origin, plane, channel, pack_rows;  // of the packed input; see Pack
  u32 out_stride;             // floats of an output plane
  u64 packed_bytes;
};

// `in_row` and `in_channel` are those of the input where it may be read in place, else 0. With many
// weights for each channel its planes are laid down once for every column of the kernel, so that
// vectors are aligned.
inline Refusal arrange(Geometry& g, u32 channels, u32 height, u32 width, u32 out_height,
                       u32 out_width, u32 in_row, u32 in_channel, const Kernels& kernels,
                       u64 weights) {
  u32 lanes = kernels.lanes;
  i32 shift, plane;
  g.least_y = g.least_x = 1 << 30, g.most_y = g.most_x = -(1 << 30);
  for (i32 k = 0; k < g.y.kernel; k++)
    for (i32 r = 0; r < g.y.planes_out(); r++)
      if (g.y.tap(k, r, shift, plane))
        g.least_y = least(g.least_y, shift), g.most_y = most(g.most_y, shift);
  for (i32 k = 0; k < g.x.kernel; k++)
    for (i32 r = 0; r < g.x.planes_out(); r++)
      if (g.x.tap(k, r, shift, plane))
        g.least_x = least(g.least_x, shift), g.most_x = most(g.most_x, shift);
  if (g.least_y > g.most_y || g.least_x > g.most_x) return kGraph;
  u32 s_out = (u32)g.y.planes_out(), s_in = (u32)g.y.planes_in();
  g.rows = (out_height + s_out - 1) / s_out;
  g.columns = (out_width + (u32)g.x.planes_out() - 1) / (u32)g.x.planes_out();
  g.in_rows = (height + s_in - 1) / s_in;
  g.in_columns = (width + (u32)g.x.planes_in() - 1) / (u32)g.x.planes_in();
  bool still = !g.least_y && !g.most_y && !g.least_x && !g.most_x && s_in == 1 &&
               g.x.planes_in() == 1 && g.rows <= height && g.columns <= width;
  g.plain = still && in_row;
  g.copies = 0;
  if (g.plain) {
    g.row = in_row, g.channel = g.plane = in_channel, g.origin = 0, g.pack_rows = height;
    g.packed_bytes = 0;
  } else {
    i64 left = most(0, -g.least_x);
    i64 right = most<i64>(0, (i64)g.most_x + g.columns - g.in_columns);
    i64 row = most<i64>(g.columns, g.in_columns + most(left, right));
    i64 pack_rows = (i64)g.rows + g.most_y - g.least_y;
    if (row > (i64)kMostElements || pack_rows > (i64)kMostElements) return kTooLarge;
    g.row = (u32)row, g.origin = (u32)left, g.pack_rows = (u32)pack_rows;
    u32 planes = s_in * (u32)g.x.planes_in();
    u32 taps = (u32)(g.most_x - g.least_x + 1);
    bool worth = weights / channels >= kernels.copy_from;
    if (worth && planes == 1 && taps > 1 && taps <= 5 && 4 * g.columns % lanes == 0) {
      g.copies = planes = taps;
      g.row = g.columns, g.origin = 0;
    }
    // The first row of the input lies where vectors are aligned.
    if (!g.copies && g.least_y <= 0)
      g.origin += (u32)(kMostLanes - 1) & -(g.origin + (u32)-g.least_y * g.row);
    // Shifted copies are written in whole vectors, the last of which may reach beyond the rows.
    u64 beyond = g.copies ? lanes : 0;
    u64 of_plane = rounded_up<u64>(g.origin + (u64)g.pack_rows * g.row + beyond, kMostLanes);
    of_plane |= kMostLanes;  // an odd number of cache lines: channels are not all in the same sets
    if (of_plane > 4 * kMostElements || of_plane * planes > 4 * kMostElements) return kTooLarge;
    u64 floats = of_plane * planes * channels + g.row + 2 * kMostLanes;
    if (floats > 4 * kMostElements) return kTooLarge;
    g.plane = (u32)of_plane, g.channel = (u32)(of_plane * planes);
    g.packed_bytes = 4 * floats;
  }
  u64 out_stride = rounded_up<u64>((u64)g.rows * g.row, lanes);
  if (out_stride > kMostElements) return kTooLarge;
  g.out_stride = (u32)out_stride;
  return kNone;
}

}  // namespace sg
