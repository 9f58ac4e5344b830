#pragma once
// What a delta may say: a function of the delta and its causal past alone (design.md, section 5), so
// that every replica refuses the same ones.

#include <string>
#include <vector>

#include "tests/oracle/oracle.h"

namespace weft::test {

/// "" where the operations of one delta are valid, else which one is not and why.
/// @param known  holds everything in their past
std::string why_invalid(const Oracle& known, const std::vector<OracleOp>& delta);

}  // namespace weft::test
