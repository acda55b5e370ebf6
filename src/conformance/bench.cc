#include "conformance/bench.h"

#include "runtime/wait.h"

namespace baton::conformance {

using runtime::Task;

namespace {

void put_marker(std::string& text, std::string_view marker) {
  constexpr std::string_view kPlace = "{marker}";
  for (size_t at = text.find(kPlace); at != text.npos; at = text.find(kPlace, at + marker.size()))
    text.replace(at, kPlace.size(), marker);
}

std::string request_of(const Ask& ask, const Gateway& gateway) {
  Fields fields{{"host", gateway.host_field},
                {"x-api-key", gateway.key},
                {"anthropic-version", "2023-06-01"},
                {"accept", "application/json"},
                {"user-agent", "baton-conformance/" BATON_VERSION}};
  if (ask.method == "POST") fields.emplace_back("content-type", "application/json");
  std::erase_if(fields, [&](const auto& usual) { return !values_of(ask.fields, usual.first).empty(); });
  for (const auto& field : ask.fields) {
    if (!field.second.empty()) fields.push_back(field);
  }
  std::string out = ask.method + " " + gateway.prefix + ask.target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : fields) out.append(name).append(": ").append(value).append("\r\n");
  if (ask.method == "POST") out += "content-length: " + std::to_string(ask.body.size()) + "\r\n";
  return out + "\r\n" + ask.body;
}

}  // namespace

Task<Told> Bench::ask(Ask ask) {
  if (ask.answers.empty()) ask.answers.push_back(whole(200, message()));
  if (ask.body.empty() && ask.method == "POST") ask.body = body_of();
  Play& play = parts_.upstream.begin(std::move(ask.answers));
  put_marker(ask.target, play.marker);
  put_marker(ask.body, play.marker);
  Told told;
  told.play = &play;
  told.began = parts_.loop.now();
  told.target = ask.target;
  told.body = ask.body;
  runtime::Cancellation leave;
  Sending sending{.bytes = request_of(ask, gateway_),
                  .to_head = ask.method == "HEAD",
                  .limit = ask.limit.value_or(config_.answer_limit),
                  .leave = &leave,
                  .leave_at_body_bytes = std::nullopt,
                  .changed = &play.client_changed};
  if (ask.leave == Leave::kInTheBody) sending.leave_at_body_bytes = 1;
  play.reply = &told.reply;
  if (ask.leave == Leave::kOnArrival) play.on_arrival = &leave;
  co_await call(parts_.loop, parts_.gateway, std::move(sending), told.reply);
  play.reply = nullptr;
  play.on_arrival = nullptr;
  play.client_changed.notify();
  told.ended = parts_.loop.now();
  if (ask.wait_for_the_end) {
    const Instant until = told.ended + 2 * config_.left_max;
    const auto ended = [&] {
      return play.arrivals.empty() || play.arrivals.back().gone || play.arrivals.back().answered;
    };
    while (!ended() && parts_.loop.now() < until)
      co_await runtime::wait(parts_.loop, {.until = until, .slot = &play.changed});
  }
  parts_.upstream.done(play);
  for (const Arrival& arrival : play.arrivals) {
    if (arrival.target.find("/v1") != std::string::npos) accounts_.insert(arrival.account);
  }
  co_return told;
}

Task<bool> Bench::settle() {
  const Instant until = parts_.loop.now() + config_.settle_limit;
  while (true) {
    Ask plain;
    const Told told = co_await ask(std::move(plain));
    if (told.reply.status == 200) co_return true;
    if (parts_.loop.now() >= until) co_return false;
    co_await pause(std::chrono::milliseconds(200));
  }
}

Task<void> Bench::pause(Duration time) {
  const Instant until = parts_.loop.now() + time;
  co_await runtime::sleep_until(parts_.loop, until);
}

std::string body_of(std::string_view more, std::string_view model) {
  std::string out = R"({"model":")";
  out.append(model).append(R"(","max_tokens":64,"messages":[{"role":"user","content":"This is call {marker}."}])");
  return out.append(more).append("}");
}

std::string streamed_body(std::string_view more, std::string_view model) {
  std::string all = R"(,"stream":true)";
  return body_of(all.append(more), model);
}

std::optional<Finding> missing(const Told& told) {
  if (told.arrivals().empty())
    return failed("the call at the upstream", "nothing came there; to the client: " + describe(told.reply));
  if (told.reply.status == 0) return failed("an answer to the client", describe(told.reply));
  return std::nullopt;
}

std::optional<Finding> missing(const Told& told, int status) {
  if (auto none = missing(told)) return none;
  if (told.reply.status != status || told.reply.end != End::kComplete)
    return failed("status " + std::to_string(status) + " and the whole reply", describe(told.reply));
  return std::nullopt;
}

const Arrival& first(const Told& told) { return told.arrivals().front(); }

}  // namespace baton::conformance
