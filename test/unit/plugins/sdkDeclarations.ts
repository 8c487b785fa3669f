import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

const types: Readonly<Record<string, string>> = {
  string: "string",
  number: "integer",
  boolean: "boolean",
  "string[]": "strings",
  "any[]": "list",
  "{[key:string]:string}": "stringMap",
  "enums.local.Logging": "string",
};

function typeName(declared: string): string {
  const bare = declared
    .replace(/\s|\|undefined/g, "")
    .replace(/pulumi\.Input<(.*?)>/g, "$1")
    .replace(/;}/g, "}")
    .replace(/\|undefined$/, "");
  return types[bare] ?? bare;
}

export interface Declared {
  readonly inputs: Readonly<Record<string, { readonly type: string; readonly required?: true }>>;
  readonly outputs: readonly string[];
  readonly secrets: readonly string[];
  readonly token: string;
}

/** What a generated SDK class declares about its resource, read from its sources. `file` has no extension. */
export function declaredBySdk(file: string, className: string): Declared {
  const declarations = readFileSync(require.resolve(`${file}.js`).replace(/\.js$/, ".d.ts"), "utf8");
  const code = readFileSync(require.resolve(`${file}.js`), "utf8");
  const args = declarations.slice(declarations.indexOf(`export interface ${className}Args`));
  const given = args.matchAll(/^ {4}(\w+)(\??): pulumi\.Input<([\s\S]*?)>;\n(?= {4}\/\*\*|})/gm);
  const inputs = Object.fromEntries(
    [...given].map(([, name, optional, type]) => [
      name ?? "",
      { type: typeName(type ?? ""), ...(optional === "" && { required: true as const }) },
    ]),
  );
  const made = [...code.matchAll(/resourceInputs\["(\w+)"\] = undefined/g)].map(([, name]) => name ?? "");
  const secrets = /additionalSecretOutputs: \[(.*?)\]/.exec(code)?.[1] ?? "";
  return {
    inputs,
    outputs: [...new Set(made)].filter((name) => !(name in inputs)),
    secrets: [...secrets.matchAll(/"(\w+)"/g)].map(([, name]) => name ?? ""),
    token: /__pulumiType = '(.*?)'/.exec(code)?.[1] ?? "",
  };
}
