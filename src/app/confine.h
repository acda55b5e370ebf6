// confine(): from here on this process and all its threads can start no program, trace or read no other process, mount
// nothing, load nothing into the kernel, and make no other process: such system calls fail with EPERM. It is what is
// left to somebody who has broken in. No way leads back. Where the kernel has no filters nothing changes.
// Life: once, before any thread. Source: seccomp(2).
#pragma once

namespace baton::app {

// Whether the filter is in force.
bool confine();

}  // namespace baton::app
