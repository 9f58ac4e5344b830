#include "bench/store/reader_cases.h"

#include "bench/store/forgotten_reader.h"
#include "bench/store/temporary_folder.h"

namespace weft::bench {

Status add_forgotten_reader(const ReaderOptions& options, Report& report) {
  const std::string name = std::to_string(options.rounds) + "-rounds";
  Growth growths[2];
  for (const bool with_readers : {false, true}) {
    WEFT_ASSIGN(const TemporaryFolder folder, TemporaryFolder::make(options.folder));
    WEFT_ASSIGN(growths[with_readers ? 1 : 0],
                measure_growth({folder.path(), options.rounds, options.text_bytes, with_readers}));
  }
  const auto number = [](std::uint64_t bytes) { return static_cast<double>(bytes); };
  report.add(exact("growth", name, "bytes", number(growths[0].grown())));
  report.add(exact("growth_with_reader", name, "bytes", number(growths[1].grown())));
  report.add(exact("states_put", name, "bytes", number(growths[1].state_bytes)));
  report.add(exact("growth_beside_reader", name, "ratio",
                   number(growths[1].grown()) / number(growths[0].grown())));
  return {};
}

}  // namespace weft::bench
