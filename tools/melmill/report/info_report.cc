#include "tools/melmill/report/info_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "pipeline/parts/part_choice.h"
#include "pipeline/setup/byte_size.h"
#include "store/certificate.h"
#include "store/json_object.h"
#include "store/store_folder.h"
#include "tools/melmill/exit_code.h"
#include "tools/melmill/hours.h"
#include "tools/melmill/report/parts_text.h"
#include "tools/melmill/report/quantities.h"
#include "tools/melmill/report/report_facts.h"
#include "tools/melmill/report/settings_text.h"
#include "tools/melmill/report/summary_json.h"
#include "tools/melmill/report/summary_text.h"
#include "tools/melmill/terminal/console.h"

namespace melmill {
namespace {

using nlohmann::ordered_json;

constexpr int kFramesPerSecond = 100;

constexpr char kRebuilt[] =
    "rebuilt from the settings; add your manifests' paths, and --audio-root, "
    "--no-text, --truncate and the like if you used them";

std::string DurationOfSamples(uint64_t num_samples) {
  return FormatDuration(static_cast<double>(num_samples) /
                        kFeatureSampleRateHz);
}

// A small number with two digits: 4.9e-4.
std::string FormatSmall(double number) {
  std::string text = fmt::format("{:.1e}", number);
  const size_t exponent = text.find("e-0");
  if (exponent != text.npos) text.erase(exponent + 2, 1);
  return text;
}

// Counts with their names, largest first.
template <typename Map, typename Count>
auto ByCount(const Map& map, Count count) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>>
      sorted(map.begin(), map.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&count](const auto& a, const auto& b) {
                     return count(a.second) > count(b.second);
                   });
  return sorted;
}

void AddSplits(const StoreIndex& index, std::string* text) {
  size_t width = 5;
  for (const SplitEntry& split : index.splits) {
    width = std::max(width, split.name.size());
  }
  *text += fmt::format("  {:{}} {:>9} {:>9} {:>9}\n", "split", width, "rows",
                       "length", "rejected");
  for (const SplitEntry& split : index.splits) {
    *text += fmt::format("  {:{}} {:>9} {:>9} {:>9}\n", split.name, width,
                         FormatCount(split.num_stored),
                         DurationOfSamples(split.num_samples),
                         FormatCount(split.num_rejected));
  }
}

void AddLanguages(const StoreSummary& summary, std::string* text) {
  const auto& languages = summary.languages;
  if (languages.empty() ||
      (languages.size() == 1 && languages.begin()->first.empty())) {
    return;
  }
  *text += "languages:\n";
  const auto rows = [](const LanguageCount& count) { return count.num_rows; };
  for (const auto& [name, count] : ByCount(languages, rows)) {
    *text += fmt::format("  {:20} {:>9} {:>9}\n",
                         name.empty() ? "(none given)" : Printable(name),
                         FormatCount(count.num_rows),
                         DurationOfSamples(count.num_samples));
  }
}

void AddAudio(const StoreSummary& summary, std::string* text) {
  if (summary.durations) {
    *text +=
        fmt::format("durations: {:.2f} to {:.2f} s, median {:.2f} s\n",
                    summary.durations->shortest_s, summary.durations->longest_s,
                    summary.durations->median_s);
  }
  if (summary.rows_by_rate.empty()) return;
  std::vector<std::string> rates;
  for (const auto& [rate_hz, num_rows] : summary.rows_by_rate) {
    rates.push_back(
        fmt::format("{} Hz ({})", rate_hz, Counted(num_rows, "row")));
  }
  *text += fmt::format("sample rates: {}\n", fmt::join(rates, ", "));
}

void AddPieces(const StoreSummary& summary, std::string* text) {
  if (summary.num_pieces == 0) return;
  *text += fmt::format(
      "pieces: {} of {}\n",
      Counted(summary.num_pieces, "row is a piece", "rows are pieces"),
      Counted(summary.num_audio_of_pieces, "file"));
}

void AddRejects(const CompleteStore& store, std::string* text) {
  const auto& rejects = store.summary.rejects;
  if (rejects.empty()) return;
  uint64_t sum = 0;
  std::vector<std::string> reasons;
  for (const auto& [code, count] :
       ByCount(rejects, [](uint64_t count) { return count; })) {
    sum += count;
    reasons.push_back(
        fmt::format("{} {}", FormatCount(count), Printable(code)));
  }
  *text += fmt::format("rejected: {}: {} (see {}/{})\n", Counted(sum, "line"),
                       fmt::join(reasons, ", "), Printable(store.folder),
                       Printable(store.index.rejects.file));
}

