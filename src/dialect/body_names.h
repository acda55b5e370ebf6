// BodyNames: which of the names that change what a Messages call costs, or where it may go, occur in its body; found in
// one pass over the bytes, without parsing them. A name is looked for behind any quote, so that one which merely stands
// in a prompt counts too: what is read of it only becomes more cautious.
// Life: a value. Thread: any; pure. Bounds: time linear in the body.
#pragma once

#include <cstdint>
#include <string_view>

namespace baton::dialect {

struct BodyNames {
  int64_t images = 0;
  int64_t web_searches = 0;  // tools, and whatever else begins so
  int64_t web_fetches = 0;
  bool cache_control = false;
  bool file_id = false;
  bool unsized = false;          // documents, files, URLs, containers: may be as large as the context
  bool server_tools = false;     // other than the two above
  bool escaped_letters = false;  // a letter or an underscore is written as an escape ("\u0069mage"): any name may hide
};

BodyNames names_in(std::string_view text);

}  // namespace baton::dialect
