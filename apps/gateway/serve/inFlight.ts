/** Requests under way by model and version: from their resolution until their answer's last byte. */
export class InFlight {
  readonly #counts = new Map<string, Map<string, number>>();
  #total = 0;

  /** Counts one request; the result ends it, once however often it is called. */
  begin(model: string, servedName: string): () => void {
    const versions = this.#counts.get(model) ?? new Map<string, number>();
    this.#counts.set(model, versions);
    versions.set(servedName, (versions.get(servedName) ?? 0) + 1);
    this.#total++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#total--;
      const left = (versions.get(servedName) ?? 1) - 1;
      if (left > 0) versions.set(servedName, left);
      else versions.delete(servedName);
    };
  }

  get total(): number {
    return this.#total;
  }

  /** Counts by version; versions without requests are left out. */
  of(model: string): Record<string, number> {
    return Object.fromEntries(this.#counts.get(model) ?? []);
  }

  /** Models with requests under way. */
  models(): string[] {
    return [...this.#counts].filter(([, versions]) => versions.size > 0).map(([model]) => model);
  }
}
