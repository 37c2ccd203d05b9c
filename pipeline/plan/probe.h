#ifndef MELMILL_PIPELINE_PLAN_PROBE_H_
#define MELMILL_PIPELINE_PLAN_PROBE_H_

#include <cstdint>
#include <string>

#include "io/file/file_facts.h"
#include "io/result.h"
#include "io/wav/wav_header.h"
#include "pipeline/setup/run_config.h"

namespace melmill {

// What the plan needs to know of an audio file.
struct Source {
  uint64_t file_bytes = 0;
  FileFacts facts;
  WavHeader header;
  WavOddity oddity = WavOddity::kNone;
  int64_t num_samples = 0;  // at the feature sample rate, after --truncate
  int64_t num_frames = 0;
};

// Opens a file, walks its header and says what it will become; reads no
// audio. I/O errors are tried three times. Errors: the codes of the stages
// "open" and "header", kIoError, and kMachineFault. Thread-safe.
Result<Source> ProbeSource(const std::string& path, const ClipLimits& limits,
                           const Preset& preset);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_PROBE_H_
