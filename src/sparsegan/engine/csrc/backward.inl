// The backward pass of a convolution that reads its input through a transform: the gradients of the
// input, of the active weights and of the bias, an image (or those that are packed together) after the
// other while its rows are in the cache.

// Where the output gradient lies among the rows that the input gradient packs of it, if the weight
// gradient can read it there: in the distances that its own packed input has.
struct Shared {
  bool possible;
  int64_t first;

  Shared(const Header& forward, const Header& adjoint) : possible(false), first(0) {
    const Header &f = forward, &a = adjoint;
    const int64_t copy = a.phases_w > 1 ? -a.offset_w : 0;
    possible = a.parts() == 1 && a.phases_h == 1 && f.pitch == a.pitch && f.column == a.column &&
               f.band_rows == f.rows && a.band_rows == a.rows && a.channel_count == f.outputs &&
               a.offset_h <= 0 && a.offset_w <= 0 && copy < a.phases_w;
    int64_t within = -int64_t{a.offset_h} * a.pitch;
    if (a.phases_w == 1) within -= int64_t{a.offset_w} * a.column;
    first = copy * a.plane + within;
    // The last vector is read whole, and behind the last row are zeros, but no further than the plane.
    possible = possible && within + ceil_div(f.elements(f.rows), kLanes) * kLanes <= a.plane;
  }
};

// What one thread needs of the input gradient.
struct InputGradient {
  const Plan& plan;
  const Header& h;
  const Source<T>& x;
  const Gradients<T>& to;
  const T* values;
  Source<T> gradient;
  Packer packer;
  Bands bands;
  int64_t pitch, pixels, stored;
  Target<T> nothing_else;
  Writer writer;
  T *packed, *sums, *large;
  double *sums_of_gradient, *sums_of_product;  // (batch, channels)

  InputGradient(const Plan& adjoint, const T* gathered, const Source<T>& source, const T* from,
                const Gradients<T>& gradients, double* first, double* second)
      : plan(adjoint), h(plan.header()), x(source), to(gradients), values(gathered),
        gradient(plain_source(from, x.batch, h.inputs, gradients.pool)), packer(plan, gradient), bands(h, x.batch, 1), pitch(sums_pitch(h)),
        pixels(int64_t{h.height} * h.width), stored(pixels / (x.upsample ? 4 : 1)), nothing_else{},
        writer(h, nothing_else), sums_of_gradient(first), sums_of_product(second) {
    packed = allocate_zeros(packed_elements(h));
    sums = allocate(h.outputs * int64_t{h.parts()} * pitch + kLanes);
    // Of one channel, or of all where they are not made at a time.
    large = x.upsample ? allocate(h.column * pixels * (bands.per_column > 1 ? h.outputs : 1)) : nullptr;
  }
  ~InputGradient() { free(packed), free(sums), free(large); }
  InputGradient(const InputGradient&) = delete;
  InputGradient& operator=(const InputGradient&) = delete;

  T* d_plane(int64_t image, int64_t channel) const {
    return to.d_x + (image * h.outputs + channel) * stored;
  }

  // Everything behind packing, of one band; the last one of its images finishes their planes.
  void run(const Band& band, bool last) {
    const Tiles tiles = make_tiles(h, band.rows);
    Ahead ahead(tiles.count * segment_count(plan), packed_elements(h) + h.outputs * h.parts() * pitch);
    if (h.column == 1 && bands.per_column == 1) {
      const int64_t next = band.image + 1, of = h.inputs * source_pixels(h, gradient.upsample);
      ahead.add(d_plane(band.image, 0), h.outputs * stored, true);
      if (next < x.batch) ahead.add(gradient.data + next * of, of, false);
      if (next < x.batch) ahead.add(x.data + next * h.outputs * stored, h.outputs * stored, false);
    }
    for (int64_t t = 0; t < tiles.count; ++t)
      sum_tile(plan, values, packed, tiles[t], sums, pitch, ahead);
    const bool whole = bands.per_column == 1;
    for (int32_t c = 0; c < h.outputs; ++c) {
      T* plane = !x.upsample ? d_plane(band.image, c) : large + (whole ? 0 : c * h.column * pixels);
      writer.write(band, sums + c * pitch, h.outputs * pitch, T(0), plane,
                   x.upsample ? pixels : h.outputs * pixels, nullptr);
      if (whole) finish(band, c, plane);
    }
    if (last && !whole)
      for (int32_t c = 0; c < h.outputs; ++c) finish(band, c, large + c * h.column * pixels);
  }

