#ifndef MELMILL_IO_MANIFEST_LANGUAGE_H_
#define MELMILL_IO_MANIFEST_LANGUAGE_H_

#include <span>
#include <string>
#include <string_view>

namespace melmill {

// The template of the texts that Qwen3-ASR is trained on, and its languages.
// Thread-safe.

// The {Name} of "language {Name}<asr_text>{transcript}", or empty if `text`
// does not follow that template. A name starts with a capital letter A to Z;
// letters, spaces, hyphens, apostrophes and parentheses follow, at most 64
// bytes in all. "None" is also a name.
std::string_view TemplateLanguage(std::string_view text);

// The {transcript} of a text that follows the template, and all of any other
// text.
std::string_view Transcript(std::string_view text);

// Whether the transcript of a text that follows the template follows it once
// more.
bool RepeatsTemplate(std::string_view text);

// Whether a text was meant to follow the template, even if it does not: it
// starts with "language" in any case and has "<asr_text>" soon after.
bool LooksLikeTemplate(std::string_view text);

// Whether the name is in the model's own list of 30 names, or "None".
bool IsKnownLanguage(std::string_view name);

// The names of that list.
std::span<const std::string_view> KnownLanguages();

// The {Name} for a name in any case ("english"), for a code of ISO 639 of one
// of the model's languages ("en", "en-US"), or for any other text that can be a
// {Name}. Empty if there is none.
std::string LanguageName(std::string_view name_or_code);

// "language {name}<asr_text>{transcript}".
std::string TemplateText(std::string_view name, std::string_view transcript);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_LANGUAGE_H_
