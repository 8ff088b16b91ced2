/**
 * What is in `native/`, for whoever can fetch a file but not list a folder.
 *
 * @module
 */

/** The names of the files that the native library is built from, beside ggml's. */
export const nativeFiles: readonly string[] = [
  "CMakeLists.txt",
  "amx_tile_config.h",
  "attention.cpp",
  "cpu_features.c",
  "cpu_features.h",
  "cpu_requirements.c",
  "gelu.cpp",
  "gpt2.c",
  "gpt2.h",
  "half_matmul.cpp",
  "kernels.cpp",
  "kernels.h",
  "load.cpp",
  "norm.cpp",
  "packed_formats.h",
  "packed_matmul.cpp",
  "rpc_server.c",
  "vector_exp.h",
];
