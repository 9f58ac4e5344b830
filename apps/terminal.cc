#include "apps/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace weft::cli {
namespace {

std::string coloured(std::string_view code, std::string_view text) {
  static const bool wanted = [] {
    const char* no_color = std::getenv("NO_COLOR");
    return stdout_is_terminal() && (no_color == nullptr || *no_color == '\0');
  }();
  if (!wanted || text.empty()) return std::string(text);
  std::string result = "\x1b[";
  result += code;
  result += 'm';
  result += text;
  result += "\x1b[0m";
  return result;
}

}  // namespace

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string bold(std::string_view text) { return coloured("1", text); }
std::string dim(std::string_view text) { return coloured("2", text); }
std::string red(std::string_view text) { return coloured("31", text); }
std::string green(std::string_view text) { return coloured("32", text); }

std::string printable(std::string_view text, std::string_view keep) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string result;
  auto append_hex = [&](unsigned char byte) {
    result += kHex[byte >> 4];
    result += kHex[byte & 15];
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto byte = static_cast<unsigned char>(text[i]);
    // U+0080 to U+009F are c2 80 to c2 9f.
    bool is_c1 =
        byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (is_c1) {
      result += "\\u{";
      append_hex(static_cast<unsigned char>(text[++i]));
      result += '}';
    } else if ((byte < 0x20 || byte == 0x7f) && keep.find(text[i]) == std::string_view::npos) {
      result += "\\x";
      append_hex(byte);
    } else {
      result += text[i];
    }
  }
  return result;
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

bool finish_output() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

void print_error(std::string_view message) {
  std::fprintf(stderr, "weft: %s\n", printable(message, "\n").c_str());
}

void show_progress(std::string_view line) {
  if (!stderr_is_terminal()) return;
  // Back to the first column, the line, then erase what an older, longer line left.
  std::fprintf(stderr, "\r%.*s\x1b[K", static_cast<int>(line.size()), line.data());
  std::fflush(stderr);
}

}  // namespace weft::cli
