// Text that is safe in a log: as a JSON string nothing in it can start a line, move a terminal's cursor or turn the
// reading direction.
// Thread: any.
// Bounds: linear; a byte becomes at most 6.
// Source: RFC 8259 section 7; Unicode 15 (Bidi_Control, general categories Cc, Zl, Zp).
#pragma once

#include <string>
#include <string_view>

namespace baton::metrics {

// Appends the inside of a JSON string. Written as \u: C0 and C1 controls, DEL, bidi and zero-width controls, line and
// paragraph separators, the byte order mark, and each byte that is not valid UTF-8 (as \ufffd).
void append_escaped(std::string& out, std::string_view text);

// append_escaped() with quotes around it.
inline void append_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

// How many bytes at the text's front append_escaped() writes as they are.
size_t plain_bytes(std::string_view text);

// For people: the same characters are written as \u, quotes and backslashes stay.
void append_shown(std::string& out, std::string_view text);

// At most `bytes_max` bytes of the text, never ending inside a UTF-8 sequence. Borrows the text.
std::string_view cut(std::string_view text, size_t bytes_max);

}  // namespace baton::metrics
