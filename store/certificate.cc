#include "store/certificate.h"

#include <nlohmann/json.hpp>

#include "io/file/durable_file.h"
#include "io/hash.h"
#include "store/json_object.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

using nlohmann::json;

constexpr std::string_view kCertificateFormat = "melmill certificate";
constexpr uint64_t kVersion = 1;
constexpr size_t kMaxBytes = size_t{16} << 20;

// The value at a path such as "/rows/chosen"; null if there is none.
const json& At(const json& object, const char* path) {
  static const json* const kNull = new json();
  const json::json_pointer place(path);
  return object.contains(place) ? object.at(place) : *kNull;
}

}  // namespace

std::optional<Certificate> ParseCertificate(std::string_view text) {
  if (text.size() > kMaxBytes || !IsUsableObject(text)) return std::nullopt;
  const json object = ParseUsableObject<json>(text);
  const json& verdict = At(object, "/verdict");
  const json& checksum = At(object, "/store/checksum");
  const json& rows = At(object, "/rows/chosen");
  const json& equal = At(object, "/rows/equal");
  const json& largest = At(object, "/difference/largest");
  const json& version = At(object, "/reference/packages/transformers");
  if (At(object, "/format/name") != kCertificateFormat ||
      At(object, "/format/version") != kVersion ||
      (verdict != "pass" && verdict != "fail") || !checksum.is_string() ||
      !rows.is_number_unsigned() || !equal.is_number_unsigned() ||
      !largest.is_number() || !version.is_string()) {
    return std::nullopt;
  }
  return Certificate{.has_passed = verdict == "pass",
                     .store_checksum = checksum.get<std::string>(),
                     .num_rows = rows.get<uint64_t>(),
                     .num_equal = equal.get<uint64_t>(),
                     .largest_difference = largest.get<double>(),
                     .transformers = version.get<std::string>()};
}

std::optional<FoundCertificate> FindCertificate(const std::string& folder) {
  const std::string path = folder + '/' + kCertificateFile;
  if (!FileExists(path)) return std::nullopt;
  FoundCertificate found;
  const Result<std::string> text = ReadSmallFile(path, kMaxBytes);
  if (text.ok()) found.certificate = ParseCertificate(text.value());
  if (!found.certificate) return found;
  const Result<std::string> index = ReadStoreIndexText(folder);
  found.is_of_this_state = index.ok() && found.certificate->store_checksum ==
                                             ToHex(Xxh3_64(index.value()));
  return found;
}

}  // namespace melmill
