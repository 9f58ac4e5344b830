#pragma once
// The lines that change a running network: a word and its arguments, each answered by one line.
//
//   split 0 1 / 2        cuts every link between these groups and the hosts that are not named
//   cut 0 2              cuts the link between two hosts; `oneway 0 2` only what 0 sends to 2
//   heal                 every link is up again
//   loss 0.02            chance of a packet to get lost; so `duplicate` and `reorder`
//   delay 20 10          ms that each packet takes, and up to how many more
//   rate 500             kB/s in each direction of each link; 0: no limit
//   count                what has been sent until now

#include <string>

#include "tests/netlab/link_model.h"

namespace weft::netlab {

/// Does what the line says. @return "ok ..." or "error ...", without a line end
std::string obey(LinkModel& model, const std::string& line);

/// "12 packets, 3456 bytes, 1 lost, ..."
std::string count_words(const Counts& counts);

}  // namespace weft::netlab
