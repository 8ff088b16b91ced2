import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { requireTrusted, UntrustedPathError } from "../../src/native_library/trusted_path.ts";
import {
  assertOpens,
  assertRefused,
  Sandbox as LibrarySandbox,
  tryToOpen,
} from "./library_trial.ts";

const isPosix = Deno.build.os !== "windows";
/** Only root can give a file to another user. */
const isRoot = Deno.uid() === 0;
const OTHER = 12345;

/** A file in two folders. */
class Sandbox implements Disposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "gpt2-trusted-" }));
  readonly outer = `${this.root}/outer`;
  readonly inner = `${this.outer}/inner`;
  readonly file = `${this.inner}/file`;

  constructor() {
    Deno.mkdirSync(this.inner, { recursive: true });
    Deno.writeTextFileSync(this.file, "library");
    if (!isPosix) return;
    // Whatever the umask is.
    for (const folder of [this.outer, this.inner]) Deno.chmodSync(folder, 0o755);
    Deno.chmodSync(this.file, 0o644);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

Deno.test("requireTrusted() gives the path without links", () => {
  using sandbox = new Sandbox();
  assertEquals(requireTrusted(sandbox.file), sandbox.file);
  if (!isPosix) return;
  Deno.symlinkSync(sandbox.outer, `${sandbox.root}/link`);
  assertEquals(requireTrusted(`${sandbox.root}/link/inner/file`), sandbox.file);
});

Deno.test("requireTrusted() says that there is no such file", () => {
  using sandbox = new Sandbox();
  assertThrows(() => requireTrusted(`${sandbox.inner}/missing`), Deno.errors.NotFound);
});

interface Refusal {
  readonly ignore: boolean;
  readonly spoil: (sandbox: Sandbox) => void;
  readonly message: string;
}

const refusals: Record<string, Refusal> = {
  "a file that everybody may write to": {
    ignore: !isPosix,
    spoil: ({ file }) => Deno.chmodSync(file, 0o646),
    message: "others may write to",
  },
  "a file in a folder that everybody may write to": {
    ignore: !isPosix,
    spoil: ({ inner }) => Deno.chmodSync(inner, 0o777),
    message: "others may write to",
  },
  "a file below a folder that everybody may write to": {
    ignore: !isPosix,
    spoil: ({ outer }) => Deno.chmodSync(outer, 0o757),
    message: "others may write to",
  },
  "a file that a group of others may write to": {
    ignore: !isRoot,
    spoil({ file }) {
      Deno.chownSync(file, null, OTHER);
      Deno.chmodSync(file, 0o664);
    },
    message: "others may write to",
  },
  "a file of another user": {
    ignore: !isRoot,
    spoil: ({ file }) => Deno.chownSync(file, OTHER, null),
    message: "belongs to another user (number 12345)",
  },
  "a file in a folder of another user": {
    ignore: !isRoot,
    spoil: ({ inner }) => Deno.chownSync(inner, OTHER, null),
    message: "belongs to another user",
  },
  "a file of another user in a folder like /tmp": {
    ignore: !isRoot,
    spoil({ inner, file }) {
      Deno.chmodSync(inner, 0o1777);
      Deno.chownSync(file, OTHER, null);
    },
    message: "belongs to another user",
  },
  "a link of this user to a file that everybody may write to": {
    ignore: !isPosix,
    spoil({ root, file }) {
      Deno.writeTextFileSync(`${root}/open`, "library");
      Deno.chmodSync(`${root}/open`, 0o666);
      Deno.removeSync(file);
      Deno.symlinkSync(`${root}/open`, file);
    },
    message: "others may write to",
  },
};

for (const [what, { ignore, spoil, message }] of Object.entries(refusals)) {
  Deno.test({
    name: `requireTrusted() refuses ${what}`,
    ignore,
    fn() {
      using sandbox = new Sandbox();
      spoil(sandbox);
      assertThrows(() => requireTrusted(sandbox.file), UntrustedPathError, message);
    },
  });
}

Deno.test({
  name:
    "requireTrusted() takes what lies below a folder like /tmp, and what the user's own group may write to",
  ignore: !isPosix,
  fn() {
    using sandbox = new Sandbox();
    Deno.chmodSync(sandbox.outer, 0o1777);
    assertEquals(requireTrusted(sandbox.file), sandbox.file);
    Deno.chmodSync(sandbox.inner, 0o775);
    Deno.chmodSync(sandbox.file, 0o664);
    assertEquals(requireTrusted(sandbox.file), sandbox.file);
  },
});

Deno.test({
  name: "requireTrusted() takes folders of users that a sandbox hides, but not their files",
  ignore: !isRoot || Deno.build.os !== "linux" ||
    !await new Deno.Command("unshare", { args: ["-r", "true"] }).output()
      .then(({ success }) => success, () => false),
  async fn() {
    using sandbox = new Sandbox();
    const module = new URL("../../src/native_library/trusted_path.ts", import.meta.url).href;
    const program = `import { requireTrusted } from "${module}";
      try {
        console.log(requireTrusted("${sandbox.file}"));
      } catch (error) {
        console.log(error.message);
      }`;
    const run = async (wrapper: string[]) => {
      const [command, ...args] = [...wrapper, Deno.execPath(), "eval", "--no-config", program];
      const { stdout, stderr } = await new Deno.Command(command, { args }).output();
      return new TextDecoder().decode(stdout).trim() + new TextDecoder().decode(stderr);
    };
    Deno.chownSync(sandbox.outer, OTHER, OTHER);
    assertStringIncludes(await run([]), "outer belongs to another user (number 12345)");
    assertEquals(await run(["unshare", "-r"]), sandbox.file);
    Deno.chownSync(sandbox.file, OTHER, OTHER);
    assertStringIncludes(await run(["unshare", "-r"]), "file belongs to another user");
  },
});

Deno.test({
  name: "openLibrary() refuses a library that GPT2_NATIVE_LIBRARY names and others may write to",
  ignore: !isPosix,
  async fn() {
    using sandbox = new LibrarySandbox();
    sandbox.write().stamp();
    await assertOpens(sandbox.trial());
    Deno.chmodSync(sandbox.path, 0o666);
    await assertRefused(
      sandbox.trial(),
      `others may write to ${sandbox.path} (\`chmod go-w\` helps)`,
      "GPT2_NATIVE_LIBRARY",
    );
  },
});

Deno.test({
  name: "openLibrary() refuses a library that another user owns, without a look at what is in it",
  ignore: !isRoot,
  async fn() {
    using sandbox = new LibrarySandbox();
    sandbox.write();
    Deno.chownSync(sandbox.path, OTHER, null);
    // Without --allow-run: not even in a child process.
    const permissions = ["--allow-ffi", "--allow-read", "--allow-env"];
    await assertRefused(sandbox.trial(permissions), "belongs to another user (number 12345)");
  },
});

Deno.test({
  name:
    "openLibrary() trusts who owns the modules: root runs a clone of somebody else in a container",
  ignore: !isRoot,
  async fn() {
    using sandbox = new LibrarySandbox();
    const clone = sandbox.clone();
    sandbox.write().stamp().moveTo(`${clone}/native/build`);
    giveTo(OTHER, clone);
    await assertOpens({ cache: sandbox.folder, clone });
    // But not a third.
    giveTo(OTHER + 1, `${clone}/native`);
    const [{ result }] = await tryToOpen({ cache: sandbox.folder, clone });
    assertEquals(result.includes("belongs to another user (number 12346)"), true, result);
  },
});

Deno.test({
  name: "openLibrary() uses a local build where the file system lets everybody write everything",
  ignore: !isPosix,
  async fn() {
    using sandbox = new LibrarySandbox();
    const clone = sandbox.clone();
    sandbox.write().stamp().moveTo(`${clone}/native/build`);
    const open = (path: string) => {
      Deno.chmodSync(path, 0o777);
      if (!Deno.statSync(path).isDirectory) return;
      for (const { name } of Deno.readDirSync(path)) open(`${path}/${name}`);
    };
    open(clone);
    await assertOpens({ cache: sandbox.folder, clone });
  },
});

function giveTo(user: number, path: string): void {
  Deno.chownSync(path, user, user);
  if (!Deno.statSync(path).isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) giveTo(user, `${path}/${name}`);
}
