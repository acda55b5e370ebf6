// A kept reply as bytes, for a disk or for another relay. The times in it are a calendar's, since a steady clock means
// nothing to another process. Life: pure. Thread: any. Bounds: those of a KeptReply; what is read must be whole, it is
// checked against its author by whoever keeps it. Hard to undo: the order of the fields; another one only starts cold.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/units.h"
#include "reuse/reply_store.h"

namespace baton::reuse {

// Numbers and texts, one behind the other. After the first that is not there nothing is read any more.
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number();
  int64_t count() { return static_cast<int64_t>(number()); }
  std::string_view text();
  bool good() const { return good_; }
  bool done() const { return good_ && bytes_.empty(); }
  std::string_view rest() const { return bytes_; }

 private:
  uint64_t fault();
  std::string_view bytes_;
  bool good_ = true;
};
void put_record(std::string& out, uint64_t number);
void put_record(std::string& out, std::string_view text);

std::string write_record(const KeptReply& reply, Instant now, WallTime wall);
// Null when it is not whole. A reply from the future is taken for one from now when it is at most `ahead` away, and for
// none beyond.
std::shared_ptr<KeptReply> read_record(std::string_view bytes, Instant now, WallTime wall,
                                       Duration ahead = Duration{0});

}  // namespace baton::reuse
