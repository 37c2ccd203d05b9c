#include "io/ogg/ogg_packets.h"

#include <algorithm>

namespace melmill {

void OggPackets::Add(const OggPage& header, std::span<const std::byte> page) {
  size_t at = header.body_begin;
  for (const std::byte size :
       page.subspan(kOggHeaderBytes, header.body_begin - kOggHeaderBytes)) {
    const auto num_bytes = std::to_integer<size_t>(size);
    current_bytes_ += num_bytes;
    largest_bytes_ = std::max(largest_bytes_, current_bytes_);
    if (num_done_ == 2 && third_.size() < kMaxKeptBytes) {
      const auto segment = page.subspan(at, num_bytes);
      third_.insert(third_.end(), segment.begin(), segment.end());
    }
    at += num_bytes;
    if (num_bytes < 255) {  // the packet ends
      ++num_done_;
      current_bytes_ = 0;
    }
  }
}

}  // namespace melmill
