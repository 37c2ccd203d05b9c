#include "tools/melmill/flags/report_flags.h"

namespace melmill {

void AddReportFlags(CLI::App* command, ReportFlags* flags) {
  command->add_flag("--json", flags->json,
                    "At the end print one JSON object on standard output "
                    "instead of the summary");
  command->add_flag("-q,--quiet", flags->quiet,
                    "Print nothing unless something went wrong");
}

}  // namespace melmill
