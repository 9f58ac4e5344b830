#include "bench/harness/meter.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "tests/support/folder.h"

using namespace weft::bench;

namespace {

/// A flush that began long before the measurement.
void tell_long_flush(Meter& meter, std::string_view path) {
  FileCallInfo info;
  info.call = FileCall::kSync;
  info.path = path;
  info.is_flush = true;
  meter.after(info, 0, 3'600'000'000'000);
}

bool is_log(std::string_view path) { return path.ends_with("/log"); }

}  // namespace

TEST_CASE("a meter counts flushes of the log and of other files apart, and no plain writes") {
  const weft::test::Folder folder;
  Meter meter(is_log);
  const auto flush = [&](const char* name, int flags) {
    const int file = ::open((folder.path() + name).c_str(), O_CREAT | O_RDWR | flags, 0600);
    REQUIRE(file >= 0);
    REQUIRE(pwrite(file, "abc", 3, 0) == 3);
    if (flags == 0) REQUIRE(fdatasync(file) == 0);
    ::close(file);
  };
  const MeterReading reading = meter.measure(false, [&] {
    flush("/log", 0);
    flush("/log", O_DSYNC);
    flush("/table", 0);
  });
  CHECK(reading.log_flushes == 2);
  CHECK(reading.other_flushes == 1);
  CHECK(reading.written_bytes == 9);
  const MeterReading nothing = meter.measure(false, [] {});
  CHECK(nothing.log_flushes == 0);
  CHECK(nothing.written_bytes == 0);
}

TEST_CASE("time spent in flushes is that of the log's, and of all where somebody waits for all") {
  Meter meter(is_log);
  const MeterReading beside = meter.measure(false, [&] { tell_long_flush(meter, "/table"); });
  CHECK(beside.flush_ns == 0);
  CHECK(beside.other_flushes == 1);
  CHECK(meter.measure(false, [&] { tell_long_flush(meter, "/log"); }).flush_ns > 0);
  CHECK(meter.measure(true, [&] { tell_long_flush(meter, "/table"); }).flush_ns > 0);
}

TEST_CASE("flushes under way at the same time count once, and not from before the measurement") {
  Meter meter(is_log);
  const MeterReading reading = meter.measure(true, [&] {
    for (int i = 0; i < 100; ++i) tell_long_flush(meter, "/log");
  });
  CHECK(reading.log_flushes == 100);
  CHECK(reading.flush_ns > 0);
  CHECK(reading.flush_ns <= reading.wall_ns);
}
