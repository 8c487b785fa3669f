/** Structured logs: one JSON object a line on standard error. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Logger {
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

/** A logger whose every line carries `component`. */
export function createLogger(
  component: string,
  write: (line: string) => unknown = (line) => process.stderr.write(line),
): Logger {
  const line =
    (level: string) =>
    (message: string, fields: Fields = {}): void => {
      const time = new Date().toISOString();
      write(`${JSON.stringify({ time, level, component, message, ...fields })}\n`);
    };
  return { info: line("info"), warn: line("warn"), error: line("error") };
}

/** What an error says, with its cause where that says more. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  const text = error.message === "" ? (code ?? error.name) : error.message;
  return error.cause instanceof Error ? `${text}: ${reasonOf(error.cause)}` : text;
}
