#include "io/sound/sound_header.h"

#include <cassert>

namespace melmill {

bool IsKnown(SampleEncoding encoding) {
  return (encoding >= SampleEncoding::kPcmU8 &&
          encoding <= SampleEncoding::kPcmS8) ||
         (encoding >= SampleEncoding::kFlac &&
          encoding <= SampleEncoding::kOpus);
}

int BytesPerSample(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kPcmU8:
    case SampleEncoding::kPcmS8:
    case SampleEncoding::kMuLaw:
    case SampleEncoding::kALaw:
      return 1;
    case SampleEncoding::kPcm16:
      return 2;
    case SampleEncoding::kPcm24:
      return 3;
    case SampleEncoding::kPcm32:
    case SampleEncoding::kFloat32:
      return 4;
    case SampleEncoding::kFloat64:
      return 8;
    case SampleEncoding::kFlac:
    case SampleEncoding::kMp3:
    case SampleEncoding::kVorbis:
    case SampleEncoding::kOpus:
      break;
  }
  assert(false);
  return 1;
}

std::string_view SampleEncodingName(SampleEncoding encoding) {
  switch (encoding) {
    case SampleEncoding::kPcmU8:
      return "PCM 8 bit";
    case SampleEncoding::kPcm16:
      return "PCM 16 bit";
    case SampleEncoding::kPcm24:
      return "PCM 24 bit";
    case SampleEncoding::kPcm32:
      return "PCM 32 bit";
    case SampleEncoding::kFloat32:
      return "float 32 bit";
    case SampleEncoding::kFloat64:
      return "float 64 bit";
    case SampleEncoding::kMuLaw:
      return "mu-law";
    case SampleEncoding::kALaw:
      return "A-law";
    case SampleEncoding::kPcmS8:
      return "signed PCM 8 bit";
    case SampleEncoding::kFlac:
      return "FLAC";
    case SampleEncoding::kMp3:
      return "MP3";
    case SampleEncoding::kVorbis:
      return "Ogg Vorbis";
    case SampleEncoding::kOpus:
      return "Ogg Opus";
  }
  return "unknown";  // a number from a damaged plan
}

}  // namespace melmill
