// Work items and the copies between tensors and their packed tiles.
//
// An item is a register tile of output pixels (times samples). Every geometry - padding, stride,
// phases of a transposed convolution, upsampling, ragged edges, partial vectors - ends in a short
// list of runs, the same for all channels of the item, so that the inner loops know none of it.

struct Run {
  int32_t local;     // in the packed tile of a channel
  int32_t length;
  int64_t global;    // in the tensor's plane of that channel
  int64_t residual;  // likewise in the residual's plane (output runs only)
  int32_t sample;    // of the first element (where an affine per sample needs it)
};

// The image of one part as items see it.
struct Grid {
  int64_t rows;      // output rows of this part
  int64_t width;     // elements of an output row: pixels * column
  int64_t column;    // elements of a pixel
  int64_t batch;
  int64_t limit;     // elements of a plane; flat grids end in a partial row
  bool batched, image;
  int64_t row_tiles, column_tiles, lane_blocks, line_blocks;
  int64_t items() const { return row_tiles * column_tiles * line_blocks; }
};

// Vectors of a cache line. An item takes up to so many vectors of samples in turn, that every line it
// reads or writes is used whole.
constexpr int kUnits = 64 / (kLanes * sizeof(T)) > 0 ? 64 / (kLanes * sizeof(T)) : 1;

struct Item {
  int64_t row, first;        // first output row; first element within a row
  int32_t height, vectors;   // the tile in use
  int64_t sample;            // first sample
  int64_t block;             // first vector of samples
  int32_t units;             // vectors of samples
  int32_t lanes;             // samples in use (batched)

  // The item of its unit-th vector of samples.
  Item at(int32_t unit, const Grid& g) const {
    Item one = *this;
    one.sample = g.batched ? (block + unit) * kLanes : 0;
    one.lanes = g.batched ? static_cast<int32_t>(smaller(kLanes, g.batch - one.sample)) : 0;
    return one;
  }
  bool partial() const { return lanes > 0 && lanes < kLanes; }
};

inline Grid make_grid(const Header& h, const Part& p, int64_t height, int64_t width,
                      int64_t batch, int64_t limit) {
  Grid g;
  g.batched = h.layout == kSamples;
  g.image = h.layout == kImage;
  g.batch = batch;
  g.limit = limit;
  g.column = h.column;
  g.rows = height > p.out_offset_h ? ceil_div(height - p.out_offset_h, p.out_step_h) : 0;
  const int64_t pixels = width > p.out_offset_w ? ceil_div(width - p.out_offset_w, p.out_step_w) : 0;
  g.width = pixels * g.column;
  if (g.image) {
    g.width = smaller(g.rows * g.width, limit), g.rows = 1;
    g.column_tiles = ceil_div(g.width, kRows * kColumns * kLanes);
  } else {
    g.column_tiles = ceil_div(g.width, kColumns * kLanes);
  }
  g.row_tiles = ceil_div(g.rows, kRows);
  g.lane_blocks = g.batched ? ceil_div(batch, kLanes) : 1;
  g.line_blocks = ceil_div(g.lane_blocks, kUnits);
  return g;
}

// Rows are divided evenly: eight rows in tiles of at most three become 3 + 3 + 2.
inline Item make_item(const Grid& g, int64_t index) {
  Item item;
  const int64_t block = index % g.line_blocks, tile = index / g.line_blocks;
  if (g.image) {
    const int64_t vectors = ceil_div(g.width, kLanes), first = index * vectors / g.column_tiles;
    item.row = 0, item.height = 1;
    item.first = first * kLanes;
    item.vectors = static_cast<int32_t>((index + 1) * vectors / g.column_tiles - first);
    item.block = 0, item.units = 1, item.sample = 0, item.lanes = 0;
    return item;
  }
  const int64_t r = tile / g.column_tiles;
  item.row = r * g.rows / g.row_tiles;
  item.height = static_cast<int32_t>((r + 1) * g.rows / g.row_tiles - item.row);
  item.first = tile % g.column_tiles * (kColumns * kLanes);
  item.vectors =
      static_cast<int32_t>(ceil_div(smaller(g.width - item.first, kColumns * kLanes), kLanes));
  item.block = block * kUnits;
  item.units = static_cast<int32_t>(smaller(kUnits, g.lane_blocks - item.block));
  item.sample = 0, item.lanes = 0;
  return item;
}

