/** Steps of the runner's tests: `node steps.mjs NAME --flag value ...`, as our own images run theirs. */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const [name, ...rest] = process.argv.slice(2);
const flags = Object.fromEntries(
  rest.flatMap((word, index) => (index % 2 === 0 ? [[word.replace(/^--/, ""), rest[index + 1]]] : [])),
);
const at = (path) => join(process.env.MLOPS_IO_ROOT ?? "/", path);
const write = (flag, text) => {
  mkdirSync(dirname(at(flags[flag])), { recursive: true });
  writeFileSync(at(flags[flag]), text);
};

const steps = {
  /** Leaves a value and a folder. */
  make() {
    mkdirSync(at(flags["output-folder"]), { recursive: true });
    writeFileSync(join(at(flags["output-folder"]), "deep.txt"), `made of ${flags.word}`);
    write("output-value", `${flags.word}!\n`);
  },
  /** Takes both and leaves what it found, its environment and its arguments in a file of the test. */
  take() {
    const content = readFileSync(join(at(flags.folder), "deep.txt"), "utf8");
    console.log(`the key is ${process.env.AWS_SECRET_ACCESS_KEY}`);
    writeFileSync(
      flags.report,
      JSON.stringify({ content, value: flags.value, env: process.env, argv: process.argv }),
    );
  },
  /** Exits as it is told, once; a file remembers. */
  stumble() {
    const before = existsSync(flags.memory) ? readFileSync(flags.memory, "utf8").length : 0;
    appendFileSync(flags.memory, "x");
    if (before < Number(flags.times)) process.exit(Number(flags.code));
  },
  /** Never ends by itself, and has a child that does not either. */
  hang() {
    const child = spawn("sleep", ["1000"], { stdio: "inherit" });
    writeFileSync(flags.pids, JSON.stringify([process.pid, child.pid]));
    process.on("SIGTERM", () => {});
    setInterval(() => {}, 1000);
  },
  tell() {
    writeFileSync(flags.report, JSON.stringify({ status: flags.status, failures: flags.failures }));
  },
  none() {},
};
steps[name]();
