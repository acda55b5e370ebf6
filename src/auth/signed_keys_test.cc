// Keys that sign, from the store to the caller.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "auth/authenticator.h"
#include "auth/key_store.h"

namespace baton::auth {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr std::string_view kTimeText = "2026-11-24T12:00:00Z";
const WallTime kNow{1'795'521'600'000ms};
using Fields = std::vector<std::pair<std::string, std::string>>;

class SignedKeysTest : public ::testing::Test {
 protected:
  SignedKeysTest() {
    std::string pattern = ::testing::TempDir() + "signing-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern + "/data";
    auto opened = KeyStore::open(folder_);
    EXPECT_TRUE(opened);
    store_.emplace(std::move(*opened));
  }
  ~SignedKeysTest() override { fs::remove_all(fs::path(folder_).parent_path()); }

  std::string make(Signing signing = Signing::kOnly, std::string name = "ci") {
    auto made = store_->create({.name = std::move(name), .signing = signing}, kNow);
    EXPECT_TRUE(made) << made.error().detail;
    return std::string(made->key.reveal());
  }
  Expected<Caller> ask(const Fields& fields, WallTime now = kNow) {
    auto stored = store_->read();
    EXPECT_TRUE(stored);
    ring_.replace(*stored);
    fields_ = fields;
    http::RequestHead head;
    head.method_text = "POST";
    head.host = "relay.example";
    head.path = "/v1/messages";
    for (const auto& [name, value] : fields_) head.fields.push_back({name, value, http::field_id(name)});
    return authenticator_.identify(head, *net::IpAddress::parse("203.0.113.9"), now);
  }
  // What a client with this key sends.
  static Fields sign(std::string_view key, std::string time = std::string(kTimeText)) {
    const std::string id = "key_" + std::string(key.substr(3, 16));
    const std::string digest = hex(sha256("body"));
    const std::string nonce(16, 'n');
    std::string text = "baton-signature-v1\n";
    for (const std::string& part : {id, std::string("POST"), std::string("relay.example"), std::string("/v1/messages"),
                                    std::string(), digest, time, nonce}) {
      text += std::to_string(part.size()) + ":" + part + "\n";
    }
    return {{"baton-signature-key", id},
            {"baton-signature-time", time},
            {"baton-signature-nonce", nonce},
            {"baton-signature-body", digest},
            {"baton-signature", hex(hmac_sha256(key.substr(20), text))}};
  }
  static Fields sign_older(std::string_view key) {
    return {{"baton-signature-key", "key_" + std::string(key.substr(3, 16))},
            {"baton-signature-time", std::string(kTimeText)},
            {"baton-signature", hex(hmac_sha256(key.substr(20), std::string(kTimeText) + ":body"))}};
  }
  static Fields with(Fields fields, std::string name, std::string value) {
    fields.emplace_back(std::move(name), std::move(value));
    return fields;
  }

  std::string folder_;
  std::optional<KeyStore> store_;
  Fields fields_;
  KeyRing ring_;
  Authenticator authenticator_{Config{}, &ring_};
};

TEST_F(SignedKeysTest, ASignedRequestIsItsKeys) {
  const std::string key = make();
  ASSERT_EQ(key.size(), 3u + 16 + 1 + kSigningSecretBytes);
  const auto caller = ask(sign(key));
  ASSERT_TRUE(caller) << caller.error().detail;
  EXPECT_EQ(caller->name, "ci");
  ASSERT_TRUE(caller->key);
  EXPECT_TRUE(caller->brings_own_credential);
  ASSERT_TRUE(caller->proof);
  EXPECT_FALSE(caller->proof->legacy);
  EXPECT_TRUE(check_body(*caller->proof, "body"));
  EXPECT_FALSE(check_body(*caller->proof, "bodi"));
}

TEST_F(SignedKeysTest, WhoHasOnlyTheIdOrAnotherSecretIsRefusedAsEveryoneElse) {
  const std::string key = make();
  const std::string other = make(Signing::kOnly, "other");
  const std::string none = "bs-ffffffffffffffff-" + key.substr(20);
  const std::string mixed = key.substr(0, 20) + other.substr(20);
  std::string sentence;
  for (const std::string& wrong : {none, mixed}) {
    const auto caller = ask(sign(wrong));
    ASSERT_FALSE(caller);
    EXPECT_EQ(caller.error().code, ErrorCode::kUnauthenticated);
    EXPECT_TRUE(sentence.empty() || sentence == caller.error().detail);
    sentence = caller.error().detail;
  }
  EXPECT_TRUE(ask(sign(other)));
}

TEST_F(SignedKeysTest, AKeyThatSignsIsNeverTakenAsOneThatIsCarried) {
  const std::string key = make();
  for (const std::string& carried : {key, key.substr(20)}) {
    for (const auto& fields : {Fields{{"x-api-key", carried}}, Fields{{"authorization", "Bearer " + carried}},
                               Fields{{"baton-key", carried}}}) {
      const auto caller = ask(fields);
      ASSERT_FALSE(caller);
      EXPECT_EQ(caller.error().code, ErrorCode::kUnauthenticated);
    }
  }
  const auto both = ask(with(sign(key), "baton-key", key));
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::kBadRequest);
}

