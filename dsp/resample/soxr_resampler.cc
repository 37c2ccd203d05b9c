#include "dsp/resample/soxr_resampler.h"

#include <soxr.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "dsp/resample/resampler.h"

namespace melmill {
namespace {

struct SoxrDeleter {
  void operator()(soxr_t soxr) const { soxr_delete(soxr); }
};
using SoxrPtr = std::unique_ptr<soxr, SoxrDeleter>;

void ThrowIfError(soxr_error_t error) {
  if (error != nullptr) {
    throw std::runtime_error(std::string("libsoxr: ") + error);
  }
}

SoxrPtr CreateSoxr(int source_rate_hz, int target_rate_hz) {
  soxr_error_t error = nullptr;
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality =
      soxr_quality_spec(SOXR_HQ | SOXR_LINEAR_PHASE, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  SoxrPtr soxr(soxr_create(source_rate_hz, target_rate_hz, 1, &error, &io,
                           &quality, &runtime));
  ThrowIfError(error);
  return soxr;
}

// When libsoxr's first resampler runs, it initialises tables that all
// resamplers share, without a lock. So one runs before any other exists.
void WarmUpOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    const SoxrPtr soxr = CreateSoxr(44100, 16000);
    const std::array<float, 1000> silence{};
    std::array<float, 1000> sink;
    size_t num_out = 0;
    ThrowIfError(soxr_process(soxr.get(), silence.data(), silence.size(),
                              nullptr, sink.data(), sink.size(), &num_out));
    ThrowIfError(soxr_process(soxr.get(), nullptr, 0, nullptr, sink.data(),
                              sink.size(), &num_out));
  });
}

// python-soxr divides a clip like this. The samples would be the same without
// it, but libsoxr's buffers grow with the block and then no longer fit the
// cache.
size_t SubBlockSamples(int source_rate_hz, int target_rate_hz) {
  const double samples = 48000.0 * source_rate_hz / target_rate_hz;
  return std::max<size_t>(1000, static_cast<size_t>(samples));
}

constexpr size_t kStagingSamples = 48000;

class SoxrEngine : public ResampleEngine {
 public:
  void Start(int source_rate_hz, int target_rate_hz) override;
  void Process(std::span<const float> block, SampleVector* output) override;
  void Finish(SampleVector* output) override;

 private:
  struct Progress {
    size_t num_in = 0;
    size_t num_out = 0;
  };

  Progress Step(std::span<const float> block, SampleVector* output);
  void Append(std::span<const float> samples, SampleVector* output);

  int source_rate_hz_ = 0;
  int target_rate_hz_ = 0;
  size_t sub_block_samples_ = 0;
  SoxrPtr soxr_;
  std::vector<float> staging_;
  int64_t num_samples_in_ = 0;
  int64_t num_samples_out_ = 0;
};

void SoxrEngine::Start(int source_rate_hz, int target_rate_hz) {
  source_rate_hz_ = source_rate_hz;
  target_rate_hz_ = target_rate_hz;
  num_samples_in_ = 0;
  num_samples_out_ = 0;
  WarmUpOnce();
  // soxr_clear would save nothing: it also deletes the state and creates it.
  soxr_ = CreateSoxr(source_rate_hz, target_rate_hz);
  sub_block_samples_ = SubBlockSamples(source_rate_hz, target_rate_hz);
  staging_.resize(kStagingSamples);
}

void SoxrEngine::Append(std::span<const float> samples, SampleVector* output) {
  output->insert(output->end(), samples.begin(), samples.end());
  num_samples_out_ += static_cast<int64_t>(samples.size());
}

// Takes as much of `block` as fills the staging buffer. The default block, with
// its null pointer, marks the end of the clip.
SoxrEngine::Progress SoxrEngine::Step(std::span<const float> block,
                                      SampleVector* output) {
  Progress done;
  ThrowIfError(soxr_process(soxr_.get(), block.data(), block.size(),
                            &done.num_in, staging_.data(), staging_.size(),
                            &done.num_out));
  Append(std::span(staging_).first(done.num_out), output);
  return done;
}

void SoxrEngine::Process(std::span<const float> block, SampleVector* output) {
  num_samples_in_ += static_cast<int64_t>(block.size());
  while (!block.empty()) {
    const size_t size = std::min(block.size(), sub_block_samples_);
    block = block.subspan(Step(block.first(size), output).num_in);
  }
}

void SoxrEngine::Finish(SampleVector* output) {
  const int64_t length =
      ResampledLength(num_samples_in_, source_rate_hz_, target_rate_hz_);
  while (Step({}, output).num_out != 0) {
  }
  // libsoxr rounds the length to nearest, librosa rounds it up.
  const auto missing = static_cast<ptrdiff_t>(length - num_samples_out_);
  output->resize(
      static_cast<size_t>(static_cast<ptrdiff_t>(output->size()) + missing),
      0.0f);
  soxr_.reset();  // the next clip makes its own
}

}  // namespace

std::unique_ptr<ResampleEngine> MakeSoxrEngine() {
  return std::make_unique<SoxrEngine>();
}

std::string_view SoxrVersion() { return soxr_version(); }

}  // namespace melmill
