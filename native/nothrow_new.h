/*
 * Force-included before ggml-cpu.cpp, which asks whether it got its working memory, but with an operator
 * that throws if it did not. An exception that leaves C++ ends the process; a null pointer becomes
 * GGML_STATUS_ALLOC_FAILED.
 */
#pragma once

#include <cctype>
#include <memory>
#include <new>
#include <string>
#include <vector>

#define new new (std::nothrow)
