import { z } from "zod";
import { isObject, type Path, valueAt, walk } from "../json.ts";
import { defineRule, type Issue } from "../rule.ts";
import { isRunTimeValue } from "../runTimeValues.ts";
import type { Rule } from "../types.ts";

/** Shapes that secrets of well-known issuers have wherever they stand. */
const KNOWN_SHAPES = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  /\b(?:ghp|gho|ghs|ghr|glpat|xox[abprs]|hf)[_-][0-9A-Za-z_-]{16,}/,
  /\bgithub_pat_[0-9A-Za-z_]{20,}/,
  /\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]+/,
  /\b[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s:@$]+@/,
  /\b[rs]k[_-](?:live|test|proj|ant)[_-][0-9A-Za-z_-]{16,}/,
  /\bsk-[0-9A-Za-z]{32,}/,
  /\bAIza[0-9A-Za-z_-]{35}/,
  /\bnpm_[0-9A-Za-z]{36}/,
  /\bnvapi-[0-9A-Za-z_-]{20,}/,
  /\bhttps:\/\/hooks\.slack\.com\/services\/\w+\/\w+\/\w+/,
];

/** Names whose literal value is a secret, whatever it looks like. */
const ALWAYS =
  /(?:passwords?|passwd|passphrase|pwd|(?:^|[_-])pass|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key|credentials?)$/i;

/** `smtpPass`, but not `bypass`. */
const ALWAYS_IN_CAMEL_CASE = /[a-z0-9]Pass$/;

function namesSecret(name: string): boolean {
  return ALWAYS.test(name) || ALWAYS_IN_CAMEL_CASE.test(name);
}

/** Names of which not even a number is harmless: `token: 300` may well be a time, `password: 300` is none. */
const EVEN_NUMBERS = /(?:passwords?|passwd|passphrase|pwd|(?:^|[_-])pass)$/i;

/** Names whose value may be a secret or only the name of one. */
const SOMETIMES = /secret$/i;

/** Keys that name a Secret object, or a key in one, rather than hold what it keeps. */
const REFERENCE =
  /^(?:existing|secretKeyRef|externalSecret|imagePull)|(?:Ref|Name|SecretKey|PasswordKey|TokenKey)$/;

const DNS_NAME = /^[a-z]([a-z0-9.-]*[a-z0-9])?$/;

const secretLiterals = defineRule({
  name: "release-secret-literals",
  description: "Helm values hold no secret, only the name of a Secret that holds it.",
  level: "mandatory",
  target: "release",
  knobs: z.object({
    harmlessKeys: z
      .array(z.string())
      .default(["userKey", "passwordKey", "adminPasswordKey", "secretKey"])
      .describe("Keys that name a key in a Secret when their value looks like a name"),
  }),
  check: (inputs, _context, { harmlessKeys }) =>
    [...walk(valueAt(inputs, "values"))].flatMap(({ path: below, value }): Issue[] => {
      const path: Path = ["values", ...below];
      const found = isObject(value) ? inVariable(value) : inText(path, value, harmlessKeys);
      if (found === undefined) return [];
      return [
        {
          path,
          message: `${found} stands in the values`,
          fix: "make a Secret and pass its name (existingSecret)",
        },
      ];
    }),
});

function inText(path: Path, value: unknown, harmlessKeys: readonly string[]): string | undefined {
  const key = String(path.findLast((step) => typeof step === "string") ?? "");
  if (typeof value === "number" && EVEN_NUMBERS.test(key)) return `a literal ${key}`;
  if (typeof value !== "string" || value === "" || isReference(value)) return undefined;
  if (KNOWN_SHAPES.some((shape) => shape.test(value))) return "what looks like a secret";
  if (REFERENCE.test(key) && DNS_NAME.test(value)) return undefined;
  if (harmlessKeys.includes(key) && /^[A-Za-z._-]+$/.test(value)) return undefined;
  if (namesSecret(key)) return `a literal ${key}`;
  const inside = namedInside(value);
  if (inside !== undefined) return `a literal ${inside}`;
  return SOMETIMES.test(key) && !DNS_NAME.test(value) ? `a literal ${key}` : undefined;
}

/** An environment variable as containers have it: `{name: DB_PASSWORD, value: …}`. */
function inVariable({ name, value }: Record<string, unknown>): string | undefined {
  const isLiteral =
    typeof name === "string" && typeof value === "string" && value !== "" && !isReference(value);
  return isLiteral && namesSecret(name) ? `a literal ${name}` : undefined;
}

/** A flag of a command line: `--redis-password=…`. */
const FLAG = /^--?([\w.-]+)=(\S+)$/;

/** A setting on a line of a file: `password = …`, `- token: …`, `"apiKey": "…",`; not a line of code. */
const SETTING = /^[\s-]*["']?(\w[\w.-]*)["']?\s*[:=]\s*["']?([^\s"'()[\]{}<>|]+)["']?,?\s*$/;

/** The name of a secret whose literal value stands in a flag, or in a file that the values hold as text. */
function namedInside(text: string): string | undefined {
  const stated = text.includes("\n") ? text.split("\n").map((line) => SETTING.exec(line)) : [FLAG.exec(text)];
  return stated.find(
    (found) =>
      found && namesSecret(found[1] ?? "") && !isReference(found[2] ?? "") && !namesSecret(found[2] ?? ""),
  )?.[1];
}

/** A reference that something else fills in: a template, a variable, a file that is mounted; or a mere switch. */
function isReference(value: string): boolean {
  if (isRunTimeValue(value) || value === "true" || value === "false") return true;
  return /^\$(?:\(\w+\)|\{[^}]+\}|[A-Z_][A-Z0-9_]*)$|^\/(?:etc|var|run|mnt|opt|tmp|secrets?)\/[\w./-]+$/.test(
    value,
  );
}

/** The rule against secrets in Helm values. */
export const secretRules: readonly Rule[] = [secretLiterals];
