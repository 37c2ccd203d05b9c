#ifndef MELMILL_STORE_SOURCE_H_
#define MELMILL_STORE_SOURCE_H_

#include <cstdint>

#include "io/sound/sound_header.h"

namespace melmill {

// An audio file as planning saw it, and the size of its features. The file must
// be the same when its row is computed.
struct Source {
  uint64_t file_bytes = 0;
  SoundHeader header;
  int64_t num_samples = 0;  // at the feature sample rate, after --truncate
  int64_t num_frames = 0;

  friend bool operator==(const Source&, const Source&) = default;
};

}  // namespace melmill

#endif  // MELMILL_STORE_SOURCE_H_
