// Fuzzer: JSON text. See json_check.h for what has to hold.

#include "tests/crdt/dashboard/dashboards.h"
#include "tests/fuzz/json_check.h"
#include "tests/fuzz/read_documents.h"
#include "tests/fuzz/text_seeds.h"

namespace weft::test {
namespace {

std::vector<Seed> seeds() {
  std::vector<Seed> all;
  for (const Document& document : read_histories())
    add_text(all, "document", print_json(document.to_json().value()));
  add_text(all, "dashboard", own_dashboard_text());
  add_text(all, "numbers",
           R"([0,-1,1.5,1e300,-0.0,9223372036854775807,-9223372036854775808,5e-324])");
  add_text(all, "strings", R"(["","\u0000\ud83d\ude00ä\"\\\/\b\f\n\r\t",{"$bytes":"AA=="}])");
  add_text(all, "nested", "[[[[[[[[{\"a\":[[[[[]]]]]}]]]]]]]]");
  add_text(all, "spaced", " { \"a\" : [ true , false , null ] }\r\n\t");
  return all;
}

}  // namespace

const Fuzzer kJsonTextFuzz{"json_text_fuzz",
                           [](ByteSpan input) { return check_json(as_text(input)); }, seeds};

}  // namespace weft::test
