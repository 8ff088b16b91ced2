#include "gpt2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ggml.h"

#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

int32_t gpt2_abi_version(void) {
    return GPT2_ABI_VERSION;
}

bool gpt2_abort_if_set(void * flag) {
    return *(const volatile int32_t *) flag != 0;
}

void * gpt2_abort_callback(void) {
    return (void *) gpt2_abort_if_set;
}

static void exit_on_abort(const char * message) {
    fprintf(stderr, "ggml: %s\n", message);
    fflush(stderr);
    /* Not exit(): other threads still compute, and destructors must not run under them. */
    _Exit(70);
}

void gpt2_install_abort_handler(void) {
    ggml_set_abort_callback(exit_on_abort);
}

/* That there is no driver is no error: `doctor` says so, and the processor computes. */
static const char no_driver[] = "ggml_cuda_init: failed to initialize";

static void print_errors(enum ggml_log_level level, const char * text, void * user_data) {
    (void) user_data;
    if (level == GGML_LOG_LEVEL_ERROR && strncmp(text, no_driver, sizeof(no_driver) - 1) != 0) {
        fputs(text, stderr);
    }
}

void gpt2_silence_log(void) {
    ggml_log_set(print_errors, NULL);
}

#ifdef MADV_HUGEPAGE
/* Gives advice on the whole pages of 2 MiB within some memory. A refusal does no harm. */
static void advise_on_huge_pages(void * start, size_t size, int advice) {
    const uintptr_t page = 2 << 20;
    const uintptr_t begin = ((uintptr_t) start + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t) start + size) / page * page;
    if (begin < end) {
        madvise((void *) begin, end - begin, advice);
    }
}

void gpt2_use_huge_pages(void * start, size_t size) {
    advise_on_huge_pages(start, size, MADV_HUGEPAGE);
}

void gpt2_use_small_pages(void * start, size_t size) {
    advise_on_huge_pages(start, size, MADV_NOHUGEPAGE);
}
#else
void gpt2_use_huge_pages(void * start, size_t size) {
    (void) start;
    (void) size;
}

void gpt2_use_small_pages(void * start, size_t size) {
    (void) start;
    (void) size;
}
#endif

#ifdef _WIN32

void * gpt2_map_file(const char * path, uint64_t size, uint64_t device, uint64_t inode) {
    (void) path;
    (void) size;
    (void) device;
    (void) inode;
    return NULL;
}

void gpt2_unmap_file(void * start, size_t size) {
    (void) start;
    (void) size;
}

void gpt2_give_back(void * start, size_t size) {
    (void) start;
    (void) size;
}

void gpt2_give_back_for_good(void * start, size_t size) {
    (void) start;
    (void) size;
}

#else

void * gpt2_map_file(const char * path, uint64_t size, uint64_t device, uint64_t inode) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file == -1) {
        return NULL;
    }
    struct stat info;
    const bool isSame = fstat(file, &info) == 0 && (uint64_t) info.st_size == size &&
                        (uint64_t) info.st_dev == device && (uint64_t) info.st_ino == inode;
    void * start = isSame && size > 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    close(file);
    return start == MAP_FAILED ? NULL : start;
}

void gpt2_unmap_file(void * start, size_t size) {
    munmap(start, size);
}

void gpt2_give_back(void * start, size_t size) {
    const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    const uintptr_t begin = ((uintptr_t) start + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t) start + size) / page * page;
    if (begin < end) {
        madvise((void *) begin, end - begin, MADV_DONTNEED);
    }
}

void gpt2_give_back_for_good(void * start, size_t size) {
#ifdef MADV_NOHUGEPAGE
    madvise(start, size, MADV_NOHUGEPAGE); /* Advice: a refusal does no harm. */
#endif
    gpt2_give_back(start, size);
}

#endif

void gpt2_dequantize_row(int32_t type, const void * data, float * out, int64_t count) {
    if (type == GGML_TYPE_F32) {
        memcpy(out, data, (size_t) count * sizeof(float));
    } else {
        ggml_get_type_traits((enum ggml_type) type)->to_float(data, out, count);
    }
}

/* Without an early exit, so that the compiler can look at many numbers at once. */
static inline bool has_non_finite(
    const uint16_t * words, int64_t count, int32_t stride, uint16_t exponent_mask) {
    uint16_t found = 0;
    for (int64_t i = 0; i < count; i++) {
        found |= (words[i * stride] & exponent_mask) == exponent_mask;
    }
    return found != 0;
}

int64_t gpt2_find_non_finite(
    const uint16_t * words, int64_t count, int32_t stride, uint16_t exponent_mask) {
    const int64_t piece = 4096;
    for (int64_t start = 0; start < count; start += piece) {
        const uint16_t * first = words + start * stride;
        const int64_t length = count - start < piece ? count - start : piece;
        const bool found = stride == 1 ? has_non_finite(first, length, 1, exponent_mask)
                         : stride == 2 ? has_non_finite(first, length, 2, exponent_mask)
                                       : has_non_finite(first, length, stride, exponent_mask);
        for (int64_t i = 0; found && i < length; i++) {
            if ((first[i * stride] & exponent_mask) == exponent_mask) {
                return start + i;
            }
        }
    }
    return -1;
}
