#pragma once
// What goes to the user's terminal: colour where it is wanted, a line of progress, and no control
// characters from a document, which could have come from anywhere.

#include <string>
#include <string_view>

namespace weft::cli {

bool stdout_is_terminal();
bool stderr_is_terminal();

/// Wraps text in colour where standard output is a terminal and NO_COLOR is not set.
std::string bold(std::string_view text);
std::string dim(std::string_view text);
std::string red(std::string_view text);
std::string green(std::string_view text);

/// `text` with control characters as \xNN or \u{NN}. @param keep  those that stay, as "\n\t"
std::string printable(std::string_view text, std::string_view keep = "");

/// Writes to standard output; a failure to is noticed by finish_output().
void print(std::string_view text);
/// Flushes. @return  false where something could not be written (a full disk)
bool finish_output();

/// "weft: ..." on standard error: why something did not work, or what one should know beside a result.
void print_error(std::string_view message);

/// Replaces the line of progress on standard error, where that is a terminal; "" removes it.
void show_progress(std::string_view line);

}  // namespace weft::cli
