#ifndef MELMILL_IO_OGG_OGG_PACKETS_H_
#define MELMILL_IO_OGG_OGG_PACKETS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/ogg/ogg_page.h"

namespace melmill {

// Follows the packets of an Ogg stream from page to page. It keeps the start of
// the third one, the setup header of Vorbis, and the size of the largest.
class OggPackets {
 public:
  static constexpr size_t kMaxKeptBytes = size_t{1} << 20;

  // `page` is all of the page's bytes. Pages must come in order.
  void Add(const OggPage& header, std::span<const std::byte> page);

  uint64_t largest_bytes() const { return largest_bytes_; }
  // Up to kMaxKeptBytes of the third packet, as far as its pages were added.
  std::span<const std::byte> third() const { return third_; }

 private:
  uint64_t num_done_ = 0;
  uint64_t current_bytes_ = 0;
  uint64_t largest_bytes_ = 0;
  std::vector<std::byte> third_;
};

}  // namespace melmill

#endif  // MELMILL_IO_OGG_OGG_PACKETS_H_
