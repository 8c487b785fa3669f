#!/usr/bin/env node
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { platformContext, readStackConfig } from "../platform.ts";
import { run } from "./run.ts";

const projectFolder = `${import.meta.dirname}/../..`;

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of a pipe may stop early, as head does.
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await run(process.argv.slice(2), {
  open: (file) => (file === "-" ? process.stdin : createReadStream(file)),
  print: (text) => process.stdout.write(text),
  list: async (folder) => (await readdir(folder)).toSorted(),
  stackContext: (stack) => {
    const config = readStackConfig(stack, projectFolder);
    return config && platformContext(stack, config);
  },
  today: () => new Date().toISOString().slice(0, 10),
  complain: (text) => process.stderr.write(text),
});
