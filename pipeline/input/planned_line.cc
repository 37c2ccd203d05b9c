#include "pipeline/input/planned_line.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "io/hash.h"
#include "io/manifest/segment_fields.h"
#include "io/manifest/training_line.h"
#include "io/manifest/utf8.h"
#include "pipeline/plan/read_source.h"
#include "pipeline/plan/reject_tally.h"

namespace melmill {
namespace {

void RejectLine(const Error& error, PlannedLine* planned) {
  if (!error.code.is_reject()) {
    planned->fault = error;
    return;
  }
  planned->row.code = error.code.reject();
  planned->row.message = error.message;
}

// Looks at a duration that cuts nothing. With an offset of 0 another duration
// than the file's names a part of it; alone it may be wrong.
void CheckDuration(const NamedSegment& segment, const SoundHeader& header,
                   PlannedLine* planned) {
  constexpr double kToleranceSeconds = 0.5;
  if (!segment.duration_s) return;
  const double seconds = static_cast<double>(header.num_samples) /
                         static_cast<double>(header.sample_rate_hz);
  if (std::abs(seconds - *segment.duration_s) <= kToleranceSeconds) return;
  if (segment.has_zero_offset) {
    planned->segment = segment.fields;
  } else if (!segment.has_start) {
    planned->other_duration =
        fmt::format("\"duration\" {:.6g}, the file has {:.6g} s",
                    *segment.duration_s, seconds);
  }
}

}  // namespace

LinePlanner::LinePlanner(const RunConfig& config)
    : config_(config), options_(MakeManifestOptions(config)) {}

void LinePlanner::Plan(PlannedLine* planned) const {
  PlanRow& row = planned->row;
  row.line_hash = Xxh3_64(planned->line.bytes);
  row.kept.resize(options_.kept_fields.size());
  if (planned->line.too_long) {
    RejectLine(
        {RejectCode::kLineTooLong,
         fmt::format("the line is longer than {} MiB", kMaxLineBytes >> 20)},
        planned);
    return;
  }
  Result<ManifestLine> parsed =
      ParseManifestLine(planned->line.bytes, options_, &row.audio);
  const std::string bytes = std::exchange(planned->line.bytes, {});
  if (!parsed.ok()) return RejectLine(parsed.error(), planned);
  ManifestLine& line = parsed.value();
  row.audio = std::move(line.audio);
  row.audio_path = std::move(line.audio_path);
  row.text = std::move(line.text);
  row.prompt = std::move(line.prompt);
  row.kept = std::move(line.kept);
  if (!options_.fields.are_usual()) {
    row.line_hash =
        Xxh3_64(bytes + '\n' +
                FormatTrainingLine({row.audio, row.text, row.prompt,
                                    options_.kept_fields, row.kept}));
  }
  planned->language = std::move(line.language);
  planned->num_dropped_fields = line.num_dropped_fields;
  planned->dropped_fields = std::move(line.dropped_fields);
  planned->lacks_template = line.lacks_template;
  planned->repeats_template = line.repeats_template;
  planned->needs_no_template =
      !options_.check_template && !planned->language.empty();
  planned->has_segment_fields = line.piece.segment.has_value();
  if (line.segment.has_start) planned->segment = line.segment.fields;
  const std::string path =
      ResolveAudioPath(config_.input.audio_root, row.written_path());
  const Result<SeenSource> seen =
      ReadSource(path, config_.clips, *config_.features.preset, line.piece);
  if (!seen.ok()) {
    RejectLine(seen.error(), planned);
    planned->reject_cause =
        RejectCause(row.code, row.written_path(), path, row.message);
    // Nobody must think that the server was asked.
    if (!row.audio_path.empty() && RejectStageName(row.code) == "open") {
      row.message = Quotable(row.audio_path) + ": " + row.message;
    }
    return;
  }
  row.source = seen.value().source;
  planned->facts = seen.value().facts;
  planned->identity = seen.value().identity;
  planned->source_identity = seen.value().source_identity;
  planned->is_clipped = seen.value().is_clipped;
  planned->oddity = seen.value().oddity;
  CheckDuration(line.segment, row.source.header, planned);
  planned->mixes_channels =
      line.names_channel && row.source.header.num_channels > 1;
}

}  // namespace melmill
