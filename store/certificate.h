#ifndef MELMILL_STORE_CERTIFICATE_H_
#define MELMILL_STORE_CERTIFICATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace melmill {

// certificate.json: what `melmill certify`, of the Python package, found when
// it compared a store with the reference. store.json does not list it.
struct Certificate {
  bool has_passed = false;
  std::string store_checksum;  // XXH3-64 of store.json, 16 hex digits
  uint64_t num_rows = 0;       // that were compared
  uint64_t num_equal = 0;
  double largest_difference = 0;
  std::string transformers;  // version of the reference
};

// Parses the text of a certificate; nothing if it is none. Hostile text is
// safe.
std::optional<Certificate> ParseCertificate(std::string_view text);

// The certificate in a store's folder.
struct FoundCertificate {
  // Nothing if there is a file that cannot be read or is no certificate.
  std::optional<Certificate> certificate;
  bool is_of_this_state = false;  // whether store.json is the one that it names
};

// Nothing if the folder has no certificate.json.
std::optional<FoundCertificate> FindCertificate(const std::string& folder);

}  // namespace melmill

#endif  // MELMILL_STORE_CERTIFICATE_H_
