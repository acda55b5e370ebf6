#include "conformance/upstream.h"

#include <algorithm>

#include "conformance/config.h"
#include "net/body_reader.h"
#include "runtime/wait.h"

namespace baton::conformance {

using runtime::ByteStream;
using runtime::IoStatus;
using runtime::Task;

namespace {

constexpr Duration kStepLimit = std::chrono::seconds(30);  // for the gateway to take what is sent, or to leave

size_t count_of(std::string_view text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

// What a gateway asks on its own account: models, health, a token count.
Answer plain_answer(const Arrival& arrival) {
  if (arrival.target.find("/models") != std::string::npos) return whole(200, R"({"data":[],"has_more":false})");
  if (arrival.target.find("count_tokens") != std::string::npos) return whole(200, R"({"input_tokens":7})");
  return whole(200, message());
}

std::string account_of(const Arrival& arrival, std::string_view client_key) {
  std::string out;
  for (const char* field : {"x-api-key", "authorization"}) {
    for (const std::string_view value : arrival.all(field)) {
      if (!value.ends_with(client_key)) out.append(value).append(" ");
    }
  }
  const size_t prefix = arrival.target.find("/v1");
  return out.append(arrival.target.substr(0, prefix == std::string::npos ? 0 : prefix));
}

Fields copy(const std::vector<http::Field>& fields) {
  Fields out;
  for (const http::Field& field : fields) out.emplace_back(field.name, field.value);
  return out;
}

}  // namespace

struct Upstream::Connection {
  ByteStream& stream;
  std::string kept;  // read and not yet understood
};

void Upstream::listen(std::unique_ptr<runtime::Listener> listener) {
  listener_ = std::move(listener);
  tasks_.spawn(accept_from(*listener_));
}

void Upstream::close() {
  closing_ = true;
  listener_->close();
  for (ByteStream* stream : open_) stream->close(/*reset=*/true);
}

Play& Upstream::begin(std::vector<Answer> answers) {
  Play& play = plays_.emplace_back();
  play.marker = nonce_ + "-" + std::to_string(plays_.size()) + "-";
  play.answers = std::move(answers);
  return play;
}

void Upstream::done(Play& play) {
  play.over = true;
  play.reply = nullptr;
  play.on_arrival = nullptr;
}

Task<void> Upstream::accept_from(runtime::Listener& listener) {
  while (auto stream = co_await listener.accept()) {
    if (open_.size() < kConnectionsMax && !closing_) tasks_.spawn(serve(std::move(stream)));
  }
}

Task<void> Upstream::serve(std::unique_ptr<ByteStream> stream) {
  open_.push_back(stream.get());
  Connection connection{.stream = *stream, .kept = {}};
  bool goes_on = true;
  while (goes_on) {
    Arrival arrived;
    goes_on = co_await read_request(connection, arrived);
    if (!goes_on) break;
    arrived.at = loop_.now();
    arrived.account = account_of(arrived, client_key_);
    Play* play = play_of(arrived);
    if (play == nullptr || play->over || play->arrivals.size() >= kArrivalsMax || arrived.method == "HEAD") {
      const Answer answer = arrived.method == "HEAD" ? Answer{{.bytes = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"}}
                                                     : plain_answer(arrived);
      if (play != nullptr && !play->over && play->arrivals.size() < kArrivalsMax) {
        play->arrivals.push_back(arrived);
        play->changed.notify();
      }
      goes_on = co_await send(connection, answer.front().bytes);
      continue;
    }
    const Answer& answer = play->answers[std::min(play->arrivals.size(), play->answers.size() - 1)];
    Arrival& arrival = play->arrivals.emplace_back(std::move(arrived));
    play->changed.notify();
    if (play->on_arrival != nullptr) play->on_arrival->cancel(runtime::CancelReason::kClientGone);
    goes_on = co_await play_answer(connection, *play, arrival, answer);
    play->changed.notify();
  }
  std::erase(open_, stream.get());
}

Task<bool> Upstream::read_request(Connection& connection, Arrival& into) {
  ByteStream& stream = connection.stream;
  http::HeadLimits limits{.total_bytes_max = kMiB, .field_bytes_max = 512 * kKiB, .fields_max = 500};
  http::RequestHead head;
  http::HeadError error{};
  size_t scanned = 0;
  bool more = true;
  net::BodyReader body;
  // The head, then what of the body came with it, then the rest.
  while (true) {
    if (more && !connection.kept.empty()) {
      const auto status = http::parse_request(connection.kept, scanned, limits, head, error);
      if (status == http::ParseStatus::kError) co_return false;
      if (status == http::ParseStatus::kDone) {
        more = false;
        into.method = head.method_text;
        into.target = head.target;
        into.fields = copy(head.fields);
        body = net::BodyReader(head.framing, head.content_length);
        std::string rest = connection.kept.substr(head.bytes);
        const bool ask = head.expect_continue;
        connection.kept.clear();
        if (ask && !co_await send(connection, "HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
        const auto first = body.decode(rest);
        if (first.status == net::BodyReader::Status::kMalformed) co_return false;
        into.body.append(first.data);
        if (body.done()) {
          connection.kept = body.surplus();
          co_return true;
        }
      }
    }
    co_await runtime::wait(loop_, {.read = &stream});
    if (more) {
      const auto scratch = net::read_scratch();
      const auto got = stream.try_read(scratch);
      if (got.status == IoStatus::kBlocked) continue;
      if (got.status != IoStatus::kOk) co_return false;
      connection.kept.append(scratch.data(), got.bytes);
      continue;
    }
    const auto got = body.try_read(stream, net::read_scratch());
    into.body.append(got.data);
    if (got.status == net::BodyReader::Status::kEnd) {
      connection.kept = body.surplus();
      co_return true;
    }
    if (got.status != net::BodyReader::Status::kMore && got.status != net::BodyReader::Status::kBlocked)
      co_return false;
    if (into.body.size() > kRequestBytesMax) co_return false;
  }
}

Task<bool> Upstream::play_answer(Connection& connection, Play& play, Arrival& arrival, const Answer& answer) {
  bool goes_on = true;
  for (const Step& step : answer) {
    goes_on = co_await play_step(connection, play, arrival, step);
    if (!goes_on) break;
  }
  if (goes_on) arrival.answered = loop_.now();
  co_return goes_on;
}

Task<bool> Upstream::play_step(Connection& connection, Play& play, Arrival& arrival, const Step& step) {
  ByteStream& stream = connection.stream;
  const auto left = [&] {
    arrival.gone = loop_.now();
    play.changed.notify();
    return false;
  };
  switch (step.what) {
    case Step::What::kSend: {
      const bool sent = co_await send(connection, step.bytes);
      co_return sent || left();
    }
    case Step::What::kFlood:
      for (size_t i = 0; i < step.count; ++i) {
        if (!co_await send(connection, step.bytes)) co_return left();
      }
      co_return true;
    case Step::What::kPause:
    case Step::What::kHold: {
      const Duration time = step.what == Step::What::kHold ? kStepLimit : step.time;
      const uint8_t why = co_await runtime::wait(loop_, {.gone = &stream, .until = loop_.now() + time});
      if (why & runtime::kPeerGone) co_return left();
      co_return step.what == Step::What::kPause;
    }
    case Step::What::kUntilSeen: {
      const Instant until = loop_.now() + step.time;
      while (play.reply != nullptr && count_of(play.reply->body, step.bytes) < step.count) {
        const uint8_t why =
            co_await runtime::wait(loop_, {.gone = &stream, .until = until, .slot = &play.client_changed});
        if (why & runtime::kPeerGone) co_return left();
        if ((why & runtime::kTimedOut) == 0) continue;
        if (arrival.held_back.empty()) arrival.held_back = step.bytes;
        break;
      }
      co_return true;
    }
    case Step::What::kCut:
    case Step::What::kReset: stream.close(step.what == Step::What::kReset); co_return false;
  }
  co_return false;
}

Task<bool> Upstream::send(Connection& connection, std::string_view bytes) {
  ByteStream& stream = connection.stream;
  const Instant until = loop_.now() + kStepLimit;
  while (!bytes.empty()) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    const auto wrote = stream.try_write({&part, 1});
    if (wrote.status == IoStatus::kReset || wrote.status == IoStatus::kEof) co_return false;
    bytes.remove_prefix(wrote.bytes);
    if (bytes.empty()) break;
    const uint8_t why = co_await runtime::wait(loop_, {.write = &stream, .gone = &stream, .until = until});
    if (why & (runtime::kPeerGone | runtime::kTimedOut)) co_return false;
  }
  co_return true;
}

Play* Upstream::play_of(const Arrival& arrival) {
  for (const std::string* text : {&arrival.target, &arrival.body}) {
    const size_t at = text->find(nonce_ + "-");
    if (at == std::string::npos) continue;
    size_t number = 0;
    for (size_t i = at + nonce_.size() + 1; i < text->size() && (*text)[i] >= '0' && (*text)[i] <= '9'; ++i)
      number = std::min<size_t>(number * 10 + static_cast<size_t>((*text)[i] - '0'), plays_.size() + 1);
    if (number >= 1 && number <= plays_.size()) return &plays_[number - 1];
  }
  return plays_.empty() ? nullptr : &plays_.back();
}

}  // namespace baton::conformance
