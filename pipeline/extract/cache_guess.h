#ifndef MELMILL_PIPELINE_EXTRACT_CACHE_GUESS_H_
#define MELMILL_PIPELINE_EXTRACT_CACHE_GUESS_H_

#include <algorithm>

namespace melmill {

// Guesses whether a row's file is in the page cache. If it is not, a computing
// thread opens the file for nothing, and stands still where opening takes time
// (a network file system). So only one try runs at a time, until a try has
// succeeded, and again after one that failed. Each miss delays the next try
// further.
class CacheGuess {
 public:
  // Whether the next row should be read in place. If so, a call of Tell must
  // follow.
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
