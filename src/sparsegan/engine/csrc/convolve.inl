// The sparse convolution: forward pass, input gradient and transposed convolution alike.
//
// For every item: pack a block of input channels (it fits the L1 cache), stream the block's active
// weights, each one broadcast times the vectors of the register tile, and go on to the next block.
// The sums of all output channels wait in a buffer that fits the L2 cache.

// Prefetches the lines of the next block's input, a few at a time while a block computes.
struct Prefetcher {
  const T* base;
  int64_t plane;
  const int32_t* channels;
  int32_t channel, last;
  const RunList* list;
  int32_t run;

  int64_t lines() const { return static_cast<int64_t>(last - channel) * list->count; }

  // Many lines at a time, as few output channels ask for, would drive the packed block out of the L1
  // cache: they go to the L2 cache.
  void some(int32_t count) { count > 16 ? fetch<2>(count) : fetch<3>(count); }

  template <int kLocality>
  void fetch(int32_t count) {
    for (; count > 0 && channel < last; --count) {
      __builtin_prefetch(base + channels[channel] * plane + list->runs[run].global, 0, kLocality);
      if (++run == list->count) run = 0, ++channel;
    }
  }
};

// The sums of a segment come from the L2 cache: asks for those of the segment after the next.
inline void prefetch_segment(const T* tiles, const Segment* segment, const Segment* last) {
  if (segment + 2 >= last) return;
  constexpr int size = kRows * kColumns * kLanes, line = 64 / sizeof(T);
  const T* soon = tiles + static_cast<int64_t>(segment[2].output) * size;
  for (int i = 0; i < size; i += line) __builtin_prefetch(soon + i, 0, 3);
}

// kRow is the distance of two rows of the register tile in the packed tile, 0 where it is only
// known at run time.
template <int kHeight, int kWidth, int kRow>
void accumulate(const T* __restrict packed, T* __restrict sums, const Segment* segment,
                const Segment* last, const uint16_t* __restrict offset,
                const T* __restrict weight, int64_t row, Prefetcher& prefetcher, int32_t lines) {
  const int64_t step = kRow ? kRow : row;
  for (; segment < last; ++segment) {
    T* mine = sums + static_cast<int64_t>(segment->output) * (kRows * kColumns * kLanes);
    prefetcher.some(lines);
    prefetch_segment(sums, segment, last);
    Vector a[kHeight][kWidth];
    SPARSEGAN_UNROLL
    for (int r = 0; r < kHeight; ++r)
      SPARSEGAN_UNROLL
      for (int q = 0; q < kWidth; ++q) a[r][q] = load(mine + (r * kColumns + q) * kLanes);
    int32_t n = segment->count;
    do {
      const T* x = packed + *offset++;
      const Vector w = broadcast(*weight++);
      SPARSEGAN_UNROLL
      for (int r = 0; r < kHeight; ++r)
        SPARSEGAN_UNROLL
        for (int q = 0; q < kWidth; ++q) a[r][q] += w * load(x + r * step + q * kLanes);
    } while (--n);
    SPARSEGAN_UNROLL
    for (int r = 0; r < kHeight; ++r)
      SPARSEGAN_UNROLL
      for (int q = 0; q < kWidth; ++q) store(mine + (r * kColumns + q) * kLanes, a[r][q]);
  }
}

typedef void (*Accumulate)(const T*, T*, const Segment*, const Segment*, const uint16_t*, const T*,
                           int64_t, Prefetcher&, int32_t);

template <int kRow, int kHeight, int kWidth>
inline Accumulate choose_accumulate(int height, int width) {
  if constexpr (kWidth > 1) {
    if (width < kWidth) return choose_accumulate<kRow, kHeight, kWidth - 1>(height, width);
  }
  if constexpr (kHeight > 1) {
    if (height < kHeight) return choose_accumulate<kRow, kHeight - 1, kWidth>(height, width);
  }
  return accumulate<kHeight, kWidth, kRow>;
}

// Rows of a 1x1 and of a 3-wide kernel of stride one have compiled-in distances.
constexpr int kPointRow = kColumns * kLanes, kThreeRow = (kColumns + 2) * kLanes;

inline Accumulate accumulate_for(int64_t row, int height, int width) {
  if (height == 1) return choose_accumulate<0, 1, kRows * kColumns>(1, width);
  if (row == kPointRow) return choose_accumulate<kPointRow, kRows, kColumns>(height, width);
  if (row == kThreeRow) return choose_accumulate<kThreeRow, kRows, kColumns>(height, width);
  return choose_accumulate<0, kRows, kColumns>(height, width);
}

