/* stack.c: stacks for calls; see stack.h. The call is synchronous, so all there is to it is the stack pointer: set to
 * the other stack, kept in a register that survives calls, set back. Where that is not written out, the C library's
 * contexts do the same at the price of two system calls. */
#include "server/stack.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"

#if !defined(__x86_64__) && !defined(__aarch64__) && defined(__GLIBC__)
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

struct qn_stack {
    char *mapping;
    size_t n_mapped; /* with the guard page */
    char *bottom;
    size_t n_bytes;
};

struct qn_stack *qn_stack_create(size_t n_bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct qn_stack *stack = calloc(1, sizeof(*stack));

    if (stack == NULL)
        return NULL;
    stack->n_bytes = qn_round_up(n_bytes, page);
    stack->n_mapped = stack->n_bytes + page;
    stack->mapping = mmap(NULL, stack->n_mapped, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (stack->mapping == MAP_FAILED || mprotect(stack->mapping, page, PROT_NONE) != 0) {
        if (stack->mapping != MAP_FAILED)
            munmap(stack->mapping, stack->n_mapped);
        free(stack);
        return NULL;
    }
    stack->bottom = stack->mapping + page;
    return stack;
}

void qn_stack_destroy(struct qn_stack *stack)
{
    if (stack == NULL)
        return;
    munmap(stack->mapping, stack->n_mapped);
    free(stack);
}

struct call {
    void (*fn)(void *arg);
    void *arg;
#if defined(__SANITIZE_ADDRESS__)
    const void *caller_bottom;
    size_t n_caller;
#endif
};

/* The first frame on the other stack. The address sanitizer wants to know where it is. */
static void enter(void *arg)
{
    struct call *call = arg;

#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(NULL, &call->caller_bottom, &call->n_caller);
#endif
    call->fn(call->arg);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(NULL, call->caller_bottom, call->n_caller);
#endif
}

#if defined(__x86_64__)

static void call_on(const struct qn_stack *stack, void (*fn)(void *arg), void *arg)
{
    char *top = stack->bottom + stack->n_bytes;

    __asm__ volatile("movq %%rsp, %%rbx\n\t"
                     "movq %[top], %%rsp\n\t"
                     "callq *%[fn]\n\t"
                     "movq %%rbx, %%rsp"
                     : [top] "+r"(top), [fn] "+r"(fn), "+D"(arg)
                     :
                     : "rbx", "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
                       "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                       "xmm15", "cc", "memory");
}

#elif defined(__aarch64__)

static void call_on(const struct qn_stack *stack, void (*fn)(void *arg), void *arg)
{
    register void *first __asm__("x0") = arg;
    register void (*function)(void *) __asm__("x9") = fn;
    register char *top __asm__("x10") = stack->bottom + stack->n_bytes;

    __asm__ volatile("mov x19, sp\n\t"
                     "mov sp, x10\n\t"
                     "blr x9\n\t"
                     "mov sp, x19"
                     : "+r"(first), "+r"(function), "+r"(top)
                     :
                     : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x11", "x12", "x13", "x14", "x15", "x16", "x17",
                       "x18", "x19", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11",
                       "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25",
                       "v26", "v27", "v28", "v29", "v30", "v31", "cc", "memory");
}

#elif defined(__GLIBC__)

/* makecontext() passes ints only. */
static void start(unsigned high, unsigned low)
{
    struct call *call = (struct call *)((uintptr_t)high << 16 << 16 | low);

    enter(call);
}

static void call_on(const struct qn_stack *stack, void (*fn)(void *arg), void *arg)
{
    ucontext_t here;
    ucontext_t there;
    uintptr_t call = (uintptr_t)arg;

    if (getcontext(&there) != 0) {
        fn(arg);
        return;
    }
    there.uc_stack.ss_sp = stack->bottom;
    there.uc_stack.ss_size = stack->n_bytes;
    there.uc_link = &here;
    makecontext(&there, (void (*)(void))start, 2, (unsigned)(call >> 16 >> 16), (unsigned)call);
    swapcontext(&here, &there);
}

#else

/* No way to change the stack: the thread's own has to do. */
static void call_on(const struct qn_stack *stack, void (*fn)(void *arg), void *arg)
{
    (void)stack;
    fn(arg);
}

#endif

void qn_stack_call(struct qn_stack *stack, void (*fn)(void *arg), void *arg)
{
    struct call call = {.fn = fn, .arg = arg};

#if defined(__SANITIZE_ADDRESS__)
    void *fake = NULL;

    __sanitizer_start_switch_fiber(&fake, stack->bottom, stack->n_bytes);
#endif
    call_on(stack, enter, &call);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}
