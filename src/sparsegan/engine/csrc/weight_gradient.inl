// The gradient of the active weights alone: for every one, the product of the output gradient's tile
// (in registers) with the packed input at that weight's offset, summed over pixels and samples.
//
// Items are divided among threads in fixed shares and the shares' sums are added in the order of the
// threads, so results repeat bit for bit for a given number of threads.

// Adds sum(gradient * packed[offset]) to four neighbouring entries. Entries past `count` repeat the
// last offset and are not stored.
template <int kHeight, int kWidth>
inline __attribute__((always_inline)) void four_products(const Vector (&g)[kHeight][kWidth], const T* __restrict packed,
                          const uint16_t* __restrict offset, int count, T* __restrict sums,
                          int64_t step) {
  const T* x0 = packed + offset[0];
  const T* x1 = packed + offset[count > 1 ? 1 : 0];
  const T* x2 = packed + offset[count > 2 ? 2 : 0];
  const T* x3 = packed + offset[count > 3 ? 3 : 0];
  Vector a{}, b{}, c{}, d{};
  SPARSEGAN_UNROLL
  for (int r = 0; r < kHeight; ++r)
    SPARSEGAN_UNROLL
    for (int q = 0; q < kWidth; ++q) {
      const int64_t at = r * step + q * kLanes;
      a += g[r][q] * load(x0 + at);
      b += g[r][q] * load(x1 + at);
      c += g[r][q] * load(x2 + at);
      d += g[r][q] * load(x3 + at);
    }
  if (count >= 4) {
    add_sums(sums, a, b, c, d);
  } else {
    T four[4] = {};
    add_sums(four, a, b, c, d);
    for (int i = 0; i < count; ++i) sums[i] += four[i];
  }
}

template <int kHeight, int kWidth, int kRow>
void correlate(const T* __restrict packed, const T* __restrict gradient, const Segment* segment,
               const Segment* last, const uint16_t* __restrict offset, T* __restrict sums,
               int64_t row, Prefetcher& prefetcher, int32_t lines) {
  const int64_t step = kRow ? kRow : row;
  for (; segment < last; ++segment) {
    const T* mine = gradient + static_cast<int64_t>(segment->output) * (kRows * kColumns * kLanes);
    prefetcher.some(lines);
    prefetch_segment(gradient, segment, last);
    Vector g[kHeight][kWidth];
    SPARSEGAN_UNROLL
    for (int r = 0; r < kHeight; ++r)
      SPARSEGAN_UNROLL
      for (int q = 0; q < kWidth; ++q) g[r][q] = load(mine + (r * kColumns + q) * kLanes);
    int32_t n = segment->count;
    for (; n >= 4; n -= 4, offset += 4, sums += 4)
      four_products<kHeight, kWidth>(g, packed, offset, 4, sums, step);
    if (n > 0) {
      four_products<kHeight, kWidth>(g, packed, offset, n, sums, step);
      offset += n, sums += n;
    }
  }
}

typedef void (*Correlate)(const T*, const T*, const Segment*, const Segment*, const uint16_t*, T*,
                          int64_t, Prefetcher&, int32_t);

template <int kRow, int kHeight, int kWidth>
inline Correlate choose_correlate(int height, int width) {
  if constexpr (kWidth > 1) {
    if (width < kWidth) return choose_correlate<kRow, kHeight, kWidth - 1>(height, width);
  }
  if constexpr (kHeight > 1) {
    if (height < kHeight) return choose_correlate<kRow, kHeight - 1, kWidth>(height, width);
  }
  return correlate<kHeight, kWidth, kRow>;
}

inline Correlate correlate_for(int64_t row, int height, int width) {
  if (height == 1) return choose_correlate<0, 1, kRows * kColumns>(1, width);
  if (row == kPointRow) return choose_correlate<kPointRow, kRows, kColumns>(height, width);
  if (row == kThreeRow) return choose_correlate<kThreeRow, kRows, kColumns>(height, width);
  return choose_correlate<0, kRows, kColumns>(height, width);
}

// Copies one channel of the output gradient into its tile and adds it to the channel's bias sums.
inline void pack_gradient(T* tile, const RunList& list, const T* from, T* bias_sums) {
  Vector total = load(bias_sums);
  for (int32_t i = 0; i < list.count; ++i) {
    const Run& run = list.runs[i];
    int32_t k = 0;
    for (; k + kLanes <= run.length; k += kLanes) {
      const Vector v = load(from + run.global + k);
      store(tile + run.local + k, v);
      total += v;
    }
    for (; k < run.length; ++k) {
      tile[run.local + k] = from[run.global + k];
      total[k % kLanes] += from[run.global + k];
    }
  }
  store(bias_sums, total);
}

