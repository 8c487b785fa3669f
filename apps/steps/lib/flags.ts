/** Flags of a step: `--kebab-case value`. Argo passes every value as text, and an absent one as empty text. */
import { InputError } from "./errors.ts";

interface Described {
  /** One sentence for the table of steps. */
  readonly about: string;
}

/** One flag; `parse` throws an Error whose message says what the value must be. */
export interface Flag<T> extends Described {
  readonly parse: (text: string) => T;
  /** Absent: the flag must be given. */
  readonly fallback?: { readonly value: T; readonly shown: string };
}

/** An output: a file named by `--output-NAME PATH`; nobody has to want it. */
export type Outputs = Readonly<Record<string, string>>;

// biome-ignore lint/suspicious/noExplicitAny: each flag has a type of its own.
export type Flags = Readonly<Record<string, Flag<any>>>;
export type Values<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

export function text(about: string): Flag<string> {
  return { about, parse: (value) => value };
}

export function optionalText(about: string): Flag<string | undefined> {
  return { about, parse: (value) => value, fallback: { value: undefined, shown: "none" } };
}

/** A stable model name, which becomes part of object keys and of server-side model names. */
export const modelName: Flag<string> = {
  about: "stable name that clients ask",
  parse: (value) => {
    if (/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(value)) return value;
    throw new Error("must be of lower-case letters, digits and hyphens");
  },
};

export function number(about: string, fallback: number, minimum: number, maximum: number): Flag<number> {
  return {
    about,
    fallback: { value: fallback, shown: String(fallback) },
    parse: (value) => {
      const parsed = Number(value);
      if (value.trim() !== "" && parsed >= minimum && parsed <= maximum) return parsed;
      throw new Error(`must be a number from ${minimum} to ${maximum}`);
    },
  };
}

export const versionNumber: Flag<number> = {
  about: "served version, as claim-version prints it",
  parse: (value) => {
    if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
    throw new Error("must be a version number from 1");
  },
};

export function oneOf<const T extends string>(about: string, values: readonly T[], fallback?: T): Flag<T> {
  return {
    about: `${about}: ${values.join(", ")}`,
    ...(fallback === undefined ? {} : { fallback: { value: fallback, shown: fallback } }),
    parse: (value) => {
      const found = values.find((one) => one === value);
      if (found !== undefined) return found;
      throw new Error(`must be one of ${values.join(", ")}`);
    },
  };
}

export interface Parsed<F extends Flags> {
  readonly values: Values<F>;
  /** Path by output name; absent where nobody wants it. */
  readonly outputs: ReadonlyMap<string, string>;
}

/**
 * Reads the command line of a step.
 *
 * @throws InputError naming every flag that is unknown, missing, given twice or wrong.
 */
export function parseFlags<F extends Flags>(argv: readonly string[], flags: F, outputs: Outputs): Parsed<F> {
  const problems: string[] = [];
  const given = readPairs(argv, problems);
  const values: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(flags)) {
    const value = given.get(name) ?? "";
    given.delete(name);
    if (value === "" && flag.fallback !== undefined) values[name] = flag.fallback.value;
    else if (value === "") problems.push(`--${name} is missing: ${flag.about}`);
    else {
      try {
        values[name] = flag.parse(value);
      } catch (error) {
        problems.push(`--${name} ${value}: ${(error as Error).message}`);
      }
    }
  }
  const paths = new Map<string, string>();
  for (const name of Object.keys(outputs)) {
    const path = given.get(`output-${name}`);
    given.delete(`output-${name}`);
    if (path !== undefined && path !== "") paths.set(name, path);
  }
  for (const name of given.keys()) problems.push(`--${name} is unknown`);
  if (problems.length > 0) throw new InputError(problems.join("\n"));
  return { values: values as Values<F>, outputs: paths };
}

function readPairs(argv: readonly string[], problems: string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    const match = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(argument);
    if (match?.[1] === undefined) {
      problems.push(`${argument} is not a flag`);
      continue;
    }
    const value = match[2] ?? argv[++index];
    if (value === undefined) problems.push(`--${match[1]} has no value`);
    else if (given.has(match[1])) problems.push(`--${match[1]} is given twice`);
    else given.set(match[1], value);
  }
  return given;
}