struct RunList {
  Run* runs;
  int32_t count;
  bool whole;     // every run is exactly one vector, put down as it is
  int32_t twice;  // not 0: runs longer than so many elements put every such group down twice

  void clear() { count = 0, whole = true, twice = 0; }
  void add(int32_t local, int64_t global, int64_t residual, int64_t sample, int32_t length,
           bool join) {
    if (join && count > 0) {
      Run& last = runs[count - 1];
      if (last.local + last.length == local && last.global + last.length == global &&
          last.residual + last.length == residual) {
        last.length += length;
        whole = false;
        return;
      }
    }
    runs[count++] = {local, length, global, residual, static_cast<int32_t>(sample)};
    whole = whole && length == kLanes;
  }
};

// The elements of one packed row, pixel by pixel: emit(element of the row, pixel, sample, length).
template <typename Emit>
inline void each_pixel(const Grid& g, const Item& item, int32_t length, Emit emit) {
  int32_t t = 0;
  while (t < length) {
    const int64_t pixel = (item.first + t) / g.column, within = (item.first + t) % g.column;
    const auto span = static_cast<int32_t>(smaller(g.column - within, length - t));
    emit(t, pixel, item.sample + within, g.batched ? item.lanes : span);
    t += span;
  }
}

inline void input_runs(RunList& list, const Grid& g, const Part& p, const Item& item,
                       int64_t height, int64_t width, bool upsample, bool join) {
  list.clear();
  const int64_t stored = upsample ? width / 2 : width;
  const int32_t rows = (item.height - 1) * p.in_step_h + p.extent_h;
  for (int32_t r = 0; r < rows; ++r) {
    const int64_t y = item.row * p.in_step_h + p.in_offset_h + r;
    if (r % p.in_step_h >= p.extent_h || y < 0 || y >= height) continue;
    for (int32_t phase = 0; phase < p.phases; ++phase) {
      const int32_t taps = (p.extent_w - 1 - phase) / p.in_step_w;
      const auto length =
          static_cast<int32_t>(item.vectors * kLanes + taps * g.column);
      each_pixel(g, item, length, [&](int32_t t, int64_t pixel, int64_t sample, int32_t n) {
        const int64_t x = pixel * p.in_step_w + phase + p.in_offset_w;
        if (x < 0 || x >= width) return;
        const int64_t at = ((y >> upsample) * stored + (x >> upsample)) * g.batch + sample;
        list.add(r * p.row_pitch + phase * p.phase_pitch + t, at, at, sample,
                 static_cast<int32_t>(smaller(n, g.limit - at)), join);
      });
    }
  }
}

inline void output_runs(RunList& list, const Grid& g, const Part& p, const Item& item,
                        int64_t width, bool residual_upsampled) {
  list.clear();
  const auto length = static_cast<int32_t>(
      smaller(item.vectors * kLanes, g.width - item.first));
  const int64_t pixels = g.image ? p.row_pitch / g.column : INT64_MAX;  // of a row
  for (int32_t r = 0; r < item.height; ++r) {
    each_pixel(g, item, length, [&](int32_t t, int64_t pixel, int64_t sample, int32_t n) {
      const int64_t y = (item.row + r + pixel / pixels) * p.out_step_h + p.out_offset_h;
      const int64_t x = pixel % pixels * p.out_step_w + p.out_offset_w;
      const int64_t at = (y * width + x) * g.batch + sample;
      const int64_t other =
          residual_upsampled ? ((y / 2) * (width / 2) + x / 2) * g.batch + sample : at;
      list.add(r * kColumns * kLanes + t, at, other, sample,
               static_cast<int32_t>(smaller(n, g.limit - at)), !g.batched);
    });
  }
}