TEST_F(SignedKeysTest, ABrokenSignatureDoesNotFallBackToAKeyBesideIt) {
  make();
  auto carried = store_->create({.name = "carried"}, kNow);
  ASSERT_TRUE(carried);
  const std::string text(carried->key.reveal());
  ASSERT_TRUE(ask({{"x-api-key", text}}));
  EXPECT_FALSE(ask({{"x-api-key", text}, {"baton-signature", "x"}}));
  EXPECT_FALSE(ask(with(sign("bs-ffffffffffffffff-" + std::string(64, 'a')), "x-api-key", text)));
}

TEST_F(SignedKeysTest, RotatedSecretsEndAndRevokedKeysTellSo) {
  const std::string first = make();
  auto second = store_->rotate("ci", 1h, kNow);
  ASSERT_TRUE(second);
  const std::string key(second->key.reveal());
  EXPECT_NE(key, first);
  EXPECT_EQ(key.substr(0, 20), first.substr(0, 20)) << "the id stays";
  EXPECT_TRUE(ask(sign(first)));
  EXPECT_TRUE(ask(sign(key)));
  const auto late = ask(sign(first, "2026-11-24T13:00:00Z"), kNow + 1h);
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().detail.find("ci has expired"), std::string::npos) << late.error().detail;
  EXPECT_TRUE(ask(sign(key, "2026-11-24T13:00:00Z"), kNow + 1h));
  ASSERT_TRUE(store_->revoke("ci", kNow));
  const auto revoked = ask(sign(key));
  ASSERT_FALSE(revoked);
  EXPECT_NE(revoked.error().detail.find("ci was revoked"), std::string::npos);
  EXPECT_EQ(ask(sign(key.substr(0, 84 - 1) + (key.back() == '0' ? "1" : "0"))).error().detail.find("revoked"),
            std::string::npos)
      << "told only to who holds the key";
}

TEST_F(SignedKeysTest, TheOlderFormIsForKeysThatSaySo) {
  const std::string strict = make();
  const std::string legacy = make(Signing::kLegacy, "old");
  EXPECT_FALSE(ask(sign_older(strict)));
  const auto caller = ask(sign_older(legacy));
  ASSERT_TRUE(caller) << caller.error().detail;
  ASSERT_TRUE(caller->proof);
  EXPECT_TRUE(caller->proof->legacy);
  EXPECT_TRUE(check_body(*caller->proof, "body"));
  EXPECT_FALSE(check_body(*caller->proof, "bodi"));
  EXPECT_TRUE(ask(sign(legacy))) << "the better form too";
}

TEST_F(SignedKeysTest, TheSecretIsNowhereOnTheDiskAndTheSameAfterwards) {
  const std::string key = make();
  for (const auto& entry : fs::directory_iterator(folder_)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(content.find(key.substr(20)), std::string::npos) << entry.path();
  }
  store_.reset();
  auto again = KeyStore::open(folder_);
  ASSERT_TRUE(again);
  store_.emplace(std::move(*again));
  EXPECT_TRUE(ask(sign(key)));
}

TEST_F(SignedKeysTest, WithAKeyThatSignsNobodyCallsWithoutOne) {
  make();
  const auto caller = ask({});
  ASSERT_FALSE(caller);
  EXPECT_EQ(caller.error().code, ErrorCode::kUnauthenticated);
}

}  // namespace
}  // namespace baton::auth
