// Streams that end well: their bytes, and that nothing of them is held back.
#include "conformance/row.h"
#include "http/content_coding.h"
#include "http/encode.h"

namespace baton::conformance {

using runtime::Task;

namespace {

constexpr std::string_view kManyScripts =
    "\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa \xed\x95\x9c\xea\xb8\x80 \xd8\xa7\xd9\x84 "
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xf0\x9f\x8f\xb3\xef\xb8\x8f\xe2\x80\x8d"
    "\xf0\x9f\x8c\x88 e\xcc\x81 \xe1\xba\x9e";

std::string tool_delta(int index, std::string_view json) {
  std::string data = R"({"type":"content_block_delta","index":)" + std::to_string(index) +
                     R"(,"delta":{"type":"input_json_delta","partial_json":)";
  data += '"';
  for (char c : json) {
    if (c == '"') data += '\\';
    data += c;
  }
  return event("content_block_delta", data + "\"}}");
}

std::string tool_start(int index) {
  const std::string number = std::to_string(index);
  return event("content_block_start", R"({"type":"content_block_start","index":)" + number +
                                          R"(,"content_block":{"type":"tool_use","id":"toolu_)" + number +
                                          R"(","name":"tool_)" + number + R"(","input":{}}})");
}

std::string stop(int index) {
  return event("content_block_stop", R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}");
}

// The stream with this content comes back byte for byte.
Task<Finding> stream_comes_back(Bench& bench, std::vector<std::string> pieces) {
  const std::string wanted = joined(pieces);
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(streamed(pieces));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = same_bytes("the stream", wanted, told.reply.body)) co_return *wrong;
  co_return passed();
}

Task<Finding> stream_bytes(Bench& bench, const Row&) {
  std::vector<std::string> pieces{message_start(), ping(), block_start(), text_delta(kManyScripts)};
  pieces.push_back(": a comment\n\n");
  pieces.push_back("id: 17\nretry: 3000\n" + text_delta("more"));
  pieces.push_back(event("unheard_of", R"({"type":"unheard_of",  "n":1.0})"));
  pieces.push_back(event("content_block_delta",
                         R"({"type":"content_block_delta","index":0,"delta":{"type":"unheard_of_delta","x":[1e2]}})"));
  for (std::string& end : std::vector<std::string>{block_stop(), message_delta(), message_stop()})
    pieces.push_back(std::move(end));
  co_return co_await stream_comes_back(bench, std::move(pieces));
}

Task<Finding> stream_signature(Bench& bench, const Row&) {
  std::vector<std::string> pieces{
      message_start(),
      event(
          "content_block_start",
          R"({"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}})"),
      event(
          "content_block_delta",
          R"({"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCkYIBxgCKkAx+/=="}})"),
      block_stop(),
      message_delta(),
      message_stop()};
  co_return co_await stream_comes_back(bench, std::move(pieces));
}

Task<Finding> parallel_tools(Bench& bench, const Row&) {
  std::vector<std::string> pieces{message_start(),
                                  tool_start(0),
                                  tool_start(1),
                                  tool_delta(0, ""),
                                  tool_delta(1, R"({"city":)"),
                                  tool_delta(0, R"({"path":"a)"),
                                  tool_delta(1, R"("Oslo"})"),
                                  tool_delta(0, R"(.txt"})"),
                                  stop(1),
                                  stop(0),
                                  tool_start(2),
                                  tool_delta(2, ""),
                                  stop(2),
                                  message_delta(),
                                  message_stop()};
  co_return co_await stream_comes_back(bench, std::move(pieces));
}

