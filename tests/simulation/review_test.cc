// Single cases that once went wrong, each at the smallest scale that shows it.
#include <gtest/gtest.h>

#include <new>
#include <utility>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using runtime::ByteStream;
using runtime::IoResult;
using runtime::IoStatus;
using What = Act::What;

WorldOptions scripted(size_t accounts, uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.accounts = accounts;
  options.scripted = true;
  return options;
}

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":12,"output_tokens":3}})";

// A connection that can be read now and then although nothing is there for the reader, as over TLS when session tickets
// come.
class Wakeful final : public ByteStream {
 public:
  Wakeful(runtime::Loop& loop, std::unique_ptr<ByteStream> inner) : inner_(std::move(inner)) {
    watch_.loop = &loop;
    watch_.self = this;
    watch_.run = [](runtime::Wake& wake) { static_cast<Watch&>(wake).self->refresh(); };
    inner_->readable.stand(watch_, 1);
    inner_->writable.stand(watch_, 1);
    inner_->hangup.stand(watch_, 1);
    wake();
  }
  ~Wakeful() override { watch_.loop->forget(watch_); }
  void wake() {
    can_read_ = true;
    readable.notify();
  }
  IoResult try_read(std::span<char> into) override {
    IoResult got = inner_->can_read() ? inner_->try_read(into) : IoResult{IoStatus::kBlocked, 0};
    can_read_ = inner_->can_read();
    return got;
  }
  IoResult try_write(std::span<const iovec> parts) override {
    IoResult put = inner_->try_write(parts);
    can_write_ = inner_->can_write();
    if (!can_write_) wake();
    return put;
  }
  void close(bool reset) override { inner_->close(reset); }
  void shut_write() override { inner_->shut_write(); }
  std::string peer_address() const override { return inner_->peer_address(); }

 private:
  struct Watch : runtime::Waiter {
    Wakeful* self = nullptr;
  };
  void refresh() {
    if (inner_->can_read()) wake();
    if (inner_->can_write() && !can_write_) {
      can_write_ = true;
      writable.notify();
    }
    if (inner_->gone() && !gone_) {
      gone_ = true;
      hangup.notify();
    }
  }
  std::unique_ptr<ByteStream> inner_;
  Watch watch_;
};

