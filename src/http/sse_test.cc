#include "http/sse.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/sse_twin.h"

namespace baton::http {
namespace {

using fuzz::SseTwin;
using fuzz::TwinEvent;

constexpr size_t kBound = 4096;

// Feeds the text in pieces that end at `cuts`; ends are counted from the text's beginning.
std::vector<TwinEvent> feed(std::string_view text, std::vector<size_t> cuts, size_t event_bytes_max = kBound) {
  std::vector<TwinEvent> out;
  SseScanner scanner(event_bytes_max);
  cuts.push_back(text.size());
  size_t at = 0;
  for (size_t cut : cuts) {
    std::string piece(text.substr(at, cut - at));  // freed after use, so that a late look at it is seen
    scanner.feed(piece, [&](const SseEvent& event) {
      size_t end = at + event.end;
      // A blank line that was cut between CR and LF ended with its CR.
      if (event.end == piece.size() && piece.ends_with('\r') && text.substr(end).starts_with('\n')) ++end;
      out.push_back({std::string(event.name), std::string(event.data), end, event.oversized});
    });
    at = cut;
    EXPECT_EQ(scanner.between_events(), SseTwin(text.substr(0, at), event_bytes_max).between_events)
        << text.substr(0, at);
  }
  EXPECT_EQ(scanner.events(), out.size());
  return out;
}

std::string show(const std::vector<TwinEvent>& events) {
  std::string out;
  for (const TwinEvent& e : events) {
    out += "[" + e.name + "|" + e.data + "|" + std::to_string(e.end) + (e.oversized ? "|oversized]" : "]");
  }
  return out;
}

void expect_the_same_at_every_split(std::string_view text, std::string_view name, size_t event_bytes_max = kBound) {
  std::string want = show(SseTwin(text, event_bytes_max).events);
  EXPECT_EQ(show(feed(text, {}, event_bytes_max)), want) << name;
  for (size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(show(feed(text, {cut}, event_bytes_max)), want) << name << " cut at " << cut;
  std::vector<size_t> every;
  for (size_t cut = 1; cut < text.size(); ++cut) every.push_back(cut);
  EXPECT_EQ(show(feed(text, every, event_bytes_max)), want) << name << " byte by byte";
}

TEST(SseScanner, reads_streams_as_the_standard_says) {
  struct Case {
    std::string_view name, input, want;
  };
  using namespace std::string_view_literals;
  const Case cases[] = {
      {"nothing", "", ""},
      {"one event", "event: a\ndata: b\n\n", "[a|b|18]"},
      {"two events", "event: a\ndata: b\n\nevent: c\ndata: d\n\n", "[a|b|18][c|d|36]"},
      {"data without a name", "data: x\n\n", "[|x|9]"},
      {"a name without data", "event: ping\n\n", "[ping||13]"},
      {"no event for an empty name without data", "event:\n\n", ""},
      {"the last name counts", "event: a\nevent: b\ndata: x\n\n", "[b|x|27]"},
      {"an empty last name counts too", "event: a\nevent:\ndata: x\n\n", "[|x|25]"},
      {"names do not carry over", "event: a\n\ndata: x\n\n", "[a||10][|x|19]"},
      {"one blank is dropped", "data:x\n\ndata: x\n\ndata:  x\n\n", "[|x|8][|x|17][| x|27]"},
      {"a tab is not", "data:\tx\n\n", "[|\tx|9]"},
      {"data without a colon", "data\n\n", "[||6]"},
      {"several data lines", "data: a\ndata\ndata: b\n\n", "[|a\n\nb|22]"},
      {"two empty data lines", "data\ndata\n\n", "[|\n|11]"},
      {"data lines around others", "data: a\nevent: n\n: c\nid: 1\ndata: b\n\n", "[n|a\nb|36]"},
      {"CR", "event: a\rdata: b\r\r", "[a|b|18]"},
      {"CR LF", "event: a\r\ndata: b\r\n\r\n", "[a|b|21]"},
      {"line ends mixed", "event: a\rdata: b\n\r\ndata: c\r\n\n", "[a|b|19][|c|29]"},
      {"LF CR is two line ends", "data: a\n\rdata: b\n\r", "[|a|9][|b|18]"},
      {"blank lines alone", "\n\r\n\r\r\n\n", ""},
      {"blank lines between", "\n\ndata: a\n\n\n\ndata: b\n\n", "[|a|11][|b|22]"},
      {"comments", ": hello\n\n:\n:\n\ndata: x\n: y\n\n", "[|x|27]"},
      {"a byte order mark",
       "\xEF\xBB\xBF"
       "data: x\n\n",
       "[|x|12]"},
      {"only the first mark is one",
       "\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: x\n\ndata: y\n\n",
       "[|y|24]"},
      {"a mark later is text",
       "data: x\n\n\xEF\xBB\xBF"
       "data: y\n\n",
       "[|x|9]"},
      {"half a mark is text",
       "\xEF\xBB"
       "data: x\n\ndata: y\n\n",
       "[|y|20]"},
      {"half a mark and a line end", "\xEF\n\ndata: y\n\n", "[|y|12]"},
      {"id and retry", "id: 1\nretry: 1e3\nid: a\0b\ndata: x\n\nid: 7\n\n"sv, "[|x|34]"},
      {"unknown fields", "foo: a\nData: b\ndata : c\n data: d\ndatax: e\ndat: f\n\n", ""},
      {"a colon first is a comment", ":data: x\n\n", ""},
      {"colons in values", "data: a:b: c\n\n", "[|a:b: c|14]"},
      {"zeros and bytes beyond UTF-8 pass", "data: a\0b\xFF\n\n"sv, "[|a\0b\xFF|12]"sv},
      {"an event that does not end", "data: a\n\nevent: b\ndata: c\n", "[|a|9]"},
      {"a line that does not end", "data: a\n\ndata: c", "[|a|9]"},
      {"lines longer than a vector",
       "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0}\n\n",
       "[content_block_delta|{\"type\":\"content_block_delta\",\"index\":0}|75]"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(show(feed(c.input, {})), c.want) << c.name;
    expect_the_same_at_every_split(c.input, c.name);
  }
}

TEST(SseScanner, skips_events_over_its_bound_and_goes_on) {
  auto bytes = [](size_t n) { return "data: " + std::string(n - 7, 'x') + "\n\n"; };
  const std::string after = "event: a\ndata: b\n\n";
  struct Case {
    std::string_view name;
    std::string input, want;
  };
  const Case cases[] = {
      {"exactly the bound", bytes(40) + after, "[|" + std::string(33, 'x') + "|41][a|b|59]"},
      {"one byte more", bytes(41) + after, "[||42|oversized][a|b|60]"},
      {"in its second line", "event: e\n" + bytes(32) + after, "[||42|oversized][a|b|60]"},
      {"in many lines", "data: 0123456789\ndata: 0123456789\ndata: 0123456789\n\n" + after, "[||52|oversized][a|b|70]"},
      {"comments do not count", ": " + std::string(100, 'c') + "\n" + bytes(40) + after,
       "[|" + std::string(33, 'x') + "|144][a|b|162]"},
      {"a comment alone is no event", ": " + std::string(100, 'c') + "\n\n" + after, "[a|b|122]"},
      {"a comment in a skipped event", bytes(60).substr(0, 60) + ": c\n:\n\n" + after, "[||67|oversized][a|b|85]"},
      {"an unknown field counts", "id: " + std::string(60, '1') + "\n\n" + after, "[||66|oversized][a|b|84]"},
      {"a line without an end", after + "data: " + std::string(200, 'x'), "[a|b|18]"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(show(feed(c.input, {}, 40)), c.want) << c.name;
    expect_the_same_at_every_split(c.input, c.name, 40);
  }
}

TEST(SseScanner, counts_oversized_events_among_all) {
  SseScanner scanner(20);
  scanner.feed("data: a\n\ndata: 0123456789012345678901234567890\n\ndata: b\n\n", [](const SseEvent&) {});
  EXPECT_EQ(scanner.events(), 3u);
  EXPECT_EQ(scanner.oversized(), 1u);
}

TEST(SseScanner, is_between_events_only_where_one_may_be_put) {
  struct Case {
    std::string_view input;
    bool want;
  };
  const Case cases[] = {
      {"", true},
      {"\n", true},
      {"d", false},
      {"data: a", false},
      {"data: a\n", false},
      {"data: a\n\n", true},
      {"data: a\r\r", true},
      {"data: a\r\n\r", true},
      {"data: a\r\n\r\n", true},
      {"data: a\r", false},
      {":", false},
      {": c\n", true},
      {"id: 1\n", false},
      {"data: a\n\n: c", false},
      {"\xEF", false},
      {"\xEF\xBB", false},
      {"\xEF\xBB\xBF", true},
      {"\xEF\xBB\xBF"
       "d",
       false},
  };
  for (const Case& c : cases) {
    SseScanner scanner;
    scanner.feed(c.input, [](const SseEvent&) {});
    EXPECT_EQ(scanner.between_events(), c.want) << c.input;
  }
}

TEST(SseScanner, agrees_with_its_twin_on_all_short_texts) {
  constexpr std::string_view kPieces[] = {"\n", "\r", "data", ":", " ", "event", "x"};
  constexpr size_t kLength = 5;
  size_t index[kLength] = {};
  while (true) {
    std::string text;
    for (size_t i : index) text += kPieces[i];
    text += "\n\ndata:z\n\n";
    std::string want = show(SseTwin(text, kBound).events);
    EXPECT_EQ(show(feed(text, {})), want) << text;
    EXPECT_EQ(show(feed(text, {text.size() / 2})), want) << text;
    if (HasFailure()) return;
    size_t i = 0;
    while (i < kLength && ++index[i] == std::size(kPieces)) index[i++] = 0;
    if (i == kLength) return;
  }
}

TEST(SseScanner, agrees_with_its_twin_on_random_streams_cut_at_random) {
  std::mt19937 random(20261124);
  auto below = [&random](size_t n) { return static_cast<size_t>(random() % n); };
  const std::string pieces[] = {"\n",
                                "\n\n",
                                "\r",
                                "\r\n",
                                "\r\n\r\n",
                                ": c",
                                "event: delta\n",
                                "data: x\n",
                                "data:y\r",
                                "data",
                                std::string(50, 'k'),
                                "id: 1\n",
                                "\xEF\xBB\xBF",
                                "event:"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (size_t n = below(20); n > 0; --n) text += pieces[below(std::size(pieces))];
    size_t bound = below(2) == 0 ? kBound : below(80);
    std::vector<size_t> cuts;
    for (size_t at = below(10); at < text.size(); at += below(20)) cuts.push_back(at);
    EXPECT_EQ(show(feed(text, cuts, bound)), show(SseTwin(text, bound).events)) << text << " bound " << bound;
    if (HasFailure()) return;
  }
}

TEST(SseScanner, survives_a_line_of_64_megabytes) {
  SseScanner scanner(1024 * 1024);
  const std::string piece(64 * 1024, 'x');
  std::vector<TwinEvent> events;
  auto note = [&events](const SseEvent& event) {
    events.push_back({std::string(event.name), std::string(event.data), event.end, event.oversized});
  };
  scanner.feed("data: ", note);
  for (int i = 0; i < 1024; ++i) scanner.feed(piece, note);
  EXPECT_TRUE(events.empty());
  EXPECT_FALSE(scanner.between_events());
  scanner.feed("\n\ndata: a\n\n", note);
  EXPECT_EQ(show(events), "[||2|oversized][|a|11]");
  EXPECT_TRUE(scanner.between_events());
}

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(BATON_SOURCE_DIR) + "/tests/fixtures/" + name, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

TEST(SseScanner, reads_the_fixtures_cut_anywhere) {
  struct Case {
    std::string name;
    size_t events;
  };
  const Case cases[] = {
      {"01_text.sse", 9}, {"05_pings_crlf_unknown.sse", 12}, {"06_error_midstream.sse", 4}, {"21_openai_text.sse", 5}};
  for (const Case& c : cases) {
    std::string text = fixture(c.name);
    ASSERT_FALSE(text.empty()) << c.name;
    EXPECT_EQ(SseTwin(text, kBound).events.size(), c.events) << c.name;
    expect_the_same_at_every_split(text, c.name);
  }
}

}  // namespace
}  // namespace baton::http