// Vectors of a row that four output channels hold in registers together.
constexpr int kGroupColumns = kLanes * sizeof(T) == 64 ? 4 : 2;

// Entries of four weights, for some neighbouring vectors: every vector that is loaded meets four.
template <int kWidth>
inline void accumulate_row(const T* __restrict packed, T* __restrict sums,
                           const uint16_t* __restrict offset, const T* __restrict weight,
                           int32_t count) {
  constexpr int64_t size = kRows * kColumns * kLanes;
  Vector a[kGroup][kWidth];
  SPARSEGAN_UNROLL
  for (int j = 0; j < kGroup; ++j)
    SPARSEGAN_UNROLL
    for (int q = 0; q < kWidth; ++q) a[j][q] = load(sums + j * size + q * kLanes);
  for (int32_t i = 0; i < count; ++i) {
    const T* x = packed + offset[i];
    Vector v[kWidth];
    SPARSEGAN_UNROLL
    for (int q = 0; q < kWidth; ++q) v[q] = load(x + q * kLanes);
    SPARSEGAN_UNROLL
    for (int j = 0; j < kGroup; ++j) {
      const Vector w = broadcast(weight[kGroup * i + j]);
      SPARSEGAN_UNROLL
      for (int q = 0; q < kWidth; ++q) a[j][q] += w * v[q];
    }
  }
  SPARSEGAN_UNROLL
  for (int j = 0; j < kGroup; ++j)
    SPARSEGAN_UNROLL
    for (int q = 0; q < kWidth; ++q) store(sums + j * size + q * kLanes, a[j][q]);
}

inline void accumulate_groups(const T* packed, T* sums, const Segment* segment, const Segment* last,
                              const uint16_t* offset, const T* weight, int64_t row, int height,
                              int width, Prefetcher& prefetcher, int32_t lines) {
  for (; segment < last; ++segment) {
    T* mine = sums + static_cast<int64_t>(segment->output) * (kRows * kColumns * kLanes);
    const int32_t n = segment->count;
    prefetcher.some(lines);
    for (int r = 0; r < height; ++r) {
      const T* x = packed + r * row;
      T* to = mine + r * (kColumns * kLanes);
      int q = 0;
      for (; q + kGroupColumns <= width; q += kGroupColumns)
        accumulate_row<kGroupColumns>(x + q * kLanes, to + q * kLanes, offset, weight, n);
      for (; q < width; ++q) accumulate_row<1>(x + q * kLanes, to + q * kLanes, offset, weight, n);
    }
    offset += n, weight += kGroup * n;
  }
}

inline void start_sums(T* sums, const T* bias, int64_t outputs) {
  constexpr int64_t size = kRows * kColumns * kLanes;
  for (int64_t o = 0; o < outputs; ++o) {
    const Vector b = broadcast(bias ? bias[o] : T(0));
    for (int64_t i = 0; i < size; i += kLanes) store(sums + o * size + i, b);
  }
}

inline void write_channel(const T* sums, const RunList& list, T* y, const T* residual) {
  for (int32_t i = 0; i < list.count; ++i) {
    const Run& run = list.runs[i];
    const T* from = sums + run.local;
    T* to = y + run.global;
    const T* other = residual ? residual + run.residual : nullptr;
    int32_t k = 0;
    for (; k + kLanes <= run.length; k += kLanes)
      store(to + k, other ? load(from + k) + load(other + k) : load(from + k));
    for (; k < run.length; ++k) to[k] = other ? from[k] + other[k] : from[k];
  }
}

// Gathers the active weights in the plan's order.
inline void gather_weights(const Plan& plan, const Part& p, const T* weight, T* values,
                           int threads) {
  const int32_t* positions = plan.positions(p);
#pragma omp parallel for num_threads(threads) schedule(static) if (p.active > 16384)
  for (int32_t i = 0; i < p.active; ++i) values[i] = weight[positions[i]];
}

