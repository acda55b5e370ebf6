#include "edge/server.h"

#include <gtest/gtest.h>

#include <atomic>

#include "runtime/wait.h"
#include "tests/simulation/memory_net.h"

namespace baton::edge {
namespace {

using runtime::Task;

// Answers with what it was sent; a few paths behave otherwise.
class Echo final : public Handler {
 public:
  size_t body_max = 1000;
  int served = 0;
  runtime::CancelReason cancelled = runtime::CancelReason::kNone;

  Task<void> serve(Exchange& exchange) override {
    ++served;
    const std::string path(exchange.head().path);
    if (path == "/refuse") {
      co_await exchange.reply(401, "", "no");
      co_return;
    }
    if (path == "/silent") co_return;
    if (path == "/throw") throw std::bad_alloc();
    if (path == "/wait") {
      co_await runtime::wait(exchange.loop(),
                             {.cancel = &exchange.cancel(), .until = exchange.loop().now() + std::chrono::hours(1)});
      cancelled = exchange.cancel().reason();
      exchange.abort();
      co_return;
    }
    if (path == "/pieces") {
      std::string all;
      while (true) {
        auto piece = co_await exchange.read_piece(body_max);
        if (!piece) {
          co_await exchange.reply(piece.error().code == ErrorCode::kBodyTooLarge ? 413 : 400, "", piece.error().detail);
          co_return;
        }
        if (piece->empty()) break;
        all.append(*piece);
      }
      co_await exchange.reply(200, "", all);
      co_return;
    }
    auto body = co_await exchange.read_body(body_max);
    if (!body) {
      int status = body.error().code == ErrorCode::kBodyTooLarge ? 413
                   : body.error().code == ErrorCode::kTooSlow    ? 408
                   : body.error().code == ErrorCode::kOverloaded ? 529
                                                                 : 400;
      co_await exchange.reply(status, "", "");
      co_return;
    }
    if (path == "/chunks") {
      exchange.begin({.status = 200, .fields = "x-kind: chunks\r\n", .content = *body});
      exchange.writer().write({}, "-more", false);
      exchange.writer().write({}, {}, true);
      co_await exchange.drain(0);
      co_return;
    }
    co_await exchange.reply(200, "x-kind: echo\r\n",
                            std::string(exchange.head().method_text) + " " + std::string(*body));
  }
  Refusal refuse(http::HeadError head_error, const Error& error, std::string_view) override {
    return {head_error != http::HeadError::kNone ? http::head_error_status(head_error) : 408, "x-refused: 1\r\n",
            error.detail};
  }
};

class Edge : public testing::Test {
 protected:
  explicit Edge(size_t piece = 4096) : weather_{.piece_bytes_max = piece} {}

  struct Client {
    std::unique_ptr<runtime::ByteStream> stream;
    std::string got;
    bool ended = false;
    bool reset = false;
  };

  Client connect() {
    auto pair = simulation::make_pair(random_, weather_, "127.0.0.1", "127.0.0.1");
    server_.adopt(std::move(pair.b));
    return {.stream = std::move(pair.a), .got = {}};
  }
  void say(Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      iovec part{const_cast<char*>(bytes.data()), bytes.size()};
      auto wrote = client.stream->try_write(std::span<const iovec>(&part, 1));
      bytes.remove_prefix(wrote.bytes);
      if (wrote.status == runtime::IoStatus::kReset) return;
      pump(client, Duration{0});
    }
    pump(client, Duration{0});
  }
  // Lets `by` pass, and everything that happens meanwhile happen.
  void pump(Client& client, Duration by) {
    const Instant until = clock_.now() + by;
    for (int quiet = 0; quiet < 50;) {
      bool acted = false;
      loop_.run_until([&, once = 0]() mutable { return once++ > 0; });
      char bytes[5000];
      while (client.stream->can_read()) {
        auto read = client.stream->try_read(bytes);
        if (read.status == runtime::IoStatus::kEof) client.ended = true;
        if (read.status == runtime::IoStatus::kReset) client.reset = true;
        if (read.bytes == 0) break;
        client.got.append(bytes, read.bytes);
        acted = true;
      }
      quiet = acted || clock_.now() < until ? 0 : quiet + 1;
      if (clock_.now() < until && !acted) {
        Instant next = std::min(until, loop_.timers().next());
        if (next > clock_.now()) clock_.set(next);
      }
    }
  }

  // The poller must not run ahead of the test: it never sleeps, time moves in pump().
  struct StillPoller final : runtime::Poller {
    void poll(Instant) override {}
    void interrupt() override {}
  };

