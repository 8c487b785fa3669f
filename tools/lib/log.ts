/** Where progress goes: standard error, so that standard output holds only what a command answers. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Work that can say how far it is. */
export type Action<T> = (update: (detail: string) => void) => Promise<T>;

/** Reports what is being done and for how long. Times are whole seconds or tenths below 10 s. */
export interface Log {
  /** One line, at once. */
  info(text: string): void;
  /**
   * Runs `action`; while it runs, a terminal shows one line in place with the elapsed time, anything else gets
   * a line every 15 s. `update` sets the detail that these show. Start and end are not announced.
   */
  track<T>(title: string, action: Action<T>): Promise<T>;
  /** `track` between a start and a finish line; the latter says `done` or `failed`, and the elapsed time. */
  step<T>(title: string, action: Action<T>): Promise<T>;
}

const HEARTBEAT_MS = 15_000;
const REDRAW_MS = 500;

interface Active {
  readonly title: string;
  readonly start: number;
  detail: string;
}

/** Seconds for people: `0.4 s`, `38 s`, `5 min 02 s`. */
export function formatElapsed(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** A log on `stream`, by default standard error. Several steps may run at once. */
export function createLog(stream: ProgressStream = process.stderr): Log {
  const active = new Set<Active>();
  const inPlace = stream.isTTY === true;
  let timer: NodeJS.Timeout | undefined;

  const describe = (step: Active): string => {
    const detail = step.detail === "" ? "" : ` (${step.detail})`;
    return `${step.title}${detail} ${formatElapsed(performance.now() - step.start)}`;
  };
  const clear = (): void => {
    if (inPlace && active.size > 0) stream.write("\r\x1b[K");
  };
  const draw = (): void => {
    if (!inPlace || active.size === 0) return;
    const line = [...active].map(describe).join(" · ");
    stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 80) - 1)}`);
  };
  const print = (line: string): void => {
    clear();
    stream.write(`${line}\n`);
    draw();
  };
  const tick = (): void => {
    if (inPlace) draw();
    else for (const step of active) stream.write(`  ... ${describe(step)}\n`);
  };
  const track = async <T>(title: string, action: Action<T>): Promise<T> => {
    const step: Active = { title, start: performance.now(), detail: "" };
    active.add(step);
    timer ??= setInterval(tick, inPlace ? REDRAW_MS : HEARTBEAT_MS);
    try {
      return await action((detail) => {
        step.detail = detail;
      });
    } finally {
      clear();
      active.delete(step);
      if (active.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
      draw();
    }
  };
  const step = async <T>(title: string, action: Action<T>): Promise<T> => {
    const start = performance.now();
    let outcome = "failed";
    print(`> ${title}`);
    try {
      const result = await track(title, action);
      outcome = "done";
      return result;
    } finally {
      print(`  ${outcome} ${title} (${formatElapsed(performance.now() - start)})`);
    }
  };
  return { info: print, track, step };
}