inline void convolve_part(const Plan& plan, const Part& p, const T* values, const Source<T>& x,
                          const Target<T>& y, int64_t limit, int threads) {
  const Header& h = plan.header();
  const Grid grid = make_grid(h, p, y.height, y.width, x.batch, limit);
  const int64_t in_plane =
      plane_elements(x.height, x.width, x.batch, x.upsample, limit);
  const int64_t out_plane = plane_elements(y.height, y.width, x.batch, false, limit);
  const int64_t residual_plane =
      plane_elements(y.height, y.width, x.batch, y.residual_upsampled, limit);
  const int64_t items = grid.items(), sums_size = kRows * kColumns * kLanes;
  const Block* blocks = plan.blocks(p);
  const int32_t* channels = plan.channels(p);
  const Segment* segments = plan.segments(p);
  const uint16_t* offsets = plan.offsets(p);
  const int64_t row = static_cast<int64_t>(p.in_step_h) * p.row_pitch;

#pragma omp parallel num_threads(static_cast<int>(larger(1, smaller(threads, items))))
  {
    const int64_t packed_size = larger(1, p.block_channels) * static_cast<int64_t>(p.channel_pitch);
    const int64_t unit_size = h.outputs * sums_size;
    T* packed = static_cast<T*>(allocate(packed_size * sizeof(T)));
    T* sums = static_cast<T*>(allocate(kUnits * unit_size * sizeof(T)));
    RunList in[kUnits], out[kUnits];
    for (int u = 0; u < kUnits; ++u) in[u] = make_list(p), out[u] = make_list(p);
#pragma omp for schedule(dynamic, 1)
    for (int64_t index = 0; index < items; ++index) {
      const Item item = make_item(grid, index);
      for (int32_t u = 0; u < item.units; ++u) {
        find_input(in[u], grid, p, item.at(u, grid), x);
        output_runs(out[u], grid, p, item.at(u, grid), y.width, y.residual_upsampled);
        start_sums(sums + u * unit_size, y.bias, h.outputs);
      }
      __builtin_memset(packed, 0, packed_size * sizeof(T));
      const Accumulate accumulate_tile = accumulate_for(row, item.height, item.vectors);
      for (int32_t b = 0; b < p.block_count; ++b) {
        const Block &block = blocks[b], &next = blocks[b + 1];
        Prefetcher prefetcher{x.data, in_plane, channels, next.channel,
                              b + 1 < p.block_count ? blocks[b + 2].channel : next.channel, &in[0], 0};
        const auto lines =
            static_cast<int32_t>(ceil_div(prefetcher.lines(), next.segment - block.segment));
        for (int32_t u = 0; u < item.units; ++u) {
          for (int32_t c = block.channel; c < next.channel; ++c)
            pack_channel(packed + (c - block.channel) * p.channel_pitch, in[u], x, channels[c],
                         in_plane);
          const Segment *begin = segments + block.segment, *end = segments + next.segment;
          const T* weights = values + static_cast<int64_t>(block.entry) * h.group;
          if (h.group > 1)
            accumulate_groups(packed, sums + u * unit_size, begin, end, offsets + block.entry,
                              weights, row, item.height, item.vectors, prefetcher, lines);
          else
            accumulate_tile(packed, sums + u * unit_size, begin, end, offsets + block.entry, weights,
                            row, prefetcher, lines);
        }
      }
      for (int64_t o = 0; o < h.outputs; ++o)
        for (int32_t u = 0; u < item.units; ++u)
          write_channel(sums + u * unit_size + o * sums_size, out[u], y.data + o * out_plane,
                        y.residual ? y.residual + o * residual_plane : nullptr);
    }
    free(packed), free(sums);
    for (int u = 0; u < kUnits; ++u) free(in[u].runs), free(out[u].runs);
  }
}

inline void gather(const Plan& plan, const T* weight, T* values, int threads) {
  for (int32_t i = 0; i < plan.header().parts; ++i) {
    gather_weights(plan, plan.part(i), weight, values, threads);
    values += plan.part(i).active;
  }
}

inline void convolve(const Plan& plan, const T* weight, const T* values, const Source<T>& source,
                     const Target<T>& target, int threads) {
  Source<T> x = source;
  Target<T> y = target;
  int64_t limit = kNoLimit;
  if (is_flat(plan)) {
    limit = y.height * y.width * x.batch;
    flatten(limit, x.height, x.width, x.batch);
    y.height = x.height, y.width = x.width;
  }
  T* gathered = nullptr;
  if (values == nullptr) {
    gathered = static_cast<T*>(allocate(plan.header().active * sizeof(T)));
    gather(plan, weight, gathered, threads);
    values = gathered;
  }
  for (int32_t i = 0; i < plan.header().parts; ++i) {
    convolve_part(plan, plan.part(i), values, x, y, limit, threads);
    values += plan.part(i).active;
  }
  free(gathered);
}
