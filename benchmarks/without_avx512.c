/* A processor that says that it has no AVX512, no VNNI and no AMX: what runs on it takes its AVX2 code.
 *
 *     gcc -O2 -shared -fPIC -o /tmp/without_avx512.so benchmarks/without_avx512.c
 *     LD_PRELOAD=/tmp/without_avx512.so python benchmarks/peers_speed.py PHOTO ...
 *
 * Runtimes choose their kernels by the instruction CPUID. Linux on x86-64 can make that instruction fault
 * (arch_prctl(2), ARCH_SET_CPUID; "cpuid_fault" in /proc/cpuinfo), and the handler here answers for the processor, with
 * the bits of what is to be hidden taken out. Children inherit it by LD_PRELOAD, threads from who starts them. The C
 * library has chosen its own string functions before, which no benchmark here depends on. The clock, the caches and
 * the memory stay those of this processor: it is not an older one, but it runs an older one's code.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define BIT(n) (1u << (n))

enum { EAX, EBX, ECX, EDX };

/* Intel's manual, volume 2A, CPUID, leaf 7. */
static void hide(uint32_t leaf, uint32_t subleaf, uint32_t r[4]) {
    if (leaf == 7 && subleaf == 0) {
        /* F, DQ, IFMA, PF, ER, CD, BW, VL */
        r[EBX] &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
        /* VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
        r[ECX] &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
        /* 4VNNIW, 4FMAPS, VP2INTERSECT, AMX-BF16, FP16, AMX-TILE, AMX-INT8 */
        r[EDX] &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
    }
    if (leaf == 7 && subleaf == 1) {
        /* AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA; AVX-VNNI-INT8, AVX-NE-CONVERT, AVX-VNNI-INT16 */
        r[EAX] &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23));
        r[EDX] &= ~(BIT(4) | BIT(5) | BIT(10));
    }
}

static void fault(int on) { syscall(SYS_arch_prctl, ARCH_SET_CPUID, !on); }

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *saved = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *at = (const uint8_t *)saved[REG_RIP];
    if (info->si_code != SI_KERNEL || at[0] != 0x0f || at[1] != 0xa2) { /* not CPUID: a crash like any other */
        signal(number, SIG_DFL);
        return;
    }
    uint32_t leaf = (uint32_t)saved[REG_RAX], subleaf = (uint32_t)saved[REG_RCX], r[4];
    fault(0);
    __cpuid_count(leaf, subleaf, r[EAX], r[EBX], r[ECX], r[EDX]);
    fault(1);
    hide(leaf, subleaf, r);
    saved[REG_RAX] = r[EAX];
    saved[REG_RBX] = r[EBX];
    saved[REG_RCX] = r[ECX];
    saved[REG_RDX] = r[EDX];
    saved[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, NULL);
    if (syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0))
        perror("without_avx512: this processor or kernel cannot make CPUID fault");
}
