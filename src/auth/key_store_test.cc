#include "auth/key_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "auth/authenticator.h"

namespace baton::auth {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const WallTime kNow{1'790'000'000'000ms};

class KeyStoreTest : public ::testing::Test {
 protected:
  KeyStoreTest() {
    std::string pattern = ::testing::TempDir() + "keys-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern + "/data";
  }
  ~KeyStoreTest() override { fs::remove_all(fs::path(folder_).parent_path()); }

  KeyStore open() {
    auto store = KeyStore::open(folder_);
    EXPECT_TRUE(store) << store.error().detail;
    return std::move(*store);
  }
  // What a relay that has just read the store says to a request with this key.
  Expected<Caller> ask(KeyStore& store, std::string_view key, WallTime now = kNow) {
    auto stored = store.read();
    EXPECT_TRUE(stored);
    ring_.replace(*stored);
    http::RequestHead head;
    head.host = "relay.example";
    head.version_minor = 1;
    head.fields.push_back({.name = "x-api-key", .value = key, .id = http::FieldId::kXApiKey});
    return authenticator_.identify(head, *net::IpAddress::parse("203.0.113.9"), now);
  }

  std::string folder_;
  KeyRing ring_;
  Authenticator authenticator_{Config{}, &ring_};
};

TEST_F(KeyStoreTest, AMadeKeyLetsItsOwnerIn) {
  KeyStore store = open();
  auto made = store.create(
      {.name = "web-ci", .team = "web", .tags = "ci", .rights = {.models = {"claude-haiku-*"}, .concurrency = 2}},
      kNow);
  ASSERT_TRUE(made) << made.error().detail;
  const auto caller = ask(store, made->key.reveal());
  ASSERT_TRUE(caller) << caller.error().detail;
  EXPECT_EQ(caller->name, "web-ci");
  ASSERT_TRUE(caller->key);
  EXPECT_EQ(caller->key->team, "web");
  EXPECT_EQ(caller->key->tags, "ci");
  EXPECT_EQ(caller->key->rights, (Rights{.models = {"claude-haiku-*"}, .concurrency = 2}));
  std::string other(made->key.reveal());
  other.back() = other.back() == '0' ? '1' : '0';
  const auto wrong = ask(store, other);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kUnauthenticated);
}

TEST_F(KeyStoreTest, TheKeyItselfIsNowhereOnTheDisk) {
  std::string key;
  {
    KeyStore store = open();
    auto made = store.create({.name = "a"}, kNow);
    ASSERT_TRUE(made);
    key = made->key.reveal();
    EXPECT_EQ(made->stored.shown, key.substr(0, kShownBytes));
  }
  for (const auto& entry : fs::directory_iterator(folder_)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(bytes.find(key.substr(kShownBytes)), std::string::npos) << entry.path();
    EXPECT_EQ(bytes.find(hex(sha256(key))), std::string::npos) << entry.path();
    EXPECT_EQ(fs::status(entry.path()).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write)
        << entry.path();
  }
}

TEST_F(KeyStoreTest, RevokedAndExpiredKeysAreRefusedWithTheReason) {
  KeyStore store = open();
  auto expiring = store.create({.name = "short", .expires = kNow + 1h}, kNow);
  auto revoked = store.create({.name = "gone"}, kNow);
  ASSERT_TRUE(expiring && revoked);
  EXPECT_TRUE(ask(store, expiring->key.reveal(), kNow + 1h - 1ms));
  const auto late = ask(store, expiring->key.reveal(), kNow + 1h);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnauthenticated);
  EXPECT_NE(late.error().detail.find("short has expired"), std::string::npos);
  EXPECT_TRUE(ask(store, revoked->key.reveal()));
  ASSERT_TRUE(store.revoke("gone", kNow));
  const auto after = ask(store, revoked->key.reveal());
  ASSERT_FALSE(after);
  EXPECT_NE(after.error().detail.find("gone was revoked"), std::string::npos);
  EXPECT_EQ(store.revoke("gone", kNow).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store.create({.name = "gone"}, kNow)) << "a revoked key's name is free";
  EXPECT_FALSE(store.create({.name = "gone"}, kNow));
}

TEST_F(KeyStoreTest, ARotatedKeyIsValidForItsGrace) {
  KeyStore store = open();
  auto first = store.create({.name = "a"}, kNow);
  ASSERT_TRUE(first);
  auto second = store.rotate("a", 1h, kNow);
  ASSERT_TRUE(second) << second.error().detail;
  EXPECT_NE(first->key.reveal(), second->key.reveal());
  EXPECT_EQ(first->stored.id, second->stored.id);
  EXPECT_TRUE(ask(store, first->key.reveal(), kNow + 59min));
  EXPECT_FALSE(ask(store, first->key.reveal(), kNow + 1h));
  EXPECT_TRUE(ask(store, second->key.reveal(), kNow + 2h));
  auto third = store.rotate("a", 0s, kNow);
  ASSERT_TRUE(third);
  EXPECT_FALSE(ask(store, second->key.reveal(), kNow));
  EXPECT_EQ(store.rotate("b", 0s, kNow).error().code, ErrorCode::kNotFound);
}

