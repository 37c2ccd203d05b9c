#ifndef MELMILL_DSP_SAMPLES_PCM_DECODE_H_
#define MELMILL_DSP_SAMPLES_PCM_DECODE_H_

#include <cstddef>
#include <span>

namespace melmill {

// Little-endian samples, signed; an int24 takes three bytes.
enum class PcmType { kInt16, kInt24, kInt32, kFloat32 };

size_t BytesPerSample(PcmType type);

// Decodes mono.size() samples of one or two interleaved channels. Integers are
// divided by 2^15, 2^23, 2^31 (32 bits are rounded to float first), floats are
// kept, NaN included; of two channels the mean is taken as DownmixToMono takes
// it. The same bits on every machine, apart from the payload of a NaN in one
// of two channels.
//
// `block` holds mono.size() * num_channels samples, not necessarily aligned,
// and does not overlap `mono`. For any thread.
void DecodePcmToMono(std::span<const std::byte> block, PcmType type,
                     int num_channels, std::span<float> mono);

}  // namespace melmill

#endif  // MELMILL_DSP_SAMPLES_PCM_DECODE_H_
