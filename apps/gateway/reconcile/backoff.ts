/** When something that failed may be tried again. */
export interface Failure {
  /** In a row. */
  readonly attempts: number;
  readonly error: string;
  /** Clock of `performance.now()`. */
  readonly nextAt: number;
}

const FIRST_MS = 500;
const LAST_MS = 30_000;

/** Failures by name; each further one in a row doubles the wait, up to 30 s. */
export class Backoff {
  readonly #failures = new Map<string, Failure>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  mayTry(name: string): boolean {
    return (this.#failures.get(name)?.nextAt ?? 0) <= this.#now();
  }

  failed(name: string, error: string): Failure {
    const attempts = (this.#failures.get(name)?.attempts ?? 0) + 1;
    const waitMs = Math.min(FIRST_MS * 2 ** (attempts - 1), LAST_MS);
    const failure = { attempts, error, nextAt: this.#now() + waitMs };
    this.#failures.set(name, failure);
    return failure;
  }

  succeeded(name: string): void {
    this.#failures.delete(name);
  }

  /** Forgets all names but these. */
  keep(names: ReadonlySet<string>): void {
    for (const name of this.#failures.keys()) if (!names.has(name)) this.#failures.delete(name);
  }

  all(): ReadonlyMap<string, Failure> {
    return this.#failures;
  }
}
