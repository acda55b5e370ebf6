#include "runtime/task.h"

#include <array>
#include <new>

namespace baton::runtime {

namespace {

constexpr size_t kClass = 64;
constexpr size_t kClasses = 32;
constexpr size_t kKeptPerClass = 256;

struct FreeFrame {
  FreeFrame* next;
};

struct FreeLists {
  std::array<FreeFrame*, kClasses + 1> head{};
  std::array<size_t, kClasses + 1> count{};
  ~FreeLists() {
    for (FreeFrame* frame : head) {
      while (frame != nullptr) ::operator delete(std::exchange(frame, frame->next));
    }
  }
};

thread_local FreeLists lists;

size_t size_class(size_t bytes) { return (bytes + kClass - 1) / kClass; }

}  // namespace

void* take_frame(size_t bytes) {
  size_t c = size_class(bytes);
  if (c > kClasses) return ::operator new(bytes);
  if (FreeFrame* frame = lists.head[c]) {
    lists.head[c] = frame->next;
    --lists.count[c];
    return frame;
  }
  return ::operator new(c * kClass);
}

void give_frame(void* memory, size_t bytes) noexcept {
  size_t c = size_class(bytes);
  if (c > kClasses || lists.count[c] >= kKeptPerClass) {
    ::operator delete(memory);
    return;
  }
  auto* frame = static_cast<FreeFrame*>(memory);
  frame->next = lists.head[c];
  lists.head[c] = frame;
  ++lists.count[c];
}

// The outermost frame of a spawned task: it destroys itself when the task has ended.
struct TaskGroup::Root {
  struct promise_type {
    static void* operator new(size_t bytes) { return take_frame(bytes); }
    static void operator delete(void* frame, size_t bytes) noexcept { give_frame(frame, bytes); }
    Root get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

TaskGroup::Root TaskGroup::run(TaskGroup& group, Task<void> task) {
  co_await task;
  if (--group.running_ == 0) group.empty.notify();
}

void TaskGroup::spawn(Task<void> task) {
  ++running_;
  run(*this, std::move(task));
}

}  // namespace baton::runtime
