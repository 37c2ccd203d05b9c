#include "io/sphere/sphere_header.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/sound/plain_header.h"

namespace melmill {
namespace {

Error BadHeader(const std::string& message) {
  return {RejectCode::kBadHeader, message};
}

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

std::string_view WithoutSpaces(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

// The header's lines "name -type value", up to "end_head".
class SphereFields {
 public:
  static Result<SphereFields> Parse(std::string_view text);

  std::string_view Text(const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string_view() : found->second;
  }
  // Nothing if the field is missing or is no number.
  std::optional<uint64_t> Number(const std::string& name) const {
    return ParseNumber(Text(name));
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

Result<SphereFields> SphereFields::Parse(std::string_view text) {
  SphereFields fields;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == text.npos) break;
    const std::string_view line = WithoutSpaces(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (line == "end_head") return fields;
    const size_t type = line.find(" -");
    if (line.empty() || line[0] == ';' || type == line.npos) continue;
    const size_t value = line.find(' ', type + 1);
    if (value == line.npos) continue;
    const bool is_new = fields.values_
                            .emplace(WithoutSpaces(line.substr(0, type)),
                                     WithoutSpaces(line.substr(value)))
                            .second;
    if (!is_new) return BadHeader("has a field twice in its SPHERE header");
  }
  return BadHeader("its SPHERE header has no end_head");
}

struct SampleForm {
  SampleEncoding encoding;
  bool big_endian = false;
};

Result<SampleForm> FormOf(const SphereFields& fields) {
  const std::string_view coding = fields.Text("sample_coding");
  const uint64_t num_bytes = fields.Number("sample_n_bytes").value_or(0);
  if (coding == "ulaw" || coding == "mu-law" || coding == "alaw") {
    if (num_bytes != 1) return BadHeader("companded samples are not of 1 byte");
    return SampleForm{coding == "alaw" ? SampleEncoding::kALaw
                                       : SampleEncoding::kMuLaw};
  }
  if (!coding.empty() && coding != "pcm") {
    return Error{RejectCode::kUnsupportedFormat,
                 fmt::format("holds SPHERE samples in the coding \"{}\", which "
                             "are not read; convert it: sph2pipe -f wav "
                             "in.sph out.wav",
                             coding)};
  }
  static constexpr SampleEncoding kPcm[] = {
      SampleEncoding::kPcmS8, SampleEncoding::kPcm16, SampleEncoding::kPcm24,
      SampleEncoding::kPcm32};
  if (num_bytes < 1 || num_bytes > 4) {
    return BadHeader("sample_n_bytes is not 1, 2, 3 or 4");
  }
  SampleForm form{kPcm[num_bytes - 1]};
  if (num_bytes == 1) return form;
  const std::string_view order = fields.Text("sample_byte_format");
  form.big_endian = order == "10" || order == "210" || order == "3210";
  if (!form.big_endian && order != "01" && order != "012" && order != "0123") {
    return BadHeader("sample_byte_format is neither 01 nor 10");
  }
  return form;
}

Result<uint64_t> ReadHeaderBytes(const ByteSource& file) {
  std::array<std::byte, 16> bytes;  // "NIST_1A\n   1024\n"
  if (file.size_bytes() < bytes.size()) {
    return Error{RejectCode::kTruncated, "ends inside its header"};
  }
  const Result<void> read = file.ReadAt(0, bytes);
  if (!read.ok()) return read.error();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()),
                              bytes.size());
  const auto size = ParseNumber(WithoutSpaces(text.substr(8, 7)));
  if (!size || *size < kMinSphereHeaderBytes || *size > kMaxSphereHeaderBytes) {
    return BadHeader("the size of its SPHERE header is not 1024 to 65536");
  }
  if (*size > file.size_bytes()) {
    return Error{RejectCode::kTruncated, "ends inside its header"};
  }
  return *size;
}

}  // namespace

Result<SoundHeader> ReadSphereHeader(const ByteSource& file) {
  const Result<uint64_t> size = ReadHeaderBytes(file);
  if (!size.ok()) return size.error();
  std::vector<std::byte> bytes(static_cast<size_t>(size.value()));
  const Result<void> read = file.ReadAt(0, bytes);
  if (!read.ok()) return read.error();
  const Result<SphereFields> fields = SphereFields::Parse(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!fields.ok()) return fields.error();
  const Result<SampleForm> form = FormOf(fields.value());
  if (!form.ok()) return form.error();
  PlainClaim claim;
  claim.encoding = form.value().encoding;
  claim.big_endian = form.value().big_endian;
  claim.sample_rate_hz =
      static_cast<double>(fields.value().Number("sample_rate").value_or(0));
  claim.num_channels = fields.value().Number("channel_count").value_or(0);
  claim.data_offset = size.value();
  claim.num_samples = fields.value().Number("sample_count");
  return CheckPlainClaim(claim, file.size_bytes());
}

}  // namespace melmill
