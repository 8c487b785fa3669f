import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "./context.ts";
import { requireFree } from "./files.ts";
import type { GoBuild, ToolSpec } from "./lockSchema.ts";
import { requireRuns } from "./probe.ts";
import type { Staging } from "./store.ts";
import { fits } from "./version.ts";

/** A Go command, or why there is none. `version` is undefined when Go is missing. */
export interface GoCommand {
  readonly path: string | undefined;
  readonly version: string | undefined;
  /** GOTOOLCHAIN: with `local` this Go cannot fetch a newer one for a module that needs it. */
  readonly toolchain: string | undefined;
}

/** Go 1.21 is the first that fetches the version that a module asks for. */
const SELF_UPDATING = ">=1.21.0";
/** A cold build of the largest tool adds about this much to Go's module and build caches. */
const BUILD_DISK_BYTES = 5 * 1024 ** 3;

export async function findGo(context: Context): Promise<GoCommand> {
  for (const folder of [...context.searchPath, ...context.goFolders]) {
    const path = join(folder, "go");
    if (!existsSync(path)) continue;
    try {
      const answer = await context.exec(path, ["env", "GOVERSION", "GOTOOLCHAIN"], { timeoutMs: 15_000 });
      const [version, toolchain] = answer.stdout.trim().split("\n");
      return { path, version: version?.replace(/^go/, ""), toolchain };
    } catch {
      // A shim without a Go behind it: look further along PATH.
    }
  }
  return { path: undefined, version: undefined, toolchain: undefined };
}

/** The Go version that the module asks for. */
function goDirective(context: Context, build: GoBuild): string {
  const text = readFileSync(join(context.goModulesDir, build.module, "go.mod"), "utf8");
  return /^go (\d+\.\d+\.\d+)$/m.exec(text)?.[1] ?? "1.21.0";
}

/** The newest Go version that any module of the lock asks for. */
export function requiredGo(context: Context): string {
  const builds = Object.values(context.lock.tools).flatMap((spec) => spec.go ?? []);
  return builds
    .map((build) => goDirective(context, build))
    .reduce((newest, version) => (fits(version, `>=${newest}`) ? version : newest), "1.21.0");
}

/** undefined if `go` can build the module, else why it cannot. */
export function goProblem(context: Context, go: GoCommand, build: GoBuild): string | undefined {
  if (go.path === undefined || go.version === undefined) return "no Go is installed";
  const needed = goDirective(context, build);
  if (fits(go.version, `>=${needed}`)) return undefined;
  if (fits(go.version, SELF_UPDATING) && go.toolchain !== "local") return undefined;
  const barred = go.toolchain === "local" ? " and GOTOOLCHAIN=local keeps it from fetching a newer one" : "";
  return `Go ${needed} is needed, ${go.version} is installed${barred}`;
}

/**
 * Builds the tool from its pinned Go module into the staging's `binDir`. go.sum pins every module by hash, so
 * nothing but the recorded source is compiled and no setting of the checksum database needs to be relaxed (seen
 * with empty caches). Throws ExecError when the build fails, Error when the disk is too small.
 */
export async function buildTool(
  context: Context,
  go: GoCommand,
  { name, spec, build }: { name: string; spec: ToolSpec; build: GoBuild },
  { binDir, workDir }: Staging,
  update: (detail: string) => void,
): Promise<void> {
  const command = go.path ?? "go";
  const env = buildEnvironment();
  const cache = (await context.exec(command, ["env", "GOCACHE"], { env })).stdout.trim();
  requireFree(cache, BUILD_DISK_BYTES, `Building ${name}`);
  requireFree(context.cacheDir, BUILD_DISK_BYTES / 5, `Installing ${name}`);

  // A copy, because a checkout may be read-only and generated files must not appear in it.
  const module = join(workDir, build.module);
  cpSync(join(context.goModulesDir, build.module), module, { recursive: true });
  await generateFiles(context, command, build, module, env);
  const target = join(binDir, name);
  const args = ["build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false"];
  let packages = 0;
  await context.exec(command, [...args, "-ldflags", build.ldflags.join(" "), "-o", target, build.package], {
    cwd: module,
    env,
    onLine: (line, stream) => {
      if (stream !== "stderr") return;
      if (line.startsWith("go: downloading ")) update(line.slice("go: ".length));
      else update(`${++packages} packages compiled`);
    },
  });
  await requireRuns(context, target, spec);
}

/** Settings of the user's shell that would make another binary of the same recipe are taken out. */
function buildEnvironment(): Record<string, string | undefined> {
  return {
    CGO_ENABLED: "0",
    GOWORK: "off",
    GOFLAGS: "",
    GOOS: undefined,
    GOARCH: undefined,
    GOEXPERIMENT: undefined,
  };
}

async function generateFiles(
  context: Context,
  command: string,
  build: GoBuild,
  module: string,
  env: Record<string, string | undefined>,
): Promise<void> {
  for (const file of build.generate ?? []) {
    await context.exec(command, ["mod", "download", file.fromModule], { cwd: module, env });
    const list = ["list", "-m", "-f", "{{.Dir}}", file.fromModule];
    const source = (await context.exec(command, list, { cwd: module, env })).stdout.trim();
    const json = JSON.parse(readFileSync(join(source, file.file), "utf8")) as Record<string, unknown>;
    writeFileSync(join(module, file.to), JSON.stringify({ ...json, ...file.set }));
  }
}
