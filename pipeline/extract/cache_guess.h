#ifndef MELMILL_PIPELINE_EXTRACT_CACHE_GUESS_H_
#define MELMILL_PIPELINE_EXTRACT_CACHE_GUESS_H_

#include <algorithm>

namespace melmill {

// Whether a row's file is likely to be in the page cache. A computing thread
// that tries in vain opens a file for nothing, and where opening takes time (a
// network file system) it stands still. So until a try is known to have
// succeeded, and after one that did not, there is one at a time, and each miss
// makes the next one later.
class CacheGuess {
 public:
  // Whether the next row should be read in place; if so, Tell must follow.
  bool ShouldTry() {
    if (is_cached_) return true;
    if (is_trying_) return false;
    if (num_to_skip_ > 0) {
      --num_to_skip_;
      return false;
    }
    is_trying_ = true;
    return true;
  }
  void Tell(bool was_cached) {
    is_trying_ = false;
    is_cached_ = was_cached;
    skip_length_ =
        was_cached ? 0 : std::clamp(2 * skip_length_, 1, kMaxSkipped);
    num_to_skip_ = skip_length_;
  }

 private:
  static constexpr int kMaxSkipped = 64;

  bool is_cached_ = false;
  bool is_trying_ = false;
  int skip_length_ = 0;
  int num_to_skip_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_EXTRACT_CACHE_GUESS_H_
