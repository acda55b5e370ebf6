#include "auth/authenticator.h"

#include <gtest/gtest.h>

namespace baton::auth {
namespace {

const WallTime kNow{std::chrono::milliseconds(1'790'000'000'000)};
constexpr std::string_view kLaptopKey = "laptop-key-0123456789";
constexpr std::string_view kServerKey = "server-key-0123456789";

Config two_clients() {
  Config config;
  config.clients.push_back({"laptop", Secret(std::string(kLaptopKey))});
  config.clients.push_back({"server", Secret(std::string(kServerKey))});
  return config;
}

http::FieldId id_of(std::string_view name) {
  using http::FieldId;
  struct {
    std::string_view name;
    FieldId id;
  } static constexpr kIds[] = {
      {"x-api-key", FieldId::kXApiKey},
      {"authorization", FieldId::kAuthorization},
      {"baton-key", FieldId::kBatonKey},
      {"origin", FieldId::kOrigin},
      {"forwarded", FieldId::kForwarded},
      {"via", FieldId::kVia},
      {"x-real-ip", FieldId::kXRealIp},
      {"x-forwarded-for", FieldId::kXForwarded},
      {"x-forwarded-proto", FieldId::kXForwarded},
  };
  for (const auto& known : kIds) {
    if (known.name == name) return known.id;
  }
  return FieldId::kOther;
}

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

http::RequestHead head_of(std::string_view host, const Fields& fields) {
  http::RequestHead head;
  head.host = host;
  for (const auto& [name, value] : fields) head.fields.push_back({name, value, id_of(name)});
  return head;
}

net::IpAddress ip(std::string_view text) { return net::IpAddress::parse(text).value_or(net::IpAddress{}); }

TEST(Authenticator, ClientsAreKnownByTheirKeys) {
  struct {
    std::string_view name;
    Fields fields;
    std::string_view caller;
    bool brings_own;
  } const cases[] = {
      {"x-api-key", {{"x-api-key", kLaptopKey}}, "laptop", false},
      {"bearer", {{"authorization", "Bearer server-key-0123456789"}}, "server", false},
      {"baton's key in both places", {{"baton-key", kLaptopKey}, {"x-api-key", kLaptopKey}}, "laptop", false},
      {"another client's as well",
       {{"baton-key", kLaptopKey}, {"authorization", "Bearer server-key-0123456789"}},
       "laptop",
       false},
      {"the scheme has no case", {{"authorization", "bEaReR server-key-0123456789"}}, "server", false},
      {"both, equal", {{"x-api-key", kLaptopKey}, {"authorization", "Bearer laptop-key-0123456789"}}, "laptop", false},
      {"both, the first known", {{"x-api-key", kLaptopKey}, {"authorization", "Bearer other"}}, "laptop", false},
      {"both, the second known",
       {{"x-api-key", "other"}, {"authorization", "Bearer server-key-0123456789"}},
       "server",
       false},
      {"both known: x-api-key counts",
       {{"authorization", "Bearer server-key-0123456789"}, {"x-api-key", kLaptopKey}},
       "laptop",
       false},
      {"an empty x-api-key is none",
       {{"x-api-key", ""}, {"authorization", "Bearer server-key-0123456789"}},
       "server",
       false},
      {"baton-key alone", {{"baton-key", kLaptopKey}}, "laptop", true},
      {"baton-key beside the vendor's", {{"baton-key", kLaptopKey}, {"x-api-key", "sk-ant-mine"}}, "laptop", true},
      {"baton-key beside a token", {{"authorization", "Bearer mine"}, {"baton-key", kServerKey}}, "server", true},
      {"a proxy may stand before it",
       {{"x-api-key", kLaptopKey}, {"via", "1.1 x"}, {"origin", "https://a.test"}},
       "laptop",
       false},
  };
  const Authenticator authenticator(two_clients());
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto caller = authenticator.identify(head_of("relay.example", c.fields), ip("203.0.113.9"), kNow);
    ASSERT_TRUE(caller.has_value()) << caller.error().detail;
    EXPECT_EQ(caller->name, c.caller);
    EXPECT_EQ(caller->brings_own_credential, c.brings_own);
    EXPECT_EQ(caller->client_address, "203.0.113.9");
    EXPECT_FALSE(caller->local);
  }
}

TEST(Authenticator, OthersAreRefused) {
  const std::string long_key(100'000, 'k');
  struct {
    std::string_view name;
    Fields fields;
    ErrorCode code;
  } const cases[] = {
      {"nothing", {}, ErrorCode::kUnauthenticated},
      {"an unknown key", {{"x-api-key", "laptop-key-012345678X"}}, ErrorCode::kUnauthenticated},
      {"a prefix of a key", {{"x-api-key", "laptop-key-012345678"}}, ErrorCode::kUnauthenticated},
      {"a key and more", {{"x-api-key", "laptop-key-01234567890"}}, ErrorCode::kUnauthenticated},
      {"a key in other case", {{"x-api-key", "LAPTOP-KEY-0123456789"}}, ErrorCode::kUnauthenticated},
      {"empty", {{"x-api-key", ""}}, ErrorCode::kUnauthenticated},
      {"a scheme alone", {{"authorization", "Bearer"}}, ErrorCode::kUnauthenticated},
      {"two blanks", {{"authorization", "Bearer  server-key-0123456789"}}, ErrorCode::kUnauthenticated},
      {"a tab", {{"authorization", "Bearer\tserver-key-0123456789"}}, ErrorCode::kUnauthenticated},
      {"another scheme", {{"authorization", "Basic server-key-0123456789"}}, ErrorCode::kUnauthenticated},
      {"no scheme", {{"authorization", kServerKey}}, ErrorCode::kUnauthenticated},
      {"not ASCII", {{"x-api-key", "\xc3\xa4"}}, ErrorCode::kUnauthenticated},
      {"SQL", {{"x-api-key", "' OR 1=1--"}}, ErrorCode::kUnauthenticated},
      {"a wildcard", {{"x-api-key", "%"}}, ErrorCode::kUnauthenticated},
      {"longer than any key", {{"x-api-key", long_key}}, ErrorCode::kUnauthenticated},
      {"both unknown and equal", {{"x-api-key", "a"}, {"authorization", "Bearer a"}}, ErrorCode::kUnauthenticated},
      {"both unknown and different", {{"x-api-key", "a"}, {"authorization", "Bearer b"}}, ErrorCode::kBadRequest},
      {"x-api-key twice", {{"x-api-key", kLaptopKey}, {"x-api-key", kLaptopKey}}, ErrorCode::kBadRequest},
      {"authorization twice", {{"authorization", "Bearer a"}, {"authorization", "Bearer a"}}, ErrorCode::kBadRequest},
      {"baton-key twice", {{"baton-key", kLaptopKey}, {"baton-key", kLaptopKey}}, ErrorCode::kBadRequest},
      {"a wrong baton-key is not made up for",
       {{"baton-key", "x"}, {"x-api-key", kLaptopKey}},
       ErrorCode::kUnauthenticated},
      {"an empty baton-key neither", {{"baton-key", ""}, {"x-api-key", kLaptopKey}}, ErrorCode::kUnauthenticated},
  };
  const Authenticator authenticator(two_clients());
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto caller = authenticator.identify(head_of("localhost", c.fields), ip("127.0.0.1"), kNow);
    ASSERT_FALSE(caller.has_value());
    EXPECT_EQ(name(caller.error().code), name(c.code));
    EXPECT_EQ(caller.error().fault, Fault::kClient);
    for (const auto& [field, value] : c.fields) {
      if (value.size() > 8)
        EXPECT_EQ(caller.error().detail.find(value), std::string::npos) << "a credential is never repeated";
    }
  }
}

TEST(Authenticator, NoKeyAndAWrongKeyGetTheSameSentence) {
  const Authenticator authenticator(two_clients());
  const auto none = authenticator.identify(head_of("h", {}), ip("10.0.0.1"), kNow);
  const auto wrong = authenticator.identify(head_of("h", {{"x-api-key", "wrong"}}), ip("10.0.0.1"), kNow);
  ASSERT_FALSE(none.has_value());
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(none.error().detail, wrong.error().detail);
}

TEST(Authenticator, WithoutClientsThisHostMayCallWhateverKeyItSends) {
  struct {
    std::string_view name;
    std::string_view host;
    std::string_view peer;
    Fields fields;
  } const cases[] = {
      {"no key", "127.0.0.1:8787", "127.0.0.1", {}},
      {"any key", "localhost:8787", "127.0.0.1", {{"x-api-key", "dummy"}}},
      {"two different keys", "localhost", "127.0.0.1", {{"x-api-key", "a"}, {"authorization", "Bearer b"}}},
      {"IPv6", "[::1]:8787", "::1", {}},
      {"a mapped peer", "localhost", "::ffff:127.0.0.1", {}},
      {"what Claude Code sends",
       "localhost:8787",
       "127.0.0.1",
       {{"anthropic-dangerous-direct-browser-access", "true"}, {"x-app", "cli"}}},
  };
  const Authenticator authenticator(Config{});
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto caller = authenticator.identify(head_of(c.host, c.fields), ip(c.peer), kNow);
    ASSERT_TRUE(caller.has_value()) << caller.error().detail;
    EXPECT_EQ(caller->name, "local");
    EXPECT_TRUE(caller->local);
    EXPECT_TRUE(caller->brings_own_credential);
    EXPECT_EQ(caller->client_address, ip(c.peer).text());
  }
}

