import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { replaceTables } from "./document.ts";
import { errorRateTables } from "./errorRates.ts";

const document = fileURLToPath(new URL("../../docs/gates.md", import.meta.url));
const usage = `Usage: node tools/gates/simulate.ts [--write]

Prints how often each gate errs, from seeded simulations; --write puts the tables into docs/gates.md.
`;

const [flag, ...rest] = process.argv.slice(2);
if (rest.length > 0 || (flag !== undefined && flag !== "--write")) {
  process.stderr.write(usage);
  process.exitCode = flag === "--help" ? 0 : 2;
} else if (flag === "--write") {
  writeFileSync(document, replaceTables(readFileSync(document, "utf8"), errorRateTables()));
} else {
  process.stdout.write(errorRateTables());
}