  runtime::Random random_{7};
  simulation::Weather weather_;
  runtime::VirtualClock clock_;
  StillPoller poller_;
  runtime::Loop loop_{clock_, poller_};
  Config config_;
  Echo echo_;
  ByteBudget budget_{100'000};
  std::atomic<int64_t> connections_{0};
  Server server_{
      {.loop = loop_, .config = config_, .handler = echo_, .request_bytes = budget_, .connections = connections_}};

  void TearDown() override {
    server_.cut();
    loop_.run_until([&, n = 0]() mutable { return n++ > 100; });
    EXPECT_EQ(server_.open(), 0u);
    EXPECT_EQ(connections_.load(), 0);
    EXPECT_EQ(budget_.taken(), 0u);
  }
};

class EdgeByteByByte : public Edge {
 protected:
  EdgeByteByByte() : Edge(1) {}
};

constexpr std::string_view kPost = "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view kEchoed = "HTTP/1.1 200 OK\r\nx-kind: echo\r\ncontent-length: 10\r\n\r\nPOST hello";

TEST_F(Edge, a_request_is_served_and_the_connection_kept) {
  Client client = connect();
  say(client, kPost);
  EXPECT_EQ(client.got, kEchoed);
  say(client, kPost);
  EXPECT_EQ(client.got, std::string(kEchoed) + std::string(kEchoed));
  EXPECT_FALSE(client.ended);
}

TEST_F(EdgeByteByByte, heads_and_bodies_may_come_in_any_pieces) {
  Client client = connect();
  say(client, kPost);
  say(client, "POST /v1/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n");
  EXPECT_EQ(client.got, std::string(kEchoed) + std::string(kEchoed));
}

TEST_F(Edge, pipelined_requests_are_answered_in_order) {
  for (std::string_view body :
       {"Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}) {
    Client client = connect();
    std::string first = "POST /v1/x HTTP/1.1\r\nHost: h\r\n" + std::string(body);
    say(client, first + "GET /second HTTP/1.1\r\nHost: h\r\n\r\n" + std::string(kPost));
    EXPECT_EQ(client.got,
              "HTTP/1.1 200 OK\r\nx-kind: echo\r\ncontent-length: 8\r\n\r\nPOST abc"
              "HTTP/1.1 200 OK\r\nx-kind: echo\r\ncontent-length: 4\r\n\r\nGET " +
                  std::string(kEchoed));
  }
}

TEST_F(Edge, a_reply_of_unknown_length_is_chunked_and_an_old_client_gets_it_until_close) {
  Client client = connect();
  say(client, "POST /chunks HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(
      client.got,
      "HTTP/1.1 200 OK\r\nx-kind: chunks\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n5\r\n-more\r\n0\r\n\r\n");
  Client old = connect();
  say(old, "POST /chunks HTTP/1.0\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(old.got, "HTTP/1.1 200 OK\r\nx-kind: chunks\r\nconnection: close\r\n\r\nhi-more");
  EXPECT_TRUE(old.ended);
}

TEST_F(Edge, expect_continue_is_answered_only_when_the_body_is_wanted) {
  Client client = connect();
  say(client, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.got, "HTTP/1.1 100 Continue\r\n\r\n");
  say(client, "hello");
  EXPECT_EQ(client.got, "HTTP/1.1 100 Continue\r\n\r\n" + std::string(kEchoed));
  Client refused = connect();
  say(refused, "POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(refused.got, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
  pump(refused, std::chrono::seconds(3));
  EXPECT_TRUE(refused.ended);
}

TEST_F(Edge, a_bad_head_is_refused_and_the_connection_closed) {
  Client client = connect();
  say(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello");
  EXPECT_TRUE(client.got.starts_with("HTTP/1.1 400 ")) << client.got;
  EXPECT_NE(client.got.find("connection: close"), std::string::npos);
  pump(client, std::chrono::seconds(3));
  EXPECT_TRUE(client.ended || client.reset);
  EXPECT_EQ(echo_.served, 0);
}

TEST_F(Edge, a_body_over_its_bound_is_refused_at_once_or_when_it_passes_the_bound) {
  Client client = connect();
  say(client, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
  EXPECT_TRUE(client.got.starts_with("HTTP/1.1 413 ")) << client.got;
  for (std::string path : {"/v1/x", "/pieces"}) {
    Client chunked = connect();
    say(chunked, "POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" +
                     std::string(1000, 'x') + "\r\n1\r\ny\r\n");
    EXPECT_TRUE(chunked.got.starts_with("HTTP/1.1 413 ")) << chunked.got;
  }
}

TEST_F(Edge, pieces_are_passed_on_as_they_come) {
  Client client = connect();
  say(client, "POST /pieces HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345");
  say(client, "67890");
  EXPECT_TRUE(client.got.ends_with("\r\n\r\n1234567890")) << client.got;
  say(client, "POST /pieces HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
  say(client, "1\r\nb\r\n0\r\n\r\n");
  EXPECT_TRUE(client.got.ends_with("\r\n\r\nab")) << client.got;
}

TEST_F(Edge, a_slow_head_and_a_slow_body_are_timed_out) {
  Client head = connect();
  say(head, "POST /v1/x HTTP/1.1\r\nHost:");
  pump(head, std::chrono::seconds(11));
  EXPECT_TRUE(head.got.starts_with("HTTP/1.1 408 ")) << head.got;
  Client body = connect();
  say(body, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
  pump(body, std::chrono::seconds(31));
  EXPECT_TRUE(body.got.starts_with("HTTP/1.1 408 ")) << body.got;
  Client trickle = connect();
  say(trickle, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 900\r\n\r\n");
  for (int i = 0; i < 30 && trickle.got.empty(); ++i) {
    say(trickle, "x");
    pump(trickle, std::chrono::seconds(1));
  }
  EXPECT_TRUE(trickle.got.starts_with("HTTP/1.1 408 ")) << trickle.got;
}

TEST_F(Edge, an_idle_connection_is_closed_silently) {
  Client client = connect();
  pump(client, std::chrono::seconds(76));
  EXPECT_EQ(client.got, "");
  EXPECT_TRUE(client.ended);
}

TEST_F(Edge, a_short_body_with_an_end_is_a_bad_request) {
  Client client = connect();
  say(client, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
  client.stream->shut_write();
  pump(client, std::chrono::seconds(1));
  EXPECT_TRUE(client.got.starts_with("HTTP/1.1 400 ")) << client.got;
}

TEST_F(Edge, a_client_that_leaves_cancels_its_call) {
  for (bool reset : {false, true}) {
    echo_.cancelled = runtime::CancelReason::kNone;
    Client client = connect();
    say(client, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    client.stream->close(reset);
    pump(client, Duration{0});
    EXPECT_EQ(echo_.cancelled, runtime::CancelReason::kClientGone);
  }
}

TEST_F(Edge, a_handler_that_says_nothing_resets_the_connection) {
  Client client = connect();
  say(client, "GET /silent HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(client.got, "");
  EXPECT_TRUE(client.reset);
}

TEST_F(Edge, bodies_wait_for_the_shared_budget_and_are_refused_when_it_stays_full) {
  echo_.body_max = 90'000;
  Client first = connect();
  say(first, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 80000\r\n\r\nx");
  EXPECT_EQ(budget_.taken(), 80'000u);
  Client second = connect();
  say(second, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n" + std::string(30000, 'y'));
  EXPECT_EQ(second.got, "");
  say(first, std::string(79999, 'x'));
  pump(second, std::chrono::seconds(1));
  EXPECT_TRUE(second.got.starts_with("HTTP/1.1 200 ")) << second.got.substr(0, 100);
  EXPECT_EQ(budget_.taken(), 0u);
  ASSERT_TRUE(budget_.take(90'000));
  Client third = connect();
  say(third, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\n");
  pump(third, std::chrono::seconds(31));
  EXPECT_TRUE(third.got.starts_with("HTTP/1.1 529 ")) << third.got;
  budget_.give(90'000);
}

TEST_F(Edge, who_waited_for_the_budget_is_not_blamed_for_the_time) {
  echo_.body_max = 90'000;
  ASSERT_TRUE(budget_.take(90'000));
  Client client = connect();
  say(client, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n");
  pump(client, std::chrono::seconds(25));
  EXPECT_EQ(client.got, "");
  budget_.give(90'000);
  pump(client, std::chrono::seconds(2));  // its turn, and nothing of its body has come
  EXPECT_EQ(client.got, "");
  say(client, std::string(20000, 'y'));
  pump(client, std::chrono::seconds(1));
  EXPECT_TRUE(client.got.starts_with("HTTP/1.1 200 ")) << client.got.substr(0, 100);
}

TEST_F(Edge, beyond_the_limit_the_oldest_idle_connection_makes_room) {
  config_.connections_max = 2;
  Client first = connect();
  Client second = connect();
  say(second, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  Client third = connect();
  say(third, kPost);
  pump(first, Duration{0});
  EXPECT_TRUE(first.ended);
  EXPECT_EQ(third.got, kEchoed);
  say(third, "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  Client fourth = connect();
  pump(fourth, Duration{0});
  EXPECT_TRUE(fourth.reset);
}

TEST_F(Edge, connections_that_come_together_each_take_the_place_of_another) {
  config_.connections_max = 2;
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(connect());  // before the loop has turned
  pump(clients.back(), Duration{0});
  EXPECT_EQ(connections_.load(), 2);
  say(clients[5], kPost);
  EXPECT_EQ(clients[5].got, kEchoed);
}

TEST_F(Edge, pipelined_requests_leave_others_their_turn) {
  Client client = connect();
  pump(client, Duration{0});
  std::string flood;
  for (int i = 0; i < 1000; ++i) flood += "GET /refuse HTTP/1.1\r\nHost: h\r\n\r\n";
  iovec part{flood.data(), flood.size()};
  ASSERT_EQ(client.stream->try_write(std::span<const iovec>(&part, 1)).bytes, flood.size());
  int before = echo_.served, most = 0;
  for (int turn = 0; turn < 400; ++turn) {
    loop_.run_until([once = 0]() mutable { return once++ > 0; });
    most = std::max(most, echo_.served - before);
    before = echo_.served;
    char bytes[65536];
    while (client.stream->can_read() && client.stream->try_read(bytes).bytes > 0) {
    }
  }
  EXPECT_EQ(echo_.served, 1000);
  EXPECT_LE(most, 16);
}

TEST_F(Edge, a_handler_that_throws_ends_its_connection_and_no_other) {
  Client client = connect();
  Client other = connect();
  say(client, "GET /throw HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(client.reset);
  say(other, kPost);
  EXPECT_EQ(other.got, kEchoed);
}

TEST_F(Edge, a_request_that_has_come_is_served_though_its_connection_was_about_to_be_closed) {
  Client client = connect();
  pump(client, Duration{0});
  iovec part{const_cast<char*>(kPost.data()), kPost.size()};
  client.stream->try_write(std::span<const iovec>(&part, 1));
  server_.drain();
  pump(client, Duration{0});
  EXPECT_TRUE(client.got.starts_with("HTTP/1.1 200 ")) << client.got;
  EXPECT_TRUE(client.ended);
}

TEST_F(Edge, what_follows_the_last_request_is_read_and_dropped_before_the_connection_closes) {
  auto pair = simulation::make_pair(random_, weather_, "127.0.0.1", "127.0.0.1");
  auto unread = pair.a_to_b;
  server_.adopt(std::move(pair.b));
  Client client{.stream = std::move(pair.a), .got = {}};
  say(client, "GET /refuse HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + std::string(20'000, 'x'));
  pump(client, std::chrono::seconds(1));
  EXPECT_TRUE(client.got.ends_with("no")) << client.got;
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(client.reset);
  EXPECT_EQ(unread->waiting(), 0u);  // else the kernel would answer with a reset that may overtake the reply
}

TEST_F(Edge, a_drain_closes_idle_connections_and_lets_calls_finish) {
  Client idle = connect();
  Client busy = connect();
  say(busy, "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe");
  server_.drain();
  pump(idle, Duration{0});
  EXPECT_TRUE(idle.ended);
  say(busy, "llo");
  EXPECT_TRUE(busy.got.starts_with("HTTP/1.1 200 ")) << busy.got;
  EXPECT_NE(busy.got.find("connection: close"), std::string::npos);
  EXPECT_TRUE(busy.ended);
  EXPECT_EQ(server_.open(), 0u);
}

TEST_F(Edge, a_slow_reader_is_cut_after_the_stall_limit) {
  echo_.body_max = 200'000;
  budget_.take(0);
  weather_.window_bytes = 1000;
  auto pair = simulation::make_pair(random_, weather_, "127.0.0.1", "127.0.0.1");
  server_.adopt(std::move(pair.b));
  std::string request = "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n" + std::string(50000, 'z');
  std::string_view rest = request;
  Client nobody{.stream = std::move(pair.a), .got = {}};
  while (!rest.empty()) {
    iovec part{const_cast<char*>(rest.data()), rest.size()};
    rest.remove_prefix(nobody.stream->try_write(std::span<const iovec>(&part, 1)).bytes);
    loop_.run_until([&, n = 0]() mutable { return n++ > 3; });
  }
  EXPECT_EQ(server_.open(), 1u);
  clock_.advance(std::chrono::seconds(121));
  loop_.run_until([&, n = 0]() mutable { return n++ > 10; });
  EXPECT_EQ(server_.open(), 0u);
}

}  // namespace
}  // namespace baton::edge
