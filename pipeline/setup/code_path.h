#ifndef MELMILL_PIPELINE_SETUP_CODE_PATH_H_
#define MELMILL_PIPELINE_SETUP_CODE_PATH_H_

#include <optional>
#include <string>
#include <string_view>

#include "dsp/simd/simd_target.h"

namespace melmill {

// The code that changes sample rates.
enum class ResamplerKind {
  kSpectral,  // dsp/resample/spectral_resampler.h, and libsoxr for rates it
              // leaves out
  kSoxr,      // libsoxr alone
};
inline constexpr ResamplerKind kResamplerKinds[] = {ResamplerKind::kSpectral,
                                                    ResamplerKind::kSoxr};
std::string_view ResamplerKindName(ResamplerKind kind);  // "spectral", "soxr"
std::optional<ResamplerKind> FindResamplerKind(std::string_view name);

// The code as flags name it.
struct CodeChoice {
  // The SIMD code of the log-mel path and the spectral resampler. It is a
  // SimdTargetName, "auto" for the best one available, or "none" for the
  // general path in double precision and libsoxr.
  std::string simd = "auto";
  // Without a value it is that of an existing store. For a new store it is
  // spectral, or soxr without SIMD code.
  std::optional<ResamplerKind> resampler;

  friend bool operator==(const CodeChoice&, const CodeChoice&) = default;
};

// The code that computes the features on one machine.
struct CodePath {
  std::optional<SimdTarget> log_mel;   // none for the general path
  std::optional<SimdTarget> spectral;  // none for libsoxr alone

  friend bool operator==(const CodePath&, const CodePath&) = default;
};

// The code that a choice means for a new store on this machine. Throws
// SetupError if the machine cannot run it.
CodePath ChooseCodePath(const CodeChoice& choice);

// Compact JSON that says which code computes the features; a resumed run must
// match it. It is the same for all SIMD targets that give the same bits.
std::string ProducerJson(const CodePath& code_path);

// The choice that gives `producer` on this machine, as close to `wanted` as
// possible. Returns nothing if no choice does.
std::optional<CodeChoice> FindCodeChoice(const std::string& producer,
                                         const CodeChoice& wanted);

}  // namespace melmill

#endif  // MELMILL_PIPELINE_SETUP_CODE_PATH_H_