TEST(Authenticator, WithoutClientsPagesAndProxiesAreRefused) {
  struct {
    std::string_view name;
    std::string_view host;
    std::string_view peer;
    Fields fields;
    std::string_view sentence;  // a part of it
  } const cases[] = {
      {"another machine", "localhost", "192.168.0.7", {}, "only programs on its own host"},
      {"an unknown peer", "localhost", "", {}, "only programs on its own host"},
      {"DNS rebinding", "evil.test:8787", "127.0.0.1", {}, "Host"},
      {"a name that begins like loopback", "127.0.0.1.evil.test", "127.0.0.1", {}, "Host"},
      {"no Host", "", "127.0.0.1", {}, "Host"},
      {"a page", "localhost:8787", "127.0.0.1", {{"origin", "https://evil.test"}}, "web page"},
      {"a page of this host", "localhost:8787", "127.0.0.1", {{"origin", "http://localhost:8787"}}, "web page"},
      {"a sandboxed page", "localhost:8787", "127.0.0.1", {{"origin", "null"}}, "web page"},
      {"Forwarded", "localhost", "127.0.0.1", {{"forwarded", "for=1.2.3.4"}}, "proxy"},
      {"X-Forwarded-For", "localhost", "127.0.0.1", {{"x-forwarded-for", "127.0.0.1"}}, "proxy"},
      {"X-Forwarded-Proto", "localhost", "127.0.0.1", {{"x-forwarded-proto", "https"}}, "proxy"},
      {"X-Real-IP", "localhost", "127.0.0.1", {{"x-real-ip", "1.2.3.4"}}, "proxy"},
      {"Via", "localhost", "127.0.0.1", {{"via", "1.1 nginx"}}, "proxy"},
  };
  const Authenticator authenticator(Config{});
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto caller = authenticator.identify(head_of(c.host, c.fields), ip(c.peer), kNow);
    ASSERT_FALSE(caller.has_value());
    EXPECT_EQ(caller.error().code, ErrorCode::kForbidden);
    EXPECT_EQ(caller.error().fault, Fault::kClient);
    EXPECT_NE(caller.error().detail.find(c.sentence), std::string::npos) << caller.error().detail;
    EXPECT_NE(caller.error().detail.find("clients"), std::string::npos) << "it tells the remedy";
  }
}

