#include "sparsegan_runtime.h"

#include "step.h"

namespace {

using namespace sg;

const Generator& of(const sg_generator* generator) { return *(const Generator*)generator; }

// Counts the bytes that a file wants; with an arena that has them, plans it there as well.
Refusal opened(const uint8_t* file, size_t size, u8* arena, u64 arena_size, u64& bytes,
               Generator** generator) {
  if (!file) return kNoSafetensors;
  File container;
  SG_TRY(container.open(file, size));
  Graph graph;
  SG_TRY(graph.open(container));
  SG_TRY(plan(graph, nullptr, bytes, nullptr));
  if (!generator) return kNone;
  return bytes > arena_size ? kArena : plan(graph, arena, bytes, generator);
}

}  // namespace

extern "C" {

int32_t sg_needs(const uint8_t* file, size_t size, size_t* bytes) {
  u64 wanted = 0;
  Refusal refusal = opened(file, size, nullptr, 0, wanted, nullptr);
  *bytes = (size_t)(refusal ? 0 : wanted);
  return refusal;
}

int32_t sg_open(const uint8_t* file, size_t size, void* arena, size_t arena_size,
                sg_generator** generator) {
  u64 wanted = 0;
  u8* begin = (u8*)rounded_up<usize>((usize)arena, 64);
  Generator* inner = nullptr;
  Refusal refusal = arena ? opened(file, size, begin, arena_size, wanted, &inner) : kArena;
  *generator = refusal ? nullptr : (sg_generator*)inner;
  return refusal;
}

const char* sg_sentence(int32_t refusal) { return sentence(refusal); }

int32_t sg_latent_dim(const sg_generator* g) { return (i32)of(g).latent_dim; }
int32_t sg_takes_image(const sg_generator* g) { return of(g).takes_image; }
int32_t sg_classes(const sg_generator* g) { return (i32)of(g).classes; }
int32_t sg_channels(const sg_generator* g) { return (i32)of(g).channels; }
int32_t sg_height(const sg_generator* g) { return (i32)of(g).height; }
int32_t sg_width(const sg_generator* g) { return (i32)of(g).width; }
double sg_active_weights(const sg_generator* g) { return of(g).active; }
double sg_weights(const sg_generator* g) { return of(g).weights; }
double sg_multiply_adds(const sg_generator* g) { return of(g).multiply_adds; }

int32_t sg_draw(sg_generator* g, const float* latent, int32_t label, float* image) {
  return draw(of(g), latent, label, image);
}

const char* sg_instruction_set(void) { return kernels().name; }
int32_t sg_choose(const char* name) { return choose(name) ? 0 : -1; }
}
