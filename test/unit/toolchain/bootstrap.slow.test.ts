import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ExecResult, exec } from "../../../tools/lib/exec.ts";
import { projectRoot } from "../../../tools/lib/paths.ts";
import { readLock } from "../../../tools/toolchain/lockSchema.ts";
import { temporaryFolder, writeScript } from "./context.ts";

/** Commands that the script may use besides those that a test puts in their place. */
const plainCommands =
  "sh dirname sed cut cmp uname mkdir mktemp mv rm tar gzip cat cp env find sleep sha256sum sha512sum".split(
    " ",
  );

const plainPaths = exec("sh", ["-c", `for c in ${plainCommands.join(" ")}; do command -v $c; done; :`]).then(
  ({ stdout }) =>
    stdout
      .trim()
      .split("\n")
      .map((path) => [basename(path), path] as const),
);

interface Machine {
  readonly root: string;
  readonly cache: string;
  /** Folder of PATH that stands for the machine's own programs. */
  readonly bin: string;
  /** Runs the script; `undefined` removes a variable. */
  readonly run: (change?: Readonly<Record<string, string | undefined>>) => Promise<ExecResult>;
}

/** A checkout with the script and a machine whose PATH has only what a test puts there. */
async function machine(name = "checkout"): Promise<Machine> {
  const folder = temporaryFolder();
  const [root, bin, cache] = [join(folder, name), join(folder, "bin"), join(folder, "cache")];
  cpSync(join(projectRoot, "tools", "lib"), join(root, "tools", "lib"), { recursive: true });
  mkdirSync(join(root, "tools", "toolchain"), { recursive: true });
  for (const file of ["bootstrap.sh", "toolchain/lock.json", "toolchain/nodeModules.ts"]) {
    copyFileSync(join(projectRoot, "tools", file), join(root, "tools", file));
  }
  writeFileSync(join(root, "package-lock.json"), '{"lockfileVersion": 3}');
  mkdirSync(bin);
  for (const [command, path] of await plainPaths) symlinkSync(path, join(bin, command));
  const env = { PATH: bin, MLOPS_CACHE: cache, HOME: folder };
  return {
    root,
    cache,
    bin,
    run: (change = {}) => exec("sh", [join(root, "tools", "bootstrap.sh")], { env: { ...env, ...change } }),
  };
}

const oldNode = 'echo "v20.1.0"';
/** Stands for a new Node: answers --version, and runs TypeScript with the Node of this test. */
const newNode = `[ "$1" = --version ] && { echo "v24.21.0"; exit 0; }\nexec ${process.execPath} "$@"`;
/** npm whose \`ci\` makes node_modules and counts its runs. */
const npmCi = "mkdir -p node_modules; echo run >> npm-runs; sleep 0.1";

/** Makes \`npm pack\` deliver a package that holds \`node\`, and writes its checksum into the lock. */
async function offerPackage({ root, bin }: Machine, node: string, checksum?: string): Promise<void> {
  const { npm, version } = readLock().node;
  const name = `node-${process.platform}-${process.arch}`;
  const folder = temporaryFolder();
  writeScript(join(folder, "package", "bin", "node"), node);
  const tarball = join(folder, `${name}-${version}.tgz`);
  await exec("tar", ["-czf", tarball, "-C", folder, "package"]);
  writeScript(join(bin, "npm"), `if [ "$1" = pack ]; then cp ${tarball} .; else ${npmCi}; fi`);
  const lock = join(root, "tools", "toolchain", "lock.json");
  const digest = checksum ?? createHash("sha512").update(readFileSync(tarball)).digest("hex");
  writeFileSync(lock, readFileSync(lock, "utf8").replace(npm[name] ?? "", digest));
}

const inCache = (cache: string): string => join(cache, "node", readLock().node.version, "bin");

