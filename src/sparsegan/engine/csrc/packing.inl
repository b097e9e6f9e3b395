// Bands of images to packed rows, and sums laid out like packed rows back to images (plan.h).

inline T* allocate(int64_t elements) {
  const int64_t bytes = elements * static_cast<int64_t>(sizeof(T));
  return static_cast<T*>(aligned_alloc(64, static_cast<size_t>(ceil_div(bytes, 64) + 1) * 64));
}

inline T* allocate_zeros(int64_t elements) {
  T* memory = allocate(elements);
  __builtin_memset(memory, 0, elements * sizeof(T));
  return memory;
}

// Some rows of (a part of) the result, of one image or of those that are packed together.
struct Band {
  int64_t row, rows;
  int64_t image, images;
};

inline int64_t source_pixels(const Header& h, bool upsample) {
  return int64_t{h.source_height >> upsample} * (h.source_width >> upsample);
}

// The bands of a batch; for each image at least so many that there are `fewest`, if it has the rows.
// With `even` each has an even number of rows, as an image must have then.
struct Bands {
  const Header& h;
  int64_t batch, multiple, units, columns, per_column;

  Bands(const Header& header, int64_t images, int64_t fewest, bool even = false)
      : h(header), batch(images), multiple(even ? 2 : 1), units(h.rows / multiple) {
    columns = ceil_div(batch, h.column);
    const int64_t most = larger(1, h.band_rows / multiple);
    per_column = larger(ceil_div(units, most), smaller(units, ceil_div(fewest, larger(1, columns))));
  }
  int64_t count() const { return columns * per_column; }
  Band operator[](int64_t i) const {
    const int64_t image = i / per_column * h.column, band = i % per_column;
    const int64_t first = band * units / per_column;
    return {first * multiple, ((band + 1) * units / per_column - first) * multiple, image,
            smaller(h.column, batch - image)};
  }
};

// Rows of `length` elements, changed on the way.
template <typename Change>
inline __attribute__((always_inline)) void copy_rows(const T* from, int64_t from_pitch, T* to,
                                                     int64_t to_pitch, int64_t rows, int64_t length,
                                                     Change change) {
  const int64_t whole = length / kLanes * kLanes, rest = length - whole;
  for (int64_t r = 0; r < rows; ++r, from += from_pitch, to += to_pitch) {
    for (int64_t k = 0; k < whole; k += kLanes) store(to + k, change(load(from + k)));
    if (rest) store_first(to + whole, change(load_first(from + whole, rest)), rest);
  }
}

inline Vector unchanged(Vector v) { return v; }

// Rows and columns of a square of vectors changed: in each step the halves are taken in turn.
inline void transpose(Vector (&v)[kLanes]) {
  Vector w[kLanes];
  SPARSEGAN_UNROLL
  for (int step = 1; step < kLanes; step *= 2) {
    SPARSEGAN_UNROLL
    for (int i = 0; i < kLanes; ++i) w[i] = v[i];
    SPARSEGAN_UNROLL
    for (int i = 0; i < kLanes / 2; ++i) {
      v[2 * i] = low_in_turn(w[i], w[i + kLanes / 2]);
      v[2 * i + 1] = high_in_turn(w[i], w[i + kLanes / 2]);
    }
  }
}

// Rows of images, `pitch` elements apart, to pixels that are vectors of samples; zeros where there
// is no image.
inline void gather_samples(const T* from, int64_t pitch, int64_t images, int64_t pixels, T* to) {
  for (int64_t k = 0; k < pixels; k += kLanes) {
    const int64_t left = smaller(kLanes, pixels - k);
    Vector v[kLanes];
    for (int64_t i = 0; i < kLanes; ++i)
      v[i] = i >= images ? Vector{} : left == kLanes ? load(from + i * pitch + k)
                                                     : load_first(from + i * pitch + k, left);
    transpose(v);
    for (int64_t i = 0; i < left; ++i) store(to + (k + i) * kLanes, v[i]);
  }
}

