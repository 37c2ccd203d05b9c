#ifndef MELMILL_DSP_SAMPLES_PCM_DECODE_H_
#define MELMILL_DSP_SAMPLES_PCM_DECODE_H_

#include <cstddef>
#include <span>

namespace melmill {

// Signed little-endian samples. An int24 takes three bytes.
enum class PcmType { kInt16, kInt24, kInt32, kFloat32 };

size_t BytesPerSample(PcmType type);

// Decodes mono.size() samples of one or two interleaved channels. Integers are
// divided by 2^15, 2^23 or 2^31; 32 bits are rounded to float first. Floats are
// kept, NaN included. Two channels give their mean, as in DownmixToMono. The
// result is the same bits on every machine, except for the payload of a NaN in
// one of two channels.
//
// `block` holds mono.size() * num_channels samples. It need not be aligned, and
// must not overlap `mono`. Any thread may call.
void DecodePcmToMono(std::span<const std::byte> block, PcmType type,
                     int num_channels, std::span<float> mono);

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_PCM_DECODE_H_
