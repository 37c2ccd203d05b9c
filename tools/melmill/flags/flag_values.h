#ifndef MELMILL_TOOLS_MELMILL_FLAGS_FLAG_VALUES_H_
#define MELMILL_TOOLS_MELMILL_FLAGS_FLAG_VALUES_H_

#include <cstdint>
#include <string>

#include "io/manifest/manifest.h"
#include "pipeline/setup/run_config.h"

namespace melmill {

// The syntax of flags' values. Each function throws SetupError for text that it
// does not understand.

// The manifest that stands for standard input.
inline constexpr char kStandardInput[] = "-";

// Parses "path/a.jsonl" (split "a"), "NAME=path/a.jsonl" or "NAME=-". The
// suffix must be .jsonl or .json; otherwise the error says what the file seems
// to be; `options` as in foreign_manifest.h.
SplitInput ParseSplitInput(const std::string& argument,
                           const ManifestOptions& options = {});

// Parses "12" or "1.5%".
MaxRejects ParseMaxRejects(const std::string& text);

// Parses "f16", "float16", "fp16" and so on.
FeatureType ParseFeatureType(const std::string& text);

// Parses "soxr" or "spectral".
ResamplerKind ParseResampler(const std::string& text);

// Parses "256MiB", "1GiB", "64KiB", "1000B", and decimal units (MB, GB).
// "K", "M", "G" and "T" alone mean KiB to TiB. Letters may be small.
uint64_t ParseByteSize(const std::string& text);

}  // namespace melmill

#endif  // MELMILL_TOOLS_MELMILL_FLAGS_FLAG_VALUES_H_
