#ifndef MELMILL_IO_MANIFEST_FOREIGN_MANIFEST_H_
#define MELMILL_IO_MANIFEST_FOREIGN_MANIFEST_H_

#include <optional>
#include <string>

#include "io/manifest/manifest.h"

namespace melmill {

// What a file seems to be that melmill cannot use as a manifest. The texts
// below say it, and what to do, as in "is gzip; unpack it: zcat a.jsonl.gz |
// melmill validate a=-". Their commands work as they are in a shell. `options`
// has the fields that melmill looks for, and says whether its model's texts
// have the template (check_template).

// The beginning of a manifest.
struct ManifestHead {
  std::string bytes;
  std::string path;   // for commands; empty if there is none
  std::string split;  // the name of its split
};

// The first 64 KiB of a file, or nothing if it cannot be read.
std::string ReadManifestHead(const std::string& path);

// For files that are no text in UTF-8: compressed files, archives, UTF-16.
std::optional<std::string> RecognizeBinary(const ManifestHead& head,
                                           const ManifestOptions& options);

// For the manifests of other tools, and other text.
std::optional<std::string> RecognizeManifest(const ManifestHead& head,
                                             const ManifestOptions& options);

// For a path whose suffix is not a manifest's: "no such file", "is a folder",
// or what the above say; otherwise which suffixes a manifest may have.
std::string DescribeOtherFile(const std::string& path, const std::string& split,
                              const ManifestOptions& options);

}  // namespace melmill

#endif  // MELMILL_IO_MANIFEST_FOREIGN_MANIFEST_H_