// Each piece waits for the one before it to be at the client: what is held back comes never, or in a burst.
Task<Finding> lock_step(Bench& bench, std::vector<std::string> pieces, std::string_view needle, std::string_view what) {
  Answer answer{stream_head(), chunk(message_start() + block_start() + text_delta("begin"))};
  answer.push_back({.what = Step::What::kUntilSeen, .bytes = "begin", .time = bench.config().held_back_max});
  size_t count = 0;
  for (const std::string& piece : pieces) {
    answer.push_back(chunk(piece));
    answer.push_back({.what = Step::What::kUntilSeen,
                      .bytes = std::string(needle),
                      .count = ++count,
                      .time = bench.config().held_back_max});
  }
  answer.push_back(chunk(block_stop() + message_delta() + message_stop()));
  answer.push_back(last_chunk());
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  if (!first(told).held_back.empty())
    co_return failed("each of the " + std::string(what) + " at the client while the upstream waits for it",
                     "held back, or never forwarded");
  if (auto none = missing(told, 200)) co_return *none;
  co_return passed();
}

Task<Finding> at_once(Bench& bench, const Row&) {
  std::vector<std::string> pieces;
  for (int i = 0; i < 20; ++i) pieces.push_back(text_delta("tick."));
  co_return co_await lock_step(bench, std::move(pieces), "tick.", "deltas");
}

Task<Finding> tools_at_once(Bench& bench, const Row&) {
  std::vector<std::string> pieces;
  for (int i = 0; i < 20; ++i) pieces.push_back(tool_delta(0, i == 0 ? "{\\\"ticking" : " ticking"));
  co_return co_await lock_step(bench, std::move(pieces), "ticking", "tool-input deltas");
}

Task<Finding> pings(Bench& bench, const Row&) {
  std::vector<std::string> pieces(4, ping());
  co_return co_await lock_step(bench, std::move(pieces), "event: ping", "pings");
}

Task<Finding> comments(Bench& bench, const Row&) {
  std::vector<std::string> pieces(4, ": keep-alive\n\n");
  co_return co_await lock_step(bench, std::move(pieces), ": keep-alive", "comment lines");
}

Task<Finding> any_cut(Bench& bench, const Row&) {
  const std::string before = message_start() + block_start();
  const std::string delta = text_delta(kManyScripts);
  const std::string after = block_stop() + message_delta() + message_stop();
  // Every byte a chunk of its own.
  Answer bytes{stream_head(), chunk(before)};
  for (const char c : delta) bytes.push_back(chunk({&c, 1}));
  bytes.push_back(chunk(after));
  bytes.push_back(last_chunk());
  std::vector<Answer> answers{std::move(bytes)};
  // Cut in two, at every byte of the text.
  for (size_t cut = delta.find("text\":\""); cut < delta.size(); ++cut) {
    answers.push_back({stream_head(),
                       chunk(before + delta.substr(0, cut)),
                       {.what = Step::What::kPause, .time = std::chrono::milliseconds(1)},
                       chunk(delta.substr(cut) + after),
                       last_chunk()});
  }
  const std::string wanted = before + delta + after;
  const size_t count = answers.size();
  for (Answer& answer : answers) {
    Ask ask{.body = streamed_body()};
    ask.answers.push_back(std::move(answer));
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = missing(told, 200)) co_return *none;
    if (auto wrong = same_bytes("the stream", wanted, told.reply.body)) co_return *wrong;
  }
  co_return passed(std::to_string(count) + " streams");
}

std::string with_lines(std::string_view text, std::string_view line_end) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += line_end;
    } else {
      out += c;
    }
  }
  return out;
}

std::string without_blank(std::string text) {
  for (const std::string_view field : {"event: ", "data: "}) {
    for (size_t at = text.find(field); at != text.npos; at = text.find(field, at)) text.erase(at + field.size() - 1, 1);
  }
  return text;
}

