#ifndef MELMILL_PIPELINE_PLAN_READ_SOURCE_H_
#define MELMILL_PIPELINE_PLAN_READ_SOURCE_H_

#include <cstdint>
#include <string>

#include "io/file/file_facts.h"
#include "io/manifest/piece_fields.h"
#include "io/result.h"
#include "io/sound/sound_header.h"
#include "pipeline/setup/run_config.h"
#include "store/source.h"

namespace melmill {

// An audio file as planning sees it.
struct SeenSource {
  Source source;
  FileFacts facts;
  // Equal for two paths of one file: a hash of its device and inode. On file
  // systems whose inodes may change, a hash of the absolute path.
  uint64_t identity = 0;
  // The same for a file, or for a range of one that holds a file.
  uint64_t source_identity = 0;
  bool is_clipped = false;  // the segment was asked for beyond the file's end
  SoundOddity oddity = SoundOddity::kNone;
};

// SeenSource::identity of a file whose inode may change.
uint64_t PathIdentity(const std::string& path);

// SeenSource::source_identity of a source in a file with this identity.
uint64_t SourceIdentity(uint64_t file_identity, const Source& source);

// Equal for two rows that are one segment, or the whole, of one file or range.
uint64_t PieceIdentity(uint64_t source_identity, const Source& source);

// Opens a file, reads its header and says what it, or the piece of it, will
// become. Reads no audio. Tries I/O errors three times. Errors: the codes of
// the stages "open" and "header", kBadSegment, kIoError, and kMachineFault.
// Thread-safe.
Result<SeenSource> ReadSource(const std::string& path, const ClipLimits& limits,
                              const Preset& preset,
                              const PieceRequest& piece = {});

}  // namespace melmill

#endif  // MELMILL_PIPELINE_PLAN_READ_SOURCE_H_