// The window of one row of an image, for every phase of the rows and every column of the kernel.
inline void image_runs(RunList& list, const Grid& g, const Part& p, const Item& item,
                       int64_t height, int64_t width, bool upsample, bool join) {
  list.clear();
  list.twice = upsample ? static_cast<int32_t>(g.column) : 0;
  const int64_t pitch = p.row_pitch, stored = upsample ? width / 2 : width;
  const int64_t end = item.first + smaller(item.vectors * kLanes, g.width - item.first) +
                      (p.extent_h - 1) / p.in_step_h * pitch;
  for (int32_t phase = 0; phase < p.packed_rows; ++phase) {
    for (int32_t tap = 0; tap < p.extent_w; ++tap) {
      const int64_t shift = (tap + p.in_offset_w) * g.column;
      const int64_t local = (phase * p.phases + tap) * p.phase_pitch - item.first;
      for (int64_t at = item.first; at < end;) {
        const int64_t row = at / pitch, next = smaller((row + 1) * pitch, end), begin = row * pitch;
        const int64_t y = row * p.in_step_h + phase + p.in_offset_h;
        const int64_t line = (y >> upsample) * stored * g.column;
        int64_t e = at;
        at = next;
        if (y < 0 || y >= height) continue;
        if (p.in_step_w == 1) {  // skip what lies beside the image
          e = larger(e, begin - shift);
          const int64_t last = smaller(next, begin + width * g.column - shift);
          while (e < last) {
            const int64_t x = e - begin + shift, sample = x % g.column;
            const int64_t pixel = x / g.column;
            int64_t n = join && !upsample ? last - e : smaller(last - e, g.column - sample);
            int64_t from = line + x;
            if (upsample) {
              const int64_t pairs = (last - e) / (2 * g.column);
              if (join && sample == 0 && pixel % 2 == 0 && pairs > 0) n = pairs * 2 * g.column;
              from = line + pixel / 2 * g.column + sample;
            }
            n = smaller(n, g.limit - from);
            if (n <= 0) break;
            list.add(static_cast<int32_t>(local + e), from, from, sample, static_cast<int32_t>(n),
                     false);
            e += n;
          }
          continue;
        }
        while (e < next) {
          const int64_t column = (e - begin) / g.column, sample = (e - begin) % g.column;
          const int64_t n = smaller(next - e, g.column - sample);
          const int64_t x = column * p.in_step_w + tap + p.in_offset_w;
          const int64_t from = line + (x >> upsample) * g.column + sample;
          if (x >= 0 && x < width)
            list.add(static_cast<int32_t>(local + e), from, from, sample, static_cast<int32_t>(n),
                     false);
          e += n;
        }
      }
    }
  }
  if (upsample) list.whole = false;
}

// Most runs an item of this part can have.
inline int64_t run_capacity(const Part& p) {
  return larger(p.channel_pitch, kRows * kColumns * kLanes);
}

// The runs of an item's input, the same for every channel.
template <typename Source>
inline void find_input(RunList& list, const Grid& g, const Part& p, const Item& item,
                       const Source& x) {
  const auto find = g.image ? image_runs : input_runs;
  find(list, g, p, item, x.height, x.width, x.upsample, !x.per_sample || x.batch == 1);
}

// The transform of a source for one channel, or for one channel and a row of samples.
struct Transform {
  T centre, scale, shift, slope;
  const T* scales;  // per sample, else null
  const T* shifts;
  bool none;

  Vector apply(Vector v) const { return activated((v - centre) * scale + shift, slope); }
  void run(const T* from, T* to, int32_t length, int32_t sample) const {
    if (none) {
      each_vector<kLanes>(length, [&](auto* kind, int32_t k) {
        store_as(to + k, load_as(kind, from + k));
      });
    } else if (scales == nullptr) {
      each_vector<kLanes>(length, [&](auto* kind, int32_t k) {
        const auto v = (load_as(kind, from + k) - centre) * scale + shift;
        store_as(to + k, v > T(0) ? v : v * slope);
      });
    } else {
      const T *a = scales + sample, *b = shifts + sample;
      each_vector<kLanes>(length, [&](auto* kind, int32_t k) {
        const auto v = (load_as(kind, from + k) - centre) * load_as(kind, a + k) + load_as(kind, b + k);
        store_as(to + k, v > T(0) ? v : v * slope);
      });
    }
  }
};

