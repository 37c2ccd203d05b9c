#include "dsp/samples/pcm_decode.h"

#include <bit>
#include <cassert>
#include <cstdint>
#include <cstring>

// Compiled once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dsp/samples/pcm_decode.cc"
#include "dsp/simd/highway_targets.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace melmill {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

static_assert(std::endian::native == std::endian::little);

using Floats = hn::ScalableTag<float>;
using Ints = hn::RebindToSigned<Floats>;

// A sample type and its value as a float before scaling. For two channels the
// sum is scaled. The scale is a power of two, hence exact.

struct Int16 {
  static constexpr size_t kBytes = 2;
  static constexpr size_t kLoadBytes = 2;  // read by Load for each lane
  static constexpr float kScale = 0x1p-15f;
  static float One(const uint8_t* from) {
    int16_t value;
    std::memcpy(&value, from, sizeof(value));
    return static_cast<float>(value);
  }
};

// Becomes the upper three bytes of an int32.
struct Int24 {
  static constexpr size_t kBytes = 3;
  static constexpr size_t kLoadBytes = 4;
  static constexpr float kScale = 0x1p-31f;
  static float One(const uint8_t* from) {
    return static_cast<float>(static_cast<int32_t>(uint32_t{from[0]} << 8 |
                                                   uint32_t{from[1]} << 16 |
                                                   uint32_t{from[2]} << 24));
  }
};

struct Int32 {
  static constexpr size_t kBytes = 4;
  static constexpr size_t kLoadBytes = 4;
  static constexpr float kScale = 0x1p-31f;
  static float One(const uint8_t* from) {
    int32_t value;
    std::memcpy(&value, from, sizeof(value));
    return static_cast<float>(value);
  }
};

