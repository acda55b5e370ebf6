// Problem: what is wrong with a configuration, as one line that an operator can act on.
// Life: a value; thrown inside config/ while a file is read, returned from load(). Thread: any. Bounds: one line;
// values of the file are repeated only where they are no secret, at most 64 printable characters.
#pragma once

#include <string>

namespace baton::config {

struct Problem {
  std::string file;  // as given by the operator; empty when the command line or the environment is meant
  int line = 0;      // 1-based; 0 when the whole file is meant
  std::string key;   // "accounts[0].base_url", "--listen", or empty
  std::string reason;
  std::string suggestion;  // a key that exists, or empty

  // "file:line: key: reason; did you mean "suggestion"?" without the parts that are empty, and without a line break.
  std::string text() const;
};

}  // namespace baton::config
