#include "reuse/shared_replies.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "runtime/wait.h"

namespace baton::reuse {

using runtime::Task;
using store::RedisCommands;
using store::Resp;

namespace scripts {

// reply, lease, point; token, time in ms, last byte of a reply
const std::string_view kTakeTurn =
    "local v = redis.call('GETRANGE', KEYS[1], 0, ARGV[3]) "
    "if v ~= '' then return {v, redis.call('GET', KEYS[3]) or ''} end "
    "if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end "
    "return 0";
// lease; token, time in ms
const std::string_view kRenewLease =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end "
    "return 0";
// lease; token
const std::string_view kEndLease =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end "
    "return 0";
// point, list; another epoch, how many
const std::string_view kReadPurges =
    "local p = redis.call('GET', KEYS[1]) "
    "if not p then p = ARGV[1] .. ':0' redis.call('SET', KEYS[1], p) redis.call('DEL', KEYS[2]) end "
    "return {p, redis.call('LRANGE', KEYS[2], -tonumber(ARGV[2]), -1)}";
// point, list; another epoch, the purge, how many are kept
const std::string_view kAddPurge =
    "local e, n = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+):(%d+)$') "
    "if not e then e = ARGV[1] n = 0 redis.call('DEL', KEYS[2]) end "
    "local p = e .. ':' .. string.format('%.0f', n + 1) "
    "redis.call('SET', KEYS[1], p) redis.call('RPUSH', KEYS[2], ARGV[2]) "
    "redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1) "
    "return p";
// point, list; another epoch
const std::string_view kForgetPurges =
    "redis.call('DEL', KEYS[2]) "
    "return redis.call('SET', KEYS[1], ARGV[1] .. ':0')";

}  // namespace scripts

namespace {

std::string ms_text(Duration time) {
  return std::to_string(std::max<int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(time).count()));
}

bool is_texts(const Resp& list) {
  return list.kind == Resp::Kind::kList &&
         std::ranges::all_of(list.items, [](const Resp& one) { return one.kind == Resp::Kind::kText; });
}

}  // namespace

SharedReplies::~SharedReplies() { BATON_CHECK(leases_ == 0); }

std::string SharedReplies::random_hex() {
  // A token that another relay has too would only end that one's lease early.
  PurgePoint two{parts_.random.next() | 1, parts_.random.next()};
  std::string text = point_text(two);
  return text.substr(0, text.find(':'));
}

Task<std::shared_ptr<const KeptReply>> SharedReplies::find(Digest digest) {
  if (!up()) co_return nullptr;
  const Instant until = soon();
  const std::string name = parts_.codec.reply_name(digest.key);
  const std::string last = std::to_string(parts_.content_bytes_max + SharedCodec::kOverheadBytes);
  RedisCommands commands;
  commands.add({"GETRANGE", name, "0", last}).add({"GET", parts_.codec.point_name()});
  auto replies = co_await parts_.link.ask(std::move(commands), until);
  if (!replies) co_return nullptr;
  if ((*replies)[0].text.empty() || (*replies)[0].is_error()) {
    ++parts_.counts.misses;
    co_return nullptr;
  }
  std::string sealed = std::move((*replies)[0].text);
  std::string point = std::move((*replies)[1].text);
  co_return co_await read(digest, std::move(sealed), std::move(point), until);
}

// What came from there, if it is what was asked for and may be used.
Task<std::shared_ptr<const KeptReply>> SharedReplies::read(Digest digest, std::string sealed, std::string point,
                                                           Instant until) {
  auto opened =
      parts_.codec.open_reply(parts_.codec.reply_name(digest.key), sealed, parts_.loop.now(), parts_.loop.wall());
  const auto current = parse_point(point);
  if (!opened || !current || opened->reply->key != digest.key || opened->reply->identity != digest.identity ||
      opened->reply->fresh_until <= parts_.loop.now()) {
    ++parts_.counts.unusable;
    co_return nullptr;
  }
  // Something was taken out that is not known here yet.
  const PurgePoint known = parts_.purges.point();
  const bool behind = current->epoch != known.epoch || current->sequence > known.sequence;
  if ((behind && !co_await learn(until)) || !parts_.purges.allows(*opened->reply, opened->asked)) {
    ++parts_.counts.unusable;
    co_return nullptr;
  }
  ++parts_.counts.hits;
  co_return std::move(opened->reply);
}

void SharedReplies::store(const KeptReply& reply, const PurgePoint& asked) {
  const Instant now = parts_.loop.now();
  if (!up() || asked.epoch == 0 || reply.fresh_until <= now || reply.plain_bytes > parts_.content_bytes_max) return;
  const std::string name = parts_.codec.reply_name(reply.key);
  const std::string sealed = parts_.codec.seal_reply(name, reply, asked, now, parts_.loop.wall());
  RedisCommands commands;
  commands.add({"SET", name, sealed, "PX", ms_text(reply.fresh_until - now)});
  if (parts_.link.tell(commands)) ++parts_.counts.stored;
}