TEST_F(KeyStoreTest, AnImportedKeyIsItsHoldersAsBefore) {
  KeyStore store = open();
  const std::string key = "sk-litellm-0123456789abcdef";
  auto imported = store.import({.name = "moved", .rights = {.concurrency = 3}}, sha256(key), kNow);
  ASSERT_TRUE(imported) << imported.error().detail;
  EXPECT_TRUE(imported->shown.starts_with("sha256:"));
  const auto caller = ask(store, key);
  ASSERT_TRUE(caller) << caller.error().detail;
  EXPECT_EQ(caller->name, "moved");
  EXPECT_EQ(caller->key->rights.concurrency, 3u);
  EXPECT_FALSE(ask(store, hex(sha256(key)))) << "the hash is no key";
  const auto again = store.import({.name = "other"}, sha256(key), kNow);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConfig);
  EXPECT_EQ(store.find("other").error().code, ErrorCode::kNotFound) << "nothing of it stays";
  for (const auto& entry : fs::directory_iterator(folder_)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(bytes.find(hex(sha256(key))), std::string::npos) << entry.path();
  }
  ASSERT_TRUE(store.rotate("moved", 0s, kNow));
  EXPECT_FALSE(ask(store, key));
}

TEST_F(KeyStoreTest, RightsAreKeptAndChanged) {
  KeyStore store = open();
  const Rights rights{.models = {"claude-*"},
                      .endpoints = {"messages"},
                      .requests_per_minute = 60,
                      .concurrency = 4,
                      .budget = {.day_nanodollars = 5, .reserve = model::Reserve::kCap, .cap_nanodollars = 2},
                      .tokens_per_minute = 5'000'000'000,
                      .accounts = {"org-a", "org-b*"},
                      .groups = {"near", "far-*"},
                      .addresses = {"10.0.0.0/8"},
                      .cache = CachePolicy::kOff,
                      .priority = Priority::kLow};
  auto made = store.create({.name = "a", .rights = rights}, kNow);
  ASSERT_TRUE(made);
  EXPECT_EQ(store.find("a")->rights, rights);
  ASSERT_TRUE(store.update("a", [](StoredKey& key) { key.tags = "t"; }));
  EXPECT_EQ(store.find("a")->rights, rights) << "what was not changed stays, the budget too";
  const Rights others{.requests_per_minute = 1, .cache = CachePolicy::kOn, .priority = Priority::kHigh};
  const auto changed = store.update("a", [&](StoredKey& key) {
    key.team = "web";
    key.expires = kNow + 1h;
    key.rights = others;
  });
  ASSERT_TRUE(changed) << changed.error().detail;
  const StoredKey after = *store.find("a");
  EXPECT_EQ(after.rights, others);
  EXPECT_EQ(changed->rights, others);
  EXPECT_EQ(after.team, "web");
  EXPECT_EQ(after.tags, "t");
  EXPECT_EQ(after.expires, kNow + 1h);
  EXPECT_TRUE(ask(store, made->key.reveal()));
  EXPECT_EQ(store.update("nobody", [](StoredKey&) {}).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store.rotate("a", 0s, kNow)) << "nothing is left open";
}

TEST_F(KeyStoreTest, BudgetsOfTeamsAreKeptAndTakenAway) {
  KeyStore store = open();
  const model::Budget budget{.month_nanodollars = 7, .reserve = model::Reserve::kStrict};
  ASSERT_TRUE(store.set_team_budget("web", {.day_nanodollars = 1}));
  ASSERT_TRUE(store.set_team_budget("web", budget));
  ASSERT_TRUE(store.set_team_budget("ops", budget));
  ASSERT_TRUE(store.set_team_budget("ops", {}));
  EXPECT_EQ(store.read()->team_budgets, (TeamBudgets{{"web", budget}}));
}

TEST_F(KeyStoreTest, AKeyMayBeHeldToAddresses) {
  KeyStore store = open();
  auto inside = store.create({.name = "in", .rights = {.addresses = {"198.51.100.0/24", "203.0.113.9"}}}, kNow);
  auto outside = store.create({.name = "out", .rights = {.addresses = {"198.51.100.0/24", "::/0"}}}, kNow);
  auto unreadable = store.create({.name = "bad", .rights = {.addresses = {"nowhere"}}}, kNow);
  ASSERT_TRUE(inside && outside && unreadable);
  EXPECT_TRUE(ask(store, inside->key.reveal()));
  for (const auto* key : {&*outside, &*unreadable}) {
    const auto refused = ask(store, key->key.reveal());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kForbidden);
    EXPECT_NE(refused.error().detail.find("may not be used from this address"), std::string::npos);
  }
}

