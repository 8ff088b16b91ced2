#include "gpt2.h"

#include <stdio.h>
#include <stdlib.h>

#include "ggml.h"

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

static void print_errors(enum ggml_log_level level, const char * text, void * user_data) {
    (void) user_data;
    if (level == GGML_LOG_LEVEL_ERROR) {
        fputs(text, stderr);
    }
}

void gpt2_silence_log(void) {
    ggml_log_set(print_errors, NULL);
}
