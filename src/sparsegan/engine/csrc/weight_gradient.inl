// The gradient of the active weights alone: for every one, the product of the output gradient's tile
// (in registers) with the packed input at that weight's offset, summed over pixels and samples.
//
// Bands are divided among threads in fixed shares and the shares' sums are added in the
// order of the threads, so results repeat bit for bit for a given number of threads.

// Adds sum(gradient * packed[offset]) to four neighbouring entries. Entries past `count` repeat the
// first offset and are not stored.
template <int kCount>
inline __attribute__((always_inline)) void four_products(const Vector (&g)[kCount],
                                                         const T* __restrict packed,
                                                         const int32_t* __restrict offset, int count,
                                                         T* __restrict sums) {
  const T* x0 = packed + offset[0];
  const T* x1 = packed + offset[count > 1 ? 1 : 0];
  const T* x2 = packed + offset[count > 2 ? 2 : 0];
  const T* x3 = packed + offset[count > 3 ? 3 : 0];
  Vector a{}, b{}, c{}, d{};
  SPARSEGAN_UNROLL
  for (int q = 0; q < kCount; ++q) {
    a += g[q] * load(x0 + q * kLanes);
    b += g[q] * load(x1 + q * kLanes);
    c += g[q] * load(x2 + q * kLanes);
    d += g[q] * load(x3 + q * kLanes);
  }
  if (count >= 4) {
    add_sums(sums, a, b, c, d);
  } else {
    T four[4] = {};
    add_sums(four, a, b, c, d);
    for (int i = 0; i < count; ++i) sums[i] += four[i];
  }
}

template <int kCount>
void correlate(const T* __restrict packed, const T* __restrict gradient, int64_t pitch,
               const Segment* segment, const Segment* last, const int32_t* __restrict offset,
               T* __restrict sums) {
  for (; segment < last; ++segment) {
    const T* mine = gradient + segment->output * pitch;
    Vector g[kCount];
    SPARSEGAN_UNROLL
    for (int q = 0; q < kCount; ++q) g[q] = load(mine + q * kLanes);
    int32_t n = segment->count;
    for (; n >= 4; n -= 4, offset += 4, sums += 4) four_products<kCount>(g, packed, offset, 4, sums);
    if (n > 0) {
      four_products<kCount>(g, packed, offset, n, sums);
      offset += n, sums += n;
    }
  }
}

typedef void (*Correlate)(const T*, const T*, int64_t, const Segment*, const Segment*,
                          const int32_t*, T*);

template <int kCount>
inline Correlate choose_correlate(int vectors) {
  if constexpr (kCount > 1) {
    if (vectors < kCount) return choose_correlate<kCount - 1>(vectors);
  }
  return correlate<kCount>;
}

// Puts a band of the gradient where a forward pass has its results: rows of packed pixels, zeros
// between them and behind the last.
inline void pack_gradient(const Header& h, const Band& band, const Source<T>& gradient, int64_t pitch,
                          T* to) {
  const bool twice = gradient.upsample;
  const int64_t width = h.width >> twice, plane = int64_t{h.height >> twice} * width;
  const int64_t image = h.outputs * plane, end = h.elements(band.rows);
  const T* from = gradient.data + band.image * image;
  for (int32_t o = 0; o < h.outputs; ++o, from += plane, to += pitch) {
    const Transform t = transform_of(gradient, o, band);
    const auto change = [&](Vector v) { return t.apply(v); };
    for (int64_t r = 0; r < band.rows; ++r) {
      const T* row = from + ((band.row + r) >> twice) * width;
      T* packed = to + r * h.pitch;
      if (h.column == 1 && twice) {
        double_row(row, packed, 0, h.width, change);
      } else if (h.column == 1 && t.none) {
        copy_rows(row, 0, packed, 0, 1, width, unchanged);
      } else if (h.column == 1) {
        copy_rows(row, 0, packed, 0, 1, width, change);
      } else {
        gather_samples(row, image, band.images, width, packed);
        for (int64_t x = h.width - 1; x >= 0 && (twice || !t.none); --x)
          store(packed + x * kLanes, t.apply(load(packed + (x >> twice) * kLanes)));
        // A transform makes something of samples that are not there.
        for (int64_t x = 0; x < h.width && !t.none && band.images < kLanes; ++x)
          store(packed + x * kLanes, load_first(packed + x * kLanes, band.images));
      }
    }
    for (int64_t k = end; k % kLanes; ++k) to[k] = 0;
  }
}

