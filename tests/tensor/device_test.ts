import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { GPT2 } from "../../src/gpt2.ts";
import { GPT2Config } from "../../src/model/config.ts";
import { NativeLibraryError } from "../../src/base/errors.ts";
import {
  type DeviceName,
  gpuKinds,
  parseDeviceName,
} from "../../src/native_library/device_name.ts";
import { findDevice, findDevices, findFittingDevice, memoryOf } from "../../src/tensor/device.ts";

Deno.test("parseDeviceName() reads a kind and a number", () => {
  assertEquals(parseDeviceName("auto"), { kind: "auto", index: 0 });
  assertEquals(parseDeviceName("cpu"), { kind: "cpu", index: 0 });
  assertEquals(parseDeviceName("cuda"), { kind: "cuda", index: 0 });
  assertEquals(parseDeviceName("vulkan:12"), { kind: "vulkan", index: 12 });
});

for (
  const name of ["", "gpu", "CUDA", "cpu:0", "auto:1", "cuda:", "cuda:-1", "cuda:1.5", "cuda 1"]
) {
  Deno.test(`parseDeviceName() refuses "${name}"`, () => {
    const error = assertThrows(() => parseDeviceName(name), RangeError);
    assert(error.message.startsWith("Cannot use the device: it must be auto, cpu, or one of cuda"));
    assert(error.message.endsWith(`received ${JSON.stringify(name)}`));
  });
}

Deno.test("a device that is not there is an error that says what is, and what to do", () => {
  const present = findDevices();
  for (const kind of gpuKinds) {
    const error = assertThrows(() => findDevice(kind, 999), NativeLibraryError);
    assertMatch(error.message, new RegExp(`received ${kind}:999\\. There is cpu`));
    // Either there is none of this kind in the library, or there are fewer.
    if (!present.some((device) => device.kind === kind)) {
      assertMatch(error.message, new RegExp(`deno task build --backend ${kind}$|Choose one of`));
    }
    if (kind === "metal" && Deno.build.os !== "darwin") {
      // A build that nobody can make here is no advice.
      assertEquals(error.message.includes("deno task build"), false);
    }
    const device: DeviceName = `${kind}:999`;
    assertThrows(() => new GPT2(GPT2Config.tiny(), { device }), NativeLibraryError);
  }
});

Deno.test("findFittingDevice() wants room for everything", () => {
  const bytes = 2 ** 60;
  assertEquals(findFittingDevice(bytes), undefined);
  for (const device of findDevices()) {
    const { freeBytes, totalBytes } = memoryOf(device);
    assert(freeBytes > 0 && freeBytes <= totalBytes);
  }
});

Deno.test("device auto computes what cpu does", async () => {
  const [auto, cpu] = await Promise.all((["auto", "cpu"] as const).map(async (device) => {
    using model = new GPT2(GPT2Config.tiny(), { seed: 3, device });
    const written = model.generate([5, 6, 7], { greedy: true, maxNewTokens: 8 });
    return (await Array.fromAsync(written)).map(({ id }) => id);
  }));
  assertEquals(cpu.length, 8);
  assertEquals(auto, cpu);
});
