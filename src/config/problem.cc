#include "config/problem.h"

namespace baton::config {

std::string Problem::text() const {
  std::string out;
  if (!file.empty()) {
    out += file + ":";
    if (line > 0) out += std::to_string(line) + ":";
    out += " ";
  }
  if (!key.empty()) out += key + ": ";
  out += reason;
  if (!suggestion.empty()) out += "; did you mean \"" + suggestion + "\"?";
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return out;
}

}  // namespace baton::config
