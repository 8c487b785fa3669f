import { createHash } from "node:crypto";
import { TransientError } from "@mlops/mlflow";
import type { Condition, ObjectStore } from "@mlops/registry";

/** What befalls one operation of the store. */
export type Fault = "none" | "request lost" | "answer lost" | "crash before" | "crash after";

/** The process ended here: nothing of it goes on. */
export class Crash extends Error {}

/**
 * A conditional object store in memory. `fault` says what befalls the next operation; a lost answer leaves the
 * write done, as a broken connection does.
 */
export class MemoryStore implements ObjectStore {
  readonly description = "a bucket in memory";
  readonly objects = new Map<string, { body: Uint8Array; etag: string }>();
  /** Called after every write. */
  onWrite: (key: string, body: Uint8Array) => void = () => {};
  fault: () => Fault = () => "none";

  async get(key: string) {
    return this.#at(() => this.objects.get(key));
  }

  async put(key: string, body: Uint8Array, condition?: Condition) {
    return this.#at(() => {
      const current = this.objects.get(key);
      if (condition !== undefined) {
        const holds = "etag" in condition ? current?.etag === condition.etag : current === undefined;
        if (!holds) return undefined;
      }
      const etag = createHash("md5").update(body).digest("hex");
      this.objects.set(key, { body, etag });
      this.onWrite(key, body);
      return etag;
    });
  }

  async list(prefix: string) {
    return this.#at(() =>
      [...this.objects]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, { body }]) => ({ key, size: body.length }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  }

  async remove(key: string) {
    return this.#at(() => {
      this.objects.delete(key);
    });
  }

  #at<T>(action: () => T): T {
    const fault = this.fault();
    if (fault === "crash before") throw new Crash();
    if (fault === "request lost") throw new TransientError("ECONNREFUSED");
    const result = action();
    if (fault === "crash after") throw new Crash();
    if (fault === "answer lost") throw new TransientError("ECONNRESET");
    return result;
  }
}