inline Transform transform_of(const Source<T>& x, int64_t channel) {
  Transform t{0, 1, 0, x.activate ? x.slope : T(1), nullptr, nullptr, false};
  t.none = x.scale == nullptr && !x.activate;
  if (x.scale == nullptr) return t;
  t.centre = x.centre[channel];
  if (x.per_sample && x.batch > 1) {
    t.scales = x.scale + channel * x.batch, t.shifts = x.shift + channel * x.batch;
  } else {
    t.scale = x.scale[channel], t.shift = x.shift[channel];
  }
  return t;
}

// Puts every group of `column` elements down twice: upsampling along a row.
inline void double_run(const Transform& t, const T* from, T* to, int32_t length, int32_t column) {
  constexpr int32_t size = 4 * kLanes;
  T some[size];
  if (column > 1) {
    for (int32_t k = 0; k < length / 2; k += column) {
      t.run(from + k, to + 2 * k, column, 0);
      __builtin_memcpy(to + 2 * k + column, to + 2 * k, column * sizeof(T));
    }
    return;
  }
  for (int32_t k = 0; k < length / 2; k += size) {
    const auto n = static_cast<int32_t>(smaller(size, length / 2 - k));
    t.run(from + k, some, n, 0);
    for (int32_t i = 0; i < n; ++i) to[2 * (k + i)] = to[2 * (k + i) + 1] = some[i];
  }
}

// Copies one channel's runs into its packed tile through the source's transform. What no run covers
// stays as it is: zero, cleared once for each item, since it is the same for all channels.
inline void pack_channel(T* packed, const RunList& list, const Source<T>& x, int64_t channel,
                         int64_t plane) {
  const T* from = x.data + channel * plane;
  const Transform t = transform_of(x, channel);
  if (list.whole && t.none) {
    for (int32_t i = 0; i < list.count; ++i)
      store(packed + list.runs[i].local, load(from + list.runs[i].global));
    return;
  }
  if (list.whole && t.scales == nullptr) {
    for (int32_t i = 0; i < list.count; ++i)
      store(packed + list.runs[i].local, t.apply(load(from + list.runs[i].global)));
    return;
  }
  for (int32_t i = 0; i < list.count; ++i) {
    const Run& run = list.runs[i];
    if (list.twice && run.length >= 2 * list.twice) {
      double_run(t, from + run.global, packed + run.local, run.length, list.twice);
      continue;
    }
    t.run(from + run.global, packed + run.local, run.length, run.sample);
  }
}

// A 1x1 convolution knows no neighbours: its planes are read as long rows of elements.
inline bool is_flat(const Plan& plan) {
  const Header& h = plan.header();
  const Part& p = plan.part(0);
  return h.parts == 1 && h.layout == kImage && h.column == kColumns * kLanes && p.extent_h == 1 &&
         p.extent_w == 1 && p.in_step_h == 1 && p.in_step_w == 1 && p.in_offset_h == 0 &&
         p.in_offset_w == 0;
}

inline void flatten(int64_t elements, int64_t& height, int64_t& width, int64_t& batch) {
  height = ceil_div(elements, kColumns * kLanes), width = 1, batch = kColumns * kLanes;
}

constexpr int64_t kNoLimit = INT64_MAX;

// Elements of a stored plane.
inline int64_t plane_elements(int64_t height, int64_t width, int64_t batch, bool upsample,
                              int64_t limit) {
  if (upsample) return height / 2 * (width / 2) * batch;
  return smaller(limit, height * width * batch);
}

inline void* allocate(int64_t bytes) {
  return aligned_alloc(64, static_cast<size_t>(ceil_div(bytes, 64) + 1) * 64);
}

inline RunList make_list(const Part& p) {
  return {static_cast<Run*>(allocate(run_capacity(p) * sizeof(Run))), 0, true};
}
