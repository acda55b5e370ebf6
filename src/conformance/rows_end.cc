// Streams that end badly, and clients that leave.
#include "conformance/row.h"

namespace baton::conformance {

using runtime::Task;

namespace {

size_t count_of(const Reply& reply, std::string_view event_name) {
  size_t count = 0;
  for (const Event& event : events_of(reply.body)) count += event.name == event_name ? 1 : 0;
  return count;
}

// The beginning of a stream, which the client has seen before what follows.
Answer begun(const Bench& bench, size_t deltas = 1) {
  Answer answer{stream_head(), chunk(message_start() + block_start())};
  for (size_t i = 0; i < deltas; ++i) answer.push_back(chunk(text_delta("partly ")));
  answer.push_back({.what = Step::What::kUntilSeen, .bytes = "partly ", .time = bench.config().held_back_max});
  return answer;
}

// How a stream must not end: in good order.
Finding not_tidy(const Told& told) {
  if (auto none = missing(told)) return *none;
  const Ending ending = ending_of(told.reply);
  if (ending == Ending::kErrorEvent || ending == Ending::kVisibleCut || ending == Ending::kErrorStatus)
    return passed(std::string(describe(ending)));
  return failed("an error event or a visible cut", std::string(describe(ending)));
}

Task<Finding> error_event(Bench& bench, const Row&) {
  const std::string data =
      R"({"type":"error","error":{"type":"overloaded_error",  "message":"Overloaded, unheard of"},"request_id":"req_1"})";
  Answer answer = begun(bench);
  answer.push_back(chunk(event("error", data)));
  answer.push_back(last_chunk());
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  for (const Event& one : events_of(told.reply.body)) {
    if (one.name == "message_stop") co_return failed("no message_stop", "a message_stop");
    if (one.name != "error") continue;
    if (one.data != data) co_return failed("the error " + shown(data), "the error " + shown(one.data));
    co_return passed();
  }
  co_return failed("the upstream's error event", std::string(describe(ending_of(told.reply))));
}

enum Cut { kFin, kReset, kEarlyEnd, kUnframed, kBeforeContent };

Task<Finding> cut_shows(Bench& bench, const Row& row) {
  Answer answer;
  switch (row.number) {
    case kBeforeContent: answer = {stream_head(), chunk(message_start()), {.what = Step::What::kCut}}; break;
    case kUnframed:
      answer = begun(bench);
      answer.front() = {.bytes = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"};
      for (size_t i = 1; i + 1 < answer.size(); ++i)
        answer[i] = {.bytes = i == 1 ? message_start() + block_start() : text_delta("partly ")};
      answer.push_back({.what = Step::What::kCut});
      break;
    default:
      answer = begun(bench);
      if (row.number == kEarlyEnd) {
        answer.push_back(last_chunk());
      } else {
        answer.push_back({.what = row.number == kFin ? Step::What::kCut : Step::What::kReset});
      }
  }
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  co_return not_tidy(told);
}

// A reply that does not stream and is shorter than it says.
Task<Finding> short_reply(Bench& bench, const Row&) {
  Answer answer = whole(200, message());
  answer.front().bytes.resize(answer.front().bytes.size() - 20);
  answer.push_back({.what = Step::What::kCut});
  Ask ask;
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  if (told.reply.status >= 400 || told.reply.end == End::kCut || told.reply.end == End::kReset) co_return passed();
  co_return failed("an error status or a visible cut", describe(told.reply));
}

Task<Finding> not_after_first_byte(Bench& bench, const Row&) {
  Answer answer = begun(bench, 3);
  answer.push_back({.what = Step::What::kReset});
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  if (told.arrivals().size() != 1)
    co_return failed("one call at the upstream once its first bytes are at the client",
                     std::to_string(told.arrivals().size()) + " calls");
  const size_t starts = count_of(told.reply, "message_start");
  if (starts != 1) co_return failed("one message_start", std::to_string(starts));
  co_return passed();
}

enum Moment { kWaiting, kStreaming, kUnstreamed };

Task<Finding> leave_once(Bench& bench, const Row& row) {
  Ask ask{.body = row.number == kUnstreamed ? body_of() : streamed_body(),
          .leave = row.number == kStreaming ? Leave::kInTheBody : Leave::kOnArrival,
          .wait_for_the_end = true};
  Answer answer;
  if (row.number == kStreaming) answer = begun(bench);
  answer.push_back({.what = Step::What::kHold});
  ask.answers.push_back(std::move(answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (told.arrivals().empty()) co_return *missing(told);
  if (told.reply.end != End::kLeft) co_return failed("a call that the client can leave", describe(told.reply));
  const Arrival& arrival = told.arrivals().back();
  if (!arrival.gone) co_return failed("the upstream's call ended within 1 s", "it goes on after 2 s");
  const Duration took = *arrival.gone - told.ended;
  if (took > bench.config().left_max)
    co_return failed("the upstream's call ended within 1 s", "after " + std::to_string(milliseconds(took)) + " ms");
  co_return passed("after " + std::to_string(std::max<int64_t>(milliseconds(took), 0)) + " ms");
}

// A gateway that notices at all does so each time; this machine may stand still for a moment.
Task<Finding> client_gone(Bench& bench, const Row& row) {
  Finding finding = co_await leave_once(bench, row);
  for (int again = 0; again < 2 && finding.verdict == Verdict::kFail; ++again)
    finding = co_await leave_once(bench, row);
  co_return finding;
}

Task<Finding> many_leave(Bench& bench, const Row&) {
  for (size_t i = 0; i < bench.config().aborts; ++i) {
    Ask ask{.body = streamed_body(), .leave = i % 2 == 0 ? Leave::kOnArrival : Leave::kInTheBody};
    Answer answer;
    if (i % 2 == 1) answer = begun(bench);
    answer.push_back({.what = Step::What::kHold});
    ask.answers.push_back(std::move(answer));
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = told.arrivals().empty() ? missing(told) : std::nullopt) {
      none->expected += ", also after " + std::to_string(i) + " clients that left";
      co_return *none;
    }
  }
  Ask plain;
  const Told told = co_await bench.ask(std::move(plain));
  if (auto none = missing(told, 200)) {
    none->expected += " after " + std::to_string(bench.config().aborts) + " clients that left";
    co_return *none;
  }
  co_return passed(std::to_string(bench.config().aborts) + " clients");
}

constexpr Row kEnd[] = {
    {"end-error-event", "an error event in the stream comes through as it is, and nothing after it", error_event},
    {"end-cut", "an upstream that closes in mid-stream shows as an error event or a cut, never as a tidy end",
     cut_shows, kFin, true},
    {"end-reset", "the same of one that resets", cut_shows, kReset, true},
    {"end-early", "the same of one that ends in order, but before message_stop", cut_shows, kEarlyEnd, true},
    {"end-unframed", "the same where the stream's end is the connection's", cut_shows, kUnframed, true},
    {"end-before-content", "the same of one that closes behind message_start", cut_shows, kBeforeContent, true},
    {"end-short-reply", "an answer that is shorter than it says is no answer", short_reply, 0, true},
    {"end-no-second-call", "once bytes are at the client the call is not made again", not_after_first_byte, 0, true},
    {"gone-waiting", "a client that leaves before the answer began ends the upstream's call within 1 s", client_gone,
     kWaiting},
    {"gone-streaming", "a client that leaves in mid-stream ends the upstream's call within 1 s", client_gone,
     kStreaming},
    {"gone-unstreamed", "the same of a call that does not stream", client_gone, kUnstreamed},
    {"gone-many", "clients that leave use nothing up", many_leave},
};

}  // namespace

std::span<const Row> end_rows() { return kEnd; }

}  // namespace baton::conformance
