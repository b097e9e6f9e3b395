#include "base.h"

namespace sg {

const char* sentence(i32 refusal) {
  switch (refusal) {
    case kNone: return "is as it should be";
    case kNoSafetensors: return "is damaged, or no safetensors file";
    case kNoPackedGenerator: return "is no packed generator with a graph (sparsegan-packed-2)";
    case kNewer: return "has a graph of a version that this runtime does not know: update it";
    case kDamaged: return "is damaged or cut off: its checksum does not fit";
    case kGraph: return "holds a graph that fits no generator";
    case kUnknownOperation: return "has an operation that this runtime does not know: update it";
    case kWeights: return "holds weights that do not fit its graph";
    case kTooLarge: return "is larger than this runtime takes";
    case kArena: return "needs more memory than it was handed";
    case kLabel: return "has no such class";
  }
  return "is refused";
}

}  // namespace sg

#if defined(__wasm__)
// There is no C library, and the compiler may call these three.
extern "C" {
void* memcpy(void* to, const void* from, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}
void* memmove(void* to, const void* from, size_t bytes) {
  if (to <= from) return memcpy(to, from, bytes);
  for (size_t i = bytes; i--;) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}
void* memset(void* to, int value, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) ((volatile char*)to)[i] = (char)value;
  return to;
}
}
#endif
