#ifndef MELMILL_IO_MANIFEST_AUDIO_PATH_H_
#define MELMILL_IO_MANIFEST_AUDIO_PATH_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "io/result.h"

namespace melmill {

// The field of a line whose audio is at a URL that has the path of the local
// copy.
inline constexpr std::string_view kAudioPathField = "audio_path";

// Whether an audio string is a URL: it begins with a scheme and "://".
bool IsUrl(std::string_view audio);

// What a line has in kAudioPathField.
class AudioPath {
 public:
  // The field begins. A value of any other type than the next two is wrong.
  void Start() { has_wrong_type_ = true; }
  void AddNull() { has_wrong_type_ = false; }
  void AddText(std::string text) {
    has_wrong_type_ = false;
    text_ = std::move(text);
  }

  // kBadAudio, unless the field is missing, null or a path.
  std::optional<Error> FindError() const;
  // The path; empty if there is none.
  std::string Take() && { return std::move(text_).value_or(""); }

 private:
  bool has_wrong_type_ = false;
  std::optional<std::string> text_;
};

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_AUDIO_PATH_H_