TEST(Authenticator, WithoutClientsHttp10IsRefused) {
  const Authenticator authenticator(Config{});
  http::RequestHead head = head_of("127.0.0.1:8787", {});
  head.version_minor = 0;
  const auto caller = authenticator.identify(head, ip("127.0.0.1"), kNow);
  ASSERT_FALSE(caller.has_value());
  EXPECT_EQ(caller.error().code, ErrorCode::kForbidden);
}

TEST(Authenticator, TrustedProxiesTellTheClientsAddress) {
  struct {
    std::string_view name;
    std::string_view peer;
    Fields fields;
    std::string_view want;
  } const cases[] = {
      {"no field", "10.0.0.1", {}, "10.0.0.1"},
      {"one hop", "10.0.0.1", {{"x-forwarded-for", "203.0.113.9"}}, "203.0.113.9"},
      {"an untrusted peer is not believed", "192.0.2.1", {{"x-forwarded-for", "203.0.113.9"}}, "192.0.2.1"},
      {"the right-most stranger, whatever stands left of it",
       "10.0.0.1",
       {{"x-forwarded-for", "1.1.1.1, 203.0.113.9"}},
       "203.0.113.9"},
      {"through several trusted",
       "10.0.0.1",
       {{"x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.0.0.3,10.0.0.2"}},
       "203.0.113.9"},
      {"over several fields",
       "10.0.0.1",
       {{"x-forwarded-for", "203.0.113.9"}, {"x-forwarded-for", "10.0.0.2"}},
       "203.0.113.9"},
      {"all trusted: the left-most", "10.0.0.1", {{"x-forwarded-for", "10.0.0.5, 10.0.0.2"}}, "10.0.0.5"},
      {"garbage ends the search", "10.0.0.1", {{"x-forwarded-for", "203.0.113.9, unknown, 10.0.0.2"}}, "10.0.0.2"},
      {"an empty entry ends it too", "10.0.0.1", {{"x-forwarded-for", "203.0.113.9,"}}, "10.0.0.1"},
      {"with a port", "10.0.0.1", {{"x-forwarded-for", "203.0.113.9:4711"}}, "203.0.113.9"},
      {"IPv6", "10.0.0.1", {{"x-forwarded-for", "2001:db8::7"}}, "2001:db8::7"},
      {"IPv6 with a port", "10.0.0.1", {{"x-forwarded-for", "[2001:db8::7]:4711"}}, "2001:db8::7"},
      {"a broken bracket", "10.0.0.1", {{"x-forwarded-for", "[2001:db8::7"}}, "10.0.0.1"},
      {"a mapped peer", "::ffff:10.0.0.1", {{"x-forwarded-for", "203.0.113.9"}}, "203.0.113.9"},
      {"X-Forwarded-Proto is another field", "10.0.0.1", {{"x-forwarded-proto", "203.0.113.9"}}, "10.0.0.1"},
  };
  Config config = two_clients();
  config.trusted_proxies = {"10.0.0.0/8"};
  const Authenticator authenticator(config);
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    Fields fields = c.fields;
    fields.emplace_back("x-api-key", kLaptopKey);
    const auto caller = authenticator.identify(head_of("relay.example", fields), ip(c.peer), kNow);
    ASSERT_TRUE(caller.has_value()) << caller.error().detail;
    EXPECT_EQ(caller->client_address, c.want);
  }
}

