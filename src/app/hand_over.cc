#include "app/hand_over.h"

#include <unistd.h>

#include <array>
#include <span>
#include <utility>

#include "base/ascii.h"

namespace baton::app {

namespace {

// First word and format of every message. A format that is not known is refused, and the old process stays.
constexpr std::string_view kMark = "baton-hand-over 1 ";
constexpr std::array<std::string_view, 3> kRoles{"calls", "operator", "metrics"};  // in the order of Inherited::Role

std::string marked(std::string_view text) { return std::string(kMark).append(text); }

// Up to the next blank or line break, which is taken away too.
std::string_view take_word(std::string_view& text) {
  const size_t end = text.find_first_of(" \n");
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  return word;
}

std::string line_of(const Inherited::Socket& socket) {
  return std::string(kRoles[static_cast<size_t>(socket.role)]) + " " + socket.address + " " +
         std::to_string(socket.port) + "\n";
}

// False: it is none.
bool read_line(std::string_view& text, Inherited::Socket& out) {
  const std::string_view role = take_word(text);
  out.address = take_word(text);
  const auto port = ascii::decimal(take_word(text));
  if (out.address.empty() || !port || *port > 65535) return false;
  out.port = static_cast<uint16_t>(*port);
  for (size_t i = 0; i < kRoles.size(); ++i) {
    if (role != kRoles[i]) continue;
    out.role = static_cast<Inherited::Role>(i);
    return true;
  }
  return false;
}

std::unexpected<Error> cannot(std::string why) {
  return fail(ErrorCode::kConfig, Fault::kUs, "cannot take over: " + std::move(why));
}

}  // namespace

HandOver::HandOver(Parts parts, const std::string& folder, bool take_name) : parts_(std::move(parts)) {
  const auto name = take_name ? net::PacketListener::Name::kTake : net::PacketListener::Name::kFree;
  auto listener = net::PacketListener::listen(folder + "/" + std::string(kHandOverName), name);
  if (listener) {
    listener_.emplace(std::move(*listener));
  } else {
    parts_.log.say("no other process can take over from this one: " + listener.error().detail);
  }
}

void HandOver::failed(const std::string& why) {
  parts_.log.say("upgrade failed, this process goes on: " + why);
  parts_.metrics.take_over_failed();
  successor_.reset();
  busy_ = false;
}

void HandOver::look_for_one(Instant now) {
  auto come = listener_->accept();
  if (!come) return;
  if (successor_) {
    (void)come->send(marked("refused another process is taking over already"));
    return;
  }
  successor_ = std::move(come);
  step_ = Step::kCome;
  give_up_ = now + kAskMax;
}

void HandOver::offer(Instant now) {
  busy_ = true;  // before the sockets are looked at
  step_ = Step::kOffered;
  give_up_ = now + kPrepareMax;
  parts_.log.say("upgrade: another process asks to take over");
  const std::vector<Inherited::Socket> sockets = parts_.sockets();
  std::span<const Inherited::Socket> left = sockets;
  while (!left.empty()) {
    const auto some = left.first(std::min(left.size(), net::PacketSocket::kFdsMax));
    left = left.subspan(some.size());
    std::string text = marked("offer\n");
    std::vector<int> fds;
    for (const auto& socket : some) {
      text += line_of(socket);
      fds.push_back(socket.fd.get());
    }
    if (!successor_->send(text, fds)) return failed("the new process does not take the sockets");
  }
  if (!successor_->send(marked("offered process " + std::to_string(::getpid()) + ", version " BATON_VERSION)))
    failed("the new process has gone");
}

bool HandOver::turn(Instant now) {
  if (!listener_) return false;
  look_for_one(now);
  if (!successor_) return false;
  auto packet = successor_->receive();
  if (step_ == Step::kCome) {
    // Who only looks whether somebody is here asks nothing, and is no upgrade.
    const bool asks = packet && *packet && (*packet)->text == marked("ask");
    const bool waits = packet && !*packet && now < give_up_;
    if (asks) {
      offer(now);
    } else if (!waits) {
      successor_.reset();
    }
    return false;
  }
  if (!packet) {
    failed(step_ == Step::kOffered ? "the new process ended before it was ready"
                                   : "the new process ended before it served");
    return false;
  }
  if (!*packet) {
    if (now >= give_up_) failed("the new process is not ready in time");
    return false;
  }
  std::string_view text = (*packet)->text;
  if (!text.starts_with(kMark)) {
    failed("the new process says what this one does not know");
    return false;
  }
  text.remove_prefix(kMark.size());
  const std::string_view word = take_word(text);
  if (word == "prepared" && step_ == Step::kOffered) {
    parts_.save();
    step_ = Step::kGone;
    give_up_ = now + kServeMax;
    if (!successor_->send(marked("go"))) failed("the new process has gone");
    return false;
  }
  if (word == "serving" && step_ == Step::kGone) {
    listener_->leave_name();
    listener_.reset();
    busy_ = false;
    return true;
  }
  failed(word == "failed" ? "the new process says: " + ascii::excerpt(text, 400)
                          : "the new process says what this one does not expect");
  return false;
}

Expected<std::optional<Predecessor>> Predecessor::find(const std::string& folder) {
  auto socket = net::PacketSocket::connect(folder + "/" + std::string(kHandOverName));
  if (!socket) {
    if (socket.error().code == ErrorCode::kConnect) return std::nullopt;
    return cannot(socket.error().detail);
  }
  Predecessor found(std::move(*socket));
  (void)found.socket_.send(marked("ask"));  // when it cannot be taken, the reason is there to be read
  while (true) {
    std::vector<net::Fd> fds;
    auto text = found.next("offer", &fds);
    if (!text) return std::unexpected(text.error());
    std::string_view left = *text;
    if (fds.empty()) {
      found.who_ = std::move(*text);
      return found;
    }
    for (net::Fd& fd : fds) {
      Inherited::Socket one{.role = {}, .address = {}, .port = 0, .fd = std::move(fd)};
      if (!read_line(left, one)) return cannot("the running relay offers what this one does not know");
      found.sockets_.add(std::move(one));
    }
  }
}

// What follows a message's first word, which must begin with the wanted one.
Expected<std::string> Predecessor::next(std::string_view wanted, std::vector<net::Fd>* fds) {
  auto packet = socket_.receive(kAnswerMax);
  if (!packet) return cannot("the running relay has ended or is another version's");
  if (!*packet) return cannot("the running relay does not answer");
  std::string_view text = (*packet)->text;
  if (!text.starts_with(kMark)) return cannot("the running relay speaks another version of the hand-over");
  text.remove_prefix(kMark.size());
  const std::string_view word = take_word(text);
  if (!word.starts_with(wanted)) return cannot("the running relay says: " + ascii::excerpt((*packet)->text, 400));
  if (fds != nullptr) *fds = std::move((*packet)->fds);
  return std::string(text);
}

Expected<void> Predecessor::prepared() {
  if (!socket_.send(marked("prepared"))) return cannot("the running relay has ended");
  auto go = next("go", nullptr);
  if (!go) return std::unexpected(go.error());
  return {};
}

void Predecessor::serving() { (void)socket_.send(marked("serving")); }
void Predecessor::failed(std::string_view why) { (void)socket_.send(marked("failed " + std::string(why))); }

bool Predecessor::ended() {
  // Whatever it may still say is for later versions.
  auto packet = socket_.receive();
  return !packet;
}

}  // namespace baton::app
