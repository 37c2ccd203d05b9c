#include "io/ogg/vorbis_setup.h"

#include <bit>

#include "io/sound/byte_field.h"

namespace melmill {
namespace {

// Reads numbers whose lowest bit comes first. Behind the end everything is 0.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool is_past_end() const { return position_ > 8 * uint64_t{bytes_.size()}; }
  uint64_t Read(int num_bits) {
    uint64_t number = 0;
    for (int i = 0; i < num_bits; ++i, ++position_) {
      const auto byte = static_cast<size_t>(position_ / 8);
      if (byte >= bytes_.size()) continue;
      const auto bit =
          std::to_integer<uint64_t>(bytes_[byte]) >> (position_ % 8) & 1;
      number |= bit << i;
    }
    return number;
  }
  void Skip(uint64_t num_bits) { position_ += num_bits; }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;  // in bits
};

Error BadSetup(const char* message) {
  return {RejectCode::kBadHeader, message};
}

// The largest number whose power `dimensions` is at most `entries`.
uint64_t LookupValues(uint64_t entries, uint64_t dimensions) {
  const auto fits = [&](uint64_t base) {
    uint64_t power = 1;
    for (uint64_t i = 0; i < dimensions; ++i) {
      power *= base;
      if (power > entries) return false;
    }
    return true;
  };
  uint64_t base = 1;
  while (fits(base + 1)) ++base;
  return base;
}

// Skips the lengths of a codebook's words.
void SkipLengths(uint64_t entries, BitReader* bits) {
  if (bits->Read(1) != 0) {  // ordered
    bits->Skip(5);
    for (uint64_t done = 0; done < entries && !bits->is_past_end();) {
      const int num_bits = std::bit_width(entries - done);
      done += bits->Read(num_bits);
    }
    return;
  }
  const bool is_sparse = bits->Read(1) != 0;
  if (!is_sparse) return bits->Skip(5 * entries);
  for (uint64_t i = 0; i < entries && !bits->is_past_end(); ++i) {
    if (bits->Read(1) != 0) bits->Skip(5);
  }
}

}  // namespace

Result<void> CheckVorbisSetup(std::span<const std::byte> packet) {
  if (!BeginsWith(packet, "\x05vorbis")) {
    return BadSetup("has no Vorbis setup header");
  }
  BitReader bits(packet.subspan(7));
  const uint64_t num_books = bits.Read(8) + 1;
  uint64_t num_entries = 0;
  uint64_t num_numbers = 0;
  for (uint64_t book = 0; book < num_books; ++book) {
    constexpr uint64_t kSync = 0x564342;
    if (bits.Read(24) != kSync) return BadSetup("has a damaged codebook");
    const uint64_t dimensions = bits.Read(16);
    const uint64_t entries = bits.Read(24);
    num_entries += entries;
    num_numbers += entries * dimensions;
    if (num_entries > kMaxVorbisEntries || num_numbers > kMaxVorbisNumbers) {
      return BadSetup("its codebooks would take too much memory");
    }
    SkipLengths(entries, &bits);
    const uint64_t lookup = bits.Read(4);
    if (lookup == 1 || lookup == 2) {
      bits.Skip(64);
      const uint64_t value_bits = bits.Read(4) + 1;
      bits.Skip(1);
      const uint64_t num_values = lookup == 2 ? entries * dimensions
                                  : dimensions == 0 || entries == 0
                                      ? 0
                                      : LookupValues(entries, dimensions);
      bits.Skip(num_values * value_bits);
    } else if (lookup != 0) {
      return BadSetup("has a damaged codebook");
    }
    if (bits.is_past_end()) return BadSetup("its setup header ends too soon");
  }
  return {};
}

}  // namespace melmill