TEST(Authenticator, AnyOneBitMakesAnotherKey) {
  const Authenticator authenticator(two_clients());
  for (size_t bit = 0; bit < kLaptopKey.size() * 8; ++bit) {
    std::string key(kLaptopKey);
    key[bit / 8] = static_cast<char>(key[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(authenticator.identify(head_of("h", {{"x-api-key", key}}), ip("10.0.0.1"), kNow).has_value()) << bit;
  }
}

// The second look-up of a key goes another way than the first.
TEST(Authenticator, AKeyThatWasKnownIsRefusedAsSoonAsItIsRevoked) {
  constexpr std::string_view kKey = "bk-000102030405060708090a0b0c0d0e0f1011121314151617";
  StoredKeys stored;
  stored.keys = {{.id = "key_1",
                  .name = "ci",
                  .team = {},
                  .tags = {},
                  .shown = {},
                  .rights = {},
                  .created = {},
                  .expires = kNow + std::chrono::hours(1),
                  .revoked = {}}};
  stored.secrets = {{.digest = keyed_digest(stored.secret, kKey), .key_id = "key_1", .until = {}}};
  KeyRing ring;
  ring.replace(stored);
  const Authenticator authenticator(two_clients(), &ring);
  const auto call = [&](WallTime now) {
    return authenticator.identify(head_of("relay", {{"x-api-key", kKey}}), ip("127.0.0.1"), now);
  };
  for (int i = 0; i < 3; ++i) {
    const auto caller = call(kNow);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->name, "ci");
  }
  EXPECT_FALSE(call(kNow + std::chrono::hours(2))) << "it has expired";
  EXPECT_TRUE(call(kNow));
  stored.keys[0].revoked = kNow;
  ring.replace(stored);
  EXPECT_FALSE(call(kNow));
  EXPECT_FALSE(call(kNow));
  stored.keys.clear();
  stored.secrets.clear();
  ring.replace(stored);
  EXPECT_FALSE(call(kNow));
}

TEST(Authenticator, TheLongestKeyIsKnown) {
  Config config;
  const std::string key(kKeyBytesMax, 'k');
  config.clients.push_back({"long", Secret(key)});
  const Authenticator authenticator(config);
  EXPECT_TRUE(authenticator.identify(head_of("h", {{"x-api-key", key}}), ip("10.0.0.1"), kNow).has_value());
  const std::string longer = key + "k";
  EXPECT_FALSE(authenticator.identify(head_of("h", {{"x-api-key", longer}}), ip("10.0.0.1"), kNow).has_value());
}

}  // namespace
}  // namespace baton::auth
