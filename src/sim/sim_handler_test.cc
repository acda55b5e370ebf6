#include "sim/sim_handler.h"

#include <gtest/gtest.h>

#include "edge/server.h"
#include "runtime/wait.h"
#include "sim/testing.h"
#include "tests/simulation/memory_net.h"

namespace baton::sim {
namespace {

using namespace testing;
using runtime::Task;

struct Heard {
  std::string bytes;
  bool reset = false;
  Duration first{0};  // byte, from the start
  Duration end{0};
  std::string content() const { return bytes.substr(std::min(bytes.size(), bytes.find("\r\n\r\n") + 4)); }
};

// A client, the simulator's server and the network between, on virtual time.
class Wire {
 public:
  explicit Wire(Config config = {}, bool standalone = false)
      : simulator(std::move(config)), handler_(simulator, {.standalone = standalone}) {}

  // Says `request`, hears until the end of the connection, or leaves after `patience`.
  Heard talk(std::string request, Duration patience = std::chrono::hours(2)) {
    auto pair = simulation::make_pair(random_, weather_, "127.0.0.1", "127.0.0.1");
    server_.adopt(std::move(pair.b));
    Heard heard;
    runtime::TaskGroup group;
    bool done = false;
    group.spawn(client(*this, std::move(pair.a), std::move(request), patience, heard, done));
    loop_.run_until([&] { return done && server_.open() == 0; });
    return heard;
  }

  Simulator simulator;

 private:
  static Task<void> client(Wire& wire, std::unique_ptr<runtime::ByteStream> stream, std::string request,
                           Duration patience, Heard& heard, bool& done) {
    runtime::Loop& loop = wire.loop_;
    const Instant start = loop.now();
    std::string_view rest = request;
    while (!rest.empty()) {
      iovec part{const_cast<char*>(rest.data()), rest.size()};
      auto wrote = stream->try_write(std::span<const iovec>(&part, 1));
      rest.remove_prefix(wrote.bytes);
      if (wrote.status == runtime::IoStatus::kReset) break;
      if (!rest.empty()) co_await runtime::wait(loop, {.write = stream.get()});
    }
    char bytes[4096];
    for (;;) {
      auto ready = co_await runtime::wait(loop, {.read = stream.get(), .until = start + patience});
      if ((ready & runtime::kReadable) == 0) break;
      auto read = stream->try_read(bytes);
      if (read.status == runtime::IoStatus::kBlocked) continue;
      heard.reset = read.status == runtime::IoStatus::kReset;
      if (read.bytes == 0) break;
      if (heard.bytes.empty()) heard.first = loop.now() - start;
      heard.bytes.append(bytes, read.bytes);
      heard.end = loop.now() - start;
    }
    stream->close(false);
    done = true;
  }

