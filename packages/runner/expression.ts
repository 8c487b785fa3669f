/**
 * The part of Argo's expressions that the runner supports: `||`, `&&`, `!`, comparisons, parentheses, quoted
 * strings, numbers, `true`, `false` and names. `when`, `depends` and a retry's `expression` share it and differ in
 * what a name means.
 */
export type ExpressionValue = string | number | boolean;

export type Expression =
  | { readonly kind: "literal"; readonly value: ExpressionValue }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "not"; readonly of: Expression }
  | {
      readonly kind: "binary";
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    };

const comparisons = ["==", "!=", "<=", ">=", "<", ">"] as const;
type Operator = "||" | "&&" | (typeof comparisons)[number];

/** An expression that is malformed, or of a kind that the runner does not know. */
export class ExpressionError extends Error {
  override readonly name = "ExpressionError";
}

interface Token {
  readonly kind: "string" | "number" | "name" | "symbol";
  readonly text: string;
}

/** Names may have hyphens and dots, as tasks and their results do. */
const tokens =
  /\s*(?:'(?<single>(?:[^'\\]|\\.)*)'|"(?<double>(?:[^"\\]|\\.)*)"|(?<number>-?\d+(?:\.\d+)?(?![\w.-]))|(?<name>[A-Za-z0-9_][\w-]*(?:\.[\w-]+)*)|(?<symbol>\|\||&&|==|!=|<=|>=|[<>!()]))/y;

function tokenize(text: string): Token[] {
  const found: Token[] = [];
  tokens.lastIndex = 0;
  let end = 0;
  while (text.slice(end).trim() !== "") {
    const match = tokens.exec(text);
    if (match === null) throw new ExpressionError(`"${text}": unsupported at "${text.slice(end).trim()}"`);
    end = tokens.lastIndex;
    const { single, double, number, name, symbol } = match.groups ?? {};
    const quoted = single ?? double;
    if (quoted !== undefined) found.push({ kind: "string", text: quoted.replaceAll(/\\(.)/g, "$1") });
    else if (number !== undefined) found.push({ kind: "number", text: number });
    else if (name !== undefined) found.push({ kind: "name", text: name });
    else found.push({ kind: "symbol", text: symbol ?? "" });
  }
  return found;
}

/**
 * Parses an expression.
 *
 * @throws ExpressionError naming what is not supported.
 */
export function parseExpression(text: string): Expression {
  const rest = tokenize(text);
  const take = (symbol: string): boolean => {
    const next = rest[0];
    if (next?.kind !== "symbol" || next.text !== symbol) return false;
    rest.shift();
    return true;
  };
  const primary = (): Expression => {
    if (take("!")) return { kind: "not", of: primary() };
    if (take("(")) {
      const inner = either();
      if (!take(")")) throw new ExpressionError(`"${text}": a parenthesis is not closed`);
      return inner;
    }
    const token = rest.shift();
    if (token === undefined) throw new ExpressionError(`"${text}": ends too early`);
    if (token.kind === "symbol") throw new ExpressionError(`"${text}": unexpected "${token.text}"`);
    if (token.kind === "string") return { kind: "literal", value: token.text };
    if (token.kind === "number") return { kind: "literal", value: Number(token.text) };
    if (token.text === "true" || token.text === "false")
      return { kind: "literal", value: token.text === "true" };
    return { kind: "name", name: token.text };
  };
  const binary = (operators: readonly Operator[], operand: () => Expression) => (): Expression => {
    let left = operand();
    for (;;) {
      const operator = operators.find(take);
      if (operator === undefined) return left;
      left = { kind: "binary", operator, left, right: operand() };
    }
  };
  const both = binary(["&&"], binary(comparisons, primary));
  const either = binary(["||"], both);
  const parsed = either();
  const next = rest[0];
  if (next !== undefined) throw new ExpressionError(`"${text}": unexpected "${next.text}"`);
  return parsed;
}

/** Every name in an expression. */
export function namesIn(expression: Expression): string[] {
  switch (expression.kind) {
    case "literal":
      return [];
    case "name":
      return [expression.name];
    case "not":
      return namesIn(expression.of);
    case "binary":
      return [...namesIn(expression.left), ...namesIn(expression.right)];
  }
}

/**
 * The truth of an expression.
 *
 * @param meaning what a name stands for
 * @throws ExpressionError where a value is not of the type that its operator needs.
 */
export function evaluate(expression: Expression, meaning: (name: string) => ExpressionValue): boolean {
  return truth(valueIn(expression, meaning));
}

function truth(value: ExpressionValue): boolean {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`${JSON.stringify(value)} is neither true nor false`);
}

function valueIn(expression: Expression, meaning: (name: string) => ExpressionValue): ExpressionValue {
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "name":
      return meaning(expression.name);
    case "not":
      return !truth(valueIn(expression.of, meaning));
    case "binary": {
      const left = valueIn(expression.left, meaning);
      if (expression.operator === "&&") return truth(left) && truth(valueIn(expression.right, meaning));
      if (expression.operator === "||") return truth(left) || truth(valueIn(expression.right, meaning));
      return compare(expression.operator, left, valueIn(expression.right, meaning));
    }
  }
}

/** Values of different types are different, and have no order. */
function compare(operator: Operator, left: ExpressionValue, right: ExpressionValue): boolean {
  if (operator === "==") return left === right;
  if (operator === "!=") return left !== right;
  if (typeof left !== typeof right || typeof left === "boolean") {
    throw new ExpressionError(
      `${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}: they have no order`,
    );
  }
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    default:
      return left >= right;
  }
}
