import { readFileSync } from "node:fs";

/** Numbers of the cores that this process may use; a container may have only some of the machine's. */
export function allowedCores(status: string = readFileSync("/proc/self/status", "utf8")): number[] {
  const [, list = "0"] = /^Cpus_allowed_list:\s*(\S+)/m.exec(status) ?? [];
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
