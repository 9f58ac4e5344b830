#pragma once
// What views of sequences say besides their content: who wrote what, where an anchor stands, how long a
// text is in each unit.

#include <string>

#include "crdt/document/document.h"
#include "tests/oracle/oracle.h"
#include "tests/support/random.h"

namespace weft::test {

/// @param oracle  at the document's version; throws Failure
void check_views(const Document& document, const Oracle& oracle, Random& random,
                 const std::string& where);

}  // namespace weft::test
