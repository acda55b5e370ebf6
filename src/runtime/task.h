// Task<T>: a lazy coroutine with one owner and one awaiter. It starts when awaited and resumes its awaiter directly
// when done. TaskGroup: the owner of coroutines that run beside each other; it must be empty before it goes. Rules: a
// free-function coroutine takes values, or references its caller outlives; never a capturing lambda. A suspended frame
// is never destroyed: to end one early, cancel what it waits for and let it return. Thread: one loop. Bounds: frames
// come from per-thread free lists of 64-byte classes up to 2 KiB; larger ones from the heap.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>
#include <variant>

#include "base/check.h"
#include "runtime/loop.h"

namespace baton::runtime {

void* take_frame(size_t bytes);
void give_frame(void* frame, size_t bytes) noexcept;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::exception_ptr error;

  static void* operator new(size_t bytes) { return take_frame(bytes); }
  static void operator delete(void* frame, size_t bytes) noexcept { give_frame(frame, bytes); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
      auto next = self.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
};

template <class T>
struct Promise : PromiseBase {
  union {
    T value;
  };
  bool has_value = false;
  Promise() noexcept {}
  ~Promise() {
    if (has_value) value.~T();
  }
  std::coroutine_handle<Promise> get_return_object() { return std::coroutine_handle<Promise>::from_promise(*this); }
  template <class U>
  void return_value(U&& result) {
    new (&value) T(std::forward<U>(result));
    has_value = true;
  }
  T take() {
    if (error) std::rethrow_exception(error);
    return std::move(value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  std::coroutine_handle<Promise> get_return_object() { return std::coroutine_handle<Promise>::from_promise(*this); }
  void return_void() {}
  void take() {
    if (error) std::rethrow_exception(error);
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  Handle await_suspend(std::coroutine_handle<> awaiter) noexcept {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  T await_resume() { return handle_.promise().take(); }

 private:
  Handle handle_;
};

// Runs tasks beside each other. An exception that leaves a task ends the process: a task's errors are values.
class TaskGroup {
 public:
  TaskGroup() = default;
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup() { BATON_CHECK(running_ == 0); }

  // Starts the task at once, up to its first suspension. Owns it until it ends.
  void spawn(Task<void> task);
  size_t size() const { return running_; }
  // Notified when the last task has ended.
  Slot empty;

 private:
  struct Root;
  static Root run(TaskGroup& group, Task<void> task);
  size_t running_ = 0;
};

}  // namespace baton::runtime