// The other way.
inline void scatter_samples(const T* from, int64_t pixels, int64_t images, int64_t pitch, T* to) {
  for (int64_t k = 0; k < pixels; k += kLanes) {
    const int64_t left = smaller(kLanes, pixels - k);
    Vector v[kLanes];
    for (int64_t i = 0; i < kLanes; ++i) v[i] = i < left ? load(from + (k + i) * kLanes) : Vector{};
    transpose(v);
    for (int64_t i = 0; i < images; ++i) {
      if (left == kLanes) store(to + i * pitch + k, v[i]);
      else store_first(to + i * pitch + k, v[i], left);
    }
  }
}

// A tensor that is read as it is, or upsampled.
inline Source<T> plain_source(const T* data, int64_t batch, int64_t channels, bool upsample = false) {
  return {data, batch, channels, nullptr, nullptr, nullptr, false, false, T(1), upsample};
}

// The transform of a source for one channel of the images of a band.
struct Transform {
  Vector centre, scale, shift, slope;
  bool none;

  Vector apply(Vector v) const {
    v = (v - centre) * scale + shift;
    return v > Vector{} ? v : v * slope;
  }
};

inline Transform transform_of(const Source<T>& x, int64_t channel, const Band& band) {
  const Vector zero{}, one = broadcast(T(1));
  Transform t{zero, one, zero, x.activate ? broadcast(x.slope) : one,
              x.scale == nullptr && !x.activate};
  if (x.scale == nullptr) return t;
  t.centre = broadcast(x.centre[channel]);
  if (x.per_sample && band.images > 1) {
    for (int64_t i = 0; i < band.images; ++i) {
      t.scale[i] = x.scale[(band.image + i) * x.channels + channel];
      t.shift[i] = x.shift[(band.image + i) * x.channels + channel];
    }
  } else {
    const int64_t at = x.per_sample ? band.image * x.channels + channel : channel;
    t.scale = broadcast(x.scale[at]), t.shift = broadcast(x.shift[at]);
  }
  return t;
}

// A row of single elements, every one twice: `length` elements from element `first` of the doubled row
// on, an even one.
template <typename Change>
inline __attribute__((always_inline)) void double_row(const T* from, T* to, int64_t first,
                                                      int64_t length, Change change) {
  from += first / 2;
  for (int64_t k = 0; k < length; k += 2 * kLanes) {
    const int64_t left = length - k;
    const Vector v = change(load_first(from + k / 2, smaller(kLanes, ceil_div(left, 2))));
    store_first(to + k, low_in_turn(v, v), smaller(kLanes, left));
    if (left > kLanes) store_first(to + k + kLanes, high_in_turn(v, v), smaller(kLanes, left - kLanes));
  }
}

