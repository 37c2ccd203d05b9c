#ifndef MELMILL_IO_MP3_MP3_TAG_H_
#define MELMILL_IO_MP3_MP3_TAG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "io/mp3/mp3_frame.h"

namespace melmill {

// What the Xing or Info tag in an MP3's first frame says.
struct Mp3Tag {
  std::optional<uint64_t> num_frames;  // without the tag's own MP3 frame
  // Samples to leave out, from the extension of LAME and Lavc; 0 without it.
  int64_t delay_samples = 0;    // at the start, with the decoder's own 529
  int64_t padding_samples = 0;  // at the end, less the decoder's own 529

  // The samples per channel of a file of this many frames; perhaps negative.
  int64_t NumSamples(uint64_t frames, int samples_per_frame) const {
    return static_cast<int64_t>(frames) * samples_per_frame - padding_samples -
           delay_samples;
  }
};

// The bytes of a frame's start that hold all of the tag.
inline constexpr size_t kMp3TagBytes = 4 + 2 + 32 + 8 + 4 + 4 + 100 + 4 + 24;

// Reads the tag of the frame that `bytes` begin, if it has one. Source: the
// "MP3 Info Tag" description of LAME, and mpg123's reading of it, which is
// librosa's.
std::optional<Mp3Tag> ParseMp3Tag(const Mp3Frame& frame,
                                  std::span<const std::byte> bytes);

}  // namespace melmill

#endif  // MELMILL_IO_MP3_MP3_TAG_H_
