#include "pipeline/folder/job_file.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>

#include "io/file/durable_file.h"
#include "io/hash.h"
#include "store/json_object.h"
#include "store/store_folder.h"

namespace melmill {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// Throws for values that FormatJob cannot have written.
[[noreturn]] void Refuse(const char* what) {
  throw std::invalid_argument(what);
}

Json ToJson(const Tally& tally) {
  auto examples = Json::array();
  for (const Tally::Example& example : tally.examples) {
    examples.push_back({{"split", example.split},
                        {"line", example.line},
                        {"audio", example.audio},
                        {"message", example.message},
                        {"audio_path", example.audio_path}});
  }
  return {{"count", tally.count}, {"examples", examples}};
}

Tally TallyOf(const Json& json) {
  Tally tally = {.count = json.at("count")};
  for (const Json& example : json.at("examples")) {
    tally.examples.push_back({.split = example.at("split"),
                              .line = example.at("line"),
                              .audio = example.at("audio"),
                              .message = example.at("message"),
                              .audio_path = example.at("audio_path")});
  }
  return tally;
}

Json ToJson(const SplitReport& split) {
  auto languages = Json::array();
  for (const auto& [name, count] : split.languages) {
    languages.push_back({name, count.num_rows, count.num_samples});
  }
  auto rates = Json::array();
  for (const auto& [rate_hz, num_rows] : split.rows_by_rate) {
    rates.push_back({rate_hz, num_rows});
  }
  return {{"name", split.name},
          {"manifest", split.manifest},
          {"shown", split.shown},
          {"manifest_hash", ToHex(split.manifest_hash)},
          {"num_lines", split.num_lines},
          {"num_blank_lines", split.num_blank_lines},
          {"num_rejected", split.num_rejected},
          {"num_samples", split.num_samples},
          {"num_frames", split.num_frames},
          {"decode_seconds", split.decode_seconds},
          {"num_bad_lines", split.num_bad_lines},
          {"num_dropped_fields", split.num_dropped_fields},
          {"dropped_fields", split.dropped_fields},
          {"drops_more_fields", split.drops_more_fields},
          {"segments", ToJson(split.segments)},
          {"languages", languages},
          {"rows_by_rate", rates}};
}

SplitReport SplitOf(const Json& json) {
  SplitReport split;
  json.at("name").get_to(split.name);
  json.at("manifest").get_to(split.manifest);
  json.at("shown").get_to(split.shown);
  const auto hash = ParseHash128(json.at("manifest_hash").get<std::string>());
  if (!hash) Refuse("manifest_hash");
  split.manifest_hash = *hash;
  json.at("num_lines").get_to(split.num_lines);
  json.at("num_blank_lines").get_to(split.num_blank_lines);
  json.at("num_rejected").get_to(split.num_rejected);
  json.at("num_samples").get_to(split.num_samples);
  json.at("num_frames").get_to(split.num_frames);
  json.at("decode_seconds").get_to(split.decode_seconds);
  json.at("num_bad_lines").get_to(split.num_bad_lines);
  json.at("num_dropped_fields").get_to(split.num_dropped_fields);
  json.at("dropped_fields").get_to(split.dropped_fields);
  json.at("drops_more_fields").get_to(split.drops_more_fields);
  split.segments = TallyOf(json.at("segments"));
  for (const Json& language : json.at("languages")) {
    split.languages[language.at(0)] = {.num_rows = language.at(1),
                                       .num_samples = language.at(2)};
  }
  for (const Json& rate : json.at("rows_by_rate")) {
    split.rows_by_rate[rate.at(0)] = rate.at(1);
  }
  return split;
}

Json ToJson(const DecodeCost& cost) {
  return {{"num_segments", cost.num_segments},
          {"segment_s", cost.segment_s},
          {"decoded_s", cost.decoded_s},
          {"sorted_s", cost.sorted_s},
          {"processor_s", cost.processor_s},
          {"num_files_decoded_again", cost.num_files_decoded_again}};
}

DecodeCost CostOf(const Json& json) {
  return {.num_segments = json.at("num_segments"),
          .segment_s = json.at("segment_s"),
          .decoded_s = json.at("decoded_s"),
          .sorted_s = json.at("sorted_s"),
          .processor_s = json.at("processor_s"),
          .num_files_decoded_again = json.at("num_files_decoded_again")};
}

Json ToJson(const PlanReport& report) {
  auto splits = Json::array();
  for (const SplitReport& split : report.splits) {
    splits.push_back(ToJson(split));
  }
  auto rejects = Json::array();
  for (const auto& [code, tally] : report.rejects) {
    Json reject = ToJson(static_cast<const Tally&>(tally));
    reject["code"] = static_cast<int>(code);
    reject["causes"] = Json::array();
    for (const auto& [cause, part] : tally.causes) {
      reject["causes"].push_back({cause, ToJson(part)});
    }
    rejects.push_back(std::move(reject));
  }
  auto warnings = Json::array();
  for (const auto& [warning, tally] : report.warnings) {
    warnings.push_back({WarningName(warning), ToJson(tally)});
  }
  return {{"splits", splits},
          {"rejects", rejects},
          {"warnings", warnings},
          {"num_pieces", report.num_pieces},
          {"num_files_of_pieces", report.num_files_of_pieces},
          {"num_audio_paths", report.num_audio_paths},
          {"segment_decodes", ToJson(report.segment_decodes)}};
}

PlanReport ReportOf(const Json& json) {
  PlanReport report;
  for (const Json& split : json.at("splits")) {
    report.splits.push_back(SplitOf(split));
  }
  for (const Json& reject : json.at("rejects")) {
    const auto code = static_cast<RejectCode>(reject.at("code").get<uint8_t>());
    RejectTally& tally = report.rejects[code];
    static_cast<Tally&>(tally) = TallyOf(reject);
    for (const Json& cause : reject.at("causes")) {
      tally.causes[cause.at(0)] = TallyOf(cause.at(1));
    }
  }
  for (const Json& warning : json.at("warnings")) {
    const auto found = FindWarning(warning.at(0).get<std::string>());
    if (!found) Refuse("warnings");
    report.warnings[*found] = TallyOf(warning.at(1));
  }
  json.at("num_pieces").get_to(report.num_pieces);
  json.at("num_files_of_pieces").get_to(report.num_files_of_pieces);
  json.at("num_audio_paths").get_to(report.num_audio_paths);
  report.segment_decodes = CostOf(json.at("segment_decodes"));
  return report;
}

Job JobOf(const Json& json) {
  if (json.at("format") != "melmill-job" || json.at("version") != kVersion) {
    Refuse("version");
  }
  Job job;
  json.at("plan").get_to(job.plan);
  job.machine = MachineOf(json);
  const std::optional<Origin> origin = ParseOrigin(JsonText(json.at("origin")));
  if (!origin) Refuse("origin");
  job.origin = *origin;
  const Json& limit = json.at("max_rejects");
  limit.at("value").get_to(job.max_rejects.value);
  limit.at("is_percent").get_to(job.max_rejects.is_percent);
  limit.at("at_least").get_to(job.max_rejects.at_least);
  for (const Json& entry : json.at("canary")) {
    job.canary[entry.at(0)] = entry.at(1);
  }
  job.report = ReportOf(json.at("report"));
  return job;
}

}  // namespace

