/**
 * The modules with which the prebuilt ggml of each system computes on GPUs, from npm, and the SHA-256 of each. Written by
 * `scripts/make_gpu_table.ts`.
 *
 * @module
 */
import type { GpuKind } from "../device_name.ts";

/** An npm package that holds a module for one kind of GPU, of the same release as the prebuilt ggml. */
export interface GpuPackage {
  readonly name: string;
  readonly version: string;
  /** Of the tarball, as npm states it. */
  readonly integrity: string;
  /** The size of the tarball. */
  readonly downloadBytes: number;
  /** What its files take. */
  readonly unpackedBytes: number;
  /** Where in the package the module is. */
  readonly folder: string;
  /** The name of the module. */
  readonly file: string;
  /** Its size. */
  readonly moduleBytes: number;
  /** Of the module, in hexadecimal. */
  readonly sha256: string;
  /** The libraries that it needs of a driver, or of what is installed with one. */
  readonly needs: readonly string[];
}

/** By operating system and processor, and by kind of GPU: the packages, best first. */
export const gpuPackages: Readonly<
  Record<string, Readonly<Partial<Record<GpuKind, readonly GpuPackage[]>>>>
> = {
  "linux x86_64": {
    "cuda": [{
      "name": "@node-llama-cpp/linux-x64-cuda",
      "version": "3.22.1",
      "integrity":
        "sha512-8rQCjyNNLZJUFit+YpjwlC4hwkKgOMIkB2wuycKBf8NU2O3ySKbiWZQ8aw9ku2nUTXjSnUIrE6KB88itduTBuA==",
      "downloadBytes": 142898030,
      "unpackedBytes": 189352027,
      "folder": "bins/linux-x64-cuda",
      "file": "libggml-cuda.so",
      "moduleBytes": 158993272,
      "sha256": "f00882ca593ddf380778f5ac835690bcdaad951cd4700829c7a03aa0c32bcf47",
      "needs": ["libcublas.so.13", "libcuda.so.1", "libcudart.so.13"],
    }, {
      "name": "@node-llama-cpp/linux-x64-cuda-ext",
      "version": "3.22.1",
      "integrity":
        "sha512-4e5ajkiM2aR2WAdB/N/ACk4weEhHvOAIrzxZPsIX0xDFW5+6hhShuy1/vs88SK9NGdgAco9IyE28eYS0H1efpA==",
      "downloadBytes": 176664119,
      "unpackedBytes": 374453766,
      "folder": "bins/linux-x64-cuda/fallback",
      "file": "libggml-cuda.so",
      "moduleBytes": 374450984,
      "sha256": "4f46521c1a9d4aa04c412977ac717018c1d607eec871a438ee2ee270f220c9e4",
      "needs": ["libcublas.so.12", "libcuda.so.1", "libcudart.so.12"],
    }],
    "vulkan": [{
      "name": "@node-llama-cpp/linux-x64-vulkan",
      "version": "3.22.1",
      "integrity":
        "sha512-bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==",
      "downloadBytes": 24311427,
      "unpackedBytes": 73750139,
      "folder": "bins/linux-x64-vulkan",
      "file": "libggml-vulkan.so",
      "moduleBytes": 43255472,
      "sha256": "5dbbe80b520118b6b71f3ea31935ba107cee9c9c68f7e7ed18b20cdb424e819b",
      "needs": ["libvulkan.so.1"],
    }],
  },
  "windows x86_64": {
    "cuda": [{
      "name": "@node-llama-cpp/win-x64-cuda",
      "version": "3.21.1",
      "integrity":
        "sha512-PLz70neFEMkQTlmJqG1ujUtCSgHasLPMxQ9rLkqQVmZYAXqkRj+45TIHCjdn3XqUeaoun0vrO9rRaxZ8NVq9jg==",
      "downloadBytes": 138542727,
      "unpackedBytes": 175510346,
      "folder": "bins/win-x64-cuda",
      "file": "ggml-cuda.dll",
      "moduleBytes": 144822784,
      "sha256": "9e3607d198a3b09807fb7ac66a7240fc574ffafdd7d3fe10b9989e28096505c4",
      "needs": ["cublas64_13.dll", "nvcuda.dll"],
    }, {
      "name": "@node-llama-cpp/win-x64-cuda-ext",
      "version": "3.21.1",
      "integrity":
        "sha512-L2MxLVEYPDDe4O8EDWPmX6brldc9+Vt9hNoT/anj3pSnmrjkQcmaoKhHs6oP5qhEhb5Uog0rj6lgzNGtJO3p9Q==",
      "downloadBytes": 175417684,
      "unpackedBytes": 367830717,
      "folder": "bins/win-x64-cuda/fallback",
      "file": "ggml-cuda.dll",
      "moduleBytes": 367827968,
      "sha256": "7efe8a9501a4822faa8a1a39d7728d2626ab6030feaf7e4a8b13bafdfdc740c2",
      "needs": ["cublas64_12.dll", "cudart64_12.dll", "nvcuda.dll"],
    }],
    "vulkan": [{
      "name": "@node-llama-cpp/win-x64-vulkan",
      "version": "3.21.1",
      "integrity":
        "sha512-HJ237Azh5m4Sz+w3A1IU/fYLaSDOocskcfn2ILTgqTuuORCB86EMnu3Yt/XsNhRHTtEiwz1Q/E0mO4PLIbZLAA==",
      "downloadBytes": 26619567,
      "unpackedBytes": 103426656,
      "folder": "bins/win-x64-vulkan",
      "file": "ggml-vulkan.dll",
      "moduleBytes": 54617088,
      "sha256": "6058a8a6291780651547b133db5854e00c531deb903eecf8324571ab6a2ae309",
      "needs": ["vulkan-1.dll"],
    }],
  },
  "darwin aarch64": {
    "metal": [{
      "name": "@node-llama-cpp/mac-arm64-metal",
      "version": "3.21.1",
      "integrity":
        "sha512-6MIDAZV7DXD9R1+jEXWJkFuolni3GATGE6mmuyFYc6ZmtOh9djAy15df0T0AXK3sCmVKL+fQcOAWZezxx4MvQQ==",
      "downloadBytes": 4858447,
      "unpackedBytes": 14666204,
      "folder": "bins/mac-arm64-metal",
      "file": "libggml-metal.so",
      "moduleBytes": 2128640,
      "sha256": "1081bd1cf05edc21513c07ba9b18c2ba345af8a14ae678fc13e2fa462d744bb2",
      "needs": [],
    }],
  },
};