  // From the gradient of what was convolved to that of what it was made from, but for the terms of
  // batch statistics.
  void finish(const Band& band, int32_t channel, const T* gradients) {
    for (int64_t i = 0; i < band.images; ++i, gradients += pixels) {
      T* to_plane = d_plane(band.image + i, channel);
      if (x.upsample)
        for (int64_t line = 0; line < h.height / 2; ++line) {
          const T* above = gradients + line * 2 * h.width;
          pool_row(above, above + h.width, h.width / 2, T(1), T(0), to_plane + line * (h.width / 2));
        }
      if (x.scale == nullptr && !x.activate) continue;
      const int64_t image = band.image + i, at = image * x.channels + channel;
      const Transform t = transform_of(x, channel, Band{0, 0, image, 1});
      const T* from = x.data + at * stored;
      if (x.scale == nullptr) {
        each_of(stored, [&](int64_t k, int64_t count) {
          const Vector g = load_some(to_plane + k, count), leaked = g * t.slope;
          store_some(to_plane + k, load_some(from + k, count) > Vector{} ? g : leaked, count);
        });
        continue;
      }
      const Vector inverse = broadcast(to.inverse[channel]);
      const Vector factor = to.batch_statistics ? broadcast(T(1)) : t.scale;
      double s1 = 0, s2 = 0;
      for (int64_t begin = 0; begin < stored; begin += kChunk) {
        Vector v1{}, v2{};
        each_of(smaller(kChunk, stored - begin), [&](int64_t k, int64_t count) {
          const Vector distance = load_some(from + begin + k, count) - t.centre;
          const Vector g = load_some(to_plane + begin + k, count), leaked = g * t.slope;
          const Vector behind = distance * t.scale + t.shift > Vector{} ? g : leaked;
          v1 += behind, v2 += behind * (distance * inverse);
          store_some(to_plane + begin + k, behind * factor, count);
        });
        s1 += sum(v1), s2 += sum(v2);
      }
      sums_of_gradient[at] = s1, sums_of_product[at] = s2;
    }
  }
};

// The gradients of gains and biases; and where statistics are the batch's, what they add to that of x.
inline void finish_normalisation(const Source<T>& x, const Gradients<T>& to, int64_t pixels,
                                 const double* sums_of_gradient, const double* sums_of_product,
                                 int threads) {
  const auto count = static_cast<double>(x.batch * pixels);
#pragma omp parallel for num_threads(threads) schedule(static)
  for (int64_t c = 0; c < x.channels; ++c) {
    double all1 = 0, all2 = 0, scaled1 = 0, scaled2 = 0;
    for (int64_t n = 0; n < x.batch; ++n) {
      const int64_t at = n * x.channels + c;
      const double scale = x.scale[x.per_sample ? at : c];
      const double s1 = sums_of_gradient[at], s2 = sums_of_product[at];
      all1 += s1, all2 += s2, scaled1 += scale * s1, scaled2 += scale * s2;
      if (x.per_sample) to.d_beta[at] = static_cast<T>(s1), to.d_gamma[at] = static_cast<T>(s2);
    }
    if (!x.per_sample) to.d_beta[c] = static_cast<T>(all1), to.d_gamma[c] = static_cast<T>(all2);
    if (!to.batch_statistics) continue;
    const T m1 = static_cast<T>(scaled1 / count);
    const T m2 = static_cast<T>(scaled2 / count) * to.inverse[c], centre = x.centre[c];
    for (int64_t n = 0; n < x.batch; ++n) {
      const int64_t at = n * x.channels + c;
      const T scale = x.scale[x.per_sample ? at : c];
      const T* from = x.data + at * pixels;
      T* d = to.d_x + at * pixels;
      each_of(pixels, [&](int64_t k, int64_t left) {
        const Vector distance = load_some(from + k, left) - centre;
        store_some(d + k, load_some(d + k, left) * scale - m1 - distance * m2, left);
      });
    }
  }
}

// The input gradient alone.
inline void input_gradient(const Plan& adjoint, const T* weight, const Source<T>& x, const T* gradient,
                           const Gradients<T>& to, int threads) {
  const Header& a = adjoint.header();
  const int64_t items = ceil_div(x.batch, a.column), shares = larger(1, smaller(threads, items));
  T* values = allocate(a.active);
  gather(adjoint, weight, values, threads);
  for (int32_t i = 0; i < a.active && to.pool; ++i) values[i] *= T(0.25);
  const int64_t planes = x.scale != nullptr ? x.batch * x.channels : 0;
  auto* means = static_cast<double*>(malloc(larger(1, 2 * planes) * sizeof(double)));
#pragma omp parallel for num_threads(static_cast<int>(shares)) schedule(static, 1)
  for (int64_t s = 0; s < shares; ++s) {
    InputGradient of_input(adjoint, values, x, gradient, to, means, means + planes);
    const int64_t bands = of_input.bands.per_column;
    for (int64_t i = s * items / shares * bands; i < (s + 1) * items / shares * bands; ++i) {
      const Band band = of_input.bands[i];
      of_input.packer.pack(band, of_input.packed);
      of_input.run(band, i % bands + 1 == bands);
    }
  }
  if (x.scale != nullptr)
    finish_normalisation(x, to, int64_t{a.height} * a.width / (x.upsample ? 4 : 1), means,
                         means + planes, threads);
  free(values), free(means);
}

