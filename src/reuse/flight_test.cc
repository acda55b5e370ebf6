#include "reuse/flight.h"

#include <gtest/gtest.h>

#include <thread>

#include "reuse/flights.h"
#include "runtime/clock.h"
#include "runtime/wait.h"

namespace baton::reuse {
namespace {

using Phase = Flight::Phase;
using Role = Flights::Role;

class NoPoller final : public runtime::Poller {
 public:
  void poll(Instant) override {}
  void interrupt() override { ++interrupts; }
  int interrupts = 0;
};

Digest digest_of(uint8_t number) {
  Digest digest{.key = {.low = number * 2u, .high = number}};
  digest.identity.fill(number);
  return digest;
}

class FlightTest : public testing::Test {
 protected:
  std::shared_ptr<Flight> make(FlightLimits limits = {}) {
    auto flight = std::make_shared<Flight>(limits, FlightBudgets{flights, replies});
    EXPECT_TRUE(flight->board());
    return flight;
  }
  // Everything that can be read now.
  static std::string read(Seat& seat, Flight::Piece* last = nullptr) {
    std::string all;
    while (true) {
      Flight::Piece piece = seat.next();
      all += piece.bytes;
      if (last != nullptr) *last = piece;
      if (piece.bytes.empty() || piece.lost) return all;
    }
  }

