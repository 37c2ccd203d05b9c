#ifndef MELMILL_PIPELINE_ROW_FEATURE_SINK_H_
#define MELMILL_PIPELINE_ROW_FEATURE_SINK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "io/result.h"

namespace melmill {

// The destination of one row's features.
class FeatureSink {
 public:
  virtual ~FeatureSink() = default;

  // Takes bytes of the row from `offset_bytes` on. Error: kMachineFault.
  virtual Result<void> Write(uint64_t offset_bytes,
                             std::span<const std::byte> features) = 0;
  // Reads back what was written.
  virtual Result<void> Read(uint64_t offset_bytes,
                            std::span<std::byte> features) = 0;
};

// For rows of which only the outcome matters. Read returns zeros.
class NoFeatures : public FeatureSink {
 public:
  Result<void> Write(uint64_t offset_bytes,
                     std::span<const std::byte> features) override;
  Result<void> Read(uint64_t offset_bytes,
                    std::span<std::byte> features) override;
};

// Keeps the features of one row in memory. It grows as they are computed: a
// row's length in plan.h5 is not trusted before the file confirms it.
class MemorySink : public FeatureSink {
 public:
  // Empties `bytes`, which must outlive it.
  explicit MemorySink(std::vector<std::byte>* bytes) : bytes_(*bytes) {
    bytes_.clear();
  }

  Result<void> Write(uint64_t offset_bytes,
                     std::span<const std::byte> features) override;
  Result<void> Read(uint64_t offset_bytes,
                    std::span<std::byte> features) override;

 private:
  std::vector<std::byte>& bytes_;
};

}  // namespace melmill

#endif  // MELMILL_PIPELINE_ROW_FEATURE_SINK_H_
