#ifndef MELMILL_IO_OGG_OGG_PAGE_H_
#define MELMILL_IO_OGG_OGG_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace melmill {

inline constexpr size_t kOggHeaderBytes = 27;
inline constexpr size_t kMaxOggPageBytes = kOggHeaderBytes + 255 + 255 * 255;

// A page of an Ogg file.
struct OggPage {
  size_t num_bytes = 0;   // of the whole page
  size_t body_begin = 0;  // offset of the content in the page
  bool is_first = false;  // of its stream
  bool is_last = false;
  uint64_t granule = 0;  // all bits set if no packet ends on the page
  uint32_t serial = 0;   // number of the stream
  uint32_t sequence = 0;

  bool has_granule() const { return granule != ~uint64_t{0}; }
};

// Reads the page that begins `bytes`. Nothing if there is none, if `bytes` do
// not hold all of it, or if its checksum is wrong. Source: RFC 3533, section 6.
std::optional<OggPage> ParseOggPage(std::span<const std::byte> bytes);

}  // namespace melmill

#endif  // MELMILL_IO_OGG_OGG_PAGE_H_
