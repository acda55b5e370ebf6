// BATON_CHECK: an invariant of our own. Always on; a broken one prints where and ends the process.
// Never use it on what a peer can send: that is an Error.
#pragma once

#include <cstdio>
#include <cstdlib>

#define BATON_CHECK(condition)                                                                        \
  do {                                                                                                \
    if (!(condition)) [[unlikely]] {                                                                  \
      std::fprintf(stderr, "baton: broken invariant at %s:%d: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                                   \
    }                                                                                                 \
  } while (false)
