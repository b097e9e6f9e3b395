#include "file.h"

#include "sha256.h"

namespace sg {
namespace {

// Reads JSON from front to back; what fails makes it false for good.
class Json {
 public:
  Json(const u8* text, u32 at, u32 end) : text_(text), at_(at), end_(end) {}

  bool good() const { return good_; }
  u32 at() const { return at_; }
  u8 peek() {
    while (at_ < end_ && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' ||
                          text_[at_] == '\r'))
      at_++;
    return at_ < end_ ? text_[at_] : 0;
  }
  bool take(u8 character) {
    if (peek() != character) return good_ = false;
    at_++;
    return true;
  }
  bool try_take(u8 character) { return peek() == character && take(character); }

  // A string; its bytes are left as they are, with their escapes.
  const u8* string(u32& length) {
    if (!take('"')) return length = 0, text_;
    u32 begin = at_;
    for (; at_ < end_ && text_[at_] != '"'; at_++) {
      if (text_[at_] < 0x20) good_ = false;
      if (text_[at_] == '\\' && ++at_ == end_) break;
    }
    if (at_ >= end_) return good_ = false, length = 0, text_;
    length = at_++ - begin;
    return text_ + begin;
  }

  u64 number() {
    u64 value = 0;
    u32 digits = 0;
    for (peek(); at_ < end_ && text_[at_] >= '0' && text_[at_] <= '9'; at_++, digits++)
      value = value * 10 + (text_[at_] - '0');
    if (!digits || digits > 18) good_ = false;
    return value;
  }

 private:
  const u8* text_;
  u32 at_, end_;
  bool good_ = true;
};

bool is(const u8* text, u32 length, const char* wanted) {
  u32 i = 0;
  for (; wanted[i]; i++)
    if (i >= length || text[i] != (u8)wanted[i]) return false;
  return i == length;
}

Type type_of(const u8* text, u32 length, u32& width) {
  struct { const char* name; Type type; u32 width; } const known[] = {
      {"F32", Type::kFloat32, 4}, {"F16", Type::kFloat16, 2}, {"U8", Type::kUint8, 1},
      {"U16", Type::kUint16, 2},  {"I64", Type::kOther, 8},   {"I32", Type::kOther, 4},
      {"F64", Type::kOther, 8},   {"BOOL", Type::kOther, 1},  {"I8", Type::kOther, 1},
      {"I16", Type::kOther, 2},   {"U32", Type::kOther, 4},   {"U64", Type::kOther, 8},
      {"BF16", Type::kOther, 2}};
  for (auto& each : known)
    if (is(text, length, each.name)) return width = each.width, each.type;
  return width = 0, Type::kOther;
}

// One tensor's object, after its name; false where it is none or reaches out of the data.
bool read_entry(Json& json, Entry& entry, const u8* data, u64 data_bytes) {
  u64 begin = 0, end = 0, elements = 1;
  u32 width = 0, keys = 0;
  entry.rank = 0;
  json.take('{');
  do {
    u32 length;
    const u8* key = json.string(length);
    if (!json.take(':')) return false;
    if (is(key, length, "dtype")) {
      const u8* name = json.string(length);
      entry.type = type_of(name, length, width);
      keys |= 1;
    } else if (is(key, length, "shape")) {
      json.take('[');
      if (!json.try_take(']')) {
        do {
          u64 size = json.number();
          if (entry.rank < 4) entry.dims[entry.rank] = (u32)least<u64>(size, ~(u32)0);
          entry.rank++;
          if (size && elements > kMostFileBytes / size) return false;
          elements *= size;
        } while (json.good() && json.try_take(','));
        json.take(']');
      }
      keys |= 2;
    } else if (is(key, length, "data_offsets")) {
      json.take('[');
      begin = json.number();
      json.take(',');
      end = json.number();
      json.take(']');
      keys |= 4;
    } else {
      return false;
    }
  } while (json.good() && json.try_take(','));
  if (!json.take('}') || keys != 7) return false;
  if (begin > end || end > data_bytes || elements * width != end - begin) return false;
  entry.data = data + begin;
  entry.bytes = end - begin;
  return true;
}

}  // namespace

bool File::next(u32& at, Entry& entry) const {
  Json json(data_ + 8, at, header_);
  for (;;) {
    if (json.peek() == '}') return false;
    json.try_take(',');
    entry.name = json.string(entry.name_length);
    json.take(':');
    if (!json.good()) return false;
    if (!is(entry.name, entry.name_length, "__metadata__")) break;
    json.take('{');
    while (json.good() && !json.try_take('}')) {
      u32 length;
      json.try_take(',');
      json.string(length), json.take(':'), json.string(length);
    }
  }
  if (!read_entry(json, entry, data_ + 8 + header_, size_ - 8 - header_)) return false;
  at = json.at();
  return true;
}

Refusal File::read_header(u64& digest_at, bool& packed) {
  const u8* text = data_ + 8;
  Json json(text, 0, header_);
  json.take('{');
  entries_ = json.at();
  bool has_metadata = false;
  if (!json.try_take('}')) {
    do {
      u32 length;
      Entry entry;
      entry.name = json.string(entry.name_length);
      if (!json.take(':')) return kNoSafetensors;
      if (!is(entry.name, entry.name_length, "__metadata__")) {
        if (!read_entry(json, entry, data_ + 8 + header_, size_ - 8 - header_))
          return kNoSafetensors;
        if (is(entry.name, entry.name_length, "graph") && entry.type == Type::kUint8)
          graph = entry.data, graph_bytes = entry.bytes;
        continue;
      }
      if (has_metadata) return kNoSafetensors;
      has_metadata = true;
      json.take('{');
      if (json.try_take('}')) continue;
      do {
        const u8* key = json.string(length);
        u32 key_length = length;
        json.take(':');
        const u8* value = json.string(length);
        if (!json.good()) return kNoSafetensors;
        if (is(key, key_length, "format")) packed = is(value, length, "sparsegan-packed-2");
        if (is(key, key_length, "sha256") && length == 64) digest_at = (u64)(value - data_);
      } while (json.good() && json.try_take(','));
      json.take('}');
    } while (json.good() && json.try_take(','));
    json.take('}');
  }
  if (json.peek() || !json.good()) return kNoSafetensors;
  return kNone;
}

Refusal File::open(const u8* data, usize size) {
  data_ = data, size_ = size;
  if (size > kMostFileBytes) return kTooLarge;
  if (size < 10) return kNoSafetensors;
  u64 header = read<u64>(data);
  if (header > size - 8) return kNoSafetensors;
  if (header > kMostHeaderBytes) return kTooLarge;
  header_ = (u32)header;
  u64 digest_at = 0;
  bool packed = false;
  SG_TRY(read_header(digest_at, packed));
  if (!packed) return kNoPackedGenerator;
  if (!digest_at) return kDamaged;
#if !defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
  Sha256 sha;
  u8 zeros[64], digest[32];
  for (u8& each : zeros) each = '0';
  sha.update(data, digest_at);
  sha.update(zeros, 64);
  sha.update(data + digest_at + 64, size - digest_at - 64);
  sha.finish(digest);
  for (int i = 0; i < 64; i++)
    if (data[digest_at + i] != "0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15])
      return kDamaged;
#endif
  return graph ? kNone : kNoPackedGenerator;
}

}  // namespace sg
