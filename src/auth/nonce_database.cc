#include "auth/nonce_database.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "base/digest.h"
#include "runtime/wait.h"

namespace baton::auth {
namespace {

using store::Postgres;
using store::Result;
using Clock = std::chrono::steady_clock;

constexpr store::Migration kMigrations[] = {
    // Until when a nonce counts, in ms since 1970.
    "CREATE TABLE nonces(mark TEXT PRIMARY KEY, until BIGINT NOT NULL);"
    "CREATE INDEX nonces_until ON nonces(until)",
};

#define BATON_SERVER_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
// In one order, so that two relays never wait for each other.
constexpr std::string_view kTake =
    "INSERT INTO nonces SELECT said.mark, said.until FROM unnest(?1::text[], ?2::bigint[]) AS said(mark, until) "
    "WHERE said.until > " BATON_SERVER_MS " ORDER BY 1 ON CONFLICT DO NOTHING RETURNING mark";
// Later than they end, for a server's clock that is set back.
constexpr std::string_view kForget = "DELETE FROM nonces WHERE until < " BATON_SERVER_MS " - ?1";
#undef BATON_SERVER_MS
constexpr int64_t kKeptLongerMs = 60'000;
constexpr auto kForgetEvery = std::chrono::minutes(1);

std::unexpected<Error> unknown() {
  return fail(ErrorCode::kStore, Fault::kUs, "nonces: the database that relays share gives no answer", Retry::kLater);
}

}  // namespace

NonceDatabase::NonceDatabase(Secret url, NonceFile& here, size_t waiting_max)
    : url_(std::move(url)), here_(here), waiting_max_(waiting_max), thread_([this] { run(); }) {
  ::pthread_setname_np(thread_.native_handle(), "baton-nonces");
}

NonceDatabase::~NonceDatabase() {
  hurry_ = true;
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  there_is_work_.notify_all();
  thread_.join();
}

runtime::Task<Expected<void>> NonceDatabase::claim(runtime::Loop& loop, NonceMark mark, WallTime signed_at,
                                                   WallTime now) {
  if (auto first_here = here_.take(mark, signed_at, now); !first_here) co_return first_here;
  runtime::Slot done;
  Answer answer = Answer::kNone;
  {
    std::lock_guard lock(mutex_);
    if (claims_.size() >= waiting_max_)
      co_return fail(ErrorCode::kOverloaded, Fault::kUs, "nonces: too many wait to be told apart", Retry::kLater);
    claims_.push_back({.mark = mark,
                       .until = (signed_at + kSignatureWindow).time_since_epoch().count(),
                       .loop = &loop,
                       .done = &done,
                       .answer = &answer});
    waiting_.store(claims_.size(), std::memory_order_relaxed);
  }
  there_is_work_.notify_one();
  // Not cut short: the answer comes to this frame, within its bound.
  while (answer == Answer::kNone) co_await runtime::wait(loop, {.slot = &done});
  if (answer == Answer::kNew) co_return Expected<void>{};
  if (answer == Answer::kUnknown) co_return unknown();
  co_return fail(
      ErrorCode::kUnauthenticated, Fault::kClient,
      "This signed request has come before, to another relay perhaps, or its time is over by the clock of the "
      "relays' database. Sign each request anew, a repeated one too, with a nonce of its own.");
}

std::string NonceDatabase::trouble() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

Result<std::vector<NonceDatabase::Answer>> NonceDatabase::ask(const std::vector<Claim>& claims) {
  if (connection_ == nullptr || !connection_->good()) {
    connection_.reset();
    auto opened = Postgres::open({.url = url_,
                                  .schema = kSchema,
                                  .connect_timeout = kNonceAnswer,
                                  .answer_timeout = kNonceAnswer,
                                  .hurry = &hurry_},
                                 kMigrations);
    if (!opened) return std::unexpected(std::move(opened.error()));
    connection_ = std::move(*opened);
  }
  std::string marks, untils;
  std::unordered_map<std::string, size_t> first;  // who named it first here
  for (size_t i = 0; i < claims.size(); ++i) {
    const std::string mark = hex(claims[i].mark);
    if (!first.emplace(mark, i).second) continue;
    marks.append(marks.empty() ? "{" : ",").append(mark);
    untils.append(untils.empty() ? "{" : ",").append(std::to_string(claims[i].until));
  }
  marks += '}';
  untils += '}';
  auto rows = connection_->query(kTake, {std::string_view(marks), std::string_view(untils)});
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<Answer> answers(claims.size(), Answer::kSeen);
  while (true) {
    const auto row = rows->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return answers;
    if (const auto found = first.find(std::string(rows->text(0))); found != first.end())
      answers[found->second] = Answer::kNew;
  }
}

void NonceDatabase::tell(const Claim& claim, Answer answer) {
  claim.loop->post([done = claim.done, to = claim.answer, answer] {
    *to = answer;
    done->notify();
  });
}

Result<void> NonceDatabase::forget() {
  const store::Value values[] = {kKeptLongerMs};
  return connection_->run(kForget, values);
}

void NonceDatabase::run() {
  std::unique_lock lock(mutex_);
  Clock::time_point asked_again_at{};
  Clock::time_point forget_at{};
  while (true) {
    there_is_work_.wait(lock, [this] { return ending_ || !claims_.empty(); });
    if (claims_.empty()) return;
    const std::vector<Claim> claims = std::exchange(claims_, {});
    waiting_.store(0, std::memory_order_relaxed);
    lock.unlock();
    std::vector<Answer> answers(claims.size(), Answer::kUnknown);
    std::string why;
    const bool asks = Clock::now() >= asked_again_at;
    if (asks) {
      auto told = ask(claims);
      if (told) {
        answers = std::move(*told);
      } else {
        why = told.error().error.detail;
        // What it has of these is not known, and they are not asked about again: refused either way.
        connection_.reset();
        asked_again_at = Clock::now() + kNonceRest;
      }
    }
    // Who came while a server did not answer does not wait for it once more.
    if (!why.empty()) {
      lock.lock();
      for (const Claim& late : claims_) tell(late, Answer::kUnknown);
      claims_.clear();
      lock.unlock();
    }
    for (size_t i = 0; i < claims.size(); ++i) tell(claims[i], answers[i]);
    if (connection_ != nullptr && Clock::now() >= forget_at) {
      if (auto done = forget(); !done) connection_.reset();
      forget_at = Clock::now() + kForgetEvery;
    }
    lock.lock();
    if (asks) trouble_ = why;
    waiting_.store(claims_.size(), std::memory_order_relaxed);
  }
}

}  // namespace baton::auth
