// Signed requests through the whole relay: what is new and whole is served, and nothing of anything else goes on.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "auth/nonce_file.h"
#include "base/digest.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

class SignedTest : public testing::Test {
 protected:
  SignedTest() {
    std::string pattern = testing::TempDir() + "signed-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    give(auth::Signing::kOnly);
    nonces_ = std::make_unique<auth::NonceFile>(auth::NonceFile::Options{.folder = folder_ + "/nonces"}, WallTime{});
  }
  ~SignedTest() override { std::filesystem::remove_all(folder_); }

  void give(auth::Signing signing, auth::Rights rights = {}) {
    stored_.keys = {{.id = std::string(kId), .name = "ci", .rights = std::move(rights), .signing = signing}};
    stored_.signing = {{.key_id = std::string(kId)}};
    secret_ = auth::signing_secret(stored_.secret, kId, {});
    ring_.replace(stored_);
  }
  WorldOptions options() { return {.keys = &ring_, .nonces = nonces_.get()}; }

  struct Signed {
    std::string path = "/v1/messages";
    std::string body = World::body(false);
    std::string nonce = "0123456789abcdef";
    std::string signed_path = {};  // another than is asked for
    std::string signed_body = {};
    std::string time = {};
  };
  Script call(const World& world, Signed what) const {
    if (what.time.empty()) what.time = text_of(world.clock.wall());
    const std::string& path = what.signed_path.empty() ? what.path : what.signed_path;
    const std::string& body = what.signed_body.empty() ? what.body : what.signed_body;
    const std::string digest = hex(sha256(body));
    std::string text = "baton-signature-v1\n";
    for (const std::string& part : {std::string(kId), std::string("POST"), std::string("relay.example"), path,
                                    std::string(), digest, what.time, what.nonce}) {
      text += std::to_string(part.size()) + ":" + part + "\n";
    }
    return script(what, "baton-signature-key: " + std::string(kId) + "\r\nbaton-signature-time: " + what.time +
                            "\r\nbaton-signature-nonce: " + what.nonce + "\r\nbaton-signature-body: " + digest +
                            "\r\nbaton-signature: " + hex(hmac_sha256(secret_.reveal(), text)) + "\r\n");
  }
  Script older(const World& world, Signed what) const {
    if (what.time.empty()) what.time = text_of(world.clock.wall());
    const std::string& body = what.signed_body.empty() ? what.body : what.signed_body;
    return script(what, "baton-signature-key: " + std::string(kId) + "\r\nbaton-signature-time: " + what.time +
                            "\r\nbaton-signature: " + hex(hmac_sha256(secret_.reveal(), what.time + ":" + body)) +
                            "\r\n");
  }
  static Script script(const Signed& what, const std::string& fields) {
    return {
        .path = what.path,
        .fields = "host: relay.example\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\n" + fields,
        .body = what.body,
        .default_fields = false};
  }
  static std::string text_of(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
    char out[40];
    std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02ld:%02ld:%02ld.%03ldZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<long>(clock.hours().count()), static_cast<long>(clock.minutes().count()),
                  static_cast<long>(clock.seconds().count()), static_cast<long>(clock.subseconds().count()));
    return out;
  }
  void expect_refused(const Seen& seen, std::string_view sentence) {
    EXPECT_EQ(seen.status, 401) << seen.body;
    EXPECT_NE(seen.body.find("authentication_error"), std::string::npos) << seen.body;
    EXPECT_NE(seen.body.find(sentence), std::string::npos) << seen.body;
    EXPECT_EQ(seen.field("x-should-retry"), "false");
  }

  static constexpr std::string_view kId = "key_0123456789abcdef";
  std::string folder_;
  auth::StoredKeys stored_;
  Secret secret_;
  auth::KeyRing ring_;
  std::unique_ptr<auth::NonceFile> nonces_;
};

TEST_F(SignedTest, OneIsServedAndItsReplayIsNot) {
  World world(options());
  const Script script = call(world, {});
  EXPECT_EQ(world.play(script).status, 200);
  EXPECT_EQ(world.outcomes[0].client, "ci");
  expect_refused(world.play(script), "has come before");
  EXPECT_EQ(world.simulator().books().requests, 1u);
  EXPECT_EQ(world.play(call(world, {.nonce = "another-nonce-16"})).status, 200);
  EXPECT_EQ(world.metric("baton_signed_requests_total{result=\"accepted\"}"), 2);
  EXPECT_EQ(world.metric("baton_signed_requests_total{result=\"replayed\"}"), 1);
  world.check();
}

