// SHA-256 (FIPS 180-4).
#pragma once

#include "base.h"

namespace sg {

class Sha256 {
 public:
  void update(const u8* data, usize bytes);
  void finish(u8 digest[32]);

 private:
  void block(const u8* data);
  u32 state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  u8 rest_[64];
  u32 held_ = 0;
  u64 bytes_ = 0;
};

}  // namespace sg
