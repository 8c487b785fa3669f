import { setTimeout as delay } from "node:timers/promises";

/** A failure that may be gone in a moment: no connection, a timeout, a server that is overloaded or starting. */
export class TransientError extends Error {
  override readonly name: string = "TransientError";
  /** Milliseconds for which the other side asks to be left alone. */
  readonly retryAfterMs: number;
  constructor(
    message: string,
    { retryAfterMs = 0, ...options }: ErrorOptions & { readonly retryAfterMs?: number } = {},
  ) {
    super(message, options);
    this.retryAfterMs = retryAfterMs;
  }
}

/** Milliseconds that an answer's `Retry-After` means, which is seconds or a date; 0 without one. */
export function retryAfterOf(headers: Headers): number {
  const value = headers.get("retry-after") ?? "";
  const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - Date.now();
  return Math.max(0, ms || 0);
}

export interface RetryPolicy {
  /** Milliseconds from the first attempt until no further one is begun. */
  readonly deadlineMs: number;
  /** Milliseconds before the second attempt; doubles up to `maximumDelayMs`. */
  readonly firstDelayMs: number;
  readonly maximumDelayMs: number;
}

/** A service may be away for a restart or a fail-over; longer than this is an outage that people must see. */
export const defaultRetryPolicy: RetryPolicy = {
  deadlineMs: 60_000,
  firstDelayMs: 100,
  maximumDelayMs: 2_000,
};

/**
 * Runs `action` until it succeeds, as long as it fails with a `TransientError`.
 *
 * @throws TransientError with the number of attempts and seconds when the deadline is over; any other error of
 *   `action` at once.
 */
export async function retry<T>(
  action: () => Promise<T>,
  policy: RetryPolicy = defaultRetryPolicy,
): Promise<T> {
  const start = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const pause = Math.min(policy.firstDelayMs * 2 ** (attempt - 1), policy.maximumDelayMs);
      // Writers that failed together must not come back together.
      const wait = error.retryAfterMs + pause * (0.5 + Math.random() / 2);
      const elapsed = performance.now() - start;
      if (elapsed + wait > policy.deadlineMs) {
        const seconds = Math.round(elapsed / 1000);
        throw new TransientError(`${error.message} (gave up after ${attempt} attempts in ${seconds} s)`, {
          cause: error,
        });
      }
      await delay(wait);
    }
  }
}
