// A small file of state that is read whole at the start and written whole: under another name, to the disk, and
// renamed. Life: functions. Thread: any that may wait for the disk. Bounds: what is read ends within 256 KiB beyond
// `bytes_max`, so that who reads more than that knows that it was too long.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace baton::app {

// What it holds. The error: an errno, ENOENT when there is none.
std::expected<std::string, int> read_state_file(const std::string& path, size_t bytes_max);
// What went wrong, or empty. Mode 0600.
std::string replace_state_file(const std::string& path, std::string_view text);

}  // namespace baton::app
