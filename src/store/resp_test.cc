#include "store/resp.h"

#include <gtest/gtest.h>

namespace baton::store {
namespace {

using Kind = Resp::Kind;
using State = RespParsed::State;

constexpr RespLimits kLimits{.bytes_max = 200, .items_max = 4, .depth_max = 2};

Resp text(std::string_view value) { return {.kind = Kind::kText, .text = std::string(value)}; }
Resp number(int64_t value) { return {.kind = Kind::kNumber, .number = value}; }
Resp list(std::vector<Resp> items) { return {.kind = Kind::kList, .items = std::move(items)}; }

TEST(Resp, reads_each_kind_whole_and_split_at_every_byte) {
  const struct {
    std::string name, bytes;
    Resp want;
  } rows[] = {
      {"a status", "+OK\r\n", {.kind = Kind::kStatus, .text = "OK"}},
      {"an error", "-READONLY You can't write\r\n", {.kind = Kind::kError, .text = "READONLY You can't write"}},
      {"a number", ":-1204\r\n", number(-1204)},
      {"a text of any bytes", std::string("$6\r\na\r\n\0-b\r\n", 12), text(std::string_view("a\r\n\0-b", 6))},
      {"an empty text", "$0\r\n\r\n", text("")},
      {"nothing", "$-1\r\n", {}},
      {"no list", "*-1\r\n", {}},
      {"an empty list", "*0\r\n", list({})},
      {"lists in a list", "*3\r\n$1\r\nx\r\n*2\r\n:1\r\n$-1\r\n*0\r\n",
       list({text("x"), list({number(1), {}}), list({})})},
  };
  for (const auto& row : rows) {
    const auto got = parse_resp(row.bytes + "+next\r\n", kLimits);
    EXPECT_EQ(got.state, State::kWhole) << row.name;
    EXPECT_EQ(got.bytes, row.bytes.size()) << row.name;
    EXPECT_EQ(got.value, row.want) << row.name;
    for (size_t i = 0; i < row.bytes.size(); ++i) {
      const auto part = parse_resp(std::string_view(row.bytes).substr(0, i), kLimits);
      EXPECT_EQ(part.state, State::kMore) << row.name << " cut at " << i;
      EXPECT_GT(part.bytes, i) << row.name;
      EXPECT_LE(part.bytes, row.bytes.size()) << row.name;
    }
  }
}

TEST(Resp, refuses_what_is_no_reply_or_beyond_its_limits) {
  const struct {
    std::string name, bytes;
  } rows[] = {
      {"another kind", "%1\r\n"},
      {"another protocol", "HTTP/1.1 400 Bad Request\r\n"},
      {"no number", ":12x\r\n"},
      {"a number with blanks", ": 1\r\n"},
      {"no length", "$\r\n"},
      {"a length below nothing", "$-2\r\n"},
      {"a length of 512 MB, whose bytes are not waited for", "$536870912\r\n"},
      {"a length beyond all numbers", "$99999999999999999999999\r\n"},
      {"a text that ends elsewhere", "$1\r\nxyz"},
      {"a line that ends elsewhere", "+O\rK"},
      {"a line without end", "+" + std::string(300, 'x')},
      {"too long a list", "*5\r\n"},
      {"lists too deep", "*1\r\n*1\r\n*1\r\n"},
      {"too many bytes together", "*2\r\n$120\r\n" + std::string(120, 'x') + "\r\n$90\r\n"},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_resp(row.bytes, kLimits).state, State::kBroken) << row.name;
}

TEST(Resp, reaches_the_limit_and_not_a_byte_more) {
  const auto of = [](size_t size) { return "$" + std::to_string(size) + "\r\n" + std::string(size, 'x') + "\r\n"; };
  EXPECT_EQ(parse_resp(of(192), kLimits).state, State::kWhole);
  EXPECT_EQ(parse_resp(of(193), kLimits).state, State::kBroken);
}

TEST(Resp, commands_carry_any_bytes) {
  RedisCommands commands;
  commands.add({"GET", "a b"}).add({"SET", "k", std::string_view("\r\n\0", 3), ""});
  EXPECT_EQ(commands.count(), 2u);
  EXPECT_EQ(commands.text(), std::string("*2\r\n$3\r\nGET\r\n$3\r\na b\r\n"
                                         "*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\r\n\0\r\n$0\r\n\r\n",
                                         57));
}

}  // namespace
}  // namespace baton::store
