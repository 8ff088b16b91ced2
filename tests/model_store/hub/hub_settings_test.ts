import { assertEquals, assertThrows } from "@std/assert";
import { readHubSettings } from "../../../src/model_store/hub/hub_settings.ts";
import { TemporaryFolder } from "../../checkpoint/folders.ts";

function settings(variables: Record<string, string>) {
  return readHubSettings((name) => variables[name]);
}

const HOME = { HOME: "/home/me", USERPROFILE: "/home/me" };

const FOLDERS:
  readonly (readonly [variables: Record<string, string>, folder: string | undefined])[] = [
    [{}, "/home/me/.cache/huggingface/hub"],
    [{ XDG_CACHE_HOME: "/cache" }, "/cache/huggingface/hub"],
    [{ HF_HOME: "/hf", XDG_CACHE_HOME: "/cache" }, "/hf/hub"],
    [{ HF_HOME: "~/hf/" }, "/home/me/hf/hub"],
    [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }, "/old"],
    [{ HF_HUB_CACHE: "/hub", HUGGINGFACE_HUB_CACHE: "/old", HF_HOME: "/hf" }, "/hub"],
    [{ HF_HUB_CACHE: "", HF_HOME: "/hf" }, "/hf/hub"],
    [{ HOME: "", USERPROFILE: "" }, undefined],
  ];

for (const [variables, folder] of FOLDERS) {
  Deno.test(`readHubSettings() finds the cache with ${JSON.stringify(variables)}`, () => {
    assertEquals(settings({ ...HOME, ...variables }).cacheFolder, folder);
  });
}

Deno.test("readHubSettings() knows when no request may be made", () => {
  for (const name of ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]) {
    for (const value of ["1", "ON", "yes", "True"]) {
      assertEquals(settings({ [name]: value }).offlineVariable, name);
    }
    for (const value of ["0", "", "no", "2"]) {
      assertEquals(settings({ [name]: value }).offlineVariable, undefined);
    }
  }
});

Deno.test("readHubSettings() reads endpoint, timeouts and progress", () => {
  const usual = settings({});
  assertEquals(
    [usual.endpoint, usual.metadataTimeoutMs, usual.downloadTimeoutMs, usual.hidesProgress],
    ["https://huggingface.co", 10_000, 10_000, false],
  );
  const other = settings({
    HF_ENDPOINT: "http://127.0.0.1:8080/hub/",
    HF_HUB_ETAG_TIMEOUT: "3",
    HF_HUB_DOWNLOAD_TIMEOUT: "0.5",
    HF_HUB_DISABLE_PROGRESS_BARS: "1",
  });
  assertEquals(
    [other.endpoint, other.metadataTimeoutMs, other.downloadTimeoutMs, other.hidesProgress],
    ["http://127.0.0.1:8080/hub", 3000, 500, true],
  );
  for (const value of ["x", "-1", "0"]) {
    assertEquals(settings({ HF_HUB_ETAG_TIMEOUT: value }).metadataTimeoutMs, 10_000);
  }
});

for (const HF_ENDPOINT of ["x", "file:///x", "ftp://x", "https://user@x"]) {
  Deno.test(`readHubSettings() refuses ${HF_ENDPOINT} as a hub`, () => {
    assertThrows(() => settings({ HF_ENDPOINT }), RangeError, "Cannot use HF_ENDPOINT");
  });
}

const SECRETS = [
  "https://user:s3cret@hub.test/x",
  "https://:s3cret@hub.test",
  "https://s3cret@hub.test",
  "ftp://user:s3cret@hub.test",
  "user:s3cret@hub.test",
  "https//user:s3cret@hub.test",
  "https://us/er:s3c@s3cret@hub.test",
  "https://user:s3c?#ret@hub.test",
  "ftp://hub.test/?token=s3cret",
  "ftp://hub.test/#s3cret",
];

for (const HF_ENDPOINT of SECRETS) {
  Deno.test(`readHubSettings() does not show the password in ${HF_ENDPOINT}`, () => {
    const { message } = assertThrows(() => settings({ HF_ENDPOINT }), RangeError, "hub.test");
    assertEquals(/s3c/.test(message), false, message);
  });
}

Deno.test("readToken() takes the token from variables, then from a file", () => {
  using folder = new TemporaryFolder();
  const HF_HOME = folder.path;
  assertEquals(settings({ HF_HOME }).readToken(), undefined);
  Deno.writeTextFileSync(folder.file("token"), "hf_file\n");
  Deno.writeTextFileSync(folder.file("other"), "hf_other");
  assertEquals(settings({ HF_HOME }).readToken(), "hf_file");
  assertEquals(settings({ HF_HOME, HF_TOKEN_PATH: folder.file("other") }).readToken(), "hf_other");
  assertEquals(settings({ HF_HOME, HUGGING_FACE_HUB_TOKEN: "hf_old" }).readToken(), "hf_old");
  const both = { HF_HOME, HUGGING_FACE_HUB_TOKEN: "hf_old", HF_TOKEN: " hf_new\n" };
  assertEquals(settings(both).readToken(), "hf_new");
});

Deno.test("readToken() refuses what cannot be sent, without showing it", () => {
  const error = assertThrows(() => settings({ HF_TOKEN: "hf_a\r\nb: c" }).readToken(), RangeError);
  assertEquals(error.message.includes("hf_a"), false);
});
