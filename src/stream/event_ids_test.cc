#include "stream/event_ids.h"

#include <gtest/gtest.h>

namespace baton::stream {
namespace {

struct Case {
  std::string_view name, in, want;
};
constexpr Case kCases[] = {
    {"nothing", "", ""},
    {"one event", "event: a\ndata: 1\n\n", "id: 1\nevent: a\ndata: 1\n\n"},
    {"two events", "data: 1\n\ndata: 2\n\n", "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n"},
    {"more blank lines than are needed", "\n\ndata: 1\n\n\n\ndata: 2\n\n",
     "\n\nid: 1\ndata: 1\n\n\n\nid: 2\ndata: 2\n\n"},
    {"CR LF", "data: 1\r\n\r\ndata: 2\r\n\r\n", "id: 1\ndata: 1\r\n\r\nid: 2\ndata: 2\r\n\r\n"},
    {"a comment begins one too", ": hi\n\ndata: 1\n\n", "id: 1\n: hi\n\nid: 2\ndata: 1\n\n"},
    {"without an end", "data: 1\n\ndata: 2", "id: 1\ndata: 1\n\nid: 2\ndata: 2"},
};

TEST(EventIds, a_line_stands_before_each_event) {
  for (const Case& one : kCases) {
    EventIds ids;
    EXPECT_EQ(ids.add(one.in), one.want) << one.name;
    for (const auto& start : ids.starts())
      EXPECT_EQ(one.want.substr(start.at, 5), "id: " + std::to_string(start.id)) << one.name;
  }
}

TEST(EventIds, wherever_the_bytes_are_split) {
  for (const Case& one : kCases) {
    for (size_t at = 0; at <= one.in.size(); ++at) {
      // Between the two halves of a line's end nothing is known of it; the upstream's bytes are whole events.
      if (at > 0 && one.in[at - 1] == '\r') continue;
      EventIds ids;
      std::string got(ids.add(one.in.substr(0, at)));
      got += ids.add(one.in.substr(at));
      EXPECT_EQ(got, one.want) << one.name << " at " << at;
    }
  }
}

}  // namespace
}  // namespace baton::stream
