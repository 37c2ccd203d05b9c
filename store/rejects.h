#ifndef MELMILL_STORE_REJECTS_H_
#define MELMILL_STORE_REJECTS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "io/result.h"
#include "store/source.h"

namespace melmill {

// One rejected manifest line, as rejects.jsonl holds it.
struct LedgerEntry {
  std::string_view split;
  uint64_t line = 0;       // line number in the manifest, from 1
  std::string_view audio;  // as written; empty if the line gave none
  RejectCode code = RejectCode::kNone;
  std::string_view message;
  // The piece of the file, if that is known and not the whole one.
  const Source* piece = nullptr;
};

// One JSON object with the keys split, line, audio, stage, code, message, in
// that order, and a line feed. Of a piece, start_sample and num_samples, and
// audio_offset and audio_bytes, come before stage. Bytes that are not UTF-8
// become U+FFFD.
std::string LedgerLine(const LedgerEntry& entry);

}  // namespace melmill

#endif  // MELMILL_STORE_REJECTS_H_
