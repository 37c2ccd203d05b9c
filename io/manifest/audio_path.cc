#include "io/manifest/audio_path.h"

#include <algorithm>

namespace melmill {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsOfScheme(char c) {
  return IsLetter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
         c == '.';
}

Error Fault(std::string_view what) {
  std::string message = "\"";
  message += kAudioPathField;
  message += "\" ";
  message += what;
  return {RejectCode::kBadAudio, std::move(message)};
}

}  // namespace

bool IsUrl(std::string_view audio) {
  if (audio.empty() || !IsLetter(audio[0])) return false;
  const auto end = std::ranges::find_if_not(audio, IsOfScheme);
  return audio.substr(static_cast<size_t>(end - audio.begin()))
      .starts_with("://");
}

std::optional<Error> AudioPath::FindError() const {
  if (has_wrong_type_) return Fault("is not a string");
  if (!text_) return std::nullopt;
  if (text_->empty()) return Fault("is empty");
  if (text_->find('\0') != std::string::npos) {
    return Fault("holds a NUL character");
  }
  return std::nullopt;
}

}  // namespace melmill
