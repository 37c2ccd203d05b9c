#ifndef MELMILL_TESTS_SUPPORT_PLAIN_READING_H_
#define MELMILL_TESTS_SUPPORT_PLAIN_READING_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/wav/plain_decoder.h"
#include "tests/support/coded_reading.h"
#include "tests/support/corpus.h"

namespace melmill {

// "code: message" for a file that is rejected by its header, or "ok".
inline std::string HeaderErrorOf(std::vector<std::byte> bytes) {
  const MemorySource file(std::move(bytes));
  const Result<SoundFile> sound = ReadSoundFile({}, file);
  return sound.ok() ? "ok" : Described(sound.error());
}

inline std::string HeaderCodeOf(std::vector<std::byte> bytes) {
  const std::string error = HeaderErrorOf(std::move(bytes));
  return error.substr(0, error.find(':'));
}

// Has libsndfile write plain samples in a container, and compares what is read
// with what libsndfile reads.
inline void ExpectSamplesOfLibsndfile(int format, int num_channels) {
  SCOPED_TRACE(format);
  const auto bytes = WriteBySndfile(format, MakeSamples(3000, num_channels, 2),
                                    22050, num_channels);
  const MemorySource file(bytes);
  const Result<SoundFile> sound = ReadSoundFile({}, file);
  ASSERT_TRUE(sound.ok()) << sound.error().message;
  const SoundHeader& header = sound.value().header;
  EXPECT_EQ(header.num_samples, 3000);
  EXPECT_EQ(header.num_channels, num_channels);
  EXPECT_EQ(header.sample_rate_hz, 22050);
  PlainDecoder decoder;
  ASSERT_TRUE(decoder.Start(header).ok());
  std::vector<float> mono(3000);
  ASSERT_TRUE(decoder
                  .DecodeToMono(std::span(bytes).subspan(
                                    static_cast<size_t>(header.data_offset),
                                    static_cast<size_t>(header.data_bytes)),
                                mono)
                  .ok());
  EXPECT_EQ(mono, MonoBySndfile(bytes, num_channels));
}

// Cuts a file at 64 places, at each of its first 600 bytes, and before its last
// byte. All must be rejected, and for what they are.
inline void ExpectNoCutIsAccepted(const std::vector<std::byte>& bytes) {
  std::vector<size_t> sizes = {bytes.size() - 1};
  for (size_t i = 0; i < 64; ++i) sizes.push_back(bytes.size() * i / 64);
  for (size_t i = 0; i < std::min<size_t>(600, bytes.size()); ++i) {
    sizes.push_back(i);
  }
  for (const size_t size : sizes) {
    const std::string code = HeaderCodeOf(FirstBytes(bytes, size));
    EXPECT_NE(code, "ok") << size;
    EXPECT_NE(code, "changed_since_plan") << size;
  }
}

}  // namespace melmill

#endif  // MELMILL_TESTS_SUPPORT_PLAIN_READING_H_
