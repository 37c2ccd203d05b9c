"""Measures melmill and its peers in turns; bench/studies/peers.py starts it.

A run is a whole process, from its start to its end. In each round every
pipeline runs once; its store is held against librosa + transformers before the
time counts, and removed. The file system is synced before each run.
"""

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import report
from common import machine, process_run
from common.statistics_of_runs import Measurement
from pipelines import kernels, melmill_store, peer_store, tables
from pipelines.pipeline import Pipeline, Reference, all_pipelines, check
from speech_corpus import FORMATS, AudioFormat, Corpus, make_corpus

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / "build"
NUM_KERNEL_CLIPS = 200
SKIPPABLE = ("asrfront", "transformers", "lhotse", "melmill-1", "io-floor")


@dataclasses.dataclass(frozen=True)
class Turn:
    """What is the same for all pipelines of one round."""

    audio_format: str
    corpus: Corpus
    cache: str
    number: int

    def measurement(
        self,
        done: process_run.ProcessRun,
        pipeline: str,
        label: str,
        max_difference: float | None,
    ) -> Measurement:
        return Measurement(
            pipeline=pipeline,
            label=label,
            audio_format=self.audio_format,
            cache=self.cache,
            round=self.number,
            seconds=done.seconds,
            audio_s=self.corpus.audio_s,
            cpu_s=done.cpu_s,
            max_rss_mb=done.max_rss_mb,
            foreign_cpu=done.foreign_cpu,
            max_difference=max_difference,
        )