void AddCertificate(const std::optional<FoundCertificate>& found,
                    std::string* text) {
  if (!found) return;
  if (!found->certificate) {
    *text += fmt::format("certified: no: {} is damaged, or not of melmill\n",
                         kCertificateFile);
    return;
  }
  if (!found->is_of_this_state) {
    *text +=
        "certified: no: the certificate is of another state of the store\n";
    return;
  }
  const Certificate& certificate = *found->certificate;
  std::string rows = Counted(certificate.num_rows, "row");
  if (!certificate.has_passed) {
    rows = certificate.num_equal == certificate.num_rows
               ? "NO: too many values beyond the tolerance, of " + rows
               : fmt::format("NO: {} of {} are equal",
                             FormatCount(certificate.num_equal), rows);
  }
  *text +=
      fmt::format("certified: {}, largest difference {}, transformers {}\n",
                  rows, FormatSmall(certificate.largest_difference),
                  Printable(certificate.transformers));
}

ordered_json JsonCertificate(const std::optional<FoundCertificate>& found) {
  if (!found) return nullptr;
  if (!found->certificate) return {{"status", "unusable"}};
  const Certificate& certificate = *found->certificate;
  const char* status = certificate.has_passed ? "pass" : "fail";
  if (!found->is_of_this_state) status = "other_state";
  return {{"status", status},
          {"rows", certificate.num_rows},
          {"rows_equal", certificate.num_equal},
          {"largest_difference", certificate.largest_difference},
          {"transformers", certificate.transformers}};
}

void AddCommand(const std::optional<Origin>& origin, const std::string& folder,
                std::string* text) {
  if (!origin) return;
  *text += fmt::format("made by: {}\n  in {}\n",
                       ShellLine(CommandInto(*origin, folder)),
                       Printable(origin->working_folder));
}

void AddSettings(const std::string& contract, const std::string& producer,
                 std::string* text) {
  *text += fmt::format("features: {}\ncode: {}\n", Printable(contract),
                       Printable(producer));
}

ordered_json JsonOf(const std::string& object) {
  if (!IsUsableObject(object)) return ordered_json::object();
  return ParseUsableObject<ordered_json>(object);
}

void AddJsonCommand(const std::optional<Origin>& origin,
                    const std::string& folder,
                    const std::vector<std::string>& rebuilt,
                    ordered_json* json) {
  (*json)["command"] = origin ? CommandInto(*origin, folder) : rebuilt;
  (*json)["command_is_rebuilt"] = !origin;
  (*json)["working_folder"] = nullptr;
  (*json)["audio_root"] = nullptr;
  if (!origin) return;
  (*json)["working_folder"] = origin->working_folder;
  if (!origin->audio_root.empty()) (*json)["audio_root"] = origin->audio_root;
}

void AddJsonSettings(const std::string& contract, const std::string& producer,
                     ordered_json* json) {
  (*json)["settings"] = DescribeSettings(contract, producer);
  (*json)["contract"] = JsonOf(contract);
  (*json)["producer"] = JsonOf(producer);
}

ordered_json JsonSplits(const StoreIndex& index) {
  auto splits = ordered_json::array();
  for (const SplitEntry& split : index.splits) {
    splits.push_back({{"name", split.name},
                      {"lines", split.num_lines},
                      {"rows", split.num_stored},
                      {"rejected", split.num_rejected},
                      {"hours", Hours(split.num_samples, kFeatureSampleRateHz)},
                      {"frames", split.num_frames}});
  }
  return splits;
}

