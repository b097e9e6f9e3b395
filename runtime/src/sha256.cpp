#include "sha256.h"

namespace sg {
namespace {

const u32 kRounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

u32 rotated(u32 x, int n) { return x >> n | x << (32 - n); }

}  // namespace

void Sha256::block(const u8* data) {
  u32 w[64];
  for (int i = 0; i < 16; i++) w[i] = __builtin_bswap32(read<u32>(data + 4 * i));
  for (int i = 16; i < 64; i++) {
    u32 a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) +
           (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
  }
  u32 s[8];
  copy(s, state_, sizeof s);
  for (int i = 0; i < 64; i++) {
    u32 a = s[0], e = s[4];
    u32 t = s[7] + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
            kRounds[i] + w[i];
    u32 m = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) +
            ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    s[7] = s[6], s[6] = s[5], s[5] = s[4], s[4] = s[3] + t;
    s[3] = s[2], s[2] = s[1], s[1] = s[0], s[0] = t + m;
  }
  for (int i = 0; i < 8; i++) state_[i] += s[i];
}

void Sha256::update(const u8* data, usize bytes) {
  bytes_ += bytes;
  while (bytes) {
    if (!held_ && bytes >= 64) {
      block(data);
      data += 64, bytes -= 64;
      continue;
    }
    u32 more = (u32)least<usize>(64 - held_, bytes);
    copy(rest_ + held_, data, more);
    held_ += more, data += more, bytes -= more;
    if (held_ == 64) block(rest_), held_ = 0;
  }
}

void Sha256::finish(u8 digest[32]) {
  u64 bits = 8 * bytes_;
  u8 end = 0x80, none = 0;
  update(&end, 1);
  while (held_ != 56) update(&none, 1);
  u8 length[8];
  for (int i = 0; i < 8; i++) length[i] = (u8)(bits >> (56 - 8 * i));
  update(length, 8);
  for (int i = 0; i < 32; i++) digest[i] = (u8)(state_[i / 4] >> (24 - 8 * (i % 4)));
}

}  // namespace sg
