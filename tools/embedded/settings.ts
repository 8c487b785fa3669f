import { z } from "zod";
import { readIfExists, writePrivateJson } from "./files.ts";
import type { Layout } from "./layout.ts";
import { defaultNodes, type NodeDescription, nodeDescriptionSchema } from "./nodeDescription.ts";

const settingsSchema = z.strictObject({
  nodes: nodeDescriptionSchema,
  podStartDelay: z.number().min(0).max(3600),
  services: z.boolean(),
});

/**
 * Seconds until a scheduled pod runs, from text; undefined where there is none.
 *
 * @throws Error naming `source` when it is no such number.
 */
export function podStartDelayOf(text: string | undefined, source: string): number | undefined {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  if (text.trim() !== "" && seconds >= 0 && seconds <= 3600) return seconds;
  throw new Error(`${source} ${text}: must be a number of seconds from 0 to 3600`);
}

/** What the last start was asked for. */
export type Settings = z.infer<typeof settingsSchema>;

export interface SettingsChange {
  readonly nodes?: NodeDescription | undefined;
  readonly podStartDelay?: number | undefined;
  readonly services: boolean;
}

/** The settings of the last start, or undefined before the first. */
export function readSettings(layout: Layout): Settings | undefined {
  const text = readIfExists(layout.settings);
  if (text === undefined) return undefined;
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(
      `${layout.settings} is damaged; remove the file and start again with the --nodes and ` +
        "--pod-start-delay that the cluster had",
    );
  }
}

/** Stores and returns the settings of this start: those of the last one, changed. */
export function updateSettings(layout: Layout, change: SettingsChange): Settings {
  const last = readSettings(layout);
  const settings = settingsSchema.parse({
    nodes: change.nodes ?? last?.nodes ?? defaultNodes,
    podStartDelay: change.podStartDelay ?? last?.podStartDelay ?? 0,
    services: change.services,
  });
  writePrivateJson(layout.settings, settings);
  return settings;
}