void AddJsonSummary(const StoreSummary& summary, ordered_json* json) {
  auto languages = ordered_json::object();
  for (const auto& [name, count] : summary.languages) {
    languages[name] = {
        {"rows", count.num_rows},
        {"hours", Hours(count.num_samples, kFeatureSampleRateHz)}};
  }
  (*json)["languages"] = languages;
  (*json)["durations_s"] = nullptr;
  if (summary.durations) {
    (*json)["durations_s"] = {{"shortest", summary.durations->shortest_s},
                              {"median", summary.durations->median_s},
                              {"longest", summary.durations->longest_s}};
  }
  auto rates = ordered_json::object();
  for (const auto& [rate_hz, num_rows] : summary.rows_by_rate) {
    rates[std::to_string(rate_hz)] = num_rows;
  }
  (*json)["sample_rates"] = rates;
  if (summary.num_pieces > 0) {
    (*json)["pieces"] = summary.num_pieces;
    (*json)["files_of_pieces"] = summary.num_audio_of_pieces;
  }
  auto rejects = ordered_json::object();
  for (const auto& [code, count] : summary.rejects) rejects[code] = count;
  (*json)["rejects"] = rejects;
  (*json)["bytes"] = summary.num_bytes;
  (*json)["damaged"] = ordered_json::array();
  for (const Damage& damage : summary.damages) {
    (*json)["damaged"].push_back(
        {{"file", damage.file}, {"what", damage.what}});
  }
}

// The seconds since a shard in work was written to, or null.
ordered_json SecondsSince(const StoreProgress& progress) {
  if (!progress.last_write_ns) return nullptr;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto since = now - std::chrono::nanoseconds(*progress.last_write_ns);
  return std::max(0.0, std::chrono::duration<double>(since).count());
}

ordered_json JsonDisputes(const std::vector<DisputedShard>& disputes) {
  auto json = ordered_json::array();
  for (const DisputedShard& disputed : disputes) {
    json.push_back({{"shard", disputed.shard},
                    {"message", disputed.message},
                    {"host", disputed.machine.host}});
  }
  return json;
}

// What is being done about the rest, and how to do it.
void AddWork(const UnfinishedStore& store, std::string* text) {
  const StoreProgress& progress = store.progress;
  const std::string folder = Printable(ShellLine({store.folder}));
  if (store.num_without_features > 0) {
    *text += fmt::format("{} without features (melmill pull --for-finish)\n",
                         Counted(store.num_without_features,
                                 "of them is a copy", "of them are copies"));
  }
  if (!progress.has_job) {
    *text += "if no run is at work on it, the same command continues it\n";
  } else if (progress.missing.empty()) {
    *text += fmt::format("to complete it: melmill finish --out {}\n", folder);
  } else {
    *text += fmt::format(
        "parts make the rest: melmill extract --out {} --part I/N, or --shards "
        "with what info --missing prints\n",
        folder);
  }
  if (progress.num_temporary > 0) {
    *text += fmt::format(
        "in work, or left by processes that died: {}, {}; the last write was "
        "{} ago\n",
        Counted(progress.num_temporary, "file"),
        FormatBytes(progress.temporary_bytes),
        FormatDuration(SecondsSince(progress).get<double>()));
  }
  if (!progress.doubts.empty()) {
    *text += fmt::format("in doubt: {} could not be read:\n{}",
                         Counted(CountRows(progress.doubts), "row"),
                         ListDoubts(progress.doubts));
  }
  *text += ListDisputes(progress.disputes);
}

ordered_json JsonCount(const StoreProgress::Count& count) {
  return {{"shards", count.num_shards},
          {"rows", count.num_rows},
          {"hours", Hours(count.num_frames, kFramesPerSecond)}};
}

ordered_json StartJson(const std::string& folder, const char* status) {
  auto json = ordered_json::object();
  json["status"] = status;
  json["exit_code"] = static_cast<int>(kExitOk);
  json["store"] = folder;
  return json;
}

}  // namespace