// Packs a plan's live channels.
class Packer {
 public:
  Packer(const Plan& plan, const Source<T>& x)
      : h_(plan.header()), x_(x), channels_(plan.channels()), stored_(h_.source_width >> x.upsample),
        pixels_(source_pixels(h_, x.upsample)) {
    phases_ = static_cast<Phase*>(malloc(h_.phases_w * sizeof(Phase)));
    for (int32_t b = 0; b < h_.phases_w; ++b) {
      const int32_t begin = b + h_.offset_w;  // the source pixel of the first packed one
      const int64_t skip = begin < 0 ? ceil_div(-begin, h_.step_w) : 0;
      const int64_t first = begin + skip * h_.step_w;
      const int64_t inside = ceil_div(larger(0, h_.source_width - first), h_.step_w);
      phases_[b] = {skip * h_.column, first, larger(0, smaller(h_.packed_columns - skip, inside))};
    }
    samples_ = h_.column > 1 ? allocate(pixels_ * kLanes) : nullptr;
  }
  ~Packer() { free(phases_), free(samples_); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  // All channels of a band. Zeros beside the rows are there already.
  void pack(const Band& band, T* packed) const {
    const int64_t plane = h_.plane, pitch = h_.pitch;
    for (int32_t c = 0; c < h_.channel_count; ++c, packed += h_.channel_pitch) {
      const Transform t = transform_of(x_, channels_[c], band);
      const T* from = x_.data + (band.image * x_.channels + channels_[c]) * pixels_;
      if (h_.column > 1) {
        gather_samples(from, x_.channels * pixels_, band.images, pixels_, samples_);
        from = samples_;
      }
      if (h_.column == 1 && h_.step_w == 1 && h_.step_h == 1 && !x_.upsample) {
        pack_plain(t, from, band, packed);
        continue;
      }
      for (int32_t a = 0; a < h_.phases_h; ++a)
        for (int64_t r = 0; r < band.rows + h_.more_rows; ++r) {
          const int64_t y = (band.row + r) * h_.step_h + a + h_.offset_h;
          const bool outside = y < 0 || y >= h_.source_height;
          const T* source = from + (y >> x_.upsample) * stored_ * h_.column;
          T* row = packed + a * h_.phases_w * plane + r * pitch;
          for (int32_t b = 0; b < h_.phases_w; ++b, row += plane) {
            const Phase& p = phases_[b];
            if (outside)
              zero_row(p, row);
            else if (h_.column > 1)
              pack_vectors(t, source, p, row + p.skip);
            else
              pack_row(t, source, p, row + p.skip);
          }
        }
    }
  }

 private:
  struct Phase {
    int64_t skip;    // packed elements before the first pixel
    int64_t first;   // the first source pixel
    int64_t pixels;
  };

  // Single elements, no stride: rows as they are.
  void pack_plain(const Transform& t, const T* from, const Band& band, T* to) const {
    const int64_t top = band.row + h_.offset_h, rows = band.rows + h_.more_rows, pitch = h_.pitch;
    const int64_t begin = smaller(rows, larger(0, -top));
    const int64_t end = larger(begin, smaller(rows, h_.source_height - top));
    from += (top + begin) * stored_;
    for (int32_t b = 0; b < h_.phases_w; ++b, to += h_.plane) {
      const Phase& p = phases_[b];
      if (p.pixels == 0) continue;
      for (int64_t r = 0; r < begin; ++r) zero_row(p, to + r * pitch);
      for (int64_t r = end; r < rows; ++r) zero_row(p, to + r * pitch);
      const bool joined = p.pixels == stored_ && pitch == stored_;  // rows follow each other
      const int64_t count = joined ? 1 : end - begin;
      const int64_t length = joined ? (end - begin) * stored_ : p.pixels;
      T* row = to + begin * pitch + p.skip;
      if (t.none)
        copy_rows(from + p.first, stored_, row, pitch, count, length, unchanged);
      else
        copy_rows(from + p.first, stored_, row, pitch, count, length,
                  [t](Vector v) { return t.apply(v); });
    }
  }

  void zero_row(const Phase& p, T* row) const {
    __builtin_memset(row + p.skip, 0, p.pixels * h_.column * sizeof(T));
  }

  void pack_vectors(const Transform& t, const T* from, const Phase& p, T* to) const {
    for (int64_t k = 0; k < p.pixels; ++k) {
      const int64_t pixel = (p.first + k * h_.step_w) >> x_.upsample;
      store(to + k * kLanes, t.apply(load(from + pixel * kLanes)));
    }
  }

  void pack_row(const Transform& t, const T* from, const Phase& p, T* to) const {
    if (x_.upsample && h_.step_w == 1 && p.first % 2 == 0) {
      double_row(from, to, p.first, p.pixels, [&](Vector v) { return t.apply(v); });
    } else if (!x_.upsample && h_.step_w == 2) {
      from += p.first;
      for (int64_t k = 0; k < p.pixels; k += kLanes) {
        const int64_t left = smaller(kLanes, p.pixels - k), wide = 2 * left - 1;
        const Vector a = load_first(from + 2 * k, smaller(kLanes, wide));
        const Vector b = load_first(from + 2 * k + kLanes, larger(0, wide - kLanes));
        store_first(to + k, t.apply(evens(a, b)), left);
      }
    } else {
      for (int64_t k = 0; k < p.pixels; ++k) {
        const T* pixel = from + ((p.first + k * h_.step_w) >> x_.upsample);
        store_first(to + k, t.apply(load_first(pixel, 1)), 1);
      }
    }
  }

  const Header& h_;
  const Source<T>& x_;
  const int32_t* channels_;
  const int64_t stored_, pixels_;  // pixels of a row and of an image, before upsampling
  Phase* phases_;
  T* samples_;
};

// The vectors of results that are summed in registers at a time, divided evenly.
struct Tiles {
  int64_t vectors, count;
  struct Part {
    int64_t first;  // element
    int vectors;
  };
  Part operator[](int64_t i) const {
    const int64_t first = i * vectors / count;
    return {first * kLanes, static_cast<int>((i + 1) * vectors / count - first)};
  }
};

inline Tiles make_tiles(const Header& h, int64_t rows) {
  const int64_t vectors = ceil_div(h.elements(rows), kLanes);
  return {vectors, ceil_div(vectors, kVectors)};
}

// Elements from one channel's sums to the next one's.
inline int64_t sums_pitch(const Header& h) {
  const int64_t elements = ceil_div(h.elements(h.band_rows), kLanes) * kLanes;
  return elements % 1024 ? elements : elements + 16;
}

// Two parts' rows of single elements in turn, `width` pixels of them.
inline void write_in_turn(const T* first, const T* second, T bias, int64_t width, T* to) {
  for (int64_t x = 0; x < width; x += 2 * kLanes) {
    const int64_t left = width - x;
    const Vector a = load(first + x / 2) + bias, b = load(second + x / 2) + bias;
    store_first(to + x, low_in_turn(a, b), smaller(kLanes, left));
    if (left > kLanes) store_first(to + x + kLanes, high_in_turn(a, b), smaller(kLanes, left - kLanes));
  }
}

// Two rows of single elements to the sums of their squares of 2x2, times a factor, plus a bias.
inline void pool_row(const T* above, const T* below, int64_t width, T factor, T bias, T* to) {
  for (int64_t w = 0; w < width; w += kLanes) {
    const int64_t left = smaller(kLanes, width - w), first = smaller(kLanes, 2 * left);
    const T *a = above + 2 * w, *b = below + 2 * w;
    const Vector a1 = load_first(a, first), a2 = load_first(a + kLanes, 2 * left - first);
    const Vector b1 = load_first(b, first), b2 = load_first(b + kLanes, 2 * left - first);
    const Vector upper = evens(a1, a2) + odds(a1, a2), lower = evens(b1, b2) + odds(b1, b2);
    store_first(to + w, (upper + lower) * factor + bias, left);
  }
}

// Writes sums of a band to the images.
class Writer {
 public:
  Writer(const Header& header, const Target<T>& target)
      : h_(header), y_(target), height_(h_.height >> y_.pool), width_(h_.width >> y_.pool) {
    samples_ = h_.column > 1 ? allocate(h_.width * int64_t{kLanes}) : nullptr;
  }
  ~Writer() { free(samples_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  int64_t pixels() const { return height_ * width_; }

  // One output channel's sums, `part_pitch` elements from one part to the next, to the channel's
  // plane of the band's first image, those of the others `image_pitch` elements apart; and the
  // residual, which lies as the result does.
  void write(const Band& band, const T* sums, int64_t part_pitch, T bias, T* plane,
             int64_t image_pitch, const T* residual) const {
    const int64_t begin = first_row(band), end = end_row(band);
    if (h_.column == 1 && h_.parts() == 1 && !y_.pool) {
      copy_rows(sums, h_.pitch, plane + begin * width_, width_, end - begin, width_,
                [bias](Vector v) { return v + bias; });
    } else {
      for (int64_t y = begin; y < end; ++y) {
        const int64_t line = y_.pool ? 2 * y : y, row = line / h_.parts_h - band.row;
        const T* from = sums + line % h_.parts_h * h_.parts_w * part_pitch + row * h_.pitch;
        write_row(band, from, part_pitch, bias, plane + y * width_, image_pitch);
      }
    }
    if (residual == nullptr) return;
    const int64_t shift = y_.residual_upsampled, from_pitch = image_pitch >> (2 * shift);
    for (int64_t i = 0; i < band.images; ++i)
      for (int64_t y = begin; y < end; ++y)
        add_row(residual + i * from_pitch + (y >> shift) * (width_ >> shift),
                plane + i * image_pitch + y * width_);
  }

  // Mean and sum of squares of distances from it, of what a band has of a plane.
  void moments(const Band& band, const T* plane, double& mean, double& spread) const {
    const int64_t count = (end_row(band) - first_row(band)) * width_;
    plane_moments(plane + first_row(band) * width_, count, mean, spread);
  }
  int64_t count(const Band& band) const { return (end_row(band) - first_row(band)) * width_; }

 private:
  int64_t first_row(const Band& band) const { return (band.row * h_.parts_h) >> y_.pool; }
  int64_t end_row(const Band& band) const {
    return smaller((band.row + band.rows) * h_.parts_h, h_.height) >> y_.pool;
  }

  void write_row(const Band& band, const T* from, int64_t part_pitch, T bias, T* to,
                 int64_t image_pitch) const {
    if (h_.column > 1) {
      if (y_.pool)
        for (int64_t x = 0; x < width_; ++x) {
          const T *above = from + 2 * x * kLanes, *below = above + h_.pitch;
          const Vector upper = load(above) + load(above + kLanes);
          const Vector lower = load(below) + load(below + kLanes);
          store(samples_ + x * kLanes, (upper + lower) * T(0.25) + bias);
        }
      else
        for (int32_t part = 0; part < h_.parts_w; ++part, from += part_pitch)
          for (int64_t x = part, k = 0; x < width_; x += h_.parts_w, k += kLanes)
            store(samples_ + x * kLanes, load(from + k) + bias);
      scatter_samples(samples_, width_, band.images, image_pitch, to);
    } else if (y_.pool) {
      pool_row(from, from + h_.pitch, width_, T(0.25), bias, to);
    } else if (h_.parts_w == 2) {
      write_in_turn(from, from + part_pitch, bias, width_, to);
    } else {
      for (int64_t x = 0; x < width_; ++x)
        to[x] = from[x % h_.parts_w * part_pitch + x / h_.parts_w] + bias;
    }
  }

  void add_row(const T* residual, T* to) const {
    if (!y_.residual_upsampled) {
      each_of(width_, [&](int64_t k, int64_t count) {
        store_some(to + k, load_some(to + k, count) + load_some(residual + k, count), count);
      });
      return;
    }
    for (int64_t k = 0; k < width_; k += 2 * kLanes) {
      const int64_t left = width_ - k, first = smaller(kLanes, left);
      const int64_t second = smaller(kLanes, left - first);
      const Vector v = load_first(residual + k / 2, ceil_div(smaller(2 * kLanes, left), 2));
      store_some(to + k, load_some(to + k, first) + low_in_turn(v, v), first);
      if (second > 0)
        store_some(to + k + kLanes, load_some(to + k + kLanes, second) + high_in_turn(v, v), second);
    }
  }

  const Header& h_;
  const Target<T>& y_;
  const int64_t height_, width_;
  T* samples_;
};