std::string FormatJob(const Job& job) {
  auto json = Json::object();
  json["format"] = "melmill-job";
  json["version"] = kVersion;
  json["plan"] = job.plan;
  AddMachine(job.machine, &json);
  json["origin"] = Json::parse(FormatOrigin(job.origin));
  json["max_rejects"] = {{"value", job.max_rejects.value},
                         {"is_percent", job.max_rejects.is_percent},
                         {"at_least", job.max_rejects.at_least}};
  json["canary"] = Json::array();
  for (const auto& [rate_hz, hash] : job.canary) {
    json["canary"].push_back({rate_hz, hash});
  }
  json["report"] = ToJson(job.report);
  return JsonText(json, /*indent=*/1) + '\n';
}

Result<Job> ParseJob(std::string_view text) {
  const Result<void> shape = CheckJsonShape(text);
  if (!shape.ok()) return shape.error();
  try {
    return JobOf(Json::parse(text));
  } catch (const nlohmann::json::exception&) {
  } catch (const std::invalid_argument&) {
  }
  return Error{ErrorCode::kDamaged, "not as this version of melmill writes it"};
}

Result<Job> ReadJob(const std::string& folder) {
  constexpr size_t kMaxBytes = size_t{256} << 20;
  const Result<std::string> text =
      ReadSmallFile(folder + '/' + kJobFile, kMaxBytes);
  if (!text.ok()) return text.error();
  return ParseJob(text.value());
}

}  // namespace melmill
