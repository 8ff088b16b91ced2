/**
 * The prebuilt ggml for each system, from npm, and the SHA-256 of every file of it that may be loaded. Written by
 * `scripts/make_prebuilt_table.ts`.
 *
 * @module
 */

/** An npm package that holds ggml as shared libraries: `ggml-base`, `ggml`, and `ggml-cpu` for several instruction sets. */
export interface PrebuiltPackage {
  readonly name: string;
  readonly version: string;
  /** Of the tarball, as npm states it. */
  readonly integrity: string;
  /** The size of the tarball. */
  readonly downloadBytes: number;
  /** What its files take. */
  readonly unpackedBytes: number;
  readonly ggmlVersion: string;
  /** Where in the package the files are. */
  readonly folder: string;
  /** The SHA-256 of each, in hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
}

/** By operating system and processor: `linux x86_64`. */
export const prebuiltPackages: Readonly<Record<string, PrebuiltPackage>> = {
  "linux x86_64": {
    "name": "@node-llama-cpp/linux-x64",
    "version": "3.22.1",
    "integrity":
      "sha512-5uCCDNqWCNfaAm8aR/Uzxbo4HBpKgNF91kCHPepKhgMgV2OAmatoefbOlMihsqCiH2Od35E/eUHQCFbfRBJuOg==",
    "downloadBytes": 10824547,
    "unpackedBytes": 30358713,
    "ggmlVersion": "0.25.1",
    "folder": "bins/linux-x64",
    "files": {
      "libggml-base.so": "6c342c8aeb20cb31a18099d6f79de4de6703814d1cfd5c4d754a8643087e486e",
      "libggml-cpu-alderlake.so":
        "6527efda35405a0d91574aced4a7766db9bb0494ab6458c83fe9eba755eb76f7",
      "libggml-cpu-cannonlake.so":
        "44285a67a31a81a036a70c565d391b31145d835044c03c76cfaa2f90a9d57d42",
      "libggml-cpu-cascadelake.so":
        "97cace813fbf7b7a07c4793f6a75b8b2d3de256430620f0be4a15bd4372468ea",
      "libggml-cpu-cooperlake.so":
        "5eda284fd8986d550e21623b269dd31d02c07fc70121d3099609d5dde6b6847e",
      "libggml-cpu-haswell.so": "ddaa96012769f0e86e8670cca374243751880bea2c2d0a4413b3a1b7a29dca74",
      "libggml-cpu-icelake.so": "9b9c24aaa775fd38a6e1ff082549e50d4138d29f2e2883630b28ab70704ed896",
      "libggml-cpu-ivybridge.so":
        "91b27ab81df92b8429c8e3441a8861014d3aec1424f90885a628fd0d4567532f",
      "libggml-cpu-piledriver.so":
        "2cb5b2101f5bbefa2416ec7f8b6c6acb177d04f0157989c5d92e4c07750fd3f8",
      "libggml-cpu-sandybridge.so":
        "bce17565033835dfb59fae2ed712d4c35e56463c2d49ea61ca08e6e2908bdfd6",
      "libggml-cpu-sapphirerapids.so":
        "e3d4840632b2242655e1721c6b93ec0370406dded9074accfe90bcfb67bd30b8",
      "libggml-cpu-skylakex.so": "df30b40a957175cd8e462e8838632dc51e3be7570b27b9526cb7a044263aeab3",
      "libggml-cpu-sse42.so": "ec65053445506965db5dd9382d7ede084ba639edc55f77aaf73581c778969e02",
      "libggml-cpu-x64.so": "1174c3c3e0b8722313df561d7ef5ece516a070732cec9b8ddda3667c0b959728",
      "libggml-cpu-zen4.so": "d84208de33fdadb8921a1a1a34342f5eceb1e58b83648be68050f7557312bd3e",
      "libggml.v0.5.0.so": "41cd5e6ad78b9f0af31a6f80d637d3168e75ff84db14c495de4d3d9c95607444",
    },
  },
  "linux aarch64": {
    "name": "@node-llama-cpp/linux-arm64",
    "version": "3.22.1",
    "integrity":
      "sha512-W+7naKCXX9/eEjjFmRS8vvx91QyLXDbeFxexZc3bh/PtQABZgmRL3C0AtYYXn4YGTj/3Qor4lWZn2tpjZFPLdQ==",
    "downloadBytes": 7340902,
    "unpackedBytes": 19984550,
    "ggmlVersion": "0.25.1",
    "folder": "bins/linux-arm64",
    "files": {
      "libggml-base.so": "ef8a2f781f9fccc99a744166529e20f48ea4c850e35fbb38d88762691fea1da6",
      "libggml-cpu-armv8.0_1.so":
        "016d2bd41948f4989df8c06a1cb1f6a3ed5a2ead811bd95a4511a842260f2365",
      "libggml-cpu-armv8.2_1.so":
        "8539c4995e56237e5b43d2147bfabe0fabb21e55cb93d2f3ef55796c819f2d0d",
      "libggml-cpu-armv8.2_2.so":
        "fe0312b22078d8215582ca9deb76d595257700a5d0c4cfc43a9a6ee93d828937",
      "libggml-cpu-armv8.2_3.so":
        "0b5714435030b1a48b5dfae3484c1c592c7f95925444c1799f4a753046e6dbb3",
      "libggml-cpu-armv8.6_1.so":
        "0fdfbb750748b9502cb5e90ff822415b30390de0b9c527c929087f36548d265e",
      "libggml-cpu-armv8.6_2.so":
        "5179873d30a2e55db5d8bb20e3c28d32c0a170fbac237cebcbc2f77b477c8946",
      "libggml-cpu-armv9.2_1.so":
        "98d963eee3db588a9531617588edb077c8f1cdca5ae6d974f0b3324ea1c290ab",
      "libggml-cpu-armv9.2_2.so":
        "6cb2f7dcac85d7b1ea939354072495a16910d5509c3accd5caa1aab1df6d33f7",
      "libggml.v0.5.0.so": "c1c7b0c0d2d67863c7e0544dd7190bf0f0897c87ae3002efca5817bdda9b9b85",
    },
  },
  "darwin x86_64": {
    "name": "@node-llama-cpp/mac-x64",
    "version": "3.21.1",
    "integrity":
      "sha512-Q4nyNmbcNiKygBZQZjX+qLk2w3YzoiFpLWsxNURQN7xjyUi2p2rWxjRa7Otg0FrjGf/ri4aQ+X3Uj5Y0zD06eg==",
    "downloadBytes": 10809280,
    "unpackedBytes": 30019289,
    "ggmlVersion": "0.23.0",
    "folder": "bins/mac-x64",
    "files": {
      "libggml-base.dylib": "4127667f0d4fd3528f4c92c71f16d9a4390c0a24314bf40246e6146685a5606c",
      "libggml-cpu-alderlake.so":
        "b7ab1e7b64628e8d24b533a95e34975a13d5a68525bc2a7293e6c2d7553b60db",
      "libggml-cpu-cannonlake.so":
        "64e7a20c5209980d7814a48893e03e0a9504b432c76cdaa65691f4eb656c4ac8",
      "libggml-cpu-cascadelake.so":
        "b3d687f55bc6d8e25ba71c38ac2f0f9ed06bb87263ad38dcf84a20c64c01b66f",
      "libggml-cpu-cooperlake.so":
        "0078e72aed24ec0a4f3e29e978ca3b4322d7c453b6e963c229118a8b9b4773ee",
      "libggml-cpu-haswell.so": "a29cd412ccae3487e6e6af841478d53aafa78dfa7e8f24d466f7822c3a0967f1",
      "libggml-cpu-icelake.so": "44d5d66d3f8558b8a2ed0e381e68203ade16cf723ef5a1823f551782a756ba4b",
      "libggml-cpu-ivybridge.so":
        "445110a39cad93eac8ef8205f06412e97aaa179b0ffc49308433b6f930719179",
      "libggml-cpu-piledriver.so":
        "bf60809c4ec377d4cd511858d48b5d893920ce6145812d7805f181646622c115",
      "libggml-cpu-sandybridge.so":
        "891e17d67407df5845ef4fef02020c01a5544472567d0db552850a7634258265",
      "libggml-cpu-sapphirerapids.so":
        "7d8a91c03c62156a6f68f52662fe32422a0ce813b6725226f0993352993037e2",
      "libggml-cpu-skylakex.so": "fb08b075180601393d0954dc36543c729b6f0b3a2fc0ad3f4aa302b3741a985f",
      "libggml-cpu-sse42.so": "f42b7cfeacac46c96586dfc9235034fa77c8d0ea88989ac569e504562a6f903e",
      "libggml-cpu-x64.so": "5f104ce4d525983061faa847ab0614772c9cdb3c93b4e9e879a0546373b13769",
      "libggml-cpu-zen4.so": "2bab549022551776ced3ab7b5bec056f505fceb362b6f6f0724c782268fb5ed0",
      "libggml.v0.4.0.dylib": "3d3026af1f61765623c6ea0d112a89b8b3de98977f6e3500694e71304a48cb10",
    },
  },
  "darwin aarch64": {
    "name": "@node-llama-cpp/mac-arm64-metal",
    "version": "3.21.1",
    "integrity":
      "sha512-6MIDAZV7DXD9R1+jEXWJkFuolni3GATGE6mmuyFYc6ZmtOh9djAy15df0T0AXK3sCmVKL+fQcOAWZezxx4MvQQ==",
    "downloadBytes": 4858447,
    "unpackedBytes": 14666204,
    "ggmlVersion": "0.23.0",
    "folder": "bins/mac-arm64-metal",
    "files": {
      "libggml-base.dylib": "d0b909f22bfeaf3dbb5f7a992d9e48710b897dd5db95ef82e8317c9c2474e28c",
      "libggml-cpu-apple_m1.so": "3025e75476e77db5ee1fa2e2b78a5adc8e2e089be57174ab6ce8a381cb648a4b",
      "libggml-cpu-apple_m2_m3.so":
        "75c3a7f06a0374ceddefca9f9067878e432fc9e57dc5d70110679c7876488613",
      "libggml-cpu-apple_m4.so": "c78ac88acf14dfdb0a94b35533990f8b99fa810e128461555fee583119ad4be9",
      "libggml.metal.v0.4.0.dylib":
        "a70f1a5d40685bb81aaa25d9a794b05e06d63e2d64986e3d409e0365b61cf120",
    },
  },
  "windows x86_64": {
    "name": "@node-llama-cpp/win-x64",
    "version": "3.21.1",
    "integrity":
      "sha512-JcIpCnra7bAd7JNWA8ehdn2DIRaTMuj+fBC8bw+5rKSNzszWFbuj2XA05c5QHovonDMBLN1ePXE/hcfZtzXoUQ==",
    "downloadBytes": 9787045,
    "unpackedBytes": 48620398,
    "ggmlVersion": "0.23.0",
    "folder": "bins/win-x64",
    "files": {
      "ggml-base.dll": "86c3ef964c4db4ece53f016988ee4bd4ec0ca1c220e26a481d51c83b61f1852e",
      "ggml-cpu-alderlake.dll": "db34eb27b40251283ead373618b5083a94a82c1b8c9b07e5979b522e6f3135de",
      "ggml-cpu-cannonlake.dll": "e637b9378cc5cd7bf861feb8b78c66623b17b4c3293ef9f653c8625c66d9a2a4",
      "ggml-cpu-cascadelake.dll":
        "bf44a97dcf80975a787e349a9daa480fd779d35fc6944c1e47b1da2c864d81b9",
      "ggml-cpu-cooperlake.dll": "870d3cfdbacabb63f138ad8069cd1da01a39e71c6351e6a35df2a2a2a4feba22",
      "ggml-cpu-haswell.dll": "abfbaceb9e568b3919c3b3e83482e217bf9a53462514bc9dd132403dbc8d4cc3",
      "ggml-cpu-icelake.dll": "a37657d9482b1028b620c95c11c178dbf23649db66c749c5e2296a9030aff6be",
      "ggml-cpu-ivybridge.dll": "809b4d0a79b5e892ea36c13d9d270e596de1397ddf42fb6da72c0a5c998eaaa4",
      "ggml-cpu-piledriver.dll": "bda2d06d3ebd8d46a375adad6aaa696efc1464e8e32615341aacf194a292bf20",
      "ggml-cpu-sandybridge.dll":
        "e9852ffa91080a2ca4280049204c01f48b6ab919d6d686c68669e21242ba975c",
      "ggml-cpu-sapphirerapids.dll":
        "a01dd87fdb4c0a8e722bfaec82bed4e5dc13a0cc98c3f8a555852ba038ebd8b0",
      "ggml-cpu-skylakex.dll": "9773fe15b65a471205e892b2ffff9366fe30fb2fc5c20aad0bff53cd2905a272",
      "ggml-cpu-sse42.dll": "0c0d03f9c0294b3665fffe12eea822d967d1b11b41d5b4651c3a06daaf3ea420",
      "ggml-cpu-x64.dll": "7c568f8859b0965e066ac733adf79a0a008a649ce92076908e2e1c6659cb8dac",
      "ggml-cpu-zen4.dll": "9626c63730b207ef7b27448e0d8bbe377983ff2225197309ee2e37d514a90c73",
      "ggml.v0.4.0.dll": "76a70e6e68c6a32b3b7214be44dede61e7fda42734a66d3a6dbd8fd3598fdfcd",
    },
  },
  "windows aarch64": {
    "name": "@node-llama-cpp/win-arm64",
    "version": "3.21.1",
    "integrity":
      "sha512-/UDR7Y0B8iKfc/tqxBmWkcgRdZQ9Wrkwod7fYl4J6iZXcTIj286RkHvZSED7VMY67TrcUXVvxJVMNFtmjeYnDg==",
    "downloadBytes": 4606830,
    "unpackedBytes": 22460249,
    "ggmlVersion": "0.23.0",
    "folder": "bins/win-arm64",
    "files": {
      "ggml-base.dll": "b7e560acc8a78feca25834fd7938b3bcc5375b5c9c3adf73c1922ba8ac92e204",
      "ggml-cpu.dll": "a9460905080af5df267ac531b243215dc1aa369ce9c7cbc3eefe39decf887714",
      "ggml.v0.4.0.dll": "ecf327a43e5df7c14872b8deb35ba477e58a13b4fd5ce02158e120e254c841db",
    },
  },
};
