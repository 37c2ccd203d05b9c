#include "store/store_index.h"

#include <algorithm>
#include <cassert>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/hash.h"
#include "io/manifest/utf8.h"
#include "store/json_object.h"

namespace melmill {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFormatName = "melmill";
constexpr size_t kMaxTextBytes = size_t{256} << 20;

// The text must be as JsonText writes it; otherwise it would come back changed.
Json ParseCompact(std::string_view json) {
  Json object = ParseUsableObject<Json>(json);
  assert(JsonText(object) == json);
  return object;
}

Json ToJson(const FileEntry& entry) {
  return {{"file", entry.file},
          {"num_bytes", entry.num_bytes},
          {"checksum", ToHex(entry.checksum)}};
}

Json ToJson(const SplitEntry& split) {
  Json json = {{"name", split.name},
               {"num_lines", split.num_lines},
               {"num_stored", split.num_stored},
               {"num_rejected", split.num_rejected},
               {"num_samples", split.num_samples},
               {"num_frames", split.num_frames},
               {"table", ToJson(split.table)},
               {"accepted", ToJson(split.accepted)}};
  if (split.training) json["training"] = ToJson(*split.training);
  return json;
}

Json ToJson(const ShardEntry& shard) {
  return {{"split", shard.split},
          {"file", shard.file},
          {"fingerprint", shard.fingerprint},
          {"num_rows", shard.num_rows},
          {"num_stored", shard.num_stored},
          {"num_frames", shard.num_frames},
          {"num_bytes", shard.num_bytes},
          {"checksum", ToHex(shard.checksum)}};
}

bool IsLowerHex(std::string_view text, size_t num_digits) {
  return text.size() == num_digits &&
         text.find_first_not_of("0123456789abcdef") == text.npos;
}

// Reads the members of one object, each of the requested type. All readers of a
// text share a string that keeps the first error. Values read after an error
// mean nothing.
class ObjectReader {
 public:
  // `path` names the object in messages and ends with a dot unless empty.
  ObjectReader(const Json& object, std::string path, std::string* error)
      : object_(object), path_(std::move(path)), error_(error) {}

  bool Has(const char* key) const { return object_.contains(key); }

  uint64_t U64(const char* key) const {
    const Json& value = Member(key);
    if (value.is_number_unsigned()) return value.get<uint64_t>();
    Fail(key, "not a whole number from 0 to 2^64 - 1");
    return 0;
  }

  // False if the member is missing.
  bool Flag(const char* key) const {
    if (!Has(key)) return false;
    const Json& value = Member(key);
    if (value.is_boolean()) return value.get<bool>();
    Fail(key, "neither true nor false");
    return false;
  }

  int Version(const char* key) const {
    const uint64_t value = U64(key);
    if (value <= uint64_t{std::numeric_limits<int>::max()}) {
      return static_cast<int>(value);
    }
    Fail(key, "too large");
    return 0;
  }

  std::string String(const char* key) const {
    const Json& value = Member(key);
    if (value.is_string()) return value.get<std::string>();
    Fail(key, "not a string");
    return {};
  }

  // A file name within the store, with nothing that could lead out of it.
  std::string FileName(const char* key) const {
    std::string name = String(key);
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\0", 2)) != name.npos) {
      Fail(key, "not the name of a file");
    }
    return name;
  }

  std::string Fingerprint(const char* key) const {
    std::string digits = String(key);
    if (!IsLowerHex(digits, 32)) Fail(key, "not 32 hex digits");
    return digits;
  }

  uint64_t Checksum(const char* key) const {
    const std::string digits = String(key);
    if (!IsLowerHex(digits, 16)) Fail(key, "not 16 hex digits");
    uint64_t checksum = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), checksum, 16);
    return checksum;
  }

  std::string CompactObject(const char* key) const {
    const Json& value = Member(key);
    if (!value.is_object()) Fail(key, "not an object");
    return JsonText(value);
  }

  std::vector<std::string> Strings(const char* key) const {
    std::vector<std::string> strings;
    for (const Json& value : Array(key)) {
      if (!value.is_string()) Fail(key, "not an array of strings");
      strings.push_back(value.is_string() ? value.get<std::string>() : "");
    }
    return strings;
  }

  ObjectReader Object(const char* key) const {
    const Json& value = Member(key);
    if (!value.is_object()) Fail(key, "not an object");
    return ObjectReader(value, path_ + key + ".", error_);
  }

  std::vector<ObjectReader> Objects(const char* key) const {
    std::vector<ObjectReader> readers;
    for (const Json& value : Array(key)) {
      const std::string item =
          std::string(key) + "[" + std::to_string(readers.size()) + "]";
      if (!value.is_object()) Fail(item, "not an object");
      readers.emplace_back(value, path_ + item + ".", error_);
    }
    return readers;
  }

 private:
  const Json& Member(const char* key) const {
    static const Json* const kNull = new Json();
    const auto member = object_.find(key);
    if (member != object_.end()) return *member;
    Fail(key, "missing");
    return *kNull;
  }

  const Json& Array(const char* key) const {
    static const Json* const kEmpty = new Json(Json::array());
    const Json& value = Member(key);
    if (value.is_array()) return value;
    Fail(key, "not an array");
    return *kEmpty;
  }

  void Fail(std::string_view key, std::string_view what) const {
    if (!error_->empty()) return;
    *error_ = path_ + std::string(key) + ": " + std::string(what);
  }

  const Json& object_;
  std::string path_;
  std::string* error_;
};

FileEntry ReadFileEntry(const ObjectReader& reader) {
  return {reader.FileName("file"), reader.U64("num_bytes"),
          reader.Checksum("checksum")};
}