  runtime::VirtualClock clock_;
  simulation::VirtualPoller poller_{clock_};
  runtime::Loop loop_{clock_, poller_};
  runtime::Random random_{3};
  simulation::Weather weather_;
  edge::Config config_;
  ByteBudget budget_{64 * kMiB};
  std::atomic<int64_t> connections_{0};
  SimHandler handler_;
  edge::Server server_{
      {.loop = loop_, .config = config_, .handler = handler_, .request_bytes = budget_, .connections = connections_}};
};

std::string post(std::string_view body, std::string_view fields = "") {
  return "POST /v1/messages?beta=true HTTP/1.1\r\nhost: sim\r\nx-api-key: sk-a\r\nanthropic-version: "
         "2023-06-01\r\nconnection: close\r\n" +
         std::string(fields) + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string unchunked(std::string_view content) {
  std::string out;
  while (!content.empty()) {
    size_t line = content.find("\r\n");
    size_t size = std::stoul(std::string(content.substr(0, line)), nullptr, 16);
    if (size == 0) return out + (content == "0\r\n\r\n" ? "" : "<bad end>");
    out += content.substr(line + 2, size);
    content.remove_prefix(std::min(content.size(), line + 4 + size));
  }
  return out + "<cut>";
}

TEST(SimHandler, SendsAWholeReplyInItsTime) {
  Wire wire;
  Heard heard = wire.talk(post(hello()));
  EXPECT_TRUE(heard.bytes.starts_with("HTTP/1.1 200")) << heard.bytes;
  EXPECT_TRUE(is_valid_json(heard.content()));
  EXPECT_FALSE(heard.reset);
  EXPECT_EQ(milliseconds(heard.first), 1'000);
  EXPECT_EQ(wire.simulator.books("sk-a").output_tokens, 40u);
  EXPECT_EQ(wire.simulator.books("sk-a").aborted, 0u);
}

TEST(SimHandler, SendsAStreamInItsTime) {
  Wire wire;
  Heard heard = wire.talk(post(hello(R"(,"stream":true)")));
  auto events = events_of(unchunked(heard.content()));
  ASSERT_EQ(events.size(), 46u);
  EXPECT_EQ(events.back().name, "message_stop");
  EXPECT_EQ(milliseconds(heard.first), 0);
  EXPECT_EQ(milliseconds(heard.end), 200 + 39 * 20);
  EXPECT_EQ(wire.simulator.books().open, 0u);
}

TEST(SimHandler, FaultsArriveAsTheyWereAskedFor) {
  struct Row {
    std::string name;
    std::string control;
    bool stream;
    bool reset;
    std::string contains;
    std::string ends_with;
  };
  const Row rows[] = {
      {"reset", "fault=reset;at=900", true, true, "message_start", ""},
      {"close", "fault=close;at=900", true, false, "message_start", ""},
      {"half a head", "fault=half_head", true, true, "HTTP/1.1 200 OK\r\ncontent-ty", ""},
      {"garbage for a chunk", "fault=garbage_chunk", true, false, "message_start", "zz\r\nno chunk\r\n"},
      {"error event, then a clean end", "fault=error_event", true, false, "overloaded_error", "0\r\n\r\n"},
      {"no message_stop, a clean end", "fault=no_stop", true, false, "message_delta", "0\r\n\r\n"},
      {"a whole reply is cut too", "fault=reset", false, true, "HTTP/1.1 200", ""},
      {"gzip though none was asked", "encoding=gzip", false, false, "content-encoding: gzip", "0\r\n\r\n"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Wire wire;
    Heard heard = wire.talk(post(hello(row.stream ? R"(,"stream":true)" : ""), "baton-sim: " + row.control + "\r\n"));
    EXPECT_EQ(heard.reset, row.reset);
    EXPECT_NE(heard.bytes.find(row.contains), std::string::npos) << heard.bytes;
    EXPECT_TRUE(heard.bytes.ends_with(row.ends_with)) << heard.bytes;
    EXPECT_EQ(heard.bytes.find("message_stop"), std::string::npos);
    EXPECT_EQ(wire.simulator.books().open, 0u);
    EXPECT_EQ(wire.simulator.books().aborted, row.control == "encoding=gzip" ? 0u : 1u);
  }
}

TEST(SimHandler, AStallLastsUntilTheClientLeaves) {
  Wire wire;
  Heard heard =
      wire.talk(post(hello(R"(,"stream":true)"), "baton-sim: fault=stall;at=1000\r\n"), std::chrono::minutes(10));
  EXPECT_EQ(unchunked(heard.content()).size(), 1'000 + std::string("<cut>").size());
  EXPECT_EQ(wire.simulator.books().open, 0u);
  EXPECT_EQ(wire.simulator.books().aborted, 1u);
}

TEST(SimHandler, ADisconnectIsBookedWithWhatWasSent) {
  Wire wire;
  wire.talk(post(hello(R"(,"stream":true)")), std::chrono::milliseconds(310));
  Account account = wire.simulator.books("sk-a");
  EXPECT_EQ(account.aborted, 1u);
  EXPECT_EQ(account.open, 0u);
  EXPECT_EQ(account.output_tokens, 6u);  // at 200, 220, … 300 ms
}

TEST(SimHandler, StandaloneShowsItsBooksAndSaysWhatItIs) {
  Wire wire({}, true);
  Heard reply = wire.talk(post(hello(), "baton-sim: first_token=0;per_token=0\r\n"));
  EXPECT_NE(reply.bytes.find("baton-simulated: 1\r\n"), std::string::npos) << reply.bytes;
  Heard books = wire.talk("GET /baton-sim/books HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
  EXPECT_EQ(number_at(books.content(), "total.output_tokens"), 40);
  EXPECT_EQ(text_at(books.content(), "keys.0.key"), "sk-a");
  Heard refused = wire.talk("nonsense\r\n\r\n");
  EXPECT_NE(refused.bytes.find("baton-simulated: 1\r\n"), std::string::npos) << refused.bytes;
  EXPECT_EQ(text_at(refused.content(), "error.type"), "invalid_request_error");
  Wire inside;
  Heard unknown = inside.talk("GET /baton-sim/books HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
  EXPECT_TRUE(unknown.bytes.starts_with("HTTP/1.1 400")) << unknown.bytes;
  EXPECT_EQ(unknown.bytes.find("baton-simulated"), std::string::npos);
}

TEST(SimHandler, TooLargeABodyIsRefusedInTheVendorsShape) {
  Wire wire;
  Heard heard =
      wire.talk("POST /v1/messages HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n{");
  EXPECT_TRUE(heard.bytes.starts_with("HTTP/1.1 413")) << heard.bytes;
  EXPECT_EQ(text_at(heard.content(), "error.type"), "request_too_large");
}

}  // namespace
}  // namespace baton::sim
