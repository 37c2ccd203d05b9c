#ifndef MELMILL_IO_MANIFEST_MANIFEST_H_
#define MELMILL_IO_MANIFEST_MANIFEST_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "io/manifest/piece_fields.h"
#include "io/manifest/segment_fields.h"
#include "io/result.h"

namespace melmill {

// Where a line has its audio, its text and its language.
struct ManifestFields {
  std::string audio = "audio";
  std::string text = "text";
  // The language of texts without "language {Name}<asr_text>", which is then
  // put before them: a {Name}, the same for all lines, and a field with a name
  // or code, which comes first. Empty: none.
  std::string language;
  std::string language_field;

  friend bool operator==(const ManifestFields&,
                         const ManifestFields&) = default;

  // Whether lines have the fields of melmill's own manifests.
  bool are_usual() const { return *this == ManifestFields(); }
};

struct ManifestOptions {
  ManifestFields fields;
  bool require_text = true;    // false: lines without "text" are accepted
  bool check_template = true;  // look for "language {Name}<asr_text>..."
  bool strict_text = false;    // a text without the template is an error
  std::vector<std::string> kept_fields;  // other fields to keep
  SegmentUse segments = SegmentUse::kExplicit;
};

// One accepted line of a manifest.
struct ManifestLine {
  std::string audio;  // as written; not empty, no NUL
  // If the audio is a URL, kAudioPathField as written, without NUL; empty if
  // the line has none. Always empty for other audio.
  std::string audio_path;
  std::string text;    // with the template if a language is given
  std::string prompt;  // empty if absent or null
  // The compact JSON text of each of ManifestOptions::kept_fields, in that
  // order; empty if the line does not have the field.
  std::vector<std::string> kept;
  std::string language;  // the template's {Name}; empty without a template
  int num_dropped_fields = 0;
  // The names of the first of them, at most kMaxDroppedNames.
  std::vector<std::string> dropped_fields;
  static constexpr size_t kMaxDroppedNames = 8;
  bool lacks_template = false;    // checked, but not found
  bool repeats_template = false;  // checked, and found twice
  PieceRequest piece;             // the part of the file that is cut out
  // The part of the file that the line names otherwise; empty if a segment is
  // cut out.
  NamedSegment segment;
  bool names_channel = false;  // the line names one channel of its file
};

// Whether the line has only spaces and tabs.
bool IsBlank(std::string_view line);

// Parses one line, as LineReader gives it. The line must be UTF-8 and one JSON
// object of depth 32 at most, with no top-level key twice; audio and text must
// be strings. Builds nothing from fields that are neither kept nor
// name a segment. Errors: the
// codes of stage "manifest", with short messages whatever the line holds.
// Thread-safe.
//
// If `audio` is given, it becomes the line's audio string even if something
// else is wrong with the line, and empty if there is no usable one.
Result<ManifestLine> ParseManifestLine(std::string_view line,
                                       const ManifestOptions& options,
                                       std::string* audio = nullptr);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_MANIFEST_H_