  runtime::VirtualClock clock;
  NoPoller poller;
  runtime::Loop loop{clock, poller};
  ByteBudget flights{64 * kMiB};
  ByteBudget replies{64 * kMiB};
};

TEST_F(FlightTest, who_comes_late_reads_from_the_first_byte_on) {
  auto flight = make();
  Helm helm(flight, loop);
  Seat first(flight, loop);
  helm.begin({.status = 200, .fields = "a: b\r\n", .event_stream = true});
  helm.append("one ", true);
  EXPECT_EQ(read(first), "one ");
  ASSERT_TRUE(flight->board());
  Seat late(flight, loop);
  helm.append("two ", true);
  EXPECT_EQ(read(late), "one two ");
  helm.append("three", false);
  helm.end({.events = 3});
  Flight::Piece last;
  EXPECT_EQ(read(first, &last), "two three");
  EXPECT_TRUE(last.ended);
  EXPECT_EQ(read(late, &last), "three");
  EXPECT_TRUE(last.ended);
  EXPECT_EQ(flight->head().fields, "a: b\r\n");
  EXPECT_EQ(flight->ending().events, 3u);
  EXPECT_FALSE(flight->board()) << "it has ended";
}

TEST_F(FlightTest, a_reader_too_far_behind_is_lost_and_nobody_joins_any_more) {
  auto flight = make({.bytes_max = 64 * kKiB, .ahead_max = 32 * kKiB});
  Helm helm(flight, loop);
  Seat quick(flight, loop);
  ASSERT_TRUE(flight->board());
  Seat slow(flight, loop);
  helm.begin({});
  const std::string piece(8 * kKiB, 'x');
  size_t sent = 0;
  for (int i = 0; i < 32; ++i) {
    ASSERT_TRUE(helm.has_room());
    helm.append(piece, true);
    sent += read(quick).size();
    EXPECT_LE(flight->held_bytes(), 64 * kKiB);
    EXPECT_EQ(flights.taken(), flight->held_bytes());
    EXPECT_EQ(replies.taken(), flight->held_bytes());
  }
  EXPECT_EQ(sent, 32 * piece.size());
  EXPECT_TRUE(slow.next().lost);
  EXPECT_FALSE(flight->board());
}

TEST_F(FlightTest, the_reply_is_read_no_further_than_its_fastest_reader_needs) {
  auto flight = make({.bytes_max = 64 * kKiB, .ahead_max = 16 * kKiB});
  Helm helm(flight, loop);
  Seat reader(flight, loop);
  helm.begin({});
  const std::string piece(8 * kKiB, 'x');
  helm.append(piece, true);
  EXPECT_TRUE(helm.has_room());
  helm.append(piece, true);
  EXPECT_FALSE(helm.has_room());
  read(reader);
  EXPECT_TRUE(helm.has_room());
}

TEST_F(FlightTest, without_budget_only_what_is_unread_is_held) {
  ByteBudget none{0};
  auto flight = std::make_shared<Flight>(FlightLimits{}, FlightBudgets{none, replies});
  flight->board();
  Helm helm(flight, loop);
  Seat reader(flight, loop);
  helm.begin({});
  std::string got;
  for (int i = 0; i < 100; ++i) {
    helm.append(std::string(20 * kKiB, static_cast<char>('a' + i % 26)), true);
    EXPECT_FALSE(helm.has_room());
    got += read(reader);
    EXPECT_TRUE(helm.has_room());
  }
  EXPECT_EQ(got.size(), 100 * 20 * kKiB);
  EXPECT_EQ(flight->held_bytes(), 0u);
  EXPECT_EQ(replies.taken(), 0u);
}

TEST_F(FlightTest, the_last_one_out_abandons_it_unless_it_is_held) {
  auto flight = make();
  Helm helm(flight, loop);
  Seat one(flight, loop);
  ASSERT_TRUE(flight->board());
  Seat two(flight, loop);
  helm.begin({});
  one.leave();
  EXPECT_FALSE(helm.cancel.cancelled());
  {
    FlightHold hold(flight, loop);
    two.leave();
    EXPECT_FALSE(helm.cancel.cancelled());
  }
  EXPECT_TRUE(helm.cancel.cancelled());
  EXPECT_EQ(flight->phase(), Phase::kGone);
  EXPECT_FALSE(flight->board());
}

TEST_F(FlightTest, a_failure_before_the_first_byte_is_tried_again_by_one_reader_and_not_for_ever) {
  auto flight = make();
  Seat one(flight, loop);
  ASSERT_TRUE(flight->board());
  Seat two(flight, loop);
  for (uint32_t i = 0; i < kPromotionsMax; ++i) {
    Helm helm(flight, loop);
    EXPECT_FALSE(one.claim());
    ASSERT_TRUE(helm.vacate());
    EXPECT_EQ(flight->phase(), Phase::kVacant);
    EXPECT_TRUE(two.claim());
    EXPECT_FALSE(one.claim()) << "only one";
    EXPECT_EQ(flight->phase(), Phase::kOpening);
  }
  Helm helm(flight, loop);
  EXPECT_FALSE(helm.vacate());
  helm.end({.failure = Error{.code = ErrorCode::kReset}});
  EXPECT_EQ(flight->phase(), Phase::kFailed);
  EXPECT_EQ(flight->ending().failure->code, ErrorCode::kReset);
}

TEST_F(FlightTest, a_reader_of_another_loop_is_told_there) {
  NoPoller other_poller;
  runtime::Loop other(clock, other_poller);
  auto flight = make();
  Helm helm(flight, loop);
  Seat mine(flight, loop);
  ASSERT_TRUE(flight->board());
  Seat theirs(flight, other);
  bool woken = false;
  struct Note : runtime::Waiter {
    bool* woken = nullptr;
  } note;
  note.loop = &other;
  note.woken = &woken;
  note.run = [](runtime::Wake& wake) { *static_cast<Note&>(wake).woken = true; };
  theirs.slot.stand(note, runtime::kNotified);
  helm.begin({});
  helm.append("a", true);
  EXPECT_EQ(other_poller.interrupts, 1) << "told once for both";
  EXPECT_FALSE(woken);
  other.run_until([&] { return woken; });
  EXPECT_EQ(theirs.next().bytes, "a");
  theirs.slot.leave(note);
}

TEST_F(FlightTest, readers_on_threads_of_their_own_get_every_byte) {
  auto flight = make({.bytes_max = 1 * kMiB, .ahead_max = 256 * kKiB});
  constexpr int kAppends = 4000;
  constexpr int kReaders = 3;
  std::vector<std::string> got(kReaders);
  std::vector<std::thread> threads;
  {
    Seat mine(flight, loop);
    Helm helm(flight, loop);
    helm.begin({});
    for (std::string& into : got) {
      ASSERT_TRUE(flight->board());
      threads.emplace_back([flight, &into] {
        runtime::SystemClock system;
        NoPoller own_poller;
        runtime::Loop own(system, own_poller);
        Seat seat(flight, own);
        while (true) {
          const Flight::Piece piece = seat.next();
          into += piece.bytes;
          if (piece.lost || (piece.bytes.empty() && piece.ended)) break;
          if (piece.bytes.empty()) std::this_thread::yield();
        }
        seat.leave();
        int turns = 0;
        own.run_until([&turns] { return ++turns > 2; });
      });
    }
    for (int i = 0; i < kAppends; ++i) {
      helm.append(std::to_string(i) + ";", true);
      read(mine);
    }
    helm.end({});
    for (std::thread& thread : threads) thread.join();
  }
  std::string want;
  for (int i = 0; i < kAppends; ++i) want += std::to_string(i) + ";";
  for (const std::string& one : got) EXPECT_EQ(one, want);
}

TEST_F(FlightTest, the_registry_brings_the_same_question_together_and_no_other) {
  {
    Flights registry({}, replies);
    auto maker = registry.join(digest_of(1), {.stream = true});
    EXPECT_EQ(maker.role, Role::kMaker);
    EXPECT_EQ(registry.join(digest_of(1), {.stream = true}).flight, maker.flight);
    EXPECT_EQ(registry.join(digest_of(1), {.stream = false}).role, Role::kMaker);
    EXPECT_EQ(registry.join(digest_of(2), {.stream = true}).role, Role::kMaker);
    Digest collision = digest_of(1);
    collision.identity.fill(9);
    EXPECT_EQ(registry.join(collision, {.stream = true}).role, Role::kAlone) << "same place, another question";
    // Who wants it fresh makes a call that others may then read.
    auto fresh = registry.join(digest_of(1), {.stream = true, .may_read = false});
    EXPECT_EQ(fresh.role, Role::kMaker);
    EXPECT_EQ(registry.join(digest_of(1), {.stream = true}).flight, fresh.flight);
    registry.remove(digest_of(1), true, *maker.flight);
    EXPECT_EQ(registry.join(digest_of(1), {.stream = true}).flight, fresh.flight) << "the old one was gone already";
    registry.remove(digest_of(1), true, *fresh.flight);
    EXPECT_EQ(registry.join(digest_of(1), {.stream = true}).role, Role::kMaker);
    EXPECT_EQ(registry.size(), 3u);
  }
  EXPECT_EQ(replies.taken(), 0u);
}

TEST_F(FlightTest, beyond_the_bound_calls_go_alone) {
  Flights registry({}, replies);
  size_t alone = 0;
  Digest digest = digest_of(3);
  for (size_t i = 0; i < kFlightsMax / 16 + 10; ++i) {
    digest.key.low = 2 * i;
    if (registry.join(digest, {}).role == Role::kAlone) ++alone;
  }
  EXPECT_EQ(alone, 10u);
}

}  // namespace
}  // namespace baton::reuse
