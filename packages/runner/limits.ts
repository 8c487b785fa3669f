/** Room for work of different sizes; whoever came first is served first, so nothing big waits for ever. */
export class Room {
  private free: number;
  private readonly capacity: number;
  private readonly waiting: { readonly size: number; readonly enter: () => void }[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
    this.free = capacity;
  }

  /** Waits for room, runs `work`, and makes room again. Work that is bigger than the room takes all of it. */
  async within<T>(size: number, work: () => Promise<T>): Promise<T> {
    const taken = Math.min(size, this.capacity);
    await this.enter(taken);
    try {
      return await work();
    } finally {
      this.free += taken;
      this.admit();
    }
  }

  private enter(size: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.push({ size, enter: resolve });
    this.admit();
    return promise;
  }

  private admit(): void {
    for (let next = this.waiting[0]; next !== undefined && next.size <= this.free; next = this.waiting[0]) {
      this.waiting.shift();
      this.free -= next.size;
      next.enter();
    }
  }
}

/** Milliseconds of a duration as Argo writes it: `90s`, `5m`, `1h`; a bare number is seconds. */
export function milliseconds(duration: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, "": 1000 };
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|)$/.exec(duration);
  if (match === null) throw new Error(`"${duration}" is no duration`);
  return Number(match[1]) * (units[match[2] ?? ""] ?? 1000);
}

/** Cores of a Kubernetes quantity: `500m` is 0.5. */
export function cores(quantity: string): number {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(quantity);
  if (match === null) return 1;
  return Number(match[1]) / (match[2] === "m" ? 1000 : 1);
}
