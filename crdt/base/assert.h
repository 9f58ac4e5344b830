#pragma once
// Assertions: for bugs of ours only. Nothing that bytes from a disk or a network can cause may reach
// one; such things are Results (result.h).
//
//   WEFT_ASSERT(condition)   on in every build; prints the condition and where, then aborts
//   WEFT_VERIFY(condition)   expensive; on where WEFT_ENABLE_VERIFY is defined (tests, sanitizers)

namespace weft {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace weft

#define WEFT_ASSERT(condition)                                  \
  do {                                                          \
    if (!(condition)) [[unlikely]]                              \
      ::weft::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (false)

#ifdef WEFT_ENABLE_VERIFY
#define WEFT_VERIFY(condition) WEFT_ASSERT(condition)
#else
#define WEFT_VERIFY(condition) \
  do {                         \
  } while (false)
#endif
