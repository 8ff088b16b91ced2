/*
 * What the kernels refer to of ggml's backends, and fuzz.cpp never comes to.
 */
#include "ggml-backend-impl.h"
#include "ggml-cpu.h"
#include "traits.h"

#include <cstdlib>

ggml::cpu::extra_buffer_type::~extra_buffer_type() {}

extern "C" {

ggml_backend_buffer_type_t ggml_backend_cpu_buffer_type(void) {
    abort();
}

ggml_backend_buffer_t ggml_backend_buft_alloc_buffer(ggml_backend_buffer_type_t, size_t) {
    abort();
}

bool ggml_backend_buft_is_host(ggml_backend_buffer_type_t) {
    abort();
}

bool ggml_backend_buffer_is_host(ggml_backend_buffer_t) {
    abort();
}

}