Task<Finding> framings(Bench& bench, const Row&) {
  const std::string lf = joined(text_stream({"one", std::string(kManyScripts), "three"}));
  const std::pair<std::string_view, std::string> cases[] = {{"LF", lf},
                                                            {"CR LF", with_lines(lf, "\r\n")},
                                                            {"CR", with_lines(lf, "\r")},
                                                            {"no blank behind the colon", without_blank(lf)},
                                                            {"comments between the lines", with_lines(lf, "\n: c\n")},
                                                            {"a byte order mark in front", "\xef\xbb\xbf" + lf}};
  for (const auto& [name, text] : cases) {
    for (const size_t size : {text.size(), size_t{7}}) {
      std::vector<std::string> pieces;
      for (size_t at = 0; at < text.size(); at += size) pieces.push_back(text.substr(at, size));
      Ask ask{.body = streamed_body()};
      ask.answers.push_back(streamed(pieces));
      const Told told = co_await bench.ask(std::move(ask));
      if (auto none = missing(told, 200)) co_return *none;
      if (auto wrong = same_events(text, told.reply.body)) {
        wrong->expected = std::string(name) + ", " + wrong->expected;
        co_return *wrong;
      }
    }
  }
  co_return passed();
}

// What brotli makes of an event stream: the format's stored form, which needs no encoder.
std::string brotli_stored(std::string_view text) {
  // Window bits 16, then for each piece of up to 65,536 bytes: not the last, length - 1 in 16 bits, stored; then an
  // empty last one. RFC 7932 9.1, 9.2.
  std::string out;
  uint64_t bits = 0;
  unsigned count = 0;
  const auto put = [&](uint64_t value, unsigned width) {
    bits |= value << count;
    count += width;
    while (count >= 8) {
      out += static_cast<char>(bits & 255);
      bits >>= 8;
      count -= 8;
    }
  };
  put(0, 1);
  put(0, 1);  // ISLAST
  put(0, 2);  // MNIBBLES: 4
  put(static_cast<uint64_t>(text.substr(0, 65'536).size() - 1), 16);
  put(1, 1);  // ISUNCOMPRESSED
  if (count > 0) put(0, 8 - count);
  out.append(text.substr(0, 65'536));
  put(3, 2);  // ISLAST, ISLASTEMPTY
  put(0, 8 - count);
  return out;
}

Task<Finding> encoded(Bench& bench, const Row&) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back("again and again " + std::to_string(i));
  const std::string plain = joined(text_stream(texts));
  const auto gzip = http::encode_whole(http::Coding::kGzip, plain);
  const auto zstd = http::encode_whole(http::Coding::kZstd, plain);
  if (!gzip || !zstd) co_return skipped("no memory to compress with");
  const std::pair<std::string, std::string> cases[] = {{"gzip", *gzip}, {"br", brotli_stored(plain)}, {"zstd", *zstd}};
  for (const auto& [coding, packed] : cases) {
    for (const char* accepted : {"gzip, deflate, br, zstd", ""}) {
      Ask ask{.fields = {{"accept-encoding", accepted}}, .body = streamed_body()};
      ask.answers.push_back(streamed({packed.substr(0, 100), packed.substr(100)}, {{"content-encoding", coding}}));
      const Told told = co_await bench.ask(std::move(ask));
      if (auto none = missing(told, 200)) co_return *none;
      const auto named = http::parse_coding(told.reply.one("content-encoding"));
      if (named == http::Coding::kIdentity && told.reply.body == plain) continue;
      const auto content = http::decode_whole(named, told.reply.body, {});
      if (named == http::Coding::kIdentity || !content)
        co_return failed("the " + coding + " stream, readable by what its fields say", describe(told.reply));
      if (auto wrong = same_bytes("the stream, decoded", plain, *content)) co_return *wrong;
    }
  }
  co_return passed();
}

// Compressed, and nothing says so: a client can make of it what it can, a gateway must not make less of it.
Task<Finding> encoded_unnamed(Bench& bench, const Row&) {
  const std::string plain = joined(text_stream(std::vector<std::string>(40, "again and again")));
  const auto gzip = http::encode_whole(http::Coding::kGzip, plain);
  if (!gzip) co_return skipped("no memory to compress with");
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(streamed({*gzip}));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  if (told.reply.body.starts_with(*gzip) || told.reply.body == plain) co_return passed();
  const Ending ending = ending_of(told.reply);
  if (ending == Ending::kErrorEvent || ending == Ending::kErrorStatus || ending == Ending::kVisibleCut)
    co_return passed("refused as no event stream");
  co_return failed("the bytes as they came, decoded, or an error", describe(told.reply));
}

Task<Finding> endless_line(Bench& bench, const Row&) {
  const size_t piece = 64 * kKiB;
  const size_t count = std::max<size_t>(bench.config().endless_line_bytes / piece, 1);
  Answer answer{stream_head(), chunk(message_start() + block_start() + text_delta("begin")),
                chunk("event: content_block_delta\ndata: {\"text\":\"")};
  answer.push_back({.what = Step::What::kFlood, .bytes = chunk(std::string(piece, 'x')).bytes, .count = count});
  answer.push_back(chunk("\"}\n\n" + block_stop() + message_delta() + message_stop()));
  answer.push_back(last_chunk());
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  const Ending ending = ending_of(told.reply);
  if (ending == Ending::kFinished && told.reply.body_bytes >= piece * count) co_return passed("passed through");
  if (ending == Ending::kErrorEvent || ending == Ending::kErrorStatus || ending == Ending::kVisibleCut)
    co_return passed("ended by an error");
  co_return failed("the whole line, or an error", describe(told.reply));
}

// As `silence` of the vendor in long thinking: clients warn after 20 s, and some leave soon after.
Task<Finding> silence(Bench& bench, const Row&) {
  Answer answer{stream_head(), chunk(message_start() + block_start() + text_delta("begin"))};
  answer.push_back({.what = Step::What::kPause, .time = bench.config().silence});
  answer.push_back(chunk(text_delta("end") + block_stop() + message_delta() + message_stop()));
  answer.push_back(last_chunk());
  Ask ask{.body = streamed_body(), .limit = bench.config().silence + bench.config().answer_limit};
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = same_events(joined(text_stream({"begin", "end"})), told.reply.body)) co_return *wrong;
  const size_t from = told.reply.body.find(text_delta("begin"));
  const size_t to = told.reply.body.find(text_delta("end"));
  const size_t size = text_delta("begin").size();
  if (from == std::string::npos || to == std::string::npos || to <= from + size)
    co_return failed("a ping or a comment line while the upstream says nothing", "nothing between the two deltas");
  co_return passed();
}

constexpr Row kStream[] = {
    {"stream-bytes", "a stream comes back byte for byte: pings, comments, ids, unknown events and deltas",
     stream_bytes},
    {"stream-at-once", "deltas come as they are sent", at_once},
    {"stream-tools-at-once", "tool-input deltas come as they are sent", tools_at_once},
    {"stream-pings", "pings come as they are sent", pings},
    {"stream-comments", "comment lines come as they are sent", comments},
    {"stream-any-cut", "characters cut at any byte between two reads come whole", any_cut},
    {"stream-framings", "LF, CR LF, CR, no blank behind the colon, comments, a byte order mark: the same events",
     framings},
    {"stream-tools", "tool calls beside one another, and empty arguments, come back unmixed", parallel_tools},
    {"stream-signatures", "signature deltas come back byte for byte", stream_signature},
    {"stream-encoded", "gzip, br and zstd streams come back readable, whatever the client accepts", encoded},
    {"stream-encoded-unnamed", "a compressed stream that does not say so is not damaged", encoded_unnamed},
    {"stream-endless-line", "a line that does not end passes or ends in an error", endless_line},
    {"stream-silence", "an upstream that says nothing for 16 s is bridged by pings", silence, 0, false, true},
};

}  // namespace

std::span<const Row> stream_rows() { return kStream; }

}  // namespace baton::conformance
