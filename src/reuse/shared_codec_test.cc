#include "reuse/shared_codec.h"

#include <gtest/gtest.h>

#include "reuse/reply_record.h"

namespace baton::reuse {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kSecret = "a secret of thirty-two characters";
constexpr Instant kNow{5'000'000'000'000};
constexpr WallTime kWall{1'800'000'000'000ms};

struct Sample : KeptReply {
  Sample() {
    identity = {9, 8, 7};
    key = {.low = 11, .high = 12};
    events = true;
    content = "what the model said";
    plain_bytes = content.size();
    request_id = "req_1";
    tenant = "canary-tenant";
    tags = "canary-tag";
    usage.known = true;
    usage.output_tokens = 6;
    since = kNow - 10s;
    fresh_until = kNow + 100s;
  }
};

TEST(SharedCodec, opens_what_another_relay_with_the_same_secret_has_sealed) {
  const SharedCodec one(kSecret), other(kSecret);
  const Sample kept;
  const std::string name = one.reply_name(kept.key);
  EXPECT_EQ(other.reply_name(kept.key), name);
  EXPECT_EQ(other.place(), one.place());
  const std::string sealed = one.seal_reply(name, kept, {.epoch = 3, .sequence = 4}, kNow, kWall);
  // The other's steady clock shows something else.
  const Instant later{kNow.ns / 2};
  const auto opened = other.open_reply(name, sealed, later, kWall + 1s);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->asked, (PurgePoint{3, 4}));
  EXPECT_EQ(opened->reply->identity, kept.identity);
  EXPECT_EQ(opened->reply->key, kept.key);
  EXPECT_EQ(opened->reply->content, kept.content);
  EXPECT_EQ(opened->reply->tenant, kept.tenant);
  EXPECT_EQ(opened->reply->tags, kept.tags);
  EXPECT_EQ(opened->reply->usage.output_tokens, 6);
  EXPECT_EQ(later - opened->reply->since, 11s);
  EXPECT_EQ(opened->reply->fresh_until - later, 99s);
}

TEST(SharedCodec, opens_nothing_that_was_changed_or_moved_or_is_a_stranger_s) {
  const SharedCodec codec(kSecret), stranger("another secret of 32 characters..");
  const Sample kept;
  const std::string name = codec.reply_name(kept.key);
  const std::string sealed = codec.seal_reply(name, kept, {}, kNow, kWall);
  EXPECT_FALSE(codec.open_reply(codec.reply_name({.low = 11, .high = 13}), sealed, kNow, kWall)) << "moved";
  EXPECT_FALSE(stranger.open_reply(name, sealed, kNow, kWall));
  EXPECT_NE(stranger.reply_name(kept.key), name);
  EXPECT_NE(stranger.point_name(), codec.point_name()) << "they may use one database";
  for (size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 0x20);
    EXPECT_FALSE(codec.open_reply(name, changed, kNow, kWall)) << i;
  }
  for (const std::string_view bytes :
       {std::string_view{}, std::string_view("garbage"), std::string_view(sealed).substr(1)})
    EXPECT_FALSE(codec.open_reply(name, bytes, kNow, kWall));
  const std::string purge = codec.seal_purge({Chosen({.all = true}), kWall});
  EXPECT_FALSE(codec.open_reply(name, purge, kNow, kWall));
  EXPECT_FALSE(codec.open_purge(sealed));
}

TEST(SharedCodec, a_clock_that_is_a_little_off_is_believed) {
  const SharedCodec codec(kSecret);
  Sample kept;
  kept.since = kNow;
  const std::string name = codec.reply_name(kept.key);
  const std::string sealed = codec.seal_reply(name, kept, {}, kNow, kWall);
  const auto opened = codec.open_reply(name, sealed, kNow, kWall - 4s);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->reply->since, kNow) << "no younger than now";
  EXPECT_FALSE(codec.open_reply(name, sealed, kNow, kWall - 6s));
}

TEST(SharedCodec, neither_names_nor_values_show_tenant_tag_or_content) {
  const SharedCodec codec(kSecret);
  const Sample kept;
  const std::string name = codec.reply_name(kept.key);
  const std::string all = name + codec.lease_name(kept.key, true) + codec.lease_name(kept.key, false) +
                          codec.seal_reply(name, kept, {}, kNow, kWall) +
                          codec.seal_purge({Chosen({.tenant = "canary-tenant", .tag = "canary-tag"}), kWall});
  for (const char* shown : {"canary", "what the model", "req_1"}) EXPECT_EQ(all.find(shown), all.npos) << shown;
  EXPECT_EQ(all.find(std::string_view(reinterpret_cast<const char*>(kept.identity.data()), 3)), all.npos);
  EXPECT_NE(codec.lease_name(kept.key, true), codec.lease_name(kept.key, false));
}

TEST(SharedCodec, purges_and_points_come_back_as_they_were) {
  const SharedCodec codec(kSecret);
  for (const Chosen& what :
       {Chosen({.all = true}), Chosen({.tenant = "ann", .tag = "env=ci"}), Chosen({.key = "ff"})}) {
    const auto opened = codec.open_purge(codec.seal_purge({what, kWall}));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->what, what);
    EXPECT_EQ(opened->at, kWall);
  }
  const PurgePoint point{0xdeadbeef12345678, 42};
  EXPECT_EQ(point_text(point), "deadbeef12345678:42");
  EXPECT_EQ(parse_point(point_text(point)), point);
  for (const char* text : {"", ":", "12", "12:", ":12", "0:1", "xyz:1", "12:-1", "12:1 ", "12345678901234567:1"})
    EXPECT_FALSE(parse_point(text)) << text;
}

}  // namespace
}  // namespace baton::reuse