TEST_F(SignedTest, OfManyReplaysAtOnceOneIsServed) {
  World world(options());
  const std::vector<Script> same(20, call(world, {}));
  int served = 0;
  for (const Seen& seen : world.play(same)) served += seen.status == 200;
  EXPECT_EQ(served, 1);
  EXPECT_EQ(world.simulator().books().requests, 1u);
  world.check();
}

TEST_F(SignedTest, ARestartForgetsNoNonce) {
  std::optional<World> world(options());
  const Script script = call(*world, {});
  EXPECT_EQ(world->play(script).status, 200);
  world.reset();
  nonces_ = std::make_unique<auth::NonceFile>(auth::NonceFile::Options{.folder = folder_ + "/nonces"}, WallTime{});
  World again(options());
  expect_refused(again.play(script), "has come before");
  EXPECT_EQ(again.simulator().books().requests, 0u);
}

TEST_F(SignedTest, NothingOfAnAlteredRequestGoesOn) {
  World world(options());
  std::string altered = World::body(false);
  altered[altered.find("hello")] ^= 1;
  expect_refused(
      world.play(call(world, {.body = altered, .nonce = "nonce-of-body-01", .signed_body = World::body(false)})),
      "not the one whose digest was signed");
  expect_refused(
      world.play(
          call(world, {.path = "/v1/messages?beta=true", .nonce = "nonce-of-path-01", .signed_path = "/v1/messages"})),
      "does not fit");
  expect_refused(world.play(call(world, {.nonce = "nonce-of-time-01", .time = text_of(world.clock.wall() - 301s)})),
                 "behind");
  expect_refused(world.play(call(world, {.nonce = "nonce-of-time-02", .time = text_of(world.clock.wall() + 301s)})),
                 "ahead");
  EXPECT_EQ(world.simulator().books().requests, 0u);
  EXPECT_EQ(world.metric("baton_signed_requests_total{result=\"body_changed\"}"), 1);
  EXPECT_EQ(world.metric("baton_signed_requests_total{result=\"refused\"}"), 3);
  world.check();
}

TEST_F(SignedTest, AReplaySpendsNothingOfTheKeysLimits) {
  give(auth::Signing::kOnly, {.requests_per_minute = 2});
  World world(options());
  const Script first = call(world, {});
  EXPECT_EQ(world.play(first).status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world.play(first).status, 401);
  EXPECT_EQ(world.play(call(world, {.nonce = "another-nonce-16"})).status, 200);
  EXPECT_EQ(world.play(call(world, {.nonce = "a-third-nonce-16"})).status, 429);
}

TEST_F(SignedTest, WhatIsUsuallyStreamedIsHeldUntilItIsChecked) {
  World world(options());
  const std::string batch = R"({"requests":[]})";
  EXPECT_NE(world.play(call(world, {.path = "/v1/messages/batches", .body = batch})).status, 401);
  const uint64_t before = world.simulator().books().requests;
  EXPECT_EQ(before, 1u);
  expect_refused(world.play(call(world, {.path = "/v1/messages/batches",
                                         .body = R"({"requests":[1]})",
                                         .nonce = "another-nonce-16",
                                         .signed_body = batch})),
                 "not the one whose digest was signed");
  EXPECT_EQ(world.simulator().books().requests, before);
  world.check();
}

TEST_F(SignedTest, TheOlderFormIsServedOnceToo) {
  give(auth::Signing::kLegacy);
  World world(options());
  const Script script = older(world, {});
  EXPECT_EQ(world.play(script).status, 200);
  expect_refused(world.play(script), "has come before");
  expect_refused(world.play(older(world, {.body = World::body(true), .signed_body = World::body(false)})),
                 "does not fit");
  EXPECT_EQ(world.simulator().books().requests, 1u);
  world.check();
}

TEST_F(SignedTest, WithoutAPlaceForNoncesNoneIsServed) {
  World world({.keys = &ring_});
  EXPECT_EQ(world.play(call(world, {})).status, 503);
  EXPECT_EQ(world.simulator().books().requests, 0u);
}

}  // namespace
}  // namespace baton::simulation