SplitEntry ReadSplit(const ObjectReader& reader) {
  SplitEntry split;
  split.name = reader.String("name");
  split.num_lines = reader.U64("num_lines");
  split.num_stored = reader.U64("num_stored");
  split.num_rejected = reader.U64("num_rejected");
  split.num_samples = reader.U64("num_samples");
  split.num_frames = reader.U64("num_frames");
  split.table = ReadFileEntry(reader.Object("table"));
  split.accepted = ReadFileEntry(reader.Object("accepted"));
  if (reader.Has("training")) {
    split.training = ReadFileEntry(reader.Object("training"));
  }
  return split;
}

ShardEntry ReadShard(const ObjectReader& reader) {
  ShardEntry shard;
  shard.split = reader.String("split");
  shard.file = reader.FileName("file");
  shard.fingerprint = reader.Fingerprint("fingerprint");
  shard.num_rows = reader.U64("num_rows");
  shard.num_stored = reader.U64("num_stored");
  shard.num_frames = reader.U64("num_frames");
  shard.num_bytes = reader.U64("num_bytes");
  shard.checksum = reader.Checksum("checksum");
  return shard;
}

// Reads everything but the format, which says whether the rest can be read at
// all.
void ReadBody(const ObjectReader& reader, StoreIndex* index) {
  index->contract = reader.CompactObject("contract");
  index->producer = reader.CompactObject("producer");
  index->plan = reader.Fingerprint("plan");
  index->shard_target_bytes = reader.U64("shard_target_bytes");
  index->kept_fields = reader.Strings("kept_fields");
  index->has_audio_paths = reader.Flag("audio_paths");
  for (const ObjectReader& split : reader.Objects("splits")) {
    index->splits.push_back(ReadSplit(split));
  }
  for (const ObjectReader& shard : reader.Objects("shards")) {
    index->shards.push_back(ReadShard(shard));
  }
  index->rejects = ReadFileEntry(reader.Object("rejects"));
  index->plan_file = ReadFileEntry(reader.Object("plan_file"));
}

// The end of the text, with the checksum of everything before it.
std::string FormatTail(std::string_view before) {
  return "  \"checksum\": \"" + ToHex(Xxh3_64(before)) + "\"\n}\n";
}

bool HasRightTail(std::string_view text) {
  const size_t tail_bytes = FormatTail({}).size();
  if (text.size() < tail_bytes) return false;
  const std::string_view before = text.substr(0, text.size() - tail_bytes);
  return text.substr(before.size()) == FormatTail(before);
}

Error BadJson(std::string message) {
  return Error{ErrorCode::kDamaged, std::move(message)};
}

}  // namespace

std::vector<FileEntry> StoreIndex::files() const {
  std::vector<FileEntry> files;
  for (const SplitEntry& split : splits) {
    files.push_back(split.table);
    files.push_back(split.accepted);
    if (split.training) files.push_back(*split.training);
  }
  files.push_back(rejects);
  files.push_back(plan_file);
  return files;
}

uint64_t StoreIndex::num_stored() const {
  uint64_t sum = 0;
  for (const SplitEntry& split : splits) sum += split.num_stored;
  return sum;
}

std::string FormatStoreIndex(const StoreIndex& index) {
  Json json = {
      {"format",
       {{"name", kFormatName},
        {"major", index.format_major},
        {"minor", index.format_minor}}},
      {"contract", ParseCompact(index.contract)},
      {"producer", ParseCompact(index.producer)},
      {"plan", index.plan},
      {"shard_target_bytes", index.shard_target_bytes},
      {"kept_fields", index.kept_fields},
  };
  if (index.has_audio_paths) json["audio_paths"] = true;
  json["splits"] = Json::array();
  json["shards"] = Json::array();
  json["rejects"] = ToJson(index.rejects);
  json["plan_file"] = ToJson(index.plan_file);
  for (const SplitEntry& split : index.splits) {
    json["splits"].push_back(ToJson(split));
  }
  for (const ShardEntry& shard : index.shards) {
    json["shards"].push_back(ToJson(shard));
  }
  std::string text = JsonText(json, /*indent=*/2);
  assert(text.ends_with("\n}"));
  text.replace(text.size() - 2, 2, ",\n");
  return text + FormatTail(text);
}

Result<StoreIndex> ParseStoreIndex(std::string_view text) {
  if (text.size() > kMaxTextBytes) return BadJson("larger than 256 MiB");
  const Result<void> shape = CheckJsonShape(text);
  if (!shape.ok()) return shape.error();
  const Json json = Json::parse(text.begin(), text.end());
  if (!json.is_object()) return BadJson("not an object");

  StoreIndex index;
  std::string error;
  const ObjectReader reader(json, "", &error);
  const ObjectReader format = reader.Object("format");
  const std::string name = format.String("name");
  index.format_major = format.Version("major");
  index.format_minor = format.Version("minor");
  if (error.empty() && name != kFormatName) {
    error = "format.name: not \"melmill\"";
  }
  if (!error.empty()) return BadJson(error);
  if (index.format_major < kFormatMajor ||
      index.format_major > kPieceFormatMajor) {
    return Error{ErrorCode::kOtherFormat,
                 "store format " + std::to_string(index.format_major) +
                     "; this program reads formats " +
                     std::to_string(kFormatMajor) + " and " +
                     std::to_string(kPieceFormatMajor)};
  }
  ReadBody(reader, &index);
  reader.Checksum("checksum");
  if (!error.empty()) return BadJson(error);
  if (!HasRightTail(text)) {
    return BadJson("its checksum is wrong: the file is damaged");
  }
  return index;
}

}  // namespace melmill
