#ifndef MELMILL_STORE_ORIGIN_H_
#define MELMILL_STORE_ORIGIN_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace melmill {

// How a store was made on this machine, for its `.local`. It is private: no
// file of the store itself has any of it.
struct Origin {
  // "melmill", "extract", ..., without the store's folder and without what
  // only one run needs.
  std::vector<std::string> command;
  std::string working_folder;  // absolute
  std::string audio_root;      // absolute; empty if none was given

  // The folder that the store's relative audio paths started from.
  const std::string& audio_folder() const {
    return audio_root.empty() ? working_folder : audio_root;
  }

  friend bool operator==(const Origin&, const Origin&) = default;
};

// One JSON object. Bytes that are not UTF-8 are replaced.
std::string FormatOrigin(const Origin& origin);

// Returns nothing for any other text.
std::optional<Origin> ParseOrigin(std::string_view text);

// The words of a command that makes the store in `folder` again, if it runs in
// the origin's working folder. `folder` starts from the current folder.
std::vector<std::string> CommandInto(const Origin& origin,
                                     const std::string& folder);

// The words as a line for a shell, quoted where need be. Words with control
// characters are written as in C.
std::string ShellLine(const std::vector<std::string>& words);

}  // namespace melmill

#endif  // MELMILL_STORE_ORIGIN_H_
