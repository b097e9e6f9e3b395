// The container: a safetensors file and its JSON header, read strictly.
#pragma once

#include "base.h"

namespace sg {

enum class Type : u8 { kOther, kFloat32, kFloat16, kUint8, kUint16 };

// One tensor of the file, as its header says. The name is as it stands there, escapes and all.
struct Entry {
  const u8* name;
  u32 name_length;
  Type type;
  u32 rank;
  u32 dims[4];
  const u8* data;
  u64 bytes;
};

class File {
 public:
  // Checks container, format, checksum and the range of every tensor.
  Refusal open(const u8* data, usize size);

  // Calls `visit(entry)`, which returns a Refusal, for every tensor of an opened file.
  template <class Visit>
  Refusal each(Visit visit) const {
    u32 at = entries_;
    Entry entry;
    while (next(at, entry)) SG_TRY(visit(entry));
    return kNone;
  }

  // The bytes of the tensor "graph".
  const u8* graph = nullptr;
  u64 graph_bytes = 0;

 private:
  bool next(u32& at, Entry& entry) const;
  Refusal read_header(u64& digest_at, bool& packed);

  const u8* data_ = nullptr;
  usize size_ = 0;
  u32 header_ = 0;   // bytes of the header
  u32 entries_ = 0;  // where in the header the first tensor's name is
};

}  // namespace sg
