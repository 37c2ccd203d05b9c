#include "tools/melmill/flags/input_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "io/file/spooled_input.h"
#include "io/manifest/language.h"
#include "pipeline/setup/code_path.h"
#include "pipeline/setup/feature_spec.h"
#include "pipeline/setup/setup_error.h"
#include "pipeline/setup/temporary_folder.h"
#include "tools/melmill/flags/flag_values.h"
#include "tools/melmill/flags/machine_flags.h"
#include "tools/melmill/flags/preset_choice.h"
#include "tools/melmill/usage/nearest_name.h"

namespace melmill {
namespace {

// Copies standard input, which can be read only once, to a temporary file if a
// manifest is "-".
void ReadStandardInput(std::vector<SplitInput>* splits) {
  bool is_read = false;
  for (SplitInput& split : *splits) {
    if (split.manifest != kStandardInput) continue;
    if (is_read) {
      throw SetupError("only one manifest can be standard input (NAME=-)");
    }
    is_read = true;
    Result<std::string> path = SpoolInput(STDIN_FILENO, TemporaryFolder());
    if (!path.ok()) throw std::runtime_error(path.error().message);
    split.manifest = std::move(path).value();
    split.shown = "standard input";
  }
}

}  // namespace

void AddInputFlags(CLI::App* command, InputFlags* flags) {
  command
      ->add_option("MANIFEST", flags->manifests,
                   "Manifests: .jsonl or .json files with one JSON object per "
                   "line, {\"audio\": \"a.wav\", \"text\": "
                   "\"language English<asr_text>hello\"}. If the audio is a "
                   "URL, \"audio_path\" has the path of its local copy, as "
                   "melmill stage writes it. Each manifest becomes a "
                   "split of the store, named after the file or as NAME=FILE; "
                   "NAME=- reads standard input")
      ->required();
  command
      ->add_option("--preset", flags->preset,
                   "Features to make: qwen3-asr (128 mels; also for "
                   "whisper-large-v3 up to 30 s) or whisper (80 mels). Also "
                   "the name of a model, such as openai/whisper-small, or the "
                   "folder of its checkpoint")
      ->capture_default_str();
  command
      ->add_option(
          "--dtype", flags->feature_type,
          "Type of the stored features: f16 (float16), f32 (float32), bf16 "
          "(bfloat16) or u8 (8 bits: half the size of f16, errors up to 0.004)")
      ->capture_default_str();
  AddAudioRootFlag(command, &flags->audio_root,
                   "Folder that relative audio paths start from (default: the "
                   "working directory)");
  command
      ->add_option("--audio-field", flags->fields.audio,
                   "Field of the manifest with the path of the audio file")
      ->capture_default_str();
  command
      ->add_option("--text-field", flags->fields.text,
                   "Field of the manifest with the text")
      ->capture_default_str();
  command->add_option("--language", flags->fields.language,
                      "Language of plain texts, such as English or en: they "
                      "become \"language English<asr_text>{transcript}\"");
  command->add_option("--language-field", flags->fields.language_field,
                      "Field of the manifest with the language of a plain text "
                      "(without one: that of --language)");
  command->add_option("--keep", flags->kept_fields,
                      "Also store this field of the manifest (may be "
                      "repeated)");
  CLI::Option* segments = command->add_flag(
      "--segments", flags->segments,
      "Cut segments by \"start\" with \"end\" or \"duration\", in seconds. "
      "Without it these fields stop the run, since they often say where a file "
      "was cut from. \"offset\" with \"duration\", and \"start_sample\" with "
      "\"num_samples\", always cut");
  command
      ->add_flag("--whole-files", flags->whole_files,
                 "Store whole files also for lines that name a part of one "
                 "(offset, start, start_sample, segment)")
      ->excludes(segments);
  command->add_flag("--no-text", flags->no_text,
                    "Accept lines without \"text\"");
  command->add_flag("--strict-text", flags->strict_text,
                    "Reject texts that do not follow \"language "
                    "{Name}<asr_text>{transcript}\" instead of warning");
  command
      ->add_option("--max-duration", flags->max_duration_s,
                   "Reject clips longer than this, in seconds")
      ->capture_default_str();
  command->add_flag("--truncate", flags->truncate,
                    "Cut clips to the preset's limit (whisper: 30 s) instead "
                    "of rejecting them");
  command->add_option(
      "--max-rejects", flags->max_rejects,
      "Accept up to N rejected lines, or P% of all. If the plan "
      "rejects more, nothing is extracted (default: 1%, and "
      "always 1 line; 0 accepts none)");
  command->add_option("--shard-size", flags->shard_bytes,
                      "Target size of a shard file, such as 256MiB or 1GiB "
                      "(default: 256MiB, more for very large splits)");
  AddMachineFlags(command, &flags->machine);
  command->add_option(
      "--resampler", flags->resampler,
      "Code that changes sample rates: spectral (melmill's own: "
      "several times as fast, the same within 1.5e-6; needs "
      "vector code; leaves unusual rates to libsoxr) or soxr "
      "(libsoxr, bit for bit what librosa uses). Default: that "
      "of an existing store, otherwise spectral");
  // Otherwise --keep would take a manifest that follows it.
  command->get_option("--keep")->allow_extra_args(false);
}

namespace {

// A misspelt language would stand in every text.
void CheckLanguage(const std::string& text) {
  const std::string name = LanguageName(text);
  if (name.empty() || IsKnownLanguage(name)) return;
  std::vector<std::string> names;
  for (const std::string_view known : KnownLanguages()) {
    names.emplace_back(known);
  }
  const std::string hint = DidYouMean(name, names);
  if (hint.empty()) return;  // another language, which is warned of
  throw SetupError(fmt::format(
      "--language {}: the model has no such language{}", text, hint));
}

}  // namespace

RunConfig MakeRunConfig(const InputFlags& flags) {
  RunConfig config;
  config.input.fields = flags.fields;
  std::optional<ResamplerKind> resampler;
  if (flags.resampler) resampler = ParseResampler(*flags.resampler);
  config.features = MakeFeatureSpec(
      ChoosePreset(flags.preset), ParseFeatureType(flags.feature_type),
      {.simd = flags.machine.simd, .resampler = resampler});
  CheckLanguage(flags.fields.language);
  config.input.audio_root = flags.audio_root;
  config.input.kept_fields = flags.kept_fields;
  config.input.require_text = !flags.no_text;
  config.input.strict_text = flags.strict_text;
  if (flags.segments) config.input.segments = SegmentUse::kAll;
  if (flags.whole_files) config.input.segments = SegmentUse::kNone;
  config.clips.max_duration_s = flags.max_duration_s;
  if (IsLargeWhisper(flags.preset)) {
    config.input.plain_texts = true;
    config.clips.max_duration_s =
        std::min(config.clips.max_duration_s, kWhisperSeconds);
  }
  config.clips.truncate = flags.truncate;
  for (const std::string& manifest : flags.manifests) {
    config.input.splits.push_back(
        ParseSplitInput(manifest, MakeManifestOptions(config)));
  }
  if (!flags.max_rejects.empty()) {
    config.max_rejects = ParseMaxRejects(flags.max_rejects);
  }
  if (!flags.shard_bytes.empty()) {
    config.store.shard_bytes = ParseByteSize(flags.shard_bytes);
  }
  std::vector<std::string> input = {
      flags.audio_root.empty() ? "." : flags.audio_root};
  for (const SplitInput& split : config.input.splits) {
    input.push_back(split.manifest);
  }
  config.resources = MakeResources(flags.machine, input);
  ReadStandardInput(&config.input.splits);
  return config;
}

}  // namespace melmill
