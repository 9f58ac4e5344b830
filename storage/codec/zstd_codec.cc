#include "storage/codec/zstd_codec.h"

#include <zstd.h>

#include <memory>
#include <new>

namespace weft {
namespace {

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Bytes ZstdCompressor::compress(ByteSpan data) const {
  // Not kept: at level 19 a context is megabytes, and sealing is rare.
  std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  if (context == nullptr) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level_);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  Bytes out(ZSTD_compressBound(data.size()));
  std::size_t size =
      ZSTD_compress2(context.get(), out.data(), out.size(), data.data(), data.size());
  // The buffer suffices and the parameters are right: what is left is memory.
  if (ZSTD_isError(size)) throw std::bad_alloc();
  out.resize(size);
  return out;
}

Status ZstdCompressor::decompress(ByteSpan data, std::byte* out, std::size_t size) const {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  if (context == nullptr) throw std::bad_alloc();
  std::size_t unpacked = ZSTD_decompressDCtx(context.get(), out, size, data.data(), data.size());
  if (ZSTD_isError(unpacked))
    return Error(ErrorCode::kCorrupt, std::string("zstd: ") + ZSTD_getErrorName(unpacked));
  if (unpacked != size) return Error(ErrorCode::kCorrupt, "zstd: unpacks to another size");
  return {};
}

}  // namespace weft