Task<SharedReplies::Turn> SharedReplies::take_turn(Digest digest, bool stream, bool look) {
  Turn turn;
  if (!up() || leases_ >= kLeasesMax) co_return turn;
  const Instant until = soon();
  const std::string name = parts_.codec.lease_name(digest.key, stream);
  const std::string token = random_hex();
  const std::string last = std::to_string(parts_.content_bytes_max + SharedCodec::kOverheadBytes);
  RedisCommands commands;
  if (look) {
    commands.add({"EVAL", scripts::kTakeTurn, "3", parts_.codec.reply_name(digest.key), name, parts_.codec.point_name(),
                  token, ms_text(kLeaseTime), last});
  } else {
    commands.add({"SET", name, token, "NX", "PX", ms_text(kLeaseTime)});
  }
  auto replies = co_await parts_.link.ask(std::move(commands), until);
  if (!replies) co_return turn;
  Resp& said = replies->front();
  if (said.is_error()) co_return turn;
  if (said.kind == Resp::Kind::kList) {
    if (said.items.size() != 2 || !is_texts(said)) co_return turn;
    std::string sealed = std::move(said.items[0].text);
    std::string point = std::move(said.items[1].text);
    turn.reply = co_await read(digest, std::move(sealed), std::move(point), until);
    if (turn.reply != nullptr) turn.whose = Turn::Whose::kThere;
    co_return turn;
  }
  const bool own = said.kind == Resp::Kind::kStatus || said.number == 1;
  turn.whose = own ? Turn::Whose::kOwn : Turn::Whose::kOther;
  if (own) {
    turn.lease.name_ = name;
    turn.lease.token_ = token;
    link_in(turn.lease);
  }
  co_return turn;
}

void SharedReplies::link_in(Lease& lease) {
  lease.owner_ = this;
  lease.previous_ = nullptr;
  lease.next_ = first_;
  if (first_ != nullptr) first_->previous_ = &lease;
  first_ = &lease;
  ++leases_;
}

void SharedReplies::link_out(Lease& lease) {
  if (lease.previous_ != nullptr) lease.previous_->next_ = lease.next_;
  if (lease.next_ != nullptr) lease.next_->previous_ = lease.previous_;
  if (first_ == &lease) first_ = lease.next_;
  lease.owner_ = nullptr;
  --leases_;
}

SharedReplies::Lease::Lease(Lease&& other) noexcept { *this = std::move(other); }

SharedReplies::Lease& SharedReplies::Lease::operator=(Lease&& other) noexcept {
  if (this == &other) return *this;
  release();
  name_ = std::move(other.name_);
  token_ = std::move(other.token_);
  if (SharedReplies* owner = other.owner_; owner != nullptr) {
    owner->link_out(other);
    owner->link_in(*this);
  }
  return *this;
}

void SharedReplies::Lease::release() {
  if (owner_ == nullptr) return;
  RedisCommands commands;
  commands.add({"EVAL", scripts::kEndLease, "1", name_, token_});
  (void)owner_->parts_.link.tell(commands);
  owner_->link_out(*this);
}

Task<void> SharedReplies::run() {
  while (!stop_.cancelled()) {
    if (first_ != nullptr && parts_.link.up()) {
      RedisCommands commands;
      for (const Lease* one = first_; one != nullptr; one = one->next_)
        commands.add({"EVAL", scripts::kRenewLease, "1", one->name_, one->token_, ms_text(kLeaseTime)});
      (void)parts_.link.tell(commands);
    }
    if (parts_.tells_purges && parts_.link.up()) co_await tell_purges();
    const Duration pause = parts_.link.up() ? kRound : kRound / 10;
    co_await runtime::wait(parts_.loop, {.cancel = &stop_, .until = parts_.loop.now() + pause});
  }
}

// The purges of this relay first, then the list as it stands.
Task<void> SharedReplies::tell_purges() {
  const auto& codec = parts_.codec;
  const auto patient = [&] { return parts_.loop.now() + kRound; };
  while (const auto next = parts_.purges.waiting()) {
    const std::string sealed = codec.seal_purge({next->what, parts_.loop.wall()});
    const std::string epoch = random_hex();
    const std::string kept = std::to_string(kPurgesKept);
    RedisCommands commands;
    commands.add({"EVAL", scripts::kAddPurge, "2", codec.point_name(), codec.purges_name(), epoch, sealed, kept});
    auto replies = co_await parts_.link.ask(std::move(commands), patient());
    const auto point = replies ? parse_point(replies->front().text) : std::nullopt;
    if (!point) co_return;
    parts_.purges.told(next->number, *point);
    ++parts_.counts.purges_sent;
  }
  (void)co_await learn(patient());
}

// Reads the list, and has carried out what is new in it.
Task<bool> SharedReplies::learn(Instant until) {
  const auto& codec = parts_.codec;
  const std::string epoch = random_hex();
  const std::string count = std::to_string(kPurgesKept);
  RedisCommands commands;
  commands.add({"EVAL", scripts::kReadPurges, "2", codec.point_name(), codec.purges_name(), epoch, count});
  auto replies = co_await parts_.link.ask(std::move(commands), until);
  if (!replies) co_return false;
  const Resp& said = replies->front();
  if (said.kind != Resp::Kind::kList || said.items.size() != 2 || !is_texts(said.items[1])) co_return false;
  const auto point = parse_point(said.items[0].text);
  if (!point) co_return false;
  if (point->epoch == seen_.epoch && point->sequence < seen_.sequence) {
    // An older state has come back, with numbers that are given again: nothing from before it is used any more.
    const std::string other = random_hex();
    RedisCommands forget;
    forget.add({"EVAL", scripts::kForgetPurges, "2", codec.point_name(), codec.purges_name(), other});
    (void)parts_.link.tell(forget);
    co_return false;
  }
  seen_ = *point;
  std::vector<std::string> sealed;
  sealed.reserve(said.items[1].items.size());
  for (const Resp& one : said.items[1].items) sealed.push_back(one.text);
  auto fresh = parts_.purges.learn(*point, sealed, codec,
                                   parts_.loop.wall() - std::chrono::ceil<std::chrono::milliseconds>(parts_.life_max));
  parts_.counts.purges_learnt += fresh.size();
  if (!fresh.empty()) parts_.carry_out(std::move(fresh));
  co_return true;
}

}  // namespace baton::reuse
