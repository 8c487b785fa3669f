/** Work that is repeated until it is told to end: the form of everything that watches here. */
export interface Loop {
  /** Runs again at once: now if it waits, else right after the run under way. */
  wake(): void;
  /** Ends it; resolves when the run under way has ended. */
  stop(): Promise<void>;
}

/**
 * Runs `work`, waits `intervalMs`, and so on. `work` must not throw: what can fail belongs to its state. Its
 * signal is aborted when the loop is stopped.
 */
export function startLoop(intervalMs: number, work: (signal: AbortSignal) => Promise<void>): Loop {
  const ending = new AbortController();
  let woken = false;
  let wakeUp = (): void => {};
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      woken = false;
      await work(ending.signal);
      if (woken || ending.signal.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const ended = run();
  return {
    wake: () => {
      woken = true;
      wakeUp();
    },
    stop: () => {
      ending.abort();
      wakeUp();
      return ended;
    },
  };
}
