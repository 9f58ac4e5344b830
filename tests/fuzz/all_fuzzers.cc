#include "tests/fuzz/fuzzer.h"

namespace weft::test {

std::span<const Fuzzer* const> all_fuzzers() {
  static const Fuzzer* const kAll[] = {
      &kDeltaFuzz,       &kBundleFuzz,        &kHistoryFileFuzz, &kSnapshotFuzz,  &kDocumentFuzz,
      &kDeliveryFuzz,    &kVersionVectorFuzz, &kJsonTextFuzz,    &kDashboardFuzz, &kMergeFilesFuzz,
      &kStoredValueFuzz, &kDamagedStoreFuzz,  &kArchiveFuzz,     &kFrameFuzz,     &kMessageFuzz,
      &kSessionFuzz,     &kControlFuzz,       &kConfigFuzz};
  return kAll;
}

}  // namespace weft::test
