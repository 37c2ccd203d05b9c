#include "tools/melmill/report/report_facts.h"

#include "pipeline/plan/tally.h"
#include "pipeline/run/run_report.h"
#include "tools/melmill/hours.h"

namespace melmill {

double Hours(uint64_t num_samples, const RunReport& report) {
  return Hours(num_samples, report.log_mel.mel.sample_rate_hz);
}

double Seconds(uint64_t num_samples, const RunReport& report) {
  return Hours(num_samples, report) * kSecondsPerHour;
}

uint64_t StoredSamples(const StoreIndex& store) {
  uint64_t sum = 0;
  for (const SplitEntry& split : store.splits) sum += split.num_samples;
  return sum;
}

uint64_t HopLength(const RunReport& report) {
  return static_cast<uint64_t>(report.log_mel.hop_length);
}

double RealTimeFactor(const RunReport& report) {
  const uint64_t num_samples = report.num_frames_made * HopLength(report);
  return report.total_seconds > 0 ? Hours(num_samples, report) *
                                        kSecondsPerHour / report.total_seconds
                                  : 0;
}

LanguageCounts SumLanguages(const PlanReport& plan) {
  LanguageCounts sum;
  for (const SplitReport& split : plan.splits) {
    for (const auto& [name, count] : split.languages) {
      sum[name].num_rows += count.num_rows;
      sum[name].num_samples += count.num_samples;
    }
  }
  return sum;
}

std::string_view WarningName(Warning warning) {
  switch (warning) {
    case Warning::kNoTemplate:
      return "no_template";
    case Warning::kDoubledTemplate:
      return "doubled_template";
    case Warning::kNeedlessTemplate:
      return "needless_template";
    case Warning::kUnknownLanguage:
      return "unknown_language";
    case Warning::kSegment:
      return "segment";
    case Warning::kClippedSegment:
      return "clipped_segment";
    case Warning::kOtherDuration:
      return "other_duration";
    case Warning::kMixedChannels:
      return "mixed_channels";
    case Warning::kRepeatedAudio:
      return "repeated_audio";
    case Warning::kLeak:
      return "leak";
    case Warning::kCopiedAudio:
      return "copied_audio";
    case Warning::kCopyLeak:
      return "copy_leak";
    case Warning::kNoDataSize:
      return "no_data_size";
    case Warning::kFileSizeAsDataSize:
      return "file_size_as_data_size";
    case Warning::kBytesBehindData:
      return "bytes_behind_data";
    case Warning::kCutBehindData:
      return "cut_behind_data";
    case Warning::kNoFrameCount:
      return "no_frame_count";
  }
  return "";
}

std::vector<std::string> AcceptedFiles(const RunReport& report,
                                       const std::string& out) {
  std::vector<std::string> files;
  if (!report.store) return files;
  for (const SplitEntry& split : report.store->splits) {
    files.push_back(out + '/' + split.accepted.file);
  }
  return files;
}

std::vector<std::string> TrainingFiles(const RunReport& report,
                                       const std::string& out) {
  std::vector<std::string> files;
  if (!report.store) return files;
  for (const SplitEntry& split : report.store->splits) {
    if (split.training) files.push_back(out + '/' + split.training->file);
  }
  return files;
}

}  // namespace melmill
