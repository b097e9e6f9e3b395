// The sparse convolution: forward pass, input gradient and transposed convolution alike.
//
// For every band: pack it; for every register tile of results go through the blocks of input channels
// (what a tile meets of one fits the L1 cache) and stream the block's active weights, each one
// broadcast times the tile's vectors. Input and sums of all channels wait in the L2 cache.

// Memory that will be read or written next is asked for while sums are made, a few lines at a time.
class Ahead {
 public:
  // So many segments there will be to ask in; `used` elements of the L2 cache are taken. What does not
  // fit beside them is not asked for, nor is what is small, or too much at a time.
  Ahead(int64_t segments, int64_t used) : segments_(segments), room_(kAheadElements - used) {}

  void add(const T* begin, int64_t elements, bool written) {
    const int64_t lines = lines_ + ceil_div(elements, kLine), share = ceil_div(lines, larger(1, segments_));
    if (elements > room_ || elements < kFew || share > kShare || count_ == kMost) return;
    room_ -= elements, lines_ = lines, share_ = share;
    ranges_[count_++] = {begin, begin + elements, written};
  }
  void some() {
    for (int64_t n = 0; n < share_ && at_ < count_; ++n) {
      Range& range = ranges_[at_];
      range.written ? __builtin_prefetch(range.next, 1, 2) : __builtin_prefetch(range.next, 0, 2);
      range.next += kLine;
      if (range.next >= range.end) ++at_;
    }
  }

 private:
  static constexpr int kMost = 3, kShare = 8;
  static constexpr int64_t kLine = 64 / sizeof(T), kAheadElements = SPARSEGAN_CACHE_BYTES / sizeof(T);
  static constexpr int64_t kFew = 16384;
  struct Range {
    const T *next, *end;
    bool written;
  };
  int64_t segments_, room_, lines_ = 0, share_ = 0;
  int count_ = 0, at_ = 0;
  Range ranges_[kMost];
};

template <int kCount>
void accumulate(const T* __restrict packed, T* __restrict sums, int64_t pitch, bool begin,
                const Segment* segment, const Segment* last, const int32_t* __restrict offset,
                const T* __restrict weight, Ahead& ahead) {
  for (; segment < last; ++segment) {
    T* mine = sums + segment->output * pitch;
    ahead.some();
    Vector a[kCount];
    SPARSEGAN_UNROLL
    for (int q = 0; q < kCount; ++q) a[q] = begin ? Vector{} : load(mine + q * kLanes);
    for (int32_t n = segment->count; n > 0; --n) {
      const T* x = packed + *offset++;
      const Vector w = broadcast(*weight++);
      SPARSEGAN_UNROLL
      for (int q = 0; q < kCount; ++q) a[q] += w * load(x + q * kLanes);
    }
    SPARSEGAN_UNROLL
    for (int q = 0; q < kCount; ++q) store(mine + q * kLanes, a[q]);
  }
}

typedef void (*Accumulate)(const T*, T*, int64_t, bool, const Segment*, const Segment*,
                           const int32_t*, const T*, Ahead&);

template <int kCount>
inline Accumulate choose_accumulate(int vectors) {
  if constexpr (kCount > 1) {
    if (vectors < kCount) return choose_accumulate<kCount - 1>(vectors);
  }
  return accumulate<kCount>;
}

// Vectors of a row that four output channels hold in registers together.
constexpr int kGroupColumns = kLanes * sizeof(T) == 64 ? 4 : 2;

// Entries of four weights, for some neighbouring vectors: every vector that is loaded meets four.
template <int kWidth>
inline void accumulate_row(const T* __restrict packed, T* __restrict sums, int64_t pitch, bool begin,
                           const int32_t* __restrict offset, const T* __restrict weight,
                           int32_t count) {
  Vector a[kGroup][kWidth];
  SPARSEGAN_UNROLL
  for (int j = 0; j < kGroup; ++j)
    SPARSEGAN_UNROLL
    for (int q = 0; q < kWidth; ++q) a[j][q] = begin ? Vector{} : load(sums + j * pitch + q * kLanes);
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
    for (int q = 0; q < kWidth; ++q) store(sums + j * pitch + q * kLanes, a[j][q]);
}

inline void accumulate_groups(const T* packed, T* sums, int64_t pitch, bool begin,
                              const Segment* segment, const Segment* last, const int32_t* offset,
                              const T* weight, int vectors) {
  for (; segment < last; ++segment) {
    const T* x = packed;
    T* mine = sums + segment->output * pitch;
    const int32_t n = segment->count;
    int q = 0;
    for (; q + kGroupColumns <= vectors; q += kGroupColumns, x += kGroupColumns * kLanes,
         mine += kGroupColumns * kLanes)
      accumulate_row<kGroupColumns>(x, mine, pitch, begin, offset, weight, n);
    for (; q < vectors; ++q, x += kLanes, mine += kLanes)
      accumulate_row<1>(x, mine, pitch, begin, offset, weight, n);
    offset += n, weight += kGroup * n;
  }
}

// Gathers the active weights in the plan's order.
inline void gather(const Plan& plan, const T* weight, T* values, int threads) {
  const int32_t* positions = plan.positions();
  const int32_t active = plan.header().active;
#pragma omp parallel for num_threads(threads) schedule(static) if (active > 16384)
  for (int32_t i = 0; i < active; ++i) values[i] = weight[positions[i]];
}

