#include "pipeline/lines/packed_line.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace melmill {
namespace {

// Numbers are in 7-bit groups, the lowest first; all but the last have the
// highest bit set. Texts have their length first.
class Packer {
 public:
  template <typename T>
  void Number(const T& value) {
    auto left = static_cast<uint64_t>(value);
    for (; left >= 0x80; left >>= 7) {
      bytes_ += static_cast<char>((left & 0x7F) | 0x80);
    }
    bytes_ += static_cast<char>(left);
  }

  void Text(const std::string& text) {
    Number(text.size());
    bytes_ += text;
  }

  void Texts(const std::vector<std::string>& texts) {
    Number(texts.size());
    for (const std::string& text : texts) Text(text);
  }

  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After the first fault all values are empty.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : left_(bytes) {}

  template <typename T>
  void Number(T& value) {
    value = static_cast<T>(Take());
  }

  void Text(std::string& text) {
    const uint64_t num_bytes = Take();
    if (num_bytes > left_.size()) return Fail();
    text = left_.substr(0, static_cast<size_t>(num_bytes));
    left_.remove_prefix(static_cast<size_t>(num_bytes));
  }

  void Texts(std::vector<std::string>& texts) {
    const uint64_t count = Take();
    if (count > left_.size()) return Fail();  // each takes a byte at least
    texts.resize(static_cast<size_t>(count));
    for (std::string& text : texts) Text(text);
  }

  bool is_done() const { return !has_failed_ && left_.empty(); }

 private:
  uint64_t Take() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(left_.front());
      left_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    Fail();
    return 0;
  }

  void Fail() {
    has_failed_ = true;
    left_ = {};
  }

  std::string_view left_;
  bool has_failed_ = false;
};

// All that is packed, in order.
template <typename Codec, typename Line>
void VisitFields(Codec& codec, Line& planned) {
  auto& row = planned.row;
  codec.Number(row.code);
  codec.Text(row.message);
  codec.Number(row.line_hash);
  codec.Text(row.audio);
  codec.Text(row.audio_path);
  codec.Text(row.text);
  codec.Text(row.prompt);
  codec.Texts(row.kept);
  auto& source = row.source;
  codec.Number(source.file_bytes);
  codec.Number(source.segment_start);
  codec.Number(source.segment_num_samples);
  codec.Number(source.range.offset);
  codec.Number(source.range.num_bytes);
  codec.Number(source.num_samples);
  codec.Number(source.num_frames);
  auto& header = source.header;
  codec.Number(header.encoding);
  codec.Number(header.big_endian);
  codec.Number(header.sample_rate_hz);
  codec.Number(header.num_channels);
  codec.Number(header.data_offset);
  codec.Number(header.data_bytes);
  codec.Number(header.num_samples);
  codec.Text(planned.reject_cause);
  codec.Number(planned.identity);
  codec.Number(planned.source_identity);
  codec.Number(planned.is_clipped);
  codec.Text(planned.language);
  codec.Number(planned.num_dropped_fields);
  codec.Texts(planned.dropped_fields);
  codec.Number(planned.lacks_template);
  codec.Number(planned.repeats_template);
  codec.Number(planned.needs_no_template);
  codec.Number(planned.has_segment_fields);
  codec.Text(planned.segment);
  codec.Text(planned.other_duration);
  codec.Number(planned.mixes_channels);
  codec.Number(planned.oddity);
}

}  // namespace

std::string PackLine(const PlannedLine& planned) {
  Packer packer;
  VisitFields(packer, planned);
  return packer.Take();
}

bool UnpackLine(std::string_view packed, PlannedLine* planned) {
  Unpacker unpacker(packed);
  VisitFields(unpacker, *planned);
  return unpacker.is_done();
}

}  // namespace melmill