// One thread's share of the items, into its own sums.
inline void weight_gradient_share(const Plan& plan, const Part& p, const Grid& grid,
                                  const Source<T>& x, const T* gradient, int64_t height,
                                  int64_t width, int64_t limit, int64_t begin, int64_t end,
                                  T* sums, T* bias_sums) {
  const Header& h = plan.header();
  const int64_t in_plane = plane_elements(x.height, x.width, x.batch, x.upsample, limit);
  const int64_t out_plane = plane_elements(height, width, x.batch, false, limit);
  const int64_t tile_size = kRows * kColumns * kLanes;
  const int64_t packed_size = larger(1, p.block_channels) * static_cast<int64_t>(p.channel_pitch);
  const int64_t row = static_cast<int64_t>(p.in_step_h) * p.row_pitch;
  T* packed = static_cast<T*>(allocate(packed_size * sizeof(T)));
  const int64_t unit_size = h.outputs * tile_size;
  T* tiles = static_cast<T*>(allocate(kUnits * unit_size * sizeof(T)));
  RunList in[kUnits], out = make_list(p);
  for (RunList& list : in) list = make_list(p);
  const Block* blocks = plan.blocks(p);
  const int32_t* channels = plan.channels(p);
  const Segment* segments = plan.segments(p);
  for (int64_t index = begin; index < end; ++index) {
    const Item item = make_item(grid, index);
    __builtin_memset(packed, 0, packed_size * sizeof(T));
    __builtin_memset(tiles, 0, item.units * unit_size * sizeof(T));
    for (int32_t u = 0; u < item.units; ++u) {
      find_input(in[u], grid, p, item.at(u, grid), x);
      output_runs(out, grid, p, item.at(u, grid), width, false);
      for (int64_t o = 0; o < h.outputs; ++o)
        pack_gradient(tiles + u * unit_size + o * tile_size, out, gradient + o * out_plane,
                      bias_sums + o * kLanes);
    }
    const Correlate correlate_tile = correlate_for(row, item.height, item.vectors);
    for (int32_t b = 0; b < p.block_count; ++b) {
      const Block &block = blocks[b], &next = blocks[b + 1];
      Prefetcher prefetcher{x.data, in_plane, channels, next.channel,
                            b + 1 < p.block_count ? blocks[b + 2].channel : next.channel, &in[0], 0};
      const auto lines =
          static_cast<int32_t>(ceil_div(prefetcher.lines(), next.segment - block.segment));
      for (int32_t u = 0; u < item.units; ++u) {
        // Unused lanes must not keep another unit's samples.
        if (u > 0 && item.at(u, grid).partial())
          __builtin_memset(packed, 0, packed_size * sizeof(T));
        for (int32_t c = block.channel; c < next.channel; ++c)
          pack_channel(packed + (c - block.channel) * p.channel_pitch, in[u], x, channels[c],
                       in_plane);
        correlate_tile(packed, tiles + u * unit_size, segments + block.segment,
                       segments + next.segment, plan.offsets(p) + block.entry, sums + block.entry,
                       row, prefetcher, lines);
      }
    }
  }
  free(packed), free(tiles), free(out.runs);
  for (RunList& list : in) free(list.runs);
}

inline void weight_gradient(const Plan& plan, const Source<T>& source, const T* gradient,
                            int64_t height, int64_t width, T* d_weight, T* d_bias, int threads) {
  Source<T> x = source;
  int64_t limit = kNoLimit;
  if (is_flat(plan)) {
    limit = height * width * x.batch;
    flatten(limit, x.height, x.width, x.batch);
    height = x.height, width = x.width;
  }
  const Header& h = plan.header();
  const Part& p = plan.part(0);
  const Grid grid = make_grid(h, p, height, width, x.batch, limit);
  const int64_t items = grid.items(), shares = larger(1, smaller(threads, items));
  const int64_t pitch = ceil_div(p.active + static_cast<int64_t>(h.outputs) * kLanes, 16) * 16 + 16;
  T* sums = static_cast<T*>(allocate(shares * pitch * sizeof(T)));
#pragma omp parallel for num_threads(static_cast<int>(shares)) schedule(static, 1)
  for (int64_t s = 0; s < shares; ++s) {
    T* mine = sums + s * pitch;
    __builtin_memset(mine, 0, pitch * sizeof(T));
    weight_gradient_share(plan, p, grid, x, gradient, height, width, limit, s * items / shares,
                          (s + 1) * items / shares, mine, mine + p.active);
  }
  const int32_t* positions = plan.positions(p);
#pragma omp parallel for num_threads(threads) schedule(static) if (p.active > 16384)
  for (int32_t i = 0; i < p.active; ++i) {
    T total = 0;
    for (int64_t s = 0; s < shares; ++s) total += sums[s * pitch + i];
    d_weight[positions[i]] = total;
  }
  if (d_bias != nullptr) {
    for (int64_t o = 0; o < h.outputs; ++o) {
      T total = 0;
      for (int64_t s = 0; s < shares; ++s) total += sum(load(sums + s * pitch + p.active + o * kLanes));
      d_bias[o] = total;
    }
  }
  free(sums);
}
