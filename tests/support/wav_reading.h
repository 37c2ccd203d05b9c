#ifndef MELMILL_TESTS_SUPPORT_WAV_READING_H_
#define MELMILL_TESTS_SUPPORT_WAV_READING_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/wav/wav_header.h"
#include "tests/support/memory_source.h"
#include "tests/support/wav_builder.h"

namespace melmill {

// Sample groups that do not look like chunks.
inline std::string SomeData(const WavSpec& spec, size_t num_groups = 100) {
  const size_t num_bytes = num_groups * static_cast<size_t>(spec.num_channels) *
                           static_cast<size_t>(BytesPerSample(spec.encoding));
  std::string data;
  for (size_t i = 0; i < num_bytes; ++i) data += static_cast<char>(i | 0x80);
  return data;
}

// Reads a file. Also checks that an accepted file has the same header if what
// follows its data is not checked.
inline Result<SoundFile> ReadFile(std::vector<std::byte> bytes,
                                  size_t prefix_bytes = kWavPrefixBytes) {
  const MemorySource file(std::move(bytes));
  const auto prefix = std::span(file.bytes())
                          .first(std::min(prefix_bytes, file.bytes().size()));
  const Result<SoundFile> wav = ReadWavFile(prefix, file);
  if (wav.ok()) {
    EXPECT_EQ(ReadWavHeader(prefix, file).value(), wav.value().header);
  }
  return wav;
}

// The error as "code: message", or "ok".
inline std::string ErrorOf(const Result<SoundFile>& wav) {
  if (wav.ok()) return "ok";
  return std::string(RejectCodeName(wav.error().code.reject())) + ": " +
         wav.error().message;
}

inline std::string ErrorOf(std::vector<std::byte> bytes) {
  return ErrorOf(ReadFile(std::move(bytes)));
}

inline std::string ErrorOf(const WavSpec& spec) {
  return ErrorOf(BuildWavAround(spec, SomeData(spec)));
}

inline SoundFile MustReadFile(std::vector<std::byte> bytes) {
  const Result<SoundFile> wav = ReadFile(std::move(bytes));
  if (wav.ok()) return wav.value();
  ADD_FAILURE() << ErrorOf(wav);
  return {};
}

inline bool StartsWith(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

inline testing::AssertionResult IsError(const WavSpec& spec,
                                        std::string_view code) {
  const std::string error = ErrorOf(spec);
  if (StartsWith(error, std::string(code) + ": ")) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << error;
}

inline std::vector<std::byte> Joined(std::vector<std::byte> bytes,
                                     std::string_view more) {
  const std::vector<std::byte> tail = ToBytes(more);
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

inline std::vector<std::byte> CutTo(const std::vector<std::byte>& bytes,
                                    size_t size) {
  return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)};
}

// A file of any size: some bytes at its start, then zeros.
class HollowSource : public ByteSource {
 public:
  HollowSource(std::vector<std::byte> head, uint64_t size_bytes)
      : head_(std::move(head)), size_bytes_(size_bytes) {}

  uint64_t size_bytes() const override { return size_bytes_; }

  Result<void> ReadAt(uint64_t offset,
                      std::span<std::byte> bytes) const override {
    ++num_reads_;
    EXPECT_LE(offset + bytes.size(), size_bytes_);
    for (size_t i = 0; i < bytes.size(); ++i) {
      const uint64_t at = offset + i;
      bytes[i] = at < head_.size() ? head_[at] : std::byte{0};
      if (at == odd_byte_at) bytes[i] = std::byte{1};
    }
    return {};
  }

  int num_reads() const { return num_reads_; }

  uint64_t odd_byte_at = UINT64_MAX;  // a 1 among the zeros

 private:
  std::vector<std::byte> head_;
  uint64_t size_bytes_;
  mutable int num_reads_ = 0;
};

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_WAV_READING_H_
