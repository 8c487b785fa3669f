import { isObject, listAt, objectAt, type Path, valueAt } from "../json.ts";
import type { JsonObject } from "../types.ts";
import type { Located } from "./podTemplate.ts";

/** An Argo template as it runs: with the workflow's `templateDefaults` merged in. */
export interface WorkflowTemplate extends Located {
  /** Objects of one of its lists, each with the place it comes from: the template or the defaults. */
  readonly objectsIn: (...field: string[]) => Located[];
}

/** Deeper inline templates do not exist in Argo; the bound keeps hostile input from exhausting the stack. */
const MAXIMUM_NESTING = 16;

/** Every template of a workflow spec at a path, inline ones included. */
export function workflowTemplates(object: unknown, specPath: Path): WorkflowTemplate[] {
  const workflow = objectAt(object, ...specPath);
  const defaults = { path: [...specPath, "templateDefaults"], value: objectAt(workflow, "templateDefaults") };
  const listed = listAt(workflow, "templates").flatMap((value, index) =>
    withInline(value, [...specPath, "templates", index], 0),
  );
  // Without templates of its own the defaults fill in those of a referenced workflow: judge them alone.
  if (listed.length === 0) return [mergeDefaults(defaults, { ...defaults, value: {} }, () => true)];
  return listed.map((template) =>
    mergeDefaults(
      defaults,
      template,
      (field) => !WORK.includes(field) || Object.hasOwn(template.value, field),
    ),
  );
}

function withInline(value: unknown, path: Path, depth: number): Located[] {
  if (!isObject(value) || depth > MAXIMUM_NESTING) return [];
  const steps = listAt(value, "steps").flatMap((group, i) =>
    // A group of one step may be written without its list.
    Array.isArray(group)
      ? group.map((step, j) => ({ step, at: [...path, "steps", i, j] }))
      : [{ step: group, at: [...path, "steps", i] }],
  );
  const tasks = listAt(value, "dag", "tasks").map((step, i) => ({ step, at: [...path, "dag", "tasks", i] }));
  const inline = [...steps, ...tasks].flatMap(({ step, at }) =>
    withInline(valueAt(step, "inline"), [...at, "inline"], depth + 1),
  );
  return [{ path, value }, ...inline];
}

/** Kinds of work a template can be; defaults never change which one it is. */
const WORK = [
  "container",
  "script",
  "containerSet",
  "resource",
  "http",
  "plugin",
  "data",
  "steps",
  "dag",
  "suspend",
];

function mergeDefaults(
  defaults: Located,
  template: Located,
  keeps: (field: string) => boolean,
): WorkflowTemplate {
  const kept = Object.fromEntries(Object.entries(defaults.value).filter(([field]) => keeps(field)));
  const value = merge(kept, template.value, 0);
  return {
    path: template.path,
    value,
    // The template's own elements stand first in a merged list, in their order.
    objectsIn: (...field) => {
      const own = listAt(template.value, ...field).length;
      const ofDefaults = new Map(listAt(defaults.value, ...field).map((element, index) => [element, index]));
      return listAt(value, ...field).flatMap((element, index) => {
        if (!isObject(element)) return [];
        const path =
          index < own
            ? [...template.path, ...field, index]
            : [...defaults.path, ...field, ofDefaults.get(element) ?? 0];
        return [{ path, value: element }];
      });
    },
  };
}

/** Merges as Argo's strategic merge does: objects by key, lists by their elements' key, the template wins. */
function merge(base: JsonObject, over: JsonObject, depth: number): JsonObject {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const under = base[key];
    if (isObject(under) && isObject(value) && depth < MAXIMUM_NESTING) {
      result[key] = merge(under, value, depth + 1);
    } else if (Array.isArray(under) && Array.isArray(value)) {
      result[key] = mergeLists(under, value, depth);
    } else {
      result[key] = value;
    }
  }
  return result;
}

/** Lists of named objects merge by name, tolerations by key; other lists are replaced whole. */
function mergeLists(base: readonly unknown[], over: readonly unknown[], depth: number): unknown[] {
  const byKey = new Map(base.map((element) => [keyOf(element), element]));
  const stated = new Set(over.map(keyOf));
  const merged = over.map((element) => {
    const key = keyOf(element);
    const under = key === undefined ? undefined : byKey.get(key);
    return isObject(under) && isObject(element) && depth < MAXIMUM_NESTING
      ? merge(under, element, depth + 1)
      : element;
  });
  const others = base.filter((element) => {
    const key = keyOf(element);
    return key !== undefined && !stated.has(key);
  });
  return [...merged, ...others];
}

function keyOf(element: unknown): string | undefined {
  const key = valueAt(element, "name") ?? valueAt(element, "key");
  return typeof key === "string" ? key : undefined;
}
