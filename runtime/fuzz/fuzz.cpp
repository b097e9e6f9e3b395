// libFuzzer's entry: files that a stranger made, from the container to the image.
//
// Compiled with FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION, which takes any checksum. Mutations go to
// words of the graph as often as to the file as it is, since a broken header is refused early.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "sparsegan_runtime.h"
#include "step.h"

using namespace sg;

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace {

[[noreturn]] void wrong(const char* what) {
  fputs(what, stderr);
  abort();
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  auto next = [&seed] { return seed = seed * 1664525u + 1013904223u, seed >> 8; };
  if (size < 16 || next() % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  uint64_t header = read<u64>(data);
  if (header > size - 8) return LLVMFuzzerMutate(data, size, most);
  File file;
  uint8_t *begin = data + 8 + header, *end = data + size;
  if (next() % 4 && !file.open(data, size) && file.graph_bytes >= 4)
    begin = (uint8_t*)file.graph, end = begin + file.graph_bytes;
  if (end - begin < 4) return LLVMFuzzerMutate(data, size, most);
  for (unsigned n = 1 + next() % 3; n--;) {
    uint8_t* word = begin + 4 * (next() % (unsigned)((end - begin) / 4));
    u32 value = read<u32>(word);
    switch (next() % 8) {
      case 0: value++; break;
      case 1: value--; break;
      case 2: value = next() % 8; break;
      case 3: value = 1u << next() % 32; break;
      case 4: value = next() % 300; break;
      case 5: value ^= 1u << next() % 32; break;
      case 6: value = (value & ~255u) | next() % (unsigned)Code::kCodes; break;
      case 7: memcpy(&value, begin + 4 * (next() % (unsigned)((end - begin) / 4)), 4); break;
    }
    memcpy(word, &value, 4);
  }
  return size;
}

// What the kernels that are chosen make of an input; false where it is refused.
static bool tried(const uint8_t* data, size_t size) {
  static auto graph = std::make_unique<Graph>();
  size_t needed = 0;
  int32_t refusal = sg_needs(data, size, &needed);
  if (refusal) return false;
  File file;
  if (file.open(data, size) || graph->open(file)) wrong("refused at the second look");
  if (needed > (1u << 20) || graph->work > 300000) return true;
  u8* arena = (u8*)aligned_alloc(64, (needed + 63) / 64 * 64);
  memset(arena, 0xff, needed);  // as numbers: NaN, so that nothing depends on what was there
  sg_generator* generator = nullptr;
  refusal = sg_open(data, size, arena, needed, &generator);
  if (!refusal) {
    const Generator& g = *(const Generator*)generator;
    std::vector<float> latent(g.latent_dim, 0.5f);
    std::vector<float> images[2];
    const u8* steps = (const u8*)g.steps;
    std::vector<u8> before(steps, steps + g.step_count * sizeof(Step));
    for (auto& image : images) {
      image.resize((size_t)g.channels * g.height * g.width);
      if (sg_draw(generator, latent.data(), 0, image.data())) wrong("not drawn");
    }
    if (memcmp(before.data(), steps, before.size())) wrong("steps were written over");
    if (memcmp(images[0].data(), images[1].data(), 4 * images[0].size())) wrong("another image");
    if (g.classes && sg_draw(generator, latent.data(), (int32_t)g.classes, images[0].data()) == 0)
      wrong("a class that is none was drawn");
  }
  free(arena);
  return true;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const char* name : {"128 bits", "avx2", "avx512"})
    if (!sg_choose(name) && !tried(data, size)) break;
  return 0;
}
