#include "app/confine.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace baton::app {

namespace {

constexpr uint32_t kX32 = 0x40000000;
constexpr uint32_t kThread = 0x00010000;  // CLONE_THREAD

constexpr std::array kForbidden{
    SYS_execve,
    SYS_execveat,
    SYS_fork,
    SYS_vfork,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_pidfd_getfd,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_unshare,
    SYS_setns,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_swapon,
    SYS_swapoff,
    SYS_reboot,
    SYS_personality,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_acct,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_open_by_handle_at,
    SYS_quotactl,
    SYS_syslog,
    SYS_uselib,
    SYS_lookup_dcookie,
};

constexpr sock_filter load(size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
constexpr sock_filter answer(uint32_t what) { return BPF_STMT(BPF_RET | BPF_K, what); }
constexpr sock_filter skip_unless(uint16_t test, uint32_t value) {
  return BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1);
}

constexpr uint32_t error(int number) { return SECCOMP_RET_ERRNO | static_cast<uint32_t>(number); }

}  // namespace

bool confine() {
  std::vector<sock_filter> rules;
  // Another way to count system calls is none of ours.
  rules.push_back(load(offsetof(seccomp_data, arch)));
  rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
  rules.push_back(answer(error(EPERM)));
  rules.push_back(load(offsetof(seccomp_data, nr)));
  rules.push_back(skip_unless(BPF_JGE, kX32));
  rules.push_back(answer(error(EPERM)));
  for (const long number : kForbidden) {
    rules.push_back(skip_unless(BPF_JEQ, static_cast<uint32_t>(number)));
    rules.push_back(answer(error(EPERM)));
  }
  // Its flags lie in memory, where a filter cannot look; the C library then takes clone().
  rules.push_back(skip_unless(BPF_JEQ, SYS_clone3));
  rules.push_back(answer(error(ENOSYS)));
  // Threads only.
  rules.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3));
  rules.push_back(load(offsetof(seccomp_data, args)));
  rules.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kThread, 1, 0));
  rules.push_back(answer(error(EPERM)));
  rules.push_back(answer(SECCOMP_RET_ALLOW));
  const sock_fprog program{.len = static_cast<unsigned short>(rules.size()), .filter = rules.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace baton::app