class Comparison:
    """The state of one call: corpora, programs and what was measured."""

    def __init__(self, arguments: argparse.Namespace):
        self._work: Path = arguments.work
        self._melmill: Path = arguments.melmill
        self._io_floor: Path = arguments.io_floor
        self._rounds: int = arguments.rounds
        self._skip: list[str] = arguments.skip
        self._json: Path = arguments.json
        self._pipelines = [
            pipeline
            for pipeline in all_pipelines(self._melmill)
            if pipeline.name not in self._skip
        ]
        self._out = self._work / "out"
        self.result = tables.Result(
            machine=machine.facts(self._melmill, self._work),
            format_labels={},
            corpora={},
            fsyncs={p.name: p.fsyncs for p in self._pipelines}
            | {tables.FLOOR: True},
            measurements=[],
            kernel_runs=[],
            notes=[],
        )

    def measure_format(
        self, audio_format: AudioFormat, hours: float, caches: Sequence[str]
    ) -> None:
        say(f"{audio_format.label}: corpus of {hours:g} h")
        corpus = make_corpus(self._work, audio_format, hours)
        self.result.format_labels[audio_format.name] = audio_format.label
        self.result.corpora[audio_format.name] = (
            f"{corpus.num_rows} utterances, {corpus.audio_s / 3600:.2f} h, "
            f"{corpus.num_bytes / 1e6:.0f} MB."
        )
        reference = self._reference(corpus)
        for cache in caches:
            # Round 0 warms up: files, and the programs' own caches.
            for number in range(self._rounds + 1):
                self._measure_round(
                    Turn(audio_format.name, corpus, cache, number), reference
                )

    def _measure_round(self, turn: Turn, reference: Reference) -> None:
        store_bytes = 0
        for pipeline in self._pipelines:
            self._keep(self._measure(pipeline, turn, reference))
            if pipeline.name == tables.BASE:
                store_bytes = melmill_store.num_bytes(self._out)
        if tables.FLOOR not in self._skip:
            self._keep(self._measure_floor(turn, store_bytes))

    def _keep(self, measurement: Measurement) -> None:
        say(
            f"  {measurement.cache} {measurement.round or 'warm-up'} "
            f"{measurement.label}: {measurement.seconds:.2f} s, "
            f"others {measurement.foreign_cpu:.0%}"
        )
        if measurement.round > 0:
            self.result.measurements.append(measurement)
            self.result.write(self._json)

    def _measure(
        self, pipeline: Pipeline, turn: Turn, reference: Reference
    ) -> Measurement:
        self._prepare(turn, pipeline)
        shutil.rmtree(self._out, ignore_errors=True)
        command = pipeline.command_for(turn.corpus.manifest, self._out)
        done = process_run.run(command)
        difference = check(
            pipeline,
            self._out,
            reference,
            must_match=pipeline.is_exact or turn.audio_format == "16k",
        )
        return turn.measurement(done, pipeline.name, pipeline.label, difference)

    def _measure_floor(self, turn: Turn, store_bytes: int) -> Measurement:
        """Reads and writes as many bytes as melmill, and does nothing else."""
        paths = self._work / "paths.txt"
        lines = peer_store.read_manifest(turn.corpus.manifest)
        paths.write_text("".join(f"{line}\n" for line in lines))
        self._prepare(turn, None)
        shutil.rmtree(self._out, ignore_errors=True)
        done = process_run.run(
            [self._io_floor, paths, self._out, str(store_bytes)]
        )
        return turn.measurement(done, tables.FLOOR, "I/O alone", None)

    def _prepare(self, turn: Turn, pipeline: Pipeline | None) -> None:
        """Warms or drops the page cache.

        A cold corpus is what is measured, not a cold Python: before a cold run
        the pipeline makes one row that is not the corpus's.
        """
        if turn.cache == "warm":
            paths = peer_store.read_manifest(turn.corpus.manifest)
            process_run.warm(paths)
            return
        process_run.drop_caches()
        if pipeline is not None:
            self._run_one_row(pipeline, turn.corpus)

    def _run_one_row(
        self, pipeline: Pipeline, corpus: Corpus
    ) -> process_run.ProcessRun:
        folder = self._work / "one-row"
        folder.mkdir(exist_ok=True)
        with corpus.manifest.open(encoding="utf-8") as lines:
            row = json.loads(next(lines))
        row["audio"] = shutil.copy(row["audio"], folder / "copy.wav")
        row["audio"] = str(row["audio"])
        manifest = folder / "corpus.jsonl"
        manifest.write_text(json.dumps(row) + "\n")
        shutil.rmtree(self._out, ignore_errors=True)
        return process_run.run(pipeline.command_for(manifest, self._out))

    def measure_startup(self, audio_format: AudioFormat, hours: float) -> None:
        say("start-up")
        corpus = make_corpus(self._work, audio_format, hours)
        for number in range(self._rounds + 1):
            turn = Turn(audio_format.name, corpus, "start-up", number)
            for pipeline in self._pipelines:
                done = self._run_one_row(pipeline, corpus)
                self._keep(
                    turn.measurement(done, pipeline.name, pipeline.label, None)
                )

    def measure_kernels(self, audio_format: AudioFormat, hours: float) -> None:
        say("kernels")
        corpus = make_corpus(self._work, audio_format, hours)
        melmill: Path | None = self._melmill
        if not kernels.has_melmill_kernel(self._melmill):
            melmill = None
            self.result.notes.append("this melmill has no bench command.")
        self.result.kernel_runs = kernels.measure(
            melmill, self._kernel_folder(corpus), self._rounds
        )
        self.result.write(self._json)

    def _kernel_folder(self, corpus: Corpus) -> Path:
        """A part of the corpus that fits into memory as samples."""
        folder = self._work / "kernel-audio"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in sorted(corpus.audio_folder.iterdir())[:NUM_KERNEL_CLIPS]:
            (folder / path.name).hardlink_to(path)
        return folder

    def _reference(self, corpus: Corpus) -> Reference:
        path = corpus.folder / "reference.npz"
        if not path.exists():
            program = process_run.STUDIES / "pipelines/reference_features.py"
            temporary = path.with_name("reference.new.npz")
            subprocess.run(
                [sys.executable, program, corpus.manifest, temporary],
                check=True,
                env=process_run.environment(),
            )
            temporary.replace(path)
        return Reference.load(path)

    def clean(self) -> None:
        shutil.rmtree(self._out, ignore_errors=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/studies/peers.py",
        description=(__doc__ or "").splitlines()[0],
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="counted runs of each (5)")
    add("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    add("--hours", type=float, default=20, help="of 16 kHz audio (20)")
    add("--other-hours", type=float, default=4, help="of other formats (4)")
    add("--cold", action="store_true", help="cold runs too, of 16 kHz audio")
    add("--skip", nargs="+", choices=SKIPPABLE, default=[])
    add("--work", type=Path, default=BUILD / "peers", help="corpora, stores")
    add("--json", type=Path, help="every measurement (WORK/peers.json)")
    add("--images", type=Path, default=REPOSITORY / "docs" / "images")
    add("--melmill", type=Path, default=BUILD / "release/tools/melmill")
    add("--io-floor", type=Path, default=BUILD / "bench/bench/studies/io_floor")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds must be at least 1")
    programs = [arguments.melmill]
    if "io-floor" not in arguments.skip:
        programs.append(arguments.io_floor)
    for program in programs:
        if not program.exists():
            parser.error(
                f"{program} is missing: build it, see bench/studies/peers.py"
            )
    arguments.work.mkdir(parents=True, exist_ok=True)
    arguments.work = arguments.work.resolve()
    arguments.json = arguments.json or arguments.work / "peers.json"
    return arguments


def main() -> None:
    arguments = parse_arguments()
    comparison = Comparison(arguments)
    result = comparison.result
    for name in arguments.formats:
        is_main = name == "16k"
        hours = arguments.hours if is_main else arguments.other_hours
        caches = ["warm"]
        if arguments.cold and is_main:
            if process_run.can_drop_caches():
                caches.append("cold")
            else:
                result.notes.append(
                    "no cold runs: the page cache cannot be dropped here."
                )
        if is_main:
            comparison.measure_kernels(FORMATS[name], hours)
            comparison.measure_startup(FORMATS[name], hours)
        comparison.measure_format(FORMATS[name], hours, caches)
    comparison.clean()
    result.write(arguments.json)
    print(tables.document(result), end="")
    for path in report.draw(result, arguments.images):
        say(f"drew {path}")


if __name__ == "__main__":
    main()
