#ifndef MELMILL_IO_MANIFEST_LANGUAGE_H_
#define MELMILL_IO_MANIFEST_LANGUAGE_H_

#include <string_view>

namespace melmill {

// The template of the texts that Qwen3-ASR is trained on, and its languages.
// Thread-safe.

// The {Name} of "language {Name}<asr_text>{transcript}", or empty if `text`
// does not follow that template. A name starts with a capital letter A to Z;
// letters, spaces, hyphens, apostrophes and parentheses follow, at most 64
// bytes in all. "None" is also a name.
std::string_view TemplateLanguage(std::string_view text);

// Whether the name is in the model's own list of 30 names, or "None".
bool IsKnownLanguage(std::string_view name);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_LANGUAGE_H_
