import { appendFileSync, readFileSync } from "node:fs";
import { z } from "zod";

const entrySchema = z.strictObject({
  operation: z.enum(["create", "update", "delete"]),
  type: z.string(),
  name: z.string(),
});

/** One thing that AWS would have done. */
export type Entry = z.infer<typeof entrySchema>;

/** Appends an entry, one JSON object a line; does nothing where nobody asked for a journal. */
export function record(file: string | undefined, entry: Entry): void {
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(entry)}\n`);
}

/** All entries in their order. */
export function readJournal(file: string): Entry[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => entrySchema.parse(JSON.parse(line)));
}