inline void backward(const Plan& forward, const Plan& adjoint, const T* weight, const Source<T>& x,
                     const T* gradient, const Gradients<T>& to, int threads) {
  if (to.d_weight == nullptr) return input_gradient(adjoint, weight, x, gradient, to, threads);
  const Header &f = forward.header(), &a = adjoint.header();
  const Shared shared(f, a);
  const int64_t unit = larger(f.column, a.column), items = ceil_div(x.batch, unit);
  const int64_t shares = larger(1, smaller(threads, items));
  const int64_t pitch = ceil_div(f.active + static_cast<int64_t>(f.outputs) * kLanes, 16) * 16 + 16;
  T *sums = allocate_zeros(shares * pitch), *values = allocate(a.active);
  gather(adjoint, weight, values, threads);
  const T factor = to.pool ? T(0.25) : T(1);
  for (int32_t i = 0; i < a.active && to.pool; ++i) values[i] *= factor;
  const Source<T> of = plain_source(gradient, x.batch, f.outputs, to.pool);
  const int64_t planes = x.scale != nullptr ? x.batch * x.channels : 0;
  auto* means = static_cast<double*>(malloc(larger(1, 2 * planes) * sizeof(double)));
#pragma omp parallel for num_threads(static_cast<int>(shares)) schedule(static, 1)
  for (int64_t s = 0; s < shares; ++s) {
    T* mine = sums + s * pitch;
    WeightGradient of_weight(forward, x, of, mine, mine + f.active, true, !shared.possible);
    InputGradient of_input(adjoint, values, x, gradient, to, means, means + planes);
    for (int64_t item = s * items / shares; item < (s + 1) * items / shares; ++item) {
      const int64_t first = item * unit, end = smaller(x.batch, first + unit);
      for (int64_t image = first; image < end; image += a.column)
        for (int64_t b = 0; b < of_input.bands.per_column; ++b) {
          const Band band = of_input.bands[image / a.column * of_input.bands.per_column + b];
          of_input.packer.pack(band, of_input.packed);
          if (shared.possible)
            of_weight.run_beside({0, f.rows, band.image, band.images}, of_input.packed + shared.first,
                                 a.channel_pitch);
          of_input.run(band, b + 1 == of_input.bands.per_column);
        }
      for (int64_t image = first; image < end && !shared.possible; image += f.column)
        for (int64_t b = 0; b < of_weight.bands.per_column; ++b)
          of_weight.run(of_weight.bands[image / f.column * of_weight.bands.per_column + b]);
    }
  }
  finish_weights(forward, sums, shares, pitch, factor, to.d_weight, to.d_bias, threads);
  if (x.scale != nullptr)
    finish_normalisation(x, to, int64_t{a.height} * a.width / (x.upsample ? 4 : 1), means,
                         means + planes, threads);
  free(sums), free(values), free(means);
}

// The same of a transposed convolution, whose input gradient is the forward pass of `plan`: what that
// packs of the output gradient is the input of the weight gradient, too.
inline void transposed_backward(const Plan& plan, const T* weight, const Source<T>& x,
                                const T* gradient, const Gradients<T>& to, int threads) {
  if (to.d_weight == nullptr) return input_gradient(plan, weight, x, gradient, to, threads);
  const Header& h = plan.header();
  const int64_t items = ceil_div(x.batch, h.column), shares = larger(1, smaller(threads, items));
  const int64_t pitch = ceil_div(h.active + static_cast<int64_t>(h.outputs) * kLanes, 16) * 16 + 16;
  T *sums = allocate_zeros(shares * pitch), *values = allocate(h.active);
  gather(plan, weight, values, threads);
  const Source<T> source = plain_source(gradient, x.batch, h.inputs);
  const int64_t planes = x.scale != nullptr ? x.batch * x.channels : 0;
  auto* means = static_cast<double*>(malloc(larger(1, 2 * planes) * sizeof(double)));
#pragma omp parallel for num_threads(static_cast<int>(shares)) schedule(static, 1)
  for (int64_t s = 0; s < shares; ++s) {
    T* mine = sums + s * pitch;
    WeightGradient of_weight(plan, source, x, mine, mine + h.active, false, true);
    InputGradient of_input(plan, values, x, gradient, to, means, means + planes);
    const int64_t bands = of_input.bands.per_column;
    for (int64_t item = s * items / shares; item < (s + 1) * items / shares; ++item)
      for (int64_t b = 0; b < bands; ++b) {
        const Band band = of_input.bands[item * bands + b];
        of_input.packer.pack(band, of_input.packed);
        of_weight.run_packed(band, of_input.packed);
        of_input.run(band, b + 1 == bands);
      }
  }
  finish_weights(plan, sums, shares, pitch, T(1), to.d_weight, nullptr, threads);
  if (x.scale != nullptr)
    finish_normalisation(x, to, int64_t{h.height} * h.width, means, means + planes, threads);
  if (to.d_bias != nullptr) {
    const Images images{x.batch, h.inputs, int64_t{h.source_height} * h.source_width};
    channel_sums(gradient, images, to.d_bias, threads);
  }
  free(sums), free(values), free(means);
}
