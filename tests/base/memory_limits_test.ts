import { assert, assertEquals } from "@std/assert";
import { memoryLimits } from "../../src/base/memory_limits.ts";
import { availableBytes } from "../../src/engine/memory_budget.ts";
import { freeMemory } from "../../src/tensor/machine_memory.ts";
import { TemporaryFolder } from "../checkpoint/folders.ts";

/** A folder with `/proc` and `/sys` as Linux has them, from the contents of files. */
function system(files: Record<string, string>): TemporaryFolder {
  const folder = new TemporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    const file = `${folder.path}/${path}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(file, content);
  }
  return folder;
}

const cases: Record<string, { files: Record<string, string>; left: number[] }> = {
  "a container": {
    files: {
      "proc/self/cgroup": "0::/\n",
      "sys/fs/cgroup/memory.max": "1000\n",
      "sys/fs/cgroup/memory.current": "900\n",
      "sys/fs/cgroup/memory.stat": "anon 600\nfile 300\ninactive_file 200\nactive_file 50\n",
    },
    left: [350],
  },
  "a service, within a group that has a limit, too": {
    files: {
      "proc/self/cgroup": "1:name=systemd:/\n0::/user.slice/a b.service\n",
      "sys/fs/cgroup/user.slice/memory.max": "500\n",
      "sys/fs/cgroup/user.slice/memory.current": "100\n",
      "sys/fs/cgroup/user.slice/a b.service/memory.max": "200\n",
      "sys/fs/cgroup/user.slice/a b.service/memory.current": "50\n",
    },
    left: [400, 150],
  },
  "no limit": {
    files: {
      "proc/self/cgroup": "0::/user.slice\n",
      "sys/fs/cgroup/user.slice/memory.max": "max\n",
      "sys/fs/cgroup/user.slice/memory.current": "100\n",
    },
    left: [],
  },
  "a container with groups of version 1, whose path is the machine's": {
    files: {
      "proc/self/cgroup": "5:cpu,memory:/docker/4f\n2:memory_recursiveprot:/other\n0::/\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "1200\n",
      "sys/fs/cgroup/memory/memory.stat": "active_file 90\ntotal_active_file 100\n",
    },
    left: [0],
  },
  "groups of version 1 without a limit": {
    files: {
      "proc/self/cgroup": "2:memory:/user\n",
      "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/memory.usage_in_bytes": "100\n",
      "sys/fs/cgroup/memory/user/memory.limit_in_bytes": "9223372036854771712\n",
      "sys/fs/cgroup/memory/user/memory.usage_in_bytes": "100\n",
    },
    left: [],
  },
  "another system": { files: {}, left: [] },
};

for (const [name, { files, left }] of Object.entries(cases)) {
  Deno.test(`memoryLimits() finds what is left of memory: ${name}`, () => {
    using root = system(files);
    assertEquals(memoryLimits(root.path).map((limit) => limit.bytesLeft()), left);
  });
}

Deno.test("no more memory is available than a limit leaves, as long as it is there", () => {
  using root = system(cases["a container"].files);
  const limits = memoryLimits(root.path);
  const without = availableBytes([]);
  if (without === undefined) return; // Not Linux.
  assert(without > 350);
  assertEquals(availableBytes(limits), 350);
  assertEquals(freeMemory(limits), 350);
  Deno.removeSync(root.file("sys/fs/cgroup/memory.max"));
  assertEquals(limits[0].bytesLeft(), Infinity);
});
