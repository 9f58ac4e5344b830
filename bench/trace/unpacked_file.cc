#include "bench/trace/unpacked_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

namespace weft::trace {
namespace {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};

}  // namespace

Result<std::string> read_unpacked(const std::string& path) {
  // zlib passes on what is not gzip as it is.
  errno = 0;
  std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file) {
    return Error(ErrorCode::kNotFound,
                 path + ": cannot be opened: " + (errno ? std::strerror(errno) : "out of memory"));
  }
  gzbuffer(file.get(), 1u << 17);
  std::string text;
  constexpr unsigned kChunk = 1u << 20;
  for (;;) {
    const std::size_t size = text.size();
    text.resize(size + kChunk);
    const int got = gzread(file.get(), text.data() + size, kChunk);
    text.resize(size + static_cast<std::size_t>(std::max(got, 0)));
    int code = Z_OK;
    const char* message = gzerror(file.get(), &code);
    // A file that ends inside its gzip stream reads as a short chunk with Z_BUF_ERROR.
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      return Error(ErrorCode::kCorrupt,
                   path + ": " + (code == Z_ERRNO ? std::strerror(errno) : message), text.size());
    }
    if (got == 0) return text;
  }
}

}  // namespace weft::trace