describe("bootstrap.sh", () => {
  test("uses the machine's Node when it is new enough, and prints its folder alone", async () => {
    const one = await machine();
    writeScript(join(one.bin, "node"), newNode);
    writeScript(join(one.bin, "npm"), npmCi);
    expect((await one.run()).stdout).toBe(`${one.bin}\n`);
    expect(existsSync(one.cache)).toBe(false);
  });

  test("says what to set when no folder for downloads can be told, or made", async () => {
    const one = await machine();
    writeScript(join(one.bin, "node"), oldNode);
    const nowhere = { HOME: undefined, XDG_CACHE_HOME: undefined, MLOPS_CACHE: undefined };
    await expect(one.run(nowhere)).rejects.toThrow(/HOME is not set; .* MLOPS_CACHE/);
    writeFileSync(one.cache, "a file in the place of the folder");
    await expect(one.run()).rejects.toThrow(/the cache cannot be made in .* MLOPS_CACHE/);
  });

  test.each([
    '"quoted"',
    "back\\slash",
  ])("refuses a folder that Node or Pulumi cannot work in: %s", async (name) => {
    const one = await machine(name);
    writeScript(join(one.bin, "node"), newNode);
    await expect(one.run()).rejects.toThrow("a quotation mark or a backslash in its path");
  });

  test("runs npm ci when there is no node_modules, and again only when the lock file changed", async () => {
    const one = await machine();
    writeScript(join(one.bin, "node"), newNode);
    writeScript(join(one.bin, "npm"), npmCi);
    const runs = (): number => readFileSync(join(one.root, "npm-runs"), "utf8").split("\n").length - 1;
    await one.run();
    expect((await one.run()).stderr).toBe("");
    expect(runs()).toBe(1);
    writeFileSync(join(one.root, "package-lock.json"), "{}");
    await one.run();
    expect(runs()).toBe(2);
  });

  test("two at once run npm once", async () => {
    const one = await machine();
    writeScript(join(one.bin, "node"), newNode);
    writeScript(join(one.bin, "npm"), npmCi);
    const both = await Promise.all([one.run(), one.run()]);
    expect(both.map(({ stdout }) => stdout)).toEqual([`${one.bin}\n`, `${one.bin}\n`]);
    expect(readFileSync(join(one.root, "npm-runs"), "utf8")).toBe("run\n");
  });

  test("an npm ci that was interrupted is done again", async () => {
    const one = await machine();
    writeScript(join(one.bin, "node"), newNode);
    writeScript(join(one.bin, "npm"), "mkdir -p node_modules; exit 1");
    await expect(one.run()).rejects.toThrow(/npm ci .*exit status 1/);
    writeScript(join(one.bin, "npm"), npmCi);
    await one.run();
    expect(readFileSync(join(one.root, "npm-runs"), "utf8")).toBe("run\n");
  });

  describe.runIf(process.platform === "linux")("where the machine's Node is too old", () => {
    test("gets Node from its npm package, once, and lets the machine's npm run", async () => {
      const one = await machine();
      writeScript(join(one.bin, "node"), oldNode);
      await offerPackage(one, newNode);
      const first = await one.run();
      expect(first.stdout).toBe(`${inCache(one.cache)}\n`);
      expect(first.stderr).toContain("getting Node 24.21.0 from the npm package");
      expect((await one.run()).stderr).toBe("");
      expect(readdirSync(join(one.cache, "node"))).toEqual([readLock().node.version]);
    });

    test("refuses a package with another checksum and leaves nothing", async () => {
      const one = await machine();
      await offerPackage(one, newNode, "0".repeat(128));
      const attempt = one.run();
      await expect(attempt).rejects.toThrow(/wrong checksum of node-linux-\w+@24\.21\.0; it was not used/);
      expect(readdirSync(join(one.cache, "node"))).toEqual([]);
    });

    test("refuses a Node that does not run", async () => {
      const one = await machine();
      await offerPackage(one, "exit 1");
      await expect(one.run()).rejects.toThrow("does not run on this machine");
      expect(readdirSync(join(one.cache, "node"))).toEqual([]);
    });

    test("says what to do when Node can be had neither from npm nor by download", async () => {
      const one = await machine();
      writeScript(join(one.bin, "curl"), "echo 'curl: (6) Could not resolve host' >&2; exit 6");
      await expect(one.run()).rejects.toThrow(
        /no npm on PATH[\s\S]*Could not resolve host[\s\S]*Install Node 24 or newer/,
      );
    });

    test("a release download with another checksum is refused", async () => {
      const one = await machine();
      writeScript(join(one.bin, "curl"), 'while [ "$1" != -o ]; do shift; done; echo evil > "$2"');
      const lock = join(one.root, "tools", "toolchain", "lock.json");
      const text = readFileSync(lock, "utf8");
      const node = text
        .slice(0, text.indexOf('"tools"'))
        .replace(/("linux-\w+": )"\w+"/g, `$1"${"0".repeat(64)}"`);
      writeFileSync(lock, node + text.slice(text.indexOf('"tools"')));
      await expect(one.run()).rejects.toThrow(
        /wrong checksum of https:\/\/nodejs\.org\/dist\/v24\.21\.0\/node-v24/,
      );
    });
  });
});