TEST_F(KeyStoreTest, AnotherProcessSeesWhatChanged) {
  KeyStore relay = open();
  EXPECT_TRUE(*relay.changed());
  EXPECT_FALSE(*relay.changed());
  KeyStore person = open();
  ASSERT_TRUE(person.create({.name = "a"}, kNow));
  EXPECT_TRUE(*relay.changed());
  EXPECT_FALSE(*relay.changed());
  ASSERT_TRUE(person.revoke("a", kNow));
  EXPECT_TRUE(*relay.changed());
}

TEST_F(KeyStoreTest, TheFirstKeyClosesTheDoorForGood) {
  KeyStore store = open();
  const auto local = [&] {
    ring_.replace(*store.read());
    http::RequestHead head;
    head.host = "localhost";
    head.version_minor = 1;
    return authenticator_.identify(head, *net::IpAddress::parse("127.0.0.1"), kNow).has_value();
  };
  EXPECT_TRUE(local());
  ASSERT_TRUE(store.create({.name = "a"}, kNow));
  EXPECT_FALSE(local());
  ASSERT_TRUE(store.revoke("a", kNow));
  EXPECT_FALSE(local());
}

TEST_F(KeyStoreTest, WithoutItsSecretTheStoreIsNotOpened) {
  {
    ASSERT_TRUE(open().create({.name = "a"}, kNow));
  }
  fs::remove(folder_ + "/keys.secret");
  const auto store = KeyStore::open(folder_);
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("keys.secret: is missing"), std::string::npos) << store.error().detail;
}

class RightsTest : public ::testing::Test {
 protected:
  ClientKey key(Rights rights) {
    ClientKey made;
    made.name = "k";
    made.rights = std::move(rights);
    made.meter = std::make_shared<Meter>();
    return made;
  }
  Duration retry_after_{0};
};

TEST_F(RightsTest, EndpointsAndModels) {
  using model::Operation;
  const ClientKey free = key({});
  const ClientKey narrow =
      key({.models = {"claude-haiku-4-5", "claude-sonnet-*"}, .endpoints = {"messages", "batches", "other"}});
  struct {
    const char* name;
    const ClientKey& key;
    Operation operation;
    bool want;
  } const endpoints[] = {
      {"anything", free, Operation::kPassThrough, true},
      {"messages", narrow, Operation::kMessages, true},
      {"count_tokens is an endpoint of its own", narrow, Operation::kCountTokens, false},
      {"files", narrow, Operation::kFileUpload, false},
      {"reading batches", narrow, Operation::kBatchResults, true},
      {"a batch whose models nobody reads", narrow, Operation::kBatchCreate, false},
      {"an endpoint that nobody knows", narrow, Operation::kPassThrough, false},
  };
  for (const auto& row : endpoints) {
    const auto permit = admit(row.key, row.operation, Instant{1}, retry_after_);
    EXPECT_EQ(permit.has_value(), row.want) << row.name;
    if (!permit) EXPECT_EQ(permit.error().code, ErrorCode::kForbidden) << row.name;
  }
  struct {
    std::string_view model;
    bool want;
  } const models[] = {{"claude-haiku-4-5", true},
                      {"claude-haiku-4-5-20251001", false},
                      {"claude-sonnet-5-5", true},
                      {"claude-opus-5", false},
                      {"", true}};
  for (const auto& row : models) {
    EXPECT_EQ(allow_model(narrow, row.model).has_value(), row.want) << row.model;
    EXPECT_TRUE(allow_model(free, row.model)) << row.model;
  }
  EXPECT_EQ(narrow.meter->open, 0);
}

TEST_F(RightsTest, CallsAtATimeAreBounded) {
  const ClientKey k = key({.concurrency = 2});
  const auto admitted = [&] { return admit(k, model::Operation::kMessages, Instant{1}, retry_after_); };
  auto first = admitted();
  auto second = admitted();
  EXPECT_TRUE(first && second);
  EXPECT_EQ(admitted().error().code, ErrorCode::kRateLimited);
  EXPECT_EQ(k.meter->open, 2);
  first->release();
  auto third = admitted();
  EXPECT_TRUE(third);
  EXPECT_FALSE(admitted());
  second->release();
  third->release();
  EXPECT_EQ(k.meter->open, 0);
}

TEST_F(RightsTest, AMinutesRequestsComeBackOneByOne) {
  const ClientKey k = key({.requests_per_minute = 3});
  const Instant start{1'000'000'000'000};
  const auto admitted = [&](Duration after) {
    retry_after_ = Duration{0};
    return admit(k, model::Operation::kMessages, start + after, retry_after_).has_value();
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admitted(0s)) << i;
  EXPECT_FALSE(admitted(0s));
  EXPECT_EQ(retry_after_, 20s);
  EXPECT_FALSE(admitted(19s));
  EXPECT_EQ(retry_after_, 1s);
  EXPECT_TRUE(admitted(20s));
  EXPECT_FALSE(admitted(20s));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(admitted(10min)) << i;
  EXPECT_FALSE(admitted(10min));
  EXPECT_EQ(k.meter->open, 0);
}

}  // namespace
}  // namespace baton::auth
