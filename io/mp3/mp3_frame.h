#ifndef MELMILL_IO_MP3_MP3_FRAME_H_
#define MELMILL_IO_MP3_MP3_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace melmill {

// The header of an MPEG audio frame of layer III ("MP3 frame").
struct Mp3Frame {
  uint64_t num_bytes = 0;  // with its header
  int sample_rate_hz = 0;
  int num_channels = 0;
  int num_samples = 0;         // per channel: 1,152 or 576
  size_t side_info_bytes = 0;  // behind the header of 4 bytes

  // Whether the frame belongs to the same stream.
  bool MatchesStream(const Mp3Frame& other) const {
    return sample_rate_hz == other.sample_rate_hz &&
           num_channels == other.num_channels &&
           num_samples == other.num_samples;
  }
};

inline constexpr size_t kMp3HeaderBytes = 4;

// Reads the 4 bytes that begin a frame; nothing if they are no header of layer
// III, or of free format (no bit rate). Source: ISO/IEC 11172-3, 2.4.1.3, with
// the sample rates of ISO/IEC 13818-3 and of "MPEG 2.5".
std::optional<Mp3Frame> ParseMp3Frame(std::span<const std::byte> bytes);

}  // namespace melmill

#endif  // MELMILL_IO_MP3_MP3_FRAME_H_
