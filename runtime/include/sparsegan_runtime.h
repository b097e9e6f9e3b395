// Draws images from a sparse generator in a packed file, without PyTorch and without allocating.
//
// The caller has the file in memory and hands over an arena; nothing else is read or written. The
// file is needed while sg_needs and sg_open run, the arena as long as the generator is used. One
// generator draws one image at a time; several of them may draw in several threads. sg_needs and
// sg_open take up to 256 KiB of stack.
#ifndef SPARSEGAN_RUNTIME_H
#define SPARSEGAN_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__wasm__)
#define SG_API __attribute__((visibility("default"), used))
#else
#define SG_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sg_generator sg_generator;

// Versions of this interface and of the packed files that it reads ("sparsegan-packed-2").
#define SG_VERSION 1

// Checks a file and counts the bytes of arena that sg_open wants for it. 0, or a refusal.
SG_API int32_t sg_needs(const uint8_t* file, size_t size, size_t* bytes);

// Opens a file in an arena (16 bytes of alignment are enough; 64 are faster). 0, or a refusal. The
// generator lies in the arena: there is nothing to close.
SG_API int32_t sg_open(const uint8_t* file, size_t size, void* arena, size_t arena_size,
                       sg_generator** generator);

// What a refusal means, in one sentence without its subject, such as "is damaged or cut off".
SG_API const char* sg_sentence(int32_t refusal);

// Numbers of the latent vector; where the generator takes an image, those of the image.
SG_API int32_t sg_latent_dim(const sg_generator*);
// 1 where the generator takes an image (channels first) in place of noise, else 0.
SG_API int32_t sg_takes_image(const sg_generator*);
// Classes of a class-conditional generator, else 0.
SG_API int32_t sg_classes(const sg_generator*);
SG_API int32_t sg_channels(const sg_generator*);
SG_API int32_t sg_height(const sg_generator*);
SG_API int32_t sg_width(const sg_generator*);
// Weights of convolutions and linear layers: those that compute, and all.
SG_API double sg_active_weights(const sg_generator*);
SG_API double sg_weights(const sg_generator*);
// Multiply-adds of active weights that an image takes.
SG_API double sg_multiply_adds(const sg_generator*);

// Draws one image of a latent vector and, where there are classes, a label: float32, channels
// first, as the network makes them, for most in [-1, 1]. 0, or a refusal (a label out of range).
SG_API int32_t sg_draw(sg_generator*, const float* latent, int32_t label, float* image);

// The instruction set that sg_open takes, such as "avx512"; sg_choose(name) takes another one of
// those that this build and this processor have, for tests: 0, or -1 where there is none.
SG_API const char* sg_instruction_set(void);
SG_API int32_t sg_choose(const char* name);

#ifdef __cplusplus
}
#endif
#endif
