import { grade } from "@mlops/gates";
import { formatJson, type ObjectStore, parseJson } from "@mlops/registry";
import { z } from "zod";
import { type Grading, gradingKey, type Judge } from "./judge.ts";
import type { GradedItem } from "./prompt.ts";

const stored = z.object({ grade, reason: z.string() });

/**
 * A judge that is asked for each grading once: what it said is kept in the object store under the hash of all that it
 * read and the replicate's number. So an evaluation that was interrupted goes on where it was, and the same answer of
 * two models gets the same grade; an independent second grading has a number, and so a key, of its own.
 */
export class CachedJudge {
  readonly #judge: Judge;
  readonly #store: ObjectStore;
  /** How many gradings were asked for, and how many of them the store had. */
  readonly counts = { asked: 0, cached: 0 };

  constructor(judge: Judge, store: ObjectStore) {
    this.#judge = judge;
    this.#store = store;
  }

  async grade(item: GradedItem, replicate: number): Promise<Grading> {
    const key = `judge-cache/${gradingKey(this.#judge.model, item, replicate)}.json`;
    this.counts.asked++;
    const found = await this.#store.get(key);
    if (found !== undefined) {
      this.counts.cached++;
      return parseJson(found.body, stored, `${key} in ${this.#store.description}`);
    }
    const grading = await this.#judge.grade(item, replicate);
    // What could not be read may be readable next time.
    if (grading.grade !== null) await this.#store.put(key, formatJson(grading));
    return grading;
  }
}