TEST(ReviewSimulation, readiness_without_bytes_does_not_cut_a_request_short) {
  for (bool upload : {false, true}) {
    auto options = scripted(1);
    options.upstream_weather.window_bytes = 4096;
    World world(options);
    world.on_dial = [&](StreamPair& pair, size_t) {
      pair.a = std::make_unique<Wakeful>(world.loop(), std::move(pair.a));
    };
    world.upstreams.always(0, Reply::json(200, kMessage));
    Script script{.body = World::body(false, std::string(300'000, 'x'))};
    if (upload) script.path = "/v1/files";
    Seen seen = world.play(script);
    EXPECT_EQ(seen.status, 200) << seen.body;
    ASSERT_EQ(world.upstreams.asked.size(), 1u);
    EXPECT_TRUE(world.upstreams.asked[0].whole);
    EXPECT_EQ(world.upstreams.asked[0].body, script.body);
    EXPECT_LT(seen.total, 1s);
    world.check();
  }
}

TEST(ReviewSimulation, an_interim_answer_does_not_cut_a_request_short) {
  auto options = scripted(1);
  options.upstream_weather.window_bytes = 4096;
  World world(options);
  world.on_dial = [](StreamPair& pair, size_t) {
    static constexpr std::string_view kInterim = "HTTP/1.1 102 Processing\r\n\r\n";
    iovec part{const_cast<char*>(kInterim.data()), kInterim.size()};
    pair.b->try_write(std::span<const iovec>(&part, 1));
  };
  world.upstreams.always(0, Reply::json(200, kMessage));
  Script script{.body = World::body(false, std::string(300'000, 'x'))};
  Seen seen = world.play(script);
  EXPECT_EQ(seen.status, 200) << seen.body;
  EXPECT_EQ(world.upstreams.asked.at(0).body, script.body);
  world.check();
}

TEST(ReviewSimulation, readiness_without_bytes_leaves_an_idle_connection_in_the_pool) {
  World world(scripted(1));
  Wakeful* upstream = nullptr;
  world.on_dial = [&](StreamPair& pair, size_t) {
    auto wakeful = std::make_unique<Wakeful>(world.loop(), std::move(pair.a));
    upstream = wakeful.get();
    pair.a = std::move(wakeful);
  };
  world.upstreams.always(0, Reply::json(200, kMessage));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.play({.body = World::body(false)}).status, 200);
    upstream->wake();
    if (i == 1) world.loop().run_until([n = 0]() mutable { return n++ > 3; });
  }
  EXPECT_EQ(world.dialers[0]->dialled, 1u);
  EXPECT_EQ(world.pool(0).unsolicited(), 0u);
  world.check();
}

TEST(ReviewSimulation, an_answer_that_was_given_before_the_upstream_closed_is_passed_on) {
  World world(scripted(1));
  static const std::string answer =
      "HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
  world.on_dial = [](StreamPair& pair, size_t) {
    iovec part{const_cast<char*>(answer.data()), answer.size()};
    pair.b->try_write(std::span<const iovec>(&part, 1));
    pair.b->close(false);  // what is written to it now breaks
  };
  Seen seen = world.play({.body = World::body(false)});
  EXPECT_EQ(seen.status, 413);
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(world.dialers[0]->dialled, 1u);
  world.check();
}

TEST(ReviewSimulation, an_uploading_client_that_leaves_while_the_upstream_takes_nothing_ends_the_upload) {
  for (bool chunked : {true, false}) {
    auto options = scripted(1);
    options.upstream_weather.window_bytes = 4096;
    World world(options);
    world.upstreams.always(0, {.acts = {{.what = What::kStall}}, .before_body = true});
    world.upstreams.next(0, {.acts = {{.what = What::kStall}}, .before_body = true});
    Script script{.path = "/v1/files", .body = std::string(400'000, 'b'), .chunked = chunked};
    script.leave_after = 5s;
    Seen seen = world.play(script);
    EXPECT_TRUE(seen.left);
    EXPECT_LE(*world.settle_time, 100ms);
    EXPECT_EQ(world.outcomes.at(0).ending, model::Ending::kClientGone);
    world.check();
  }
}

TEST(ReviewSimulation, an_object_named_in_a_head_is_found_after_the_body_made_the_head_move) {
  auto options = scripted(3);
  options.client_weather.piece_bytes_max = 300;
  World world(options);
  for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, Reply::json(200, R"({"id":"msgbatch_1"})"));
  ASSERT_TRUE(world.bindings().bind("msgbatch_1", "account-2", store::ObjectKind::kBatch));
  for (int i = 0; i < 3; ++i) {
    world.play({.path = "/v1/messages/batches/msgbatch_1/cancel", .body = std::string(100'000, ' '), .chunked = true});
    EXPECT_EQ(world.upstreams.asked.back().account, 2u);
  }
  Script remove{.method = "DELETE", .path = "/v1/messages/batches/msgbatch_1", .body = std::string(400'000, ' ')};
  world.play(remove);
  EXPECT_EQ(world.upstreams.asked.back().account, 2u);
  auto owner = world.bindings().account_of("msgbatch_1");
  ASSERT_TRUE(owner);
  EXPECT_FALSE(owner->has_value());
  world.check();
}

TEST(ReviewSimulation, an_answer_to_HEAD_keeps_the_length_a_GET_would_have_had) {
  struct {
    std::string_view name;
    std::string answer;
    std::string length;
  } const rows[] = {
      {"a length", "HTTP/1.1 200 OK\r\ncontent-length: 42\r\n\r\n", "42"},
      {"none", "HTTP/1.1 200 OK\r\n\r\n", ""},
      {"chunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", ""},
      {"empty", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", "0"},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", ""},
      {"not modified", "HTTP/1.1 304 Not Modified\r\ncontent-length: 42\r\n\r\n", ""},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    World world(scripted(1));
    world.upstreams.always(0, Reply::bytes(row.answer));
    Script script{.method = "HEAD", .path = "/v1/skills"};
    bool again = false;
    script.then = [&](const Seen&) {
      return std::exchange(again, true) ? std::optional<std::string>() : "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    };
    Seen seen = world.play(script);
    EXPECT_TRUE(seen.complete);
    EXPECT_EQ(seen.field("content-length"), row.length);
    ASSERT_EQ(seen.then.size(), 1u);
    EXPECT_EQ(seen.then[0].status, 200);
    EXPECT_EQ(world.pool(0).idle(), 1u);
    world.check();
  }
}

TEST(ReviewSimulation, the_callers_key_never_follows_an_object_to_an_account_that_forwards_credentials) {
  auto options = scripted(0);
  options.account_configs.resize(2);
  options.account_configs[0].name = "was-pooled";
  options.account_configs[0].passthrough = true;
  options.account_configs[1].name = "pooled";
  options.auth.clients.push_back({"laptop", Secret("baton-client-key-0123456789")});
  World world(options);
  ASSERT_TRUE(world.bindings().bind("msgbatch_1", "was-pooled", store::ObjectKind::kBatch));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, Reply::json(200, "{}"));
  Seen seen = world.play({.method = "GET",
                          .path = "/v1/messages/batches/msgbatch_1",
                          .fields = "x-api-key: baton-client-key-0123456789\r\n"});
  EXPECT_EQ(seen.status, 503);
  for (const auto& asked : world.upstreams.asked) EXPECT_EQ(asked.head.find("baton-client-key"), std::string::npos);
  world.check();
}

TEST(ReviewSimulation, a_call_that_a_drain_ends_is_told_so) {
  World world(scripted(1));
  world.upstreams.always(0, {.acts = {{.what = What::kStall}}});
  bool cut = false;
  const Instant began = world.clock.now();
  world.on_turn = [&] {
    if (!cut && world.clock.now() - began > 20s) {
      cut = true;
      world.server().cut();
    }
  };
  const auto all = world.play({{.body = World::body(true)}, {.method = "GET", .path = "/", .start = 21s}});
  const Seen& seen = all[0];
  EXPECT_EQ(seen.status, 503);
  EXPECT_NE(seen.body.find("shutting down"), std::string::npos) << seen.body;
  EXPECT_EQ(seen.body.find("client has gone"), std::string::npos) << seen.body;
  EXPECT_EQ(world.outcomes.at(0).ending, model::Ending::kDrained);
  world.check();
}

TEST(ReviewSimulation, a_call_without_memory_ends_alone_and_is_closed) {
  World world(scripted(1));
  world.upstreams.always(0, Reply::json(200, kMessage));
  int dials = 0;
  world.on_dial = [&](StreamPair&, size_t) {
    if (++dials == 1) throw std::bad_alloc();
  };
  Seen failed = world.play({.body = World::body(false)});
  EXPECT_EQ(failed.status, 500);
  EXPECT_EQ(world.outcomes.at(0).error, "internal");
  EXPECT_EQ(world.play({.body = World::body(false)}).status, 200);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