// The sums of one tile of a packed band.
inline void sum_tile(const Plan& plan, const T* values, const T* packed, const Tiles::Part& tile,
                     T* sums, int64_t pitch, Ahead& ahead) {
  const Header& h = plan.header();
  const Block* blocks = plan.blocks();
  const Accumulate accumulate_tile = choose_accumulate<kVectors>(tile.vectors);
  for (int32_t b = 0; b < h.block_count; ++b) {
    const Block &block = blocks[b], &next = blocks[b + 1];
    const T* input = packed + int64_t{block.channel} * h.channel_pitch + tile.first;
    const Segment *first = plan.segments() + block.segment, *last = plan.segments() + next.segment;
    const int32_t* offsets = plan.offsets() + block.entry;
    const T* weights = values + int64_t{block.entry} * h.group;
    if (h.group > 1)
      accumulate_groups(input, sums + tile.first, pitch, b == 0, first, last, offsets, weights,
                        tile.vectors);
    else
      accumulate_tile(input, sums + tile.first, pitch, b == 0, first, last, offsets, weights, ahead);
  }
}

inline int64_t segment_count(const Plan& plan) { return plan.blocks()[plan.header().block_count].segment; }

inline int64_t packed_elements(const Header& h) { return int64_t{h.channel_count} * h.channel_pitch; }

// What one band has of a channel of a result.
struct Moments {
  double mean, spread;
};

// Of all channels, from those of the images' bands: (image, band, channel).
inline void join_moments(const Bands& bands, const Writer& writer, const Moments* parts,
                         const Target<T>& y) {
  const int64_t channels = bands.h.outputs;
  for (int64_t o = 0; o < channels; ++o) {
    double count = 0, mean = 0, spread = 0;
    for (int64_t image = 0; image < bands.batch; ++image)
      for (int64_t b = 0; b < bands.per_column; ++b) {
        const Moments& part = parts[(image * bands.per_column + b) * channels + o];
        const auto more = static_cast<double>(writer.count(bands[b]));
        const double distance = part.mean - mean, sum = count + more;
        mean += distance * more / sum;
        spread += part.spread + distance * distance * count * more / sum;
        count = sum;
      }
    y.mean[o] = static_cast<T>(mean), y.variance[o] = static_cast<T>(spread / count);
  }
}

inline void convolve(const Plan& plan, const T* weight, const T* values, const Source<T>& x,
                     const Target<T>& y, int threads) {
  const Header& h = plan.header();
  const Bands bands(h, x.batch, threads, y.pool);
  const int64_t pitch = sums_pitch(h), items = bands.count();
  T* gathered = nullptr;
  if (values == nullptr) {
    gathered = allocate(h.active);
    gather(plan, weight, gathered, threads);
    values = gathered;
  }
  Moments* parts = nullptr;
  if (y.mean != nullptr)
    parts = static_cast<Moments*>(
        malloc(x.batch * bands.per_column * h.outputs * static_cast<int64_t>(sizeof(Moments))));
#pragma omp parallel num_threads(static_cast<int>(larger(1, smaller(threads, items))))
  {
    const Packer packer(plan, x);
    const Writer writer(h, y);
    const int64_t plane = writer.pixels(), image = h.outputs * plane;
    const int64_t input = x.channels * source_pixels(h, x.upsample);
    const int64_t sums_size = h.outputs * int64_t{h.parts()} * pitch + kLanes;
    const int64_t used = packed_elements(h) + sums_size;
    const bool alone = h.column == 1 && bands.per_column == 1;  // an item is an image
    T *packed = allocate_zeros(packed_elements(h)), *sums = allocate(sums_size);
#pragma omp for schedule(dynamic, 1)
    for (int64_t i = 0; i < items; ++i) {
      const Band band = bands[i];
      packer.pack(band, packed);
      const Tiles tiles = make_tiles(h, band.rows);
      Ahead ahead(tiles.count * segment_count(plan), used);
      if (alone) {
        ahead.add(y.data + band.image * image, image, true);
        if (band.image + 1 < x.batch) ahead.add(x.data + (band.image + 1) * input, input, false);
      }
      for (int64_t t = 0; t < tiles.count; ++t)
        sum_tile(plan, values, packed, tiles[t], sums, pitch, ahead);
      for (int32_t o = 0; o < h.outputs; ++o) {
        const int64_t at = band.image * image + o * plane;
        const T* residual = y.residual == nullptr ? nullptr
                                                  : y.residual + (y.residual_upsampled ? at / 4 : at);
        writer.write(band, sums + o * pitch, h.outputs * pitch, y.bias ? y.bias[o] : T(0), y.data + at,
                     image, residual);
        for (int64_t k = 0; k < band.images && parts != nullptr; ++k) {
          const int64_t part = (band.image + k) * bands.per_column + i % bands.per_column;
          Moments& moments = parts[part * h.outputs + o];
          writer.moments(band, y.data + at + k * image, moments.mean, moments.spread);
        }
      }
    }
    free(packed), free(sums);
  }
  if (parts != nullptr) join_moments(bands, Writer(h, y), parts, y);
  free(gathered), free(parts);
}