std::string FormatInfo(const CompleteStore& store, bool with_settings) {
  const StoreIndex& index = store.index;
  const StoreSummary& summary = store.summary;
  const bool is_whole = summary.num_without_features == 0;
  std::string text = fmt::format(
      "{}: {}, {}, {}, {} in {}\n", Printable(store.folder),
      is_whole ? "complete" : "WITHOUT FEATURES",
      Counted(index.num_stored(), "row"),
      DurationOfSamples(StoredSamples(index)), FormatBytes(summary.num_bytes),
      Counted(index.shards.size(), "shard"));
  if (!is_whole) {
    text += fmt::format(
        "the features of {} are not here (melmill pull --for-finish): melmill "
        "pull without --for-finish brings them\n",
        Counted(summary.num_without_features, "shard"));
  }
  AddSplits(index, &text);
  AddLanguages(summary, &text);
  AddAudio(summary, &text);
  AddPieces(summary, &text);
  AddRejects(store, &text);
  text += fmt::format("settings: {}\n",
                      DescribeSettings(index.contract, index.producer));
  if (!index.kept_fields.empty()) {
    text +=
        fmt::format("kept fields: {}\n", fmt::join(index.kept_fields, ", "));
  }
  AddCertificate(summary.certificate, &text);
  AddCommand(summary.origin, store.folder, &text);
  if (!summary.origin) {
    text +=
        fmt::format("made by a command like: {}\n  ({})\n",
                    ShellLine(RebuildCommand(store.folder, index)), kRebuilt);
  }
  for (const Damage& damage : summary.damages) {
    text += fmt::format("damaged: {} (melmill verify checks all files)\n",
                        DescribeDamage(damage));
  }
  if (with_settings) {
    AddSettings(index.contract, index.producer, &text);
    text +=
        fmt::format("format: {}.{}\n", index.format_major, index.format_minor);
  }
  return text;
}

std::string FormatInfo(const UnfinishedStore& store, bool with_settings) {
  const StoreProgress& progress = store.progress;
  const auto& [made, planned] = std::tie(progress.made, progress.planned);
  const auto duration = [](uint64_t num_frames) {
    return FormatDuration(static_cast<double>(num_frames) / kFramesPerSecond);
  };
  std::string text =
      fmt::format("{}: UNFINISHED: {} of {} made ({} of {}, {} of {})\n",
                  Printable(store.folder), made.num_shards,
                  Counted(planned.num_shards, "shard"),
                  FormatCount(made.num_rows), Counted(planned.num_rows, "row"),
                  duration(made.num_frames), duration(planned.num_frames));
  AddWork(store, &text);
  text += fmt::format(
      "splits: {}; {}\nsettings: {}\n", fmt::join(store.plan.split_names, ", "),
      Counted(store.plan.rows->num_rows(), "manifest line"),
      DescribeSettings(store.plan.contract, store.plan.producer));
  AddCommand(store.origin, store.folder, &text);
  if (with_settings) {
    AddSettings(store.plan.contract, store.plan.producer, &text);
  }
  return text;
}

std::string FormatInfoJson(const CompleteStore& store) {
  const StoreIndex& index = store.index;
  const uint64_t num_without_features = store.summary.num_without_features;
  ordered_json json = StartJson(
      store.folder, num_without_features > 0 ? "without_features" : "complete");
  json["format"] = fmt::format("{}.{}", index.format_major, index.format_minor);
  json["rows"] = index.num_stored();
  json["hours"] = Hours(StoredSamples(index), kFeatureSampleRateHz);
  json["shards"] = index.shards.size();
  if (num_without_features > 0) {
    json["shards_without_features"] = num_without_features;
  }
  json["splits"] = JsonSplits(index);
  AddJsonSummary(store.summary, &json);
  json["kept_fields"] = index.kept_fields;
  json["certificate"] = JsonCertificate(store.summary.certificate);
  AddJsonCommand(store.summary.origin, store.folder,
                 RebuildCommand(store.folder, index), &json);
  AddJsonSettings(index.contract, index.producer, &json);
  return JsonText(json) + '\n';
}

std::string FormatInfoJson(const UnfinishedStore& store) {
  ordered_json json = StartJson(store.folder, "unfinished");
  json["lines"] = store.plan.rows->num_rows();
  json["splits"] = store.plan.split_names;
  json["made"] = JsonCount(store.progress.made);
  json["planned"] = JsonCount(store.progress.planned);
  json["missing"] = FormatShards(store.progress.missing);
  json["in_work"] = {{"files", store.progress.num_temporary},
                     {"bytes", store.progress.temporary_bytes},
                     {"seconds_since_write", SecondsSince(store.progress)}};
  if (store.num_without_features > 0) {
    json["shards_without_features"] = store.num_without_features;
  }
  json["doubts"] = ordered_json::parse(FormatJsonDoubts(store.progress.doubts));
  json["disputes"] = JsonDisputes(store.progress.disputes);
  AddJsonCommand(store.origin, store.folder, {}, &json);
  AddJsonSettings(store.plan.contract, store.plan.producer, &json);
  return JsonText(json) + '\n';
}

}  // namespace melmill
