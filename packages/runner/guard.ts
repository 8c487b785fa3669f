import { type ChildProcess, spawn } from "node:child_process";

/**
 * Reads `+ GROUP` and `- GROUP`; at the end of its input, ends the groups that are left: asks first, then kills.
 * A shell, because it must outlive this process and be ready at once.
 */
const script = `
trap '' INT TERM HUP
groups=
while read -r sign group; do
  left=
  for other in $groups; do [ "$other" = "$group" ] || left="$left $other"; done
  groups=$left
  [ "$sign" = "-" ] || groups="$groups $group"
done
[ -n "$groups" ] || exit 0
for group in $groups; do kill -s TERM -- "-$group"; done
sleep "$0"
for group in $groups; do kill -s KILL -- "-$group"; done
`;

/** Seconds between asking and killing. */
const GRACE = 5;

let guard: ChildProcess | undefined;

/** Starts the guard, if there is none. To be called before what it guards is started, or a kill could come between. */
function running(): ChildProcess {
  if (guard === undefined) {
    guard = spawn("sh", ["-c", script, String(GRACE)], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    });
    // It is there for the death of this process, and must neither delay its end nor break it by its own.
    guard.on("error", () => undefined);
    guard.stdin?.on("error", () => undefined);
    guard.unref();
    (guard.stdin as unknown as { unref(): void }).unref();
  }
  return guard;
}

/**
 * Starts a process that leads a group of its own, and has the whole group ended when this process is gone, however it
 * goes: steps of a runner that was killed would go on beside those of the run that resumes it. Whoever has seen the
 * group end says so by `release`.
 */
export function spawnGuarded(start: () => ChildProcess): { readonly child: ChildProcess; release(): void } {
  const input = running().stdin;
  const child = start();
  const { pid } = child;
  if (pid === undefined) return { child, release: () => undefined };
  input?.write(`+ ${pid}\n`);
  return { child, release: () => input?.write(`- ${pid}\n`) };
}
