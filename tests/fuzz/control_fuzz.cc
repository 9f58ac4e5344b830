// Fuzzer: requests to a peer's control socket. See control_checks.h for what has to hold.

#include "storage/archive/archive.h"
#include "tests/fuzz/control_checks.h"
#include "tests/fuzz/text_seeds.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  const std::string id = to_string(ToyDevice::document(1));
  add_text(all, "looks",
           "{\"cmd\":\"status\"}\n{\"cmd\":\"metrics\"}\n{\"cmd\":\"sync-status\"}\n"
           "{\"cmd\":\"documents\"}\n{\"cmd\":\"sync-status\",\"document\":\"4f\"}\n"
           "{\"cmd\":\"presence\",\"document\":\"4f\"}\n");
  add_text(all, "edits",
           "{\"cmd\":\"watch\",\"document\":\"\"}\n"
           "{\"cmd\":\"edit\",\"document\":\"4f\",\"json\":{\"a\":[1,{\"b\":\"c\"}]},\"message\":"
           "\"m\"}\n"
           "{\"cmd\":\"edit\",\"document\":\"" +
               std::string(32, '7') +
               "\",\"json\":{\"title\":\"x\"},\"create\":true}\n"
               "{\"cmd\":\"trim\",\"document\":\"" +
               id + "\"}\n");
  add_text(all, "splice",
           "{\"cmd\":\"splice\",\"document\":\"4f\",\"key\":\"text\",\"transactions\":"
           "[[[0,0,\"h\xc3\xa4llo\"]],[[1,1,\"e\"],[5,0,\"!\"]]]}\n");
  add_text(all, "dashboard",
           "{\"cmd\":\"dashboard\",\"document\":\"" + std::string(32, '8') +
               "\",\"create\":true,\"edits\":[{\"do\":\"import\",\"dashboard\":{\"title\":\"T\","
               "\"panels\":"
               "[{\"id\":1,\"type\":\"graph\",\"title\":\"A\"}]}}]}\n");
  add_text(all, "presence",
           "{\"cmd\":\"presence\",\"document\":\"4f\",\"data\":\"here\",\"ttl_ms\":500}\n");
  add_text(all, "status",
           "{\"cmd\":\"set-status\",\"document\":\"4f\",\"status\":\"live\"}\n"
           "{\"cmd\":\"set-status\",\"document\":\"4f\",\"status\":\"deleted\"}\n"
           "{\"cmd\":\"documents\"}\n");
  add_text(all, "stop", "{\"cmd\":\"stop\"}\n{\"cmd\":\"status\"}\n");
  return all;
}

}  // namespace

const Fuzzer kControlFuzz{"control_fuzz",
                          [](ByteSpan input) { return check_control(as_text(input)); }, seeds};

}  // namespace weft::test
