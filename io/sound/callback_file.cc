#include "io/sound/callback_file.h"

#include <algorithm>
#include <cstdio>

namespace melmill {

int64_t CallbackFile::Read(std::span<std::byte> to) noexcept {
  if (error_ || exception_ != nullptr || position_ < 0 ||
      position_ >= size_bytes()) {
    return 0;
  }
  to = to.first(static_cast<size_t>(std::min<uint64_t>(
      to.size(), static_cast<uint64_t>(size_bytes() - position_))));
  try {
    const Result<void> read =
        source_.ReadAt(static_cast<uint64_t>(position_), to);
    if (!read.ok()) {
      error_ = read.error();
      return 0;
    }
  } catch (...) {
    exception_ = std::current_exception();
    return 0;
  }
  position_ += static_cast<int64_t>(to.size());
  return static_cast<int64_t>(to.size());
}

int64_t CallbackFile::Seek(int64_t offset, int whence) noexcept {
  if (whence == SEEK_SET) position_ = offset;
  if (whence == SEEK_CUR) position_ += offset;
  if (whence == SEEK_END) position_ = size_bytes() + offset;
  return position_;
}

Result<void> CallbackFile::Outcome() const {
  if (exception_ != nullptr) std::rethrow_exception(exception_);
  if (error_) return *error_;
  return {};
}

}  // namespace melmill
