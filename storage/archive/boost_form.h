#pragma once
// The Boost.Serialization archive inside a weft archive; boost_form.cc and boost_fields.h
// are the only places that know Boost.
//
// The bytes must come from a checked file: what Boost does with damaged ones is not defined.

#include <string>

#include "storage/archive/archive.h"

namespace weft {

/// What says that with that document an archive gets larger than it may be.
Error archive_too_large(const DocumentId& document, std::uint64_t bytes_max);

/// @param bytes_max  what is beyond is noticed while it is written, not behind
/// @errors those of write_archive
Result<std::string> write_boost_form(const Archive& archive, ArchiveFormat format,
                                     std::uint64_t bytes_max);

/// @errors those of read_archive
Result<Archive> read_boost_form(ByteSpan body, ArchiveFormat format);

}  // namespace weft
