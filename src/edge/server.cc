#include "edge/server.h"

#include "edge/connection.h"
#include "runtime/wait.h"

namespace baton::edge {

using runtime::Task;

Server::Server(const Parts& parts) : parts_(parts) {}
Server::~Server() = default;

void Server::listen(std::unique_ptr<runtime::Listener> listener) {
  listeners_.push_back(std::move(listener));
  tasks_.spawn(accept_from(*listeners_.back()));
}

Task<void> Server::accept_from(runtime::Listener& listener) {
  ++accepting_;
  while (auto stream = co_await listener.accept()) adopt(std::move(stream));
  --accepting_;
  std::erase_if(listeners_, [&](const auto& one) { return one.get() == &listener; });
}

void Server::adopt(std::unique_ptr<runtime::ByteStream> stream) { tasks_.spawn(serve(std::move(stream))); }

Task<void> Server::serve(std::unique_ptr<runtime::ByteStream> stream) {
  auto limit = static_cast<int64_t>(parts_.config.connections_max);
  if (parts_.connections.fetch_add(1, std::memory_order_relaxed) >= limit && !make_room()) {
    parts_.connections.fetch_sub(1, std::memory_order_relaxed);
    stream->close(/*reset=*/true);
    co_return;
  }
  {
    metrics::Held counted;
    if (parts_.metrics != nullptr) counted = parts_.metrics->client_connection();
    Connection connection(*this, *stream);
    co_await connection.run();
  }
  parts_.connections.fetch_sub(1, std::memory_order_relaxed);
}

// The connection that has been open longest among the idle ones is closed.
bool Server::make_room() {
  Connection* oldest = nullptr;
  for (Connection* c = first_; c != nullptr; c = c->next) {
    if (c->idle()) oldest = c;
  }
  if (oldest == nullptr) return false;
  oldest->close_idle();
  return true;
}

void Server::leave() { draining_ = leaving_ = true; }

void Server::drain() {
  draining_ = true;
  leaving_ = false;
  for (auto& listener : listeners_) listener->close();
  for (Connection* c = first_; c != nullptr; c = c->next) {
    if (c->idle()) c->close_idle();
  }
}

void Server::cut() {
  drain();
  for (Connection* c = first_; c != nullptr; c = c->next) c->cut();
}

size_t Server::busy() const {
  size_t count = 0;
  for (Connection* c = first_; c != nullptr; c = c->next) count += c->idle() ? 0 : 1;
  return count;
}

}  // namespace baton::edge