// What one thread adds of the weight gradient to its own sums.
struct WeightGradient {
  const Plan& plan;
  const Header& h;
  const Source<T>& gradient;
  Packer packer;
  Bands bands;
  int64_t pitch;
  T *packed, *gradients, *sums, *bias_sums;

  // What somebody else packs is not made room for.
  WeightGradient(const Plan& forward, const Source<T>& x, const Source<T>& of, T* weights, T* biases,
                 bool packs_input = true, bool packs_gradient = true, int64_t fewest = 1)
      : plan(forward), h(plan.header()), gradient(of), packer(plan, x), bands(h, x.batch, fewest),
        pitch(sums_pitch(h)), sums(weights), bias_sums(biases) {
    packed = packs_input ? allocate_zeros(packed_elements(h)) : nullptr;
    gradients = packs_gradient ? allocate_zeros(h.outputs * pitch) : nullptr;
  }
  ~WeightGradient() { free(packed), free(gradients); }
  WeightGradient(const WeightGradient&) = delete;
  WeightGradient& operator=(const WeightGradient&) = delete;

  void run(const Band& band) {
    packer.pack(band, packed);
    run_packed(band, packed);
  }

  // With the input packed already.
  void run_packed(const Band& band, const T* input) {
    pack_gradient(h, band, gradient, pitch, gradients);
    add(band, input, gradients, pitch);
  }

  // With the gradient laid out from `from` on, one channel `distance` elements after the other.
  void run_beside(const Band& band, const T* from, int64_t distance) {
    packer.pack(band, packed);
    add(band, packed, from, distance);
  }

 private:
  void add(const Band& band, const T* input, const T* from, int64_t distance) {
    const Block* blocks = plan.blocks();
    const Tiles tiles = make_tiles(h, band.rows);
    for (int32_t o = 0; o < h.outputs; ++o) {
      Vector total = load(bias_sums + o * kLanes);
      for (int64_t k = 0; k < tiles.vectors * kLanes; k += kLanes) total += load(from + o * distance + k);
      store(bias_sums + o * kLanes, total);
    }
    for (int64_t t = 0; t < tiles.count; ++t) {
      const Tiles::Part tile = tiles[t];
      const Correlate correlate_tile = choose_correlate<kVectors>(tile.vectors);
      for (int32_t b = 0; b < h.block_count; ++b) {
        const Block &block = blocks[b], &next = blocks[b + 1];
        correlate_tile(input + int64_t{block.channel} * h.channel_pitch + tile.first,
                       from + tile.first, distance, plan.segments() + block.segment,
                       plan.segments() + next.segment, plan.offsets() + block.entry,
                       sums + block.entry);
      }
    }
  }
};

// Adds the shares' sums, of weights and of biases behind them, and multiplies them by a factor.
inline void finish_weights(const Plan& plan, const T* sums, int64_t shares, int64_t pitch, T factor,
                           T* d_weight, T* d_bias, int threads) {
  const Header& h = plan.header();
  const int32_t* positions = plan.positions();
#pragma omp parallel for num_threads(threads) schedule(static) if (h.active > 16384)
  for (int32_t i = 0; i < h.active; ++i) {
    T total = 0;
    for (int64_t s = 0; s < shares; ++s) total += sums[s * pitch + i];
    d_weight[positions[i]] = total * factor;
  }
  if (d_bias == nullptr) return;
  for (int64_t o = 0; o < h.outputs; ++o) {
    T total = 0;
    for (int64_t s = 0; s < shares; ++s) total += sum(load(sums + s * pitch + h.active + o * kLanes));
    d_bias[o] = total * factor;
  }
}

inline void weight_gradient(const Plan& plan, const Source<T>& x, const T* gradient, T* d_weight,
                            T* d_bias, int threads) {
  const Header& h = plan.header();
  const int64_t items = Bands(h, x.batch, threads).count(), shares = larger(1, smaller(threads, items));
  const int64_t pitch = ceil_div(h.active + static_cast<int64_t>(h.outputs) * kLanes, 16) * 16 + 16;
  T* sums = allocate_zeros(shares * pitch);
  const Source<T> of = plain_source(gradient, x.batch, h.outputs);
#pragma omp parallel for num_threads(static_cast<int>(shares)) schedule(static, 1)
  for (int64_t s = 0; s < shares; ++s) {
    T* mine = sums + s * pitch;
    WeightGradient share(plan, x, of, mine, mine + h.active, true, true, threads);
    for (int64_t i = s * items / shares; i < (s + 1) * items / shares; ++i) share.run(share.bands[i]);
  }
  finish_weights(plan, sums, shares, pitch, T(1), d_weight, d_bias, threads);
  free(sums);
}