struct Float32 {
  static constexpr size_t kBytes = 4;
  static constexpr size_t kLoadBytes = 4;
  static constexpr float kScale = 1.0f;
  static float One(const uint8_t* from) {
    float value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
};

#if HWY_TARGET != HWY_SCALAR

// Loads all lanes of `d` from any address.
template <class D>
HWY_INLINE hn::Vec<D> LoadBytes(D d, const uint8_t* from) {
  const hn::Repartition<uint8_t, D> bytes;
  return hn::BitCast(d, hn::LoadU(bytes, from));
}

HWY_INLINE hn::Vec<Floats> Load(Int16, const uint8_t* from) {
  const hn::Rebind<int16_t, Ints> halves;
  return hn::ConvertTo(Floats(),
                       hn::PromoteTo(Ints(), LoadBytes(halves, from)));
}

// Reads a third more bytes than its samples have.
HWY_INLINE hn::Vec<Floats> Load(Int24, const uint8_t* from) {
  // Four samples lie in three words. The first lookup brings those words to the
  // lanes of the four; the second moves each sample to the top of its lane.
  alignas(64) static constexpr int32_t kWords[16] = {0, 1, 2, 3, 3, 4,  5,  6,
                                                     6, 7, 8, 9, 9, 10, 11, 12};
  alignas(16) static constexpr uint8_t kBytes[16] = {
      0x80, 0, 1, 2, 0x80, 3, 4, 5, 0x80, 6, 7, 8, 0x80, 9, 10, 11};
  const Ints ints;
  const hn::Repartition<uint8_t, Ints> bytes;
  const auto words = hn::TableLookupLanes(LoadBytes(ints, from),
                                          hn::SetTableIndices(ints, kWords));
  const auto samples = hn::TableLookupBytesOr0(hn::BitCast(bytes, words),
                                               hn::LoadDup128(bytes, kBytes));
  return hn::ConvertTo(Floats(), hn::BitCast(ints, samples));
}

HWY_INLINE hn::Vec<Floats> Load(Int32, const uint8_t* from) {
  return hn::ConvertTo(Floats(), LoadBytes(Ints(), from));
}

HWY_INLINE hn::Vec<Floats> Load(Float32, const uint8_t* from) {
  return LoadBytes(Floats(), from);
}

// Returns the sums of neighbouring samples.
template <class Type>
HWY_INLINE hn::Vec<Floats> LoadSums(Type type, const uint8_t* from) {
  const Floats d;
  const auto a = Load(type, from);
  const auto b = Load(type, from + hn::Lanes(d) * Type::kBytes);
  return hn::Add(hn::ConcatEven(d, b, a), hn::ConcatOdd(d, b, a));
}

// The sums of int16 values need no rounding, so integers can be added.
HWY_INLINE hn::Vec<Floats> LoadSums(Int16, const uint8_t* from) {
  const auto pairs = LoadBytes(Ints(), from);
  const auto left = hn::ShiftRight<16>(hn::ShiftLeft<16>(pairs));
  const auto right = hn::ShiftRight<16>(pairs);
  return hn::ConvertTo(Floats(), hn::Add(left, right));
}

// Decodes as many samples from the front as whole vectors can, without reading
// beyond the block. Returns their number.
template <class Type, int kNumChannels>
size_t DecodeVectors(const uint8_t* from, size_t num_samples, float* to) {
  constexpr size_t kGroupBytes = Type::kBytes * kNumChannels;
  constexpr float kScale = Type::kScale / kNumChannels;
  const Floats d;
  const size_t num_lanes = hn::Lanes(d);
  // The bytes that the last step reads.
  const size_t read_bytes =
      num_lanes * ((kNumChannels - 1) * Type::kBytes + Type::kLoadBytes);
  const auto scale = hn::Set(d, kScale);
  size_t i = 0;
  for (; (num_samples - i) * kGroupBytes >= read_bytes; i += num_lanes) {
    const uint8_t* at = from + i * kGroupBytes;
    if constexpr (kNumChannels == 1) {
      hn::StoreU(hn::Mul(Load(Type(), at), scale), d, to + i);
    } else {
      hn::StoreU(hn::Mul(LoadSums(Type(), at), scale), d, to + i);
    }
  }
  return i;
}

#endif

template <class Type, int kNumChannels>
void Decode(const uint8_t* from, size_t num_samples, float* to) {
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  i = DecodeVectors<Type, kNumChannels>(from, num_samples, to);
#endif
  for (; i < num_samples; ++i) {
    const uint8_t* at = from + i * Type::kBytes * kNumChannels;
    float sum = Type::One(at);
    if constexpr (kNumChannels == 2) sum += Type::One(at + Type::kBytes);
    to[i] = sum * (Type::kScale / kNumChannels);
  }
}

template <class Type>
void DecodeType(const uint8_t* from, int num_channels, size_t num_samples,
                float* to) {
  if (num_channels == 1) {
    Decode<Type, 1>(from, num_samples, to);
  } else {
    Decode<Type, 2>(from, num_samples, to);
  }
}

void DecodeBlock(const uint8_t* from, PcmType type, int num_channels,
                 size_t num_samples, float* to) {
  switch (type) {
    case PcmType::kInt16:
      return DecodeType<Int16>(from, num_channels, num_samples, to);
    case PcmType::kInt24:
      return DecodeType<Int24>(from, num_channels, num_samples, to);
    case PcmType::kInt32:
      return DecodeType<Int32>(from, num_channels, num_samples, to);
    case PcmType::kFloat32:
      if (num_channels == 2) return Decode<Float32, 2>(from, num_samples, to);
      if (num_samples > 0) std::memcpy(to, from, num_samples * sizeof(float));
      return;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace melmill
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace melmill {
namespace {
HWY_EXPORT(DecodeBlock);
}  // namespace

size_t BytesPerSample(PcmType type) {
  switch (type) {
    case PcmType::kInt16:
      return 2;
    case PcmType::kInt24:
      return 3;
    case PcmType::kInt32:
    case PcmType::kFloat32:
      return 4;
  }
  assert(false);
  return 0;
}

void DecodePcmToMono(std::span<const std::byte> block, PcmType type,
                     int num_channels, std::span<float> mono) {
  assert(num_channels == 1 || num_channels == 2);
  assert(block.size() == mono.size() * BytesPerSample(type) *
                             static_cast<size_t>(num_channels));
  HWY_DYNAMIC_DISPATCH(DecodeBlock)
  (reinterpret_cast<const uint8_t*>(block.data()), type, num_channels,
   mono.size(), mono.data());
}

}  // namespace melmill

#endif  // HWY_ONCE
