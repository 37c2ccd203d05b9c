#ifndef MELMILL_IO_MANIFEST_MANIFEST_H_
#define MELMILL_IO_MANIFEST_MANIFEST_H_

#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"

namespace melmill {

struct ManifestOptions {
  bool require_text = true;    // false: lines without "text" are accepted
  bool check_template = true;  // look at "language {Name}<asr_text>..."
  bool strict_text = false;    // a text without the template is an error
  std::vector<std::string> kept_fields;  // other fields to keep
};

// One accepted line of a manifest.
struct ManifestLine {
  std::string audio;   // as written; not empty, no NUL
  std::string text;    // empty if absent
  std::string prompt;  // empty if absent or null
  // The compact JSON text of each of ManifestOptions::kept_fields, in that
  // order; empty if the line does not have the field.
  std::vector<std::string> kept;
  std::string language;  // the template's {Name}; empty without a template
  int num_dropped_fields = 0;
  bool lacks_template = false;  // checked, and not found
  bool has_segment = false;     // a beginning of one, not 0: docs/input.md
};

// True for spaces and tabs only.
bool IsBlank(std::string_view line);

// Parses one line (as LineReader gives it), strictly: UTF-8, one JSON object,
// depth at most 32, no top-level key twice, "audio" and "text" strings. Nothing
// is built from fields that are not kept. Errors: the codes of stage
// "manifest"; messages are short whatever the line holds. Thread-safe.
//
// `audio`, if given, is set to the line's audio string even when something
// else is wrong with the line, and to empty when it has no usable one.
Result<ManifestLine> ParseManifestLine(std::string_view line,
                                       const ManifestOptions& options,
                                       std::string* audio = nullptr);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_MANIFEST_H_
